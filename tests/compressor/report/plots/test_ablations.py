"""The ablations' figures: which are drawn, and what stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compressor.report.ablation_series import load
from compressor.report.plots import ablations as plots


@pytest.mark.usefixtures("undrawn")
def test_the_figure_of_times_goes_where_no_step_was_timed(keep: Any, tmp_path: Path) -> None:
    keep.ablations()
    [series] = load(keep.raw)
    names = [path.name for path in plots.write(series, tmp_path)]
    assert names == ["ablations.png", "ablations-time.png"]
    for path in keep.raw.iterdir():
        path.unlink()
    keep.ablation(step_ms=None)
    [series] = load(keep.raw)
    assert [path.name for path in plots.write(series, tmp_path)] == ["ablations.png"]
    assert [path.name for path in tmp_path.glob("*.png")] == ["ablations.png"]


def test_experiments_stand_by_group_with_their_changes(keep: Any) -> None:
    keep.ablations()
    [series] = load(keep.raw)
    axes = plots.changes(series).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["none", "n-grams", "swiglu", "mlp", "base"], "from below"
    assert [text.get_text() for text in axes.texts] == ["+5.00", "+1.00"]
