"""The whole report: what is written, the same bytes each time, and the committed one is current."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compressor.bench.store import MalformedResult
from compressor.errors import InputMissing
from compressor.report import leaderboard, speculation, transformer
from compressor.report.build import build
from compressor.report.measurements import Measurements, load
from compressor.report.plots import leaderboard as plots

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "results"
BUILD = (
    "import sys, pathlib; from compressor.report.build import build;"
    "build(*map(pathlib.Path, sys.argv[1:]), None)"
)


@pytest.mark.slow
def test_two_builds_are_equal_in_every_byte_also_in_other_processes(
    tmp_path: Path, raw: Path, keep: Any
) -> None:
    keep.one_of_all()
    first = build(raw, tmp_path / "first", None)
    command = [sys.executable, "-c", BUILD, str(raw), str(tmp_path / "second")]
    subprocess.run(command, cwd=ROOT, check=True)
    names = {path.relative_to(tmp_path / "first") for path in first}
    again = [path for path in (tmp_path / "second").rglob("*") if path.is_file()]
    assert names == {path.relative_to(tmp_path / "second") for path in again}
    assert {path.suffix for path in names} == {".html", ".md", ".csv", ".svg", ".png"}
    for name in names:
        one, other = (tmp_path / folder / name for folder in ("first", "second"))
        assert one.read_bytes() == other.read_bytes(), name
    for kind in (*leaderboard.PLOTS, leaderboard.LEARNING_CURVES):
        assert any(path.name.startswith(kind) for path in names), kind


@pytest.mark.usefixtures("undrawn")
def test_everything_is_written_and_nothing_else(tmp_path: Path, raw: Path, keep: Any) -> None:
    keep.ours(weights="0a0b")
    readme, weights = tmp_path / "README.md", tmp_path / "weights"
    readme.write_text("<!-- leaderboard -->\n<!-- /leaderboard -->\n")
    weights.mkdir()
    (weights / "tiny.json").write_text(json.dumps({"identity": "0a0b"}))
    (weights / "tuned.json").write_text(json.dumps({"identity": "ffff"}))
    written = {path.relative_to(tmp_path) for path in build(raw, tmp_path / "out", readme, weights)}
    assert {str(path) for path in written} == {
        *("out/index.html", "out/leaderboard.csv", "out/leaderboard.md", "out/transformer.md"),
        *("out/plots/bits-per-char-test5m.svg", "out/plots/bits-per-char-test5m.png"),
        *("README.md", "weights/tiny.json"),
    }
    assert "| kolmozip tiny |" in readme.read_text()
    assert json.loads((weights / "tiny.json").read_text())["test5m_bytes"] == 900_000
    readme.write_text("no markers\n")
    assert readme not in build(raw, tmp_path / "out", readme)
    assert readme.read_text() == "no markers\n"


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"codec": "x"}', '{"kind": "row"}', '{"kind": "speed", "model": "x"}'),
        {"compressed_bytes": "2000000"},
        {"compressed_bytes": -1},
        {"compressed_bytes": None},
        {"compressed_bytes": True},
        {"status": "probably"},
        {"blocks": [[1, 2, 3]]},
    ],
)
def test_a_malformed_measurement_is_named_and_nothing_is_written(
    tmp_path: Path, raw: Path, keep: Any, text: str | dict[str, Any]
) -> None:
    keep()
    broken = text if isinstance(text, str) else json.dumps({**keep.MEASURED, **text})
    (raw / "row-broken.json").write_text(broken)
    with pytest.raises(MalformedResult, match=r"row-broken\.json.*: (restore|measure)"):
        build(raw, tmp_path / "out", None)
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        build(tmp_path / "none", tmp_path / "out", None)


def test_a_missing_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['pandas'] = None; from compressor.errors import MissingExtra\n"
        "try: import compressor.report.build\n"
        "except MissingExtra as error: sys.exit('kolmozip[report]' not in str(error))\n"
        "sys.exit('no error')"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_reading_rows_needs_no_extra() -> None:
    code = (
        "import sys; from compressor.bench import records;"
        "sys.exit(bool({'pandas', 'matplotlib', 'jax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.fixture(scope="module")
def committed() -> Measurements:
    """The measurements of this repository, beside what it cites."""
    from baselines.cited import cited

    return load(RESULTS / "raw", cited())


def test_the_committed_plots_are_those_of_the_committed_rows(committed: Measurements) -> None:
    drawn = {*plots.figures(committed), speculation.plots.NAME}
    names = {f"{name}{suffix}" for name in drawn for suffix in (".svg", ".png")}
    kept = {path.name for path in (RESULTS / "plots").iterdir()}
    assert kept == names, "run `kolmozip bench report`"


def test_the_committed_pages_are_of_the_committed_rows(committed: Measurements) -> None:
    drafts = speculation.load(RESULTS / "raw")
    assert drafts is not None
    pages = {
        speculation.PAGE: speculation.page(*drafts),
        "leaderboard.md": leaderboard.page(committed, plots.figures(committed)),
        "leaderboard.csv": leaderboard.as_csv(committed),
        "transformer.md": transformer.page(committed),
    }
    for name, text in pages.items():
        assert (RESULTS / name).read_text() == text, f"{name}: run `kolmozip bench report`"
