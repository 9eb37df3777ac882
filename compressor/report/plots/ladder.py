"""The figures of the ladder: bits/char against steps, work and speed, and the gap against size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compressor.bench.store import slug
from compressor.ladder.rows import AR, CONTROLS
from compressor.report.ladder_series import ALONE, MIXTURE, RATES, Ladder, Rung, Sample
from compressor.report.plots.labels import Point, place_labels
from compressor.report.plots.style import (
    DARK,
    GRID,
    LINE_COLOURS,
    add_legend,
    key,
    line_looks,
    save,
    stacked_axes,
    styled,
)
from compressor.system.extras import need

with need("report"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

FAMILIES: dict[str, tuple[str, str]] = {
    "ar": ("#000000", "o"),
    "shrunk": ("#777777", "o"),
    "sat": ("#0072B2", "s"),
    "nat": ("#D55E00", "v"),
    "patch": ("#009E73", "D"),
    "order": ("#CC79A7", "^"),
    "tokens": ("#E69F00", "P"),
}
"""Family of rungs -> colour and marker."""
OTHER = ("#56B4E9", "X")
MARKERS = "osDv^P"
SPEED, GAP = "speed.png", "gap.png"
TITLES = {ALONE: "The network alone", MIXTURE: "The network beside the memory"}
WORK = "multiply_adds"
CONTROL: dict[str, Any] = {"color": DARK, "linestyle": "--", "linewidth": 1}
"""How the line through the AR networks of several sizes is drawn."""
DOTS = 60
"""Points of that line: so many that labels keep clear of all of it."""
WAYS = {"compress": "KB/s to compress", "decompress": "KB/s to restore"}

Draw = Callable[[], Figure]


def of_scale(scale: str) -> tuple[str, str]:
    """Names of the figures of a scale: against steps, and against multiply-adds."""
    return f"steps-{slug(scale)}.png", f"multiply-adds-{slug(scale)}.png"


def write(ladder: Ladder | None, folder: Path) -> list[Path]:
    """Draws all that has data into the folder, which is ours alone; returns the paths.

    Removes pictures that have no data any more. Nothing is drawn without a ladder.
    """
    wanted = figures(ladder) if ladder else {}
    if wanted:
        folder.mkdir(parents=True, exist_ok=True)
    with styled():
        written = [save(draw(), folder / name) for name, draw in wanted.items()]
    for path in folder.glob("*.png"):
        if path not in written:
            path.unlink()
    if not wanted and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return written


def figures(ladder: Ladder) -> dict[str, Draw]:
    """Name of each figure that has data -> what draws it."""
    drawn: dict[str, Draw] = {}
    for scale in ladder.scales:
        rungs = [rung for rung in ladder.at(scale) if rung.rates]
        if len(rungs) > 1:
            steps, work = of_scale(scale)
            drawn[steps] = partial(against_steps, rungs)
            drawn[work] = partial(against_work, rungs)
    if any(rung.file for rung in ladder.rungs):
        drawn[SPEED] = partial(against_speed, ladder)
    if ladder.slopes:
        drawn[GAP] = partial(gaps, ladder)
    return drawn


def against_steps(rungs: Sequence[Rung]) -> Figure:
    """bits/char of the rungs of a scale, all with figures, against backbone steps a byte."""
    return _rates(rungs, "steps", "backbone steps a byte")


def against_work(rungs: Sequence[Rung]) -> Figure:
    """The same against multiply-adds a byte; a line joins the AR networks of several sizes."""
    return _rates(rungs, WORK, "multiply-adds a byte")


def _rates(rungs: Sequence[Rung], field: str, label: str) -> Figure:
    """The networks alone above, and the mixtures below, where there are any."""
    kinds = [of for of in RATES if any(of in rung.rates for rung in rungs)]
    figure, axes = stacked_axes(4.6, len(kinds))
    keys = _keys(rungs)
    named = []
    for of, plot in zip(kinds, axes, strict=True):
        own = [rung for rung in rungs if of in rung.rates]
        points = [(getattr(rung, field), rung.rates[of].mean) for rung in own]
        for rung, point in zip(own, points, strict=True):
            _marked(plot, point, rung.rates[of], *FAMILIES.get(rung.family, OTHER))
        line = _line(own, points) if field == WORK else []
        if line:
            plot.plot(*zip(*line, strict=True), zorder=1, **CONTROL)
        if field == WORK:
            _logarithmic(plot)
        _finish(plot, label, "bits/char, estimate (less is better)")
        plot.set_title(f"{TITLES[of]}: {rungs[0].scale}")
        named.append((plot, [rung.name for rung in own], points, line or points[:1]))
    if any(len(edge) > 1 for *_, edge in named):
        keys.append(key("AR of several sizes", DARK, linestyle="--", linewidth=1))
    add_legend(figure, keys)
    for panel in named:
        place_labels(figure, *panel)
    return figure


def _keys(rungs: Sequence[Rung]) -> list[Line2D]:
    """An entry of the legend a family."""
    families = {rung.family: FAMILIES.get(rung.family, OTHER) for rung in rungs}
    return [key(name, colour, marker=marker) for name, (colour, marker) in families.items()]


def _marked(axes: Axes, point: Point, sample: Sample, colour: str, marker: str) -> None:
    """A point, filled where several seeds stand behind it, with their spread as a bar."""
    face = colour if sample.spread is not None else "white"
    look: dict[str, Any] = {"markerfacecolor": face, "markersize": 7, "linestyle": "none"}
    bars: dict[str, Any] = {"yerr": sample.spread or 0, "capsize": 3, "elinewidth": 1.2}
    axes.errorbar(point[0], point[1], color=colour, marker=marker, zorder=3, **look, **bars)


def _line(rungs: Sequence[Rung], points: Sequence[Point]) -> list[Point]:
    """A line through the AR networks that differ in size alone, straight on a logarithmic axis."""
    known = [point for rung, point in zip(rungs, points, strict=True) if rung.name in CONTROLS]
    if len(known) < 2:
        return []
    work, rates = np.array(sorted(known)).T
    at = np.geomspace(work[0], work[-1], DOTS)
    return list(zip(at, np.interp(np.log(at), np.log(work), rates), strict=True))


def _finish(axes: Axes, label: str, rates: str, better: str = "less") -> None:
    """Margins, grid and the names of both axes."""
    axes.margins(0.12, 0.12)
    axes.grid(True, color=GRID)
    axes.set(xlabel=f"{label} ({better} is better)", ylabel=rates)


def _logarithmic(axes: Axes) -> None:
    """A logarithmic axis of numbers in full."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def against_speed(ladder: Ladder) -> Figure:
    """bits/char of files against KB/s, compressing above and restoring below."""
    figure, axes = stacked_axes(4.2, len(WAYS))
    looks, named = _of_scales(ladder), []
    for (field, label), plot in zip(WAYS.items(), axes, strict=True):
        points = []
        for rung in ladder.rungs:
            if rung.file:
                points.append((getattr(rung, field), rung.file.mean))
                _marked(plot, points[-1], rung.file, *looks[rung.scale])
        _logarithmic(plot)
        _finish(plot, label, "bits/char of the file (less is better)", "more")
        named.append((plot, [rung.name for rung in ladder.rungs if rung.file], points, points[:1]))
    axes[0].set_title("Files of the native engine")
    add_legend(figure, [key(scale, colour, marker=mark) for scale, (colour, mark) in looks.items()])
    for panel in named:
        place_labels(figure, *panel)
    return figure


def _of_scales(ladder: Ladder) -> dict[str, tuple[str, str]]:
    """Colour and marker of each scale."""
    return {
        scale: (LINE_COLOURS[at % len(LINE_COLOURS)], MARKERS[at % len(MARKERS)])
        for at, scale in enumerate(ladder.scales)
    }


def gaps(ladder: Ladder) -> Figure:
    """Each rung's change against AR by the size of the AR network, a line a rung."""
    kinds = [of for of in RATES if any(slope.of == of for slope in ladder.slopes)]
    figure, axes = stacked_axes(4.8, len(kinds))
    rungs = dict.fromkeys(slope.rung for slope in ladder.slopes)
    looks = dict(zip(rungs, line_looks(), strict=False))
    ar = {rung.scale: rung.inner_parameters for rung in ladder.rungs if rung.name == AR}
    for of, plot in zip(kinds, axes, strict=True):
        plot.axhline(0, color="#777777", linewidth=1, zorder=1)
        for slope in ladder.slopes:
            if slope.of == of:
                colour, dash = looks[slope.rung]
                sizes = [ar[scale] for scale in slope.gaps]
                means = [gap.mean for gap in slope.gaps.values()]
                spreads = [gap.spread or 0 for gap in slope.gaps.values()]
                look: dict[str, Any] = {"color": colour, "linestyle": dash, "capsize": 3}
                plot.errorbar(sizes, means, spreads, marker="o", markersize=5, **look)
        _logarithmic(plot)
        plot.set_xticks(sorted(ar.values()), [f"{size:,}" for size in sorted(ar.values())])
        plot.grid(True, color=GRID)
        plot.set(ylabel="bits/char against AR, % (less is better)")
        plot.set(xlabel="parameters of the AR network outside tables")
        plot.set_title(TITLES[of])
    add_legend(
        figure,
        [key(rung, colour, linestyle=dash, marker="o") for rung, (colour, dash) in looks.items()],
    )
    return figure
