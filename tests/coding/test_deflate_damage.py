"""Parts that are damaged are refused as such, and never end in another way."""

from __future__ import annotations

import random
import zlib

import pytest

from coding.deflate import corrections, rebuild, unpack
from coding.deflate.inflate import parse
from coding.deflate.stream import make
from coding.deflate.tokens import Plan, match
from coding.errors import Damaged
from coding.fields import Fields, varint
from data.samples import sample

TEXT = b"to be or not to be, is what I ask myself"  # "o be" is a match: nothing finds the start
PLAN = Plan(6, 15, False, False)
MOST = 10_000


def raw(text: bytes, level: int = 6) -> bytes:
    maker = zlib.compressobj(level, zlib.DEFLATED, -15)
    return maker.compress(text) + maker.flush()


def made(correction: bytes, text: bytes = TEXT) -> bytes:
    """What corrections make of a text; inflated it must be that text."""
    stream = make(text, PLAN, correction, MOST)
    assert zlib.decompress(stream, -15) == text
    return stream


def refused(correction: bytes, why: str, text: bytes = TEXT) -> None:
    with pytest.raises(Damaged, match=why):
        make(text, PLAN, correction, MOST)


def parts(
    correction: bytes = b"",
    *,
    count: int = 1,
    gap: bytes = b"",
    size: int = len(TEXT),
    level: int = 6,
    form: int = 0,
    text: bytes = TEXT,
    rest: bytes = b"",
) -> bytes:
    head = varint(count) + varint(len(gap)) + varint(size) + bytes([level, form])
    return head + varint(len(correction)) + correction + gap + text + rest


PLAIN = raw(TEXT)
SIZE = len(PLAIN)


def test_parts_by_hand_are_rebuilt() -> None:
    assert rebuild(parts(), SIZE) == PLAIN
    assert rebuild(parts(gap=b"ab", rest=b"cde"), SIZE + 5) == b"ab" + PLAIN + b"cde"
    check = zlib.adler32(TEXT).to_bytes(4, "big")
    assert rebuild(parts(form=16), SIZE + 4) == PLAIN + check
    assert rebuild(parts(size=0, text=b""), 2) == b"\x03\x00"


@pytest.mark.parametrize("level", [0, 10, 255])
def test_unknown_levels_are_refused(level: int) -> None:
    with pytest.raises(Damaged, match="form"):
        rebuild(parts(level=level), SIZE)


@pytest.mark.parametrize("form", [7, 39, 64, 128])
def test_unknown_forms_are_refused(form: int) -> None:
    with pytest.raises(Damaged, match="form"):
        rebuild(parts(form=form), SIZE)


@pytest.mark.parametrize("length", [0, 1, SIZE - 1, SIZE + 1, 1 << 27])
def test_another_length_is_refused(length: int) -> None:
    with pytest.raises(Damaged):
        rebuild(parts(), length)


def test_no_stream_and_missing_fields_are_refused() -> None:
    with pytest.raises(Damaged, match="no stream"):
        rebuild(b"\x00" + PLAIN, SIZE)
    for cut in range(len(parts())):
        with pytest.raises(Damaged):
            rebuild(parts()[:cut], SIZE)
    with pytest.raises(Damaged, match="fit"):
        rebuild(parts(size=len(TEXT) + 1), SIZE)
    with pytest.raises(Damaged):
        rebuild(varint((1 << 32) - 1) + parts(), SIZE)


def test_more_parts_than_allowed_are_refused() -> None:
    text = bytes(40_000)
    block = raw(text)
    with pytest.raises(Damaged, match="more parts"):
        rebuild(parts(size=len(text), text=text), len(block))


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16_383, 16_384, (1 << 32) - 1])
def test_numbers_come_back(number: int) -> None:
    assert Fields(varint(number)).varint() == number
    assert len(varint(number)) == max(1, -(-number.bit_length() // 7))


@pytest.mark.parametrize("content", ["ffffffff10", "ffffffffff01", "808080808000"])
def test_numbers_of_2_to_the_32nd_or_of_six_bytes_are_refused(content: str) -> None:
    assert Fields(bytes.fromhex("8000")).varint() == 0
    with pytest.raises(Damaged, match="number"):
        Fields(bytes.fromhex(content)).varint()


def test_corrections_that_change_nothing_are_fine() -> None:
    assert made(b"\x00") == made(b"") == PLAIN
    assert made(b"\x00" + b"\x05\x00") == PLAIN  # a literal where there is one


AT = 14
"""Where the only match is, of four bytes at a distance of 13."""


def test_tokens_are_corrected() -> None:
    found = parse(PLAIN, 0, MOST).blocks[0].tokens
    assert [*found] == [0] * AT + [match(4, 13)] + [0] * (len(TEXT) - AT - 4)
    literal = parse(made(b"\x00" + varint(AT) + varint(0)), 0, MOST).blocks[0].tokens
    assert [*literal[AT : AT + 2]] == [0, match(3, 13)]
    short = parse(made(b"\x00" + varint(AT) + varint(3) + varint(13)), 0, MOST).blocks[0].tokens
    assert [*short[AT : AT + 2]] == [match(3, 13), 0]
    # The start of the text is no place of a match that is foreseen, but may be one that is put.
    start = parse(made(b"\x00" + varint(13) + varint(5) + varint(13)), 0, MOST).blocks[0].tokens
    assert [*start[13:15]] == [match(5, 13), 0]


@pytest.mark.parametrize(
    ("correction", "why"),
    [
        (varint(13) + varint(1) + varint(13), "cannot tell"),
        (varint(13) + varint(2) + varint(13), "cannot tell"),
        (varint(13) + varint(259) + varint(13), "cannot tell"),
        (varint(13) + varint(3) + varint(0), "cannot tell"),
        (varint(13) + varint(3) + varint(32_769), "cannot tell"),
        (varint(13) + varint(3) + varint(14), "reaches beyond"),
        (varint(0) + varint(3) + varint(1), "reaches beyond"),
        (varint(13) + varint(28) + varint(13), "reaches beyond"),
        (varint(37) + varint(0), "left over"),
        (varint(13) + varint(27) + varint(13) + varint(0) + varint(0), "left over"),
        (varint(13), "beyond its parts"),
        (varint(13) + varint(3), "beyond its parts"),
    ],
)
def test_corrections_of_tokens_that_cannot_be_are_refused(correction: bytes, why: str) -> None:
    refused(b"\x00" + correction, why)


def listed(*blocks: bytes, fixes: bytes = b"") -> bytes:
    return varint(len(blocks)) + b"".join(blocks) + fixes


TOKENS = len(parse(PLAIN, 0, MOST).blocks[0].tokens)


def kinds(stream: bytes) -> list[tuple[int, int]]:
    """Type and bytes of text of each block."""
    return [(block.kind, block.size) for block in parse(stream, 0, MOST).blocks]


def test_blocks_are_as_listed() -> None:
    assert kinds(made(listed(varint(TOKENS) + b"\x02"))) == [(2, 40)]
    assert kinds(made(listed(b"\x00\x00", b"\x28\x00"))) == [(0, 0), (0, 40)]
    assert kinds(made(listed(b"\x05\x01", b"\x00\x02", varint(TOKENS - 5) + b"\x01"))) == [
        (1, 5),
        (2, 0),
        (1, 35),
    ]


def test_a_token_is_cut_where_a_stored_block_ends() -> None:
    # The match does not fit: the last byte of the stored block is a literal, and what follows is
    # found anew. Tokens of a listed stored block are not counted.
    rest = len(TEXT) - AT - 1
    stream = made(listed(varint(AT + 1) + b"\x00", varint(rest - 2) + b"\x01"))
    assert kinds(stream) == [(0, AT + 1), (1, rest)]
    assert parse(stream, 0, MOST).blocks[1].tokens[0] == match(3, 13)
    first = varint(0) + varint(0)
    stream = made(listed(varint(AT + 1) + b"\x00", varint(rest) + b"\x01", fixes=first))
    assert parse(stream, 0, MOST).blocks[1].tokens[0] == 0


@pytest.mark.parametrize(
    ("blocks", "why"),
    [
        ([varint(TOKENS + 1) + b"\x01"], "more tokens"),
        ([varint((1 << 32) - 1) + b"\x01"], "more tokens"),
        ([varint(TOKENS - 1) + b"\x01"], "reach to the end"),
        ([varint(41) + b"\x00"], "more bytes"),
        ([varint(39) + b"\x00"], "reach to the end"),
        ([varint(65_536) + b"\x00"], "too long"),
        ([varint(TOKENS) + b"\x03"], "unknown type"),
        ([varint(TOKENS) + b"\x09"], "unknown type"),
        ([varint(TOKENS) + b"\x05"], "unknown type"),
        ([varint(TOKENS) + b"\x04"], "unknown type"),
        ([varint(TOKENS)], "more blocks"),
        ([varint(TOKENS) + b"\x06"], "beyond its parts"),
    ],
)
def test_blocks_that_cannot_be_are_refused(blocks: list[bytes], why: str) -> None:
    refused(listed(*blocks), why)


def test_more_blocks_than_there_are_bytes_are_refused() -> None:
    refused(varint((1 << 32) - 1) + bytes(100), "more blocks")


def description(literals: dict[int, int], distances: list[int]) -> str:
    """A description with one code of 5 bits for each length from 0 to 15, and for no repeats."""
    order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    every = [literals.get(symbol, 0) for symbol in range(max(literals) + 1)]
    every += [0] * (257 - len(every))

    def low_first(number: int, bits: int) -> str:
        return f"{number:0{bits}b}"[::-1]

    bits = low_first(len(every) - 257, 5) + low_first(len(distances) - 1, 5) + low_first(15, 4)
    bits += "".join(low_first(0 if symbol > 15 else 4, 3) for symbol in order)
    return bits + "".join(f"{length:04b}" for length in [*every, *distances])


def described(bits: str, fill: str = "0") -> bytes:
    """The list of one block that is described so."""
    full = bits + fill * (-len(bits) % 8)
    content = int(full[::-1], 2).to_bytes(len(full) // 8, "little")
    return listed(varint(TOKENS) + b"\x06" + varint(len(bits)) + content)


EIGHT = {symbol: 8 for symbol in range(254)} | {254: 9, 255: 9, 256: 9, 257: 9, 258: 9, 259: 9}
SPACED = {symbol: 8 for symbol in range(253)} | {256: 8, 257: 9, 258: 9, 259: 9, 260: 9}
"""A complete code of all that the text needs."""


def test_a_block_is_as_described() -> None:
    distances = [0] * 7 + [1]
    block = parse(made(described(description(SPACED, distances))), 0, MOST).blocks[0]
    assert block.description == description(SPACED, distances)


def changed(**lengths: int) -> dict[int, int]:
    return SPACED | {int(symbol[1:]): bits for symbol, bits in lengths.items()}


@pytest.mark.parametrize(
    ("literals", "distances", "why"),
    [
        (changed(_253=8), [0] * 7 + [1], "not complete"),
        (changed(_0=9), [0] * 7 + [1], "not complete"),
        (SPACED, [0] * 7 + [2], "not complete"),
        (SPACED, [1, 1, 1] + [0] * 4 + [1], "not complete"),
        (SPACED, [0], "lacks"),
        (SPACED, [1], "lacks"),
        (changed(_256=0, _253=8), [0] * 7 + [1], "cannot be"),
        (changed(_116=0, _253=8), [0] * 7 + [1], "lacks"),
        (changed(_286=0), [0] * 7 + [1], "too many"),
        (SPACED, [0] * 7 + [1] + [0] * 23, "too many"),
    ],
)
def test_codes_that_cannot_be_are_refused(
    literals: dict[int, int], distances: list[int], why: str
) -> None:
    refused(described(description(literals, distances)), why)


def test_descriptions_of_another_length_are_refused() -> None:
    bits = description(SPACED, [0] * 7 + [1])
    assert made(described(bits))
    refused(described(bits + "0"), "another length")
    refused(described(bits[:-1]), "too early|another length")
    refused(described(bits[:80]), "too early")
    refused(described(bits, "1") if len(bits) % 8 else described(bits + "1"), "zero|another")


def test_a_repeat_of_nothing_is_refused() -> None:
    # Codes for 0 and 16 alone: 16 is 1, 0 is 0.
    bits = "00000" + "00000" + "0000" + "100" + "000" + "000" + "100"
    refused(described(bits + "1" + "00"), "before the first")
    refused(described(bits + "0" + "111" * 60), "cannot be")


def test_corrections_come_back() -> None:
    found = corrections.Corrections(
        [corrections.Listed(5, 1), corrections.Listed(0, 0), corrections.Listed(300, 2)],
        [corrections.Fix(0, 0), corrections.Fix(1000, match(258, 32_768))],
    )
    assert corrections.read(corrections.write(found)) == found
    assert corrections.read(b"") == corrections.Corrections()


def samples() -> list[tuple[bytes, int]]:
    """Parts of blocks of many kinds, and the lengths of these."""
    noise = random.Random(9).randbytes(300)
    maker = zlib.compressobj(3, strategy=zlib.Z_FIXED)
    flushed = maker.compress(sample()[:700]) + maker.flush(zlib.Z_SYNC_FLUSH)
    flushed += maker.compress(noise) + maker.flush(zlib.Z_SYNC_FLUSH)
    flushed += maker.compress(sample()[:700]) + maker.flush()
    head = b"\x1f\x8b\x08" + bytes(7)
    blocks = [
        zlib.compress(sample()[:2000]),
        flushed,
        b"between" + flushed + head + raw(noise, 0) + zlib.compress(sample()[2000:2900], 1),
    ]
    found = []
    for block in blocks:
        known = unpack(block, 1 << 27)
        assert known is not None
        found.append((known, len(block)))
    correction = described(description(SPACED, [0] * 7 + [1]))
    return [*found, (parts(correction), len(made(correction)))]


@pytest.mark.parametrize("which", range(4))
def test_changed_parts_are_refused_or_rebuild_something(which: int) -> None:
    whole, length = samples()[which]
    rng, refusals = random.Random(which), 0
    head = min(len(whole), 400)
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(rng.choice([12, 30, head]))
            content[place] = rng.choice([0, 1, 4, 127, 128, 255, rng.randrange(256)])
        try:
            assert len(rebuild(bytes(content), length)) == length
        except Damaged:
            refusals += 1
    assert refusals > 100


@pytest.mark.parametrize("which", range(4))
def test_parts_that_are_cut_or_go_on_are_refused(which: int) -> None:
    whole, length = samples()[which]
    for cut in {*range(0, len(whole), 97), *range(min(60, len(whole))), len(whole) - 1}:
        with pytest.raises(Damaged):
            rebuild(whole[:cut], length)
    with pytest.raises(Damaged):
        rebuild(whole + b"x", length)


def test_what_is_too_long_stops_early() -> None:
    # 2^20 bytes of noise would be made here, of a block that has a twentieth of that.
    text = random.Random(10).randbytes(1 << 20)
    with pytest.raises(Damaged, match="longer"):
        make(text, PLAN, b"", len(text) // 20)
