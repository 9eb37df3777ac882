"""Tables of plain text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def plain_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The rows under their headings, columns two blanks apart, without trailing blanks.

    A column whose heading begins with '>' is aligned to the right; the '>' is not shown.
    """
    lines = [[heading.removeprefix(">") for heading in columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    sides = [">" if heading.startswith(">") else "<" for heading in columns]

    def line(cells: Sequence[str]) -> str:
        padded = zip(cells, sides, widths, strict=True)
        return "  ".join(f"{cell:{side}{width}}" for cell, side, width in padded).rstrip()

    return "\n".join(map(line, lines))
