"""How figures are saved and told apart."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from compressor.report.plots.style import add_legend, key, line_looks, new_axes, save, styled


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_a_figure_gives_the_same_bytes_each_time(tmp_path: Path, suffix: str) -> None:
    paths = []
    for name in ("one", "other"):
        with styled():
            figure, axes = new_axes(2)
            axes.plot([1, 2], [2, 1])
            add_legend(figure, [key("a", "#000000", marker="o")])
            paths.append(save(figure, tmp_path / f"{name}{suffix}"))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert b"matplotlib" not in paths[0].read_bytes().lower() or suffix == ".svg"


def test_lines_look_different() -> None:
    assert len(set(itertools.islice(line_looks(), 20))) == 20
