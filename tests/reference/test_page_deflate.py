"""The page decoder makes deflate streams again as zlib made them, and refuses what is invalid."""

from __future__ import annotations

import random
import struct
import sys
import zlib
from collections.abc import Iterable
from types import ModuleType

import pytest

from coding import container
from coding.container import NO_MEMORY, Digest
from compressor.codec import stream
from data.samples import sample

TEXT = sample()[100_000:160_000]
LARGE, CHECKED = 8 | 32, 16  # large and wide: a memory level of 9
STORED, FIXED, DYNAMIC, DESCRIBED = 0, 1, 2, 6
EVEN = [8] * 226 + [9] * 60, [4] * 2 + [5] * 28
"""Lengths of two complete codes for all literals and lengths, and for all distances."""


@pytest.fixture
def page(page_decoder: ModuleType) -> ModuleType:
    """The piece of the page decoder that makes streams."""
    assert page_decoder.rebuild is sys.modules["page_deflate"].rebuild
    return sys.modules["page_deflate"]


def varint(value: int) -> bytes:
    """A number as the parts hold it."""
    data = b""
    while value >= 128:
        data += bytes([value % 128 + 128])
        value //= 128
    return data + bytes([value])


def head(size: int, level: int = 6, form: int = 0, gap: int = 0, corrections: int = 0) -> bytes:
    """The head of one stream, form being what it is in the parts."""
    return varint(gap) + varint(size) + bytes([level, form]) + varint(corrections)


def by_zlib(text: bytes, level: int, form: int = 0, strategy: int = 0) -> bytes:
    """What zlib makes, with the window bits and the memory level that form says."""
    bits, memory = 15 - (form & 7), 9 if form & LARGE else 8
    if not form & CHECKED:
        bits = -bits
    packer = zlib.compressobj(level, zlib.DEFLATED, bits, memory, strategy)
    packed = packer.compress(text) + packer.flush()
    return packed[2:] if form & CHECKED else packed


def corrected(page: ModuleType, text: bytes, corrections: bytes, level: int = 6) -> bytes:
    """The stream that corrections lead to, which stands for the text as all such streams do."""
    packed = page.make_stream(
        text, page.Head(0, len(text), level, 15, False, False, False, 0), corrections
    )
    unpacker = zlib.decompressobj(-15)
    assert unpacker.decompress(packed) == text
    assert unpacker.eof
    assert unpacker.unused_data == b""
    assert isinstance(packed, bytes)
    return packed


def listing(number: int, kind: int, more: bytes = b"") -> bytes:
    """Corrections that list one block."""
    return varint(1) + varint(number) + bytes([kind]) + more


def bits_of(fields: Iterable[tuple[int, int]]) -> bytes:
    """A description as corrections hold it: how many bits it has, and values of so many bits."""
    text = "".join(f"{value:0{number}b}"[::-1] for value, number in fields)
    size = (len(text) + 7) // 8
    return varint(len(text)) + int(text[::-1], 2).to_bytes(size, "little")


def bits_from(data: bytes, at: int) -> bytes:
    """The bits of a stream from one of them on."""
    return (int.from_bytes(data, "little") >> at).to_bytes(len(data), "little")


def described(literals: list[int], distances: list[int]) -> list[tuple[int, int]]:
    """A description of codes whose lengths are among 0, 1, 4, 5, 8 and 9, without repetitions."""
    own = {0: 3, 1: 3, 4: 3, 5: 3, 8: 2, 9: 2}
    codes = {8: 0b00, 9: 0b10, 0: 0b001, 1: 0b101, 4: 0b011, 5: 0b111}
    order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1]
    fields = [(len(literals) - 257, 5), (len(distances) - 1, 5), (len(order) - 4, 4)]
    fields += [(own.get(symbol, 0), 3) for symbol in order]
    return fields + [(codes[length], own[length]) for length in literals + distances]


# What zlib makes


@pytest.mark.parametrize(
    ("level", "form", "size"),
    [
        *((level, 0, 10_000) for level in range(1, 10)),
        *((level, CHECKED + LARGE, 10_000) for level in (1, 6, 9)),
        *((level, form, 6_000) for level in (1, 3, 4, 6, 9) for form in (LARGE + 3, 6)),
        (1, 0, 60_000),  # of more than one deflate block
    ],
)
def test_a_stream_is_the_one_that_zlib_makes(
    page: ModuleType, level: int, form: int, size: int
) -> None:
    text = TEXT[:size]
    packed = by_zlib(text, level, form)
    assert page.rebuild(varint(1) + head(size, level, form) + text, len(packed)) == packed


def strange_texts() -> dict[str, bytes]:
    """Texts that lead to what text does not: stored and fixed blocks, long codes, no distances."""
    chance = random.Random(1)
    counts = [1, 1]
    while len(counts) < 18:
        counts.append(counts[-1] + counts[-2])
    skewed = [7 * i for i, count in enumerate(counts) for _ in range(count)]
    chance.shuffle(skewed)
    lengths = (1, 2, 3, 4, 7, 10, 11, 138, 258, 259, 300)
    runs = b"".join(bytes([chance.randrange(256)]) * chance.choice(lengths) for _ in range(150))
    return {
        "nothing": b"",
        "a byte": b"a",
        "two bytes": b"ab",
        "four bytes": b"abab",
        "zeros": bytes(5000),
        "nearly all bytes": bytes(range(1, 256)),
        "skewed": bytes(skewed),
        "runs": runs,
        "few": bytes(chance.choice(b"ab") for _ in range(4000)),
        "noise": chance.randbytes(17_000),
        "text and noise": TEXT[:2_000] + chance.randbytes(2_000),
        "far": TEXT[:40]
        + chance.randbytes(5_000)
        + TEXT[:40]
        + b"".join(TEXT[i : i + 3] + chance.randbytes(2) for i in range(0, 36, 3)),
    }


STRANGE = strange_texts()


@pytest.mark.parametrize("name", STRANGE)
def test_a_stream_of_a_strange_text_is_too(page: ModuleType, name: str) -> None:
    text = STRANGE[name]
    for level in (1, 4, 9):
        packed = by_zlib(text, level)
        assert page.rebuild(varint(1) + head(len(text), level) + text, len(packed)) == packed


@pytest.mark.parametrize("level", range(1, 10))
def test_a_match_may_be_as_far_as_the_window_allows(page: ModuleType, level: int) -> None:
    """The first that is visited may be 262 less than a window away, others one less than that."""
    noise, again = (random.Random(number).randbytes(250) for number in (3, 4))
    for text in (
        b"-" + noise + noise[:50],
        b"-" + noise + b"-" + noise[:50],
        b"-" + noise[:40] + again[:180] + noise[:3] + again[:26] + noise[:40],
        b"-" + noise[:40] + again[:180] + noise[:3] + again[:27] + noise[:40],
    ):
        made = by_zlib(text, level, 6)
        assert page.rebuild(varint(1) + head(len(text), level, 6) + text, len(made)) == made


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_full_block_that_ends_the_text_is_not_the_last(page: ModuleType, level: int) -> None:
    """So it is in zlib too, but for levels 4 to 9 where the last token is a literal."""
    text = bytes(c for i in range(2**13) for c in (i >> 7, 128 + i % 128))[: 2**14 - 1]
    packed = by_zlib(text, level)
    assert page.rebuild(varint(1) + head(len(text), level) + text, len(packed)) == packed
    assert corrected(page, text, b"", level) != corrected(
        page, text, listing(len(text), DYNAMIC), level
    )


def test_streams_lie_between_other_bytes(page: ModuleType) -> None:
    """The first has corrections that change nothing, the second is checked, the third is empty."""
    first, second = TEXT[:2_000], TEXT[2_000:5_000]
    packed = zlib.compress(second, 2)
    parts = varint(3) + head(2_000, 9, gap=5, corrections=1) + head(3_000, 2, CHECKED, gap=2)
    parts += head(0, 5, gap=0) + b"\0" + b"start" + first + packed[:2] + second + b"the rest"
    original = b"start" + by_zlib(first, 9) + packed + b"\x03\0" + b"the rest"
    assert page.rebuild(parts, len(original)) == original
    for wrong in (len(original) - 9, len(original) - 1, len(original) + 1):
        with pytest.raises(ValueError, match="its length"):
            page.rebuild(parts, wrong)


def test_numbers_may_be_longer_than_needed(page: ModuleType) -> None:
    parts = b"\x81\x80\x80\x80\0" + b"\x83\0" + b"\x80\x80\0" + b"\x06\0\x80\0" + b"gap"
    assert page.rebuild(parts, 5) == b"gap\x03\0"


# Corrections


def test_literals_in_the_place_of_all_matches(page: ModuleType) -> None:
    """Blocks end elsewhere then, and have other codes: as they are where zlib looks for none."""
    text = TEXT[:16_500]
    packed = by_zlib(text, 6, strategy=zlib.Z_HUFFMAN_ONLY)
    assert corrected(page, text, b"\0" + b"\0\0" * len(text)) == packed


@pytest.mark.parametrize("level", [1, 4, 9])
def test_listed_blocks_are_as_listed(page: ModuleType, level: int) -> None:
    """Fixed and stored blocks, as zlib makes them where it is told to; the text has no match."""
    text = bytes(range(50, 150))
    fixed = by_zlib(text, level, strategy=zlib.Z_FIXED)
    assert corrected(page, text, listing(100, FIXED), level) == fixed
    assert corrected(page, text, listing(100, STORED), level) == by_zlib(text, 0)


def test_a_stored_block_has_65535_bytes_at_most(page: ModuleType) -> None:
    text = TEXT[:2_000] * 33
    listed = varint(2) + varint(2**16 - 1) + bytes([STORED]) + varint(465) + bytes([STORED])
    packed = corrected(page, text, listed, 1)
    assert len(packed) == len(text) + 10
    assert packed[5 : 5 + 2**16 - 1] == text[:-465]


def joined(tokens: Iterable[tuple[int, ...]]) -> bytes:
    """Corrections of tokens, each of three numbers, or of two for a literal."""
    return b"".join(varint(value) for token in tokens for value in token)


def test_corrections_of_single_tokens(page: ModuleType) -> None:
    """A literal in the place of a match, shorter and farther matches, a match where none is."""
    text = b"=abcdefgh-abcdefgh+abcdefgh*xxxx"
    # Foreseen: 10 literals, the match (8, 9), '+', the match (8, 9), '*', 'x', the match (3, 1).
    plain = by_zlib(text, 6)
    assert corrected(page, text, b"") == corrected(page, text, b"\0") == plain
    assert corrected(page, text, b"\0" + joined([(10, 8, 9), (1, 8, 9), (2, 3, 1)])) == plain
    seen = {plain}
    for tokens in (
        [(10, 0)],
        [(10, 5, 9)],
        [(10, 5, 9), (0, 0), (0, 0), (0, 0)],
        [(12, 8, 18)],
        [(12, 8, 18), (2, 0)],
    ):
        seen.add(corrected(page, text, b"\0" + joined(tokens)))
    assert len(seen) == 6


def test_nothing_is_held_after_a_correction(page: ModuleType) -> None:
    text = b"-abc.bcdefg.abcdefg!"
    # Foreseen: 13 literals, as the match (6, 8) of 'bcdefg' is held in the place of (3, 11) of
    # 'abc'. With that one put back, 'defg' is looked for and found.
    plain = [*[(0, 0)] * 13, (0, 6, 8), (0, 0)]
    assert corrected(page, text, b"\0" + joined(plain)) == corrected(page, text, b"")
    other = [*[(0, 0)] * 12, (0, 3, 11), (0, 4, 8), (0, 0)]
    assert corrected(page, text, b"\0" + joined([(12, 3, 11)])) == corrected(
        page, text, b"\0" + joined(other)
    )


@pytest.mark.parametrize("level", [1, 6])
def test_many_listed_blocks_of_all_types(page: ModuleType, level: int) -> None:
    """Empty ones too, and a match that a stored block cuts into literals."""
    text = b"-" + b"abcdefgh" * 20
    listed = varint(8)
    for number, kind in (
        (3, FIXED),
        (0, STORED),
        (2, DYNAMIC),
        (90, STORED),  # four literals, and one after the other in the place of too long matches
        (0, DYNAMIC),
        (1, DESCRIBED),
        (1, FIXED),
        (0, FIXED),
    ):
        listed += varint(number) + bytes([kind])
        listed += bits_of(described(*EVEN)) if kind == DESCRIBED else b""
    packed = corrected(page, text, listed + joined([(5, 0)]), level)
    assert text[5:95] in packed
    assert packed == corrected(page, text, listed + joined([*[(0, 0)] * 6, (0, 65, 8)]), level)
    with_match = listed.replace(bytes([1, FIXED]), bytes([0, FIXED]))
    assert len(corrected(page, text, with_match, level)) == len(packed) - 1


@pytest.mark.parametrize(
    ("text", "tokens", "distances"),
    [
        (b"-abcd", 5, [0]),
        (b"-aaaaa", 3, [1]),
        (b"-abcdabcd", 6, [0, 0, 0, 1]),
        (b"-abcdabcd", 6, EVEN[1]),
    ],
)
def test_a_described_code_of_distances_may_have_one_or_none(
    page: ModuleType, text: bytes, tokens: int, distances: list[int]
) -> None:
    description = bits_of(described(EVEN[0], distances))
    packed = corrected(page, text, listing(tokens, DESCRIBED, description))
    assert description[2:-1] in bits_from(packed, 3)


def test_a_repetition_may_go_on_into_the_distances(page: ModuleType) -> None:
    """255 zeros, two lengths of 1, and 29 zeros more; then one zero for the distances."""
    own = [(1 if symbol in (2, 17) else 0, 3) for symbol in range(18)]  # 18, and the length 1
    lengths = [(1, 1), (127, 7), (1, 1), (106, 7), (0, 1), (0, 1), (1, 1), (19, 7)]
    description = bits_of([(29, 5), (0, 5), (14, 4), *own, *lengths])
    assert len(corrected(page, b"", listing(0, DESCRIBED, description))) == 13


# What is refused


ABC = b"-abcabc"
"""Foreseen: four literals and the match (3, 3), all in a fixed block."""


def describing(literals: list[int], distances: list[int]) -> bytes:
    """Corrections that list the block of ABC with these codes."""
    return listing(5, DESCRIBED, bits_of(described(literals, distances)))


def with_field(at: int, value: int) -> bytes:
    """Corrections that list the block of ABC, with another length in the code of lengths."""
    return listing(5, DESCRIBED, bits_of([*FIELDS[:at], (value, 3), *FIELDS[at + 1 :]]))


def filled_with_ones(description: bytes) -> bytes:
    """A description whose last byte has a bit that is not one of it."""
    return description[:-1] + bytes([description[-1] | 128])


FIELDS = described(*EVEN)


def name(value: object) -> str:
    """What a case is called by: its reason."""
    return value if isinstance(value, str) else ""


REFUSED_CORRECTIONS = {
    "no number": (b"\x80", "beyond its end"),
    "a correction is left": (b"\0" + joined([(5, 0)]), "left over"),
    "a correction is cut off": (b"\0" + joined([(4, 3)]), "beyond its end"),
    "the length 1": (b"\0" + joined([(0, 1, 1)]), "invalid length"),
    "the length 2": (b"\0" + joined([(3, 2, 1)]), "invalid length"),
    "the length 259": (b"\0" + joined([(3, 259, 1)]), "invalid length"),
    "the distance 0": (b"\0" + joined([(4, 3, 0)]), "invalid distance"),
    "the distance 32,769": (b"\0" + joined([(4, 3, 32_769)]), "invalid distance"),
    "beyond the text": (b"\0" + joined([(4, 4, 3)]), "beyond the text"),
    "beyond the start": (b"\0" + joined([(4, 3, 5)]), "beyond the start"),
    "too many tokens": (listing(6, FIXED), "more tokens"),
    "too few tokens": (listing(4, FIXED), "do not reach"),
    "too many bytes": (listing(8, STORED), "more bytes"),
    "too few bytes": (listing(6, STORED), "do not reach"),
    "2^16 stored bytes": (listing(65_536, STORED), "2\\^16 bytes"),
    "tokens of a stored block": (listing(7, STORED) + joined([(0, 0)]), "left over"),
    "type 3": (listing(5, 3), "invalid type"),
    "a greater type": (listing(5, 8), "invalid type"),
    "fixed and described": (listing(5, FIXED + 4, bits_of(FIELDS)), "not dynamic"),
    "stored and described": (listing(7, STORED + 4, bits_of(FIELDS)), "not dynamic"),
    "a description that ends early": (listing(5, DESCRIBED, bits_of(FIELDS[:-1])), "cut off"),
    "a description that goes on": (listing(5, DESCRIBED, bits_of([*FIELDS, (0, 1)])), "behind"),
    "ones behind it": (listing(5, DESCRIBED, filled_with_ones(bits_of(FIELDS))), "zeros"),
    "287 symbols": (describing([*EVEN[0], 0], EVEN[1]), "too many symbols"),
    "31 distances": (describing(EVEN[0], [*EVEN[1], 0]), "too many symbols"),
    "an incomplete code of lengths": (with_field(9, 0), "code of a description"),
    "an overfull code of lengths": (with_field(10, 1), "code of a description"),
    "incomplete literals": (describing([0, *EVEN[0][1:]], EVEN[1]), "code of literals"),
    "overfull literals": (describing([*EVEN[0][:-1], 8], EVEN[1]), "code of literals"),
    "incomplete distances": (describing(EVEN[0], [0, 4]), "code of distances"),
    "overfull distances": (describing(EVEN[0], [1, 1, 1]), "code of distances"),
    "two unequal distances": (describing(EVEN[0], [1, 4]), "code of distances"),
    "no code of the end": (
        describing([8] * 227 + [9] * 29 + [0] + [9] * 29, EVEN[1]),
        "lacks the symbol",
    ),
    "no code of the length 3": (
        describing([8] * 227 + [9] * 30 + [0] + [9] * 28, EVEN[1]),
        "lacks the symbol",
    ),
    "no code of the distance": (describing(EVEN[0], [1]), "lacks the symbol"),
    "no code of any distance": (describing(EVEN[0], [0]), "lacks the symbol"),
}


@pytest.mark.parametrize("name", REFUSED_CORRECTIONS)
def test_it_refuses_corrections(page: ModuleType, name: str) -> None:
    corrections, reason = REFUSED_CORRECTIONS[name]
    with pytest.raises(ValueError, match=reason):
        page.make_stream(ABC, page.Head(0, 7, 6, 15, False, False, False, 0), corrections)


def with_repetitions(*fields: tuple[int, int], literals: int = 257, distances: int = 1) -> bytes:
    """Corrections with a description of a code of the lengths 0 and 16 and 18, of 1 and 2 bits."""
    start = [(literals - 257, 5), (distances - 1, 5), (0, 4), (2, 3), (0, 3), (2, 3), (1, 3)]
    return listing(5, DESCRIBED, bits_of([*start, *fields]))


@pytest.mark.parametrize(
    ("corrections", "reason"),
    [
        (with_repetitions((0b01, 2), (0, 2)), "begins with a repetition"),
        (with_repetitions(*[(0b11, 2), (127, 7)] * 2), "beyond a description"),
        (with_repetitions((0b11, 2), (127, 7), (0b11, 2), (109, 7)), "code of literals"),
    ],
    ids=name,
)
def test_it_refuses_repetitions(page: ModuleType, corrections: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        page.make_stream(ABC, page.Head(0, 7, 6, 15, False, False, False, 0), corrections)


ONE = varint(1) + head(7)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (b"", "beyond its end"),
        (b"\0" + ABC, "without streams"),
        (varint(2) + head(7), "beyond its end"),
        (varint(1) + head(7, level=0) + ABC, "invalid level"),
        (varint(1) + head(7, level=10) + ABC, "invalid level"),
        (varint(1) + head(7, form=7) + ABC, "invalid form"),
        (varint(1) + head(7, form=64) + ABC, "invalid form"),
        (varint(1) + head(7, gap=1) + ABC, "beyond its end"),
        (varint(1) + head(7, corrections=8) + ABC, "beyond its end"),
        (ONE + ABC[:-1], "beyond its end"),
        (varint(1) + head(2**32 - 1) + ABC, "beyond its end"),
        (varint(1) + head(2**32) + ABC, "2\\^32"),
        (b"\x80\x80\x80\x80\x80\0" + head(7) + ABC, "five bytes"),
    ],
    ids=name,
)
def test_it_refuses_parts(page: ModuleType, parts: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        page.rebuild(parts, 1000)


# Blocks


def block_bytes(kind: int, length: int, payload: bytes, size: int | None = None) -> bytes:
    """A block with the head of a raw one."""
    data = struct.pack("<BBBBII", kind, 0, 0, 0, length, len(payload) if size is None else size)
    return (data := data + payload) + struct.pack("<I", zlib.crc32(data))


def container_of(block: bytes, original: bytes, memory: bytes = NO_MEMORY) -> bytes:
    """A container of one block."""
    digest = Digest()
    digest.update(original)
    return container.header_bytes(memory) + block + container.end_bytes(digest.end_mark())


TEXT_THAT_MIXES = b"One, two. " * 12


def mixed_block(original: bytes) -> bytes:
    """A mixed block as the program writes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "SHORT_MOST", -1)
        block = stream.compress(original, 1)[20:-28]
    assert block[0] == container.Kind.MIXED
    return block


def rebuilt() -> tuple[bytes, bytes]:
    """The payload of a rebuilt block of raw, run and mixed blocks, and its original.

    The stream holds 1000 zeros, each as a literal of a fixed block, which no match and no other
    code would do; so its corrections are zeros too.
    """
    gap = len(TEXT_THAT_MIXES)
    start = varint(1) + head(1000, 6, gap=gap, corrections=2004)
    corrections = listing(1000, FIXED) + bytes(2000)
    assert len(corrections) == 2004
    blocks = block_bytes(1, len(start) + 4, start + corrections[:4])
    blocks += block_bytes(2, 2000, b"\0") + mixed_block(TEXT_THAT_MIXES)
    blocks += block_bytes(2, 1000, b"\0")
    literals = "1" + "10" + "00110000" * 1000 + "0000000"
    literals += "0" * (-len(literals) % 8)
    made = bytes(int(literals[i : i + 8][::-1], 2) for i in range(0, len(literals), 8))
    return blocks, TEXT_THAT_MIXES + made


def test_a_rebuilt_block_holds_blocks(page_decoder: ModuleType) -> None:
    payload, original = rebuilt()
    assert zlib.decompress(original[len(TEXT_THAT_MIXES) :], -15) == bytes(1000)
    packed = container_of(block_bytes(4, len(original), payload), original)
    assert len(packed) < 500
    assert page_decoder.decode(packed, {}) == original
    for at in range(20, len(packed) - 28, 7):
        spoiled = packed[:at] + bytes([packed[at] ^ 16]) + packed[at + 1 :]
        with pytest.raises(ValueError, match=r"\w+ \w+"):
            page_decoder.decode(spoiled, {})


def test_the_networks_of_blocks_in_a_rebuilt_block_are_named(page_decoder: ModuleType) -> None:
    mixed = struct.pack("<BBBBIIHH8s", 3, 0, 1, 0, 9, 8, 1, 0, b"identity") + bytes(8)
    mixed += struct.pack("<I", zlib.crc32(mixed))
    packed = container_of(block_bytes(4, 1000, mixed), b"")
    assert page_decoder.weights_named(packed) == {b"identity"}
    with pytest.raises(ValueError, match=b"identity".hex()):
        page_decoder.decode(packed, {})


RUN, RAW = block_bytes(2, 320, b"\0"), block_bytes(1, 5, b"12345")


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (block_bytes(4, 100, b""), "of no parts"),
        (block_bytes(4, len(RUN), RUN), "invalid size"),
        (block_bytes(4, 0, b""), "invalid block length"),
        (block_bytes(4, 2**27 + 1, RAW), "invalid block length"),
        (block_bytes(4, 100, block_bytes(4, 90, RAW)), "type 4 in a block of parts"),
        (block_bytes(4, 100, RAW + bytes(28)), "type 0 in a block of parts"),
        (block_bytes(4, 100, block_bytes(5, 5, b"12345")), "type 5 in a block of parts"),
        (block_bytes(4, 100, RAW[:-1]), "truncated block"),
        (block_bytes(4, 100, RAW[:-1] + b"?"), "wrong checksum"),
        (block_bytes(4, 19, RUN), "without streams"),
        (block_bytes(4, 19, block_bytes(2, 19 * 32 + 1, b"\0")), "too long parts"),
        (block_bytes(4, 2**24, RAW + block_bytes(2, 2**27 - 4, b"\0")), "too long parts"),
        (block_bytes(6, 100, RAW), "newer decoder"),
        (block_bytes(10, 100, RAW), "newer decoder"),
    ],
    ids=name,
)
def test_it_refuses_rebuilt_blocks(page_decoder: ModuleType, block: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        page_decoder.decode(container_of(block, b""), {})


def test_it_refuses_rebuilt_blocks_with_a_field_of_mixed_ones(page_decoder: ModuleType) -> None:
    payload, original = rebuilt()
    block = block_bytes(4, len(original), payload)[:-4]
    for at in (1, 2, 3):
        wrong = block[:at] + b"\1" + block[at + 1 :]
        wrong += struct.pack("<I", zlib.crc32(wrong))
        with pytest.raises(ValueError, match="not 0"):
            page_decoder.decode(container_of(wrong, original), {})


def test_it_refuses_a_rebuilt_block_with_a_prepared_memory(page_decoder: ModuleType) -> None:
    memory = page_decoder.Prepared(1, 1, bytes(8), b"a text")
    payload, original = rebuilt()
    block = block_bytes(4, len(original), payload)
    packed = container_of(block, original, memory.identity())
    with pytest.raises(ValueError, match="with a prepared memory"):
        page_decoder.decode(packed, {}, [memory])
