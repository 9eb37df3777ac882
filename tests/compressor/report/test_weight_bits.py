"""Packing by command, with its card; the measurement of precisions, and its page, table and plot from made-up figures."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import Result

from compressor.bench import records as rows
from compressor.codec import weights_file as packing
from compressor.report import build as report
from compressor.report import weight_bits
from compressor.training import pack as pack_command
from compressor.training.metering import metered
from data.lanes import lane_count, to_columns
from models.integer import weights as wt
from models.integer.config import PRESETS
from models.network.precision import coarsen
from models.network.quantise import quantise

GOLDEN = Path(__file__).parents[2] / "golden" / "nano.kzw"
NANO = PRESETS["nano"]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def params() -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, _, shape in wt.layout(NANO):
        *block, leaf = name.split(".")
        if leaf != "exponent":
            values = jnp.asarray(
                np.random.default_rng(len(name)).normal(0, 0.1, shape), jnp.float32
            )
            (tree.setdefault(block[0], {}) if block else tree)[leaf] = values
    return tree


@pytest.fixture
def run(tmp_path: Path, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run trained for 6 bits; its weights are made up."""
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    card = {
        "name": "mine",
        "preset": "nano",
        "identity": "ab" * 8,
        "corpus": "made-up",
        "steps": 7,
        "weight_bits": 6.0,
        "valid_bits_per_char_estimate": 2.5,
        "test5m_bits_per_char": 2.4,
        "test5m_bytes": 1_500_000,
    }
    (folder / "mine.json").write_text(json.dumps(card))
    monkeypatch.setattr(pack_command, "float_weights", lambda _: (NANO, coarsen(params, 6), 6.0))
    return folder


def card_of(path: Path) -> dict[str, Any]:
    return json.loads(path.with_suffix(".json").read_text())


def test_a_run_is_packed_at_its_own_bits_with_its_card(
    cli: Run, run: Path, tmp_path: Path, params: dict[str, Any]
) -> None:
    target = tmp_path / "out.kzw"
    result = cli("pack", run, "-o", target)
    assert (result.exit_code, result.stdout) == (0, "")
    data, card = target.read_bytes(), card_of(target)
    assert data == packing.pack(quantise(NANO, coarsen(params, 6)))
    assert card["identity"] == wt.identity(data).hex()
    assert (card["name"], card["weight_bits"], card["packed_from"]) == ("out", 6.0, "ab" * 8)
    assert (card["file_bytes"], card["parameters"], card["steps"]) == (
        len(data),
        NANO.parameters(),
        7,
    )
    assert card["valid_bits_per_char_estimate"] == 2.5


def test_coarser_weights_lose_the_figures_of_the_finer_ones(
    cli: Run, run: Path, tmp_path: Path
) -> None:
    cli("pack", run, "-o", tmp_path / "six.kzw")
    cli("pack", run, "-b", 3, "-o", tmp_path / "three.kzw")
    card = card_of(tmp_path / "three.kzw")
    assert card["weight_bits"] == 3.0
    assert card["steps"] == 7
    assert not [name for name in card if "bits_per_char" in name or name == "test5m_bytes"]
    assert (tmp_path / "three.kzw").stat().st_size < 0.75 * (tmp_path / "six.kzw").stat().st_size


def test_more_bits_than_a_run_was_trained_for_are_not_to_be_had(
    cli: Run, run: Path, tmp_path: Path
) -> None:
    cli("pack", run, "-b", 8, "-o", tmp_path / "eight.kzw")
    cli("pack", run, "-o", tmp_path / "own.kzw")
    assert (tmp_path / "eight.kzw").read_bytes() == (tmp_path / "own.kzw").read_bytes()
    assert card_of(tmp_path / "eight.kzw")["weight_bits"] == 6.0


def test_an_older_file_is_rewritten_with_the_same_weights(cli: Run, tmp_path: Path) -> None:
    target = tmp_path / "new.kzw"
    assert cli("pack", GOLDEN, "-o", target).exit_code == 0
    before, after = wt.from_bytes(GOLDEN.read_bytes()), packing.unpack(target.read_bytes())
    assert all(np.array_equal(a, after.arrays[name]) for name, a in before.arrays.items())
    old, card = card_of(GOLDEN), card_of(target)
    assert card["packed_from"] == old["identity"] != card["identity"]
    assert card["weight_bits"] == 8.0
    assert card["valid_bits_per_char_estimate"] == old["valid_bits_per_char_estimate"]


def test_refusals_are_named(
    cli: Run, refusal: Callable[[Result, str], str], run: Path, tmp_path: Path
) -> None:
    refusal(cli("pack", run, "-o", tmp_path / "out.bin"), "UnusableWeights")
    refusal(cli("pack", GOLDEN, "-b", 4, "-o", tmp_path / "out.kzw"), "UnusableWeights")
    (tmp_path / "bad.kzw").write_bytes(GOLDEN.read_bytes()[:-9])
    refusal(cli("pack", tmp_path / "bad.kzw", "-o", tmp_path / "out.kzw"), "UnusableWeights")
    refusal(cli("pack", tmp_path / "bad.kzw", "-o", tmp_path / "bad.kzw"), "OutputExists")
    assert not (tmp_path / "out.kzw").exists()


def test_a_folder_without_a_run_is_refused(
    cli: Run, refusal: Callable[[Result, str], str], tmp_path: Path
) -> None:
    refusal(cli("pack", tmp_path, "-o", tmp_path / "out.kzw"), "InputMissing")


def test_measuring_packs_and_evaluates_each_precision(
    run: Path, tmp_path: Path, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import data.corpora

    few = 3000
    monkeypatch.setattr(data.corpora, "load", lambda _: np.arange(100_000_000, dtype=np.uint8))
    monkeypatch.setattr(weight_bits, "TEXT_BYTES", few)
    facts, path = weight_bits.measure(run, tmp_path / "raw", (8, 4, 3, 4), quiet=True)
    assert json.loads(path.read_text()) == facts
    assert [point["bits"] for point in facts["points"]] == [6, 4, 3]
    text = np.arange(90_000_000, 90_000_000 + few).astype(np.uint8)
    own = coarsen(params, 6)
    for point in facts["points"]:
        coarse = coarsen(own, point["bits"]) if point["bits"] < 6 else own
        weights = quantise(NANO, coarse)
        assert point["file_bytes"] == len(packing.pack(weights))
        assert point["xz_bytes"] == len(wt.to_bytes(weights))
        mixture, alone = metered(
            NANO, coarse, to_columns(text, lane_count(few)), few, lambda _: None
        )
        assert point["bits_per_char"] == round(mixture / few, 5)
        assert point["bits_per_char_network_alone"] == round(alone / few, 5)
    assert rows.load(tmp_path / "raw") == rows.Results([], [], [], [])


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Two measurements of one run, and one of another."""
    folder = tmp_path / "made" / "raw"
    folder.mkdir(parents=True)
    for name, date, points in (
        ("big", "2020-01-01", [(8, 9_000_000, 1.2), (4, 4_000_000, 1.3), (3, 3_500_000, 1.6)]),
        ("big", "2020-01-02", [(8, 8_000_000, 1.2), (4, 4_000_000, 1.3), (3, 3_000_000, 1.5)]),
        ("little", "2020-01-01", [(8, 3_000_000, 1.5), (4, 1_500_000, 1.55)]),
    ):
        made = [
            {
                "bits": b,
                "file_bytes": size,
                "xz_bytes": size + 9,
                "bits_per_char": rate,
                "bits_per_char_network_alone": 2,
            }
            for b, size, rate in points
        ]
        facts = {
            "kind": "weight-bits",
            "checkpoint": name,
            "parameters": 8_000_000,
            "points": made,
            "date": date,
        }
        (folder / f"weight-bits-{name}-{date}.json").write_text(json.dumps(facts))
    return folder


def test_the_newest_measurement_of_each_run_is_taken_and_the_least_total_found(raw: Path) -> None:
    big, little = weight_bits.load(raw)
    assert (big.name, big.date, little.name) == ("big", "2020-01-02", "little")
    assert (big.best.bits, big.best.total) == (4, round(1.3 * 12_500_000) + 4_000_000)
    assert little.best.bits == 4


def test_page_table_and_plot_are_part_of_the_report_and_repeatable(
    raw: Path, tmp_path: Path
) -> None:
    first = report.build(raw, tmp_path / "first", None)
    report.build(raw, tmp_path / "second", None)
    names = [path.name for path in first if path.parent.name == "ablations"]
    assert names == ["weight-bits.csv", "weight-bits.md", "weight-bits.png"]
    for name in names:
        assert (tmp_path / "first" / "ablations" / name).read_bytes() == (
            tmp_path / "second" / "ablations" / name
        ).read_bytes()
    lines = list(
        csv.DictReader(
            (tmp_path / "first" / "ablations" / "weight-bits.csv").read_text().splitlines()
        )
    )
    assert [line["best"] for line in lines] == ["0", "1", "0", "0", "1"]
    text = (tmp_path / "first" / "ablations" / "weight-bits.md").read_text()
    assert "big at 4 bits, 20,250,000 bytes" in text
    assert "**20,250,000**" in text
    shutil.rmtree(raw)
    raw.mkdir()
    report.build(raw, tmp_path / "first", None)
    assert not list((tmp_path / "first" / "ablations").iterdir())


def test_a_malformed_measurement_is_named_and_nothing_is_written(raw: Path, tmp_path: Path) -> None:
    (raw / "weight-bits-x.json").write_text('{"kind": "weight-bits", "points": []}')
    with pytest.raises(rows.MalformedResult, match=r"weight-bits-x\.json.*: restore"):
        report.build(raw, tmp_path / "out", None)
    assert not (tmp_path / "out").exists()
