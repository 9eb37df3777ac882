"""What all figures share: size, colours, letters, legends and how they are saved.

Colours are those of Okabe and Ito, which any colour vision tells apart; families of codecs also
differ by marker. Figures are drawn 800 pixels wide, the width of a README.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from compressor.report.pages import write
from compressor.system.extras import need

with need("report"):
    from matplotlib import style
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

FAMILIES: dict[str, tuple[str, str]] = {
    "LZ77": ("#56B4E9", "s"),
    "BWT": ("#E69F00", "^"),
    "PPM": ("#009E73", "D"),
    "context mixing": ("#CC79A7", "v"),
    "neural": ("#D55E00", "o"),
}
"""Family of codecs -> colour and marker."""
OTHER_FAMILY = ("#999999", "X")
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of lines, in the order of their legend."""
DASHES = ("-", "--", ":", "-.")
GRID, DARK = "#E5E5E5", "#555555"

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
METADATA: dict[str, dict[str, Any]] = {
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
}
"""Suffix -> what is left out of a file, so that the same figure gives the same bytes."""


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Figures made and saved inside the body have our style, whatever the user's own is."""
    with style.context(["default", STYLE]):
        yield


def new_axes(height: float) -> tuple[Figure, Axes]:
    """An empty figure of this height in inches, with its axes."""
    figure, [axes] = stacked_axes(height, 1)
    return figure, axes


def stacked_axes(height: float, count: int) -> tuple[Figure, list[Axes]]:
    """An empty figure with so many axes above each other, each of this height in inches."""
    figure = Figure(figsize=(8, count * height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(count, squeeze=False)[:, 0])


def add_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """A legend above the axes; none where it would be empty."""
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=9)


def key(label: str, colour: str, **look: Any) -> Line2D:
    """An entry of a legend: a marker without a line, or what ``look`` says."""
    return Line2D([], [], color=colour, label=label, **{"linestyle": "none", **look})


def line_looks() -> Iterator[tuple[str, str]]:
    """Colour and dash of each line: all colours, then the same ones with other dashes."""
    return ((colour, dash) for dash in DASHES for colour in LINE_COLOURS)


def save(figure: Figure, path: Path) -> Path:
    """Draws the figure into a file of the path's suffix, SVG or PNG; returns the path."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format=path.suffix[1:], dpi=150, metadata=METADATA[path.suffix])
    return write(path, drawn.getvalue())
