"""Tables of records in a block: where they seem to be, told from the bytes in whole numbers."""

from __future__ import annotations

from collections import Counter

from coding.columns import MOST_TABLES, Table
from compressor.codec.kinds import entropy, entropy_of

MOST_WIDTH = 1 << 10
"""Bytes of a row at most that are looked for."""
LEAST_ROWS = 8
"""Rows that a sample holds at least, of each width that is looked for in it."""
LOOKED_AT = 1 << 14
"""Bytes of a sample in which widths are looked for."""
OF_NO_TEXT = bytes({*range(32), 127} - {*b"\t\n\f\r\x1b"})
LEAST_BINARY = 64
"""A sample is text if it has fewer bytes of no text than one in so many."""
LIKELY, TRIED = 12, 2
"""Widths at most that are compared by what the byte above tells, and that are then tried."""
SEGMENT, MOST_SEGMENTS = 1 << 15, 64
"""Bytes, at least, of a part that belongs to a table as a whole or not, and parts at most."""
SEGMENT_SHARE = 8
"""A segment is told by one byte in so many, in its middle."""
LEAST_HEIGHT, MOST_HEIGHT = 1 << 8, 1 << 10
"""Rows of each of several tables that one is cut into, at most the longest period of lags."""
BESIDE, LOOKED_AT_BESIDE = 8, 1 << 16
"""How far to the left there may be a byte that tells of one, and bytes of a table by which it is
found out."""


def widths(sample: bytes) -> list[int]:
    """Widths of rows that the sample may well have, the likeliest first; none for text.

    A byte must tell nearly as much of the one below it as of the one behind it.
    """
    looked = sample[:LOOKED_AT]
    found = [] if is_text(looked) else _agreeing(looked)
    if not found:
        return []
    first = max(found)
    beside = _unknown(looked, 1, first)
    unknown = {width: _unknown(looked, width, first) for width in found}
    most = min(65 * beside // 64, 9 * min(unknown.values()) // 8)
    likely = sorted(width for width in found if unknown[width] <= most)
    shortest = [
        width
        for width in likely
        if all(width % d or 63 * unknown[d] > 64 * unknown[width] for d in likely if d < width)
    ]
    return sorted(shortest, key=lambda width: unknown[width])[:TRIED]


def is_text(data: bytes) -> bool:
    """Whether nearly all bytes are those of text, in whatever alphabet."""
    return (len(data) - len(data.translate(None, OF_NO_TEXT))) * LEAST_BINARY < len(data)


def _agreeing(data: bytes) -> list[int]:
    """Distances at which most bytes are equal, their multiples left out."""
    most = min(MOST_WIDTH, len(data) // LEAST_ROWS)
    shares = {width: _equal(data, width) for width in range(2, most + 1)}
    found = list[int]()
    for width in sorted(shares, key=lambda width: shares[width], reverse=True):
        if len(found) >= LIKELY:
            break
        if all(width % shorter for shorter in found):
            found.append(width)
            # Where records come again, so do they at twice and thrice the distance.
            part = next(
                d for d in shares if width % d == 0 and 16 * shares[d] >= 15 * shares[width]
            )
            found += [part] if part < width else []
    return found


def _equal(data: bytes, distance: int) -> int:
    """How many in 2^16 bytes are equal to those so far before them."""
    size = len(data) - distance
    differing = int.from_bytes(data[distance:], "little") ^ int.from_bytes(data[:size], "little")
    return (differing.to_bytes(size, "little").count(0) << 16) // size


def _unknown(data: bytes, distance: int, first: int) -> int:
    """What bytes from the first on leave unknown to those who know the ones so far before them.

    In 1/256 bit. Distances are comparable where the first byte is the same one.
    """
    above = data[first - distance : len(data) - distance]
    pairs = Counter(zip(above, data[first:], strict=True))
    return entropy_of(pairs.values()) - entropy(above)


def around(block: bytes, centre: int, width: int) -> Table:
    """The table of this width that the part of a block around a place belongs to."""
    size = max(SEGMENT, -(-len(block) // MOST_SEGMENTS))
    start = centre // size * size
    end = start + size
    while start > 0 and _belongs(block[start - size : start], width):
        start -= size
    while end < len(block) and _belongs(block[end : end + size], width):
        end += size
    return Table(start, min(end, len(block)) - start, width)


def cut(block: bytes, table: Table) -> list[Table]:
    """The table, or several of as many rows that follow each other in it.

    Where a byte tells as much of one beside it as of the one below it, or nearly, the memory is to
    find columns as near as it looks for what comes again. All tables are of the same height, as
    rows may have an order of their own.
    """
    start, size, width = table
    rows = size // width
    heights = (height for height in range(MOST_HEIGHT, LEAST_HEIGHT - 1, -1) if rows % height == 0)
    height = next(heights, rows)
    if rows <= MOST_HEIGHT or height == rows or rows // height > MOST_TABLES:
        return [table]
    first = start + max(size - LOOKED_AT_BESIDE, 0) // 2
    seen = block[first : min(first + LOOKED_AT_BESIDE, start + size)]
    unknown = entropy(seen[width:])
    above = unknown - _unknown(seen, width, width)
    far = range(1, min(BESIDE, width - 1) + 1)
    beside = unknown - min(_unknown(seen, distance, width) for distance in far)
    if 8 * beside < 7 * above:
        return [table]
    step, last = height * width, rows // height - 1
    tables = [Table(start + at * step, step, width) for at in range(last)]
    return [*tables, Table(start + last * step, size - last * step, width)]


def _belongs(segment: bytes, width: int) -> bool:
    """Whether a segment seems to have rows of this width, or to lose little by them."""
    size = min(max(len(segment) // SEGMENT_SHARE, LEAST_ROWS * width), LOOKED_AT)
    seen = segment[max(len(segment) - size, 0) // 2 :][:size]
    # A rest that is shorter than a row may as well be one.
    return len(seen) <= width or 8 * _unknown(seen, width, width) <= 9 * _unknown(seen, 1, width)
