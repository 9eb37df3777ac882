"""The figures of the leaderboard: size, size against speed, description length, along the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from compressor.bench.measuring import VERBS
from compressor.bench.records import OURS, Curve, Input
from compressor.report.inputs import slugs
from compressor.report.leaderboard import LEARNING_CURVES, PLOTS
from compressor.report.measurements import Measurements, about, without_libraries
from compressor.report.plots.labels import Point, place_labels
from compressor.report.plots.style import (
    DARK,
    FAMILIES,
    GRID,
    OTHER_FAMILY,
    add_legend,
    key,
    line_looks,
    new_axes,
    save,
    stacked_axes,
    styled,
)
from compressor.report.tables import percent
from compressor.system.extras import need
from data.splits import SLICES

with need("report"):
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

PARTS = {
    "payload": ("payload_bytes", "#0072B2", ""),
    "weights": ("weights_bytes", "#E69F00", "////"),
    "program": ("program_bytes", "#000000", ""),
}
"""Part of a description length -> its fact, colour and hatch."""
CITED: dict[str, Any] = {"facecolor": "white", "hatch": "////"}
"""How a cited bar is filled."""
FRONT: dict[str, Any] = {"linewidth": 1, "linestyle": "--"}
LEVELS: dict[str, Any] = {"linewidth": 1.8, "linestyle": "-"}
"""How the Pareto front and the line through our levels are drawn."""
LEVELS_COLOUR = "#0072B2"
TRAINED = "\N{DAGGER}"
STEPS = 25
"""Steps drawn along a file, about: smaller blocks are joined."""
VALIDATION = (("o", "slice of validation text"), ("*", "all validation text"))

Draw = Callable[[], Figure]


def write(kept: Measurements, folder: Path) -> list[Path]:
    """Draws all that has data as SVG and PNG into the folder; returns the paths.

    Removes files of our names that have no data any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with styled():
        for name, draw in figures(kept).items():
            figure = draw()
            written += [save(figure, folder / f"{name}{suffix}") for suffix in (".svg", ".png")]
    for path in folder.iterdir():
        ours = path.suffix in (".svg", ".png") and path.name.startswith((*PLOTS, LEARNING_CURVES))
        if ours and path not in written:
            path.unlink()
    return written


def figures(kept: Measurements) -> dict[str, Draw]:
    """Name of each figure that has data -> what draws it."""
    drawings: dict[str, Draw] = {}
    for subject, slug in slugs(kept.inputs).items():
        rows = without_libraries(kept.verified[kept.verified["subject"] == subject])
        if len(rows) and subject.size:
            for kind, draw in _of_input(rows, subject, kept.cited):
                drawings[f"{kind}{slug}"] = draw
    if curves := [curve for curve in kept.curves if curve.train]:
        drawings[LEARNING_CURVES] = partial(_learning, curves)
    return drawings


def _of_input(
    rows: pd.DataFrame, subject: Input, cited: pd.DataFrame
) -> Iterator[tuple[str, Draw]]:
    """The figures about one input."""
    sizes, pareto, description_length, along = PLOTS
    yield sizes, partial(_bars, rows, subject, cited[about(cited, subject)])
    timed = rows[rows["compared"].notna()]
    for verb in VERBS:
        timed = timed[(timed[f"kb_per_s_{verb}"] > 0).fillna(False)]
    if len(timed) > 1:
        yield pareto, partial(_pareto, timed, subject)
    if subject.whole:
        yield description_length, partial(_description_length, rows, subject)
    stepped = rows.loc[[steady(row) for row in rows.itertuples()]]
    if len(stepped):
        yield along, partial(_along, stepped, subject)


def labels(rows: pd.DataFrame) -> list[str]:
    """The names of codecs, marked where the model was trained on the bytes it codes."""
    seen = (rows["trained_share"] > 0).fillna(False)
    return list(rows["codec"].where(~seen, rows["codec"] + TRAINED))


def family_look(family: str) -> tuple[str, str]:
    """Colour and marker of a family of codecs."""
    return FAMILIES.get(family, OTHER_FAMILY)


def families(names: Iterable[str]) -> list[str]:
    """Each family once, known ones in their order."""
    order = list(FAMILIES)
    return sorted(
        set(names), key=lambda name: (order.index(name) if name in order else len(order), name)
    )


def _title(axes: Axes, text: str, subject: Input) -> None:
    kind = "whole file" if subject.whole or subject.name not in SLICES else "slice of enwik8"
    axes.set_title(f"{text}: {subject.name} ({kind}, {subject.size:,} bytes)")


def _name_bars(axes: Axes, names: list[str]) -> None:
    """Names at the bars, ours in bold."""
    axes.set_yticks(range(len(names)), names)
    for label in axes.get_yticklabels():
        label.set_fontweight("bold" if label.get_text().startswith(OURS) else "normal")
    axes.set_ylim(-0.6, len(names) - 0.4)


def _note_training(figure: Figure, rows: pd.DataFrame) -> None:
    """What the mark of trained models means, below the axes."""
    shares = sorted(set(rows["trained_share"].dropna()) - {0})
    if shares:
        words = " or ".join(map(percent, shares))
        note = f"{TRAINED} its model was trained on {words} of these bytes"
        figure.supxlabel(note, fontsize=9, x=0.01, ha="left")


def _bars(rows: pd.DataFrame, subject: Input, cited: pd.DataFrame) -> Figure:
    """bits/char of the payload, a bar a codec, best on top; cited figures are hatched."""
    quoted = cited.loc[
        [bool(row.file) and not measured(row.codec, rows) for row in cited.itertuples()]
    ]
    bars = pd.concat(
        [
            rows.assign(label=labels(rows), quoted=False),
            quoted.assign(label=quoted["codec"], quoted=True),
        ],
        join="inner",
    ).sort_values(["bits_per_char", "label"], ascending=[False, True])
    figure, axes = new_axes(1.5 + 0.27 * len(bars))
    for at, bar in enumerate(bars.itertuples()):
        colour, _ = family_look(bar.family)
        look = {**CITED, "edgecolor": colour} if bar.quoted else {"color": colour}
        axes.barh(at, bar.bits_per_char, height=0.74, **look)
        text = f"{bar.bits_per_char:.3f}{' cited' if bar.quoted else ''}"
        _note_bar(axes, text, bar.bits_per_char, at)
    _name_bars(axes, list(bars["label"]))
    axes.set(
        xlim=(0, 1.24 * bars["bits_per_char"].max()),
        xlabel="bits/char of the payload (less is better)",
    )
    _title(axes, "Compressed size", subject)
    keys = [Patch(color=family_look(name)[0], label=name) for name in families(bars["family"])]
    if len(quoted):
        keys.append(Patch(**CITED, edgecolor=DARK, label="cited, not measured here"))
    add_legend(figure, keys)
    _note_training(figure, rows)
    return figure


def measured(quoted: str, rows: pd.DataFrame) -> bool:
    """Whether a cited codec has a row, with a setting or without: it needs no second bar then."""
    return any(codec == quoted or codec.startswith(f"{quoted} ") for codec in rows["codec"])


def _note_bar(axes: Axes, text: str, end: float, at: int) -> None:
    """Text after the end of a bar."""
    axes.annotate(text, (end, at), (3, 0), textcoords="offset points", va="center")


def front(points: Iterable[Point]) -> list[Point]:
    """The points (KB/s, bits/char) that no other beats in both, by rising speed."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (-point[0], point[1])):
        if not best or point[1] < best[-1][1]:
            best.append(point)
    return best[::-1]


def _pareto(rows: pd.DataFrame, subject: Input) -> Figure:
    """bits/char against speed, a panel each way, with our levels as a line through them.

    The front of each panel is what nothing beats in both.
    """
    figure, panels = stacked_axes(4.9, len(VERBS))
    ours = rows["level"].notna()
    short = "-" + rows["level"].astype("string")
    names = labels(rows.assign(codec=rows["codec"].where(~ours, short)))
    places: list[tuple[Axes, list[Point], list[Point]]] = []
    for axes, verb in zip(panels, reversed(VERBS), strict=True):
        facts = rows[[f"kb_per_s_{verb}", "compared"]].astype(float)
        points: list[Point] = list(facts.itertuples(index=False, name=None))
        edge = front(points)
        axes.plot(*zip(*edge, strict=True), color=DARK, drawstyle="steps-pre", zorder=1, **FRONT)
        line = facts.loc[rows[ours].sort_values("level").index]
        axes.plot(*line.to_numpy().T, color=LEVELS_COLOUR, zorder=2, **LEVELS)
        for family, point in zip(rows["family"], points, strict=True):
            colour, marker = family_look(family)
            look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 8}
            axes.plot(*point, markeredgecolor="white", linestyle="none", zorder=3, **look)
        axes.set_xscale("log")
        axes.margins(0.09, 0.09)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.grid(True, color=GRID, zorder=0)
        counted = "payload + weights + program" if subject.whole else "payload"
        axes.set(
            xlabel=f"{verb}ion, KB/s (more is better)",
            ylabel=f"bits/char, {counted} (less is better)",
        )
        places.append((axes, points, edge))
    _title(panels[0], "Size against speed", subject)
    looks = {name: family_look(name) for name in families(rows["family"])}
    keys = [key(name, colour, marker=marker) for name, (colour, marker) in looks.items()]
    if ours.any():
        keys.append(key(f"our levels, {OURS}-N", LEVELS_COLOUR, **LEVELS))
    add_legend(figure, [*keys, key("Pareto front", DARK, **FRONT)])
    _note_training(figure, rows)
    for axes, points, edge in places:
        place_labels(figure, axes, names, points, edge)
    return figure


def _description_length(rows: pd.DataFrame, subject: Input) -> Figure:
    """Payload, weights and program end to end: what somebody who has nothing has to be sent."""
    facts = [fact for fact, _, _ in PARTS.values()]
    parts = rows[facts].fillna(0).astype(float) / 1e6
    rows = rows.assign(
        **parts, known=parts.sum(axis="columns"), complete=rows["total_bytes"].notna()
    )
    rows = rows.sort_values(["complete", "known", "codec"], ascending=[True, False, True])
    figure, axes = new_axes(1.5 + 0.3 * len(rows))
    left = np.zeros(len(rows))
    keys = []
    for name, (fact, colour, hatch) in PARTS.items():
        look: dict[str, Any] = {"hatch": hatch, "edgecolor": "white"}
        bars = {"left": left, "color": colour, "linewidth": 0, "height": 0.74, **look}
        axes.barh(range(len(rows)), rows[fact], **bars)
        keys.append(Patch(facecolor=colour, label=name, **look))
        left = left + rows[fact].to_numpy()
    for at, row in enumerate(rows.itertuples()):
        missing = "" if row.complete else " and parts not recorded"
        _note_bar(axes, f"{row.known:.2f}{missing}", row.known, at)
    _name_bars(axes, labels(rows))
    axes.set(xlim=(0, 1.1 * left.max()), xlabel="MB of 1,000,000 bytes (less is better)")
    _title(axes, "Description length", subject)
    add_legend(figure, keys)
    _note_training(figure, rows)
    return figure


def joined(blocks: list[list[int]], steps: int = STEPS) -> tuple[list[float], list[float]]:
    """Edges (bytes of input) and bits/char between them, blocks joined to about that many steps.

    A block is its bytes of input and its bytes in the file.
    """
    least = sum(block[0] for block in blocks) / steps
    edges, rates, size, packed = [0.0], [], 0, 0
    for at, block in enumerate(blocks):
        size, packed = size + block[0], packed + block[1]
        if size >= 0.999 * least or at == len(blocks) - 1:
            edges.append(edges[-1] + size)
            rates.append(8 * packed / size)
            size = packed = 0
    return edges, rates


def steady(row: Any) -> bool:
    """Whether a row tells its bytes along the file: a container of ours, of several blocks.

    Other libraries hand out their bytes in lumps of megabytes at
    times of their own, and those would be all there is to see.
    """
    return bool(row.contained) and len(row.blocks or ()) > 1


def _along(rows: pd.DataFrame, subject: Input) -> Figure:
    """bits/char of each part of the input, from its beginning to its end."""
    rows = rows.sort_values(["payload_bytes", "codec"])
    figure, axes = new_axes(4.8)
    looks = zip(rows["blocks"], labels(rows), line_looks(), strict=False)
    for blocks, label, (colour, dash) in looks:
        edges, rates = joined(blocks)
        look: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 1.6}
        axes.stairs(rates, np.array(edges) / 1e6, baseline=None, label=label, **look)
    if subject.whole and (rows["trained_share"] > 0).any():
        _mark_training_text(axes)
    axes.margins(x=0, y=0.1)
    axes.grid(True, axis="y", color=GRID)
    axes.set(xlabel="MB of input", ylabel="bits/char of the payload (less is better)")
    _title(axes, "Along the file", subject)
    add_legend(figure, axes.get_legend_handles_labels()[0])
    _note_training(figure, rows)
    return figure


def _mark_training_text(axes: Axes) -> None:
    """A line where the training text ends in all of enwik8."""
    edge = SLICES["train"][1] / 1e6
    axes.axvline(edge, color="#777777", linewidth=1, linestyle=":")
    place: dict[str, Any] = {"ha": "right", "va": "top", "xycoords": ("data", "axes fraction")}
    axes.annotate("end of training text ", (edge, 0.99), fontsize=9, **place)


def smooth(values: list[float], width: int = 9) -> np.ndarray:
    """The mean over ``width`` values around each; over fewer at the ends."""
    return pd.Series(values).rolling(width, center=True, min_periods=1).mean().to_numpy()


def _learning(curves: list[Curve]) -> Figure:
    """bits/char of training and validation text against the bytes of text seen."""
    figure, axes = new_axes(4.8)
    lowest = 8.0
    for curve, (colour, dash) in zip(curves, line_looks(), strict=False):
        seen, train = np.array(curve.train).T
        smoothed = smooth(list(train))
        look: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 1.3}
        axes.plot(seen / 1e6, smoothed, label=curve.name, **look)
        lowest = min(lowest, *smoothed)
        for points, (marker, _) in zip((curve.valid_slice, curve.valid), VALIDATION, strict=True):
            places, bits = np.array(points).reshape(-1, 2).T
            look = {"color": colour, "marker": marker, "markersize": 6, "linestyle": "none"}
            axes.plot(places / 1e6, bits, **look)
            lowest = min([lowest, *bits])
    keys = axes.get_legend_handles_labels()[0]
    keys += [key(label, DARK, marker=marker) for marker, label in VALIDATION]
    # The first steps, far above, would flatten all the rest.
    axes.set(xlim=(0, None), ylim=(0.95 * lowest, 1.6 * lowest))
    axes.grid(True, color=GRID)
    axes.set(xlabel="MB of text seen", ylabel="bits/char (less is better)")
    axes.set_title("Training: float networks alone, training text smoothed")
    add_legend(figure, keys)
    return figure
