"""Framing: what is written is read again, and nothing that differs from it is."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import struct
import zlib
from collections.abc import Callable

import pytest

from coding import container
from coding.container import (
    NO_WEIGHTS,
    Block,
    Design,
    Digest,
    EndMark,
    Form,
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

Peak = Callable[[Callable[[], object]], int]

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


@pytest.mark.parametrize("kind", [6, 10, 255])
def test_other_types_need_a_newer_program(kind: int) -> None:
    whole = bytearray(packed())
    whole[20] = kind
    with pytest.raises(NewerBlock, match=f"type {kind},.*: update"):
        read(bytes(whole))


@pytest.mark.parametrize(
    ("offset", "value", "what"),
    [(2, 8, "design 8 "), (2, 255, "design 255 "), (3, 7, "transform 7,")],
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


def test_short_reads_are_joined_once(monkeypatch: pytest.MonkeyPatch, peak_of: Peak) -> None:
    """Adding piece to piece copied 130 GB for 128 MiB in pieces of 64 KiB."""
    data = bytes(range(256)) * 40
    source = Trickle(data, 64)

    def read_all() -> None:
        assert container.read_up_to(source, len(data)) == data

    peak = peak_of(read_all)
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


# The short form

ORIGINAL = b"what a small file holds"
SHORTS = {
    Form.AFTER_MEMORY: Block(
        Mixed(23, 8, 1, Design.LIGHT, Transform.NONE, 4096, NO_WEIGHTS), b"\1\2\3\4\0\6\7\5"
    ),
    Form.WITH_NETWORK: Block(
        Mixed(23, 8, 16, Design.FULL, Transform.NONE, 255, IDENTITY), b"\1\2\3\4\0\0\0\5"
    ),
    Form.MEMORY_ALONE: Block(
        Mixed(23, 4, 1, Design.LIGHT, Transform.NONE, 1, NO_WEIGHTS), b"\0\0\3\4"
    ),
    Form.RAW: Block(Head(Kind.RAW, 23, 23), ORIGINAL),
}


def digest_of(data: bytes) -> Digest:
    digest = Digest()
    digest.update(data)
    return digest


def short(form: Form, block: Block | None = None) -> bytes:
    memory = IDENTITY if form == Form.AFTER_MEMORY else container.NO_MEMORY
    data = container.short_bytes(block or SHORTS[form], digest_of(ORIGINAL), memory)
    assert data is not None
    return data


@pytest.mark.parametrize("form", Form)
def test_a_block_comes_back_from_the_short_form(form: Form) -> None:
    block, packed = SHORTS[form], short(form)
    reader = Reader(io.BytesIO(packed))
    (found,) = reader.blocks()
    assert reader.short
    assert found.payload == block.payload
    reader.compare(digest_of(ORIGINAL))
    with pytest.raises(Damaged, match="checksum"):
        reader.compare(digest_of(ORIGINAL[:-1]))
    if form == Form.AFTER_MEMORY:
        assert reader.memory_id == IDENTITY[:4]
        assert found.head == Head(Kind.MIXED, 23, 8), "the memory says the rest"
        return
    assert reader.memory_id == container.NO_MEMORY
    if isinstance(block.head, Mixed) and form == Form.WITH_NETWORK:
        assert found.head == dataclasses.replace(block.head, weights_id=IDENTITY[:4])
    else:
        assert found.head == block.head


def test_sizes_of_the_short_form_are_the_pages() -> None:
    """Of the payloads the zeros before their ends are left out."""
    sizes = {form: len(short(form)) for form in Form}
    assert list(sizes.values()) == [14 + 7, 16 + 5, 12 + 2, 8 + 23]
    assert container.short_bytes(None, Digest()) == container.SHORT_MAGIC + (
        b"\4" + digest_of(b"").short_mark(container.SHORT_MAGIC + b"\4").check
    )


@pytest.mark.parametrize("form", Form)
def test_the_check_is_of_all_bytes_and_of_the_original(form: Form) -> None:
    packed = short(form)
    whole = packed[:4] + packed[8:] + hashlib.sha256(ORIGINAL).digest()
    assert packed[4:8] == hashlib.sha256(whole).digest()[:4]


def noticed(data: bytes) -> bool:
    """Whether a container is refused, if only once its original is compared."""
    try:
        reader = Reader(io.BytesIO(data))
        list(reader.blocks())
        reader.compare(digest_of(ORIGINAL))
    except FormatError:
        return True
    return False


@pytest.mark.parametrize("form", Form)
def test_every_change_to_the_short_form_is_noticed(form: Form) -> None:
    packed = short(form)
    assert not noticed(packed)
    for bit in range(8 * len(packed)):
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 1 << bit % 8
        assert noticed(bytes(damaged))
    for place in range(len(packed)):
        assert noticed(packed[:place])
    assert all(noticed(packed + bytes(more)) for more in (1, 2, 3, 4, 8, 1 << 16, 1 << 20))


@pytest.mark.parametrize(("form", "start"), [*zip(Form, (14, 16, 12, 8), strict=True)])
def test_the_short_form_cut_inside_its_fields_is_truncated(form: Form, start: int) -> None:
    for place in range(start):
        with pytest.raises(Truncated):
            read(short(form)[:place])


@pytest.mark.parametrize("number", [5, 10, 13, 255])
def test_other_forms_need_a_newer_program(number: int) -> None:
    for rest in (b"", b"x" * 50):
        with pytest.raises(NewerVersion, match=f"form {number}, .*: update"):
            read(container.SHORT_MAGIC + bytes([number]) + rest)


def test_another_design_in_the_short_form_needs_a_newer_program() -> None:
    packed = short(Form.MEMORY_ALONE)
    with pytest.raises(NewerBlock, match=r"design 8 .*: update"):
        read(packed[:10] + b"\10" + packed[11:])


def test_what_the_short_form_cannot_hold() -> None:
    head = SHORTS[Form.WITH_NETWORK].head
    assert isinstance(head, Mixed)
    for changes in (
        {"transform": Transform.X86},
        {"tables": 256},
        {"length": 1 << 16},
    ):
        block = Block(dataclasses.replace(head, **changes), b"\1\2\3\4" * 2)
        assert container.short_bytes(block, Digest()) is None
    assert container.short_bytes(run(3), Digest()) is None
    assert container.short_bytes(Block(Head(Kind.RAW, 1 << 16, 1 << 16), b""), Digest()) is None


def written(*pairs: tuple[Block, bytes], memory_id: bytes = container.NO_MEMORY) -> bytes:
    target, digest = io.BytesIO(), Digest()
    writer = container.Writer(target, memory_id)
    for block, original in pairs:
        digest.update(original)
        writer.add(block, original)
    writer.end(digest)
    return target.getvalue()


def test_the_writer_takes_the_smaller_form() -> None:
    raw, alone = SHORTS[Form.RAW], SHORTS[Form.MEMORY_ALONE]
    assert written((raw, ORIGINAL)) == short(Form.RAW)
    assert written((alone, ORIGINAL)) == short(Form.MEMORY_ALONE)
    assert written((SHORTS[Form.AFTER_MEMORY], ORIGINAL), memory_id=IDENTITY) == short(
        Form.AFTER_MEMORY
    )
    assert written() == container.short_bytes(None, Digest())
    two = written((raw, ORIGINAL), (alone, ORIGINAL))
    assert two == (
        container.header_bytes()
        + container.block_bytes(raw)
        + container.block_bytes(alone)
        + container.end_bytes(digest_of(ORIGINAL * 2).end_mark())
    )
    assert len(written((run(56), b"x" * 56))) == 8 + 56, "raw in the short form"
    assert len(written((run(57), b"x" * 57))) == 48 + 17, "as long in either form"
    little = Block(Mixed(9, 8, 1, Design.LIGHT, Transform.NONE, 1, NO_WEIGHTS), b"\0\0\0\1" * 2)
    assert len(written((little, b"9 letters"))) == 8 + 9, "where a mixed one takes 12 + 8"


@pytest.mark.parametrize("size", [0, 1, 3])
def test_the_length_is_stated_where_it_can_be_read_first(size: int) -> None:
    raw = container.short_bytes(Block(Head(Kind.RAW, 23, 23), ORIGINAL), Digest())
    assert raw is not None
    assert container.stated_length(raw[:10], len(raw)) == 23
    for form in (Form.AFTER_MEMORY, Form.WITH_NETWORK, Form.MEMORY_ALONE):
        assert container.stated_length(short(form)[:10], len(short(form))) == 23
    assert container.stated_length(packed()[:10], len(packed())) is None
    assert container.stated_length(raw[:size], size) is None
