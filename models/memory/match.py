"""Longest match over lanes: what followed the last time that a lane's recent bytes were seen.

The match model of the PAQ family (Mahoney 2005, section 3.3), over lanes: one table of contexts for
all of them, so that a passage in one stretch of a file predicts its repetition in another.
``coding/FORMAT.md``, section 2.4.
"""

from __future__ import annotations

import numpy as np

from models.memory.expected import CELLS, NONE

PLACE_BITS = 22
"""log2 of the number of contexts whose last place is remembered."""
FIRST_HIT_PROBABILITY = (1 << 22) - (1 << 22) // (np.arange(CELLS) + 8)
"""Hit probability of each cell in 2^-22 before any experience. Lengths are told apart one by one up
to 15 bytes, then by powers of two from 16, 32, 64 and 128 on."""


class Match:
    """One pointer a lane into the block's text. For every byte: ``lookup``, then ``update``."""

    def __init__(self, columns: np.ndarray) -> None:
        """Takes the block's text, (steps, lanes) uint8; a row is read once all lanes have it."""
        self._text = columns.reshape(-1)
        self._lanes = columns.shape[1]
        self._known = 0
        """Bytes of the text that all lanes have; those behind them are never read."""
        self._after = np.full(1 << PLACE_BITS, NONE, np.int32)
        self._pointer = np.full(self._lanes, NONE, np.int64)
        self._length = np.zeros(self._lanes, np.int64)

    def lookup(self, active: int) -> tuple[np.ndarray, np.ndarray]:
        """The next byte that the first ``active`` lanes expect, or NONE, and its cell.

        Both are (active,) int64.
        """
        pointer, length = self._pointer[:active], self._length[:active]
        text = self._text.take(pointer, mode="clip").astype(np.int64)
        expected = np.where(pointer >= 0, text, NONE)
        # frexp's exponent is the bit length, exactly
        long = 11 + np.minimum(np.frexp(length.astype(np.float64))[1], 8)
        return expected, np.where(length < 16, length, long)

    def update(self, byte: np.ndarray, context: np.ndarray) -> None:
        """Takes in the byte that came in every lane.

        ``byte`` is (lanes,) uint8; ``context`` (lanes,) uint32 is the hash of the context with it.
        """
        hit = (self._pointer >= 0) & (self._text.take(self._pointer, mode="clip") == byte)
        here = self._known + np.arange(self._lanes)
        self._known += self._lanes
        pointer = np.where(hit, self._pointer + self._lanes, NONE)
        pointer[pointer >= self._known] = NONE
        place = context >> np.uint32(32 - PLACE_BITS)
        candidate = self._after.take(place).astype(np.int64)
        candidate[candidate >= self._known] = NONE
        self._length = np.where(pointer >= 0, self._length + 1, 0)
        self._pointer = np.where(pointer >= 0, pointer, candidate)
        self._after[place] = here + self._lanes
