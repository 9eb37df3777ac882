"""Stretches of numbers come back, engine and definition agree, and streams stay as they are."""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
import struct

import pytest

from coding.colours import to_rgb
from coding.errors import Damaged
from coding.prediction import BLUE_FIRST, COLOURS, HIGH_FIRST, SIGNED, WIDE, WINDOWS, Signal
from compressor.codec import native
from compressor.codec.signals import decoded, encoded, encoded_by_definition


@pytest.fixture(autouse=True, params=["native", "definition"])
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "definition":
        monkeypatch.setattr(native, "at_hand", lambda: False)
    elif native.absent() is not None:
        pytest.skip("the native engine is not built")


AROUND = (1, 2, 3, 6, 29, 30, 31)


def picture(width: int, height: int, channels: int) -> bytes:
    """Slopes with a pattern on them."""
    return bytes(
        ((x * 7 + y * 13) // 3 + (x * y) % 11 * c + (x ^ y) % 5) % 256
        for y in range(height)
        for x in range(width)
        for c in range(channels)
    )


def tone(numbers: int, channels: int, most: int) -> list[int]:
    """A tone that rises, the same in all channels but for some noise."""
    times = [at // channels for at in range(numbers)]
    return [
        int(most * math.sin(time * (9 + time / 50) / 70)) + at * 7919 % 5
        for at, time in enumerate(times)
    ]


def samples(numbers: int, channels: int, form: int) -> bytes:
    """The tone in the form's bytes."""
    kind = "bBhH"[2 * bool(form & WIDE) + (not form & SIGNED)]
    half = 1 << (15 if form & WIDE else 7)
    centre = 0 if form & SIGNED else half
    order = ">" if form & HIGH_FIRST else "<"
    tones = tone(numbers, channels, half * 3 // 4)
    return struct.pack(f"{order}{numbers}{kind}", *(each + centre for each in tones))


def comes_back(stretch: bytes, signal: Signal) -> bytes:
    """Its stream, which is the same by engine and definition."""
    stream = encoded(stretch, signal)
    assert len(stream) % 4 == 0
    assert decoded(stream, len(stretch), signal) == stretch
    assert decoded(stream + bytes(4), len(stretch), signal) == stretch
    return stream


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("extra", [0, 1])
def test_pictures_come_back(channels: int, extra: int) -> None:
    row = 10 * channels + extra
    comes_back(picture(10, 16, channels)[:200], Signal(0, 6, channels, row, AROUND))


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_rows_may_be_short(channels: int) -> None:
    signal = Signal(SIGNED, 4, channels, channels + 1, (1, 2, 150))
    comes_back(picture(10, 10, 1), signal)
    comes_back(b"", signal)


@pytest.mark.parametrize("form", [0, SIGNED, WIDE, WIDE | SIGNED, WIDE | SIGNED | HIGH_FIRST])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_sound_comes_back(form: int, channels: int) -> None:
    signal = Signal(form, 12, channels, channels, tuple(range(1, 9)))
    comes_back(samples(150, channels, form), signal)


@pytest.mark.parametrize("form", [0, WIDE | SIGNED])
@pytest.mark.parametrize("row", [1, 12])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_is_coded(form: int, row: int, seed: int) -> None:
    source = random.Random(seed)
    pieces = [bytes(120), b"\xff" * 120, b"\x00\xff" * 60, b"\x80\x00\x7f\xff" * 30]
    pieces += [source.randbytes(120), bytes(source.choice(b"\x00\xff") for _ in range(120))]
    source.shuffle(pieces)
    comes_back(b"".join(pieces)[: 300 if form else 150], Signal(form, 4, 1, row, (1, 2, 3, 12)))


def drawn(seed: int) -> tuple[bytes, Signal]:
    """A signal of any fields, and bytes that are extremes, noise or a wave."""
    source = random.Random(seed)
    channels, most = source.randrange(1, 9), source.choice([1, 2, 5, 12, 32])
    row = channels + source.choice([0, source.randrange(40)])
    distances = tuple(source.randrange(1, 70) for _ in range(most))
    signal = Signal(source.randrange(8), source.choice(WINDOWS), channels, row, distances)
    length = source.choice([0, 2, 4, 40, 150])
    extremes = bytes(source.choice([0, 127, 128, 255]) for _ in range(length))
    wave = bytes((at * at // 7 + channels * at) % 256 for at in range(length))
    return source.choice([extremes, source.randbytes(length), wave, bytes(length)]), signal


@pytest.mark.parametrize("seed", range(40))
def test_any_signal_is_coded_alike_by_engine_and_definition(seed: int) -> None:
    stretch, signal = drawn(seed)
    assert comes_back(stretch, signal) == encoded_by_definition(stretch, signal)


@pytest.mark.parametrize("form", [COLOURS, COLOURS | BLUE_FIRST])
def test_colours_of_jpeg_come_back(form: int) -> None:
    signal = Signal(form, 9, 3, 31, AROUND)
    stretch = to_rgb(picture(10, 10, 3), 31, bool(form & BLUE_FIRST))
    assert comes_back(stretch, signal) != encoded(stretch, signal._replace(form=0))
    with pytest.raises(ValueError, match="none of JPEG's"):
        encoded(bytes([255, 0, 0] * 40), signal)


@pytest.mark.parametrize(
    ("smooth", "signal"),
    [
        (picture(30, 12, 1), Signal(0, 9, 1, 30, AROUND)),
        (samples(360, 1, WIDE | SIGNED), Signal(WIDE | SIGNED, 9, 1, 1, tuple(range(1, 9)))),
    ],
)
def test_what_can_be_expected_takes_less_than_half(smooth: bytes, signal: Signal) -> None:
    noise = random.Random(5).randbytes(len(smooth))
    taken = len(encoded(noise, signal))
    assert 2 * len(encoded(smooth, signal)) < taken < 1.2 * len(noise)


@pytest.mark.parametrize("stream", [b"", bytes(4), bytes(400), b"\xff" * 400, b"\x12\x34" * 40])
@pytest.mark.parametrize("form", [0, WIDE, COLOURS])
def test_any_stream_is_decoded_or_damaged(stream: bytes, form: int) -> None:
    with contextlib.suppress(Damaged):
        assert len(decoded(stream, 150, Signal(form, 9, 3, 30, AROUND))) == 150


def test_loud_channels_that_are_alike_take_little_more_than_one() -> None:
    """Their sums of squares have no solution of their own: the least pivot gives one."""
    one = samples(500, 1, WIDE | SIGNED)
    both = b"".join(2 * one[at : at + 2] for at in range(0, len(one), 2))
    alone = len(encoded(one, Signal(WIDE | SIGNED, 9, 1, 1, tuple(range(1, 9)))))
    twice = len(encoded(both, Signal(WIDE | SIGNED, 9, 2, 2, tuple(range(1, 17)))))
    assert twice < 1.25 * alone


@pytest.mark.parametrize("window", [min(WINDOWS), max(WINDOWS)])
@pytest.mark.parametrize("period", [1, 3, 150])
def test_the_greatest_sums_come_back(window: int, period: int) -> None:
    """Of the least numbers that there are, all of one sign for a time, sums are the greatest."""
    numbers = [-32768 if at // period % 2 == 0 else 32767 for at in range(400)]
    stretch = struct.pack("<400h", *numbers)
    signal = Signal(WIDE | SIGNED, window, 1, 1, (1, 2, 7))
    assert comes_back(stretch, signal) == encoded_by_definition(stretch, signal)


def test_half_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        encoded(bytes(101), Signal(WIDE, 9, 1, 1, (1,)))


GOLDEN = [
    (
        picture(20, 24, 3)[:600],
        Signal(0, 9, 3, 60, (1, 2, 3, 4, 5, 6, 57, 60, 63, 120)),
        "68b4ddd16bbb9e79a191f506d649b0a8a09c2983f4c50d018315e6f8fe4095df",
    ),
    (
        samples(300, 2, WIDE | SIGNED),
        Signal(WIDE | SIGNED, 9, 2, 2, tuple(range(1, 17))),
        "3cd69ab0c04c06914157747a90ed345a8be1df1dc10b361046759e85132ecc0e",
    ),
]
"""Stretches and the SHA-256 of their streams."""


@pytest.mark.parametrize(("stretch", "signal", "digest"), GOLDEN)
def test_streams_stay_the_same(stretch: bytes, signal: Signal, digest: str) -> None:
    assert hashlib.sha256(encoded(stretch, signal)).hexdigest() == digest
