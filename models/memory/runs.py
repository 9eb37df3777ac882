"""Runs over lanes: the byte that followed a context last, and how often in a row it did.

The run model of the PAQ family (Mahoney 2005, section 3.2), for contexts that are mostly seen with
one byte or were seen only once or twice: it takes one slot a context and one lookup a byte, where
counters take a slot and a lookup for every bit. ``coding/FORMAT.md``, section 2.5.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.memory.expected import CELLS, NONE

LONGEST = 127
"""At this length a run stops counting."""
FIRST_HIT_PROBABILITY = (1 << 22) - (1 << 22) // (6 * (np.arange(CELLS) & 15) + 2)
"""Hit probability of each cell in 2^-22 before any experience. Cells are the lengths of runs up to
15, then the same lengths where another byte had followed before."""


class RunLookup(NamedTuple):
    """What a lookup found in the slots of all contexts; arrays are (contexts, active)."""

    slot: np.ndarray
    check: np.ndarray
    """The check of these contexts, shifted to where a slot holds it; uint32."""
    ours: np.ndarray
    """Whether the slot holds this context, bool."""
    byte: np.ndarray
    """The expected byte or NONE, int64."""
    length: np.ndarray
    """How often in a row it came, int64; 0 where nothing is expected."""
    changed: np.ndarray
    """Whether another byte had followed the context before, bool."""

    @property
    def cell(self) -> np.ndarray:
        """The cell of each expected byte, int64."""
        return np.minimum(self.length, 15) + 16 * self.changed


class Runs:
    """A table for each context. For every byte: ``lookup``, then ``update``.

    A slot is a uint32: check << 16 | byte << 8 | (another byte came before) << 7 | length.
    """

    def __init__(self, contexts: int, slot_bits: int) -> None:
        self.slots = np.zeros(contexts << slot_bits, np.uint32)
        self._slot_bits = slot_bits
        self._base = (np.arange(contexts, dtype=np.int64) << slot_bits)[:, None]

    def lookup(self, mixed: np.ndarray) -> RunLookup:
        """What follows the contexts with these mixed hashes, (contexts, active) uint32."""
        place = (mixed >> np.uint32(32 - self._slot_bits)) + self._base
        check = (mixed & np.uint32((1 << (32 - self._slot_bits)) - 1)) << np.uint32(16)
        slot = self.slots.take(place)
        length = (slot & np.uint32(127)).astype(np.int64)
        ours = (length > 0) & ((slot & np.uint32(0xFFFF0000)) == check)
        byte = np.where(ours, (slot >> np.uint32(8)) & np.uint32(255), np.int64(NONE))
        changed = ours & ((slot & np.uint32(128)) > 0)
        return RunLookup(place, check, ours, byte, np.where(ours, length, 0), changed)

    def update(self, lookup: RunLookup, byte: np.ndarray) -> None:
        """Takes in the byte that came in every lane, (lanes,) uint8; all were looked up."""
        same = lookup.byte == byte
        length = np.where(same, np.minimum(lookup.length + 1, LONGEST), 1)
        changed = lookup.ours & (lookup.changed | ~same)
        value = (byte.astype(np.int64) << 8) | (changed << 7) | length
        self.slots[lookup.slot] = lookup.check | value.astype(np.uint32)
