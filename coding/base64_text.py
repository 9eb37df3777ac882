"""Text in base64, its bytes in its place, and the text made again. ``FORMAT.md``, section 11.

RFC 4648, section 4; lines as MIME (RFC 2045, section 6.8) and PEM have them.
"""

from __future__ import annotations

import base64
import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from coding.errors import Damaged
from coding.fields import Fields, Piece, joined, varint

CRLF = 1
"""Of a text's form: lines end with both characters, not with a line feed alone."""
LEAST_LETTERS = 96
"""Shorter texts stay as they are: what tells them would take most of what they save."""
LEAST_KINDS = 24
"""Different letters that a text has at least: fewer are those of DNA, of numbers in hexadecimal or
of a drawing, which are told better as they are."""
MOST_LINE = 1 << 10
"""Letters of a line at most; longer ones are of texts in one line."""
MOST_TEXTS = 1 << 16
"""Texts of a block at most, which bounds the heads that a decoder must hold."""

LINES_AT_ONCE = 1 << 12
"""Lines that are made together: each is an object, which may take far more than its letters."""

_LETTER = rb"[A-Za-z0-9+/]"
_FIRST = re.compile(rb"(%s{40,}+)(={0,2})(\r?\n)?" % _LETTER)
_OF_ANOTHER_LENGTH = "a base64 block has another length than its head says: get the file anew"
_KINDS = tuple(map(re.compile, (rb"[a-z]", rb"[A-Z]", rb"[0-9]")))


class Text(NamedTuple):
    """Where a text in base64 lies in a block, and how it is laid out."""

    start: int
    size: int
    data: bytes
    """What it stands for."""
    line: int
    """Letters of each line but the last, which has so many at most; 0 where it is one line."""
    form: int


def texts(block: bytes) -> Iterator[Text]:
    """The texts of a block that are made again to the byte, in order and apart."""
    at = 0
    while first := _FIRST.search(block, at):
        letters, padding, ending = first.groups()
        line = len(letters) if ending and not padding and len(letters) <= MOST_LINE else 0
        at = first.end(2)
        if line and (further := _further(line, ending).match(block, at)):
            at = further.end()
        found = _text(block, first.start(), at, line, ending)
        if found is not None:
            at = found.start + found.size
            yield found


@functools.cache
def _further(line: int, ending: bytes) -> re.Pattern[bytes]:
    """Lines behind a first one of so many letters: of as many, the last one of as many at most."""
    # Possessive, or the engine would keep what it takes to go back to each line.
    more = rb"(?:%s%s{%d}(?![A-Za-z0-9+/=]))*+" % (ending, _LETTER, line)
    last = rb"(?:%s(?=[A-Za-z0-9+/=]{1,%d}(?![A-Za-z0-9+/=]))%s++={0,2})?" % (ending, line, _LETTER)
    return re.compile(more + last)


def _text(block: bytes, start: int, end: int, line: int, ending: bytes | None) -> Text | None:
    """The text of these lines, None where it is none that is made again to the byte."""
    letters = block[start:end]
    if line and ending:
        letters = letters.replace(ending, b"")
    if not letters.endswith(b"="):
        letters = letters[: len(letters) // 4 * 4]
    if not _seems_encoded(letters):
        return None
    try:
        data = base64.b64decode(letters, validate=True)
    except ValueError:
        return None
    line = line if len(letters) > line else 0
    form = CRLF if line and ending == b"\r\n" else 0
    at = start
    for piece in _pieces(data, line, form):
        if not block.startswith(piece, at):
            return None
        at += len(piece)
    return Text(start, at - start, data, line, form)


def _seems_encoded(letters: bytes) -> bool:
    """Whether it is long and mixed enough not to be words, numbers or DNA."""
    long = len(letters) >= LEAST_LETTERS
    return (
        long and len(set(letters)) >= LEAST_KINDS and all(kind.search(letters) for kind in _KINDS)
    )


def encoded(data: bytes, line: int, form: int) -> bytes:
    """The text of ``data``, in lines of so many letters, 0 for one line."""
    return b"".join(_pieces(data, line, form))


def _pieces(data: bytes, line: int, form: int) -> Iterator[bytes]:
    """The text in pieces, of whole lines each."""
    ending = _ending(form)
    # Of so many bytes each piece but the last has LINES_AT_ONCE lines, and no padding.
    size = 3 * (line or MOST_LINE) * LINES_AT_ONCE // 4
    for at in range(0, len(data), size):
        letters = base64.b64encode(data[at : at + size])
        if not line:
            yield letters
            continue
        if at:
            yield ending
        yield ending.join(letters[one : one + line] for one in range(0, len(letters), line))


def _size(data: int, line: int, form: int) -> int:
    """Bytes of the text of so many bytes."""
    letters = (data + 2) // 3 * 4
    return letters + (max(letters - 1, 0) // line * len(_ending(form)) if line else 0)


def _ending(form: int) -> bytes:
    return b"\r\n" if form & CRLF else b"\n"


def parts_of(block: bytes, found: Sequence[Text]) -> bytes:
    """The parts of a block in which these texts, in order and apart, are what they stand for."""
    return joined(block, len(found), map(_piece, found))


def _piece(text: Text) -> Piece:
    head = varint(len(text.data)) + varint(text.line) + bytes([text.form])
    return Piece(text.start, text.size, head, text.data)


def block_from(parts: bytes, length: int) -> bytes:
    """The block of ``length`` bytes that parts stand for. Raises Damaged where there is none."""
    fields = Fields(parts)
    heads = fields.heads(_head, MOST_TEXTS, "a base64 block has no text")
    block = bytearray()
    for gap, size, line, form in heads:
        block += fields.take(gap)
        # Before it is made: lines of one letter are four times as long as what they stand for.
        if len(block) + _size(size, line, form) > length:
            raise Damaged(_OF_ANOTHER_LENGTH)
        for piece in _pieces(fields.take(size), line, form):
            block += piece
    block += fields.take(fields.left)
    if len(block) != length:
        raise Damaged(_OF_ANOTHER_LENGTH)
    return bytes(block)


def _head(fields: Fields) -> tuple[int, int, int, int]:
    """Bytes before a text, bytes that it stands for, letters of a line, and its form."""
    head = fields.varint(), fields.varint(), fields.varint(), fields.byte()
    if head[2] > MOST_LINE or head[3] > CRLF:
        raise Damaged("a text of a base64 block has an unknown form: get the file anew")
    return head
