"""External memory: adaptive counters, runs and matches, mixed with the network's probability bit by bit, in integers.

The context mixing of the PAQ family (Mahoney 2005, sections 2 and 3), over lanes: every lane reads and writes one shared
memory, so what one stretch of a file teaches helps all the others at the next byte. Some contexts are a lane's own, so that
what is new in a passage is told apart from what the whole file says. All lanes read before any writes; where two write the
same place, the later one's value stands. Plain NumPy is both the definition and the engine.
Units: probabilities are of a 1; *stretch* is log2(p / (1 - p)) in 1/256 bit. ``coding/FORMAT.md``, part "Memory".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.integer.fixed_point import FIRST_BYTE, clip
from models.integer.ngram import HASH_HIGH, HASH_LOW, context_hash, push
from models.memory import match, runs
from models.memory.expected import NONE, Expected
from models.memory.logistic import SQUASH, STRETCH, STRETCH_LIMIT, log2
from models.memory.match import Match
from models.memory.runs import Runs

WORD, PAIR = -1, -2
"""Contexts that are not so many bytes: the word so far, and that with the word before it."""


class Context(NamedTuple):
    """What the next byte depends on: the last n bytes, WORD or PAIR; of all lanes together, or of each lane by itself."""

    of: int
    own: bool = False


COUNTERS = (
    Context(2),
    Context(4),
    Context(WORD),
    Context(2, own=True),
    Context(WORD, own=True),
)
"""The first is the last two bytes of all lanes: the second ladder uses its hash. Chosen on validation text: DECISIONS.md."""
MATCHES = (Context(8), Context(5, own=True))
RUNS = (Context(6), Context(PAIR), *(Context(of, own=True) for of in (2, 3, 4, WORD)))
COUNTER_WEIGHT, MATCH_WEIGHT, RUN_WEIGHT = 62915, 104858, 52429
"""Before any experience, in 2^-20: many voices begin low, or short files suffer."""
NETWORK_SHIFT = 15
"""The network's weight moves by 2^-shift of its slope."""

MAX_COUNT = 60
"""A counter that has seen so many bits forgets at a constant rate, about 1/61."""
RATES = 32768 // (2 * np.arange(MAX_COUNT + 1, dtype=np.int32) + 3)
"""Adaptation rate 1 / (n + 1.5) after n bits, in 2^-14."""
AFTER = np.minimum(np.arange(MAX_COUNT + 1, dtype=np.uint32) + 1, MAX_COUNT)
"""The count after one more bit."""
WEIGHT_LIMIT = 1 << 22
UNSEEN = np.uint32(1 << 31)
"""A slot that has seen nothing: probability 1/2, count 0."""
FIRST_NETWORK_WEIGHT = 943718
"""0.9, in 2^-20."""
REFINE_CELLS = 25


def slot_bits(size: int) -> int:
    """log2 of the slots of a counters' context, for a block whose rectangle of steps and lanes has ``size`` bytes."""
    return min(24, max(18, size.bit_length() + 1))


class _Lesson(NamedTuple):
    """One bit: what its prediction used, (contexts, active), then what came of it, (active,)."""

    place: np.ndarray
    check: np.ndarray
    cell: np.ndarray
    """Of the mixer's weights: context and count."""
    probability: np.ndarray
    opinion: np.ndarray
    rungs: np.ndarray
    """(ladders, active)"""
    network: np.ndarray
    bit: np.ndarray
    error: np.ndarray
    """Of the mixture, 2^-16."""


class Memory:
    """What all lanes of one block share.

    For every byte: ``look`` up the contexts, then eight times ``predict`` and ``perceive_bit``, then ``perceive``.
    """

    def __init__(self, columns: np.ndarray) -> None:
        """columns (steps, lanes) uint8 of the block, of which only rows that were perceived are read."""
        lanes, contexts = columns.shape[1], len(COUNTERS)
        self._slot_bits = slot_bits(columns.size)
        self._slots = np.zeros(
            contexts << self._slot_bits, np.uint32
        )  # probability << 16 | check << 8 | count
        self._weights = np.full((contexts, MAX_COUNT + 1), COUNTER_WEIGHT, np.int64)
        self._weights[:, 0] = 0  # a counter that has seen nothing has nothing to say
        self._own_runs = [i for i, context in enumerate(RUNS) if context.own]
        self._network_weight = np.full(1 << len(self._own_runs), FIRST_NETWORK_WEIGHT, np.int64)
        ladder = (
            SQUASH[clip((np.arange(REFINE_CELLS) - 12) * 256, STRETCH_LIMIT) + STRETCH_LIMIT] >> 2
        )
        self._refine = np.tile(ladder, 2 << 16)
        self._matches = [Match(columns) for _ in MATCHES]
        self._runs = Runs(len(RUNS), self._slot_bits - 1)
        hopes = [match.FIRST_HOPES] * len(MATCHES) + [runs.FIRST_HOPES] * len(RUNS)
        weights = [MATCH_WEIGHT] * len(MATCHES) + [RUN_WEIGHT] * len(RUNS)
        self._expected = Expected(np.stack(hopes), np.array(weights))
        self._low = np.zeros(lanes, np.uint32)
        self._high = np.zeros(lanes, np.uint32)
        self._word = np.zeros(lanes, np.uint32)
        self._word_before = np.zeros(lanes, np.uint32)
        self._salt = (np.arange(lanes, dtype=np.uint32) + np.uint32(1)) * np.uint32(HASH_LOW)
        self._base = (np.arange(contexts, dtype=np.int64) << self._slot_bits)[:, None]
        self._row = (np.arange(contexts, dtype=np.int64) * (MAX_COUNT + 1))[:, None]
        self._lessons: list[_Lesson] = []
        self.voice = self.trust = np.zeros(0, np.int64)
        """Of the last bit predicted, (active,): what the memory by itself adds to the mixture's stretch, in 2^-22 bit, and the
        weight that the network's stretch is added with, in 2^-14."""
        self._take(np.full(lanes, FIRST_BYTE, np.uint8))

    def look(self, active: int) -> None:
        """Takes up the contexts of the first ``active`` lanes for their next byte."""
        hashes = {
            context: self._hash(context, active) for context in dict.fromkeys(COUNTERS + RUNS)
        }
        self._hashes = np.stack([hashes[context] for context in COUNTERS])
        self._last = (self._low[:active] & np.uint32(255)).astype(np.int64) << 8
        self._pattern = np.zeros(active, np.int64)
        guesses = [one.look(active) for one in self._matches]
        byte, cell = self._runs.look(_mixed(np.stack([hashes[context] for context in RUNS]), 1))
        guesses += zip(byte, cell, strict=True)
        for i in self._own_runs:
            self._pattern = 2 * self._pattern + (byte[i] != NONE)
        self._expected.look(
            np.stack([byte for byte, _ in guesses]), np.stack([cell for _, cell in guesses])
        )
        self._k = 0

    def _hash(self, context: Context, active: int) -> np.ndarray:
        """Of a context in the first ``active`` lanes, (active,) uint32."""
        if context.of in (WORD, PAIR):
            word = self._word[:active]
            hashed = context_hash(
                word, self._word_before[:active] if context.of == PAIR else np.zeros_like(word), 8
            )
        else:
            hashed = context_hash(self._low[:active], self._high[:active], context.of)
        return (hashed ^ self._salt[:active]) * np.uint32(HASH_LOW) if context.own else hashed

    def _find(self, node: np.ndarray) -> None:
        """Where the counters of tree nodes (active,) are, and the check that says whose they are."""
        known = self._k & 3
        if known == 0:
            mixed = _mixed(self._hashes, node)
            self._check = ((mixed & np.uint32(255)) | np.uint32(1)) << np.uint32(8)
            self._line = ((mixed >> np.uint32(32 - self._slot_bits)) + self._base) & ~15
            self._turn = ((mixed >> np.uint32(8)) & np.uint32(15)).astype(np.int64)
        within = (1 << known) | (node & ((1 << known) - 1))
        self._place = self._line + (within ^ self._turn)

    def predict(self, zero: np.ndarray, node: np.ndarray) -> np.ndarray:
        """The network's counts for a 0 (of 2^24) at tree nodes -> the mixture's; (active,) int64 both."""
        self._find(node)
        slot = self._slots.take(self._place)
        slot = np.where((slot & np.uint32(0xFF00)) == self._check, slot, UNSEEN)
        weight_at = (slot & np.uint32(255)).astype(np.int64) + self._row
        probability = (slot >> np.uint32(16)).astype(np.int32)
        opinion = STRETCH.take(probability >> 4)
        one, none = log2(np.stack([(1 << 24) - zero, zero]))
        network = one - none
        # |weight| <= 2^16, |opinion| <= 3327, |network| <= 6144: 7 * 2^16 * 3327 < 2^31
        weight = (self._weights >> 6).astype(np.int32).take(weight_at)
        self.voice = (weight * opinion).sum(axis=0, dtype=np.int32).astype(np.int64)
        self.voice += self._expected.predict()
        self.trust = (self._network_weight >> 6).take(self._pattern)
        total = clip((self.voice + self.trust * network + (1 << 13)) >> 14, STRETCH_LIMIT)
        mixture = SQUASH.take(total + STRETCH_LIMIT)
        position = np.minimum(clip(total, 3072), 3071) + 3072
        cell, inside = position >> 8, position & 255
        after_two = (self._hashes[0] ^ (node.astype(np.uint32) * np.uint32(HASH_HIGH))) * np.uint32(
            HASH_LOW
        )
        at = [self._last + node, (after_two >> np.uint32(16)).astype(np.int64) + (1 << 16)]
        rungs = np.stack(at) * REFINE_CELLS + cell
        seen = (
            self._refine.take(rungs) * (256 - inside) + self._refine.take(rungs + 1) * inside
        ) >> 6
        self._mixture = mixture
        self._used = (
            self._place,
            self._check,
            weight_at,
            probability,
            opinion,
            rungs + (inside >> 7),
            network,
        )
        return (1 << 24) - ((2 * mixture + seen.sum(axis=0)) >> 2).astype(np.int64)

    def perceive_bit(self, bit: np.ndarray) -> None:
        """The bit that came in every active lane, (active,) in {0, 1}."""
        bit = bit.astype(np.int32)
        error = (bit << 16) - (self._mixture >> 8)
        self._expected.perceive_bit(bit, error)
        self._lessons.append(_Lesson(*self._used, bit, error))
        self._k += 1

    def _learn(self) -> None:
        """Takes in the bits of a byte: (bits, contexts, active) or (bits, active) below."""
        used = _Lesson(*(np.stack(parts) for parts in zip(*self._lessons, strict=True)))
        self._lessons.clear()
        # bincount adds whole numbers below 2^29 in float64, fewer than 2^17 of them: every partial sum is exact
        slope = np.bincount(
            used.cell.ravel(), (used.error[:, None] * used.opinion).ravel(), self._weights.size
        ).astype(np.int64)
        learned = self._weights + ((slope + (1 << 14)) >> 15).reshape(self._weights.shape)
        self._weights = clip(learned, WEIGHT_LIMIT)
        by_lane = (used.error.astype(np.int64) * used.network).sum(axis=0)
        slope = np.bincount(self._pattern, by_lane, self._network_weight.size).astype(np.int64)
        slope = (slope + (1 << (NETWORK_SHIFT - 1))) >> NETWORK_SHIFT
        self._network_weight = clip(self._network_weight + slope, WEIGHT_LIMIT)
        bit = used.bit[:, None]
        count = used.cell - self._row
        away = (bit * 65535 - used.probability) * RATES.take(count)
        probability = (used.probability + ((away + (1 << 13)) >> 14)).astype(np.uint32)
        self._slots[used.place] = (probability << np.uint32(16)) | used.check | AFTER.take(count)
        seen = self._refine.take(used.rungs)
        self._refine[used.rungs] = seen + ((bit * ((1 << 22) - 1) - seen + 32) >> 6)
        self._expected.learn()

    def perceive(self, byte: np.ndarray) -> None:
        """The byte that came in every lane, (lanes,) uint8: the row of columns that is now known."""
        self._learn()
        self._runs.perceive(byte)
        self._take(byte)
        for one, context in zip(self._matches, MATCHES, strict=True):
            one.perceive(byte, self._hash(context, len(byte)))

    def _take(self, byte: np.ndarray) -> None:
        byte = byte.astype(np.uint32)
        self._low, self._high = push(self._low, self._high, byte)
        folded = byte | np.uint32(32)
        letter = ((folded >= 97) & (folded <= 122)) | (byte >= 128)
        ended = ~letter & (self._word != 0)
        self._word_before = np.where(ended, self._word, self._word_before)
        self._word = np.where(
            letter, (self._word + folded + np.uint32(1)) * np.uint32(HASH_LOW), np.uint32(0)
        )


def _mixed(hashes: np.ndarray, node: np.ndarray | int) -> np.ndarray:
    """Hashes of contexts (contexts, active) at tree nodes; uint32."""
    mixed = hashes ^ (np.asarray(node).astype(np.uint32) * np.uint32(HASH_HIGH))
    mixed *= np.uint32(HASH_LOW)
    mixed ^= mixed >> np.uint32(15)
    return mixed
