"""Section 12 of `coding/FORMAT.md`: originals of blocks of columns, from their parts.

A piece of `page_decoder.py`, and like it written from the page alone. Section numbers are those of
the page.
"""

from page_deflate import Source, require


def original(parts: bytes, length: int) -> bytes:
    """The original of this length, of its parts. Raises ValueError for parts that are invalid."""
    source = Source(parts)
    k = source.varint()
    require(1 <= k <= 4096, "a block of no tables, or of too many")
    heads = []
    for _ in range(k):
        gap, m, w = source.varint(), source.varint(), source.varint()
        require(2 <= w <= 65536 and 2 * w <= m, "an invalid width of a table")
        heads.append((gap, m, w))
    require(source.left() == length, "a block of columns of another length")
    made = bytearray()
    for gap, m, w in heads:
        made += source.take(gap)
        made += table(source.take(m), w)
    return bytes(made) + source.take(source.left())


def table(columns: bytes, w: int) -> bytes:
    """The rows of w bytes, and what is left over."""
    h = len(columns) // w
    rows = bytes(columns[c * h + r] for r in range(h) for c in range(w))
    return rows + columns[h * w :]
