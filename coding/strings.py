"""Strings of pages of PDF, apart from what stands between them. ``FORMAT.md``, section 13.

A page says how far apart letters are, so that its text is cut to pieces. Joined, they are read as
text is, and what is left repeats itself sooner. ISO 32000-1, 7.3.4 and 9.4.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from coding.errors import Damaged
from coding.fields import Fields, varint

OCTAL, PLAIN, UPPER = 1, 2, 4
"""Of a form's flags: brackets and backslashes in parentheses have three octal digits, in the place
of a backslash before them; bytes of no ASCII letter stand for themselves, in the place of octal
digits; hexadecimal digits are A to F, in the place of a to f."""
FLAGS = OCTAL | PLAIN | UPPER
MOST_STRETCHES = 1 << 12
"""Stretches of a block at most, which bounds the heads that a decoder must hold."""

TO_SPACE, TO_LINE, NO_LETTERS, ESCAPE = 0x80, 0x81, 0x81, 0xFF
"""What stands for a string behind its bracket: that its text ends before the next space or line
feed, or how many letters it has, that many above NO_LETTERS. ESCAPE stands before any other byte
from TO_SPACE on."""
MOST_COUNTED = ESCAPE - 1 - NO_LETTERS
MOST_LETTERS = 1 << 14
"""Letters of a string at most, which bounds what a decoder must hold beside the parts."""
FAR = -180
"""Numbers between two strings below this one, in thousandths of the height of letters, are mostly
spaces, and others are not."""

_OF_ANOTHER_LENGTH = "a block of strings has another length than its head says: get the file anew"

_ROUND = rb"(?<!\\)\((?:[^()\\]|\\.)*+\)"
_OPERATOR = re.compile(
    rb"\[(?:%s|<[0-9A-Fa-f]*+>|[-+.\d\s]++)*+\]\s{0,9}TJ|(?:%s|<[0-9A-Fa-f]*+>)\s{0,9}Tj"
    % (_ROUND, _ROUND),
    re.DOTALL,
)
"""Operators that show strings. Nothing is read again and again where there is none: what is taken
is not given back, and no string begins with a bracket that was read as one of another."""
_STRING = re.compile(
    rb"(?:(?<!\\)\(((?:[^()\\]|\\[0-7]{3}|\\[()\\])*+)\)|<((?:00[0-9A-Fa-f]{2})++)>)"
    rb"(?=(?:\s{0,9}((?:[-+]?(?:\d{1,9}\.?\d{0,9}|\.\d{1,9}))?)\s{0,9}[(<])?)"
)
"""A string and, where another one follows in its array, the number between them."""
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_SPECIAL = re.compile(rb"[()\\]|[^ -~]")
_FROM_80 = re.compile(rb"[\x80-\xff]")
_TOLD = re.compile(rb"([(<])([\x80-\xfe])|\xff([\0-\xff])|[\x80-\xff]")


class Stretch(NamedTuple):
    """Where operators that show strings lie in a block, in bytes."""

    start: int
    size: int


class Form(NamedTuple):
    """How strings of a block are written."""

    flags: int
    shift: int
    """By how much a letter is above the number of its glyph, modulo 256."""


class Parts(NamedTuple):
    """The parts of a block, which follow each other: of three kinds, and coded best apart."""

    first: bytes
    """Heads, and what lies outside of the stretches."""
    skeletons: bytes
    """The stretches without what their strings say."""
    texts: bytes


def operators(block: bytes) -> Iterator[Stretch]:
    """The operators of a block that show strings, in order."""
    return (Stretch(found.start(), len(found.group())) for found in _OPERATOR.finditer(block))


def contents(block: bytes, shown: Stretch) -> Iterator[tuple[bytes | None, bytes | None]]:
    """What stands in parentheses, or in hexadecimal digits, in the strings of an operator."""
    for found in _STRING.finditer(block, shown.start, shown.start + shown.size):
        yield found[1], found[2]


def parts_of(block: bytes, stretches: Sequence[Stretch], form: Form) -> Parts:
    """The parts of a block whose strings in these stretches, in order and apart, are told apart.

    There is one stretch at least, and at most MOST_STRETCHES. Strings that are written in another
    form stay where they are.
    """
    first, outside = bytearray(varint(len(stretches))), bytearray()
    skeletons, texts = bytearray(), bytearray()
    at = 0
    for start, size in stretches:
        skeleton = _skeleton(block[start : start + size], form, texts)
        first += varint(start - at) + varint(len(skeleton))
        outside += block[at:start]
        skeletons += skeleton
        at = start + size
    first += varint(len(block) - at) + bytes(form)
    return Parts(bytes(first + outside + block[at:]), bytes(skeletons), bytes(texts))


def _skeleton(rows: bytes, form: Form, texts: bytearray) -> bytes:
    """A stretch without what its strings say, which the texts get."""
    skeleton, at = bytearray(), 0
    for start, size in operators(rows):
        for found in _STRING.finditer(rows, start, start + size):
            bracket = found.group()[:1]
            letters = _letters(found, form)
            told = _told(letters, found[3])
            if told is None or _written(bracket, letters, form) != found.group():
                continue
            skeleton += _escaped(rows[at : found.start() + 1])
            skeleton.append(told)
            texts += letters + {TO_SPACE: b" ", TO_LINE: b"\n"}.get(told, b"")
            at = found.end()
    return bytes(skeleton + _escaped(rows[at:]))


def _letters(found: re.Match[bytes], form: Form) -> bytes:
    if found[2] is not None:
        return bytes((glyph + form.shift) % 256 for glyph in bytes.fromhex(found[2].decode())[1::2])
    return _ESCAPED.sub(lambda code: _byte(code[1]), found[1])


def _byte(escaped: bytes) -> bytes:
    return bytes([int(escaped, 8) % 256]) if len(escaped) == 3 else escaped


def _told(letters: bytes, number: bytes | None) -> int | None:
    """What stands for a string in the skeleton, None where nothing can.

    One that goes on in the next string, the number between them being small, has nothing behind it
    in the text.
    """
    goes_on = number is not None and (not number or float(number) > FAR)
    if goes_on and 0 < len(letters) <= MOST_COUNTED:
        return NO_LETTERS + len(letters)
    if len(letters) > MOST_LETTERS:
        return None
    if b" " not in letters:
        return TO_SPACE
    return TO_LINE if b"\n" not in letters else None


def _escaped(rows: bytes) -> bytes:
    return _FROM_80.sub(b"\xff\\g<0>", rows)


def _written(bracket: bytes, letters: bytes, form: Form) -> bytes:
    """A string as its form writes it."""
    if bracket == b"<":
        glyphs = bytes(at for letter in letters for at in (0, (letter - form.shift) % 256))
        digits = glyphs.hex()
        return b"<%s>" % (digits.upper() if form.flags & UPPER else digits).encode()
    return b"(%s)" % _SPECIAL.sub(lambda found: _special(found[0], form), letters)


def _special(letter: bytes, form: Form) -> bytes:
    if letter in b"()\\":
        return b"\\%03o" % letter[0] if form.flags & OCTAL else b"\\" + letter
    return letter if form.flags & PLAIN else b"\\%03o" % letter[0]


class _Texts:
    """What strings say, one after the other, from a place in the parts to their end."""

    def __init__(self, parts: bytes, at: int) -> None:
        self._parts, self._at = parts, at

    @property
    def left(self) -> int:
        return len(self._parts) - self._at

    def take(self, told: int) -> bytes:
        """What the next string says. Raises Damaged where there is too little."""
        start = self._at
        if told in (TO_SPACE, TO_LINE):
            limit = start + MOST_LETTERS + 1
            end = self._parts.find(b" " if told == TO_SPACE else b"\n", start, limit)
            self._at = end + 1
        else:
            end = self._at = start + told - NO_LETTERS
        if not start <= end <= len(self._parts):
            raise Damaged("a string of a block has no end in its parts: get the file anew")
        return self._parts[start:end]


def block_from(parts: bytes, length: int) -> bytes:
    """The block of ``length`` bytes that parts stand for. Raises Damaged where there is none."""
    fields = Fields(parts)
    heads = fields.heads(_head, MOST_STRETCHES, "a block of strings has no stretch")
    rest, form = fields.varint(), Form(fields.byte(), fields.byte())
    if form.flags & ~FLAGS:
        raise Damaged("strings of a block have a form that there is not: get the file anew")
    # Nothing is copied out of the parts but what the block gets.
    gap_at = fields.skip(sum(gap for gap, _ in heads) + rest)
    skeleton_at = fields.skip(sum(size for _, size in heads))
    texts = _Texts(parts, fields.skip(fields.left))
    outside, block = memoryview(parts), bytearray()
    for gap, size in heads:
        block += outside[gap_at : gap_at + gap]
        for piece in _shown(parts, skeleton_at, skeleton_at + size, texts, form):
            block += piece
            if len(block) > length:
                raise Damaged(_OF_ANOTHER_LENGTH)
        gap_at, skeleton_at = gap_at + gap, skeleton_at + size
    block += outside[gap_at : gap_at + rest]
    if len(block) != length or texts.left:
        raise Damaged(_OF_ANOTHER_LENGTH)
    return bytes(block)


def _shown(parts: bytes, at: int, end: int, texts: _Texts, form: Form) -> Iterator[bytes]:
    """The stretch of a skeleton that lies in the parts. Raises Damaged where it is invalid."""
    for found in _TOLD.finditer(parts, at, end):
        yield parts[at : found.start()]
        bracket, told, escaped = found.groups()
        if bracket:
            yield _written(bracket, texts.take(told[0]), form)
        elif escaped:
            yield escaped
        else:
            raise Damaged("a skeleton of a block has a byte that it must not: get the file anew")
        at = found.end()
    yield parts[at:end]


def _head(fields: Fields) -> tuple[int, int]:
    """Bytes before a stretch, and bytes of its skeleton."""
    return fields.varint(), fields.varint()
