"""The figure of bits/char against bytes of the weights file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from compressor.report.plots.style import DARK, add_legend, key, line_looks, new_axes, save, styled
from compressor.system.extras import need
from data.splits import SLICES

with need("report"):
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MB_A_BIT = SLICES["enwik8"][1] / 8e6
"""MB of all of enwik8 at one bit/char."""
STEPS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""MB between lines of equal totals, the least first."""
MOST_LINES = 10
FAINT = "#AAAAAA"


def write(points: pd.DataFrame, path: Path) -> Path:
    """Draws the points of `compressor.report.weight_bits.load` into a PNG; returns its path."""
    with styled():
        return save(curves(points), path)


def curves(points: pd.DataFrame) -> Figure:
    """A line a run, its best total filled; dotted lines join what costs enwik8 equally much."""
    figure, axes = new_axes(5.2)
    keys = []
    runs = points.groupby("checkpoint", sort=False)
    for (name, run), (colour, dash) in zip(runs, line_looks(), strict=False):
        sizes, rates = run["file_bytes"] / 1e6, run["bits_per_char_estimate"]
        line: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 1.3}
        circles: dict[str, Any] = {"marker": "o", "markersize": 5, "markerfacecolor": "white"}
        keys += axes.plot(sizes, rates, label=name, zorder=3, **line, **circles)
        best = run["best"] == 1
        axes.plot(sizes[best], rates[best], color=colour, marker="o", markersize=8, zorder=4)
        for bits, x, y in zip(run["bits"], sizes, rates, strict=True):
            look: dict[str, Any] = {"fontsize": 8, "color": colour}
            axes.annotate(f"{bits:g}", (x, y), (4, 4), textcoords="offset points", **look)
    axes.margins(0.08, 0.1)
    _equal_totals(axes)
    axes.set(xlabel="weights file, MB", ylabel="bits/char of float network and memory (estimate)")
    axes.set_title("Bits of the weights: bits/char on a slice of validation text")
    keys.append(key("least projected total", DARK, marker="o", markersize=8))
    keys.append(key("equal projected total for enwik8, MB", FAINT, linestyle=":"))
    add_legend(figure, keys)
    return figure


def _equal_totals(axes: Axes) -> None:
    """Up to ten lines on which payload and weights of all of enwik8 come to the same MB."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    first, last = left + MB_A_BIT * low, right + MB_A_BIT * high
    step = next((step for step in STEPS if (last - first) / step <= MOST_LINES), STEPS[-1])
    for total in step * np.arange(np.ceil(first / step), last // step + 1):
        ends = np.array([left, right])
        rates = (total - ends) / MB_A_BIT
        axes.plot(ends, rates, color=FAINT, linestyle=":", linewidth=0.8, zorder=1)
        start = max(left, total - MB_A_BIT * high)  # where it enters, from the left or from above
        place = start, (total - start) / MB_A_BIT
        if start < right and place[1] > low:
            look: dict[str, Any] = {"fontsize": 7, "color": "#888888", "ha": "left", "va": "top"}
            axes.annotate(f"{total:g}", place, (3, -2), textcoords="offset points", **look)
    axes.set(xlim=(left, right), ylim=(low, high))
