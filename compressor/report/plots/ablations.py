"""The ablations drawn: the same runs, the same bytes of PNG. Style and saving are those of ``compressor.report.plots.leaderboard``."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from compressor.ablation.experiments import BASE_NAME
from compressor.report.ablations import BASE, Entry, Series
from compressor.report.plots.leaderboard import STYLE, _axes, _legend, _put_labels, _save

EQUAL, DIFFER = ("#0072B2", "o"), ("#E69F00", "s")
"""Colour and marker of experiments at equal parameters, and at others."""
TIMED = (BASE_NAME, "mixer", "mlp", "kan grid")
"""Groups that differ in what a step takes and are held against it."""


def write(series: Series, folder: Path) -> list[Path]:
    """Draws ablations.png and, where steps were timed, ablations-time.png; removes the latter where none was."""
    written = []
    with style.context(["default", STYLE]):
        for name, figure in _figures(series):
            written.append(_save(figure, folder / f"{name}.png", {"Software": None}))
    if (folder / "ablations-time.png") not in written:
        (folder / "ablations-time.png").unlink(missing_ok=True)
    return written


def _figures(series: Series) -> Iterator[tuple[str, Figure]]:
    yield "ablations", _dots(series)
    timed = [
        one
        for one in series.entries.values()
        if one.key[0] in TIMED and series.against(one) and one.median("step_ms")
    ]
    if len(timed) > 1:
        yield "ablations-time", _times(series, timed)


def _look(series: Series, entry: Entry) -> tuple[str, str]:
    return EQUAL if series.equal(entry) else DIFFER


def _dots(series: Series) -> Figure:
    """A line an experiment, by group: mean and reach over seeds of the change against the base."""
    lines: list[tuple[str, Entry | None]] = []
    for group, entries in series.groups():
        lines += [(group, None)] if group != BASE_NAME else []
        lines += [(entry.key[1], entry) for entry in entries if series.against(entry)]
    figure, axes = _axes(1.3 + 0.235 * len(lines))
    base = series.entries[BASE]
    if series.noise is not None:
        axes.axvspan(-series.noise, series.noise, color="#E5E5E5", zorder=0)
    axes.axvline(0, color="#777777", linewidth=1, zorder=1)
    for at, (_, entry) in enumerate(reversed(lines)):
        if entry is not None:
            _dot(axes, series, entry, at)
    axes.set_yticks(range(len(lines)), [name for name, _ in reversed(lines)])
    for written, (_, entry) in zip(axes.get_yticklabels(), reversed(lines), strict=True):
        written.set_fontweight("bold" if entry is None or entry.key == BASE else "normal")
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x", color="#EEEEEE")
    axes.set(
        ylim=(-0.7, len(lines) - 0.3),
        xlabel="bits/char against the base of the same seed, % (left is better)",
    )
    axes.margins(x=0.14)
    axes.set_title(f"One part exchanged: base {base.mean:.3f} bits/char")
    _legend(figure, _keys(series.noise is not None))
    return figure


def _dot(axes: Axes, series: Series, entry: Entry, at: int) -> None:
    (colour, marker), changes = _look(series, entry), series.against(entry)
    low, mean, high, several = (
        min(changes),
        statistics.mean(changes),
        max(changes),
        len(changes) > 1,
    )
    axes.plot([low, high], [at, at], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=2)
    face: dict[str, Any] = {
        "markerfacecolor": colour if several else "white",
        "markeredgecolor": colour,
    }
    axes.plot([mean], [at], marker=marker, markersize=6, linestyle="none", zorder=3, **face)
    if entry.key != BASE:
        place, reach, side = (high, 7, "left") if mean >= 0 else (low, -7, "right")
        look: dict[str, Any] = {"va": "center", "ha": side, "fontsize": 8, "color": "#555555"}
        axes.annotate(f"{mean:+.2f}", (place, at), (reach, 0), textcoords="offset points", **look)


def _keys(spread: bool) -> list[Any]:
    def key(look: tuple[str, str], face: str, label: str) -> Line2D:
        return Line2D(
            [],
            [],
            marker=look[1],
            color=look[0],
            markerfacecolor=face,
            linestyle="none",
            label=label,
        )

    keys: list[Any] = [
        key(EQUAL, EQUAL[0], "several seeds: mean, lowest to highest"),
        key(EQUAL, "white", "one seed"),
    ]
    keys.append(key(DIFFER, "white", "parameters differ"))
    return keys + (
        [Line2D([], [], color="#E5E5E5", linewidth=7, label="usual reach of seeds")]
        if spread
        else []
    )


def _times(series: Series, timed: list[Entry]) -> Figure:
    """Change of bits/char against what a training step takes."""
    figure, axes = _axes(5.2)
    points = [
        (entry.median("step_ms") or 0.0, statistics.mean(series.against(entry))) for entry in timed
    ]
    for entry, point in zip(timed, points, strict=True):
        colour, marker = _look(series, entry)
        face = colour if len(entry.bits) > 1 else "white"
        axes.plot(
            *point,
            marker=marker,
            color=colour,
            markerfacecolor=face,
            markersize=7,
            linestyle="none",
            zorder=3,
        )
    setting = series.about["setting"]
    axes.margins(0.14, 0.1)
    axes.grid(True, color="#E5E5E5")
    size = setting["lanes"] * setting["window"]
    axes.set(
        xlabel=f"ms a training step of {size:,} bytes (less is better)",
        ylabel="bits/char against base, % (less is better)",
    )
    axes.set_title("Bits against time")
    _legend(figure, _keys(spread=False))
    _put_labels(figure, axes, [entry.key[1] for entry in timed], points, points[:1])
    return figure
