"""Predicted sound and pictures come back, whatever the bytes, and damage to parts has its name."""

from __future__ import annotations

import random

import pytest

from coding.errors import Damaged
from coding.fields import varint
from coding.prediction import (
    HIGH_FIRST,
    SIGNED,
    WIDE,
    WINDOWS,
    Signal,
    Stretch,
    block_from,
    parts_of,
    residuals,
    restored,
)
from compressor.codec import native

LINE = Signal(WIDE | SIGNED, 8, 1, 1, (1, 2))
native_only = pytest.mark.skipif(
    native.absent() is not None, reason="the native engine is not built"
)


def drawn(seed: int) -> tuple[bytes, Signal]:
    """A signal of any fields, and bytes that are extremes, noise or a wave."""
    source = random.Random(seed)
    channels, most = source.randrange(1, 5), source.choice([1, 2, 5, 12, 32])
    signal = Signal(
        source.randrange(8),
        source.choice(WINDOWS),
        channels,
        channels + source.randrange(40),
        tuple(source.randrange(1, 70) for _ in range(most)),
    )
    length = source.choice([0, 1, 2, 3, 40, 257])
    extremes = bytes(source.choice([0, 127, 128, 255]) for _ in range(length))
    wave = bytes((at * at // 7 + channels * at) % 256 for at in range(length))
    return source.choice([extremes, source.randbytes(length), wave, bytes(length)]), signal


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_predicted_comes_back(seed: int) -> None:
    stretch, signal = drawn(seed)
    coded = residuals(stretch, signal)
    assert len(coded) == len(stretch)
    assert restored(coded, signal) == stretch


@native_only
@pytest.mark.parametrize("seed", range(120))
def test_the_engine_predicts_as_the_definition(seed: int) -> None:
    stretch, signal = drawn(seed)
    coded = native.predict(stretch, signal)
    assert coded == residuals(stretch, signal)
    assert native.unpredict(coded, signal) == stretch


@native_only
@pytest.mark.parametrize("window", [min(WINDOWS), max(WINDOWS)])
@pytest.mark.parametrize("period", [1, 3, 1000, 6000])
def test_the_greatest_sums_are_the_same_in_both(window: int, period: int) -> None:
    """Of the least numbers that there are, all of one sign for a time, sums are the greatest."""
    signal = Signal(WIDE | SIGNED, window, 1, 1, (1, 2, 7))
    numbers = [-32768 if at // period % 2 == 0 else 32767 for at in range(12_000)]
    stretch = b"".join(number.to_bytes(2, "little", signed=True) for number in numbers)
    coded = native.predict(stretch, signal)
    assert coded == residuals(stretch, signal)
    assert native.unpredict(coded, signal) == stretch


@native_only
@pytest.mark.parametrize(
    "signal",
    [
        LINE._replace(window=3),
        LINE._replace(window=13),
        LINE._replace(channels=0),
        LINE._replace(channels=9, row=9),
        LINE._replace(channels=2),
        LINE._replace(distances=()),
        LINE._replace(distances=(1,) * 33),
        LINE._replace(distances=(0,)),
    ],
)
def test_fields_out_of_bounds_are_refused(signal: Signal) -> None:
    assert LINE.is_sound() and not signal.is_sound()
    with pytest.raises(ValueError, match="bounds"):
        native.predict(bytes(100), signal)


def test_a_line_is_foreseen_soon() -> None:
    line = b"".join((300 + 9 * at).to_bytes(2, "little") for at in range(400))
    left = residuals(line, LINE)[200:]
    values = [int.from_bytes(left[at : at + 2], "little", signed=True) for at in range(0, 600, 2)]
    assert max(map(abs, values)) < 9  # what each is more than the one before


def test_each_channel_has_weights_of_its_own() -> None:
    """The first channel doubles what was before it, the second one mirrors the first."""
    numbers, value = list[int](), 1
    for _ in range(150):
        numbers += [value, -value]
        value = 3 * value % 251 - 125
    stretch = b"".join(number.to_bytes(1, "little", signed=True) for number in numbers)
    left = residuals(stretch, Signal(SIGNED, 8, 2, 2, (1,)))
    assert set(left[101::2]) <= {0, 1, 255}
    assert len(set(left[100::2])) > 20


def test_the_order_of_bytes_changes_nothing_but_the_original() -> None:
    low = b"".join((at * at % 5000).to_bytes(2, "little") for at in range(200))
    high = b"".join((at * at % 5000).to_bytes(2, "big") for at in range(200))
    swapped = LINE._replace(form=LINE.form | HIGH_FIRST)
    assert residuals(low, LINE) == residuals(high, swapped)


BLOCK = b"head" + bytes(range(90)) + b"between" + bytes(range(60)) + b"!"
STRETCHES = [
    Stretch(4, 90, LINE),
    Stretch(101, 61, Signal(0, 9, 3, 200, (1, 2, 3, 200))),
]


def test_a_block_comes_back_from_its_parts() -> None:
    parts = parts_of(BLOCK, STRETCHES)
    assert block_from(parts, len(BLOCK)) == BLOCK
    whole = parts_of(BLOCK, [Stretch(0, len(BLOCK), LINE)])
    assert block_from(whole, len(BLOCK)) == BLOCK


def test_parts_that_are_cut_or_longer_are_damaged() -> None:
    parts = parts_of(BLOCK, STRETCHES)
    for end in range(len(parts)):
        with pytest.raises(Damaged):
            block_from(parts[:end], len(BLOCK))
    with pytest.raises(Damaged, match="length"):
        block_from(parts + b"!", len(BLOCK))


def test_a_changed_byte_is_damage_or_another_block() -> None:
    parts = parts_of(BLOCK, STRETCHES)
    refused = 0
    for at in range(len(parts)):
        for bit in (1, 16, 128):
            spoilt = parts[:at] + bytes([parts[at] ^ bit]) + parts[at + 1 :]
            try:
                assert len(block_from(spoilt, len(BLOCK))) == len(BLOCK)
            except Damaged:
                refused += 1
    assert refused > 20


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"\0", "no stretch"),
        (varint(4097) + b"\0\0\0\x08\1\1\1\1" * 4097, "too many"),
        (b"\1\0\x0a\x08\x08\1\1\1\1", "form"),
        (b"\1\0\x0a\0\x08\1\1\1" + varint((1 << 27) + 1), "form"),
        (b"\1\0" + varint(101) + b"\0\x08\1\1\1\1", "beyond"),
        (b"\1\x80\x80\x80\x80\x10", "too large"),
    ],
)
def test_heads_that_break_the_format_are_damaged(head: bytes, why: str) -> None:
    with pytest.raises(Damaged, match=why):
        block_from(head + bytes(100), 100)
