"""Whatever goes in comes out, and going in twice gives the same bytes, in blocks and lanes.

Most tests code with an engine that needs no compiler, in short lanes: the native one, or the NumPy
definition where that is not built.
"""

from __future__ import annotations

import dataclasses
import io
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import compressor
from coding import container
from coding.container import NO_WEIGHTS, Block, Design, Head, Kind, Mixed, Transform
from compressor.codec import kinds, levels, pieces, registry, trials, weights_store
from compressor.codec import stream as codec
from compressor.codec.blocks import decode_block, encode_block
from compressor.codec.levels import Level
from compressor.codec.model import Model
from compressor.codec.needs import GRANULE
from compressor.codec.seams import BlockCodec, Progress, Recipe
from compressor.codec.selftest import Definition

NOISE = random.Random(2).randbytes(5000)
Blocks = Callable[[bytes], list[Block]]


class Counted:
    """A model that counts the blocks which it is given to encode."""

    def __init__(self, model: BlockCodec) -> None:
        self._model, self.identity, self.uses = model, model.identity, 0

    def encode_block(self, data: bytes, recipe: Recipe, progress: Progress) -> bytes:
        self.uses += 1
        return self._model.encode_block(data, recipe, progress)

    def decode_block(
        self, payload: bytes, length: int, recipe: Recipe, progress: Progress
    ) -> bytes:
        return self._model.decode_block(payload, length, recipe, progress)


@pytest.fixture(scope="session")
def definition(nano: Model) -> Definition:
    return Definition(nano.weights, nano.identity)


@pytest.fixture(scope="session")
def model(nano_codec: BlockCodec) -> BlockCodec:
    return nano_codec


@pytest.fixture(autouse=True, scope="module")
def _short_lanes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "LANE", 64)
        # Bytes of every kind are to go through the model, whichever a trial would choose.
        patch.setattr(trials, "codec_for", lambda _, coders, *__: coders.first)
        yield


def compressed(original: bytes, model: BlockCodec) -> bytes:
    return compressor.compress(original, model=model)


def finding(model: BlockCodec) -> codec.Find:
    """Finds this model, or the memory alone."""
    return lambda identity: registry.without_network() if identity == NO_WEIGHTS else model


def restored(packed: bytes, model: BlockCodec) -> bytes:
    target = io.BytesIO()
    codec.decompress_stream(io.BytesIO(packed), target, find=finding(model))
    return target.getvalue()


def there_and_back(original: bytes, model: BlockCodec) -> bytes:
    """Compresses twice and restores; returns the container."""
    packed = compressed(original, model)
    assert compressed(original, model) == packed
    assert restored(packed, model) == original
    return packed


def told(blocks: list[Block]) -> list[tuple[Kind, int]]:
    """Type and length of each block."""
    return [(block.head.kind, block.head.length) for block in blocks]


def lanes_in(blocks: list[Block]) -> list[int]:
    """Lanes of the mixed blocks."""
    return [block.head.lanes for block in blocks if isinstance(block.head, Mixed)]


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
def test_every_kind_of_input_comes_back(kind: str, model: BlockCodec) -> None:
    original = KINDS[kind]
    assert len(there_and_back(original, model)) <= len(original) + 64


def test_the_program_is_one() -> None:
    if sys.platform == "linux":
        assert KINDS["program"].startswith(b"\x7fELF")


def test_real_text_shrinks_through_the_model(
    nano_codec: BlockCodec, text: bytes, blocks: Blocks
) -> None:
    """In one lane."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "LANE", 4096)
        packed = compressed(text[:1500], nano_codec)
    assert compressor.decompress(packed) == text[:1500]
    (block,) = blocks(packed)
    assert isinstance(block.head, Mixed)
    assert (block.head.lanes, block.head.design) == (1, Design.BESIDE)
    assert block.head.weights_id == nano_codec.identity[:4]
    assert len(packed) < 740


@pytest.mark.slow
def test_the_definition_writes_what_the_engines_write(
    nano: Model, nano_codec: BlockCodec, definition: Definition, text: bytes
) -> None:
    packed = compressed(text, definition)
    assert packed == compressed(text, nano) == compressed(text, nano_codec)


@pytest.mark.parametrize("size", [5000, 1_000_000, GRANULE + 1])
def test_noise_grows_by_no_more_than_promised(size: int, model: BlockCodec) -> None:
    original = random.Random(size).randbytes(size)
    packed = compressed(original, model)
    assert len(packed) <= size + 64 + size / 1000
    assert restored(packed, model) == original


@pytest.mark.parametrize(
    "original", [b"x", b"xy", random.Random(0).randbytes(300), random.Random(1).randbytes(3000)]
)
def test_little_noise_too_grows_by_no_more_than_promised(
    original: bytes, model: BlockCodec
) -> None:
    assert len(compressed(original, model)) <= len(original) + 64 + len(original) / 1000


@given(original=st.binary(max_size=300))
@example(original=b"lanes " * 40)
@settings(max_examples=25)
def test_any_bytes_in_any_number_of_lanes(original: bytes, model: BlockCodec) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "LANE", 32)
        there_and_back(original, model)


@given(
    words=st.lists(
        st.sampled_from(["the ", "of ", "[[", "]]", "compression ", "\n", "ß"]),
        min_size=20,
        max_size=60,
    )
)
@settings(max_examples=10)
def test_any_text_through_the_model_in_several_blocks(words: list[str], model: BlockCodec) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "LANE", 32)
        patch.setattr(Level, "block_bytes", 150)
        there_and_back("".join(words).encode(), model)


@pytest.mark.parametrize("length", [1024, 1025, 1039, 1087, 1088])
def test_lanes_of_unequal_length(
    length: int,
    model: BlockCodec,
    text: bytes,
    blocks: Blocks,
) -> None:
    assert lanes_in(blocks(there_and_back(text[:length], model))) == [16]


def test_blocks_follow_each_other(
    model: BlockCodec, text: bytes, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Level, "block_bytes", 1000)
    original = text[:1000] + bytes(1000) + random.Random(3).randbytes(1000) + text[:1]
    packed = there_and_back(original, model)
    kinds = [Kind.MIXED, Kind.RUN, Kind.RAW, Kind.RUN]
    assert told(blocks(packed)) == list(zip(kinds, (1000, 1000, 1000, 1), strict=True))


def test_neighbours_of_one_kind_share_a_block(
    model: BlockCodec, text: bytes, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "GRANULE", 512)
    monkeypatch.setattr(Level, "block_bytes", 1100)
    permuted = b"".join(bytes(random.Random(n).sample(range(256), 256)) for n in range(4))
    packed = there_and_back(text[:1536] + permuted + bytes(1024), model)
    assert told(blocks(packed)) == [
        (Kind.MIXED, 1024),
        (Kind.MIXED, 512),
        (Kind.RAW, 1024),
        (Kind.RUN, 512),
        (Kind.RUN, 512),
    ]


def test_a_block_does_not_depend_on_those_before(
    model: BlockCodec, text: bytes, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Level, "block_bytes", 500)
    first, second = blocks(compressed(text[:500] * 2, model))
    assert first == second


def test_what_the_model_would_expand_is_stored_raw(
    model: BlockCodec, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(model)
    monkeypatch.setattr(kinds, "DENSE", 9 * 256)  # now nothing is too dense to try
    original = random.Random(5).randbytes(600)
    packed = compressed(original, counted)
    assert counted.uses == 1, "the model was tried"
    assert blocks(packed) == [Block(Head(Kind.RAW, 600, 600), original)]
    assert len(packed) == 600 + 8, "in the short form"
    assert compressor.decompress(packed) == original


def test_noise_that_repeats_itself_is_mixed(model: BlockCodec, blocks: Blocks) -> None:
    """As a document of compressed pictures and their descriptions does: a defect lost 2 % there."""
    noise = random.Random(7).randbytes(20_000)
    original = noise + noise[4000:6000]
    packed = compressed(original, model)
    assert [block.head.kind for block in blocks(packed)] == [Kind.MIXED]
    assert len(packed) < len(noise) + 1000
    assert compressor.decompress(packed) == original


def test_noise_does_not_wait_for_the_model(model: BlockCodec, blocks: Blocks) -> None:
    counted = Counted(model)
    packed = compressed(random.Random(6).randbytes(100_000), counted)
    assert told(blocks(packed)) == [(Kind.RAW, 100_000)]
    assert restored(packed, counted)
    zeros = compressed(bytes(100_000), counted)
    assert restored(zeros, counted) == bytes(100_000)
    assert counted.uses == 0


def test_what_repeats_beyond_measure_is_filled_up_to_the_least_payload(
    definition: Definition, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound that decoders rely on is kept by the encoder, at 8 to 1 in place of 8,192."""
    monkeypatch.setattr(container, "MAX_EXPANSION", 8)
    original = b"ab" * 512
    (block,) = blocks(there_and_back(original, definition))
    assert (block.head.kind, block.head.size) == (Kind.MIXED, len(original) // 8)
    assert block.payload.endswith(bytes(40)), "the coder's own words end far before"


def is_short(packed: bytes) -> bool:
    return container.Reader(io.BytesIO(packed)).short


def test_the_smaller_form_is_written(
    model: BlockCodec, text: bytes, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorts = [b"", b"x", b"a" * 56, text[:30], text[:1000], random.Random(9).randbytes(65_535)]
    longs = [b"a" * 57, random.Random(9).randbytes(65_536)]
    for original in shorts + longs:
        packed = there_and_back(original, model)
        assert is_short(packed) == (original in shorts)
        with monkeypatch.context() as patch:
            patch.setattr(container, "SHORT_MOST", -1)
            long = compressed(original, model)
        assert restored(long, model) == original
        if original:
            assert not is_short(long)
            assert len(packed) < len(long) or packed == long
    monkeypatch.setattr(Level, "block_bytes", 500)
    two = there_and_back(text[:700], model)
    assert not is_short(two), "of two blocks"
    assert [length for _, length in told(blocks(two))] == [500, 200]


def test_a_block_that_the_short_form_makes_no_smaller_is_raw_there(
    model: BlockCodec, text: bytes
) -> None:
    """Its head is smaller by what a mixed one says."""
    sizes = [len(there_and_back(text[:length], model)) for length in range(1, 60)]
    assert all(size <= length + 8 for length, size in enumerate(sizes, 1))
    assert sizes[0] == 9
    assert sizes[-1] < 59 + 8, "mixed"


def test_a_transform_and_large_tables_take_the_long_form(
    model: BlockCodec, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        rising = bytes(n * n // 60 % 256 for n in range(1000))
        changed = Transform.BYTES, trials.apply(Transform.BYTES, rising)
        patch.setattr(trials, "transformed", lambda *_: changed)
        assert not is_short(there_and_back(rising, model))
    tables = Level.recipe
    for number in (255, 256):
        monkeypatch.setattr(
            Level,
            "recipe",
            lambda level, length, number=number: dataclasses.replace(
                tables(level, length), tables=number
            ),
        )
        assert is_short(there_and_back(text[:200], model)) == (number == 255)


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
    model: BlockCodec, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Level, "block_bytes", 700)
    original, packed, target = (
        text[:1000] + bytes(300) + random.Random(4).randbytes(700),
        Sink(),
        Sink(),
    )
    there = compressor.compress_stream(Dribble(original), packed, model=model)
    assert bytes(packed.content) == compressed(original, model)
    again = compressor.decompress_stream(
        Dribble(bytes(packed.content)), target, find=finding(model)
    )
    assert bytes(target.content) == original
    little = Sink()
    compressor.compress_stream(Dribble(original[:90]), little, model=model)
    assert is_short(bytes(little.content))
    assert bytes(little.content) == compressed(original[:90], model)
    assert there.length == again.length == len(original)
    assert there.end_mark() == again.end_mark()


def test_progress_tells_of_every_byte_once(
    model: BlockCodec, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Level, "block_bytes", 500)
    original = text[:500] + bytes(500) + random.Random(2).randbytes(500)
    there: list[int] = []
    back: list[int] = []
    packed = io.BytesIO()
    compressor.compress_stream(io.BytesIO(original), packed, progress=there.append, model=model)
    packed.seek(0)
    compressor.decompress_stream(packed, io.BytesIO(), back.append, finding(model))
    assert sum(there) == sum(back) == len(original)


def test_a_model_is_found_by_name_path_and_itself(
    nano_codec: BlockCodec, text: bytes, blocks: Blocks
) -> None:
    path = str(weights_store.path_of(nano_codec.identity))
    by_name, by_path, by_itself = (
        compressor.compress(text[:200], model=model) for model in ("nano", path, nano_codec)
    )
    assert by_name == by_path == by_itself
    (block,) = blocks(by_name)
    assert isinstance(block.head, Mixed)
    assert block.head.weights_id == nano_codec.identity[:4]


def test_coders_and_lanes_may_be_brought(
    nano_codec: BlockCodec, text: bytes, blocks: Blocks
) -> None:
    def packed(**how: Any) -> list[Block]:
        target = io.BytesIO()
        compressor.compress_stream(io.BytesIO(text[:600]), target, **how)
        return blocks(target.getvalue())

    assert packed(coders=registry.coders([nano_codec])) == packed(model=nano_codec)
    assert lanes_in(packed(model=nano_codec, lanes=4)) == [4]
    assert lanes_in(packed(model=nano_codec, lanes=1024)) == [8], "as many as have bytes"
    (alone,) = packed(coders=registry.coders(()))
    assert isinstance(alone.head, Mixed)
    assert alone.head.weights_id == NO_WEIGHTS
    assert alone.head.lanes == 1
    assert lanes_in(packed(coders=registry.coders(()), lanes=8)) == [8]


class Guess:
    """A predictor with counts at the format's extremes: the loop must not rely on the network."""

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


@pytest.mark.slow
@pytest.mark.parametrize(
    "counts", [np.ones(256), np.full(256, 2**23 - 1), extreme(0), extreme(255), extreme(97)]
)
@pytest.mark.parametrize("lanes", [1, 4])
def test_counts_at_their_limits_code_the_likely_and_the_unlikely(
    counts: np.ndarray, lanes: int
) -> None:
    recipe = Recipe(lanes, Design.LIGHT, 1)
    for original in (b"a" * 40, bytes(40), b"\xff" * 40, bytes(range(200, 240))):
        data = np.frombuffer(original, np.uint8)
        done: list[int] = []
        stream = encode_block(Guess(lanes, counts), data, recipe, done.append)
        found = decode_block(Guess(lanes, counts), stream, 40, recipe, done.append)
        assert found.tobytes() == original
        assert sum(done) == 80
