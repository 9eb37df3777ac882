"""External memory: adaptive n-gram and word counters, mixed with the network's probability bit by bit, in integers.

The context mixing of the PAQ family (Mahoney 2005, sections 2 and 3), over lanes: every lane reads and writes one shared
memory, so what one stretch of a file teaches helps all the others at the next byte. All lanes read before any writes;
where two write the same place, the later lane's value stands. Plain NumPy is both the definition and the engine.
Units: probabilities are of a 1; *stretch* is log2(p / (1 - p)) in 1/256 bit. ``coding/FORMAT.md``, part "Memory".
"""

from __future__ import annotations

import numpy as np

from models.ngram import HASH_HIGH, HASH_LOW, context_hash, push
from models.reference import FIRST_BYTE
from models.weights import exponential_table

ORDERS = (2, 3, 4, 6, 8)
"""Byte contexts; two more are the word so far, and it with the word before. Chosen on validation text: DECISIONS.md."""
CONTEXTS = len(ORDERS) + 2
SLOT_BITS = 22
MAX_COUNT = 60
"""A counter that has seen so many bits forgets at a constant rate, about 1/61."""
RATES = 32768 // (2 * np.arange(MAX_COUNT + 1, dtype=np.int32) + 3)
"""Adaptation rate 1 / (n + 1.5) after n bits, in 2^-14."""
STRETCH_LIMIT = 5631
"""Just under 22 bits: the network's counts reach 2^22 to 1."""
WEIGHT_LIMIT = 1 << 22
FIRST_WEIGHTS = (157286, 943718)
"""0.15 for counters, 0.9 for the network, in 2^-20."""
REFINE_CELLS = 25


def _log2_table() -> np.ndarray:
    """floor(256 log2 v) for v below 8192 by integers alone; entry 0 is unused."""
    return np.array([0] + [(v**256).bit_length() - 1 for v in range(1, 8192)], np.int32)


def _squash_table() -> np.ndarray:
    """Stretch -STRETCH_LIMIT ... STRETCH_LIMIT to probability of a 1 in 2^-24."""
    size = np.arange(STRETCH_LIMIT + 1)
    rare = exponential_table()[size & 255].astype(np.int64) >> (size >> 8)
    small = ((rare << 24) // ((1 << 22) + rare)).astype(np.int32)
    return np.concatenate([small[:0:-1], (1 << 24) - small])


LOG2 = _log2_table()
SQUASH = _squash_table()
STRETCH = LOG2[2 * np.arange(4096) + 1] - LOG2[8191 - 2 * np.arange(4096)]


def _log2(count: np.ndarray) -> np.ndarray:
    """256 log2 of counts in [1, 2^24): from the table below 8192, else from their 12 leading bits; int32."""
    length = np.frexp(count.astype(np.float64))[1]  # the exponent is the bit length, exactly
    excess = np.where(length > 13, length - 12, 0)
    return LOG2[count >> excess] + (excess << 8).astype(np.int32)


class Memory:
    """Counters shared by all lanes of one block.

    For every byte: ``look`` up the contexts, then eight times ``predict`` and ``perceive_bit``, then ``perceive``.
    """

    def __init__(self, lanes: int) -> None:
        self._slots = np.zeros(CONTEXTS << SLOT_BITS, np.uint32)  # probability << 16 | check << 8 | count
        self._weights = np.full((CONTEXTS, MAX_COUNT + 1), FIRST_WEIGHTS[0], np.int64)
        self._weights[:, 0] = 0  # a counter that has seen nothing has nothing to say
        self._network_weight = FIRST_WEIGHTS[1]
        ladder = SQUASH[np.clip((np.arange(REFINE_CELLS) - 12) * 256, -STRETCH_LIMIT, STRETCH_LIMIT) + STRETCH_LIMIT] >> 2
        self._refine = np.tile(ladder, 1 << 16)
        self._low = np.zeros(lanes, np.uint32)
        self._high = np.zeros(lanes, np.uint32)
        self._word = np.zeros(lanes, np.uint32)
        self._word_before = np.zeros(lanes, np.uint32)
        self._base = (np.arange(CONTEXTS, dtype=np.int64) << SLOT_BITS)[:, None]
        self._row = (np.arange(CONTEXTS, dtype=np.int64) * (MAX_COUNT + 1))[:, None]
        self.perceive(np.full(lanes, FIRST_BYTE, np.uint8))

    def look(self, active: int) -> None:
        """Takes up the contexts of the first ``active`` lanes for their next byte."""
        low, high = self._low[:active], self._high[:active]
        word, before = self._word[:active], self._word_before[:active]
        hashes = [context_hash(low, high, order) for order in ORDERS]
        hashes += [_mix(word, np.zeros_like(word)), _mix(word, before)]
        self._hashes = np.stack(hashes)
        self._last = (low & np.uint32(255)).astype(np.int64) << 8

    def predict(self, zero: np.ndarray, node: np.ndarray) -> np.ndarray:
        """The network's counts for a 0 (of 2^24) at tree nodes -> the mixture's; (active,) int64 both."""
        mixed = self._hashes ^ (node.astype(np.uint32) * np.uint32(HASH_HIGH))
        mixed *= np.uint32(HASH_LOW)
        mixed ^= mixed >> np.uint32(15)
        self._place = (mixed >> np.uint32(32 - SLOT_BITS)) + self._base
        self._check = (mixed & np.uint32(255)) | np.uint32(1)
        slot = self._slots.take(self._place)
        slot[((slot >> np.uint32(8)) & np.uint32(255)) != self._check] = 1 << 31  # probability 1/2, seen 0 times
        self._count = (slot & np.uint32(255)).astype(np.int64)
        self._probability = (slot >> np.uint32(16)).astype(np.int32)
        self._opinion = STRETCH.take(self._probability >> 4)
        weight = (self._weights >> 6).astype(np.int32).ravel().take(self._count + self._row)
        self._network = _log2((1 << 24) - zero) - _log2(zero)
        # |weight| <= 2^16, |opinion| <= 3327, |network| <= 6144: 7 * 2^16 * 3327 + 2^16 * 6144 < 2^31
        total = (weight * self._opinion).sum(axis=0, dtype=np.int32) + (self._network_weight >> 6) * self._network
        total = np.clip((total + (1 << 13)) >> 14, -STRETCH_LIMIT, STRETCH_LIMIT)
        self._mixture = SQUASH.take(total + STRETCH_LIMIT)
        one = (self._mixture + self._look_closer(total, node)) >> 1
        return (1 << 24) - one.astype(np.int64)

    def _look_closer(self, total: np.ndarray, node: np.ndarray) -> np.ndarray:
        """What came of such mixtures after the last byte, interpolated between whole bits of stretch; of 2^24."""
        position = np.clip(total, -3072, 3071) + 3072
        cell, inside = position >> 8, position & 255
        at = (self._last + node) * REFINE_CELLS + cell
        self._nearest = at + (inside >> 7)
        return (self._refine.take(at) * (256 - inside) + self._refine.take(at + 1) * inside) >> 6

    def perceive_bit(self, bit: np.ndarray) -> None:
        """The bit that came in every active lane, (active,) in {0, 1}; learns from it."""
        bit = bit.astype(np.int32)
        error = (bit << 16) - (self._mixture >> 8)
        cells = (self._count + self._row).ravel()
        # bincount adds whole numbers below 2^28 in float64, fewer than 2^14 of them: every partial sum is exact
        slope = np.bincount(cells, (error * self._opinion).ravel(), self._weights.size).astype(np.int64)
        self._weights += ((slope + (1 << 14)) >> 15).reshape(self._weights.shape)
        np.clip(self._weights, -WEIGHT_LIMIT, WEIGHT_LIMIT, out=self._weights)
        step = (int((error.astype(np.int64) * self._network).sum()) + (1 << 16)) >> 17
        self._network_weight = min(max(self._network_weight + step, -WEIGHT_LIMIT), WEIGHT_LIMIT)
        away = (bit * 65535 - self._probability) * RATES.take(self._count)
        probability = (self._probability + ((away + (1 << 13)) >> 14)).astype(np.uint32)
        count = np.minimum(self._count + 1, MAX_COUNT).astype(np.uint32)
        self._slots[self._place] = (probability << np.uint32(16)) | (self._check << np.uint32(8)) | count
        seen = self._refine.take(self._nearest)
        self._refine[self._nearest] = seen + ((bit * ((1 << 22) - 1) - seen + 32) >> 6)

    def perceive(self, byte: np.ndarray) -> None:
        """The byte that came in every lane, (lanes,) uint8."""
        byte = byte.astype(np.uint32)
        self._low, self._high = push(self._low, self._high, byte)
        folded = byte | np.uint32(32)
        letter = ((folded >= 97) & (folded <= 122)) | (byte >= 128)
        ended = ~letter & (self._word != 0)
        self._word_before = np.where(ended, self._word, self._word_before)
        self._word = np.where(letter, (self._word + folded + np.uint32(1)) * np.uint32(HASH_LOW), np.uint32(0))


def _mix(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return context_hash(low, high, 8)
