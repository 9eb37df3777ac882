"""External memory: adaptive n-gram and word counters, mixed with the network's probability bit by bit, in integers.

The context mixing of the PAQ family (Mahoney 2005, sections 2 and 3), over lanes: every lane reads and writes one shared
memory, so what one stretch of a file teaches helps all the others at the next byte. All lanes read before any writes;
where two write the same place, the later lane's value stands. Plain NumPy is both the definition and the engine.
Units: probabilities are of a 1; *stretch* is log2(p / (1 - p)) in 1/256 bit. ``coding/FORMAT.md``, part "Memory".
"""

from __future__ import annotations

import numpy as np

from models.logistic import SQUASH, STRETCH, STRETCH_LIMIT, log2
from models.match import Match
from models.ngram import HASH_HIGH, HASH_LOW, context_hash, push
from models.reference import FIRST_BYTE, clip

ORDERS = (2, 3, 4, 6, 8)
"""Byte contexts; two more are the word so far, and it with the word before. Chosen on validation text: DECISIONS.md."""
CONTEXTS = len(ORDERS) + 2
SLOT_BITS, MORE_SLOT_BITS = 22, 24
"""log2 of counters a context; more of them for more text."""
MORE_TEXT = 1 << 23
MAX_COUNT = 60
"""A counter that has seen so many bits forgets at a constant rate, about 1/61."""
RATES = 32768 // (2 * np.arange(MAX_COUNT + 1, dtype=np.int32) + 3)
"""Adaptation rate 1 / (n + 1.5) after n bits, in 2^-14."""
WEIGHT_LIMIT = 1 << 22
UNSEEN = np.uint32(1 << 31)
"""A slot that has seen nothing: probability 1/2, count 0."""
FIRST_WEIGHTS = (157286, 943718)
"""0.15 for counters, 0.9 for the network, in 2^-20."""
REFINE_CELLS = 25


class Memory:
    """Counters shared by all lanes of one block.

    For every byte: ``look`` up the contexts, then eight times ``predict`` and ``perceive_bit``, then ``perceive``.
    """

    def __init__(self, columns: np.ndarray, version: int) -> None:
        """columns (steps, lanes) uint8 of the block, of which only rows that were perceived are read; the format's version."""
        lanes = columns.shape[1]
        self._match = Match(columns) if version > 1 else None
        self._slot_bits = MORE_SLOT_BITS if version > 1 and columns.size > MORE_TEXT else SLOT_BITS
        self._slots = np.zeros(CONTEXTS << self._slot_bits, np.uint32)  # probability << 16 | check << 8 | count
        self._weights = np.full((CONTEXTS, MAX_COUNT + 1), FIRST_WEIGHTS[0], np.int64)
        self._weights[:, 0] = 0  # a counter that has seen nothing has nothing to say
        self._network_weight = FIRST_WEIGHTS[1]
        ladder = SQUASH[clip((np.arange(REFINE_CELLS) - 12) * 256, STRETCH_LIMIT) + STRETCH_LIMIT] >> 2
        self._refine = np.tile(ladder, 1 << 16)
        self._refine_2 = np.tile(ladder, 1 << 16)
        self._low = np.zeros(lanes, np.uint32)
        self._high = np.zeros(lanes, np.uint32)
        self._word = np.zeros(lanes, np.uint32)
        self._word_before = np.zeros(lanes, np.uint32)
        self._base = (np.arange(CONTEXTS, dtype=np.int64) << self._slot_bits)[:, None]
        self._row = (np.arange(CONTEXTS, dtype=np.int64) * (MAX_COUNT + 1))[:, None]
        self._take(np.full(lanes, FIRST_BYTE, np.uint8))

    def look(self, active: int) -> None:
        """Takes up the contexts of the first ``active`` lanes for their next byte."""
        low, high = self._low[:active], self._high[:active]
        word, before = self._word[:active], self._word_before[:active]
        hashes = [context_hash(low, high, order) for order in ORDERS]
        hashes += [_mix(word, np.zeros_like(word)), _mix(word, before)]
        self._hashes = np.stack(hashes)
        self._last = (low & np.uint32(255)).astype(np.int64) << 8
        if self._match is not None:
            self._match.look(active)

    def predict(self, zero: np.ndarray, node: np.ndarray) -> np.ndarray:
        """The network's counts for a 0 (of 2^24) at tree nodes -> the mixture's; (active,) int64 both."""
        mixed = self._hashes ^ (node.astype(np.uint32) * np.uint32(HASH_HIGH))
        mixed *= np.uint32(HASH_LOW)
        after_two = mixed[0] >> np.uint32(16)
        mixed ^= mixed >> np.uint32(15)
        self._place = (mixed >> np.uint32(32 - self._slot_bits)) + self._base
        self._check = (mixed & np.uint32(255)) | np.uint32(1)
        slot = self._slots.take(self._place)
        ours = ((slot >> np.uint32(8)) & np.uint32(255)) == self._check
        slot = np.where(ours, slot, UNSEEN)
        self._count = (slot & np.uint32(255)).astype(np.int64)
        self._probability = (slot >> np.uint32(16)).astype(np.int32)
        self._opinion = STRETCH.take(self._probability >> 4)
        weight = (self._weights >> 6).astype(np.int32).ravel().take(self._count + self._row)
        one, none = log2(np.stack([(1 << 24) - zero, zero]))
        self._network = one - none
        # |weight| <= 2^16, |opinion| <= 3327, |network| <= 6144, with the match: 8 * 2^16 * 3327 + 2^16 * 6144 + 2^13 < 2^31
        total = (weight * self._opinion).sum(axis=0, dtype=np.int32) + (self._network_weight >> 6) * self._network
        if self._match is not None:
            opinion, weight_of_it = self._match.predict(node)
            total += opinion * weight_of_it
        total = clip((total + (1 << 13)) >> 14, STRETCH_LIMIT)
        self._mixture = SQUASH.take(total + STRETCH_LIMIT)
        position = np.minimum(clip(total, 3072), 3071) + 3072
        cell, inside = position >> 8, position & 255
        seen, self._nearest = _look_closer(self._refine, (self._last + node) * REFINE_CELLS + cell, inside)
        if self._match is None:
            return (1 << 24) - ((self._mixture + seen) >> 1).astype(np.int64)
        seen_2, self._nearest_2 = _look_closer(self._refine_2, after_two.astype(np.int64) * REFINE_CELLS + cell, inside)
        return (1 << 24) - ((2 * self._mixture + seen + seen_2) >> 2).astype(np.int64)

    def perceive_bit(self, bit: np.ndarray) -> None:
        """The bit that came in every active lane, (active,) in {0, 1}; learns from it."""
        bit = bit.astype(np.int32)
        error = (bit << 16) - (self._mixture >> 8)
        cells = (self._count + self._row).ravel()
        # bincount adds whole numbers below 2^28 in float64, fewer than 2^14 of them: every partial sum is exact
        slope = np.bincount(cells, (error * self._opinion).ravel(), self._weights.size).astype(np.int64)
        learned = self._weights + ((slope + (1 << 14)) >> 15).reshape(self._weights.shape)
        self._weights = clip(learned, WEIGHT_LIMIT)
        step = (int((error.astype(np.int64) * self._network).sum()) + (1 << 16)) >> 17
        self._network_weight = min(max(self._network_weight + step, -WEIGHT_LIMIT), WEIGHT_LIMIT)
        away = (bit * 65535 - self._probability) * RATES.take(self._count)
        probability = (self._probability + ((away + (1 << 13)) >> 14)).astype(np.uint32)
        count = np.minimum(self._count + 1, MAX_COUNT).astype(np.uint32)
        self._slots[self._place] = (probability << np.uint32(16)) | (self._check << np.uint32(8)) | count
        _learn(self._refine, self._nearest, bit)
        if self._match is not None:
            self._match.perceive_bit(bit, error)
            _learn(self._refine_2, self._nearest_2, bit)

    def perceive(self, byte: np.ndarray) -> None:
        """The byte that came in every lane, (lanes,) uint8: the row of columns that is now known."""
        self._take(byte)
        if self._match is not None:
            self._match.perceive(byte, self._low, self._high)

    def _take(self, byte: np.ndarray) -> None:
        byte = byte.astype(np.uint32)
        self._low, self._high = push(self._low, self._high, byte)
        folded = byte | np.uint32(32)
        letter = ((folded >= 97) & (folded <= 122)) | (byte >= 128)
        ended = ~letter & (self._word != 0)
        self._word_before = np.where(ended, self._word, self._word_before)
        self._word = np.where(letter, (self._word + folded + np.uint32(1)) * np.uint32(HASH_LOW), np.uint32(0))


def _mix(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return context_hash(low, high, 8)


def _look_closer(ladder: np.ndarray, at: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What came of such mixtures, interpolated between whole bits of stretch, of 2^24; and the nearer rung."""
    return (ladder.take(at) * (256 - inside) + ladder.take(at + 1) * inside) >> 6, at + (inside >> 7)


def _learn(ladder: np.ndarray, nearest: np.ndarray, bit: np.ndarray) -> None:
    seen = ladder.take(nearest)
    ladder[nearest] = seen + ((bit * ((1 << 22) - 1) - seen + 32) >> 6)
