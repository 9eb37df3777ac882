"""Markdown tables and the way figures are written in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOT_RECORDED = "-"


def table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table. A column whose name begins with '>' is aligned to the right (the '>' is not shown)."""
    marks = ["---:" if name.startswith(">") else "---" for name in columns]
    head = [_line([name.removeprefix(">") for name in columns]), "|" + "|".join(marks) + "|"]
    return "\n".join([*head, *(_line(cells) for cells in lines)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    safe = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(safe) + " |"


def whole(value: int | None) -> str:
    """Bytes or a count, with commas."""
    return NOT_RECORDED if value is None else f"{value:,}"


def bits(value: float | None) -> str:
    """Bits/char to three places."""
    return NOT_RECORDED if value is None else f"{value:.3f}"


def speed(value: float | None) -> str:
    """KB/s to about three figures."""
    if value is None:
        return NOT_RECORDED
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def megabytes(size: int | None) -> str:
    """Bytes as MB of 1,000,000 bytes."""
    return NOT_RECORDED if size is None else f"{size / 1e6:,.0f}"


def percent(share: float) -> str:
    """A share as whole per cent; never rounded to none or all of it when it is not."""
    if 0 < share < 0.01:
        return "less than 1 %"
    return f"{min(round(100 * share), 99 if share < 1 else 100)} %"
