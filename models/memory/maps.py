"""Adaptive probabilities: means of what came, over a bounded number of experiences."""

from __future__ import annotations

import numpy as np

from models.memory.order import in_turns

ONE = (1 << 22) - 1
"""A probability of 1, in 2^-22."""
RATES = (1 << 17) // (2 * np.arange(1 << 10) + 3)
"""By number n of experiences, how far a probability moves towards what comes: 1 / (n + 1.5), in
2^-16."""


class Cells:
    """All adaptive probabilities of a memory, each with its number of experiences.

    Whoever uses some adds them at first; in each bit it notes what came, and then all is learned.
    """

    def __init__(self) -> None:
        self.probability = np.zeros(0, np.int32)
        """Probabilities, in 2^-22."""
        self.count = np.zeros(0, np.int16)
        self.limit = np.zeros(0, np.int16)
        """The count from which on old experience fades."""
        self._noted: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, probability: np.ndarray, count: int, limit: int) -> int:
        """Adds cells of these probabilities, in 2^-22, and returns the index of the first.

        ``count`` is the number of experiences that they stand for at first, ``limit`` the greatest.
        """
        first, size = self.probability.size, probability.size
        probability = np.minimum(probability, ONE).astype(np.int32)
        self.probability = np.concatenate([self.probability, probability])
        self.count = np.concatenate([self.count, np.full(size, count, np.int16)])
        self.limit = np.concatenate([self.limit, np.full(size, limit, np.int16)])
        return first

    def note(self, cell: np.ndarray, one: np.ndarray) -> None:
        """Notes what came, ``one`` (n,) in {0, 1}, in the cells (n,) of these indices, in order."""
        self._noted.append((cell, one))

    def learn(self) -> None:
        """Learns what was noted, one after the other.

        A count never exceeds its limit, so after some experiences more it is the lesser of both.
        """
        cell, one = (np.concatenate(arrays) for arrays in zip(*self._noted, strict=True))
        self._noted.clear()
        turns = in_turns(cell)
        cell, one = cell[turns.item], one[turns.item]
        count = np.minimum(self.count[cell] + turns.before, self.limit[cell])
        probability = self.probability[turns.key].astype(np.int64)
        self.probability[turns.key] = _moved(probability, turns.sizes, one, RATES[count])
        count = self.count[turns.key] + turns.times
        self.count[turns.key] = np.minimum(count, self.limit[turns.key])


def _moved(
    probability: np.ndarray, sizes: list[int], one: np.ndarray, rate: np.ndarray
) -> np.ndarray:
    """Probabilities (keys,) after their turns, of these sizes; see ``Turns``.

    ``one``, 1 or 0, and ``rate``, in 2^-16, are (n,). All are int64; products stay below 2^38. In
    each turn a probability p becomes p + (target - p) * rate, rounded, with target 0 or ONE.
    """
    towards = one * ONE * rate + (1 << 15)
    end = 0
    for size in sizes:
        start, end = end, end + size
        p = probability[:size]
        p += (towards[start:end] - p * rate[start:end]) >> 16
    return probability
