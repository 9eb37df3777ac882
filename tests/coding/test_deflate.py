"""Streams that zlib made come back to the bit, and mostly without corrections."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Iterator

import pytest

from coding.deflate import codes, rebuild, unpack
from coding.deflate.inflate import parse
from coding.deflate.stream import make
from coding.deflate.tokens import Plan
from coding.fields import Fields
from data.samples import sample

MOST = 1 << 27
STRATEGIES = (
    zlib.Z_DEFAULT_STRATEGY,
    zlib.Z_FILTERED,
    zlib.Z_HUFFMAN_ONLY,
    zlib.Z_RLE,
    zlib.Z_FIXED,
)
TEXTS = {
    "tiny": b"a",
    "short": b"to be or not to be, that is to be or not to be the question of to be.",
    "repetitive": b"abcabcabd" * 300,
    "one byte": bytes(5000),
    "noise": random.Random(1).randbytes(5000),
    "two letters": bytes(random.Random(2).choices(b"ab", k=5000)),
    "text": sample()[:6000],
    "text and noise": sample()[:3000] + random.Random(3).randbytes(4000) + sample()[1000:4000],
}


def packed(
    text: bytes, level: int = 6, window: int = 15, memory: int = 8, strategy: int = 0
) -> bytes:
    maker = zlib.compressobj(level, zlib.DEFLATED, window, memory, strategy)
    return maker.compress(text) + maker.flush()


def heads(parts: bytes) -> list[tuple[int, int, int, int, int]]:
    """Gap, bytes of text, level, form and bytes of corrections of each stream."""
    fields = Fields(parts)
    return [
        (fields.varint(), fields.varint(), fields.byte(), fields.byte(), fields.varint())
        for _ in range(fields.varint())
    ]


def unpacked(block: bytes) -> bytes:
    """The parts of a block, which must be there and rebuild it."""
    parts = unpack(block, MOST)
    assert parts is not None
    assert rebuild(parts, len(block)) == block
    return parts


@pytest.mark.parametrize("level", range(1, 10))
def test_streams_of_zlib_are_as_foreseen(level: int) -> None:
    text = sample()[20_000:60_000]
    found = heads(unpacked(packed(text, level)))
    assert [(gap, size, form, bad) for gap, size, _, form, bad in found] == [(2, 40_000, 16, 0)]
    assert found[0][2] <= level  # a lower one that makes the same is as good


def test_one_block_can_show_that_it_is_large() -> None:
    ((_, size, _, form, bad),) = heads(unpacked(packed(sample()[:90_000], 1, memory=9)))
    assert (size, form, bad) == (90_000, 16 | 8 | 32, 0)


@pytest.mark.slow
@pytest.mark.parametrize("memory", [8, 9])
@pytest.mark.parametrize("level", range(1, 10))
def test_the_whole_sample_is_as_foreseen(level: int, memory: int) -> None:
    ((_, size, _, form, bad),) = heads(unpacked(packed(sample(), level, memory=memory)))
    # Where chains are long, keys that are less wide find the same.
    assert (size, form & ~32, bad) == (len(sample()), 16 | 8 * (memory == 9), 0)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("memory", [8, 9])
def test_a_plan_makes_what_zlib_makes(name: str, memory: int) -> None:
    text = TEXTS[name]
    for level in range(1, 10):
        for window in (9, 12, 15):
            if "noise" in name and window == 9:
                continue  # zlib stores no block that is longer than its window
            made = make(text, Plan(level, window, memory == 9, memory == 9), b"", MOST)
            assert made == packed(text, level, -window, memory), (level, window)


@pytest.mark.parametrize("level", [1, 4, 6])
@pytest.mark.parametrize("window", range(9, 15))
def test_windows_that_slide_cost_little(level: int, window: int) -> None:
    text = sample()[:25_000]
    ((_, size, _, form, bad),) = heads(unpacked(packed(text, level, window)))
    assert (size, form) == (25_000, 16 | 15 - window)
    assert bad <= 12


def test_an_empty_text_is_made_too() -> None:
    for level in range(1, 10):
        assert make(b"", Plan(level, 15, False, False), b"", MOST) == packed(b"", level, -15)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_whatever_is_unpacked_comes_back(name: str, strategy: int) -> None:
    for level in (2, 9):
        block = packed(TEXTS[name], level, memory=9, strategy=strategy)
        parts = unpack(block, MOST)
        assert parts is None or rebuild(parts, len(block)) == block


def test_fixed_codes_are_corrected() -> None:
    block = packed(TEXTS["text"], strategy=zlib.Z_FIXED)
    ((_, size, _, _, bad),) = heads(unpacked(block))
    assert size == len(TEXTS["text"])
    assert 0 < bad < 8


def flushed(text: bytes, level: int, how: int, piece: int) -> bytes:
    maker = zlib.compressobj(level)
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
    return b"".join(maker.compress(one) + maker.flush(how) for one in pieces) + maker.flush()


@pytest.mark.parametrize("how", [zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH])
def test_flushes_are_corrected(how: int) -> None:
    block = flushed(sample()[:12_000], 6, how, 4000)
    ((_, size, _, form, bad),) = heads(unpacked(block))
    assert (size, form) == (12_000, 16)
    assert 0 < bad < len(block) // 8


def test_stored_blocks_come_back_where_they_are_foreseen_and_where_not() -> None:
    noise = random.Random(4).randbytes(17_000)
    assert heads(unpacked(packed(noise)))[0][4] == 0
    assert heads(unpacked(packed(noise, 0)))[0][4] > 0
    mixed = sample()[:3000] + noise + sample()[1000:4000]
    for level in (0, 6):
        unpacked(packed(mixed, level))


def distributions() -> Iterator[bytes]:
    """Texts whose symbols differ much in how often they occur."""
    fibonacci = [1, 2]  # with the end of the block, which occurs once too, the tree is deepest
    while len(fibonacci) < 18:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    yield b"".join(bytes([at]) * count for at, count in enumerate(fibonacci))
    rng = random.Random(5)
    for number in range(25):
        symbols = rng.sample(range(256), rng.randrange(1, 257))
        weights = [rng.random() ** rng.choice([1, 4, 40]) for _ in symbols]
        yield bytes(rng.choices(symbols, weights, k=rng.choice([1, 40, 3000, 6000 + number])))


def test_codes_and_their_descriptions_are_those_of_zlib() -> None:
    longest = kinds = 0
    for text in distributions():
        for strategy in (zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY):
            stream, at = parse(packed(text, 9, -15, 8, strategy), 0, MOST), 0
            for block in stream.blocks:
                if block.kind != codes.STORED:
                    made = codes.foresee(codes.tally(block.tokens, text, at), block.size)
                    assert made.kind == block.kind
                    assert block.description in ("", made.description)
                    longest = max(longest, *made.codes.literals)
                    kinds += block.kind == codes.DYNAMIC
                at += block.size
            assert stream.text == text
    assert longest == codes.TOP  # that is, codes were shortened
    assert kinds > 20


def test_a_code_that_grows_too_long_is_shortened() -> None:
    counts = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55]
    assert codes.lengths(counts, 15) == [9, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    short = codes.lengths(counts, 7)
    assert max(short) == 7
    assert sum(2.0**-bits for bits in short) == 1


@pytest.mark.parametrize(
    ("counts", "bits"),
    [
        ([], [1, 1]),
        ([0, 0], [1, 1]),
        ([4], [1, 1]),
        ([0, 4], [0, 1, 1]),
        ([0, 0, 0, 4], [1, 0, 0, 1]),
    ],
)
def test_a_code_has_two_symbols_at_least(counts: list[int], bits: list[int]) -> None:
    assert codes.lengths(counts + [0] * (30 - len(counts)), 15) == bits


def test_pieces_of_lengths_are_cut_as_zlib_cuts_them() -> None:
    def symbols(code: list[int]) -> list[int]:
        return [symbol for symbol, _ in codes.pieces(code)]

    assert symbols([5] * 3) == [5, 5, 5]
    assert symbols([5] * 4) == [5, 16]
    assert symbols([5] * 10) == [5, 16, 16]
    assert symbols([5] * 9) == [5, 16, 5, 5]
    assert symbols([0, 0, 3]) == [0, 0, 3]
    assert symbols([0] * 140) == [18, 0, 0]
    assert symbols([0] * 10 + [1]) == [17, 1]


def behind(head: bytes, text: bytes) -> bytes:
    return head + packed(text, 6, -15) + b"rest"


EXTRA = b"\x05\x00extra"


@pytest.mark.parametrize(
    ("flags", "fields"),
    [
        (0, b""),
        (1, b""),
        (4, EXTRA),
        (8, b"name\x00"),
        (16, b"comment\x00"),
        (2, b"\xaa\xbb"),
        (30, EXTRA + b"name\x00comment\x00\xaa\xbb"),
    ],
)
def test_what_gzip_packs_is_found(flags: int, fields: bytes) -> None:
    head = b"before\x1f\x8b\x08" + bytes([flags]) + bytes(6) + fields
    ((gap, size, _, form, bad),) = heads(unpacked(behind(head, TEXTS["text"])))
    assert (gap, size, form, bad) == (len(head), len(TEXTS["text"]), 0, 0)


@pytest.mark.parametrize("head", [b"\x1f\x8b\x08\x20", b"\x1f\x8b\x08\x08"])
def test_what_is_not_quite_a_head_of_gzip_is_passed_by(head: bytes) -> None:
    # The second one says that there is a name, whose end is not in the block.
    block = head + b"\x01" * 6 + packed(b"\x01" * 70, 6, -15).replace(b"\x00", b"\x01")
    assert unpack(block, MOST) is None


def test_files_of_gzip_and_zip_come_back() -> None:
    text = TEXTS["text"]
    assert heads(unpacked(gzip.compress(text, 9)))[0][1] == len(text)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", text)
        archive.writestr("stored.bin", b"x" * 100, zipfile.ZIP_STORED)
        archive.writestr("b.txt", text[:5000])
    found = heads(unpacked(file.getvalue()))
    assert [(size, bad) for _, size, _, _, bad in found] == [(len(text), 0), (5000, 0)]


def test_streams_between_other_bytes_are_found() -> None:
    noise = random.Random(6).randbytes(3000)
    first, second = packed(sample()[:8000], 9), packed(sample()[8000:20_000], 1, 12)
    block = noise + first + noise[:7] + second + second[:-4] + noise
    found = heads(unpacked(block))
    assert [(gap, size, form) for gap, size, _, form, _ in found] == [
        (3002, 8000, 16),
        (9, 12_000, 19),
        (2, 12_000, 3),
    ]


@pytest.mark.parametrize("block", [b"", b"x", sample()[:5000], random.Random(7).randbytes(50_000)])
def test_a_block_without_streams_has_no_parts(block: bytes) -> None:
    assert unpack(block, MOST) is None


def test_streams_that_stand_for_too_little_or_too_much_are_left() -> None:
    rng = random.Random(8)
    assert unpack(packed(rng.randbytes(63)), MOST) is None
    assert unpack(packed(rng.randbytes(64)), MOST) is not None
    assert unpack(packed(bytes(5000)), MOST) is None


def test_parts_have_no_more_bytes_than_allowed() -> None:
    one, two = sample()[:5000], sample()[5000:9000]
    block = packed(one) + packed(two)
    size = len(unpacked(block))
    assert unpack(block, size) is not None
    assert unpack(block, size - 1) is None
    # Here the second text is too much, and is left packed.
    parts = unpack(block, 8000)
    assert parts is not None
    assert [head[1] for head in heads(parts)] == [5000]
    assert rebuild(parts, len(block)) == block


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_a_damaged_stream_is_left_or_comes_back(at: float) -> None:
    block = bytearray(packed(TEXTS["text"]))
    for bit in range(0, 8, 3):
        changed = bytearray(block)
        changed[int(at * len(block))] ^= 1 << bit
        parts = unpack(bytes(changed), MOST)
        assert parts is None or rebuild(parts, len(changed)) == changed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_random_streams_come_back(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(8):
        start = rng.randrange(200_000)
        text = rng.choice([*TEXTS.values(), sample()[start : start + rng.randrange(60_000)]])
        level, window, memory = rng.randrange(10), rng.randrange(9, 16), rng.randrange(1, 10)
        block = packed(text, level, window, memory, rng.choice(STRATEGIES))
        block = rng.randbytes(rng.randrange(20)) + block + rng.randbytes(rng.randrange(20))
        parts = unpack(block, MOST)
        assert parts is None or rebuild(parts, len(block)) == block
