"""Gated logistic mixing: rows of weights, of which each lane uses one for each bit.

M. Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression" (2005), section 3.2;
several rows at a time as in PAQ8, each with an error of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.integer.fixed_point import clip
from models.memory.logistic import SQUASH, STRETCH_LIMIT
from models.memory.order import Groups, grouped, one_group

WEIGHT_BITS = 14
"""Weights are in 2^-14."""
LEAST_WEIGHT, MOST_WEIGHT = -(1 << 15), (1 << 15) - 1
"""They are held within 16 bits."""
STEP_BITS = 13
"""From error times rate, in 2^-34, to steps, in 2^-21."""
STEP_LIMIT = 32767
COUNT_LIMIT = 1 << 24
"""Rows count up to this: the rate has long stopped falling."""


class Pace(NamedTuple):
    """How fast a row learns, in 2^-18: ``least``, and ``more``, halved after ``half`` bits."""

    least: int
    more: int
    half: int

    def rate(self, count: np.ndarray) -> np.ndarray:
        """The rate of rows that have learned so many bits."""
        return self.least + self.more * self.half // (self.half + count)


class Mixer:
    """Sets of rows. For each bit: ``mix`` the inputs by a row of each set, then ``learn``."""

    def __init__(self, rows: list[int], first: np.ndarray, pace: Pace) -> None:
        """Takes the rows of each set, and the first weight of each input, in 2^-14."""
        self.weights = np.tile(first.astype(np.int32), (sum(rows), 1))
        """(rows of all sets, inputs)."""
        self.counts = np.zeros(sum(rows), np.int64)
        """By row, bits learned."""
        self._first: np.ndarray = (np.cumsum(rows) - rows)[:, None]
        self._pace = pace

    def mix(self, row: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The stretches of a 1 by each set's row, (sets, active) int32 in 1/256 bit.

        ``row`` is (sets, active) int64, ``inputs`` (active, inputs) int32, each at most
        STRETCH_LIMIT. Sums are modulo 2^32, as int32 wraps.
        """
        self._row, self._inputs = row + self._first, inputs
        total: np.ndarray = np.einsum("sai,ai->sa", self.weights.take(self._row, axis=0), inputs)
        stretch = clip((total + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS, STRETCH_LIMIT)
        self._one = SQUASH.take(stretch + STRETCH_LIMIT) >> 8
        return stretch

    def learn(self, bit: np.ndarray) -> None:
        """Moves the rows towards the bits that came, (active,) int64, one lane after the other.

        The rate of a row is that after the lanes before, the error that of the prediction.
        """
        row = self._row.ravel()
        groups = grouped(row) if len(self.weights) > 1 else one_group(row.size)
        count = self.counts[groups.key]
        self.counts[groups.key] = np.minimum(count + groups.times, COUNT_LIMIT)
        count = np.minimum(count.repeat(groups.times) + groups.before, COUNT_LIMIT)
        error = ((bit << 16) - self._one).take(groups.item)
        step = (error * self._pace.rate(count) + (1 << (STEP_BITS - 1))) >> STEP_BITS
        step = clip(step, STEP_LIMIT).astype(np.int32)
        moved = self._inputs.take(groups.item % bit.size, axis=0)
        moved *= step[:, None]
        moved += 1 << 14
        moved >>= 15
        self._add(groups, moved)

    def _add(self, groups: Groups, moved: np.ndarray) -> None:
        """Adds to the rows what they move by, one after the other, each sum held within 16 bits.

        ``moved`` (n, inputs) int32 belongs to ``groups.item``. Sums are taken at once, and one by
        one only in rows where a sum on the way leaves the bounds. Sums beyond a row's own may wrap:
        the differences are right again.
        """
        sums = moved.cumsum(axis=0, dtype=np.int32)
        elsewhere = -self.weights[groups.key]
        elsewhere[1:] += sums[groups.first[1:] - 1]
        sums -= elsewhere.repeat(groups.times, axis=0)
        after = sums[groups.first + groups.times - 1]
        beyond = sums != sums.astype(np.int16)
        if beyond.any():
            beyond = np.logical_or.reduceat(beyond.any(axis=1), groups.first)
            after[beyond] = _added_in_turns(
                self.weights[groups.key[beyond]],
                groups.first[beyond],
                groups.times[beyond],
                moved,
            )
        self.weights[groups.key] = after


def _added_in_turns(
    weights: np.ndarray, first: np.ndarray, times: np.ndarray, moved: np.ndarray
) -> np.ndarray:
    """Rows (n, inputs) after ``times`` (n,) additions of ``moved``, whose first ones are given."""
    for turn in range(times.max()):
        [these] = (times > turn).nonzero()
        total = weights[these] + moved[first[these] + turn]
        weights[these] = np.minimum(np.maximum(total, LEAST_WEIGHT), MOST_WEIGHT)
    return weights
