"""Section 13 of `coding/FORMAT.md`: originals of blocks of strings, from their parts.

A piece of `page_decoder.py`, and like it written from the page alone. Section numbers are those of
the page.
"""

from page_deflate import Source, require


def original(parts: bytes, length: int) -> bytes:
    """The original of this length, of its parts. Raises ValueError for parts that are invalid."""
    source = Source(parts)
    k = source.varint()
    require(1 <= k <= 4096, "a block of no stretches, or of too many")
    heads = [(source.varint(), source.varint()) for _ in range(k)]
    r, flags, shift = source.varint(), source.byte(), source.byte()
    require(flags < 8, "unknown flags of a block of strings")
    gaps = [source.take(gap) for gap, _ in heads]
    rest = source.take(r)
    skeletons = [source.take(s) for _, s in heads]
    texts = source
    made = bytearray()
    for gap, skeleton in zip(gaps, skeletons, strict=True):
        made += gap
        at = 0
        while at < len(skeleton):
            byte, behind = skeleton[at], skeleton[at + 1 : at + 2]
            if byte in (0x28, 0x3C) and behind and 0x80 <= behind[0] < 0xFF:
                made += string(byte, letters(behind[0], texts), flags, shift)
                at += 2
            elif byte == 0xFF:
                require(len(behind) == 1, "a skeleton ends too early")
                made += behind
                at += 2
            else:
                require(byte < 0x80, "an invalid byte in a skeleton")
                made.append(byte)
                at += 1
    made += rest
    require(texts.left() == 0, "texts are left over")
    require(len(made) == length, "a block of strings of another length")
    return bytes(made)


def letters(b: int, texts: Source) -> bytes:
    """The letters of the next string."""
    if b > 0x81:
        return texts.take(b - 0x81)
    end = 32 if b == 0x80 else 10
    found = bytearray()
    while (byte := texts.byte()) != end:
        found.append(byte)
    require(len(found) <= 2**14, "too long a string")
    return bytes(found)


def string(bracket: int, said: bytes, flags: int, shift: int) -> bytes:
    """A string as it is written in the original."""
    octal, plain, upper = flags & 1, flags & 2, flags & 4
    if bracket == 0x3C:
        digits = "".join(f"{(letter - shift) % 256:04x}" for letter in said)
        return f"<{digits.upper() if upper else digits}>".encode()
    made = bytearray(b"(")
    for letter in said:
        special = letter in (0x28, 0x29, 0x5C)
        other = letter < 0x20 or letter > 0x7E
        if (special and octal) or (other and not plain):
            made += f"\\{letter:03o}".encode()
        elif special:
            made += bytes([0x5C, letter])
        else:
            made.append(letter)
    return bytes(made + b")")
