"""Trials: a network and a transform are used where they help, and not where they do not."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

import pytest

import compressor
from coding import transforms
from coding.container import NO_WEIGHTS, Block, Design, Mixed, Transform
from compressor.codec import native, registry, trials
from compressor.codec.levels import LEVELS
from compressor.codec.registry import Coders
from compressor.codec.seams import Progress, Recipe
from compressor.errors import StaleEngine
from data.samples import sample

NATIVE = pytest.mark.skipif(
    native.absent() is not None, reason="takes minutes without the native engine"
)


class Sized:
    """A codec whose payloads have so many bytes; it keeps what it was tried with."""

    identity = b"whatever"

    def __init__(self, *sizes: int) -> None:
        self.sizes, self.tried = list(sizes), list[tuple[bytes, Recipe]]()

    def encode_block(self, data: bytes, recipe: Recipe, progress: Progress) -> bytes:
        self.tried.append((data, recipe))
        return bytes(self.sizes.pop(0))

    def decode_block(
        self, payload: bytes, length: int, recipe: Recipe, progress: Progress
    ) -> bytes:
        raise AssertionError("a trial decodes nothing")


# The network


@pytest.mark.parametrize(
    ("with_network", "alone", "wins"),
    [(320, 331, True), (320, 330, False), (320, 320, False), (320, 310, False)],
)
def test_the_network_codes_a_block_whose_sample_it_makes_smaller_by_a_thirty_second(
    with_network: int, alone: int, wins: bool
) -> None:
    network = Sized(with_network)
    coders = Coders(Sized(alone), (network,))
    block = random.Random(1).randbytes(1 << 20)
    assert trials.codec_for(block, coders) is (network if wins else coders.alone)
    ((tried, recipe),) = coders.alone.tried
    assert network.tried == [(tried, recipe)], "on equal terms"
    assert tried in block
    assert len(tried) == trials.TEXT_SAMPLE
    assert (recipe.design, recipe.lanes) == (Design.LAYOUT, trials.SAMPLE_LANES)


@pytest.mark.parametrize("of_alone", [Design.LAYOUT, Design.ALONE])
def test_codecs_are_tried_with_the_designs_that_the_block_would_have(of_alone: Design) -> None:
    coders = Coders(Sized(331), (Sized(320),))
    trials.codec_for(bytes(1 << 20), coders, Design.BESIDE, of_alone)
    ((network,), alone) = (coders.networks, coders.alone)
    assert isinstance(network, Sized) and isinstance(alone, Sized)
    designs = [codec.tried[0][1].design for codec in (network, alone)]
    assert designs == [Design.BESIDE, of_alone]


def test_a_sample_is_a_small_share_of_the_block() -> None:
    for length in (96 << 10, 100_000, 1 << 19):
        coders = Coders(Sized(1), (Sized(1),))
        trials.codec_for(bytes(length), coders)
        ((tried, _),) = coders.alone.tried
        assert len(tried) == length // trials.SHARE


@pytest.mark.parametrize("length", [100, 1024, 1025, (48 << 10) - 1])
def test_of_a_short_block_a_kilobyte_is_tried_or_all_of_it(length: int) -> None:
    block = random.Random(1).randbytes(length)
    for alone in (320, 331):
        coders = Coders(Sized(alone), (Sized(320),))
        chosen = trials.codec_for(block, coders)
        assert (chosen is coders.alone) == (alone == 320)
        ((tried, _),) = coders.alone.tried
        assert len(tried) == min(length, trials.LEAST_SAMPLE)


@pytest.mark.parametrize("length", [1, 100, (96 << 10) - 1, 96 << 10])
def test_a_short_text_takes_the_network_untried(length: int) -> None:
    text = (sample() * 2)[:length]
    coders = Coders(Sized(320), (Sized(320),))
    untried = length < 96 << 10
    assert (trials.codec_for(text, coders) is coders.networks[0]) == untried
    assert (not coders.alone.tried) == untried


@NATIVE
def test_short_blocks_of_numbers_take_no_network() -> None:
    numbers = b"".join(struct.pack("<hh", n * n % 1009, 3 * n) for n in range(2000))
    coders = registry.of_level(LEVELS[6], None)
    for length in (2000, 8000):
        assert trials.codec_for(numbers[:length], coders) is coders.alone


@pytest.mark.parametrize("length", [1, 100, 4000, (96 << 10) - 1, 96 << 10, 1 << 20])
@pytest.mark.parametrize("best", [0, 1, 2])
def test_of_several_networks_the_one_codes_a_block_that_makes_its_sample_smallest(
    length: int, best: int
) -> None:
    networks = tuple(Sized(100 - (at == best)) for at in range(3))
    coders = Coders(Sized(1000), networks)
    assert trials.codec_for(bytes(length), coders) is networks[best]
    samples = {(bytes(text), recipe) for network in networks for text, recipe in network.tried}
    assert len(samples) == 1, "all are tried on the same, on equal terms"


def test_of_equal_networks_the_first_one_codes_a_block() -> None:
    networks = (Sized(100), Sized(100))
    assert trials.codec_for(bytes(1000), Coders(Sized(1000), networks)) is networks[0]


def test_several_networks_are_no_help_either_where_the_memory_alone_does_as_well() -> None:
    coders = Coders(Sized(326), (Sized(330), Sized(320)))
    assert trials.codec_for(bytes(1 << 20), coders) is coders.alone


def test_without_a_network_there_is_no_trial() -> None:
    coders = Coders(Sized())
    assert trials.codec_for(bytes(1 << 20), coders) is coders.alone


def measurements(number: int) -> bytes:
    """Records of numbers that change little from one to the next; no text."""
    drawn, at = random.Random(2), [1000, 50_000, 7, 123_456]
    records = []
    for _ in range(number):
        at = [value + drawn.randrange(-3, 4) for value in at]
        records.append(struct.pack("<4i", *at))
    return b"".join(records)


@pytest.mark.slow
@NATIVE
def test_real_weights_code_text_and_leave_numbers_to_the_memory(
    blocks: Callable[[bytes], list[Block]],
) -> None:
    text, numbers = sample()[:100_000], measurements(6250)
    identities = []
    for original in (text, numbers):
        packed = compressor.compress(original, model="tiny")
        assert compressor.decompress(packed) == original
        (block,) = blocks(packed)
        assert isinstance(block.head, Mixed)
        identities.append(block.head.weights_id)
    network = registry.by_name("tiny").identity
    assert identities == [network, NO_WEIGHTS]


# The transform


def program(length: int) -> bytes:
    """Code that calls 30 functions from everywhere, as linked programs do."""
    drawn, code = random.Random(3), bytearray()
    places = [drawn.randrange(length) for _ in range(30)]
    while len(code) < length:
        code += drawn.choice((b"\x48\x8b\x45\xf8", b"\x48\x89\xc7", b"\x31\xc0\xc3", b"\x55"))
        code += b"\xe8" + struct.pack("<i", drawn.choice(places) - len(code) - 5)
    return bytes(code[:length])


TEXTS = {
    "text": sample()[:50_000],
    "French in Latin-1": ("Où êtes-vous, père? Très près, mère; après l'été. " * 900).encode(
        "latin-1"
    ),
    "French in UTF-16": ("Où êtes-vous, père? Très près, mère; après l'été. " * 900).encode(
        "utf-16"
    ),
    "noise": random.Random(4).randbytes(50_000),
    "a book of numbers": b"".join(b"%d,%d\n" % (n, n * n % 997) for n in range(9000)),
    "nothing": b"",
    "a call and nothing else": b"\xe8\0\0\0\0",
}


@NATIVE
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("design", Design)
def test_what_is_no_program_sound_or_picture_is_not_transformed(name: str, design: Design) -> None:
    alone = registry.without_network()
    assert trials.transformed(TEXTS[name], alone, design) == (Transform.NONE, TEXTS[name])


def test_text_is_not_even_tried() -> None:
    for name in ("text", "French in Latin-1"):
        unchanged = Transform.NONE, TEXTS[name]
        assert trials.transformed(TEXTS[name], Sized(), Design.LAYOUT) == unchanged


@pytest.mark.parametrize(
    ("plain", "changed", "wins"), [(10, 9, True), (10, 10, False), (10, 11, False)]
)
def test_the_transform_is_used_where_a_sample_becomes_smaller(
    plain: int, changed: int, wins: bool
) -> None:
    code, codec = program(40_000), Sized(plain, changed)
    transform, block = trials.transformed(code, codec, Design.LAYOUT)
    assert transform == (Transform.X86 if wins else Transform.NONE)
    assert block == (transforms.x86(code) if wins else code)
    assert trials.undo(transform, block) == code
    (first, recipe), (second, same) = codec.tried
    assert first in code
    assert second in transforms.x86(code)
    assert recipe == same
    assert len(first) == len(second) == len(code) // trials.ALONE_SHARE


@NATIVE
@pytest.mark.parametrize("level", [1, 3])
def test_a_program_is_transformed_and_smaller_for_it(
    level: int, blocks: Callable[[bytes], list[Block]], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = program(60_000)
    packed = compressor.compress(code, level)
    (block,) = blocks(packed)
    assert isinstance(block.head, Mixed)
    assert block.head.transform == Transform.X86
    assert compressor.decompress(packed) == code
    monkeypatch.setattr(trials, "transformed", lambda block, *_: (Transform.NONE, block))
    assert len(packed) < 0.9 * len(compressor.compress(code, level))


def test_where_the_native_engine_is_stale_the_definition_transforms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stale() -> None:
        raise StaleEngine("built from other sources: rebuild with make")

    code = program(5000)
    monkeypatch.setattr(native, "absent", stale)
    monkeypatch.setattr(native, "apply", lambda *_: pytest.fail("it was asked"))
    monkeypatch.setattr(native, "undo", lambda *_: pytest.fail("it was asked"))
    changed = trials.apply(Transform.X86, code)
    assert trials.undo(Transform.X86, changed) == code != changed


def waves(transform: Transform, length: int) -> bytes:
    """What a transform is for: in each channel a wave of its own, and some noise."""
    width, channels = transforms.DIFFERENCES[transform]
    drawn, numbers = random.Random(5), bytearray()
    noise = 2 if width == 1 else 40
    for at in range(length // width):
        place = at // channels
        phase = place / (30 + 4 * (at % channels)) + 9 * math.sin(place / 700)
        value = int(math.sin(phase) * (1 << 8 * width) / 5) + drawn.randint(-noise, noise)
        numbers += (value % (1 << 8 * width)).to_bytes(width, "little")
    return bytes(numbers)


@NATIVE
@pytest.mark.parametrize("transform", transforms.DIFFERENCES)
def test_sound_and_pictures_are_coded_as_differences_and_smaller_for_it(
    transform: Transform, blocks: Callable[[bytes], list[Block]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = waves(transform, 60_000)
    packed = compressor.compress(sound, 3)
    (block,) = blocks(packed)
    assert isinstance(block.head, Mixed)
    assert block.head.transform == transform
    assert compressor.decompress(packed) == sound
    monkeypatch.setattr(trials, "transformed", lambda block, *_: (Transform.NONE, block))
    assert len(packed) < len(compressor.compress(sound, 3))


class OfOriginals(Sized):
    """A codec that codes 160 bytes of an original, and as many as it is told of anything else."""

    def __init__(self, original: bytes, other: int) -> None:
        super().__init__()
        self.original, self.other = original, other

    def encode_block(self, data: bytes, recipe: Recipe, progress: Progress) -> bytes:
        return bytes(160 if data in self.original else self.other)


@pytest.mark.parametrize(("changed", "wins"), [(150, True), (151, False)])
def test_differences_must_make_a_sample_smaller_by_a_sixteenth(changed: int, wins: bool) -> None:
    sound = waves(Transform.BYTES, 60_000)
    transform, _ = trials.transformed(sound, OfOriginals(sound, changed), Design.LIGHT)
    assert (transform != Transform.NONE) == wins


def test_a_short_block_is_not_taken_for_sound() -> None:
    sound = waves(Transform.BYTES, 8 * trials.LEAST_NUMBERS - 1)
    assert trials.transformed(sound, Sized(), Design.LAYOUT) == (Transform.NONE, sound)


@pytest.mark.parametrize("centre", [0, 10, 50, 90, 100])
def test_a_sample_lies_within_the_block(centre: int) -> None:
    block = bytes(range(100))
    found = trials.sample(block, 30, centre)
    assert len(found) == 30
    assert found in block
    assert block[centre : centre + 1] in found or centre == 100
