"""Bits of the weights: the page, its CSV and its plot, from made-up figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from compressor.bench.store import MalformedResult
from compressor.report import weight_bits

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def measured(raw: Path) -> Path:
    """A folder with two measurements of one run, and one of another."""
    for name, date, points in (
        ("big", "2020-01-01", [(8, 9_000_000, 1.2), (4, 4_000_000, 1.3), (3, 3_500_000, 1.6)]),
        ("big", "2020-01-02", [(8, 8_000_000, 1.2), (4, 4_000_000, 1.3), (3, 3_000_000, 1.5)]),
        ("little", "2020-01-01", [(8, 3_000_000, 1.5), (4, 1_500_000, 1.55)]),
    ):
        figures = [
            {
                "bits": bits,
                "file_bytes": size,
                "xz_bytes": size + 9,
                "bits_per_char": rate,
                "bits_per_char_network_alone": 2,
            }
            for bits, size, rate in points
        ]
        facts = {"kind": "weight-bits", "checkpoint": name, "parameters": 8_000_000, "date": date}
        path = raw / f"weight-bits-{name}-{date}.json"
        path.write_text(json.dumps({**facts, "points": figures}))
    return raw


def test_the_newest_measurement_of_each_run_is_taken_and_the_least_total_found(
    measured: Path,
) -> None:
    points = weight_bits.load(measured)
    assert list(points["checkpoint"]) == ["big"] * 3 + ["little"] * 2
    assert list(points["bits"]) == [8, 4, 3, 8, 4]
    assert set(points["file"]) == {
        "weight-bits-big-2020-01-02.json",
        "weight-bits-little-2020-01-01.json",
    }
    best = points[points["best"] == 1]
    assert list(best["bits"]) == [4, 4]
    assert list(best["enwik8_total_projected"]) == [20_250_000, 20_875_000]


@pytest.mark.slow
def test_page_csv_and_plot(measured: Path, tmp_path: Path) -> None:
    paths = weight_bits.write_all(weight_bits.load(measured), tmp_path / "out")
    names = ["weight-bits.csv", "weight-bits.md", "weight-bits.png"]
    assert [path.name for path in paths] == names
    lines = list(csv.DictReader(paths[0].read_text().splitlines()))
    assert [line["best"] for line in lines] == ["0", "1", "0", "0", "1"]
    assert (lines[1]["bits"], lines[1]["enwik8_total_projected"]) == ("4", "20250000")
    text = paths[1].read_text()
    assert "big at 4 bits, 20,250,000 bytes" in text
    assert "| **4** | 4,000,000 | 4.00 | 4,000,009 | 1.3000 | 2.0000 |" in text
    assert "**20,250,000**" in text
    picture = paths[2].read_bytes()
    assert weight_bits.write_all(weight_bits.load(measured), tmp_path / "out") == paths
    assert paths[2].read_bytes() == picture


def test_files_go_where_nothing_was_measured(raw: Path, tmp_path: Path) -> None:
    for suffix in (".csv", ".md", ".png"):
        (tmp_path / f"weight-bits{suffix}").touch()
    (tmp_path / "other.md").touch()
    assert weight_bits.write_all(weight_bits.load(raw), tmp_path) == []
    assert [path for path in tmp_path.iterdir() if path.is_file()] == [tmp_path / "other.md"]


@pytest.mark.parametrize(
    "change", [{"checkpoint": None}, {"points": [{"bits": 8}]}, {"points": "many"}]
)
def test_a_malformed_measurement_is_named(measured: Path, change: dict[str, object]) -> None:
    path = measured / "weight-bits-little-2020-01-01.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(MalformedResult, match=r"weight-bits-little-2020-01-01\.json.*: restore"):
        weight_bits.load(measured)


def test_the_committed_page_is_of_the_committed_measurements() -> None:
    points = weight_bits.load(ROOT / "results" / "raw")
    kept = (ROOT / "results" / "ablations" / "weight-bits.md").read_text()
    assert kept == weight_bits.page(points), "run `kolmozip bench report`"
