"""The curve of bits/char against bytes of the weights file. Style and saving are those of ``compressor.report.plots.leaderboard``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from compressor.report.plots.leaderboard import STYLE, _axes, _legend, _line_looks, _save
from compressor.report.weight_bits import ENWIK8_BYTES, Curve


def write(curves: Sequence[Curve], path: Path) -> Path:
    """Draws all runs into one PNG: the same curves, the same bytes."""
    with style.context(["default", STYLE]):
        return _save(_curves(curves), path, {"Software": None})


def _curves(curves: Sequence[Curve]) -> Figure:
    """A line a run, its best total filled; dotted lines join what costs enwik8 equally much in all."""
    figure, axes = _axes(5.2)
    for curve, (colour, dash) in zip(curves, _line_looks(), strict=False):
        sizes = [point.file_bytes / 1e6 for point in curve.points]
        rates = [point.bits_per_char for point in curve.points]
        axes.plot(
            sizes,
            rates,
            color=colour,
            linestyle=dash,
            linewidth=1.3,
            marker="o",
            markersize=5,
            markerfacecolor="white",
            label=curve.name,
            zorder=3,
        )
        best = curve.best
        axes.plot(
            [best.file_bytes / 1e6],
            [best.bits_per_char],
            color=colour,
            marker="o",
            markersize=8,
            zorder=4,
        )
        for point, x, y in zip(curve.points, sizes, rates, strict=True):
            axes.annotate(
                f"{point.bits:g}",
                (x, y),
                (4, 4),
                textcoords="offset points",
                fontsize=8,
                color=colour,
            )
    axes.margins(0.08, 0.1)
    _equal_totals(axes)
    axes.set(xlabel="weights file, MB", ylabel="bits/char of float network and memory (estimate)")
    axes.set_title("Bits of the weights: bits/char on a slice of validation text")
    keys: list[Line2D] = [*axes.get_lines()[: 2 * len(curves) : 2]]
    keys.append(
        Line2D(
            [],
            [],
            color="#555555",
            marker="o",
            markersize=8,
            linestyle="none",
            label="least projected total",
        )
    )
    keys.append(
        Line2D([], [], color="#AAAAAA", linestyle=":", label="equal projected total for enwik8, MB")
    )
    _legend(figure, keys)
    return figure


def _equal_totals(axes: Axes) -> None:
    """Lines on which payload and weights of all of enwik8 come to the same MB, in steps that give four to ten of them."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    mb = ENWIK8_BYTES / 8e6  # MB a bit/char
    first, last = left + mb * low, right + mb * high
    step = next((s for s in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if (last - first) / s <= 10), 10.0)
    for number in range(int(np.ceil(first / step)), int(last // step) + 1):
        total = number * step
        x = np.array([left, right])
        axes.plot(x, (total - x) / mb, color="#AAAAAA", linestyle=":", linewidth=0.8, zorder=1)
        start = max(
            left, total - mb * high
        )  # where the line enters the frame, from the left or above
        if start < right and (total - start) / mb > low:
            axes.annotate(
                f"{total:g}",
                (start, (total - start) / mb),
                (3, -2),
                textcoords="offset points",
                fontsize=7,
                color="#888888",
                ha="left",
                va="top",
            )
    axes.set(xlim=(left, right), ylim=(low, high))
