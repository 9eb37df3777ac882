"""Matches: the latest repetition of some length, and the byte that came after it then.

The match model of the PAQ family (Mahoney 2005, section 3.3), over lanes: what one lane has read
predicts its repetition in another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.integer.ngram import HASH_HIGH, HASH_LOW
from models.memory.logistic import STRETCH
from models.memory.maps import Cells
from models.memory.order import write_in_order
from models.memory.readers import Readers
from models.memory.sizes import match_bits

FAR = 40
"""As far as a repetition that is found is verified, in bytes."""
LONGEST = 65535
"""At this length a match stops counting."""
MISSES, KEPT_FROM = 8, 8
"""A match survives so many misses, each only if it was so long before."""
LENGTHS, MISSES_TOLD = 32, 3
"""Hopes are told apart by lengths, then by misses up to some."""
HOPE_LIMIT, FIRST_COUNT = 400, 2
"""Experiences that a hope averages over, and those that its first value stands for."""
LONGEST_CHOOSES = 15
"""Up to this length matches choose different mixer rows."""


class Expected(NamedTuple):
    """What matches say of a bit."""

    inputs: np.ndarray
    """(2, matches, active) int32: stretches in 1/256 bit, and probabilities less 1/2 in 2^-11; both
    of a 1, and 0 where a match has ended."""
    cell: np.ndarray
    """Of the first match that has not ended: twice its length up to 15, and the bit; else 0.
    (active,) int64."""


class Matches:
    """What all lanes follow: one repetition for each least length. Arrays are (matches, lanes).

    For each byte: eight times ``predict`` and ``learn``, then ``step``.
    """

    def __init__(
        self, least: tuple[int, ...], table_bytes: int, length: int, lanes: int, cells: Cells
    ) -> None:
        """Takes the least lengths, ascending, of matches in a block of ``length`` bytes.

        No match's table takes more than an eighth of ``table_bytes``.
        """
        self._least = np.array(least)[:, None]
        self._bits = match_bits(length, table_bytes >> 20)
        self._after = np.zeros(len(least) << self._bits, np.int64)
        """By hash of the last bytes: 1 + the place that came next when they were seen last, where a
        place is lanes * number in the lane + lane."""
        cell = np.arange(LENGTHS * (MISSES_TOLD + 1))
        hope = (1 << 22) - (1 << 23) // (3 * (cell // (MISSES_TOLD + 1)) + 6)
        self._first_hope = cells.add(np.tile(hope, len(least)), FIRST_COUNT, HOPE_LIMIT)
        self._cells = cells
        shape = len(least), lanes
        self._lane = np.zeros(shape, np.int64)
        self._next = np.zeros(shape, np.int64)
        """The byte that is expected, by its lane and number in it."""
        self._length = np.zeros(shape, np.int64)
        """0 where nothing is followed."""
        self._misses = np.zeros(shape, np.int64)
        self._expects = np.zeros(shape, np.int64)
        """The byte with a 1 before it; 0 if nothing."""
        self._hope = np.zeros(shape, np.int64)

    def predict(self, k: int, node: np.ndarray) -> Expected:
        """Bit ``k`` of every active lane, of which ``node`` (active,) int64 has the bits known."""
        active = slice(node.size)
        expects = self._expects[:, active]
        self._agrees = (expects >> (8 - k)) == node
        self._one = (expects >> (7 - k)) & 1
        probability = self._cells.probability[self._hope[:, active]]
        inputs = np.empty((2, *expects.shape), np.int32)
        inputs[0] = STRETCH[probability >> 10]
        inputs[1] = (probability - (1 << 21)) >> 11
        inputs *= self._agrees * (2 * self._one - 1)
        told = np.minimum(self._length[:, active], LONGEST_CHOOSES) * self._agrees
        cell = 2 * told + self._one * self._agrees
        return Expected(inputs, cell[told.argmax(axis=0), np.arange(node.size)])

    def learn(self, bit: np.ndarray) -> None:
        """Learns the bit that was predicted, (active,) int64."""
        hope, right = self._hope[:, : bit.size], self._one == bit
        self._cells.note(hope[self._agrees], right[self._agrees])

    def step(self, readers: Readers) -> None:
        """Follows and finds, once all lanes have taken a byte; then notes where they are."""
        self._follow(readers)
        entry = self._entries(readers)
        there = self._least <= readers.length
        lost = (self._length == 0) | ((self._misses > 0) & (self._length < self._least))
        match, lane = (there & lost).nonzero()
        self._find(readers, match, lane, entry[match, lane])
        self._expect(readers)
        lanes = readers.starts.size
        after = np.broadcast_to(readers.length * lanes + np.arange(1, lanes + 1), entry.shape)
        there = np.broadcast_to(there, entry.shape)
        write_in_order(self._after, entry[there], after[there])

    def _follow(self, readers: Readers) -> None:
        """Moves on by the byte that came, or stops."""
        length = self._length
        followed = length > 0
        expected = readers.text[np.where(followed, readers.starts[self._lane] + self._next, 0)]
        came = readers.text[readers.next - 1]
        hit = followed & (expected == came)
        kept = followed & ~hit & (length >= KEPT_FROM) & (self._misses < MISSES)
        self._misses += kept
        longer = np.minimum(length + 1, LONGEST)
        self._length = np.where(hit, longer, np.where(kept, length // 4, 0))
        self._next += 1
        self._length[self._next >= readers.length] = 0

    def _entries(self, readers: Readers) -> np.ndarray:
        """Where in the table the last bytes lead; of no meaning where a lane has too few."""
        lanes = readers.starts.size
        hashes = np.zeros((self._least.size, lanes), np.uint32)
        back = np.arange(min(readers.length, int(self._least[-1, 0])), 0, -1)
        text = readers.text[readers.next - back[:, None]].astype(np.uint32) + 1
        for first, number in zip(np.searchsorted(self._least[:, 0], back), text, strict=True):
            these = hashes[first:]
            these += number
            these *= np.uint32(HASH_LOW)
            these ^= these >> 15
        place = (hashes * np.uint32(HASH_HIGH)) >> (32 - self._bits)
        return place.astype(np.int64) + (np.arange(self._least.size) << self._bits)[:, None]

    def _find(
        self, readers: Readers, match: np.ndarray, lane: np.ndarray, entry: np.ndarray
    ) -> None:
        """Looks up what follows the last bytes of some lanes (n,), for some matches (n,)."""
        place = self._after[entry] - 1
        seen = place >= 0
        match, lane, place = match[seen], lane[seen], place[seen]
        number, other = np.divmod(place, readers.starts.size)
        back = np.arange(1, FAR + 1)
        there = back <= number[:, None]
        ours = (readers.next[lane])[:, None] - back
        theirs = (readers.starts[other] + number)[:, None] - back
        same = there & (readers.text[ours * there] == readers.text[theirs * there])
        length = np.logical_and.accumulate(same, axis=1).sum(axis=1)
        found = length >= self._least[match, 0]
        at = match[found], lane[found]
        self._lane[at], self._next[at] = other[found], number[found]
        self._length[at], self._misses[at] = length[found], 0

    def _expect(self, readers: Readers) -> None:
        """Looks what comes next in what is followed, and how far that is to be believed."""
        followed = self._length > 0
        byte = readers.text[np.where(followed, readers.starts[self._lane] + self._next, 0)]
        self._expects = np.where(followed, byte.astype(np.int64) | 256, 0)
        length = self._length
        told = np.where(length < 16, length, np.minimum(14 + length // 8, LENGTHS - 1))
        misses = np.minimum(self._misses, MISSES_TOLD)
        first = np.arange(self._least.size)[:, None] * LENGTHS
        self._hope = self._first_hope + (first + told) * (MISSES_TOLD + 1) + misses
