"""The figure of how much faster a decoder is with each draft, by how far it looks ahead."""

from __future__ import annotations

from pathlib import Path

from compressor.report.plots.style import (
    DARK,
    add_legend,
    key,
    line_looks,
    save,
    stacked_axes,
    styled,
)
from compressor.system.extras import need

with need("report"):
    import pandas as pd
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

NAME = "speculation"
"""The pictures' name, without suffix."""
SUFFIXES = (".svg", ".png")


def write(rows: pd.DataFrame, folder: Path) -> list[Path]:
    """Draws the rows of `compressor.report.speculation.frame`; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    with styled():
        figure = curves(rows)
        return [save(figure, folder / f"{NAME}{suffix}") for suffix in SUFFIXES]


def curves(rows: pd.DataFrame) -> Figure:
    """Axes a piece, a line a draft: times as fast as without drafts, by bytes ahead."""
    drafted = rows[rows["width"] > 0]
    pieces = list(drafted.groupby(["model", "bytes", "lanes"], sort=False))
    figure, every = stacked_axes(2.2, len(pieces))
    looks = dict(zip(drafted["draft"].unique(), line_looks(), strict=False))
    for axes, ((model, size, lanes), piece) in zip(every, pieces, strict=True):
        for draft, line in piece.groupby("draft", sort=False):
            colour, dash = looks[draft]
            axes.plot(line["width"], line["times_as_fast"], dash, color=colour, marker="o")
        axes.axhline(1, color=DARK, linewidth=0.8)
        widths = sorted(piece["width"].unique())
        axes.set_xscale("log", base=2)
        axes.set_xticks(widths, [str(width) for width in widths])
        axes.set_title(f"{model}: {size:,} bytes in {lanes} lane{'s' * (lanes > 1)}")
        axes.set_ylabel("times as fast")
    every[-1].set_xlabel("bytes ahead at most")
    keys: list[Artist] = [
        key(draft, colour, linestyle=dash, marker="o") for draft, (colour, dash) in looks.items()
    ]
    add_legend(figure, [*keys, key("without drafts", DARK, linestyle="-")])
    return figure
