"""The figures people compare, drawn from rows alone: the same rows give the same bytes of SVG and PNG.

Colours are Okabe and Ito's (distinguishable with any colour vision); families also differ by marker, cited bars by hatch.
Drawn 800 pixels wide, the width of a README.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path as Lines
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from compressor.bench.records import OURS, Curve, Input, Results, Row
from compressor.report.tables import percent
from compressor.system.files import open_output
from data.splits import SLICES

FAMILIES: dict[str, tuple[str, str]] = {
    "LZ77": ("#56B4E9", "s"),
    "BWT": ("#E69F00", "^"),
    "PPM": ("#009E73", "D"),
    "context mixing": ("#CC79A7", "v"),
    "neural": ("#D55E00", "o"),
}
"""Family -> colour and marker."""
OTHER = ("#999999", "X")
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of lines, in the order of their legend."""
DASHES = ("-", "--", ":", "-.")
PARTS = (("payload", "#0072B2", ""), ("weights", "#E69F00", "////"), ("program", "#000000", ""))

KINDS = ("bits-per-char-", "pareto-", "description-length-", "along-", "learning-curves")
"""How the names of our files begin; a file of such a name that has no data any more is removed."""

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same letters everywhere
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "hatch.linewidth": 0.8,
    "svg.fonttype": "path",  # shapes, not names of fonts: shown alike where the font is missing
    "svg.hashsalt": "kolmozip",  # else identifiers in the SVG are drawn anew for each file
}
Points = list[tuple[float, float]]
"""(KB/s, bits/char) each."""
LIBRARY = " (library)"
"""How names of baselines end that exist as a program too."""

TRAINED = "\N{DAGGER}"


def write(results: Results, cited: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Draws all that has data as SVG and PNG into the folder, removes what has none any more; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with style.context(["default", STYLE]):
        for name, figure in _figures(results, cited):
            written += [_save(figure, folder / f"{name}.svg", {"Date": None, "Creator": None})]
            written += [_save(figure, folder / f"{name}.png", {"Software": None})]
    for path in folder.iterdir():
        if path.suffix in (".svg", ".png") and path.name.startswith(KINDS) and path not in written:
            path.unlink()
    return written


def _save(figure: Figure, path: Path, metadata: dict[str, Any]) -> Path:
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:], dpi=150, metadata=metadata)
    with open_output(str(path), force=True) as target:
        target.write(drawn.getvalue())
    return path


def _figures(results: Results, cited: list[dict[str, Any]]) -> Iterator[tuple[str, Figure]]:
    names = slugs(results.inputs)
    for subject in results.inputs:
        rows = _shown([row for row in results.rows if row.subject == subject])
        if not rows or not subject.size:
            continue
        yield f"bits-per-char-{names[subject]}", _bars(rows, subject, citable(cited, subject))
        if (
            len(
                quick := [
                    row for row in rows if row.kb_per_s_decompress and _merit(row) is not None
                ]
            )
            > 1
        ):
            yield f"pareto-{names[subject]}", _pareto(quick, subject)
        if subject.whole:
            yield f"description-length-{names[subject]}", _description_length(rows)
        if any(steady(row) for row in rows):
            yield f"along-{names[subject]}", _along(rows, subject)
    if curves := [curve for curve in results.curves if curve.train]:
        yield "learning-curves", _learning(curves)


def _shown(rows: list[Row]) -> list[Row]:
    """All but the libraries of programs that have a row of their own: two names at one place tell nothing."""
    names = {row.codec for row in rows}
    return [
        row
        for row in rows
        if not (row.codec.endswith(LIBRARY) and row.codec.removesuffix(LIBRARY) in names)
    ]


def slugs(inputs: Iterable[Input]) -> dict[Input, str]:
    """The part of a file name that stands for each input; inputs of one name are told apart by their hash."""
    plain = {one: re.sub(r"[^A-Za-z0-9]+", "-", one.name).strip("-").lower() for one in inputs}
    twice = {slug for slug in plain.values() if list(plain.values()).count(slug) > 1}
    return {
        one: f"{slug}-{one.sha256[:8]}" if slug in twice else slug for one, slug in plain.items()
    }


def citable(cited: list[dict[str, Any]], subject: Input) -> list[dict[str, Any]]:
    """The cited figures that are about this input: the slice of that name, not just any file called so."""
    start, stop = SLICES.get(subject.name, (0, -1))
    return [
        figure
        for figure in cited
        if figure["input"] == subject.name and stop - start == subject.size
    ]


def _merit(row: Row) -> float | None:
    """What rows are compared by: bits/char of everything counted on all of enwik8, of the payload on slices."""
    return row.total_bits_per_char if row.subject.whole else row.bits_per_char


def _look(family: str) -> tuple[str, str]:
    return FAMILIES.get(family, OTHER)


def _label(row: Row) -> str:
    return row.codec + (TRAINED if row.training_bytes_within else "")


def _axes(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _heading(axes: Axes, text: str, subject: Input) -> None:
    kind = "whole file" if subject.whole or subject.name not in SLICES else "slice of enwik8"
    axes.set_title(f"{text}: {subject.name} ({kind}, {subject.size:,} bytes)")


def _names(axes: Axes, labels: list[str]) -> None:
    """Names of bars; ours in bold."""
    axes.set_yticks(range(len(labels)), labels)
    for written in axes.get_yticklabels():
        written.set_fontweight("bold" if written.get_text().startswith(OURS) else "normal")


def _footnote(figure: Figure, rows: Iterable[Row]) -> None:
    shares = sorted({row.trained_share for row in rows if row.training_bytes_within})
    if shares:
        told = " or ".join(percent(share) for share in shares)
        figure.supxlabel(
            f"{TRAINED} its model was trained on {told} of these bytes",
            fontsize=9,
            x=0.01,
            ha="left",
        )


def _legend(figure: Figure, handles: list[Any]) -> None:
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=9)


def _families(families: Iterable[str]) -> list[str]:
    """Each once, known ones in their order."""
    order = list(FAMILIES)
    return sorted(
        set(families), key=lambda one: (order.index(one) if one in order else len(order), one)
    )


def _measured(quoted: str, rows: list[Row]) -> bool:
    """Whether a cited codec stands among the rows, with a setting or without: then the plot needs no second bar for it."""
    return any(row.codec == quoted or row.codec.startswith(f"{quoted} ") for row in rows)


def _bars(rows: list[Row], subject: Input, cited: list[dict[str, Any]]) -> Figure:
    bars = [(row.bits_per_char, _label(row), row.family, False) for row in rows]
    bars += [
        (one["bits_per_char"], one["codec"], one["family"], True)
        for one in cited
        if one["file"] and not _measured(one["codec"], rows)
    ]
    bars.sort(key=lambda bar: (-bar[0], bar[1]))
    figure, axes = _axes(1.5 + 0.27 * len(bars))
    for at, (bits, _, family, quoted) in enumerate(bars):
        colour = _look(family)[0]
        face: dict[str, Any] = (
            {"facecolor": "white", "hatch": "////", "edgecolor": colour}
            if quoted
            else {"color": colour}
        )
        axes.barh(at, bits, height=0.74, **face)
        axes.annotate(
            f"{bits:.3f}{' cited' if quoted else ''}",
            (bits, at),
            (3, 0),
            textcoords="offset points",
            va="center",
        )
    _names(axes, [label for _, label, _, _ in bars])
    axes.set(
        xlim=(0, 1.24 * max(bar[0] for bar in bars)),
        ylim=(-0.6, len(bars) - 0.4),
        xlabel="bits/char of the payload (less is better)",
    )
    _heading(axes, "Compressed size", subject)
    keys = [
        Patch(color=_look(family)[0], label=family) for family in _families(bar[2] for bar in bars)
    ]
    if any(quoted for *_, quoted in bars):
        keys.append(
            Patch(
                facecolor="white",
                edgecolor="#555555",
                hatch="////",
                label="cited, not measured here",
            )
        )
    _legend(figure, keys)
    _footnote(figure, rows)
    return figure


def front(points: Iterable[tuple[float, float]]) -> Points:
    """The (KB/s, bits/char) that no other point beats in both, by rising speed."""
    best: Points = []
    for point in sorted(points, key=lambda one: (-one[0], one[1])):
        if not best or point[1] < best[-1][1]:
            best.append(point)
    return best[::-1]


def _pareto(rows: list[Row], subject: Input) -> Figure:
    figure, axes = _axes(5.6)
    points = [(float(row.kb_per_s_decompress or 0), float(_merit(row) or 0)) for row in rows]
    edge = front(points)
    axes.plot(
        *zip(*edge, strict=True),
        color="#555555",
        linewidth=1,
        linestyle="--",
        drawstyle="steps-pre",
        zorder=1,
    )
    for row, point in zip(rows, points, strict=True):
        colour, marker = _look(row.family)
        axes.plot(
            *point,
            marker=marker,
            color=colour,
            markersize=8,
            markeredgecolor="white",
            linestyle="none",
            zorder=3,
        )
    axes.set_xscale("log")
    axes.margins(0.09, 0.09)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes.grid(True, color="#E5E5E5", zorder=0)
    counted = "everything counted" if subject.whole else "payload"
    axes.set(
        xlabel="decompression, KB/s (more is better)",
        ylabel=f"bits/char, {counted} (less is better)",
    )
    _heading(axes, "Size against speed", subject)
    keys = [
        Line2D([], [], marker=_look(one)[1], color=_look(one)[0], linestyle="none", label=one)
        for one in _families(row.family for row in rows)
    ]
    _legend(
        figure,
        [*keys, Line2D([], [], color="#555555", linewidth=1, linestyle="--", label="Pareto front")],
    )
    _footnote(figure, rows)
    _put_labels(figure, axes, [_label(row) for row in rows], points, edge)
    return figure


def _put_labels(
    figure: Figure, axes: Axes, labels: list[str], points: Points, edge: Points
) -> None:
    """Labels beside their points, each at the first place where it covers no point, no other label and not the front."""
    figure.draw_without_rendering()  # places are known only once the layout is
    figure.set_layout_engine("none")
    renderer = FigureCanvasAgg(figure).get_renderer()
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in axes.transData.transform(points)]
    for (x, y), (right, up) in itertools.pairwise(axes.transData.transform(edge)):
        taken += [
            Bbox.from_extents(x - 1, y, x + 1, up),
            Bbox.from_extents(x, up - 1, right, up + 1),
        ]
    for at in sorted(range(len(points)), key=lambda one: (points[one], labels[one])):
        taken.append(_put_label(axes, labels[at], points[at], taken, renderer))


def _put_label(
    axes: Axes, label: str, point: tuple[float, float], taken: list[Bbox], renderer: RendererAgg
) -> Bbox:
    start, frame = axes.transData.transform(point), axes.get_window_extent(renderer)
    for reach, (right, up) in itertools.product((8, 14, 24, 38, 54, 72), _SIDES):
        written = _annotation(axes, label, point, reach * right, reach * up, far=reach > 14)
        box = _letters(written, renderer)
        way = Lines(np.array([start, ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)]))
        hit = any(
            box.overlaps(one)
            or (not one.contains(*start) and way.intersects_bbox(one, filled=False))
            for one in taken
        )
        if not hit and _inside(frame, box):
            return box
        written.remove()
    return _letters(_annotation(axes, label, point, 8, 0, far=False), renderer)


_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.8, 0.8), (-0.8, 0.8), (0.8, -0.8), (-0.8, -0.8))
"""Right, left, above, below, then the corners."""


def _annotation(
    axes: Axes, label: str, point: tuple[float, float], x: float, y: float, far: bool
) -> Annotation:
    line = (
        {"arrowstyle": "-", "color": "#999999", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3}
        if far
        else None
    )
    return axes.annotate(
        label,
        point,
        (x, y),
        textcoords="offset points",
        ha="left" if x > 0 else "right" if x < 0 else "center",
        va="bottom" if y > 0 else "top" if y < 0 else "center",
        fontsize=9,
        arrowprops=line,
        path_effects=[withStroke(linewidth=2, foreground="white")],
        zorder=4,
    )


def _letters(written: Annotation, renderer: RendererAgg) -> Bbox:
    """The box of the letters alone, without the line to the point."""
    written.update_positions(renderer)
    return Text.get_window_extent(written, renderer)


def _inside(outer: Bbox, inner: Bbox) -> bool:
    return (
        outer.x0 <= inner.x0
        and outer.y0 <= inner.y0
        and inner.x1 <= outer.x1
        and inner.y1 <= outer.y1
    )


def _description_length(rows: list[Row]) -> Figure:
    """Payload, weights and program stacked: what has to be sent to someone who has nothing. Best on top."""
    order = sorted(rows, key=lambda row: (row.total is not None, -_known(row), row.codec))
    figure, axes = _axes(1.5 + 0.3 * len(order))
    left = np.zeros(len(order))
    for (_, colour, hatch), sizes in zip(PARTS, _parts(order), strict=True):
        axes.barh(
            range(len(order)),
            sizes,
            left=left,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0,
            height=0.74,
        )
        left += sizes
    for at, row in enumerate(order):
        text = f"{_known(row) / 1e6:.2f}" + (
            "" if row.total is not None else " and parts not recorded"
        )
        axes.annotate(text, (left[at], at), (3, 0), textcoords="offset points", va="center")
    _names(axes, [_label(row) for row in order])
    axes.set(
        xlim=(0, 1.1 * left.max()),
        ylim=(-0.6, len(order) - 0.4),
        xlabel="MB of 1,000,000 bytes (less is better)",
    )
    _heading(axes, "Description length", order[0].subject)
    keys = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name)
        for name, colour, hatch in PARTS
    ]
    _legend(figure, keys)
    _footnote(figure, rows)
    return figure


def _known(row: Row) -> int:
    return row.payload + (row.weights_bytes or 0) + (row.program_bytes or 0)


def _parts(rows: list[Row]) -> list[np.ndarray]:
    """Payload, weights and program of each row in MB."""
    sizes = [(row.payload, row.weights_bytes or 0, row.program_bytes or 0) for row in rows]
    return list(np.array(sizes).T / 1e6)


STEPS = 25
"""Steps drawn along a file, about: smaller blocks are joined."""


def along(blocks: list[list[int]], steps: int = STEPS) -> tuple[list[float], list[float]]:
    """Edges (bytes of input) and bits/char between them, neighbouring blocks joined to about that many steps."""
    least = sum(block[0] for block in blocks) / steps
    edges, rates, size, packed = [0.0], [], 0, 0
    for at, block in enumerate(blocks):
        size, packed = size + block[0], packed + block[1]
        if size >= 0.999 * least or at == len(blocks) - 1:
            edges.append(edges[-1] + size)
            rates.append(8 * packed / size)
            size = packed = 0
    return edges, rates


def steady(row: Row) -> bool:
    """Whether a row tells its bytes along the file: a container of several blocks, as the neural codecs write. Other libraries
    hand out their bytes in lumps of megabytes at times of their own, and those would be all there is to see."""
    return row.family == "neural" and len(row.blocks or ()) > 1


def _along(rows: list[Row], subject: Input) -> Figure:
    shown = sorted((row for row in rows if steady(row)), key=lambda row: (row.payload, row.codec))
    figure, axes = _axes(4.8)
    for row, (colour, dash) in zip(shown, _line_looks(), strict=False):
        edges, rates = along(row.blocks or [])
        axes.stairs(
            rates,
            np.array(edges) / 1e6,
            baseline=None,
            color=colour,
            linestyle=dash,
            linewidth=1.6,
            label=_label(row),
        )
    if subject.whole and any(row.training_bytes_within for row in shown):
        edge = SLICES["train"][1] / 1e6
        axes.axvline(edge, color="#777777", linewidth=1, linestyle=":")
        axes.annotate(
            "end of training text ",
            (edge, 0.99),
            xycoords=("data", "axes fraction"),
            ha="right",
            va="top",
            fontsize=9,
        )
    axes.margins(x=0, y=0.1)
    axes.grid(True, axis="y", color="#E5E5E5")
    axes.set(xlabel="MB of input", ylabel="bits/char of the payload (less is better)")
    _heading(axes, "Along the file", subject)
    _legend(figure, axes.get_legend_handles_labels()[0])
    _footnote(figure, shown)
    return figure


def _line_looks() -> Iterator[tuple[str, str]]:
    """Colours, then the same ones with other dashes."""
    return ((colour, dash) for dash in DASHES for colour in LINES)


def smooth(values: list[float], width: int = 9) -> np.ndarray:
    """Mean over the values around each; fewer at the ends."""
    reach = width // 2
    return np.array(
        [np.mean(values[max(0, at - reach) : at + reach + 1]) for at in range(len(values))]
    )


VALIDATION = (("o", "slice of validation text"), ("*", "all validation text"))


def _learning(curves: list[Curve]) -> Figure:
    figure, axes = _axes(4.8)
    lowest = 8.0
    for curve, (colour, dash) in zip(curves, _line_looks(), strict=False):
        seen, train = (
            np.array([place for place, _ in curve.train]) / 1e6,
            smooth([bits for _, bits in curve.train]),
        )
        axes.plot(seen, train, color=colour, linestyle=dash, linewidth=1.3, label=curve.name)
        for points, (marker, _) in zip((curve.valid_slice, curve.valid), VALIDATION, strict=True):
            places, bits = zip(*points, strict=True) if points else ((), ())
            axes.plot(
                np.array(places) / 1e6,
                bits,
                color=colour,
                marker=marker,
                markersize=6,
                linestyle="none",
            )
            lowest = min([lowest, *bits])
        lowest = min(lowest, *train)
    keys = [*axes.get_legend_handles_labels()[0]]
    keys += [
        Line2D([], [], color="#555555", marker=marker, linestyle="none", label=name)
        for marker, name in VALIDATION
    ]
    axes.set(
        xlim=(0, None), ylim=(0.95 * lowest, 1.6 * lowest)
    )  # the first steps, far above, would flatten all the rest
    axes.grid(True, color="#E5E5E5")
    axes.set(xlabel="MB of text seen", ylabel="bits/char (less is better)")
    axes.set_title("Training: float networks alone, training text smoothed")
    _legend(figure, keys)
    return figure
