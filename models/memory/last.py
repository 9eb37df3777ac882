"""The last stage: one row over the outputs of all sets, then adaptive probability maps.

A map (PAQ's APM or SSE) says what the stretches of the mixture have meant in some situation: it has
a probability for each of some *rungs*, and between two of them what lies between.
"""

from __future__ import annotations

import numpy as np

from models.integer.fixed_point import clip
from models.integer.ngram import HASH_HIGH, HASH_LOW
from models.memory.logistic import SQUASH, STRETCH_LIMIT
from models.memory.maps import Cells
from models.memory.mixer import Mixer, Pace

RUNGS = 25
"""Rungs of a map, one every bit of stretch from -12 to 12."""
MAP_LIMIT = 3072
"""The greatest stretch that a map tells apart."""
KINDS = 3
MAPS = KINDS << 16
"""Maps by last byte and node, then as many by a hash of the last two bytes and the node, then as
many by one of the two bytes before the last and the node."""
EXPERIENCES, FIRST_COUNT = 255, 3
"""How many experiences a rung averages over at most, and for how many its first value stands."""
_FIRST_MAP = np.arange(KINDS)[:, None] << 16
"""Of the maps of each kind, the first."""
PACE = Pace(least=45, more=363, half=40_000)


class Last:
    """Final mixer and maps.

    For each byte: ``begin``, then for each bit ``predict`` and ``learn``.
    """

    def __init__(self, first: np.ndarray, cells: Cells) -> None:
        """Takes the first weight of each set, in 2^-14."""
        self._mixer = Mixer([1], first, PACE)
        stretch = clip((np.arange(RUNGS) - 12) * 256, STRETCH_LIMIT)
        rungs = SQUASH[stretch + STRETCH_LIMIT] >> 2
        self._first_cell = cells.add(np.tile(rungs, MAPS), FIRST_COUNT, EXPERIENCES)
        self._cells = cells

    def begin(self, last: np.ndarray) -> None:
        """Takes the last three bytes of every active lane, (active,) int64, the last lowest."""
        self._of_last = (last & 255) << 8
        bytes_ = np.stack([last & 0xFFFF, last & 0xFFFF00]).astype(np.uint32)
        self._hashed = bytes_ * np.uint32(HASH_LOW)

    def predict(self, stretches: np.ndarray, node: np.ndarray) -> np.ndarray:
        """Counts of a 0, of 2^24, (active,) int64.

        ``stretches`` (sets, active) int32 are the outputs of the sets, ``node`` (active,) int64
        the bits known.
        """
        row = np.zeros((1, node.size), np.int64)
        [stretch] = self._mixer.mix(row, np.ascontiguousarray(stretches.T))
        position = np.minimum(clip(stretch, MAP_LIMIT), MAP_LIMIT - 1) + MAP_LIMIT
        rung, inside = position >> 8, position & 255
        maps = np.empty((KINDS, node.size), np.int64)
        np.bitwise_or(self._of_last, node, out=maps[0])
        hashes = self._hashed ^ node.astype(np.uint32) * np.uint32(HASH_HIGH)
        maps[1:] = (hashes ^ (hashes >> 15)) * np.uint32(HASH_LOW) >> 16
        maps += _FIRST_MAP
        low = maps * RUNGS + (self._first_cell + rung)
        below, above = self._cells.probability.take(low), self._cells.probability.take(low + 1)
        self._nearer = low + (inside >> 7)
        between = (below * (256 - inside) + above * inside) >> 6
        refined = SQUASH.take(stretch + STRETCH_LIMIT) + between.sum(0)
        return (1 << 24) - (refined >> 2).astype(np.int64)

    def learn(self, bit: np.ndarray) -> None:
        """Learns the bits that came, (active,) int64: of each map the nearer rung."""
        self._mixer.learn(bit)
        for nearer in self._nearer:
            self._cells.note(nearer, bit)
