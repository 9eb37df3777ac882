"""The ladder's figures: which are drawn, and what stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor.report.ladder_series import Ladder, load
from compressor.report.plots import ladder as plots


def only(keep: Any) -> Ladder:
    [ladder] = load(keep.raw)
    return ladder


@pytest.mark.usefixtures("undrawn")
def test_what_has_no_data_is_not_drawn_and_what_had_goes(keep: Any, tmp_path: Path) -> None:
    keep.rung()
    assert plots.write(only(keep), tmp_path) == [], "one rung is no comparison"
    keep.controls("0.3M")
    names = [path.name for path in plots.write(only(keep), tmp_path)]
    assert names == ["steps-0-3m.png", "multiply-adds-0-3m.png", "speed.png"]
    keep.controls()
    names = [path.name for path in plots.write(only(keep), tmp_path)]
    assert names[2:] == ["steps-1m.png", "multiply-adds-1m.png", "speed.png", "gap.png"]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == sorted(names)
    assert plots.write(None, tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_rates_stand_against_steps_alone_and_in_the_mixture(keep: Any) -> None:
    keep.controls()
    keep.rung("bpe-4k", mixture_bits_per_char=None, backbone_steps=0.4)
    alone, mixture = plots.against_steps(only(keep).at("1M")).axes
    labels = [{text.get_text() for text in axes.texts} for axes in (alone, mixture)]
    assert labels[0] - labels[1] == {"bpe-4k"}
    assert labels[1] == {"ar", "ar-half", "ar-quarter", "ar-fifth"}


def test_without_a_mixture_there_is_one_drawing(keep: Any) -> None:
    keep.rung(mixture_bits_per_char=None)
    keep.rung("sat-2", mixture_bits_per_char=None)
    figure = plots.against_work(only(keep).at("1M"))
    assert len(figure.axes) == 1
    [legend] = figure.legends
    assert "AR of several sizes" not in [text.get_text() for text in legend.get_texts()]


def test_the_line_of_ar_goes_through_its_sizes(keep: Any) -> None:
    keep.controls(seeds=1)
    keep.rung("sat-2", gap=3, multiply_adds=500_000.0)
    axes = plots.against_work(only(keep).at("1M")).axes[0]
    assert axes.get_xscale() == "log"
    [line] = [line for line in axes.lines if line.get_linestyle() == "--"]
    work, rates = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert (work[0], work[-1]) == pytest.approx((200_000, 1_000_000))
    assert (rates[0], rates[-1]) == pytest.approx((2.24, 2.0))
    assert np.interp(np.log(500_000), np.log(work), rates) == pytest.approx(2.1, abs=0.001)


def test_files_stand_against_both_speeds(keep: Any) -> None:
    keep.controls(seeds=1)
    keep.rung("sat-2")
    there, back = plots.against_speed(only(keep)).axes
    assert {text.get_text() for text in there.texts} == {"ar", "ar-half", "ar-quarter", "ar-fifth"}
    assert ("compress" in there.get_xlabel(), "restore" in back.get_xlabel()) == (True, True)


def test_the_gap_is_a_line_a_rung_with_its_spread(keep: Any) -> None:
    keep.controls("0.3M")
    keep.controls("4M")
    keep.gaps("sat-2", "sat", {"0.3M": (6, 5), "4M": (2, -1)})
    alone, _ = plots.gaps(only(keep)).axes
    lines = [container.lines for container in alone.containers]
    ends = [list(np.asarray(line.get_ydata())) for line, _, _ in lines]
    assert [5.5, 0.5] in [pytest.approx(end) for end in ends]
    assert list(alone.get_xticks()) == [250_000, 4_000_000]
