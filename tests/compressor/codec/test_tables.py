"""Tables of records: found where they are, turned where it pays, restored to the byte."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest

import compressor
from coding import columns, container
from coding.columns import Table
from coding.container import Block, Design, Head, Kind
from coding.errors import Damaged
from compressor.codec import native, registry, tables, trials
from data.samples import sample

NATIVE = pytest.mark.skipif(
    native.absent() is not None, reason="takes minutes without the native engine"
)

Compress = Callable[..., bytes]
Blocks = Callable[[bytes], list[Block]]
Kinds = Callable[[bytes], tuple[dict[str, int], dict[str, int]]]

TEXT = sample()


def walks(number: int, form: str, seed: int = 1) -> bytes:
    """Records of numbers of this form, each of which is near the one in the record before."""
    drawn, records = random.Random(seed), list[bytes]()
    at = [0.0] * len(struct.unpack(form, bytes(struct.calcsize(form))))
    for _ in range(number):
        at = [value + drawn.uniform(-1, 1) for value in at]
        records.append(struct.pack(form, *at))
    return b"".join(records)


def labelled(number: int) -> bytes:
    """Records of 24 bytes: a label out of some, numbers that have nothing to do with another."""
    drawn = random.Random(7)
    return b"".join(
        struct.pack(
            "<8sfffI",
            b"item%d" % drawn.randrange(500),
            *(drawn.uniform(0, 1) for _ in range(3)),
            drawn.randrange(256),
        )
        for _ in range(number)
    )


DOUBLES, VECTORS = walks(4000, "<d"), walks(3000, "<fff")


# Where rows are


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("form", "width"), [("<d", 8), ("<fff", 12), ("<5d", 40), ("<dfffff", 28), ("<20d", 160)]
)
def test_the_width_of_records_is_found(form: str, width: int, seed: int) -> None:
    table = walks((1 << 15) // width, form, seed)
    assert width in tables.widths(table)
    assert width in tables.widths(table[width // 2 :]), "wherever a sample begins"


def test_rows_of_bytes_alone_are_found() -> None:
    drawn = random.Random(5)
    for width in (77, 512):
        row, rows = [drawn.choice((1, 3, 5)) for _ in range(width)], bytearray()
        while len(rows) < 1 << 15:
            rows += bytes(row)
            for _ in range(width // 10):
                row[drawn.randrange(width)] = drawn.choice((1, 3, 5))
        assert width in tables.widths(bytes(rows))


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:20_000],
        ("Où êtes-vous, père? Très près, mère; après l'été. " * 300).encode(),
        ("Где ты? Здесь, рядом, возле самой воды. " * 300).encode(),
        b"id;name;price\r\n" * 900,
        b"\x1b[1mACGT\x1b[0m\t" * 900,
    ],
)
def test_text_is_not_looked_at(text: bytes) -> None:
    assert tables.is_text(text)
    assert tables.widths(text) == []


@pytest.mark.parametrize("data", [b"", b"\0", bytes(15), bytes(17), bytes(1000), b"\0\1" * 9])
def test_short_and_even_bytes_have_no_harm_in_them(data: bytes) -> None:
    assert all(width * tables.LEAST_ROWS <= len(data) for width in tables.widths(data))


def test_a_table_reaches_as_far_as_its_rows() -> None:
    table = walks(20_000, "<fff")
    for before, behind in ((0, 0), (100_000, 0), (0, 90_000), (100_000, 90_000)):
        block = TEXT[:before] + table + TEXT[:behind]
        start, size, width = tables.around(block, before + len(table) // 2, 12)
        assert width == 12
        assert abs(start - before) <= tables.SEGMENT
        assert abs(start + size - before - len(table)) <= tables.SEGMENT
        assert 0 <= start < start + size <= len(block)


def test_a_segment_shorter_than_a_row_belongs_to_the_table() -> None:
    block = walks((1 << 16) // 12, "<fff") + bytes(5)
    block = block[: (1 << 16) - 4] + b"ends"
    assert tables.around(block + b"here", 1 << 15, 12) == Table(0, len(block) + 4, 12)


def hills(rows: int, seed: int = 4) -> bytes:
    """Rows of 64 bytes, each of which is near to those before and above it."""
    drawn, above, made = random.Random(seed), [128] * 64, bytearray()
    for _ in range(rows):
        left = above[0]
        for at in range(64):
            left = min(max((left + above[at]) // 2 + drawn.randrange(-8, 10), 0), 255)
            above[at] = left
        made += bytes(above)
    return bytes(made)


@pytest.mark.parametrize(
    ("rows", "height"), [(1024, 1024), (2880, 960), (4096, 1024), (1025, 1025), (2053, 2053)]
)
def test_a_table_is_cut_where_columns_are_alike(rows: int, height: int) -> None:
    """Into tables of as many rows each, if there is such a number."""
    block = b"before" + hills(rows) + b"behind"
    table = Table(6, 64 * rows, 64)
    found = tables.cut(block, table)
    assert {one.size for one in found} == {64 * height}
    assert [one.start for one in found] == list(range(6, 6 + 64 * rows, 64 * height))
    assert columns.block_from(columns.parts_of(block, found), len(block)) == block
    *_, last = tables.cut(block, table._replace(size=64 * rows + 5))
    assert last.start + last.size == 6 + 64 * rows + 5


def test_other_tables_are_not_cut() -> None:
    for width, block in ((8, walks(4096, "<d")), (12, walks(4096, "<fff")), (24, labelled(4096))):
        table = Table(0, len(block), width)
        assert tables.cut(block, table) == [table]


# Blocks


@NATIVE
@pytest.mark.parametrize("original", [DOUBLES, VECTORS, b"a header: " + VECTORS + b"."])
def test_files_become_smaller_and_come_back(
    original: bytes, compressed: Compress, blocks: Blocks
) -> None:
    packed = compressed(original)
    assert [block.head.kind for block in blocks(packed)] == [Kind.COLUMNS]
    assert 16 * len(packed) < 15 * len(compressed(original, unpack=False))
    assert compressor.decompress(packed) == original


@NATIVE
def test_text_around_a_table_stays_as_it_is(compressed: Compress, blocks: Blocks) -> None:
    original = TEXT[:40_000] + walks(8000, "<fff") + TEXT[40_000:80_000]
    packed = compressed(original)
    (block,) = blocks(packed)
    assert block.head.kind == Kind.COLUMNS
    assert compressor.decompress(packed) == original
    assert 16 * len(packed) < 15 * len(compressed(original, unpack=False))


@NATIVE
@pytest.mark.parametrize("different", [700, 12_000])
def test_records_that_come_again_stay_in_rows(different: int) -> None:
    """Far apart too, where a sample has each of them but once."""
    alone, drawn, table = registry.without_network(), random.Random(6), labelled(different)
    records = [table[at : at + 24] for at in range(0, len(table), 24)]
    again = b"".join(drawn.choice(records) for _ in range(4 * different))
    assert trials.table_in(table, alone, Design.LIGHT) == Table(0, len(table), 24)
    assert trials.table_in(again, alone, Design.LIGHT) is None


@NATIVE
def test_a_table_must_be_one_away_from_the_middle_too() -> None:
    alone, table = registry.without_network(), walks(3000, "<d")
    assert trials.table_in(table, alone, Design.LAYOUT) == Table(0, len(table), 8)
    among_zeros = bytes(80_000) + table + bytes(80_000)
    assert trials.table_in(among_zeros, alone, Design.LAYOUT) is None


@NATIVE
def test_other_files_are_left_alone(compressed: Compress) -> None:
    noise = random.Random(8).randbytes(40_000)
    few = bytes(random.Random(9).choice(b"\1\2\3\4") for _ in range(40_000))
    for original in (TEXT[:40_000], noise, few, bytes(40_000), DOUBLES[:16_000]):
        assert compressed(original) == compressed(original, unpack=False)


@NATIVE
def test_progress_adds_up_and_bounds_on_memory_hold(
    told_of: Callable[[bytes], bytes], needed_by: Callable[[bytes, bytes], int]
) -> None:
    packed = told_of(VECTORS)
    needed_by(packed, VECTORS)


@NATIVE
def test_inspect_and_the_switch(kinds_either_way: Kinds) -> None:
    assert kinds_either_way(VECTORS) == ({"columns": 1}, {"mixed": 1})


@NATIVE
def test_after_a_prepared_memory_there_is_no_such_block(
    compressed: Compress, refused_after_a_memory: Callable[[bytes], None]
) -> None:
    refused_after_a_memory(compressed(VECTORS))


def test_a_flipped_bit_in_the_parts_is_noticed_where_it_matters(
    holding: Callable[..., bytes],
) -> None:
    """Whatever the parts say, their checksums hold, and the original's does not."""
    original = b"<" + VECTORS[:120] + bytes(200)
    digest = container.Digest()
    digest.update(original)
    zeros = Block(Head(Kind.RUN, 200, 1), b"\0")
    parts = columns.parts_of(original, [Table(1, 120, 12)])[:-200]

    def restored(parts: bytes) -> bytes:
        packed = holding(Kind.COLUMNS, parts, len(original), zeros, digest=digest)
        return compressor.decompress(packed)

    assert restored(parts) == original
    noticed = 0
    for at in range(len(parts)):
        try:
            # A byte more that is no whole row may belong to the table as well as not.
            assert restored(parts[:at] + bytes([parts[at] ^ 1]) + parts[at + 1 :]) == original
        except Damaged:
            noticed += 1
    assert noticed >= len(parts) - 1
