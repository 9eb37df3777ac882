"""External memory: adaptive counters, runs and matches, mixed with the network bit by bit.

The context mixing of the PAQ family (Mahoney 2005, sections 2 and 3), over lanes: every lane reads
and writes one shared memory, so what one stretch of a file teaches helps all the others at the next
byte. Some contexts are a lane's own, so that what is new in a passage is told apart from what the
whole file says. All lanes read before any writes; where two write the same place, the later one's
value stands. Plain NumPy is both the definition and the engine; everything is in integers.

Probabilities are of a 1; *stretch* is log2(p / (1 - p)) in 1/256 bit. ``coding/FORMAT.md``, section
2.3. ``tests/models/memory/test_memory.py`` proves from the constants that nothing overflows.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from models.integer.fixed_point import FIRST_BYTE, clip
from models.integer.ngram import HASH_HIGH, HASH_LOW, context_hash, push
from models.memory import match, runs
from models.memory.expected import NONE, WEIGHT_LIMIT, Expected, Guesses
from models.memory.logistic import SQUASH, STRETCH, STRETCH_LIMIT, log2
from models.memory.match import Match
from models.memory.runs import Runs
from models.memory.slots import slot_bits

WORD, PAIR = -1, -2
"""Contexts that are not a number of bytes: the word so far, and that with the word before it."""


class Context(NamedTuple):
    """What the next byte depends on."""

    order: int
    """The number of last bytes, or WORD or PAIR."""
    own: bool = False
    """Whether each lane has the context by itself; otherwise all lanes share it."""


# Chosen on validation text: DECISIONS.md, record 28.
COUNTERS = (
    Context(2),
    Context(4),
    Context(WORD),
    Context(2, own=True),
    Context(WORD, own=True),
)
"""The second APM uses the hash of the first of these."""
MATCHES = (Context(8), Context(5, own=True))
RUNS = (Context(6), Context(PAIR), *(Context(order, own=True) for order in (2, 3, 4, WORD)))

COUNTER_WEIGHT, MATCH_WEIGHT, RUN_WEIGHT = 62915, 104858, 52429
"""Mixer weights before any experience, in 2^-20 (0.06, 0.1 and 0.05). There are many inputs: with
greater weights short files suffer."""
NETWORK_WEIGHT = 943718
"""The network's mixer weight before any experience, in 2^-20 (0.9)."""
WEIGHT_SHIFT, NETWORK_SHIFT = 15, 15
"""Mixer weights of the counters and of the network move by 2^-shift of their slope."""
MAX_COUNT = 60
"""A counter that has seen this many bits forgets at a constant rate, about 1/61."""
RATES = 32768 // (2 * np.arange(MAX_COUNT + 1, dtype=np.int32) + 3)
"""Adaptation rate 1 / (n + 1.5) after n bits, in 2^-14."""
AFTER = np.minimum(np.arange(MAX_COUNT + 1, dtype=np.uint32) + 1, MAX_COUNT)
"""The count after one more bit."""
UNSEEN = np.uint32(1 << 31)
"""A slot that has seen nothing: probability 1/2, count 0."""
APM_CELLS = 25
"""Cells of an adaptive probability map, one every bit of stretch from -12 to 12."""
APM_LIMIT = 3072
"""The greatest stretch that an adaptive probability map tells apart."""
APMS = 2


class Lines(NamedTuple):
    """Where the counters of half a byte lie: 16 slots side by side, one cache line a context.

    Arrays are (contexts, active).
    """

    first: np.ndarray
    """The line's first slot, int64."""
    turn: np.ndarray
    """Four bits of the hash, which decide the order of the slots within the line; int64."""
    check: np.ndarray
    """What a slot of this context holds in bits 8 to 15; uint32."""


class Prediction(NamedTuple):
    """One bit of all active lanes: its probability, and what it was made from.

    Arrays are (active,), but (contexts, active) where it says "each".
    """

    zero: np.ndarray
    """Counts for a 0, of 2^24; int64."""
    memory_logit: np.ndarray
    """What counters, matches and runs add to the mixture's stretch, in 2^-22 bit; int64."""
    network_weight: np.ndarray
    """The weight that the network's stretch is added with, in 2^-14; int64."""
    network: np.ndarray
    """The network's stretch, int32."""
    mixture: np.ndarray
    """Probability of the mixture, before the adaptive probability maps, in 2^-24; int32."""
    slot: np.ndarray
    """Where each counter lies, int64."""
    check: np.ndarray
    """The check of each counter, as in Lines; uint32."""
    probability: np.ndarray
    """Of each counter, in 2^-16; int32."""
    stretch: np.ndarray
    """Of each counter, int32."""
    weight_cell: np.ndarray
    """Index of each counter's mixer weight, given by context and count; int64."""
    apm_cell: np.ndarray
    """(APMS, active): the nearer of the two cells in each adaptive probability map; int64."""


class Update(NamedTuple):
    """One bit as the memory learns from it."""

    prediction: Prediction
    bit: np.ndarray
    """The bit that came, (active,) int32."""
    error: np.ndarray
    """Bit minus probability of the mixture, in 2^-16, (active,) int32."""


@dataclasses.dataclass
class Contexts:
    """What the active lanes know at the start of a byte, and of its bits as they become known."""

    hashes: np.ndarray
    """(counters, active) uint32."""
    last: np.ndarray
    """The byte before, (active,) int64."""
    pattern: np.ndarray
    """Which of the own runs expect a byte, as a binary number, (active,) int64."""
    runs: runs.RunLookup
    guesses: Guesses
    lines: Lines
    """Of the half byte that is being predicted."""
    updates: list[Update] = dataclasses.field(default_factory=list)
    """Of the bits known so far."""


class Memory:
    """What all lanes of one block share.

    For every byte: ``lookup`` the contexts, then eight times ``predict`` and ``update_bit``, then
    ``update_byte``.
    """

    def __init__(self, columns: np.ndarray) -> None:
        """Takes the block's text, (steps, lanes) uint8; a row is read after its ``update_byte``."""
        lanes, contexts = columns.shape[1], len(COUNTERS)
        self._slot_bits = slot_bits(columns.size)
        self.slots = np.zeros(contexts << self._slot_bits, np.uint32)
        """Counters: probability << 16 | check << 8 | count."""
        self.weights = np.full((contexts, MAX_COUNT + 1), COUNTER_WEIGHT, np.int64)
        """Mixer weights by context and count, in 2^-20."""
        self.weights[:, 0] = 0  # a counter that has seen nothing has nothing to say
        self._own_runs = [i for i, context in enumerate(RUNS) if context.own]
        self.network_weights = np.full(1 << len(self._own_runs), NETWORK_WEIGHT, np.int64)
        """Mixer weight of the network by pattern, in 2^-20."""
        stretch = clip((np.arange(APM_CELLS) - 12) * 256, STRETCH_LIMIT)
        self.apm = np.tile(SQUASH[stretch + STRETCH_LIMIT] >> 2, APMS << 16)
        """Adaptive probability maps (PAQ's APM or SSE): what the mixture's stretch, in cells, has
        meant after the byte before and after a hash of the two bytes before; in 2^-22."""
        self.runs = Runs(len(RUNS), self._slot_bits - 1)
        self._matches = [Match(columns) for _ in MATCHES]
        first = [match.FIRST_HIT_PROBABILITY] * len(MATCHES)
        first += [runs.FIRST_HIT_PROBABILITY] * len(RUNS)
        weights = [MATCH_WEIGHT] * len(MATCHES) + [RUN_WEIGHT] * len(RUNS)
        self.expected = Expected(np.stack(first), np.array(weights))
        self._low = np.zeros(lanes, np.uint32)
        self._high = np.zeros(lanes, np.uint32)
        self._word = np.zeros(lanes, np.uint32)
        self._word_before = np.zeros(lanes, np.uint32)
        self._salt = (np.arange(lanes, dtype=np.uint32) + np.uint32(1)) * np.uint32(HASH_LOW)
        self._base = (np.arange(contexts, dtype=np.int64) << self._slot_bits)[:, None]
        self._row = (np.arange(contexts, dtype=np.int64) * (MAX_COUNT + 1))[:, None]
        self._push(np.full(lanes, FIRST_BYTE, np.uint8))

    def lookup(self, active: int) -> Contexts:
        """The contexts of the first ``active`` lanes for their next byte."""
        hashes = {
            context: self._hash(context, active) for context in dict.fromkeys(COUNTERS + RUNS)
        }
        counters = np.stack([hashes[context] for context in COUNTERS])
        run_lookup = self.runs.lookup(_mixed(np.stack([hashes[context] for context in RUNS]), 1))
        pattern = np.zeros(active, np.int64)
        for i in self._own_runs:
            pattern = 2 * pattern + (run_lookup.byte[i] != NONE)
        matches = [matcher.lookup(active) for matcher in self._matches]
        byte = np.stack([*(byte for byte, _ in matches), *run_lookup.byte])
        cell = np.stack([*(cell for _, cell in matches), *run_lookup.cell])
        return Contexts(
            hashes=counters,
            last=(self._low[:active] & np.uint32(255)).astype(np.int64),
            pattern=pattern,
            runs=run_lookup,
            guesses=self.expected.lookup(byte, cell),
            lines=self._lines(counters, 1),
        )

    def _hash(self, context: Context, active: int) -> np.ndarray:
        """The hash of a context in the first ``active`` lanes, (active,) uint32."""
        if context.order in (WORD, PAIR):
            word = self._word[:active]
            before = self._word_before[:active] if context.order == PAIR else np.zeros_like(word)
            hashed = context_hash(word, before, 8)
        else:
            hashed = context_hash(self._low[:active], self._high[:active], context.order)
        return (hashed ^ self._salt[:active]) * np.uint32(HASH_LOW) if context.own else hashed

    def _lines(self, hashes: np.ndarray, node: np.ndarray | int) -> Lines:
        """The lines of contexts (contexts, active) for the half byte below tree nodes (active,)."""
        mixed = _mixed(hashes, node)
        first = ((mixed >> np.uint32(32 - self._slot_bits)) + self._base) & ~15
        turn = ((mixed >> np.uint32(8)) & np.uint32(15)).astype(np.int64)
        check = ((mixed & np.uint32(255)) | np.uint32(1)) << np.uint32(8)
        return Lines(first, turn, check)

    def predict(self, contexts: Contexts, zero: np.ndarray, node: np.ndarray) -> Prediction:
        """The next bit of every active lane.

        ``zero`` is the network's counts for a 0, of 2^24, ``node`` the tree node of the bits known
        so far; both are (active,) int64.
        """
        known = len(contexts.updates) & 3
        if len(contexts.updates) == 4:
            contexts.lines = self._lines(contexts.hashes, node)
        first, turn, check = contexts.lines
        place = first + (((1 << known) | (node & ((1 << known) - 1))) ^ turn)
        slot = self.slots.take(place)
        slot = np.where((slot & np.uint32(0xFF00)) == check, slot, UNSEEN)
        weight_cell = (slot & np.uint32(255)).astype(np.int64) + self._row
        probability = (slot >> np.uint32(16)).astype(np.int32)
        stretch = STRETCH.take(probability >> 4)
        weight = (self.weights >> 6).astype(np.int32).take(weight_cell)
        memory_logit = (weight * stretch).sum(axis=0, dtype=np.int32).astype(np.int64)
        memory_logit += self.expected.predict(contexts.guesses)

        of_one, of_zero = log2(np.stack([(1 << 24) - zero, zero]))
        network = of_one - of_zero
        network_weight = (self.network_weights >> 6).take(contexts.pattern)
        total = (memory_logit + network_weight * network + (1 << 13)) >> 14
        total = clip(total, STRETCH_LIMIT)
        mixture = SQUASH.take(total + STRETCH_LIMIT)

        position = np.minimum(clip(total, APM_LIMIT), APM_LIMIT - 1) + APM_LIMIT
        cell, inside = position >> 8, position & 255
        maps = np.stack([(contexts.last << 8) + node, (1 << 16) + _pair_map(contexts.hashes, node)])
        lower = maps * APM_CELLS + cell
        between = self.apm.take(lower) * (256 - inside) + self.apm.take(lower + 1) * inside
        after_one, after_two = between >> 6
        refined = (2 * mixture + after_one + after_two) >> 2
        return Prediction(
            zero=(1 << 24) - refined.astype(np.int64),
            memory_logit=memory_logit,
            network_weight=network_weight,
            network=network,
            mixture=mixture,
            slot=place,
            check=check,
            probability=probability,
            stretch=stretch,
            weight_cell=weight_cell,
            apm_cell=lower + (inside >> 7),
        )

    def update_bit(self, contexts: Contexts, prediction: Prediction, bit: np.ndarray) -> None:
        """Notes the bit that came in every active lane, (active,) in {0, 1}."""
        bit = bit.astype(np.int32)
        error = (bit << 16) - (prediction.mixture >> 8)
        self.expected.update_bit(contexts.guesses, bit, error)
        contexts.updates.append(Update(prediction, bit, error))

    def update_byte(self, contexts: Contexts, byte: np.ndarray) -> None:
        """Learns the byte that came in every lane, (lanes,) uint8: the newest row of the text.

        All lanes must have been looked up, and all eight bits noted.
        """
        self._learn(contexts)
        self.expected.learn(contexts.guesses)
        self.runs.update(contexts.runs, byte)
        self._push(byte)
        for matcher, context in zip(self._matches, MATCHES, strict=True):
            matcher.update(byte, self._hash(context, len(byte)))

    def _learn(self, contexts: Contexts) -> None:
        """Moves counters, mixer weights and adaptive probability maps, all bits at once.

        Arrays are (bits, contexts, active) where they differ by context, else (bits, active).
        """
        predictions = [update.prediction for update in contexts.updates]
        bit = np.stack([update.bit for update in contexts.updates])
        error = np.stack([update.error for update in contexts.updates])
        self._learn_weights(contexts.pattern, predictions, error)

        probability = np.stack([prediction.probability for prediction in predictions])
        count = np.stack([prediction.weight_cell for prediction in predictions]) - self._row
        away = (bit[:, None] * 65535 - probability) * RATES.take(count)
        probability = (probability + ((away + (1 << 13)) >> 14)).astype(np.uint32)
        check = np.stack([prediction.check for prediction in predictions])
        place = np.stack([prediction.slot for prediction in predictions])
        self.slots[place] = (probability << np.uint32(16)) | check | AFTER.take(count)

        cell = np.stack([prediction.apm_cell for prediction in predictions])
        value = self.apm.take(cell)
        self.apm[cell] = value + ((bit[:, None] * ((1 << 22) - 1) - value + 32) >> 6)

    def _learn_weights(
        self, pattern: np.ndarray, predictions: list[Prediction], error: np.ndarray
    ) -> None:
        """Moves the mixer weights down the gradient of the coding cost, error times stretch."""
        cell = np.stack([prediction.weight_cell for prediction in predictions])
        stretch = np.stack([prediction.stretch for prediction in predictions])
        slope = _sums(cell, error[:, None] * stretch, self.weights.size, WEIGHT_SHIFT)
        self.weights = clip(self.weights + slope.reshape(self.weights.shape), WEIGHT_LIMIT)
        network = np.stack([prediction.network for prediction in predictions])
        by_lane = (error.astype(np.int64) * network).sum(axis=0)
        slope = _sums(pattern, by_lane, self.network_weights.size, NETWORK_SHIFT)
        self.network_weights = clip(self.network_weights + slope, WEIGHT_LIMIT)

    def _push(self, byte: np.ndarray) -> None:
        """Moves the history and the words of every lane on by its byte, (lanes,) uint8."""
        byte = byte.astype(np.uint32)
        self._low, self._high = push(self._low, self._high, byte)
        folded = byte | np.uint32(32)
        letter = ((folded >= 97) & (folded <= 122)) | (byte >= 128)
        ended = ~letter & (self._word != 0)
        self._word_before = np.where(ended, self._word, self._word_before)
        longer = (self._word + folded + np.uint32(1)) * np.uint32(HASH_LOW)
        self._word = np.where(letter, longer, np.uint32(0))


def _mixed(hashes: np.ndarray, node: np.ndarray | int) -> np.ndarray:
    """Hashes of contexts (contexts, active) at tree nodes (active,); uint32."""
    mixed = hashes ^ (np.asarray(node).astype(np.uint32) * np.uint32(HASH_HIGH))
    mixed *= np.uint32(HASH_LOW)
    mixed ^= mixed >> np.uint32(15)
    return mixed


def _pair_map(hashes: np.ndarray, node: np.ndarray) -> np.ndarray:
    """Number of the second probability map, from the two bytes before and the node; 16 bits."""
    mixed = (hashes[0] ^ (node.astype(np.uint32) * np.uint32(HASH_HIGH))) * np.uint32(HASH_LOW)
    return (mixed >> np.uint32(16)).astype(np.int64)


def _sums(cell: np.ndarray, value: np.ndarray, cells: int, shift: int) -> np.ndarray:
    """Sums of integers by cell over 2^shift, rounded, (cells,) int64; float64 sums exactly."""
    sums = np.bincount(cell.ravel(), value.ravel(), cells).astype(np.int64)
    return (sums + (1 << (shift - 1))) >> shift
