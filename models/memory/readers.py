"""What each lane has read, and all that contexts and mixer rows take from it.

Text comes in lines and words, records and columns, brackets and quotes; a reader follows all of
them at once, as no file says which it has. Every attribute is an array over lanes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from models.integer.ngram import HASH_HIGH, HASH_LOW
from models.memory.lags import LONGEST, Lags
from models.memory.strings import Strings, spelt

FIRST_RECORD = 4
"""The record length before one was seen to repeat, in bytes."""
REPEATS = 15
"""A distance that has repeated more often than this is taken for the record length."""
MOST = 255
"""Indentation, fields and columns are counted up to this."""
OPEN, CLOSE, QUOTES = b"([{<", b")]}>", b"\"'`"
BROKEN_BY_LINES = b"\"'`<"
"""What an end of line closes."""
QUOTE_DEPTH, DEPTH = 3, 8
"""A quote is looked for among so many innermost open ones, a bracket among all that are told."""
FOLLOWED = 3, 5
"""So many last bytes of which it is known what followed, beside one and two."""
FOLLOWED_BITS = 20
"""Of each of these so many hashes are told apart, as powers of two."""
SEPARATORS = b',\t;:|"'
LEFT, RIGHT = b"(<", b")>"
"""What begins and ends what lies within, whatever the depth."""
LONG_WORD = 31
"""Letters of longer words are counted no further."""


def _is_in(these: bytes) -> np.ndarray:
    """Which of the 256 bytes are among these, bool."""
    return np.isin(np.arange(256), np.frombuffer(these, np.uint8))


LOWER, UPPER = bytes(range(97, 123)), bytes(range(65, 91))
DIGITS = b"0123456789"
HIGH = bytes(range(128, 256))
CLASSES = np.select(
    [_is_in(of) for of in (LOWER, UPPER, DIGITS, b" ", b"\n\r", b"\0", bytes(range(32)), HIGH)]
    + [_is_in(b".,;:!?")],
    range(9),
    9,
)
"""Ten classes of bytes: small and great letters, digits, space, ends of line, zero, other control
characters, the upper half, marks of a sentence, and all others."""
COARSE = np.array([0, 0, 1, 2, 2, 3, 3, 3, 3, 3])
"""By class, the kind that is told of the byte before the last one."""
IN_WORDS = _is_in(LOWER + UPPER + HIGH)
SPECIAL = ~_is_in(LOWER + UPPER + DIGITS + b" " + HIGH)
ALIKE = np.isin(CLASSES, (0, 1, 2, 7))
"""Letters and digits that follow their like count as one in the format."""
IS_SEPARATOR = _is_in(SEPARATORS)
CLOSED_BY = np.zeros(256, np.uint64)
"""By byte, what it closes, or 0."""
CLOSED_BY[list(CLOSE + QUOTES)] = list(OPEN + QUOTES)
IS_LEFT, IS_RIGHT = _is_in(LEFT), _is_in(RIGHT)
IS_OPEN, IS_QUOTE, IS_BROKEN = _is_in(OPEN), _is_in(QUOTES), _is_in(BROKEN_BY_LINES)


def hashed(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    """The hash of two numbers, uint32; all arithmetic is modulo 2^32."""
    g = a * np.uint32(HASH_LOW) + np.asarray(b).astype(np.uint32) * np.uint32(HASH_HIGH)
    return (g ^ (g >> 15)) * np.uint32(HASH_LOW)


def last_bytes(number: int, recent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two numbers that the hash of so many last bytes is made of, uint32 each.

    ``recent`` are eight last bytes, the last one lowest, uint64.
    """
    kept = recent & np.uint64((1 << 8 * number) - 1)
    return kept.astype(np.uint32), (kept >> np.uint64(32)).astype(np.uint32) ^ np.uint32(
        number << 24
    )


class Readers:
    """All lanes of a block, which have read equally many bytes each."""

    def __init__(
        self,
        text: np.ndarray,
        starts: np.ndarray,
        followed: Iterable[int] = FOLLOWED,
        sides: bool = True,
        strings: bool = False,
        lags: bool = False,
    ) -> None:
        """Takes the block, (length,) uint8, and where in it each lane begins, (lanes,) int64.

        Of the block only what was read is looked at. ``followed`` are those of FOLLOWED that are
        asked for, and ``sides`` says whether letters and sides of brackets are, ``strings``, which
        go by sides, and ``lags`` whether those are; beside lags records are told more strictly.
        """
        lanes = starts.size
        self.text = text
        self.starts = starts
        self.length = 0
        """How many bytes each lane has read."""
        self.recent: np.ndarray = np.zeros(lanes, np.uint64)
        """The last eight bytes, the last one lowest."""
        self.pair = np.zeros(lanes, np.int64)
        """The last two bytes, the last one lowest."""
        self.last = np.zeros(lanes, np.int64)
        self.word = np.zeros(lanes, np.uint32)
        """The hash of the word that is being read, 0 if none is."""
        self.words = np.zeros((2, lanes), np.uint32)
        """The hashes of the words before, the later one first."""
        self.lines = np.zeros((3, lanes), np.int64)
        """Where this line begins within the lane, and the two before."""
        self.blank = np.ones(lanes, bool)
        """Whether the line has had nothing but spaces and tabs."""
        self.indent = np.zeros(lanes, np.uint32)
        """With how many of these it begins."""
        self.first = np.zeros(lanes, np.uint32)
        """The line's first byte that is neither, 0 before it came."""
        self.fields = np.zeros(lanes, np.uint32)
        """Separators in the line."""
        self.specials = np.zeros(lanes, np.uint32)
        """The last two special bytes: no letters, digits, spaces; the last one lowest."""
        self.format = np.zeros(lanes, np.uint32)
        """The last four classes, plus one, in 4 bits each; the last one lowest."""
        self.nest: np.ndarray = np.zeros(lanes, np.uint64)
        """Eight open brackets and quotes, the innermost lowest."""
        self.record = np.full(lanes, FIRST_RECORD, np.int64)
        """The record length in bytes."""
        self._seen = np.zeros((lanes, 256, 3), np.int64)
        """By byte: how many bytes were read when it came the last three times, itself included."""
        self._distances = np.zeros((2, lanes), np.int64)
        self._repeats = np.zeros((2, lanes), np.int64)
        """Two candidates for the record length, and how often they repeated."""
        self._followed = np.zeros((lanes, 1 << 8), np.uint16)
        self._pair_followed = np.zeros((lanes, 1 << 16), np.uint16)
        """By the last byte, and by the last two: the last two bytes that followed."""
        self._hash_followed: dict[int, np.ndarray] = {}
        """By how many, and their hash: the last two bytes that followed as many last ones."""
        for order in followed:
            self._hash_followed[order] = np.zeros((lanes, 1 << FOLLOWED_BITS), np.uint16)
        self._follows_sides = sides
        self.within = np.zeros(lanes, np.uint32)
        """1 where the last bracket of LEFT and RIGHT was a left one."""
        self._kept = np.zeros((2, lanes), np.uint64)
        """The last eight bytes outside and within, these brackets left out; the last one lowest."""
        self.part = np.zeros(lanes, np.uint32)
        """The last four bytes since such a bracket."""
        self.letters: np.ndarray = np.zeros(lanes, np.uint64)
        """The last eight letters, the last one lowest."""
        self.then = np.zeros(lanes, np.uint32)
        """The last four bytes since a letter."""
        self.reading = np.zeros(lanes, np.int64)
        """Letters of the word that is being read."""
        self._strings = Strings(lanes) if strings else None
        self._lags = Lags(lanes) if lags else None
        self._lane = np.arange(lanes)

    @property
    def next(self) -> np.ndarray:
        """Where in the block the next byte of each lane lies, int64."""
        return self.starts + self.length

    @property
    def followed(self) -> np.ndarray:
        """The two bytes that followed the last byte the last two times, uint16."""
        return self._followed[self._lane, self.last]

    @property
    def pair_followed(self) -> np.ndarray:
        """The two bytes that followed the last two bytes the last two times, uint16."""
        return self._pair_followed[self._lane, self.pair]

    def hash_followed(self, order: int) -> np.ndarray:
        """The two bytes that followed as many last bytes as FOLLOWED has it, uint16."""
        return self._hash_followed[order][self._lane, self._followed_at(order)]

    def _followed_at(self, order: int) -> np.ndarray:
        return hashed(*last_bytes(order, self.recent)) >> (32 - FOLLOWED_BITS)

    @property
    def strings(self) -> Strings:
        """What strings say, where that is asked for."""
        assert self._strings is not None
        return self._strings

    @property
    def lags(self) -> Lags:
        """How much bytes differ at each lag, where that is asked for."""
        assert self._lags is not None
        return self._lags

    def side(self, other: bool) -> np.ndarray:
        """The last eight bytes of this side of brackets, or of the other one, uint64."""
        return self._kept[self.within ^ other, self._lane]

    def outside(self) -> np.ndarray:
        """The last eight bytes outside brackets, uint64."""
        return self._kept[0]

    def nth(self, back: int) -> np.ndarray:
        """The last byte (1), the one before it (2), and so on to the eighth, or 0, uint32."""
        return (self.recent >> np.uint64(8 * (back - 1)) & np.uint64(255)).astype(np.uint32)

    def place(self) -> np.ndarray:
        """The next byte's place in its record, uint32."""
        return (self.length % self.record).astype(np.uint32)

    def classes(self) -> np.ndarray:
        """The classes of the last two bytes as a number below 40, int64."""
        return CLASSES[self.last] * 4 + COARSE[CLASSES[self.pair >> 8]]

    def above(self, lines: int, right: int = 0) -> np.ndarray:
        """The byte that stands so many lines above the one ``right`` of the next, uint32.

        It is 0 where that line is too short.
        """
        place = self.lines[lines] + (self.length + right - self.lines[0])
        there = place < self.lines[lines - 1]
        return self.text[self.starts + np.where(there, place, 0)] * there.astype(np.uint32)

    def column(self) -> np.ndarray:
        """The next byte's number in its line, up to 255, uint32."""
        return np.minimum(self.length - self.lines[0], MOST).astype(np.uint32)

    def in_record(self, records: int = 1) -> np.ndarray:
        """The byte so many records before the next one, or 0 where there is none, uint32."""
        return self.before(records * self.record)

    def before(self, distance: np.ndarray) -> np.ndarray:
        """The byte so many before the next one, or 0 where there is none, uint32."""
        place = self.length - distance
        there = place >= 0
        return self.text[self.starts + np.where(there, place, 0)] * there.astype(np.uint32)

    def take(self, byte: np.ndarray) -> None:
        """Moves every lane on by the byte that came, (lanes,) int64; it stands in the text."""
        short = byte.astype(np.uint16)
        self._followed[self._lane, self.last] = self.followed << 8 | short
        self._pair_followed[self._lane, self.pair] = self.pair_followed << 8 | short
        for order, followed in self._hash_followed.items():
            at = self._lane, self._followed_at(order)
            followed[at] = followed[at] << 8 | short
        self.length += 1
        self.recent = self.recent << 8 | byte.astype(np.uint64)
        self.pair = (self.last << 8) | byte
        self.last = byte
        self._take_word(byte)
        self._take_line(byte)
        self._take_nest(byte)
        self._take_record(byte)
        if self._follows_sides:
            self._take_sides(byte)
        if self._strings:
            self._strings.take(byte, self.within, IN_WORDS[byte])
        if self._lags:
            recent = np.arange(max(self.length - LONGEST - 1, 0), self.length)
            self._lags.take(self.text[self.starts[:, np.newaxis] + recent], self.length)

    def _take_word(self, byte: np.ndarray) -> None:
        """Letters of both cases are the same in words."""
        small = byte.astype(np.uint32)
        within = IN_WORDS[byte]
        ends = ~within & (self.word != 0)
        self.words = np.where(ends, [self.word, self.words[0]], self.words)
        self.word = np.where(within, spelt(self.word, small | 32), np.uint32(0))
        kind = CLASSES[byte].astype(np.uint32) + 1
        new = (self.format & 15 != kind) | ~ALIKE[byte]
        self.format = np.where(new, (self.format << 4 | kind) & 0xFFFF, self.format)
        specials = (self.specials << 8 | small) & 0xFFFF
        self.specials = np.where(SPECIAL[byte], specials, self.specials)

    def _take_line(self, byte: np.ndarray) -> None:
        ends = byte == ord("\n")
        indents = self.blank & ((byte == ord(" ")) | (byte == ord("\t")))
        begins = self.blank & ~indents
        self.indent = np.minimum(self.indent + indents, MOST)
        self.first = np.where(begins, byte, self.first).astype(np.uint32)
        self.fields = np.minimum(self.fields + IS_SEPARATOR[byte], MOST)
        for of_line in (self.indent, self.first, self.fields):
            of_line[ends] = 0
        self.blank = ends | indents
        here = np.full_like(byte, self.length)
        self.lines = np.where(ends, [here, self.lines[0], self.lines[1]], self.lines)

    def _take_nest(self, byte: np.ndarray) -> None:
        """Closes down to what the byte closes, where that is open; else a quote opens one."""
        closes, quotes = CLOSED_BY[byte], IS_QUOTE[byte]
        depth = np.zeros_like(byte)
        for at in reversed(range(DEPTH)):
            open_there = (self.nest >> (8 * at)) & 0xFF == closes
            looked_at = np.where(quotes, at < QUOTE_DEPTH, closes > 0)
            depth[open_there & looked_at] = at + 1
        opens = IS_OPEN[byte] | (quotes & (depth == 0))
        self.nest = np.where(opens, self.nest << 8 | byte.astype(np.uint64), self.nest)
        self._close(depth)
        ends = byte == ord("\n")
        for _ in range(DEPTH if ends.any() else 0):
            self._close((ends & IS_BROKEN[self.nest & 0xFF]).astype(np.int64))

    def _close(self, depth: np.ndarray) -> None:
        """Takes off as many of the innermost open ones, 0 to 8."""
        # In two halves: shifts by 64 bits are not defined.
        half = (4 * depth).astype(np.uint64)
        self.nest = self.nest >> half >> half

    def _take_sides(self, byte: np.ndarray) -> None:
        """What lies within brackets and what without go on by themselves, and so do letters."""
        long, short = byte.astype(np.uint64), byte.astype(np.uint32)
        bracket = IS_LEFT[byte] | IS_RIGHT[byte]
        self.within = np.where(bracket, IS_LEFT[byte], self.within).astype(np.uint32)
        kept = self._kept[self.within, self._lane]
        self._kept[self.within, self._lane] = np.where(bracket, kept, kept << 8 | long)
        self.part = np.where(bracket, np.uint32(0), self.part << 8 | short)
        letter = IN_WORDS[byte]
        self.letters = np.where(letter, self.letters << 8 | long, self.letters)
        self.then = np.where(letter, np.uint32(0), self.then << 8 | short)
        self.reading = np.where(letter, np.minimum(self.reading + 1, LONG_WORD), 0)

    def _take_record(self, byte: np.ndarray) -> None:
        """Where the same byte came at the same distance three times, that may be a length."""
        one, two, three = self._seen[self._lane, byte].T
        distance = self.length - one
        repeats = (
            (distance >= 2) & (three > 0) & (distance == one - two) & (one - two == two - three)
        )
        self._seen[self._lane, byte] = np.stack([np.full_like(one, self.length), one, two], 1)
        if self._lags:
            repeats &= self._lags.comes_evenly(byte, distance)
        at = np.flatnonzero(repeats)
        if at.size:
            self._note_distance(at, distance[at])

    def _note_distance(self, at: np.ndarray, distance: np.ndarray) -> None:
        """Counts a repeated distance (n,) in the lanes ``at``; a new one replaces the rarer."""
        (a, b), (of_a, of_b) = self._distances[:, at], self._repeats[:, at]
        is_a, is_b = distance == a, (distance == b) & (distance != a)
        new = ~is_a & ~is_b
        new_b = new & (of_a > of_b)
        new_a = new & ~new_b
        self._distances[:, at] = np.where(new_a, distance, a), np.where(new_b, distance, b)
        self._repeats[:, at] = np.where(new_a, 1, of_a + is_a), np.where(new_b, 1, of_b + is_b)
        for candidate in (0, 1):
            length, times = self._distances[candidate, at], self._repeats[candidate, at]
            found = at[(times > REPEATS) & (length != self.record[at])]
            self.record[found] = self._distances[candidate, found]
            self._repeats[:, found] = 0
