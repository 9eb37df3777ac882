"""Trust in sources that each name one byte a lane as the next: how often such a byte came, learned while coding.

A match names the byte that followed a repetition, a run the byte that followed a context last; what sets one such guess
apart from another (length of the repetition, length of the run) is its *cell*. The PAQ family maps run and match lengths to
probabilities in this way (Mahoney 2005, sections 3.2 and 3.3). ``coding/FORMAT.md``, part "Expected bytes".
"""

from __future__ import annotations

import numpy as np

from models.integer.fixed_point import clip
from models.memory.logistic import STRETCH

CELLS = 32
"""Cells of one source."""
NONE = -1
_SHIFTS = np.arange(7, -1, -1)[:, None, None]


class Expected:
    """Hopes and mixer weights for every source, cell and kind of bit.

    For every byte: ``look``, then eight times ``predict`` and ``perceive_bit``, then ``learn``.
    """

    def __init__(self, hopes: np.ndarray, weights: np.ndarray) -> None:
        """hopes (sources, CELLS) in 2^-22 and weights (sources,) in 2^-20 before any experience."""
        self._hope = np.tile(hopes.ravel().astype(np.int64), 8)
        self._weight = np.tile(np.repeat(weights.astype(np.int64), CELLS), 8)
        self._first = np.arange(len(hopes))[:, None] * CELLS
        self._cells = hopes.size
        self._seen: list[tuple[np.ndarray, ...]] = []
        self._settle()

    def _settle(self) -> None:
        """What predictions need of hopes and weights, until they change."""
        self._opinion = STRETCH.take(self._hope >> 10).astype(np.int64)
        # below 2^28: floats hold all sums exactly
        self._voice = ((self._weight >> 6) * self._opinion).astype(np.float64)

    def look(self, byte: np.ndarray, cell: np.ndarray) -> None:
        """What each source expects in each lane, (sources, active): a byte or NONE, and the cell of that guess."""
        self._bits = (byte >> _SHIFTS) & 1
        self._signs = (2 * self._bits - 1).astype(np.float64)
        self._agrees = (byte != NONE).astype(np.float64)
        self._at = cell + self._first
        self._k = 0

    def predict(self) -> np.ndarray:
        """Sum over sources of weight times stretch of the next bit, (active,) int64, in 2^-22 bit."""
        self._kind_at = self._at + self._k * self._cells
        self._sign = self._signs[self._k] * self._agrees
        return np.einsum("ij,ij->j", self._voice.take(self._kind_at), self._sign).astype(np.int64)

    def perceive_bit(self, bit: np.ndarray, error: np.ndarray) -> None:
        """The bit that came, (active,) in {0, 1}, and the mixture's error, 2^-16."""
        came = self._agrees
        self._agrees = came * (self._bits[self._k] == bit)
        self._seen.append((self._kind_at, came + 4096.0 * self._agrees, error * self._sign))
        self._k += 1

    def learn(self) -> None:
        """Takes in the bits since the last time; at most 1024 lanes."""
        at, came_and_met, slope = (
            np.stack(parts).ravel() for parts in zip(*self._seen, strict=True)
        )
        self._seen.clear()
        # whole numbers in float64, at most 2^11 for one cell below 2^23: every partial sum is exact
        counts = np.bincount(at, came_and_met, self._hope.size).astype(np.int64)
        met, came = counts >> 12, counts & 4095
        # came is 1024 at most: the sum stays between 0 and the whole
        self._hope += (met * ((1 << 22) - 1) - came * self._hope + 512) >> 10
        slope = np.bincount(at, slope, self._hope.size).astype(np.int64) * self._opinion
        self._weight = clip(self._weight + ((slope + (1 << 14)) >> 15), 1 << 22)
        self._settle()
