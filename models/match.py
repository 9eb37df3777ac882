"""Longest-match prediction over lanes: what followed the last time a lane's recent bytes were seen anywhere in the block.

The match model of the PAQ family (Mahoney 2005, section 3.3), over lanes: one table of contexts for all of them, so that a
passage in one stretch of a file predicts its repetition in another. ``coding/FORMAT.md``, part "Match".
"""

from __future__ import annotations

import numpy as np

from models.logistic import STRETCH
from models.ngram import HISTORY, context_hash
from models.reference import clip

PLACE_BITS = 22
CELLS = 20
"""Lengths are told apart one by one up to 15 bytes, then by powers of two from 16, 32, 64 and 128 on."""
FIRST_WEIGHT = 262144
"""A quarter, in 2^-20."""
NONE = -1


def _first_hopes() -> np.ndarray:
    """How often the expected bit comes, in 2^-22, before any experience: 1 - 1 / (cell + 8), by integers."""
    cell = np.arange(2 * CELLS, dtype=np.int64) % CELLS
    return (1 << 22) - (1 << 22) // (cell + 8)


class Match:
    """One pointer a lane into the block's text; columns (steps, lanes) uint8, known in the rows before the current one.

    For every byte: ``look``, then eight times ``predict`` and ``perceive_bit``, then ``perceive``.
    """

    def __init__(self, columns: np.ndarray) -> None:
        self._text = columns.reshape(-1)
        self._lanes = columns.shape[1]
        self._known = 0
        """Bytes of the text that have been perceived by all lanes; those behind them are never read."""
        self._after = np.full(1 << PLACE_BITS, NONE, np.int32)
        self._pointer = np.full(self._lanes, NONE, np.int64)
        self._length = np.zeros(self._lanes, np.int64)
        self._hope = _first_hopes()
        self._weight = np.full(2 * CELLS, FIRST_WEIGHT, np.int64)

    def look(self, active: int) -> None:
        """Takes up what the first ``active`` lanes expect as their next byte."""
        pointer, length = self._pointer[:active], self._length[:active]
        expected = self._text.take(pointer, mode="clip").astype(np.int64) | 256
        self._expected = np.where(pointer >= 0, expected, 0)
        long = 11 + np.minimum(np.frexp(length.astype(np.float64))[1], 8)  # the exponent is the bit length, exactly
        self._cell = np.where(length < 16, length, long)
        self._shift = 8

    def predict(self, node: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tree nodes (active,) -> (opinion, weight): stretch in 1/256 bit, 0 where nothing is expected; 2^-14; int32."""
        self._agrees = (self._expected >> self._shift) == node
        self._shift -= 1
        self._bit = (self._expected >> self._shift) & 1
        self._at = self._cell if self._shift == 7 else self._cell + CELLS
        opinion = STRETCH.take(self._hope >> 10).take(self._at)
        self._opinion = np.where(self._agrees, np.where(self._bit == 1, opinion, -opinion), 0)
        return self._opinion, (self._weight >> 6).astype(np.int32).take(self._at)

    def perceive_bit(self, bit: np.ndarray, error: np.ndarray) -> None:
        """The bit that came, (active,) in {0, 1}, and the mixture's error, 2^-16; learns from both."""
        came = np.bincount(self._at[self._agrees], minlength=2 * CELLS)
        right = np.bincount(self._at[self._agrees & (bit == self._bit)], minlength=2 * CELLS)
        # at most 1024 lanes: the sum stays between 0 and the whole
        self._hope += (right * ((1 << 22) - 1) - came * self._hope + 512) >> 10
        # bincount adds whole numbers below 2^28 in float64, fewer than 2^11 of them: every partial sum is exact
        slope = np.bincount(self._at, error * self._opinion, 2 * CELLS).astype(np.int64)
        self._weight = clip(self._weight + ((slope + (1 << 14)) >> 15), 1 << 22)

    def perceive(self, byte: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """The byte that came in every lane, (lanes,) uint8, and the histories with it, (lanes,) uint32 each."""
        right = (self._pointer >= 0) & (self._text.take(self._pointer, mode="clip") == byte)
        here = self._known + np.arange(self._lanes)
        self._known += self._lanes
        pointer = np.where(right, self._pointer + self._lanes, NONE)
        pointer[pointer >= self._known] = NONE
        place = context_hash(low, high, HISTORY) >> np.uint32(32 - PLACE_BITS)
        found = self._after.take(place).astype(np.int64)
        found[found >= self._known] = NONE
        self._length = np.where(pointer >= 0, self._length + 1, 0)
        self._pointer = np.where(pointer >= 0, pointer, found)
        self._after[place] = here + self._lanes
