"""Blocks in which sound and pictures are coded in streams of their own. ``FORMAT.md``, section 10.

What the numbers of a stretch are coded with is ``models.signals``; here is what a block says of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from coding.errors import Damaged
from coding.fields import Fields, Piece, joined, varint

WINDOWS = range(4, 13)
MOST_CHANNELS = 8
MOST_DISTANCES = 32
MOST_DISTANCE = 1 << 27
MOST_STRETCHES = 1 << 12
WIDE, SIGNED, HIGH_FIRST, COLOURS, BLUE_FIRST = 1, 2, 4, 8, 16
"""Bits of a form: two bytes a number, of two's complement, the higher one first; colours told as
brightness and two differences, as JPEG has them, and if so, blue before green and red."""
FORMS = 32


class Signal(NamedTuple):
    """What a stretch of bytes consists of, and what each of its numbers is predicted from."""

    form: int
    window: int
    """Base-2 logarithm of the numbers of a channel in which its sums are forgotten."""
    channels: int
    row: int
    """Numbers of a row, each of which begins with the first channel."""
    distances: tuple[int, ...]
    """How many numbers back those lie that a number is predicted from."""

    @property
    def width(self) -> int:
        """Bytes of a number."""
        return 2 if self.form & WIDE else 1

    def is_sound(self) -> bool:
        """Whether the fields keep the bounds of the format."""
        return (
            0 <= self.form < FORMS
            and self._has_colours_aright()
            and self.window in WINDOWS
            and 1 <= self.channels <= min(self.row, MOST_CHANNELS)
            and 1 <= len(self.distances) <= MOST_DISTANCES
            and all(1 <= distance <= MOST_DISTANCE for distance in self.distances)
        )

    def _has_colours_aright(self) -> bool:
        """Whether colours, if there are any, are those of three bytes."""
        if self.form & COLOURS:
            return self.channels == 3 and not self.form & (WIDE | SIGNED | HIGH_FIRST)
        return not self.form & BLUE_FIRST


class Stretch(NamedTuple):
    """Where a signal lies in a block, in bytes."""

    start: int
    size: int
    signal: Signal


Decode = Callable[[bytes, int, Signal], bytes]
"""Makes a stretch of so many bytes of its stream."""


def parts_of(block: bytes, stretches: Sequence[Stretch], streams: Sequence[bytes]) -> bytes:
    """The parts of a block in which these stretches, in order and apart, are coded in streams.

    There is one at least, and at most MOST_STRETCHES. The streams are the end of the parts.
    """
    coded = zip(stretches, streams, strict=True)
    pieces = (Piece(one.start, one.size, _head_of(one, len(stream)), b"") for one, stream in coded)
    return joined(block, len(stretches), pieces) + b"".join(streams)


def _head_of(stretch: Stretch, coded: int) -> bytes:
    form, window, channels, row, distances = stretch.signal
    head = varint(stretch.size) + bytes([form, window, channels]) + varint(row)
    return head + bytes([len(distances)]) + b"".join(map(varint, distances)) + varint(coded)


def block_from(parts: bytes, length: int, decode: Decode) -> bytes:
    """The block of ``length`` bytes that parts stand for. Raises Damaged where there is none."""
    fields = Fields(parts)
    heads = fields.heads(_head, MOST_STRETCHES, "a predicted block has no stretch")
    left = length - sum(one.gap + one.size for one in heads)
    if left < 0 or fields.left != left + sum(one.gap + one.coded for one in heads):
        raise Damaged("a predicted block has another length than its head says: get the file anew")
    gaps = [fields.take(one.gap) for one in heads]
    rest, block = fields.take(left), bytearray()
    for gap, one in zip(gaps, heads, strict=True):
        block += gap + decode(fields.take(one.coded), one.size, one.signal)
    return bytes(block) + rest


class _Head(NamedTuple):
    gap: int
    """Bytes before a stretch."""
    size: int
    coded: int
    """Bytes of its stream."""
    signal: Signal


def _head(fields: Fields) -> _Head:
    gap, size = fields.varint(), fields.varint()
    form, window, channels, row = fields.byte(), fields.byte(), fields.byte(), fields.varint()
    distances = tuple(fields.varint() for _ in range(fields.byte()))
    coded, signal = fields.varint(), Signal(form, window, channels, row, distances)
    if not signal.is_sound() or size % signal.width or coded % 4:
        raise Damaged("a stretch of a predicted block has an unknown form: get the file anew")
    return _Head(gap, size, coded, signal)
