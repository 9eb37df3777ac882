"""Longest match over lanes: what followed the last time a lane's recent bytes were seen, anywhere in the block or in the lane.

The match model of the PAQ family (Mahoney 2005, section 3.3), over lanes: one table of contexts for all of them, so that a
passage in one stretch of a file predicts its repetition in another. ``coding/FORMAT.md``, part "Match".
"""

from __future__ import annotations

import numpy as np

from models.memory.expected import CELLS, NONE

PLACE_BITS = 22
FIRST_HOPES = (1 << 22) - (1 << 22) // (np.arange(CELLS) + 8)
"""How often the expected bit comes, in 2^-22, before any experience; lengths are told apart one by one up to 15 bytes, then
by powers of two from 16, 32, 64 and 128 on."""


class Match:
    """One pointer a lane into the block's text; columns (steps, lanes) uint8, known in the rows before the current one.

    For every byte: ``look``, then ``perceive``.
    """

    def __init__(self, columns: np.ndarray) -> None:
        self._text = columns.reshape(-1)
        self._lanes = columns.shape[1]
        self._known = 0
        """Bytes of the text that have been perceived by all lanes; those behind them are never read."""
        self._after = np.full(1 << PLACE_BITS, NONE, np.int32)
        self._pointer = np.full(self._lanes, NONE, np.int64)
        self._length = np.zeros(self._lanes, np.int64)

    def look(self, active: int) -> tuple[np.ndarray, np.ndarray]:
        """What the first ``active`` lanes expect as their next byte, or NONE, and the cell of it; (active,) int64 each."""
        pointer, length = self._pointer[:active], self._length[:active]
        expected = np.where(
            pointer >= 0, self._text.take(pointer, mode="clip").astype(np.int64), NONE
        )
        long = 11 + np.minimum(
            np.frexp(length.astype(np.float64))[1], 8
        )  # the exponent is the bit length, exactly
        return expected, np.where(length < 16, length, long)

    def perceive(self, byte: np.ndarray, context: np.ndarray) -> None:
        """The byte that came in every lane, (lanes,) uint8, and the hash of the context with it, (lanes,) uint32."""
        right = (self._pointer >= 0) & (self._text.take(self._pointer, mode="clip") == byte)
        here = self._known + np.arange(self._lanes)
        self._known += self._lanes
        pointer = np.where(right, self._pointer + self._lanes, NONE)
        pointer[pointer >= self._known] = NONE
        place = context >> np.uint32(32 - PLACE_BITS)
        found = self._after.take(place).astype(np.int64)
        found[found >= self._known] = NONE
        self._length = np.where(pointer >= 0, self._length + 1, 0)
        self._pointer = np.where(pointer >= 0, pointer, found)
        self._after[place] = here + self._lanes
