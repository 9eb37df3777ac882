"""The native engine takes apart what zlib packed, and packs it again to the same bytes."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coding.errors import Damaged
from compressor.codec import native
from data.samples import sample

pytest.importorskip("compressor.codec._native", reason="the native engine is not built")

MOST = 1 << 27
TEXT = sample()
NOISE = random.Random(1).randbytes(40_000)
TEXTS = {
    "text": TEXT[:50_000],
    "few letters": bytes(random.Random(2).choices(b"ab", k=10_000)),
    "little repeated": b"".join(bytes([i]) * 12 + b"pattern" for i in range(200)),
    "text and noise": TEXT[:9000] + NOISE + TEXT[4000:30_000],
    "short": b"to be, or not to be, that is the question: whether 'tis nobler in the mind",
}
STRATEGIES = {
    "default": zlib.Z_DEFAULT_STRATEGY,
    "filtered": zlib.Z_FILTERED,
    "huffman": zlib.Z_HUFFMAN_ONLY,
    "runs": zlib.Z_RLE,
    "fixed": zlib.Z_FIXED,
}


def packed(
    text: bytes, level: int = 6, window: int = 15, memory: int = 8, strategy: int = 0
) -> bytes:
    """A text as zlib packs it; a negative window leaves head and checksum out."""
    packer = zlib.compressobj(level, zlib.DEFLATED, window, memory, strategy)
    return packer.compress(text) + packer.flush()


def varints(content: Iterator[int]) -> Iterator[int]:
    """The numbers that bytes hold, one after the other."""
    value = shift = 0
    for byte in content:
        value += (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0


def corrections(parts: bytes) -> list[int]:
    """Bytes of corrections of each stream."""
    content = iter(parts)
    sizes = []
    for _ in range(next(varints(content))):
        next(varints(content)), next(varints(content)), next(content), next(content)
        sizes.append(next(varints(content)))
    return sizes


def unpacked(block: bytes) -> bytes:
    """The parts of a block, which there are, and from which it comes back."""
    parts = native.unpack(block, MOST)
    assert parts is not None
    assert native.rebuild(parts, len(block)) == block
    return parts


def comes_back(block: bytes) -> None:
    """Where a block has parts, it comes back from them."""
    parts = native.unpack(block, MOST)
    assert parts is None or native.rebuild(parts, len(block)) == block


@pytest.mark.parametrize("memory", [8, 9])
@pytest.mark.parametrize("level", range(1, 10))
def test_real_text_needs_no_corrections(level: int, memory: int) -> None:
    parts = unpacked(packed(TEXT, level, 15, memory))
    assert corrections(parts) == [0]
    assert parts.endswith(TEXT)


# Where noise is stored, zlib may store less than it is foreseen to, as it no longer has the text.
@pytest.mark.parametrize("window", range(9, 16))
@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_every_level_and_window_comes_back(text: bytes, level: int, window: int) -> None:
    for memory in (8, 9):
        block = packed(text, level, window, memory)
        comes_back(block)
        comes_back(b"\x78\x9c" + packed(text, level, -window, memory))
    if text is not TEXTS["text and noise"]:
        assert corrections(unpacked(packed(text, level, window))) == [0]


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())
def test_every_strategy_comes_back(strategy: int) -> None:
    for text in TEXTS.values():
        for level in (1, 3, 4, 6, 9):
            comes_back(packed(text, level, strategy=strategy))


def flushed(text: bytes, how: int) -> bytes:
    """A text as zlib packs it, with two flushes on the way."""
    packer = zlib.compressobj(6)
    pieces = [packer.compress(text[at : at + 9000]) + packer.flush(how) for at in (0, 9000)]
    return b"".join(pieces) + packer.compress(text[18_000:]) + packer.flush()


@pytest.mark.parametrize("how", [zlib.Z_PARTIAL_FLUSH, zlib.Z_SYNC_FLUSH])
def test_flushes_are_listed(how: int) -> None:
    block = flushed(TEXTS["text"], how)
    parts = unpacked(block)
    assert parts.endswith(TEXTS["text"])
    assert 0 < sum(corrections(parts)) < len(block) // 100


def test_full_flushes_which_forget_the_text_before_come_back() -> None:
    for text in TEXTS.values():
        comes_back(flushed(text, zlib.Z_FULL_FLUSH))


def test_stored_texts_come_back() -> None:
    for level in (0, 1, 6, 9):
        for size in (70, 5000, 40_000):
            block = packed(NOISE[:size], level)
            assert unpacked(block).endswith(NOISE[:size])
    mixed = packed(TEXTS["text and noise"])
    assert corrections(unpacked(mixed)) == [0]


def test_streams_are_found_in_their_files() -> None:
    text, other = TEXTS["text"], TEXTS["few letters"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a name", text)
        made.writestr("another", other)
    assert corrections(unpacked(archive.getvalue())) == [0, 0]
    named = io.BytesIO()
    with gzip.GzipFile("a name", "wb", 6, named, mtime=1) as file:
        file.write(text)
    assert corrections(unpacked(named.getvalue())) == [0]
    between = b"8O x^ (S" + packed(text) + NOISE[:999] + gzip.compress(other) + packed(text, 9)
    assert corrections(unpacked(between + b"end")) == [0, 0, 0]


def test_what_gains_nothing_has_no_parts() -> None:
    for block in (b"", b"x", TEXT, NOISE, packed(b""), packed(b"a" * 63), packed(bytes(9000))):
        assert native.unpack(block, MOST) is None
    block = packed(TEXT)
    parts = unpacked(block)
    assert native.unpack(block, len(parts)) == parts
    assert native.unpack(block, len(parts) - 1) is None
    assert native.unpack(block[:-5], MOST) is None


@given(st.binary(max_size=400), st.integers(1, 9), st.integers(9, 15), st.binary(max_size=9))
@settings(max_examples=60)
def test_any_text_comes_back(text: bytes, level: int, window: int, around: bytes) -> None:
    comes_back(around + packed(text * 2, level, window) + around)


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 255)), min_size=1, max_size=3))
@settings(max_examples=200)
def test_a_damaged_stream_comes_back_too(changes: list[tuple[int, int]]) -> None:
    block = bytearray(packed(TEXT[:20_000]) + packed(TEXT[20_000:25_000], 9))
    for at, value in changes:
        block[at % len(block)] = value
    comes_back(bytes(block))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), min_size=1, max_size=3))
@settings(max_examples=300)
def test_damaged_parts_raise_or_make_another_block(changes: list[tuple[int, int]]) -> None:
    packer = zlib.compressobj(6)
    text = TEXT[:3000]
    block = packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH) + packer.flush()
    parts = bytearray(unpacked(block))
    for at, value in changes:
        parts[at % len(parts)] = value
    try:
        assert len(native.rebuild(bytes(parts), len(block))) == len(block)
    except Damaged:
        assert bytes(parts) != unpacked(block)


def test_parts_of_another_length_or_cut_raise() -> None:
    block = packed(TEXT[:2000])
    parts = unpacked(block)
    for length in (0, 1, len(block) - 1, len(block) + 1, MOST):
        with pytest.raises(Damaged, match="fetch it again"):
            native.rebuild(parts, length)
    for size in (0, 1, 5, 9, len(parts) - 1):
        with pytest.raises(Damaged):
            native.rebuild(parts[:size], len(block))
    for bomb in (b"\xff\xff\xff\xff\x0f", b"\x01\x00\xff\xff\xff\xff\x0f\x06\x00\x00"):
        with pytest.raises(Damaged):
            native.rebuild(bomb, 1 << 20)
