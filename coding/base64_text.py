"""Text in base64, its bytes in its place, and the text made again. ``FORMAT.md``, section 11.

RFC 4648, section 4; lines as MIME (RFC 2045, section 6.8) and PEM have them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from coding.errors import Damaged
from coding.fields import Fields, varint

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

_LETTERS = rb"[A-Za-z0-9+/]"
_TEXT = re.compile(rb"%s{40,}(?:\r?\n%s+)*={0,2}" % (_LETTERS, _LETTERS))
_LINE = re.compile(rb"(%s+={0,2})(\r?\n)?" % _LETTERS)
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
    for match in _TEXT.finditer(block):
        found = _first(block, match.start(), match.end())
        if found is not None:
            yield found


def _first(block: bytes, start: int, end: int) -> Text | None:
    """The text that begins there, as far as its lines are of one length and end alike."""
    lines, line, form, at = list[bytes](), 0, 0, start
    while match := _LINE.match(block, at, end):
        letters, ending = match.groups()
        if line and len(letters) > line:
            break  # of something else, or a wider text: what was read ends before it
        lines.append(letters)
        at = match.end()
        if len(lines) == 1 and ending and not letters.endswith(b"=") and len(letters) <= MOST_LINE:
            line, form = len(letters), CRLF * (len(ending) == 2)
        if len(letters) < line or not line or ending is None or len(ending) != 1 + form:
            break
    letters = b"".join(lines)
    whole = letters[: len(letters) // 4 * 4] if not letters.endswith(b"=") else letters
    if not _seems_encoded(whole):
        return None
    try:
        data = base64.b64decode(whole, validate=True)
    except ValueError:
        return None
    line = line if len(whole) > line else 0
    made = encoded(data, line, form if line else 0)
    text = Text(start, len(made), data, line, form if line else 0)
    return text if block.startswith(made, start) else None


def _seems_encoded(letters: bytes) -> bool:
    """Whether it is long and mixed enough not to be words, numbers or DNA."""
    long = len(letters) >= LEAST_LETTERS
    return (
        long and len(set(letters)) >= LEAST_KINDS and all(kind.search(letters) for kind in _KINDS)
    )


def encoded(data: bytes, line: int, form: int) -> bytes:
    """The text of ``data``, in lines of so many letters, 0 for one line."""
    letters = base64.b64encode(data)
    if not line:
        return letters
    lines = (letters[at : at + line] for at in range(0, len(letters), line))
    return (b"\r\n" if form & CRLF else b"\n").join(lines)


def parts_of(block: bytes, found: Sequence[Text]) -> bytes:
    """The parts of a block in which these texts, in order and apart, are what they stand for."""
    head, content, at = bytearray(varint(len(found))), bytearray(), 0
    for text in found:
        head += varint(text.start - at) + varint(len(text.data)) + varint(text.line)
        head.append(text.form)
        content += block[at : text.start] + text.data
        at = text.start + text.size
    return bytes(head + content + block[at:])


def block_from(parts: bytes, length: int) -> bytes:
    """The block of ``length`` bytes that parts stand for. Raises Damaged where there is none."""
    fields = Fields(parts)
    count = fields.varint()
    if not 1 <= count <= MOST_TEXTS:
        raise Damaged("a base64 block has no text, or too many: get the file anew")
    heads = [_head(fields) for _ in range(count)]
    block = bytearray()
    for gap, size, line, form in heads:
        block += fields.take(gap)
        block += encoded(fields.take(size), line, form)
        if len(block) > length:
            break
    block += fields.take(fields.left)
    if len(block) != length:
        raise Damaged("a base64 block has another length than its head says: get the file anew")
    return bytes(block)


def _head(fields: Fields) -> tuple[int, int, int, int]:
    """Bytes before a text, bytes that it stands for, letters of a line, and its form."""
    head = fields.varint(), fields.varint(), fields.varint(), fields.byte()
    if head[2] > MOST_LINE or head[3] > CRLF:
        raise Damaged("a text of a base64 block has an unknown form: get the file anew")
    return head
