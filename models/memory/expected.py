"""Expected bytes: how far to believe sources that each name one byte a lane as the next.

A match names the byte that followed a repetition, a run the byte that followed a context last. What
sets one such guess apart from another (length of the repetition, length of the run) is its *cell*.
For every source, cell and position of the bit in its byte, a *hit probability* says how often the
expected bit came, and a mixer weight how much that counts; both are learned while coding. The PAQ
family maps lengths of runs and matches to probabilities in this way (Mahoney 2005, sections 3.2 and
3.3). ``coding/FORMAT.md``, section 2.6.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from models.integer.fixed_point import clip
from models.memory.logistic import STRETCH

CELLS = 32
"""Cells of one source."""
BIT_POSITIONS = 8
NONE = -1
"""Stands for no expected byte."""
WEIGHT_LIMIT = 1 << 22
"""Mixer weights stay within plus and minus this; they are in 2^-20."""
HIT_LIMIT = (1 << 22) - 1
"""The greatest hit probability, in 2^-22."""
HIT_RATE_SHIFT = 10
"""A hit probability moves by 2^-10 of its error for each lane; more than 1,024 lanes could carry it
beyond its bounds."""
SEEN_BITS = 12
"""Two counts share one float: those of hits lie above this many bits, those of guesses below."""
_SHIFTS = np.arange(7, -1, -1)[:, None, None]


class Update(NamedTuple):
    """One bit as the sources learn from it; arrays are (sources, active)."""

    cell: np.ndarray
    """Index of the hit probability and weight, int64."""
    seen: np.ndarray
    """1 where the source still agreed before this bit, and 2^SEEN_BITS more for a hit; float64."""
    slope: np.ndarray
    """Error of the mixture, signed by the expected bit; float64."""


@dataclasses.dataclass
class Guesses:
    """What every source expects in every lane, and how the bits so far agreed with it."""

    bits: np.ndarray
    """(8, sources, active): the bits of the expected bytes, most significant first."""
    signs: np.ndarray
    """The same as +1 and -1, float64."""
    cell: np.ndarray
    """(sources, active): index of source and cell at the first bit."""
    agrees: np.ndarray
    """(sources, active) float64: 1 where the known bits are those of an expected byte, else 0."""
    updates: list[Update] = dataclasses.field(default_factory=list)
    """Of the bits known so far."""


class Expected:
    """Hit probabilities and mixer weights for every position of a bit, source and cell.

    For every byte: ``lookup``, then eight times ``predict`` and ``update_bit``, then ``learn``.
    """

    def __init__(self, hit_probability: np.ndarray, weight: np.ndarray) -> None:
        """Takes what holds before any experience.

        ``hit_probability`` is (sources, CELLS) in 2^-22, ``weight`` (sources,) in 2^-20.
        """
        self.hit_probability = np.tile(hit_probability.ravel().astype(np.int64), BIT_POSITIONS)
        self.weight = np.tile(np.repeat(weight.astype(np.int64), CELLS), BIT_POSITIONS)
        self._cells = hit_probability.size
        self._first = np.arange(len(hit_probability))[:, None] * CELLS
        self._stretch, self._logit = self._derived()

    def _derived(self) -> tuple[np.ndarray, np.ndarray]:
        """Stretch of each hit probability, and its product with the weight, in 2^-22 bit.

        The products are below 2^28, so float64 holds every sum of them exactly.
        """
        stretch = STRETCH.take(self.hit_probability >> 10).astype(np.int64)
        return stretch, ((self.weight >> 6) * stretch).astype(np.float64)

    def lookup(self, byte: np.ndarray, cell: np.ndarray) -> Guesses:
        """Takes what each source expects, (sources, active): a byte or NONE, and its cell."""
        bits = (byte >> _SHIFTS) & 1
        signs = (2 * bits - 1).astype(np.float64)
        return Guesses(bits, signs, cell + self._first, (byte != NONE).astype(np.float64))

    def predict(self, guesses: Guesses) -> np.ndarray:
        """The logit of the next bit, summed over sources by their weights.

        Returns (active,) int64 in 2^-22 bit.
        """
        k = len(guesses.updates)
        logit = self._logit.take(guesses.cell + k * self._cells)
        sign = guesses.signs[k] * guesses.agrees
        return np.einsum("ij,ij->j", logit, sign).astype(np.int64)

    def update_bit(self, guesses: Guesses, bit: np.ndarray, error: np.ndarray) -> None:
        """Notes the bit that came, (active,) in {0, 1}, and the mixture's error in 2^-16."""
        k, agreed = len(guesses.updates), guesses.agrees
        guesses.agrees = agreed * (guesses.bits[k] == bit)
        seen = agreed + float(1 << SEEN_BITS) * guesses.agrees
        slope = error * (guesses.signs[k] * agreed)
        guesses.updates.append(Update(guesses.cell + k * self._cells, seen, slope))

    def learn(self, guesses: Guesses) -> None:
        """Learns all bits of a byte at once, from at most 1,024 lanes.

        Every sum here is exact, as ``tests/models/memory/test_expected.py`` proves.
        """
        cell, seen, slope = (
            np.stack(parts).ravel() for parts in zip(*guesses.updates, strict=True)
        )
        counts = np.bincount(cell, seen, self.hit_probability.size).astype(np.int64)
        hits, guessed = counts >> SEEN_BITS, counts & ((1 << SEEN_BITS) - 1)
        change = hits * HIT_LIMIT - guessed * self.hit_probability
        self.hit_probability += (change + (1 << (HIT_RATE_SHIFT - 1))) >> HIT_RATE_SHIFT
        slopes = np.bincount(cell, slope, self.weight.size).astype(np.int64) * self._stretch
        self.weight = clip(self.weight + ((slopes + (1 << 14)) >> 15), WEIGHT_LIMIT)
        self._stretch, self._logit = self._derived()
