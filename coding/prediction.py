"""Linear prediction of sound and pictures, in whole numbers. ``FORMAT.md``, section 10.

This is the definition, and what runs where the native engine is not at hand. What is coded in the
place of a number is what it is more than expected. Expected is a sum of numbers before it, each
times a weight; the weights are those that would have been best so far (least squares), the last
numbers counting most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import mul
from typing import Literal, NamedTuple

from coding.errors import Damaged
from coding.fields import Fields, Piece, joined, of_equal_length, varint

WINDOWS = range(4, 13)
MOST_CHANNELS = 8
MOST_DISTANCES = 32
MOST_DISTANCE = 1 << 27
MOST_STRETCHES = 1 << 12
SUM_POINT = 16
"""Binary digits behind the point in the sums of products."""
POINT = 29
"""The same in weights and factors."""
SOLVED = 33
"""Binary digits that the sums have at most when they are solved."""
RIDGE = 6
"""2^(window + RIDGE) is added to the sums of squares, so that there is a solution."""
PACE = 2
"""Numbers of a channel from one solution to the next."""
MOST_WEIGHT = 1 << 35

WIDE, SIGNED, HIGH_FIRST = 1, 2, 4
"""Bits of a form: two bytes a number, of two's complement, the higher one first."""
FORMS = 8


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
            and self.window in WINDOWS
            and 1 <= self.channels <= min(self.row, MOST_CHANNELS)
            and 1 <= len(self.distances) <= MOST_DISTANCES
            and all(1 <= distance <= MOST_DISTANCE for distance in self.distances)
        )


class Stretch(NamedTuple):
    """Where a signal lies in a block, in bytes."""

    start: int
    size: int
    signal: Signal


Change = Callable[[bytes, Signal], bytes]
"""``residuals`` or ``restored``, of the native engine where that is at hand."""


class _Channel:
    """The sums of a channel, and the weights that solve them."""

    def __init__(self, signal: Signal) -> None:
        n = len(signal.distances)
        self._window, self._seen = signal.window, 0
        self._squares = [[0] * (row + 1) for row in range(n)]
        self._targets = [0] * n
        self._weights = [0] * n

    def expected(self, before: Sequence[int]) -> int:
        """What is expected after these numbers, before it is held to what a number can be."""
        return (sum(map(mul, self._weights, before)) + (1 << (POINT - 1))) >> POINT

    def learn(self, before: Sequence[int], came: int) -> None:
        """Takes in the number that came after these. Sums stay below 2^(window + 46)."""
        window = self._window
        for at, value in enumerate(before):
            shifted = value << SUM_POINT
            sums = self._squares[at]
            self._squares[at] = [
                sum_ + shifted * other - (sum_ >> window)
                for sum_, other in zip(sums, before, strict=False)
            ]
            self._targets[at] += shifted * came - (self._targets[at] >> window)
        self._seen += 1
        if self._seen % PACE == 0:
            self._solve()

    def _solve(self) -> None:
        """The weights of the least squares; they stay where rounding leaves no solution."""
        ridge, targets = 1 << (self._window + RIDGE), self._targets
        squares = [[*row[:-1], row[-1] + ridge] for row in self._squares]
        greatest = max(
            max(row[-1], abs(target)) for row, target in zip(squares, targets, strict=True)
        )
        down = max(greatest.bit_length() - SOLVED, 0)
        factors, values = list[list[int]](), list[list[int]]()
        for row in squares:
            own, factor = list[int](), list[int]()
            for known, pivot in enumerate(values):
                own.append(_held((row[known] >> down) - (sum(map(mul, factor, pivot)) >> POINT)))
                factor.append((own[known] << POINT) // pivot[known])
            last = (row[-1] >> down) - (sum(map(mul, factor, own)) >> POINT)
            if last < 1:
                return
            values.append([*own, _held(last)])
            factors.append(factor)
        sides = list[int]()
        for factor, target in zip(factors, targets, strict=True):
            sides.append(_held((target >> down) - (sum(map(mul, factor, sides)) >> POINT)))
        for at in reversed(range(len(sides))):
            later = range(at + 1, len(sides))
            known = sum(factors[row][at] * self._weights[row] for row in later) >> POINT
            weight = (sides[at] << POINT) // values[at][at] - known
            self._weights[at] = _held(weight, MOST_WEIGHT)


def _held(value: int, most: int = 1 << SOLVED) -> int:
    return max(-most, min(value, most))


def residuals(stretch: bytes, signal: Signal) -> bytes:
    """The bytes with each number less what is expected of it, its lowest byte first."""
    return _changed(stretch, signal, forward=True)


def restored(stretch: bytes, signal: Signal) -> bytes:
    """The inverse of ``residuals``."""
    return _changed(stretch, signal, forward=False)


def _changed(stretch: bytes, signal: Signal, *, forward: bool) -> bytes:
    width, half = signal.width, 1 << (8 * signal.width - 1)
    centre = 0 if signal.form & SIGNED else half
    order: Literal["big", "little"] = "big" if signal.form & HIGH_FIRST else "little"
    channels = [_Channel(signal) for _ in range(signal.channels)]
    numbers, out = list[int](), bytearray()
    for at in range(len(stretch) // width):
        piece = stretch[at * width : (at + 1) * width]
        before = [numbers[at - back] if back <= at else 0 for back in signal.distances]
        channel = channels[at % signal.row % signal.channels]
        expected = max(-half, min(channel.expected(before), half - 1))
        if forward:
            came = _wrapped(int.from_bytes(piece, order) - centre, half)
            out += ((came - expected) % (2 * half)).to_bytes(width, "little")
        else:
            came = _wrapped(int.from_bytes(piece, "little") + expected, half)
            out += ((came + centre) % (2 * half)).to_bytes(width, order)
        channel.learn(before, came)
        numbers.append(came)
    return bytes(out) + stretch[len(out) :]


def _wrapped(value: int, half: int) -> int:
    """The number from -half to half - 1 that is congruent to this one."""
    return (value + half) % (2 * half) - half


def parts_of(block: bytes, stretches: Sequence[Stretch], change: Change = residuals) -> bytes:
    """The parts of a block in which these stretches, in order and apart, are predicted.

    There is one at least, and at most MOST_STRETCHES.
    """
    return joined(block, len(stretches), (_piece(block, one, change) for one in stretches))


def _piece(block: bytes, stretch: Stretch, change: Change) -> Piece:
    start, size, signal = stretch
    form, window, channels, row, distances = signal
    head = varint(size) + bytes([form, window, channels]) + varint(row)
    head += bytes([len(distances)]) + b"".join(map(varint, distances))
    return Piece(start, size, head, change(block[start : start + size], signal))


def block_from(parts: bytes, length: int, change: Change = restored) -> bytes:
    """The block of ``length`` bytes that parts stand for. Raises Damaged where there is none."""
    fields = Fields(parts)
    heads = fields.heads(_head, MOST_STRETCHES, "a predicted block has no stretch")
    return of_equal_length(fields, heads, change, length, "a predicted block")


def _head(fields: Fields) -> tuple[int, int, Signal]:
    """Bytes before a stretch, bytes in it, and its signal."""
    gap, size = fields.varint(), fields.varint()
    form, window, channels, row = fields.byte(), fields.byte(), fields.byte(), fields.varint()
    distances = tuple(fields.varint() for _ in range(fields.byte()))
    signal = Signal(form, window, channels, row, distances)
    if not signal.is_sound():
        raise Damaged("a stretch of a predicted block has an unknown form: get the file anew")
    return gap, size, signal
