"""Framing: what is written is read again, and nothing that differs from it is."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from coding import container
from coding.container import Block, Digest, Header, Kind
from coding.errors import BadMagic, Damaged, FormatError, NewerVersion, TrailingData, Truncated

IDENTITY = bytes(range(8))
BLOCKS = [
    Block(Kind.RAW, 5, b"hello"),
    Block(Kind.RUN, 1000, b"\0"),
    Block(Kind.MODEL, 300, b"\1\2\3\4" * 4, 64),
]


def packed(blocks: list[Block] = BLOCKS) -> bytes:
    digest = Digest()
    digest.update(b"whatever")
    return (
        container.header_bytes(Header(IDENTITY))
        + b"".join(map(container.block_bytes, blocks))
        + container.end_bytes(digest)
    )


def read(data: bytes) -> list[Block]:
    source = io.BytesIO(data)
    header = container.read_header(source)
    assert header == Header(IDENTITY)
    return list(container.read_blocks(source, header.version))


def resealed(data: bytes, start: int, size: int) -> bytes:
    """The part's checksum made to fit again, so that the field itself is what is refused."""
    crc = struct.pack("<I", zlib.crc32(data[start : start + size]))
    return data[: start + size] + crc + data[start + size + 4 :]


def test_blocks_come_back() -> None:
    *blocks, end = read(packed())
    assert blocks == BLOCKS
    assert (end.kind, end.length) == (Kind.END, 8)


def test_sizes_are_the_pages() -> None:
    assert len(packed([])) == 20 + 28
    assert len(packed()) == 20 + 28 + 3 * 16 + 5 + 1 + 16


def test_cut_anywhere_is_truncated() -> None:
    whole = packed()
    for size in range(len(whole)):
        with pytest.raises(Truncated):
            read(whole[:size])


def test_every_flipped_bit_is_refused() -> None:
    whole = packed()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            read(bytes(damaged))


def test_wrong_magic_newer_version_and_trailing_bytes_have_names() -> None:
    whole = packed()
    with pytest.raises(BadMagic):
        read(b"PK\3\4" + whole)
    with pytest.raises(NewerVersion):
        read(whole[:6] + bytes([container.VERSION + 1]) + whole[7:])
    with pytest.raises(TrailingData):
        read(whole + b"\0")


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (0, 4),  # a type that is none
        (1, 1),  # lanes in a raw block
        (2, 1),  # reserved
        (4, 6),  # size differs from length in a raw block
    ],
)
def test_a_block_header_that_breaks_the_page_is_damaged(offset: int, value: int) -> None:
    whole = bytearray(packed([BLOCKS[0]]))
    whole[20 + offset] = value
    with pytest.raises(Damaged):
        read(resealed(bytes(whole), 20, 12 + 5))


@pytest.mark.parametrize(("start", "offset", "size"), [(0, 7, 16), (20, 1, 24), (20, 2, 24)])
def test_reserved_bits_are_refused_under_a_good_checksum(
    start: int, offset: int, size: int
) -> None:
    whole = bytearray(packed([]))
    whole[start + offset] = 1
    with pytest.raises(Damaged):
        read(resealed(bytes(whole), start, size))


@pytest.mark.parametrize(("version", "longest"), [(1, 1 << 23), (2, 1 << 27)])
def test_a_block_may_not_ask_for_more_memory_than_the_page_allows(
    version: int, longest: int
) -> None:
    blocks = [
        container.block_bytes(Block(Kind.RUN, length, b"x")) for length in (longest, longest + 1)
    ]
    assert next(container.read_blocks(io.BytesIO(blocks[0]), version)).length == longest
    with pytest.raises(Damaged):
        next(container.read_blocks(io.BytesIO(blocks[1]), version))


def test_an_older_version_is_read_and_told_apart() -> None:
    older = Header(IDENTITY, 1)
    assert container.read_header(io.BytesIO(container.header_bytes(older))) == older
