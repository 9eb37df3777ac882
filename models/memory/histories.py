"""Bit histories: what a context has seen at one node of a byte, told by one byte.

A history is how many zeros and ones came, up to bounds that fall with the rarer count, and, where
there is room, which came last. The idea is that of PAQ6 (M. Mahoney, "Adaptive Weighing of Context
Models for Lossless Data Compression", 2005, section 3); the table is this format's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BOUNDS = (20, 48, 15, 8, 6, 5)
"""The greatest count of the more frequent bit, by the count of the rarer one."""
LAST_UP_TO = 17
"""Up to this many bits a history of both tells which came last."""
UNTOLD = 2
"""Stands for the last bit where it is not told."""


class History(NamedTuple):
    """How often a 0 and a 1 came, and the last bit or UNTOLD."""

    zeros: int
    ones: int
    last: int


def fits(counts: tuple[int, int]) -> bool:
    """Whether counts of zeros and ones are within the bounds."""
    return min(counts) < len(BOUNDS) and max(counts) <= BOUNDS[min(counts)]


def history(counts: tuple[int, int], last: int) -> History:
    """The history with these counts after the bit ``last``, which it tells where there is room."""
    told = min(counts) > 0 and sum(counts) <= LAST_UP_TO
    return History(*counts, last if told else UNTOLD)


def follow(before: History, bit: int) -> History:
    """The history after one more bit."""
    of_bit, of_other = (before.ones, before.zeros) if bit else (before.zeros, before.ones)
    of_bit += 1
    # Much of what speaks against the bit is forgotten: data change.
    of_other = min(of_other, 5 if of_other <= 6 else 6 if of_other == 7 else 7)
    while not fits((of_bit, of_other)):
        # What speaks against the bit goes first, so that no history is one that nothing changes.
        if of_other > 1:
            of_other -= 1
        else:
            of_bit -= 1
    return history((of_other, of_bit) if bit else (of_bit, of_other), bit)


def enumerate_histories() -> list[History]:
    """All histories in the order of their numbers: by total, then ones, then last bit."""
    most = max(BOUNDS) + 1
    counts = [(total - ones, ones) for total in range(most + 1) for ones in range(total + 1)]
    # As keys of a dictionary, since both last bits give the same history where it is not told.
    return list(dict.fromkeys(history(c, last) for c in counts if fits(c) for last in (0, 1)))


def first_probability(of: History) -> int:
    """The probability of a 1 that a history stands for before any experience, in 2^-16."""
    total = of.zeros + of.ones
    if total == 0:
        return 1 << 15
    if of.ones == 0:
        return (1 << 16) // (3 * total + 3)
    if of.zeros == 0:
        return (1 << 16) - (1 << 16) // (3 * total + 3)
    return (5 * of.ones + 2) * (1 << 16) // (5 * total + 4)


HISTORIES = enumerate_histories()
"""At most 256; number 0 is that of nothing."""
_NUMBER = {history: number for number, history in enumerate(HISTORIES)}
NEXT = np.array([[_NUMBER[follow(h, bit)] for bit in (0, 1)] for h in HISTORIES], np.uint8)
"""The number of the history after each history and bit, (histories, 2)."""
FIRST = np.array([first_probability(h) for h in HISTORIES])
"""By history: the probability of a 1 before any experience, in 2^-16."""
TOTAL = np.array([h.zeros + h.ones for h in HISTORIES], np.uint8)
"""By history: the bits that it tells of."""
