"""How far each expectation is off in situations like this one, on average.

``coding/FORMAT.md``, section 10.5.
"""

from __future__ import annotations

import numpy as np

from models.memory.maps import RATES
from models.signals.situation import LEVELS

KINDS = 4
"""Situations of an expectation, and so means; the last kind has one situation only."""
LIMIT = 20
"""The number of experiences from which on old ones fade."""
MOST_OFF = (1 << 22) - 1
"""Bound of what a mean learns, in 2^-6 of a number."""
SLOPE = 2900 << 16
"""Over the mean it is the slope of the logistic distribution, in stretch a sixteenth, 2^-16."""


class Means:
    """Those of all expectations and channels, in 2^-6 of a number."""

    def __init__(self, channels: int, expectations: int, half: int) -> None:
        """Where numbers are -half to half - 1."""
        situations = channels * KINDS * LEVELS**2
        self._mean = np.full((situations, expectations), 2 * half, np.int64)
        self._count = np.zeros(situations, np.int64)
        """All expectations are learned at once, and so have the same number of experiences."""

    def slopes(self, channel: int, situations: list[int]) -> np.ndarray:
        """(expectations, KINDS) int64, below 2^26, of a channel and the situation of each kind."""
        first = channel * KINDS + np.arange(KINDS)
        self._at = first * LEVELS**2 + situations
        self._found = self._mean.take(self._at, axis=0)
        self._experiences = self._count.take(self._at)
        fresh = (self._experiences == 0)[:, None]
        mean = np.where(fresh, self._found[-1], self._found)
        return SLOPE // np.maximum(mean, 4).T

    def learn(self, off: np.ndarray) -> None:
        """Learns, in the situations that slopes were asked for last, how far all were off.

        ``off`` (expectations,) int64 is positive, in sixteenths.
        """
        moved = (np.minimum(4 * off, MOST_OFF) - self._found) * RATES[self._experiences][:, None]
        self._mean[self._at] = self._found + ((moved + (1 << 15)) >> 16)
        self._count[self._at] = np.minimum(self._experiences + 1, LIMIT)
