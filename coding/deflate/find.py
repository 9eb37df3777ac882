"""Where deflate streams may lie in a block, and which of them are taken."""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from coding.deflate import corrections
from coding.deflate.inflate import Stream, parse
from coding.deflate.stream import Comparison, unforeseen
from coding.deflate.tokens import Plan, keys
from coding.errors import Damaged

SMALLEST = 64
"""Bytes of text below which a stream is left as it is."""
MOST_TEXT = 24
"""A stream of more text for each of its bytes is left: it stands for little as it is."""
LARGE_TOKENS = 1 << 14
"""As many in the first block show a memory level of 9."""
LOOKED = 8192
"""Tokens by which the level is told."""
WRONG = 8
"""At most one of so many tokens may be otherwise than foreseen, and as many at the best level."""
GAIN = 4
"""Corrections take at most one of so many bytes of the stream."""
WIDEST = 15
CHECK = 4
"""Bytes of an Adler-32."""
LIKELY = (6, 9, 1, 5, 8, 7, 4, 3, 2)
"""Levels as they are tried: which comes first changes only the time that it takes."""

_ZLIB = {
    window << 4 | 8: bytes(
        flags
        for flags in range(256)
        if not flags & 32 and ((window << 4 | 8) << 8 | flags) % 31 == 0
    )
    for window in range(8)
}
"""First byte of zlib's head -> the second ones that go with it."""
_HEADS = re.compile(
    b"PK\x03\x04|\x1f\x8b\x08|"
    + b"|".join(
        re.escape(bytes([first])) + b"[" + re.escape(second) + b"]"
        for first, second in _ZLIB.items()
    )
)


class Taken(NamedTuple):
    """A stream that is unpacked."""

    start: int
    end: int
    """Where it lies in the block, its check behind it included."""
    text: bytes
    plan: Plan
    checked: bool
    corrections: bytes


def streams(block: bytes, most: int) -> Iterator[Taken]:
    """The streams of a block that are unpacked, with texts of ``most`` bytes together or less."""
    at, total = 0, 0
    while head := _HEADS.search(block, at):
        at = head.start() + 1
        place = _start(block, head.start())
        if place is None:
            continue
        start, window = place
        found = _sound(block, start, most - total)
        if found is None:
            continue
        at = found.end
        taken = _taken(block, found, window)
        if taken:
            yield taken
            at, total = taken.end, total + len(found.text)


def _start(block: bytes, at: int) -> tuple[int, int] | None:
    """Where the stream behind a head begins, and its bits of window. None if it has none."""
    if block[at] == ord("P"):
        if block[at + 8 : at + 10] != b"\x08\x00" or at + 30 > len(block):
            return None
        return at + 30 + _u16(block, at + 26) + _u16(block, at + 28), WIDEST
    if block[at] == 0x1F:
        start = _behind_gzip(block, at)
        return None if start is None else (start, WIDEST)
    return at + 2, max((block[at] >> 4) + 8, 9)


def _u16(block: bytes, at: int) -> int:
    return int.from_bytes(block[at : at + 2], "little")


def _behind_gzip(block: bytes, at: int) -> int | None:
    """The end of gzip's head."""
    if at + 10 > len(block) or block[at + 3] & 0xE0:
        return None
    flags, end = block[at + 3], at + 10
    if flags & 4:
        if end + 2 > len(block):
            return None
        end += 2 + _u16(block, end)
    for flag in (8, 16):
        if flags & flag:
            end = block.find(b"\x00", end) + 1
            if not end:
                return None
    return end + 2 if flags & 2 else end


def _sound(block: bytes, start: int, most: int) -> Stream | None:
    """The sound stream at a place, if it is worth it."""
    if start >= len(block):
        return None
    try:
        found = parse(block, start, min(most, MOST_TEXT * (len(block) - start)))
    except Damaged:
        return None
    return found if SMALLEST <= len(found.text) <= MOST_TEXT * found.packed else None


def _taken(block: bytes, stream: Stream, window: int) -> Taken | None:
    """The stream as it is unpacked, None if zlib would have made it quite otherwise."""
    best: tuple[bytes, Plan] | None = None
    for plan, known in _plans(stream, window):
        found = corrections.write(Comparison(stream, plan, known).corrections())
        if best is None or len(found) < len(best[0]):
            best = found, plan
        if not found:
            break
    if best is None or GAIN * len(best[0]) > stream.packed:
        return None
    check = zlib.adler32(stream.text).to_bytes(CHECK, "big")
    checked = block[stream.end : stream.end + CHECK] == check
    end = stream.end + (CHECK if checked else 0)
    return Taken(stream.start, end, stream.text, best[1], checked, best[0])


def _plans(stream: Stream, window: int) -> Iterator[tuple[Plan, array[int]]]:
    """The plans by which the fewest of the first tokens are otherwise, and their keys.

    None if they are many. Those of wide keys come last.
    """
    large = len(stream.blocks[0].tokens) >= LARGE_TOKENS
    looked = min(LOOKED, sum(len(block.tokens) for block in stream.blocks))
    least = looked // WRONG
    for wide in (False, True):
        known, counts = keys(stream.text, wide), dict[Plan, int]()
        for level in LIKELY:
            plan = Plan(level, window, large, wide)
            counts[plan] = unforeseen(stream, plan, known, looked, least)
            least = min(least, counts[plan])
        for plan in sorted(counts):
            if counts[plan] == least:
                yield plan, known
