"""Bits in the order of RFC 1951, numbers of any length, and how many bits there may be.

Bits that are to be written are held as text of 0 and 1, in the order in which they are written.
"""

from __future__ import annotations

from coding.errors import Damaged

VARINT_BYTES = 5
VARINT_TOP = 1 << 32
"""Numbers in the parts are below this one."""


def varint(number: int) -> bytes:
    """A number below 2^32 in as few bytes as it takes, seven bits in each, the lowest first."""
    packed = bytearray()
    while number >= 0x80:
        packed.append(number & 0x7F | 0x80)
        number >>= 7
    packed.append(number)
    return bytes(packed)


class Fields:
    """Fields of the parts, taken one after the other; raises Damaged where they end too early."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    @property
    def left(self) -> int:
        """Bytes that are not taken yet."""
        return len(self._content) - self._at

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if size > self.left:
            raise Damaged("a field of a rebuilt block runs beyond its parts: get the file anew")
        self._at += size
        return self._content[self._at - size : self._at]

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def varint(self) -> int:
        """The next number."""
        number = 0
        for shift in range(0, 7 * VARINT_BYTES, 7):
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        if byte >= 0x80 or number >= VARINT_TOP:
            raise Damaged("a number of a rebuilt block is too large: get the file anew")
        return number


class Reader:
    """Bits of a stream, the lowest of each byte first; behind its end there are zeros."""

    __slots__ = ("at", "buffer", "content", "count")

    def __init__(self, content: bytes, at: int = 0) -> None:
        self.content = content
        self.at = at
        """The first byte that is not in the buffer."""
        self.buffer = 0
        self.count = 0
        """Bits in the buffer."""

    def peek(self, size: int) -> int:
        """The next bits as a number, the first one its lowest."""
        while self.count < size:
            self.buffer |= (
                int.from_bytes(self.content[self.at : self.at + 6], "little") << self.count
            )
            self.at += 6
            self.count += 48
        return self.buffer & ((1 << size) - 1)

    def take(self, size: int) -> int:
        """As ``peek``, and goes on behind these bits."""
        number = self.peek(size)
        self.buffer >>= size
        self.count -= size
        return number

    @property
    def position(self) -> int:
        """Bits taken, counted from the start of the content."""
        return 8 * self.at - self.count

    def align(self, at: int | None = None) -> int:
        """Goes to a byte, or up to the next whole one; returns which. Bits left out must be 0."""
        if at is None:
            at = -(-self.position // 8)
            if self.take(8 * at - self.position):
                raise Damaged("bits that fill up a byte are not zero: get the file anew")
        self.at, self.buffer, self.count = at, 0, 0
        return at

    def check(self) -> None:
        """Raises Damaged if more bits were taken than there are."""
        if self.position > 8 * len(self.content):
            raise Damaged("a deflate stream ends too early: get the file anew")


class Writer:
    """Bytes made of bits."""

    def __init__(self) -> None:
        self._done = bytearray()
        self._rest = ""

    def __len__(self) -> int:
        return len(self._done)

    def write(self, bits: str) -> None:
        """Appends bits."""
        bits = self._rest + bits
        whole = len(bits) >> 3
        if whole:
            number = int(bits[8 * whole - 1 :: -1], 2)
            self._done += number.to_bytes(whole, "little")
        self._rest = bits[8 * whole :]

    def align(self) -> None:
        """Fills the last byte up with zeros."""
        self.write("0" * (-len(self._rest) % 8))

    def extend(self, content: bytes) -> None:
        """Appends bytes; only where the last byte is full."""
        self._done += content

    def content(self) -> bytes:
        """All bytes, the last one filled up."""
        self.align()
        return bytes(self._done)


def low_first(number: int, size: int) -> str:
    """A number as bits, its lowest first."""
    return f"{number:0{size}b}"[::-1] if size else ""


def unpacked(content: bytes) -> str:
    """Bytes as bits."""
    return low_first(int.from_bytes(content, "little"), 8 * len(content))


def packed(bits: str) -> bytes:
    """Bits as bytes, the last of which is filled up with zeros."""
    writer = Writer()
    writer.write(bits)
    return writer.content()
