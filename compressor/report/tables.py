"""Frames as Markdown tables and as CSV, and the way figures are written in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from compressor.system.extras import need

with need("report"):
    import pandas as pd

NOT_RECORDED = "-"

Write = Callable[[Any], str]
"""How a figure that is there is written."""


def markdown(frame: pd.DataFrame, figures: Mapping[str, Write]) -> str:
    """The frame as a Markdown table, a line a row, without its index.

    ``figures`` maps the names of columns to the way their figures are written; these columns stand
    to the right, and all others are text. What is missing is "-".
    """
    marks = ["---:" if name in figures else "---" for name in frame.columns]
    columns = [
        [written(value, figures.get(name, str)) for value in column]
        for name, column in frame.items()
    ]
    lines = [_line(frame.columns), f"|{'|'.join(marks)}|", *map(_line, zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    safe = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(safe)} |"


def csv_text(frame: pd.DataFrame, columns: list[str]) -> str:
    """These columns of the frame as CSV; what is missing is empty."""
    text: str = frame.to_csv(columns=columns, index=False, lineterminator="\n")
    return text


def code(names: pd.Series) -> pd.Series:
    """Names as they stand in running text: between backquotes."""
    return "`" + names + "`"


def written(value: Any, write: Write) -> str:
    """A value as ``write`` writes it, or "-" where it is missing."""
    return NOT_RECORDED if pd.isna(value) else write(value)


def whole(value: int) -> str:
    """Bytes or a count, with commas."""
    return f"{value:,}"


def bits(value: float) -> str:
    """Bits/char to three places."""
    return f"{value:.3f}"


def finer_bits(value: float) -> str:
    """Bits/char to four places, for estimates that lie close together."""
    return f"{value:.4f}"


def speed(value: float) -> str:
    """KB/s to about three figures."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def megabytes(size: int) -> str:
    """Bytes as MB of 1,000,000 bytes."""
    return f"{size / 1e6:,.0f}"


def percent(share: float) -> str:
    """A share as whole per cent, never rounded to none or all of it when it is not."""
    if 0 < share < 0.01:
        return "less than 1 %"
    return f"{min(round(100 * share), 99 if share < 1 else 100)} %"
