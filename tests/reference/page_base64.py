"""Section 11 of `coding/FORMAT.md`: originals of base64 blocks, from their parts.

A piece of `page_decoder.py`, and like it written from the page alone. Section numbers are those of
the page.
"""

from page_deflate import Source, require

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def original(parts: bytes, length: int) -> bytes:
    """The original of this length, of its parts. Raises ValueError for parts that are invalid."""
    source = Source(parts)
    k = source.varint()
    require(1 <= k <= 65536, "a base64 block of no texts, or of too many")
    heads = []
    for _ in range(k):
        gap, m, line, form = source.varint(), source.varint(), source.varint(), source.byte()
        require(line <= 1024, "too long a line of a text in base64")
        require(form <= 1, "an unknown form of a text in base64")
        heads.append((gap, m, line, form))
    made = bytearray()
    for gap, m, line, form in heads:
        made += source.take(gap)
        made += text(source.take(m), line, b"\r\n" if form else b"\n")
    made += source.take(source.left())
    require(len(made) == length, "a base64 block of another length")
    return bytes(made)


def text(data: bytes, line: int, ending: bytes) -> bytes:
    """The base64 of bytes, in lines of so many letters, or in one if that is 0."""
    letters = ""
    for start in range(0, len(data), 3):
        three = data[start : start + 3]
        bits = "".join(f"{byte:08b}" for byte in three).ljust(6 * (len(three) + 1), "0")
        sixes = [int(bits[at : at + 6], 2) for at in range(0, 6 * (len(three) + 1), 6)]
        letters += "".join(LETTERS[six] for six in sixes).ljust(4, "=")
    if line == 0:
        return letters.encode()
    return ending.join(letters[at : at + line].encode() for at in range(0, len(letters), line))
