"""Fields of the parts that some types of blocks have, and numbers of any length in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from coding.errors import Damaged

Head = TypeVar("Head")

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
        start = self.skip(size)
        return self._content[start : start + size]

    def skip(self, size: int) -> int:
        """Where the next bytes begin, which are passed over."""
        if size > self.left:
            raise Damaged("a field of a block runs beyond its parts: get the file anew")
        self._at += size
        return self._at - size

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
            raise Damaged("a number of a block's parts is too large: get the file anew")
        return number

    def heads(self, head: Callable[[Fields], Head], most: int, none: str) -> list[Head]:
        """A number, 1 to ``most``, and as many heads; ``none`` is what a block without any is."""
        count = self.varint()
        if not 1 <= count <= most:
            raise Damaged(f"{none}, or too many: get the file anew")
        return [head(self) for _ in range(count)]


class Piece(NamedTuple):
    """``size`` bytes of a block, and what stands for them in its parts."""

    start: int
    size: int
    head: bytes
    """What tells of it, but for the bytes between it and the piece before."""
    content: bytes


def joined(block: bytes, count: int, pieces: Iterable[Piece], more: bytes = b"") -> bytes:
    """The parts of a block in which these pieces, ``count`` in order and apart, are told otherwise.

    ``more`` stands between the heads and the content.
    """
    head, content, at = bytearray(varint(count)), bytearray(), 0
    for start, size, told, coded in pieces:
        head += varint(start - at) + told
        content += block[at:start] + coded
        at = start + size
    return bytes(head + more + content + block[at:])
