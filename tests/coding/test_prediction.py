"""What a block says of stretches of numbers comes back, and damage to it has its name."""

from __future__ import annotations

import pytest

from coding.errors import Damaged
from coding.fields import varint
from coding.prediction import (
    BLUE_FIRST,
    COLOURS,
    HIGH_FIRST,
    SIGNED,
    WIDE,
    Signal,
    Stretch,
    block_from,
    parts_of,
)

LINE = Signal(WIDE | SIGNED, 8, 1, 1, (1, 2))
PICTURE = Signal(COLOURS | BLUE_FIRST, 9, 3, 200, (1, 2, 3, 200))
BLOCK = b"head" + bytes(range(90)) + b"between" + bytes(range(60)) + b"!"
STRETCHES = [Stretch(4, 90, LINE), Stretch(101, 60, PICTURE)]
STREAMS = [b"\1\2\3\4" * 3, b"\5\6\7\x08"]


def decode(stream: bytes, size: int, signal: Signal) -> bytes:
    """The stretch that one of STREAMS stands for; another one is zeros."""
    if (stream, size, signal) == (STREAMS[0], 90, LINE):
        return BLOCK[4:94]
    if (stream, size, signal) == (STREAMS[1], 60, PICTURE):
        return BLOCK[101:161]
    return bytes(size)


def test_a_block_comes_back_from_its_parts() -> None:
    parts = parts_of(BLOCK, STRETCHES, STREAMS)
    assert parts.endswith(b"headbetween!" + b"".join(STREAMS))
    assert block_from(parts, len(BLOCK), decode) == BLOCK
    whole = parts_of(BLOCK[4:94], [Stretch(0, 90, LINE)], STREAMS[:1])
    assert block_from(whole, 90, decode) == BLOCK[4:94]


def test_parts_that_are_cut_or_longer_are_damaged() -> None:
    parts = parts_of(BLOCK, STRETCHES, STREAMS)
    for end in range(len(parts)):
        with pytest.raises(Damaged):
            block_from(parts[:end], len(BLOCK), decode)
    with pytest.raises(Damaged, match="length"):
        block_from(parts + b"!", len(BLOCK), decode)


def test_a_changed_byte_is_damage_or_another_block() -> None:
    parts = parts_of(BLOCK, STRETCHES, STREAMS)
    refused = 0
    for at in range(len(parts)):
        for bit in (1, 16, 128):
            spoilt = parts[:at] + bytes([parts[at] ^ bit]) + parts[at + 1 :]
            try:
                made = block_from(spoilt, len(BLOCK), decode)
            except Damaged:
                refused += 1
            else:
                assert len(made) == len(BLOCK) and made != BLOCK
    assert refused > 40


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
        LINE._replace(form=32),
        LINE._replace(form=BLUE_FIRST),
        PICTURE._replace(channels=2),
        PICTURE._replace(channels=4),
        *(PICTURE._replace(form=COLOURS | bit) for bit in (WIDE, SIGNED, HIGH_FIRST)),
    ],
)
def test_fields_out_of_bounds_are_damage(signal: Signal) -> None:
    assert LINE.is_sound() and PICTURE.is_sound() and not signal.is_sound()
    parts = parts_of(BLOCK, [Stretch(4, 90, signal)], STREAMS[:1])
    with pytest.raises(Damaged, match="form"):
        block_from(parts, len(BLOCK), decode)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"\0", "no stretch"),
        (varint(4097) + b"\0\0\0\x08\1\1\1\1\0" * 4097, "too many"),
        (b"\1\0\x0a\0\x08\1\1\1" + varint((1 << 27) + 1) + b"\0", "form"),
        (b"\1\0" + varint(101) + b"\0\x08\1\1\1\1\0", "length"),
        (b"\1\0\x0b\1\x08\1\1\1\1\0", "form"),
        (b"\1\0\x0a\1\x08\1\1\1\1\3", "form"),
        (b"\1\x80\x80\x80\x80\x10", "too large"),
    ],
)
def test_heads_that_break_the_format_are_damaged(head: bytes, why: str) -> None:
    with pytest.raises(Damaged, match=why):
        block_from(head + bytes(100), 100, decode)
