"""The contexts: hashes of what a lane has read."""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np

from models.integer.ngram import HASH_LOW
from models.memory.readers import Readers, hashed, last_bytes

SHAPE, TOPS = 0xF8F8_F8F8_F8F8, 0xE0E0_E0E0_E0E0
"""The bits of the last six bytes that tell their shape, and fewer of them."""
HALVES = 0xF0F0_F0F0
"""Those of the upper halves of the last four."""


class Kind(enum.Enum):
    """What a context is made of; "last" is the last byte."""

    ORDER = "as many last bytes as its number, up to eight"
    WORD = "the word and last"
    PAIR = "the word, the word before, last"
    SKIP = "the word, the word before the one before, last"
    TRIPLE = "the word and the two before"
    SPARSE = "of the last four bytes those whose bits are set in its number: bit 0 is the last"
    INDENT = "word, indentation and first byte of the line, last"
    SPECIALS = "word, the last two special bytes, last"
    FORMAT = "classes of the last bytes, last"
    FIELD = "field of the line, byte above, last"
    ABOVE = "the bytes above in the two lines before, last"
    ABOVE_WORD = "word, the byte above and its right neighbour"
    RECORD = "the byte above in a record, last"
    RECORD_PAIR = "the byte above in a record, the last two"
    INDIRECT = "what followed the last byte the last two times, last"
    INDIRECT_PAIR = "what followed the last two bytes the last two times, the last two"
    NEST = "four open brackets and quotes, last"
    NEST_WORD = "four open brackets and quotes, word, last"
    COLUMN = "the column, last"
    COLUMN_ABOVE = "the column and the byte above"
    SHAPE = "the upper five bits of each of the last six bytes"
    SPECIALS_FORMAT = "the last two special bytes, classes of the last bytes, last"
    FIELD_TRIPLE = "field of the line, the last three bytes"
    PLACE = "the record's length, the place in it"
    TREND = "what the byte above in a record is if it goes on as from the one above that"
    THREE_ABOVE = "the record's length, the three bytes above in records"
    SIXTEENTH = "the place modulo 16, last"
    HALVES = "the upper halves of the last four bytes"
    EVEN = "the second, fourth and sixth last bytes"
    FAR = "the fourth and the eighth last byte"
    PAIR_FOLLOWED = "what followed the last two bytes the last two times, last"
    FOLLOWED = "what followed as many last bytes as its number the last two times"
    NOTHING = "nothing"
    TOPS = "the upper three bits of each of the last six bytes"
    LETTERS = "the last five letters, and whether anything came since"
    LETTERS_THEN = "the last three letters, and what came since"
    SIDE = "the last four bytes of this side of brackets"
    OTHER_SIDE = "the last three bytes of the other side, and what came of this one since"
    CHARACTERS = "as many last characters of strings as its number, and what came since"
    STRING_WORD = "the word in strings, and what came since its last character"
    STRING_PAIR = "the same, and the word before"
    OUTSIDE = "the last six bytes outside brackets"
    LAG = "the byte at the best lag or, with number 1, the second best; how little they differ"
    LAG_TREND = "what the byte at the best lag is if it differs as the last but one did"
    LAG_PLACE = "the byte at the best lag, the place in the record, last"
    LAG_ROW = "the byte at the best lag and the two before it, the last two"
    LAG_CORNER = "the record's length, the bytes at the best lag and above, the one before, last"
    PERIOD_TREND = "what the byte a period before is if it goes on as from two periods before"
    FOUR_PERIODS = "the bytes at the period's first four multiples"
    FOUR_ABOVE = "the record's length, the four bytes above in records"
    CORNER = "the record's length, two bytes above in records, the one before these, last"


STRINGS = frozenset({Kind.CHARACTERS, Kind.STRING_WORD, Kind.STRING_PAIR})
"""Those for which a reader follows strings."""
LOOK_FAR = STRINGS | {
    *(Kind.LETTERS, Kind.LETTERS_THEN, Kind.SIDE, Kind.OTHER_SIDE, Kind.OUTSIDE),
}
"""Those for which it follows letters and sides."""
LAGS = frozenset(
    {
        *(Kind.LAG, Kind.LAG_TREND, Kind.LAG_PLACE, Kind.LAG_ROW, Kind.LAG_CORNER),
        *(Kind.PERIOD_TREND, Kind.FOUR_PERIODS),
    }
)
"""Those for which it follows lags."""


class Context(NamedTuple):
    """One context of a design."""

    kind: Kind
    number: int = 0
    own: bool = False
    """Whether each lane has the context for itself; otherwise all lanes share it."""


def hashes(contexts: tuple[Context, ...], readers: Readers) -> np.ndarray:
    """The hashes of contexts for the next byte of each lane, (contexts, lanes) uint32."""
    last, pair = readers.last.astype(np.uint32), readers.pair.astype(np.uint32)
    pairs = [_numbers(context, readers, last, pair) for context in contexts]
    of_all = hashed(np.stack([a for a, _ in pairs]), np.stack([b for _, b in pairs]))
    own = [context.own for context in contexts]
    lane = np.arange(1, readers.starts.size + 1).astype(np.uint32)
    of_all[own] = (of_all[own] ^ lane * np.uint32(HASH_LOW)) * np.uint32(HASH_LOW)
    return of_all


def _masked(readers: Readers, mask: int, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """The two numbers of some bits of the last bytes, (lanes,) uint32 each."""
    kept = readers.recent & np.uint64(mask)
    return kept.astype(np.uint32), (kept >> np.uint64(32)).astype(np.uint32) ^ np.uint32(kind)


def _of_records(readers: Readers, kind: int) -> np.ndarray:
    """The second number of a context of records of their length, uint32."""
    return readers.record.astype(np.uint32) << 8 ^ np.uint32(kind)


def _numbers(
    context: Context, readers: Readers, last: np.ndarray, pair: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The two numbers that a context's hash is made of, (lanes,) uint32 each.

    The second one tells the kinds apart. ``last`` is the last byte, ``pair`` the last two.
    """
    word, words = readers.word, readers.words
    match context.kind:
        case Kind.ORDER:
            return last_bytes(context.number, readers.recent)
        case Kind.WORD:
            return np.where(word == 0, pair, word), last ^ 0x100
        case Kind.PAIR:
            return hashed(word, words[0]), last ^ 0x200
        case Kind.SKIP:
            return hashed(word, words[1]), last ^ 0x300
        case Kind.TRIPLE:
            return hashed(word, words[0]), words[1] ^ 0x400
        case Kind.SPARSE:
            kept = readers.recent & sum(
                0xFF << 8 * at for at in range(4) if context.number >> at & 1
            )
            return kept.astype(np.uint32), np.full_like(last, context.number << 16 ^ 0x500)
        case Kind.INDENT:
            return hashed(word, readers.indent << 8 | readers.first), last ^ 0x600
        case Kind.SPECIALS:
            return hashed(word, readers.specials), last ^ 0x700
        case Kind.FORMAT:
            return readers.format, last ^ 0x800
        case Kind.FIELD:
            return readers.fields << 8 | readers.above(1), last ^ 0x900
        case Kind.ABOVE:
            return readers.above(1) << 8 | readers.above(2), last ^ 0xA00
        case Kind.ABOVE_WORD:
            above = readers.above(1) << 8 | readers.above(1, right=1)
            return hashed(word, above), np.full_like(last, 0xB00)
        case Kind.RECORD:
            return readers.in_record() << 8 | last, _of_records(readers, 0xC0)
        case Kind.RECORD_PAIR:
            return readers.in_record() << 16 | pair, _of_records(readers, 0xC2)
        case Kind.INDIRECT:
            return readers.followed | last << 16, np.full_like(last, 0xD00)
        case Kind.INDIRECT_PAIR:
            return readers.pair_followed | pair << 16, np.full_like(last, 0xE00)
        case Kind.NEST:
            return readers.nest.astype(np.uint32), last ^ 0xF00
        case Kind.NEST_WORD:
            return hashed(readers.nest.astype(np.uint32), word), last ^ 0x1000
        case Kind.COLUMN:
            return readers.column(), last ^ 0x1100
        case Kind.COLUMN_ABOVE:
            return readers.column() | readers.above(1) << 8, np.full_like(last, 0x1200)
        case Kind.SHAPE:
            return _masked(readers, SHAPE, 0x130000)
        case Kind.SPECIALS_FORMAT:
            return hashed(readers.specials, readers.format), last ^ 0x1400
        case Kind.FIELD_TRIPLE:
            return (readers.recent & 0xFFFFFF).astype(np.uint32), readers.fields ^ 0x1500
        case Kind.PLACE:
            return readers.place(), _of_records(readers, 0xC4)
        case Kind.TREND:
            trend = 2 * readers.in_record() - readers.in_record(2)
            return trend & 0xFF, np.full_like(last, 0x1600)
        case Kind.THREE_ABOVE:
            three = readers.in_record() | readers.in_record(2) << 8 | readers.in_record(3) << 16
            return three, _of_records(readers, 0xC6)
        case Kind.SIXTEENTH:
            return np.uint32(readers.length % 16 << 8) | last, np.full_like(last, 0x1700)
        case Kind.HALVES:
            return _masked(readers, HALVES, 0x1800)
        case Kind.EVEN:
            three = readers.nth(2) | readers.nth(4) << 8 | readers.nth(6) << 16
            return three, np.full_like(last, 0x1A00)
        case Kind.FAR:
            return readers.nth(4) | readers.nth(8) << 8, np.full_like(last, 0x1B00)
        case Kind.PAIR_FOLLOWED:
            return readers.pair_followed | last << 16, np.full_like(last, 0x1C00)
        case Kind.FOLLOWED:
            followed = readers.hash_followed(context.number).astype(np.uint32)
            return followed, np.full_like(last, 0x1900 + context.number)
        case Kind.NOTHING:
            return np.zeros_like(last), np.full_like(last, 0x1D00)
        case Kind.TOPS:
            return _masked(readers, TOPS, 0x1E0000)
        case Kind.LETTERS:
            return hashed(*last_bytes(5, readers.letters)), (readers.then != 0) ^ np.uint32(0x1F00)
        case Kind.LETTERS_THEN:
            letters = hashed(*last_bytes(3, readers.letters))
            return hashed(letters, readers.then), np.full_like(last, 0x2000)
        case Kind.SIDE:
            return hashed(*last_bytes(4, readers.side(other=False))), readers.within ^ 0x2100
        case Kind.OTHER_SIDE:
            other = hashed(*last_bytes(3, readers.side(other=True)))
            return hashed(other, readers.part), readers.within ^ 0x2200
        case Kind.CHARACTERS:
            characters = hashed(*last_bytes(context.number, readers.strings.last))
            of_number = 0x2800 + 16 * context.number
            return hashed(characters, readers.strings.then), readers.within ^ of_number
        case Kind.STRING_WORD:
            return hashed(readers.strings.word, readers.strings.then), readers.within ^ 0x2900
        case Kind.STRING_PAIR:
            word = hashed(readers.strings.word, readers.strings.then)
            return hashed(word, readers.strings.before), readers.within ^ 0x2A00
        case Kind.OUTSIDE:
            return hashed(*last_bytes(6, readers.outside())), readers.within ^ 0x2B00
        case Kind.LAG:
            at_lag = readers.before(readers.lags.best[context.number])
            kind = np.full_like(last, 0x2300 + context.number)
            return at_lag | readers.lags.score << 8, kind
        case Kind.LAG_TREND:
            lag = readers.lags.best[0]
            trend = readers.nth(2) + readers.before(lag) - readers.before(lag + 2)
            return trend & 0xFF, np.full_like(last, 0x2400)
        case Kind.LAG_PLACE:
            at_lag = readers.before(readers.lags.best[0]) | last << 8
            return hashed(at_lag, readers.place()), np.full_like(last, 0x2500)
        case Kind.LAG_ROW:
            lag = readers.lags.best[0]
            row = readers.before(lag) | readers.before(lag + 1) << 8 | readers.before(lag + 2) << 16
            return hashed(row | last << 24, readers.nth(2)), np.full_like(last, 0x2C00)
        case Kind.LAG_CORNER:
            near = readers.before(readers.lags.best[0]) | readers.in_record() << 8
            corner = readers.before(readers.record + 1)
            return near | last << 16 | corner << 24, _of_records(readers, 0xCC)
        case Kind.PERIOD_TREND:
            period = readers.lags.period
            trend = 2 * readers.before(period) - readers.before(2 * period)
            return trend & 0xFF, np.full_like(last, 0x2600)
        case Kind.FOUR_PERIODS:
            return _four(readers, readers.lags.period), np.full_like(last, 0x2700)
        case Kind.FOUR_ABOVE:
            return _four(readers, readers.record), _of_records(readers, 0xC8)
        case Kind.CORNER:
            above = readers.in_record() | readers.in_record(2) << 8
            corner = readers.before(readers.record + 1)
            return above | last << 16 | corner << 24, _of_records(readers, 0xCA)


def _four(readers: Readers, distance: np.ndarray) -> np.ndarray:
    """The bytes at the first four multiples of a distance (lanes,), the nearest lowest, uint32."""
    of = [readers.before(times * distance) << 8 * (times - 1) for times in (1, 2, 3, 4)]
    return of[0] | of[1] | of[2] | of[3]
