"""The comment at the head of a file, which mostly holds a licence: the same in many files."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator

KEPT = 5
"""Files that keep the same comment at their head."""

SHORTEST = 120
"""Bytes of a comment that is worth thinning; shorter ones say what the file is."""

LONGEST = 16_384
"""Bytes within which the head of a file ends; what goes on longer is text, whatever its marks."""

LINE = re.compile(rb"[ \t]*(?:#|//|--|;|%|\.\\\"|\*|dnl\b|\" |$)")
"""How a line begins that belongs to a comment made of lines, or is empty."""

BLOCKS = ((b"/*", b"*/"), (b"<!--", b"-->"), (b"(*", b"*)"), (b"{-", b"-}"))
"""How comments of several lines begin and end."""

OPENINGS = tuple(opening for opening, _ in BLOCKS)

START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:#![^\n]*\n|<\?[^>]*\?>)?\s*(?:<!DOCTYPE[^>]*>\s*)?(?:<html[^>]*>\s*)?",
    re.IGNORECASE,
)
"""What stands before the first comment: a byte order mark, an interpreter, declarations."""


def header_length(content: bytes) -> int:
    """Bytes of a file up to the end of the declarations and comments at its head."""
    start = START.match(content)
    assert start is not None  # the pattern matches the empty text too
    return max((stop for _, stop in comments(content)), default=start.end())


def comments(content: bytes) -> Iterator[tuple[int, int]]:
    """Where each of the comments at the head of a file begins and ends.

    Lines of comment in a row are one, up to an empty line, which belongs to it.
    """
    start = START.match(content)
    assert start is not None  # the pattern matches the empty text too
    begin = position = start.end()
    while position < (end := _comment_end(content, position)) <= LONGEST:
        empty = not content[position:end].strip()
        ended = empty or content[position:end].lstrip().startswith(OPENINGS)
        position = end
        if ended:
            yield begin, position
            begin = position
    if position > begin:
        yield begin, position


def _comment_end(content: bytes, position: int) -> int:
    """The end of the comment at a position, with the line's end, or the position itself."""
    line_end = content.find(b"\n", position)
    line = content[position : len(content) if line_end < 0 else line_end]
    for opening, closing in BLOCKS:
        if line.lstrip().startswith(opening):
            end = content.find(closing, position)
            return position if end < 0 else _next_line(content, end + len(closing))
    if line_end >= 0 and LINE.match(line):
        return line_end + 1
    return position


def _next_line(content: bytes, position: int) -> int:
    end = content.find(b"\n", position)
    return len(content) if end < 0 else end + 1


class Headers:
    """Counts comments at the heads of files, and leaves away those that many had."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def thinned(self, content: bytes) -> bytes:
        """The content, without those comments at its head that KEPT files had before.

        Numbers do not matter, so that years and versions may differ.
        """
        kept, position = [], 0
        for begin, end in comments(content):
            if end - begin < SHORTEST:
                continue
            key = hashlib.sha256(re.sub(rb"[\d\s]+", b" ", content[begin:end])).digest()
            self._seen[key] += 1
            if self._seen[key] > KEPT:
                kept.append(content[position:begin])
                position = end
        return b"".join((*kept, content[position:]))
