"""The contexts' share of the memory: hash tables of histories and runs, and what they say of a bit.

For each context and byte a lane seeks two *entries*: one for the upper half of the byte, which also
holds the *run* of the context, and when that half is known one for the lower half. An entry holds a
history for each of the 15 nodes that a half byte has. Histories stay with the lane while it codes
the half byte and are then written back; what another lane wrote meanwhile is lost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.integer.ngram import HASH_HIGH, HASH_LOW
from models.memory.histories import FIRST, HISTORIES, NEXT, TOTAL
from models.memory.logistic import STRETCH
from models.memory.maps import ONE, Cells
from models.memory.order import in_turns, sorted_keys, starts, write_in_order

HASH_CHECK = 0xC2B2AE35
"""An odd constant (xxHash prime 3) for the checks of entries."""
LINE_BYTES = 64
"""Tables are made of lines of so many bytes, within which entries compete for places."""
UPPER_WAYS, LOWER_WAYS = 3, 4
"""Entries of a line: with their checks, those of upper halves take 19 bytes, of lower halves 16."""
UPPER_CHECK_BITS, LOWER_CHECK_BITS = 16, 8
NODES = 16
"""Nodes of a half byte: 1 is its first bit, node n is followed by 2 n and 2 n + 1; 0 is none."""
RUN_BYTE, RUN_LENGTH, WIDTH = NODES, NODES + 1, NODES + 2
"""What follows the histories in an entry: the run's byte and length."""

RUN_LIMIT = 127
"""At this length a run stops counting."""
MARK = 128
"""Is added to the length where another byte followed the context before."""
RUN_LENGTHS = 16
"""Lengths that are told apart: those from 15 on are one."""

HISTORY_LIMIT, HOPE_LIMIT = 1023, 255
"""How many experiences the two kinds of cells average over."""
FIRST_COUNT = 6
"""As many experiences their first values stand for."""
CELLS = 256
"""Cells of one kind and context: by history, or by a run's length, mark and bit."""
BIT_SHIFTS = np.arange(7, -1, -1)[:, None, None]


def mixed(hashes: np.ndarray, node: np.ndarray | int) -> np.ndarray:
    """Hashes (contexts, active) at nodes of the byte (active,), uint32."""
    m = (hashes ^ (np.asarray(node).astype(np.uint32) * np.uint32(HASH_HIGH))) * np.uint32(HASH_LOW)
    return m ^ (m >> 15)


class Table:
    """The entries of one half of a byte."""

    def __init__(self, lines: int, ways: int) -> None:
        self.ways = ways
        self.check = np.zeros((lines, ways), np.int32)
        self.entries = np.zeros((lines * ways, WIDTH), np.uint8)
        """By entry: the histories of its nodes, then the run, which lower halves do not use."""

    def seek(self, line: np.ndarray, check: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Finds or makes entries, one after the other, for lines and checks (n,) int64.

        Returns the number of each entry, (n,) int64, and what it held, (n, WIDTH) uint8.
        """
        line, item = sorted_keys(line)
        check = check[item]
        # Who looks for the same as the one before in this line finds the same.
        new = starts(line) | starts(check)
        visit = np.flatnonzero(new)
        line, check = line[visit], check[visit]
        number = np.arange(visit.size)
        before = number - np.maximum.accumulate(np.where(starts(line), number, 0))
        entry = np.empty(visit.size, np.int64)
        held = np.empty((visit.size, WIDTH), np.uint8)
        for turn in range(before.max() + 1):
            at = np.flatnonzero(before == turn)
            entry[at] = self._visit(line[at], check[at])
            held[at] = self.entries[entry[at]]
        of = np.empty_like(item)
        of[item] = np.cumsum(new) - 1
        return entry[of], held[of]

    def _visit(self, line: np.ndarray, check: np.ndarray) -> np.ndarray:
        """The entries in different lines; where a line has none of this check, a new one.

        It takes the place of the entry whose first node has seen the fewest bits, of several such
        the first.
        """
        same = self.check[line] == check[:, None]
        way = same.argmax(axis=1)
        absent = np.flatnonzero(~same.any(axis=1))
        if absent.size:
            entries = line[absent, None] * self.ways + np.arange(self.ways)
            way[absent] = TOTAL[self.entries[entries, 1]].argmin(axis=1)
            self.check[line[absent], way[absent]] = check[absent]
            self.entries[line[absent] * self.ways + way[absent]] = 0
        return line * self.ways + way


class Said(NamedTuple):
    """What contexts say of a bit by history and by run; arrays are (2, contexts, active)."""

    stretches: np.ndarray
    """In 1/256 bit, int32; 0 where there is no run, or it does not agree with the bits known."""
    speaks: np.ndarray
    """Where the history is not empty, and where the run agrees; bool."""


class Parts:
    """All contexts of a memory; so many at a time share a *part* of the tables.

    For each byte: ``begin``, then for each bit ``predict`` and ``learn``.
    """

    def __init__(self, contexts: int, part: int, table_bytes: int, cells: Cells) -> None:
        """Takes the number of contexts, how many share a part, and what all tables may take."""
        parts = -(-contexts // part)
        self._lines = max(1, table_bytes // parts // 2 // LINE_BYTES)
        """Lines of a part, for each half of a byte."""
        self._first_line = (np.arange(contexts) // part * self._lines)[:, None]
        self._upper = Table(parts * self._lines, UPPER_WAYS)
        self._lower = Table(parts * self._lines, LOWER_WAYS)
        of_history, of_run = _first_probabilities()
        first = [
            cells.add(np.tile(of_history, contexts), FIRST_COUNT, HISTORY_LIMIT),
            cells.add(np.tile(of_run, contexts), FIRST_COUNT, HOPE_LIMIT),
        ]
        self._first_cell = np.add.outer(first, np.arange(contexts) * CELLS)[..., None]
        self._cells = cells

    def begin(self, hashes: np.ndarray) -> None:
        """Seeks the entries of a byte's upper half: ``hashes`` is (contexts, active) uint32."""
        self._hashes = hashes
        self._seek(self._upper, 1, UPPER_CHECK_BITS)
        self._run_entry = self._entry
        byte = self._held[self._place + RUN_BYTE].astype(np.int64)
        length = self._held[self._place + RUN_LENGTH].astype(np.int64)
        self._expects = np.where(length > 0, 256 | byte, 0)
        """The byte that each run expects, with a 1 before it; 0 if nothing."""
        self._ones = (self._expects >> BIT_SHIFTS) & 1
        """(8, contexts, active): its bits."""
        self._signs = (2 * self._ones - 1).astype(np.int32)
        told = np.minimum(length & RUN_LIMIT, RUN_LENGTHS - 1) + RUN_LENGTHS * (length >= MARK)
        self._first_run_cell = self._first_cell[1] + 8 * told
        self._cell = np.empty((2, *hashes.shape), np.int64)
        """The cells of a bit: by history and by run."""
        self._speaks = np.empty((2, *hashes.shape), bool)
        """Whether they say anything."""

    def _seek(self, table: Table, node: np.ndarray | int, check_bits: int) -> None:
        """Seeks the entries of the half byte at ``node``, by context and then by lane."""
        hashes = mixed(self._hashes, node)
        line = ((hashes.astype(np.uint64) * np.uint64(self._lines)) >> 32).astype(np.int64)
        check = (hashes * np.uint32(HASH_CHECK)) >> (32 - check_bits)
        entry, held = table.seek((line + self._first_line).ravel(), check.ravel().astype(np.int64))
        self._entry = entry.reshape(hashes.shape)
        """The number of each entry in its table."""
        self._held = held.ravel()
        """What the entries held, and then what they are to hold."""
        self._place = np.arange(0, held.size, WIDTH).reshape(hashes.shape)
        """Where in this an entry's node 0 lies."""

    def predict(self, k: int, node: np.ndarray) -> Said:
        """Bit ``k`` of every active lane, of which ``node`` (active,) int64 has the bits known."""
        if k == 4:
            self._seek(self._lower, node, LOWER_CHECK_BITS)
        bits = k & 3
        self._at = self._place + ((node & ((1 << bits) - 1)) | 1 << bits)
        self._history = self._held.take(self._at)
        np.add(self._history.astype(np.int64), self._first_cell[0], out=self._cell[0])
        np.add(self._first_run_cell, k, out=self._cell[1])
        stretches = STRETCH.take(self._cells.probability.take(self._cell) >> 10)
        np.greater(self._history, 0, out=self._speaks[0])
        np.equal(self._expects >> (8 - k), node, out=self._speaks[1])
        stretches[1] *= self._speaks[1] * self._signs[k]
        return Said(stretches, self._speaks)

    def learn(self, k: int, node: np.ndarray) -> None:
        """Learns bit ``k``, the last of ``node`` (active,) int64, which has all bits known.

        An empty history goes on meaning nothing.
        """
        bit = node & 1
        one = np.empty(self._cell.shape, np.int64)
        one[0] = bit
        one[1] = self._ones[k] == bit
        self._cells.note(self._cell[self._speaks], one[self._speaks])
        self._held[self._at] = NEXT.take(2 * self._history.astype(np.int64) + bit)
        if k == 3:
            self._write(self._upper, node)
        if k == 7:
            self._write(self._lower, node)
            self._learn_runs(node & 255)

    def _write(self, table: Table, node: np.ndarray) -> None:
        """Writes back the histories of the four nodes that the half byte has passed."""
        passed = ((node & 15) | 16) >> np.arange(1, 5)[:, None, None]
        key = self._entry * WIDTH + passed
        value = self._held.take(self._place + passed)
        write_in_order(table.entries.reshape(-1), key.ravel(), value.ravel())

    def _learn_runs(self, byte: np.ndarray) -> None:
        """Continues or begins anew the run of each context, one after the other."""
        entries = self._upper.entries
        turns = in_turns(self._run_entry.ravel())
        byte = byte[turns.item % byte.size]
        end = 0
        for size in turns.sizes:
            start, end = end, end + size
            entry, came = turns.key[:size], byte[start:end]
            length = entries[entry, RUN_LENGTH].astype(np.int64)
            longer = (length & MARK) | (np.minimum(length & RUN_LIMIT, RUN_LIMIT - 1) + 1)
            goes_on = (entries[entry, RUN_BYTE] == came) | (length == 0)
            entries[entry, RUN_LENGTH] = np.where(goes_on, longer, MARK | 1)
            entries[entry, RUN_BYTE] = came


def _first_probabilities() -> tuple[np.ndarray, np.ndarray]:
    """What a context expects before any experience, (CELLS,) int64 each, in 2^-22.

    By history, the probability of a 1; by a run's length, mark and bit, that it is right.
    """
    of_history = np.full(CELLS, ONE // 2 + 1)
    of_history[: len(HISTORIES)] = FIRST << 6
    run = np.arange(CELLS) // 8
    doubt = ONE // (6 * (run % RUN_LENGTHS) + 2)
    doubt = np.where(run < RUN_LENGTHS, doubt, doubt + doubt // 2)
    return of_history, ONE - np.minimum(doubt, ONE // 2)
