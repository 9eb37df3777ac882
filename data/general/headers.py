"""The comment at the head of a file, which mostly holds a licence: the same in many files."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

KEPT = 5
"""Files that keep the same header."""

SHORTEST = 120
"""Bytes of a header that is worth thinning; shorter ones say what the file is."""

LINE = re.compile(rb"[ \t]*(?:#|//|--|;|%|\.\\\"|\*|dnl\b|\" |$)")
"""How a line begins that belongs to a comment made of lines, or is empty."""

BLOCKS = ((b"/*", b"*/"), (b"<!--", b"-->"), (b"(*", b"*)"), (b"{-", b"-}"))
"""How comments of several lines begin and end."""

START = re.compile(rb"(?:\xef\xbb\xbf)?(?:#![^\n]*\n|<\?[^>]*\?>)?\s*")
"""What stands before the first comment: a byte order mark, an interpreter, a declaration."""


def header_length(content: bytes) -> int:
    """Bytes of a file up to the end of the comments at its head; 0 where it has none."""
    start = START.match(content)
    assert start is not None  # the pattern matches the empty text too
    begin = position = start.end()
    while (end := _comment_end(content, position)) > position:
        position = end
    return position if position > begin else 0


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
    """Counts headers, and leaves away the one that many files before had."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()

    def thinned(self, content: bytes) -> bytes:
        """The content, without its header where KEPT files had the same; years do not matter."""
        length = header_length(content)
        if length < SHORTEST:
            return content
        key = hashlib.sha256(re.sub(rb"[\d\s]+", b" ", content[:length])).digest()
        self._seen[key] += 1
        return content if self._seen[key] <= KEPT else content[length:]
