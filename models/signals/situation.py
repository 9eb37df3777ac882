"""How well the numbers around a place were expected. ``coding/FORMAT.md``, section 10.5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.memory.logistic import LOG2
from models.signals.past import back

LEVELS = 32
SPREAD_OF = 6
"""Expectations whose difference is the spread."""
_LOG2: list[int] = LOG2.tolist()


class Situation(NamedTuple):
    """Levels, 0 to LEVELS - 1 each, of how far expectations around the place were off."""

    near: int
    beside: int
    far: int
    spread: int
    slope: int

    def rows(self) -> list[int]:
        """The situations of the four means of an expectation, each below LEVELS^2."""
        near, beside, far, spread, slope = self
        return [LEVELS * near + beside, LEVELS * far + spread, LEVELS * slope + near, 0]


def level(off: int) -> int:
    """Two of them for each doubling (Q of the page)."""
    value = off + 4
    excess = value.bit_length() - 12 if value >= len(_LOG2) else 0
    return min((_LOG2[value >> excess] + (excess << 8) - 512) >> 7, LEVELS - 1)


def of_picture(
    numbers: Sequence[int],
    off: Sequence[int],
    channels: int,
    row: int,
    channel: int,
    expectations: Sequence[int],
) -> Situation:
    """That of the next place, after these numbers, of which the main expectation was so far off."""

    def d(places: int) -> int:
        return back(off, places)

    left, above = channels, row
    near = (2 * d(left) + 2 * d(above) + d(above - left) + d(above + left)) // 6
    beyond = d(2 * left) + d(2 * above) + d(above - 2 * left) + d(above + 2 * left)
    w, n = back(numbers, left), back(numbers, above)
    a, b = back(numbers, above + left), back(numbers, above - left)
    slope = 8 * (abs(w - a) + abs(n - a) + abs(n - b))
    beside = d(1) if channel > 0 else near
    return _situation(near, beside, (6 * near + beyond) // 10, slope, expectations)


def of_sound(
    off: Sequence[int], channels: int, channel: int, expectations: Sequence[int]
) -> Situation:
    """The same of sound."""
    last = [back(off, places * channels) for places in range(1, 17)]
    near = (2 * last[0] + last[1] + last[2]) // 4
    beside = back(off, 1) if channel > 0 else near
    return _situation(near, beside, sum(last) // 16, last[0], expectations)


def _situation(
    near: int, beside: int, far: int, slope: int, expectations: Sequence[int]
) -> Situation:
    some = expectations[:SPREAD_OF]
    return Situation(
        level(near), level(beside), level(far), level(max(some) - min(some)), level(slope)
    )
