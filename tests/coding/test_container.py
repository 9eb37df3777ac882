"""Framing: what is written is read again, and nothing that differs from it is."""

from __future__ import annotations

import hashlib
import io
import struct
import tracemalloc
import zlib

import pytest

from coding import container
from coding.container import (
    NO_WEIGHTS,
    Block,
    Design,
    Digest,
    EndMark,
    Head,
    Kind,
    Mixed,
    Reader,
    Transform,
)
from coding.errors import (
    BadMagic,
    Damaged,
    FormatError,
    NewerBlock,
    NewerVersion,
    OlderVersion,
    TrailingData,
    Truncated,
)

IDENTITY = bytes(range(8))
BLOCKS = [
    Block(Head(Kind.RAW, 5, 5), b"hello"),
    Block(Head(Kind.RUN, 1000, 1), b"\0"),
    Block(Mixed(300, 16, 64, Design.FULL, Transform.X86, 4096, IDENTITY), b"\1\2\3\4" * 4),
    Block(Mixed(9, 8, 1, Design.LIGHT, Transform.NONE, 1, NO_WEIGHTS), b"\0" * 8),
]


def packed(blocks: list[Block] = BLOCKS) -> bytes:
    digest = Digest()
    digest.update(b"whatever")
    return (
        container.header_bytes()
        + b"".join(map(container.block_bytes, blocks))
        + container.end_bytes(digest.end_mark())
    )


def read(data: bytes) -> tuple[list[Block], EndMark]:
    reader = Reader(io.BytesIO(data))
    return list(reader.blocks()), reader.end


def resealed(data: bytes, start: int, size: int) -> bytes:
    """The part's checksum made to fit again, so that the field itself is what is refused."""
    crc = struct.pack("<I", zlib.crc32(data[start : start + size]))
    return data[: start + size] + crc + data[start + size + 4 :]


def test_blocks_come_back() -> None:
    blocks, end = read(packed())
    assert blocks == BLOCKS
    assert end == EndMark(8, hashlib.sha256(b"whatever").digest()[:12])


def test_the_end_mark_is_known_only_at_the_end() -> None:
    reader = Reader(io.BytesIO(packed()))
    with pytest.raises(ValueError, match="read on"):
        _ = reader.end


def test_sizes_are_the_pages() -> None:
    assert len(packed([])) == 20 + 28
    assert len(packed()) == 20 + 28 + 2 * 16 + 2 * 28 + 5 + 1 + 16 + 8
    assert [len(packed([block])) - 48 for block in BLOCKS] == [
        block.head.framing + block.head.size for block in BLOCKS
    ]


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


def test_wrong_magic_and_trailing_bytes_have_names() -> None:
    whole = packed()
    with pytest.raises(BadMagic):
        read(b"PK\3\4" + whole)
    with pytest.raises(TrailingData):
        read(whole + b"\0")


@pytest.mark.parametrize(
    ("version", "error"), [(2, OlderVersion), (3, OlderVersion), (4, NewerVersion)]
)
@pytest.mark.parametrize("rest", [0, 41])
def test_other_versions_have_names_whatever_follows(
    version: int, error: type[FormatError], rest: int
) -> None:
    with pytest.raises(error, match=rf"version {version}\b.*: \w+"):
        read(container.MAGIC + bytes([version]) + b"x" * rest)


def test_version_0_is_damaged() -> None:
    whole = packed()
    with pytest.raises(Damaged):
        read(resealed(whole[:6] + b"\0" + whole[7:], 0, 16))


@pytest.mark.parametrize("byte", [0, 7])
def test_a_prepared_memory_is_named_once_the_checksum_holds(byte: int) -> None:
    whole = bytearray(packed())
    whole[8 + byte] = 0xAB
    with pytest.raises(Damaged):
        read(bytes(whole))
    named = Reader(io.BytesIO(resealed(bytes(whole), 0, 16))).memory_id
    assert named == bytes(byte) + b"\xab" + bytes(7 - byte)
    assert Reader(io.BytesIO(packed())).memory_id == container.NO_MEMORY


@pytest.mark.parametrize("kind", [4, 255])
def test_other_types_need_a_newer_program(kind: int) -> None:
    whole = bytearray(packed())
    whole[20] = kind
    with pytest.raises(NewerBlock, match=f"type {kind},.*: update"):
        read(bytes(whole))


@pytest.mark.parametrize(
    ("offset", "value", "what"),
    [(2, 3, "design 3 "), (2, 255, "design 255 "), (3, 7, "transform 7,")],
)
def test_other_designs_and_transforms_need_a_newer_program_once_the_checksum_holds(
    offset: int, value: int, what: str
) -> None:
    whole = bytearray(packed([BLOCKS[3]]))
    whole[20 + offset] = value
    with pytest.raises(Damaged, match="checksum"):
        read(bytes(whole))
    with pytest.raises(NewerBlock, match=f"{what}.*: update"):
        read(resealed(bytes(whole), 20, 24 + 8))


@pytest.mark.parametrize(
    ("number", "offset", "value"),
    [
        (0, 1, 1),  # lanes in a raw block
        (0, 2, 1),  # a design
        (0, 3, 1),  # a transform
        (0, 4, 6),  # size differs from length in a raw block
        (1, 1, 1),
        (1, 2, 1),
        (1, 3, 1),
        (3, 2, 0),  # a mixed block without a design
        (3, 12, 0),  # without tables
        (3, 13, 17),  # with more than 4,096 MiB of tables
        (3, 14, 1),  # reserved
        (3, 15, 1),
    ],
)
def test_a_block_header_that_breaks_the_page_is_damaged(
    number: int, offset: int, value: int
) -> None:
    whole = bytearray(packed([BLOCKS[number]]))
    whole[20 + offset] = value
    with pytest.raises(Damaged, match="breaks the format"):
        read(resealed(bytes(whole), 20, len(whole) - 20 - 28 - 4))


@pytest.mark.parametrize(("start", "offset", "size"), [(0, 7, 16), (20, 1, 24), (20, 2, 24)])
def test_reserved_bits_are_refused_under_a_good_checksum(
    start: int, offset: int, size: int
) -> None:
    whole = bytearray(packed([]))
    whole[start + offset] = 1
    with pytest.raises(Damaged):
        read(resealed(bytes(whole), start, size))


def framed(block: Block) -> bytes:
    return packed([block])


def run(length: int) -> Block:
    return Block(Head(Kind.RUN, length, 1), b"x")


def mixed(length: int, size: int, lanes: int) -> bytes:
    head = Mixed(length, size, lanes, Design.LIGHT, Transform.NONE, 64, NO_WEIGHTS)
    return framed(Block(head, bytes(size)))


def test_a_block_may_not_ask_for_more_memory_than_the_page_allows() -> None:
    assert read(framed(run(1 << 27)))[0] == [run(1 << 27)]
    for length in 0, (1 << 27) + 1:
        with pytest.raises(Damaged):
            read(framed(run(length)))


@pytest.mark.parametrize(
    ("length", "size", "lanes"),
    [
        (32_768, 4, 1),  # 8,192 original bytes for each payload byte
        (32_769, 8, 1),
        (1 << 27, 1 << 14, 1),
        (1 << 27, 1 << 14, 1024),
        (8, 4, 8),  # a byte for each lane
    ],
)
def test_a_mixed_block_within_the_limits_is_read(length: int, size: int, lanes: int) -> None:
    assert container.least_payload(length) <= size
    (block,), _ = read(mixed(length, size, lanes))
    assert isinstance(block.head, Mixed)
    assert (block.head.length, block.head.size, block.head.lanes) == (length, size, lanes)
    assert len(block.payload) == size


@pytest.mark.parametrize(
    ("length", "size", "lanes"),
    [
        (32_769, 4, 1),  # more than 8,192 original bytes for each payload byte
        (1 << 27, 64, 512),
        (1 << 27, 0, 1),
        (8, 0, 1),
        ((1 << 27) + 1, (1 << 14) + 4, 1),  # longer than 2^27
        (8, 6, 1),  # no whole word
        (8, 8, 1),  # no smaller than the original
        (8, 4, 16),  # more lanes than bytes
        (1 << 27, 1 << 17, 2048),  # more than 1,024 lanes
    ],
)
def test_a_mixed_block_that_asks_for_too_much_is_refused_by_its_header(
    length: int, size: int, lanes: int
) -> None:
    whole = mixed(length, size, lanes)
    source = io.BytesIO(whole)
    with pytest.raises(Damaged, match="breaks the format"):
        list(Reader(source).blocks())
    assert source.tell() == container.HEADER_BYTES + 24, "nothing of the payload was read"


class Trickle:
    """A source that gives little at a time, and counts what it copies out."""

    def __init__(self, data: bytes, most: int) -> None:
        self.rest, self.most, self.reads = memoryview(data), most, 0

    def read(self, size: int, /) -> bytes:
        piece = self.rest[: min(size, self.most)]
        self.rest = self.rest[len(piece) :]
        self.reads += 1
        return bytes(piece)


def test_short_reads_are_joined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding piece to piece copied 130 GB for 128 MiB in pieces of 64 KiB."""
    data = bytes(range(256)) * 40
    source = Trickle(data, 64)
    tracemalloc.start()
    assert container.read_up_to(source, len(data)) == data
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert source.reads == len(data) // 64
    assert peak < 4 * len(data) + 100 * source.reads

    class Counting(bytes):
        copied = 0

        def __add__(self, other: bytes) -> bytes:
            Counting.copied += len(self) + len(other)
            return Counting(bytes.__add__(self, other))

    pieces = iter([Counting(data[i : i + 64]) for i in range(0, len(data), 64)])
    monkeypatch.setattr(source, "read", lambda _size: next(pieces, b""))
    assert container.read_up_to(source, len(data)) == data
    assert Counting.copied == 0


def test_a_source_that_ends_early_gives_what_it_has() -> None:
    assert container.read_up_to(Trickle(b"abcde", 2), 9) == b"abcde"
    assert container.read_up_to(Trickle(b"", 2), 9) == b""
