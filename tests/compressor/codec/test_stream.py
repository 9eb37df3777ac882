"""Whatever goes in comes out, and going in twice gives the same bytes: the library form, in blocks and lanes of any number."""

from __future__ import annotations

import io
import random
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import compressor
import data.lanes
from coding import container
from coding.container import Block, Kind
from compressor.codec import model as registry
from compressor.codec import stream as codec
from compressor.codec import weights_store
from compressor.codec.blocks import decode_block, encode_block

Blocks = Callable[[bytes], list[Block]]


def there_and_back(original: bytes, model: registry.Model) -> bytes:
    """Compresses twice and restores; returns the container."""
    packed = compressor.compress(original, model)
    assert compressor.compress(original, model) == packed
    assert compressor.decompress(packed) == original
    return packed


def greek(length: int) -> bytes:
    return ("μῆνιν ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος " * length).encode()[:length]


KINDS: dict[str, bytes] = {
    "empty": b"",
    "one byte": b"x",
    "two bytes": b"\x00\xff",
    "all 256 values": bytes(range(256)),
    "all 256 values, four times": bytes(range(256)) * 4,
    "noise": random.Random(7).randbytes(5000),
    "zeros": bytes(4000),
    "a run and its end": b"a" * 700 + b"b",
    "program": Path(sys.executable).resolve().read_bytes()[:20_000],
    "Greek, cut inside a letter": greek(801),
    "Chinese": ("天地玄黃宇宙洪荒日月盈昃辰宿列張" * 16).encode(),
    "Arabic": ("بسم الله الرحمن الرحيم الحمد لله رب العالمين " * 8).encode(),
    "emoji": "🙂👩‍👩‍👧‍👦🏳️‍🌈🇬🇷".encode() * 12,
    "broken UTF-8": b"\xc3\x28\xa0\xa1\xe2\x28\xa1 " * 60,
    "line ends": b"a\r\nb\n\rc\r" * 80,
    "the magic itself": container.MAGIC * 40,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_input_comes_back(
    kind: str, nano: registry.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.lanes, "LANE_BYTES", 256)
    original = KINDS[kind]
    assert len(there_and_back(original, nano)) <= len(original) + 64


def test_the_program_is_one() -> None:
    if sys.platform == "linux":
        assert KINDS["program"].startswith(b"\x7fELF")


def test_real_text_shrinks_through_the_model(
    nano: registry.Model, text: bytes, blocks: Blocks
) -> None:
    packed = there_and_back(text[:1500], nano)
    assert [block.kind for block in blocks(packed)] == [Kind.MODEL]
    assert len(packed) < 750
    assert packed[8:16] == nano.identity


@pytest.mark.parametrize("size", [5000, 1_000_000, codec.GRANULE + 1])
def test_noise_grows_by_no_more_than_promised(size: int, nano: registry.Model) -> None:
    original = random.Random(size).randbytes(size)
    packed = compressor.compress(original, nano)
    assert len(packed) <= size + 64 + size / 1000
    assert compressor.decompress(packed) == original


@pytest.mark.parametrize(
    "original", [b"x", b"xy", random.Random(0).randbytes(300), random.Random(1).randbytes(3000)]
)
def test_little_noise_too_grows_by_no_more_than_promised(
    original: bytes, nano: registry.Model
) -> None:
    assert len(compressor.compress(original, nano)) <= len(original) + 64 + len(original) / 1000


@given(original=st.binary(max_size=300))
@example(original=b"lanes " * 40)
@settings(max_examples=25)
def test_any_bytes_in_any_number_of_lanes(original: bytes, nano: registry.Model) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data.lanes, "LANE_BYTES", 32)
        there_and_back(original, nano)


@given(
    words=st.lists(
        st.sampled_from(["the ", "of ", "[[", "]]", "compression ", "\n", "ß"]),
        min_size=20,
        max_size=60,
    )
)
@settings(max_examples=10)
def test_any_text_through_the_model_in_several_blocks(
    words: list[str], nano: registry.Model
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data.lanes, "LANE_BYTES", 32)
        patch.setattr(container, "MAX_BLOCK", 150)
        there_and_back("".join(words).encode(), nano)


@pytest.mark.parametrize("length", [1024, 1025, 1039, 1087, 1088])
def test_lanes_of_unequal_length(
    length: int, nano: registry.Model, text: bytes, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.lanes, "LANE_BYTES", 64)
    packed = there_and_back(text[:length], nano)
    assert [block.lanes for block in blocks(packed)] == [16]


def test_blocks_follow_each_other(
    nano: registry.Model, text: bytes, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MAX_BLOCK", 1000)
    monkeypatch.setattr(data.lanes, "LANE_BYTES", 64)
    original = text[:1000] + bytes(1000) + random.Random(3).randbytes(1000) + text[:1]
    packed = there_and_back(original, nano)
    found = blocks(packed)
    assert [block.kind for block in found] == [Kind.MODEL, Kind.RUN, Kind.RAW, Kind.RUN]
    assert [block.length for block in found] == [1000, 1000, 1000, 1]


def test_neighbours_of_one_kind_share_a_block(
    nano: registry.Model, text: bytes, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "GRANULE", 512)
    monkeypatch.setattr(container, "MAX_BLOCK", 1100)
    packed = there_and_back(text[:1536] + bytes(range(256)) * 4 + bytes(1024), nano)
    told = [(block.kind, block.length) for block in blocks(packed)]
    assert told == [
        (Kind.MODEL, 1024),
        (Kind.MODEL, 512),
        (Kind.RAW, 1024),
        (Kind.RUN, 512),
        (Kind.RUN, 512),
    ]


def test_a_block_does_not_depend_on_those_before(
    nano: registry.Model, text: bytes, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MAX_BLOCK", 500)
    first, second = blocks(compressor.compress(text[:500] * 2, nano))
    assert first == second


def test_what_the_model_would_expand_is_stored_raw(
    nano: registry.Model, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(codec, "DENSE_BITS", 9.0)  # now nothing is too dense to try
    monkeypatch.setattr(registry.Model, "engine", spy(registry.Model.engine, asked))
    original = random.Random(5).randbytes(600)
    packed = compressor.compress(original, nano)
    assert asked, "the model was tried"
    assert blocks(packed)[0] == Block(Kind.RAW, 600, original)
    assert len(packed) == 600 + container.HEADER_BYTES + container.BLOCK_BYTES + container.END_BYTES
    assert compressor.decompress(packed) == original


def test_noise_does_not_wait_for_the_model(
    nano: registry.Model, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(registry.Model, "engine", spy(registry.Model.engine, asked))
    packed = compressor.compress(random.Random(6).randbytes(100_000), nano)
    assert [block.kind for block in blocks(packed)] == [Kind.RAW]
    assert compressor.decompress(compressor.compress(bytes(100_000), nano)) == bytes(100_000)
    assert not asked


def spy(method: Callable, calls: list) -> Callable:
    """The method, with a note of each call."""

    def called(*arguments: object) -> object:
        calls.append(arguments)
        return method(*arguments)

    return called


class Dribble(io.RawIOBase):
    """A source that is not seekable and gives 1 to 7 bytes at a time, as a slow pipe may."""

    def __init__(self, content: bytes) -> None:
        self._content, self._random = io.BytesIO(content), random.Random(1)

    def read(self, size: int = -1) -> bytes:
        share = self._random.randint(1, 7)
        return self._content.read(share if size < 0 else min(size, share))

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation("seek")

    tell = seek  # type: ignore[assignment]


class Sink(io.RawIOBase):
    """A target that can only be written."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, content: bytes) -> int:  # type: ignore[override]
        self.content += content
        return len(content)

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation("seek")

    tell = read = seek  # type: ignore[assignment]


def test_short_reads_and_targets_that_cannot_seek(
    nano: registry.Model, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MAX_BLOCK", 700)
    monkeypatch.setattr(data.lanes, "LANE_BYTES", 64)
    original, packed, restored = (
        text[:1000] + bytes(300) + random.Random(4).randbytes(700),
        Sink(),
        Sink(),
    )
    told = compressor.compress_stream(Dribble(original), packed, nano)  # type: ignore[arg-type]
    assert bytes(packed.content) == compressor.compress(original, nano)
    again = compressor.decompress_stream(Dribble(bytes(packed.content)), restored)  # type: ignore[arg-type]
    assert bytes(restored.content) == original
    assert told.length == again.length == len(original)
    assert told.end_mark() == again.end_mark()


def test_progress_tells_of_every_byte_once(
    nano: registry.Model, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MAX_BLOCK", 500)
    original = text[:500] + bytes(500) + random.Random(2).randbytes(500)
    there, back, packed = [], [], io.BytesIO()
    compressor.compress_stream(io.BytesIO(original), packed, nano, there.append)
    packed.seek(0)
    compressor.decompress_stream(packed, io.BytesIO(), back.append)
    assert sum(there) == sum(back) == len(original)


def test_a_model_is_found_by_name_path_and_itself(nano: registry.Model, text: bytes) -> None:
    by_name = compressor.compress(text[:200], "nano")
    assert by_name == compressor.compress(text[:200], nano)
    assert (
        compressor.compress(b"", str(weights_store.path_of(nano.identity)))[8:16] == nano.identity
    )


class Guess:
    """A predictor of no intelligence, with counts at the format's extremes: the loop must not rely on the network."""

    def __init__(self, lanes: int, counts: np.ndarray) -> None:
        self.evidence = np.broadcast_to(counts.astype(np.int32), (lanes, 256))

    def predict(self) -> np.ndarray:
        return self.evidence

    def perceive(self, byte: np.ndarray) -> None:
        assert byte.shape == self.evidence.shape[:1]


def extreme(symbol: int) -> np.ndarray:
    counts = np.ones(256, np.int64)
    counts[symbol] = 2**31 - 256
    return counts


@pytest.mark.parametrize(
    "counts", [np.ones(256), np.full(256, 2**23 - 1), extreme(0), extreme(255), extreme(97)]
)
@pytest.mark.parametrize("lanes", [1, 4])
def test_counts_at_their_limits_code_the_likely_and_the_unlikely(
    counts: np.ndarray, lanes: int
) -> None:
    for original in (b"a" * 40, bytes(40), b"\xff" * 40, bytes(range(200, 240))):
        data = np.frombuffer(original, np.uint8)
        done: list[int] = []
        stream = encode_block(Guess(lanes, counts), data, lanes, done.append)
        assert (
            decode_block(Guess(lanes, counts), stream, 40, lanes, done.append).tobytes() == original
        )
        assert sum(done) == 80
