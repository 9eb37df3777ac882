"""What chooses the rows of mixer weights: small contexts, one for each set of rows."""

from __future__ import annotations

import enum

import numpy as np

from models.integer.ngram import HASH_LOW
from models.memory.part import Said
from models.memory.readers import LONG_WORD, Readers

TWO_BITS = 12
"""Base-2 logarithm of the rows for hashes of two bytes."""
MOST_PLACE = 511
"""Later places in a record or period than this choose the same rows."""
MOST_FIELDS = 31
"""More fields than this choose the same rows."""
SHARES = 8
"""How many runs agree, and how many histories are known, is told in shares of the contexts."""


class Chooser(enum.Enum):
    """What chooses a row of a set."""

    NONE = "there is one row"
    NODE = "the bits known"
    LAST = "the last byte"
    MATCH = "length and bit of the first match, and how far the byte is known"
    CLASSES = "the classes of the last two bytes"
    KNOWN = "how many runs agree, and how many histories are known"
    PLACE = "the place in the record"
    FIELDS = "how many separators the line has"
    TWO = "a hash of the last two bytes"
    SIXTEENTH = "the place modulo 16"
    CLASSES_FOURTH = "the classes of the last two bytes, the place modulo 4"
    TOPS = "the upper three bits of each of the last three bytes"
    SECOND = "the byte before the last"
    THIRD = "the byte before that"
    READING = "how many letters of a word were read"
    BIT = "the bit"
    PERIOD = "the place in the period"

    @property
    def rows(self) -> int:
        """The rows that there are to choose from."""
        return {
            Chooser.NONE: 1,
            Chooser.NODE: 256,
            Chooser.LAST: 256,
            Chooser.MATCH: 32 * 3,
            Chooser.CLASSES: 40 * 8,
            Chooser.KNOWN: (SHARES + 1) * (SHARES + 1) * 8,
            Chooser.PLACE: (MOST_PLACE + 1) * 8,
            Chooser.FIELDS: (MOST_FIELDS + 1) * 8,
            Chooser.TWO: 1 << TWO_BITS,
            Chooser.SIXTEENTH: 16 * 8,
            Chooser.CLASSES_FOURTH: 40 * 4 * 8,
            Chooser.TOPS: 512 * 8,
            Chooser.SECOND: 256 * 8,
            Chooser.THIRD: 256 * 8,
            Chooser.READING: (LONG_WORD + 1) * 8,
            Chooser.BIT: 8,
            Chooser.PERIOD: (MOST_PLACE + 1) * 8,
        }[self]

    def of_byte(self, readers: Readers, active: int) -> np.ndarray | int:
        """What of the row is the same for all bits of a byte in the first lanes, (active,)."""
        match self:
            case Chooser.LAST:
                return readers.last[:active]
            case Chooser.CLASSES:
                return readers.classes()[:active] * 8
            case Chooser.PLACE:
                return np.minimum(readers.place()[:active], MOST_PLACE) * 8
            case Chooser.FIELDS:
                return np.minimum(readers.fields[:active], MOST_FIELDS) * 8
            case Chooser.TWO:
                hashes = readers.pair[:active].astype(np.uint32) * np.uint32(HASH_LOW)
                return hashes >> (32 - TWO_BITS)
            case Chooser.SIXTEENTH:
                return readers.length % 16 * 8
            case Chooser.CLASSES_FOURTH:
                return (readers.classes()[:active] * 4 + readers.length % 4) * 8
            case Chooser.TOPS:
                tops = [readers.nth(back)[:active].astype(np.int64) >> 5 for back in (1, 2, 3)]
                return (tops[0] << 6 | tops[1] << 3 | tops[2]) * 8
            case Chooser.SECOND | Chooser.THIRD:
                back = 2 if self == Chooser.SECOND else 3
                return readers.nth(back)[:active].astype(np.int64) * 8
            case Chooser.READING:
                return readers.reading[:active] * 8
            case Chooser.PERIOD:
                place = readers.length % readers.lags.period[:active]
                return np.minimum(place, MOST_PLACE) * 8
            case _:
                return 0

    def of_bit(
        self, k: int, node: np.ndarray, said: Said, expected: np.ndarray
    ) -> np.ndarray | int:
        """What is added to that for bit ``k`` of the active lanes, (active,) int64.

        ``node`` has the bits known, ``expected`` is the cell of ``matches.Expected``.
        """
        match self:
            case Chooser.NODE:
                return node
            case Chooser.MATCH:
                return expected * 3 + (k > 0) + (k > 3)
            case Chooser.KNOWN:
                known, runs = said.speaks.sum(axis=1) * SHARES // said.speaks.shape[1]
                return (runs * (SHARES + 1) + known) * 8 + k
            case Chooser.NONE | Chooser.LAST | Chooser.TWO:
                return 0
            case _:
                return k
