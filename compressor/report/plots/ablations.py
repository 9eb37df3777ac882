"""The figures of the ablations: changes of bits/char, and the same against the time of a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compressor.report.ablation_series import BASE_NAME, Series
from compressor.report.plots.labels import place_labels
from compressor.report.plots.style import GRID, add_legend, key, new_axes, save, styled
from compressor.system.extras import need

with need("report"):
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

EQUAL, DIFFER = ("#0072B2", "o"), ("#E69F00", "s")
"""Colour and marker of experiments at equal parameters, and at others."""
TIMED = (BASE_NAME, "mixer", "mlp", "kan grid")
"""Groups that differ in what a step takes and are held against it."""
CHANGES, TIMES = "ablations.png", "ablations-time.png"


def write(series: Series, folder: Path) -> list[Path]:
    """Draws ablations.png and, where steps were timed, ablations-time.png; returns the paths.

    Removes the latter where none was. The series has a base with a figure.
    """
    compared = _compared(series)
    timed = compared[compared["group"].isin(TIMED) & (compared["step_ms"] > 0)]
    with styled():
        written = [save(changes(series), folder / CHANGES)]
        if len(timed) > 1:
            written.append(save(_times(series, timed), folder / TIMES))
        else:
            (folder / TIMES).unlink(missing_ok=True)
    return written


def _compared(series: Series) -> pd.DataFrame:
    """The experiments that can be held against the base."""
    return series.experiments[series.experiments["compared"] > 0]


def _look(line: Any) -> tuple[str, str]:
    """Colour and marker of an experiment."""
    return EQUAL if line.equal else DIFFER


def changes(series: Series) -> Figure:
    """A line an experiment, by group: mean and reach over seeds of the change against the base."""
    lines: list[tuple[str, Any]] = []
    for group, experiments in _compared(series).groupby("group", sort=False):
        lines += [(group, None)] if group != BASE_NAME else []
        lines += [(line.name, line) for line in experiments.itertuples(index=False)]
    lines.reverse()
    figure, axes = new_axes(1.3 + 0.235 * len(lines))
    if series.noise is not None:
        axes.axvspan(-series.noise, series.noise, color=GRID, zorder=0)
    axes.axvline(0, color="#777777", linewidth=1, zorder=1)
    axes.set_yticks(range(len(lines)), [name for name, _ in lines])
    for at, (label, (_, line)) in enumerate(zip(axes.get_yticklabels(), lines, strict=True)):
        label.set_fontweight("bold" if line is None or line.base else "normal")
        if line is not None:
            _change(axes, line, at)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x", color="#EEEEEE")
    axes.set(
        ylim=(-0.7, len(lines) - 0.3),
        xlabel="bits/char against the base of the same seed, % (left is better)",
    )
    axes.margins(x=0.14)
    axes.set_title(f"One part exchanged: base {series.base:.3f} bits/char")
    spread = [key("usual reach of seeds", GRID, linestyle="-", linewidth=7)]
    add_legend(figure, _keys() + (spread if series.noise is not None else []))
    return figure


def _change(axes: Axes, line: Any, at: int) -> None:
    """One experiment: its mean as a marker, filled for several seeds, and its reach as a line."""
    colour, marker = _look(line)
    low, mean, high = line.against_base_lowest, line.against_base_percent, line.against_base_highest
    axes.plot([low, high], [at, at], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=2)
    face = colour if line.compared > 1 else "white"
    look: dict[str, Any] = {"markerfacecolor": face, "markeredgecolor": colour, "markersize": 6}
    axes.plot([mean], [at], marker=marker, linestyle="none", zorder=3, **look)
    if not line.base:
        place, offset, side = (high, 7, "left") if mean >= 0 else (low, -7, "right")
        look = {"va": "center", "ha": side, "fontsize": 8, "color": "#555555"}
        axes.annotate(f"{mean:+.2f}", (place, at), (offset, 0), textcoords="offset points", **look)


def _keys() -> list[Line2D]:
    return [
        key("several seeds: mean, lowest to highest", EQUAL[0], marker=EQUAL[1]),
        key("one seed", EQUAL[0], marker=EQUAL[1], markerfacecolor="white"),
        key("parameters differ", DIFFER[0], marker=DIFFER[1], markerfacecolor="white"),
    ]


def _times(series: Series, timed: pd.DataFrame) -> Figure:
    """Change of bits/char against what a training step takes."""
    figure, axes = new_axes(5.2)
    places = timed[["step_ms", "against_base_percent"]].astype(float)
    points = list(places.itertuples(index=False, name=None))
    for line, point in zip(timed.itertuples(), points, strict=True):
        colour, marker = _look(line)
        face = colour if line.seeds > 1 else "white"
        look: dict[str, Any] = {"color": colour, "markerfacecolor": face, "markersize": 7}
        axes.plot(*point, marker=marker, linestyle="none", zorder=3, **look)
    axes.margins(0.14, 0.1)
    axes.grid(True, color=GRID)
    size = series.about["lanes"] * series.about["window"]
    axes.set(
        xlabel=f"ms a training step of {size:,} bytes (less is better)",
        ylabel="bits/char against base, % (less is better)",
    )
    axes.set_title("Bits against time")
    add_legend(figure, _keys())
    place_labels(figure, axes, list(timed["name"]), points, points[:1])
    return figure
