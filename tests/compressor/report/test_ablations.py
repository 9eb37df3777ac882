"""The ablations' page and CSV: they follow from the JSON of the runs alone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compressor.report import ablations
from compressor.report.ablation_series import load

ROOT = Path(__file__).resolve().parents[3]
Flat = Callable[[str], str]


@pytest.fixture
def text(keep: Any) -> Callable[[], str]:
    """The page of what has been kept."""
    return lambda: ablations.page(load(keep.raw), [])


def test_the_table_holds_each_mean_against_the_base_and_names_missing_seeds(
    keep: Any, text: Callable[[], str], flat: Flat
) -> None:
    keep.ablations()
    about = "the shipped network, smaller"
    assert (
        f"| swiglu | {about} | 2 of 3 (no seed 1) | 2.0150 | +1.00 % | +1.00 % to +1.01 % |"
    ) in text()
    assert f"| **base** | {about} | 3 | 2.0000 | - | - | 1,000,000 | 400,000 |" in text()
    assert "| 600,000 (differ) | 0 |" in text()
    assert "the change against the base varies by 0.01 %" in flat(text())
    assert "- mlp: relu2\n" in text().split("## Not run yet")[1]
    headings = [line for line in text().splitlines() if line.startswith("## ")]
    assert headings == ["## mlp", "## n-grams", "## Not run yet", "## Runs"]


def test_a_failed_seed_is_shown_as_one(keep: Any, text: Callable[[], str]) -> None:
    keep.ablation()
    nothing = {"bits_per_char": None, "step_ms": None, "kb_per_s": None}
    keep.ablation(seed=1, reason="the loss is not finite", **nothing)
    assert "1 of 3 (no seed 2, seed 1 failed)" in text()
    assert "| base | 1 | 0.01 | failed: the loss is not finite | 70 | - |" in text()


def test_other_settings_stand_apart(keep: Any, text: Callable[[], str]) -> None:
    keep.ablation()
    keep.ablation(seed=1)
    setting = {**keep.ABLATION["setting"], "learning_rate": 0.02}
    keep.ablation(setting=setting, bits_per_char=1.5)
    others = text().split("## Other settings")[1]
    seeds = "1 of 3 (no seed 1, no seed 2)"
    line = f"| made-up | 3,000,000 | 16 x 256 | 0.02 | base | {seeds} | 1.5000 | - |"
    assert line in others


def test_without_the_base_the_page_says_so(keep: Any, text: Callable[[], str], flat: Flat) -> None:
    keep.ablation(group="mlp", name="swiglu")
    assert "The base has no run yet" in flat(text())


def test_without_runs_the_page_says_so(text: Callable[[], str], keep: Any) -> None:
    assert "Nothing has been run yet" in text()
    assert ablations.as_csv(load(keep.raw)).startswith("corpus,valid_bytes,total_bytes,")


def test_the_csv_has_a_line_an_experiment(keep: Any) -> None:
    keep.ablations()
    lines = list(csv.DictReader(ablations.as_csv(load(keep.raw)).splitlines()))
    assert [line["name"] for line in lines] == ["base", "swiglu", "none"]
    swiglu = lines[1]
    rates = (swiglu["bits_per_char"], swiglu["lowest"], swiglu["highest"])
    assert rates == ("2.015", "2.01", "2.02")
    assert (swiglu["against_base_percent"], swiglu["seeds"], swiglu["seeds_missing"]) == (
        "1.003",
        "2",
        "1",
    )
    assert (swiglu["total_bytes"], swiglu["model"]) == ("3000000", '{"width": 160, "hidden": 288}')


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes(keep: Any, tmp_path: Path) -> None:
    keep.ablations()
    paths = [ablations.build(keep.raw, tmp_path / name) for name in ("one", "other")]
    assert [path.name for path in paths[0]] == [
        "ablations.csv",
        "ablations.md",
        "ablations.png",
        "ablations-time.png",
    ]
    assert [path.read_bytes() for path in paths[0]] == [path.read_bytes() for path in paths[1]]
    images = [line for line in paths[0][1].read_text().splitlines() if line.startswith("![")]
    assert images == ["![ablations](ablations.png)", "![ablations-time](ablations-time.png)"]


def test_the_committed_tables_are_those_of_the_committed_runs() -> None:
    series, kept = load(ROOT / "results" / "raw"), ROOT / "results" / "ablations"
    pages = {
        "ablations.csv": ablations.as_csv(series),
        "ablations.md": ablations.page(series, ["ablations.png", "ablations-time.png"]),
    }
    for name, content in pages.items():
        remedy = f"{name}: run `kolmozip train ablate --report-only`"
        assert (kept / name).read_text() == content, remedy
    assert {path.name for path in kept.glob("ablations*.png")} == {
        "ablations.png",
        "ablations-time.png",
    }
