"""Which bits a number has, and what each expectation says of a bit.

``coding/FORMAT.md``, section 10.6. A number is found by cuts: it is below or above one, at first 0,
then places that move away from there, then the middle of what is left.
"""

from __future__ import annotations

import numpy as np

from models.integer.fixed_point import clip
from models.memory.logistic import SQUASH, STRETCH_LIMIT, log2

MOST_INPUT = 3328
"""13 bits: more than an expectation can know."""
ONE = 1 << 24


class Range:
    """What a number can still be: ``low`` to ``high``, counted from the main expectation."""

    def __init__(self, low: int, high: int) -> None:
        """Takes what it can be before the first cut, ``low`` to 0 and 0 to ``high``."""
        self.least = self.low = low
        self.most = self.high = high

    @property
    def below(self) -> bool:
        """Whether it is known to be below 0."""
        return self.high < 0

    def cut(self) -> int:
        """Where to cut: numbers up to this one are a 0, those above it a 1."""
        low, high = self.low, self.high
        if low == self.least and high == self.most and low < 0:
            return -1
        if low >= 0 and high == self.most:
            return min(_farther(low), high - 1)
        if high < 0 and low == self.least:
            return max(-2 - _farther(-1 - high), low)
        return (low + high) >> 1


def _farther(value: int) -> int:
    """Steps of one at first, then twice as far each time."""
    return value if value < 3 else 2 * value - 2


class Shares:
    """What each expectation and slope lets expect, as shares of 2^24 below places of a range."""

    def __init__(self, distance: np.ndarray, slope: np.ndarray, range_: Range, unit: int) -> None:
        """Takes distances of place 0's upper end to expectations (n, 1), and slopes (n, m), int64.

        Distances are sixteenths; ``unit`` is what each single number has beside its share.
        """
        self._distance, self._slope = distance, slope
        self._range, self._unit = range_, unit
        self._below = np.zeros(slope.shape, np.int64)
        """The shares below the range."""
        self._within = np.full(slope.shape, ONE, np.int64)
        """The shares up to its end."""

    def inputs(self, cut: int) -> np.ndarray:
        """The stretch of a 1, (n * m,) int32, each at most MOST_INPUT."""
        steep = ((self._distance + 16 * cut) * self._slope) >> 16
        self._at = SQUASH.take(clip(steep, STRETCH_LIMIT) + STRETCH_LIMIT).astype(np.int64)
        low, high, unit = self._range.low, self._range.high, self._unit
        above = ((self._within - self._at) << 7) + unit * (high - cut)
        below = ((self._at - self._below) << 7) + unit * (cut - low + 1)
        logarithms = log2(np.stack([above, below]))
        return clip(logarithms[0] - logarithms[1], MOST_INPUT).ravel()

    def took(self, bit: int, cut: int) -> None:
        """Takes the bit at the cut that inputs were asked for last: the range is the less."""
        if bit:
            self._range.low, self._below = cut + 1, self._at
        else:
            self._range.high, self._within = cut, self._at
