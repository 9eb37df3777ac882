"""Runs over lanes: the byte that followed a context last, and how often in a row it did.

The run model of the PAQ family (Mahoney 2005, section 3.2), for contexts that are mostly seen with one byte or were seen only
once or twice: one slot a context and one look a byte, where counters take a slot and a look for every bit.
``coding/FORMAT.md``, part "Runs".
"""

from __future__ import annotations

import numpy as np

from models.memory.expected import CELLS, NONE

LONGEST = 127
FIRST_HOPES = (1 << 22) - (1 << 22) // (6 * (np.arange(CELLS) & 15) + 2)
"""How often the expected bit comes, in 2^-22, before any experience: cells are lengths of runs up to 15, then the same where
another byte had followed before."""


class Runs:
    """A table for each context; a slot holds check << 16 | byte << 8 | (another byte came before) << 7 | length of the run.

    For every byte: ``look``, then ``perceive``.
    """

    def __init__(self, contexts: int, slot_bits: int) -> None:
        self._slot_bits = slot_bits
        self._slots = np.zeros(contexts << slot_bits, np.uint32)
        self._base = (np.arange(contexts, dtype=np.int64) << slot_bits)[:, None]

    def look(self, mixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mixed hashes (contexts, active) uint32 -> expected bytes or NONE, and the cells; (contexts, active) int64 each."""
        self._place = (mixed >> np.uint32(32 - self._slot_bits)) + self._base
        self._check = (mixed & np.uint32((1 << (32 - self._slot_bits)) - 1)) << np.uint32(16)
        slot = self._slots.take(self._place)
        length = (slot & np.uint32(127)).astype(np.int64)
        self._ours = (length > 0) & ((slot & np.uint32(0xFFFF0000)) == self._check)
        self._length = np.where(self._ours, length, 0)
        self._byte = np.where(self._ours, (slot >> np.uint32(8)) & np.uint32(255), np.int64(NONE))
        self._changed = self._ours & ((slot & np.uint32(128)) > 0)
        return self._byte, np.minimum(self._length, 15) + 16 * self._changed

    def perceive(self, byte: np.ndarray) -> None:
        """The byte that came in every lane, (lanes,) uint8, all of which had been looked up."""
        same = self._byte == byte
        length = np.where(same, np.minimum(self._length + 1, LONGEST), 1)
        changed = self._ours & (self._changed | ~same)
        self._slots[self._place] = self._check | (
            (byte.astype(np.int64) << 8) | (changed << 7) | length
        ).astype(np.uint32)
