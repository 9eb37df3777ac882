"""Bits in the order of RFC 1951, and how many of them there may be.

Bits that are to be written are held as text of 0 and 1, in the order in which they are written.
"""

from __future__ import annotations

from coding.errors import Damaged


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
