"""How much bytes differ at each lag: where data repeats nearly, be it rows of a table or samples.

The average magnitude difference function of M. Ross and others, "Average magnitude difference
function pitch extractor" (1974), as a running mean of every lag; that context mixing gains by the
lags that differ least is an idea of paq8px's similarity model (2026).
"""

from __future__ import annotations

import numpy as np

LONGEST = 1 << 13
"""The longest lag, in bytes."""
LONGEST_PERIOD = 1 << 10
"""The longest period."""
MULTIPLES = 4
"""A period's first multiples, whose means are added up."""
EVERY = 16
"""A period is looked for once in so many bytes."""
FIRST = 64 << 8
"""A mean before a lag is known, in 2^-8: what bytes at random differ by, around a circle."""
RATE_BITS, UNIT_BITS = 5, 8
"""Means move by a part of 2^-5; they are in 2^-8."""
EVEN = (32, 4), (10, 6)
"""A byte must have come again so often at the same distance for that to count, where it is at most
this; a distance that bytes alike have by chance."""
NONE = (1 << 16) - 1
"""More than any mean is."""
MOST_SCORE = 31


class Lags:
    """What the bytes of each lane have differed by."""

    def __init__(self, lanes: int) -> None:
        """Before the first byte."""
        self._means = np.full((lanes, LONGEST), FIRST, np.int64)
        """By lag, the longest first: the running mean of differences."""
        self.best = np.ones((2, lanes), np.int64)
        """The lag of the least mean, and of the least of all others; of equal ones the longer."""
        self._least = np.full(lanes, NONE, np.int64)
        """The least mean."""
        self.period = np.ones(lanes, np.int64)
        """The lag of which the first multiples' means have the least sum; of equal ones the
        shortest."""
        self._even = np.zeros((lanes, 256, 2), np.int64)
        """By byte, the last distance at which it came again, and how often in a row."""
        self._lane = np.arange(lanes)

    @property
    def score(self) -> np.ndarray:
        """How little the best lag's bytes differ, below 32, uint32."""
        return np.minimum(self._least >> UNIT_BITS, MOST_SCORE).astype(np.uint32)

    def comes_evenly(self, byte: np.ndarray, distance: np.ndarray) -> np.ndarray:
        """Notes that a byte came again at a distance, (lanes,) int64 each.

        Gives where it did so often enough in a row for the distance to count, bool.
        """
        last, times = self._even[self._lane, byte].T
        times = np.where(distance == last, times + 1, 1)
        self._even[self._lane, byte] = np.stack([distance, times], 1)
        return np.all([(distance > most) | (times >= least) for most, least in EVEN], axis=0)

    def take(self, recent: np.ndarray, length: int) -> None:
        """Learns the last byte of ``length`` that were read.

        ``recent`` are the last ones of them, (lanes, bytes) uint8, as many as lags are long and
        one more, or all.
        """
        before = recent[:, :-1]
        known = before.shape[1]
        if known == 0:
            return
        apart = (before - recent[:, -1:]).astype(np.int64)
        apart = np.minimum(apart, 256 - apart)
        means = self._means[:, LONGEST - known :]
        means += (apart << (UNIT_BITS - RATE_BITS)) - (means >> RATE_BITS)
        first = means.argmin(axis=1)
        self._least = means[self._lane, first]
        self.best[0] = known - first
        if known > 1:
            others = means.copy()
            others[self._lane, first] = NONE
            self.best[1] = known - others.argmin(axis=1)
        if length % EVERY == 0:
            self._look_for_period(known)

    def _look_for_period(self, known: int) -> None:
        """Chooses it by the lags up to ``known``."""
        periods = np.arange(1, min(LONGEST_PERIOD, known // MULTIPLES) + 1)
        if periods.size:
            times = np.arange(1, MULTIPLES + 1)[:, np.newaxis]
            sums = self._means[:, LONGEST - periods * times].sum(axis=1)
            self.period = periods[sums.argmin(axis=1)]
