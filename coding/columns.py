"""Tables of records column by column, and row by row again. ``FORMAT.md``, section 12.

What bytes of one field have in common is learned sooner so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coding.errors import Damaged
from coding.fields import Fields, Piece, joined, varint

LEAST_WIDTH, MOST_WIDTH = 2, 1 << 16
"""Bytes of a row at least, and at most."""
LEAST_ROWS = 2
MOST_TABLES = 1 << 12
"""Tables of a block at most, which bounds the heads that a decoder must hold."""


class Table(NamedTuple):
    """Where rows of one width lie in a block, in bytes; the last one may be cut short."""

    start: int
    size: int
    width: int


def by_column(rows: bytes, width: int) -> bytes:
    """All bytes that are first in a row of so many, then all second ones; at last those left."""
    return bytes(_turned(rows, width, len(rows) // width))


def by_row(columns: bytes, width: int) -> bytearray:
    """The inverse of ``by_column``."""
    return _turned(columns, len(columns) // width, width)


def _turned(data: bytes, width: int, height: int) -> bytearray:
    """``height`` rows of ``width`` bytes as ``width`` rows of ``height``, and what is left."""
    turned, whole = bytearray(data), width * height
    # By what there is less of, so that no table takes many steps for its bytes.
    if width <= height:
        for at in range(width):
            turned[at * height : (at + 1) * height] = data[at:whole:width]
    else:
        for at in range(height):
            turned[at:whole:height] = data[at * width : (at + 1) * width]
    return turned


def parts_of(block: bytes, tables: Sequence[Table]) -> bytes:
    """The parts of a block in which these tables, in order and apart, lie column by column.

    There is one at least, and at most MOST_TABLES.
    """
    return joined(block, len(tables), (_piece(block, table) for table in tables))


def _piece(block: bytes, table: Table) -> Piece:
    start, size, width = table
    rows = block[start : start + size]
    return Piece(start, size, varint(size) + varint(width), by_column(rows, width))


def block_from(parts: bytes, length: int) -> bytes:
    """The block of ``length`` bytes that parts stand for. Raises Damaged where there is none."""
    fields = Fields(parts)
    heads = fields.heads(_head, MOST_TABLES, "a block of columns has no table")
    if fields.left != length:
        raise Damaged("a block of columns has another length than its head says: get the file anew")
    block = bytearray()
    for gap, size, width in heads:
        block += fields.take(gap)
        block += by_row(fields.take(size), width)
    block += fields.take(fields.left)
    return bytes(block)


def _head(fields: Fields) -> tuple[int, int, int]:
    """Bytes before a table, bytes in it, and bytes of a row."""
    head = _, size, width = fields.varint(), fields.varint(), fields.varint()
    if not LEAST_WIDTH <= width <= min(MOST_WIDTH, size // LEAST_ROWS):
        raise Damaged("a table of a block has rows of another width than may be: get the file anew")
    return head
