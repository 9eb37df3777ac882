"""Tables column by column: any bytes come back, of any width; other parts are refused."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding import columns
from coding.columns import MOST_WIDTH, Table, by_column, by_row, parts_of
from coding.errors import Damaged
from coding.fields import varint
from compressor.codec import needs

Peak = Callable[[Callable[[], object]], int]


def test_columns_are_what_the_page_says() -> None:
    assert by_column(b"abcABC123+-", 3) == b"aA1bB2cC3+-"
    assert by_column(b"abcdefABCDEF!", 6) == b"aAbBcCdDeEfF!"
    assert by_row(b"aA1bB2cC3+-", 3) == b"abcABC123+-"


@given(st.binary(max_size=300), st.integers(1, 150))
def test_any_rows_come_back(rows: bytes, width: int) -> None:
    turned = by_column(rows, width)
    height = len(rows) // width
    for at in range(width * height):
        assert turned[at % width * height + at // width] == rows[at]
    assert turned[width * height :] == rows[width * height :]
    assert by_row(bytes(turned), width) == rows


@given(st.data())
def test_any_tables_come_back(data: st.DataObject) -> None:
    block, tables = b"", []
    for _ in range(data.draw(st.integers(1, 4))):
        gap, table = data.draw(st.binary(max_size=9)), data.draw(st.binary(min_size=4, max_size=90))
        width = data.draw(st.integers(2, len(table) // 2))
        tables.append(Table(len(block) + len(gap), len(table), width))
        block += gap + table
    block += data.draw(st.binary(max_size=9))
    parts = parts_of(block, tables)
    assert columns.block_from(parts, len(block)) == block
    with pytest.raises(Damaged, match="another length"):
        columns.block_from(parts, len(block) + 1)


@pytest.mark.parametrize("size", [2 * MOST_WIDTH, 2 * MOST_WIDTH + 77, 9 * MOST_WIDTH])
def test_rows_of_the_greatest_width_come_back(size: int) -> None:
    block = random.Random(size).randbytes(size)
    parts = parts_of(block, [Table(0, size, MOST_WIDTH)])
    assert columns.block_from(parts, size) == block
    wider = b"\1\0" + varint(size + 2) + varint(MOST_WIDTH + 1) + bytes(size + 2)
    with pytest.raises(Damaged, match="width"):
        columns.block_from(wider, size + 2)


@pytest.mark.parametrize(
    "parts",
    [
        b"",
        b"\0abcde",
        b"\x81\x20" + bytes(9),
        b"\1\0\5\0abcde",
        b"\1\0\5\1abcde",
        b"\1\0\5\3abcde",
        b"\1\0\4",
        b"\1\0\4\2abcd",
        b"\1\0\4\2abcdef",
        b"\1\0\6\2abcde",
        b"\1\2\4\2abcde",
        b"\2\0\4\2\0\4\2abcde",
    ],
)
def test_parts_that_no_block_has_are_refused(parts: bytes) -> None:
    with pytest.raises(Damaged, match="get the file anew"):
        columns.block_from(parts, 5)


@pytest.mark.parametrize("width", [2, 1000, 1 << 16])
def test_the_way_back_takes_no_more_memory_than_is_told(width: int, peak_of: Peak) -> None:
    length = 1 << 22
    parts = parts_of(bytes(length), [Table(1, length - 9, width)])

    def restore() -> None:
        assert columns.block_from(parts, length) == bytes(length)

    peak = peak_of(restore)
    assert len(parts) + peak < 2 * (len(parts) + length) + needs.CHAINS_BYTES
