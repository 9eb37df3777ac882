"""The .kz container as FORMAT.md lays it down: header, blocks, end mark.

This module knows the framing alone; what the payload of a model block means is not here.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import Protocol

from coding.errors import BadMagic, Damaged, NewerVersion, OlderVersion, TrailingData, Truncated

MAGIC = b"\x89KZ\r\n\x1a"
VERSION = 3
"""The one version that is written and read."""
MAX_BLOCK = 1 << 27
"""Original bytes in one block at most: this bounds the memory of both sides."""
MAX_LANES_LOG2 = 10
MAX_LANE = 1 << 18
"""Original bytes in one lane at most: this bounds the steps that one block can ask for."""
WORD_BYTES = 4
"""A model block's payload is a whole number of these."""
MAX_EXPANSION = 1024
"""Original bytes for each payload byte of a model block at most, so that a decoder's work is in
proportion to the size of its input, as deflate's is by its nature (1,032 to 1)."""

_HEADER = struct.Struct("<6sBB8s")
_BLOCK = struct.Struct("<BBHII")
_END = struct.Struct("<BBHQ12s")
_CRC = struct.Struct("<I")

HEADER_BYTES = _HEADER.size + _CRC.size
BLOCK_BYTES = _BLOCK.size + _CRC.size
"""What a block takes beside its payload."""
END_BYTES = _END.size + _CRC.size


class Source(Protocol):
    """What a container is read from: any object with a file's ``read``; short reads are fine."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, at least one unless the source has ended."""


class Sink(Protocol):
    """What bytes are written to: any object with a file's ``write`` that takes all of them."""

    def write(self, data: bytes, /) -> int:
        """Writes all of ``data``."""


class Kind(enum.IntEnum):
    """Block types; the numbers are the format's. 0 is the end mark's."""

    RAW = 1
    RUN = 2
    MODEL = 3


END_TYPE = 0


@dataclasses.dataclass(frozen=True)
class Header:
    """The identity (8 bytes) of the weights that a container's model blocks were coded with."""

    weights_id: bytes


@dataclasses.dataclass(frozen=True)
class Block:
    """``length`` original bytes, told by ``payload``; ``lanes`` is 1 except in model blocks."""

    kind: Kind
    length: int
    payload: bytes
    lanes: int = 1


@dataclasses.dataclass(frozen=True)
class EndMark:
    """Length of the whole original, and the first 12 bytes of its SHA-256."""

    length: int
    check: bytes


class Digest:
    """Gathers length and checksum of the original as it passes."""

    def __init__(self) -> None:
        self.length = 0
        self._sha = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """Takes in more of the original."""
        self.length += len(data)
        self._sha.update(data)

    def end_mark(self) -> EndMark:
        """The end mark of a container whose original is what was taken in so far."""
        return EndMark(self.length, self._sha.digest()[:12])


def _sealed(data: bytes) -> bytes:
    return data + _CRC.pack(zlib.crc32(data))


def header_bytes(header: Header) -> bytes:
    """The header as it lies in the container."""
    return _sealed(_HEADER.pack(MAGIC, VERSION, 0, header.weights_id))


def block_bytes(block: Block) -> bytes:
    """One block as it lies in the container."""
    lanes_log2 = block.lanes.bit_length() - 1
    head = _BLOCK.pack(block.kind, lanes_log2, 0, block.length, len(block.payload))
    return _sealed(head + block.payload)


def end_bytes(end: EndMark) -> bytes:
    """The end mark as it lies in the container."""
    return _sealed(_END.pack(END_TYPE, 0, 0, end.length, end.check))


def least_payload(length: int) -> int:
    """Bytes that the payload of a model block of ``length`` original bytes must have at least."""
    return WORD_BYTES * -(-length // (MAX_EXPANSION * WORD_BYTES))


def read_up_to(source: Source, size: int) -> bytes:
    """Reads ``size`` bytes through any number of short reads (pipes); fewer only at the end."""
    parts, missing = [], size
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read(source: Source, size: int, what: str) -> bytes:
    data = read_up_to(source, size)
    if len(data) < size:
        raise Truncated(f"the file ends inside its {what}: it was cut short, fetch it again")
    return data


def _read_header(source: Source) -> Header:
    data = read_up_to(source, HEADER_BYTES)
    if data[:6] != MAGIC[: len(data)]:
        raise BadMagic("not a kolmozip file (wrong magic): check the name, or compress it first")
    if len(data) > 6 and data[6] > VERSION:
        raise NewerVersion(
            f"format version {data[6]}, this program knows {VERSION}: update kolmozip"
        )
    if len(data) > 6 and 0 < data[6] < VERSION:
        raise OlderVersion(
            f"format version {data[6]} was never released: use the program that wrote it, "
            f"then compress again"
        )
    if len(data) < HEADER_BYTES:
        raise Truncated("the file ends inside its header: it was cut short, fetch it again")
    _, version, reserved, weights_id = _HEADER.unpack(data[: _HEADER.size])
    if _sealed(data[: _HEADER.size]) != data or not version or reserved:
        raise Damaged(
            "the header does not hold its checksum or sets reserved bits: "
            "the file is damaged, fetch it again"
        )
    return Header(weights_id)


class Reader:
    """A container as it is read, each part checked before it is handed out.

    The constructor reads the header: raises BadMagic, NewerVersion, OlderVersion, Truncated,
    Damaged.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._end: EndMark | None = None
        self.header = _read_header(source)

    def blocks(self) -> Iterator[Block]:
        """Yields every block up to the end mark. Raises Truncated, Damaged, TrailingData."""
        while (start := _read(self._source, 4, "block header"))[0] != END_TYPE:
            yield _read_block(self._source, start)
        self._end = _read_end(self._source, start)

    @property
    def end(self) -> EndMark:
        """The end mark, once ``blocks`` is exhausted."""
        if self._end is None:
            raise ValueError("the end mark is known only when all blocks were read: read on")
        return self._end


def _read_end(source: Source, start: bytes) -> EndMark:
    body = start + _read(source, _END.size - 4 + _CRC.size, "end mark")
    if _sealed(body[: -_CRC.size]) != body:
        raise Damaged("the end mark's checksum does not hold: the file is damaged, fetch it again")
    _, lanes, reserved, length, check = _END.unpack(body[: _END.size])
    if lanes or reserved:
        raise Damaged("reserved bits are set in the end mark: the file is damaged, fetch it again")
    if source.read(1):
        raise TrailingData(
            "bytes follow the end of the compressed data: remove them, or fetch the file again"
        )
    return EndMark(length, check)


def _keeps_the_format(kind: int, lanes_log2: int, reserved: int, length: int, size: int) -> bool:
    """Whether the fields of a block header agree with FORMAT.md, section 1.2."""
    if reserved or not 1 <= length <= MAX_BLOCK:
        return False
    if kind == Kind.MODEL:
        lanes = 1 << lanes_log2
        return (
            lanes_log2 <= MAX_LANES_LOG2
            and lanes <= length <= lanes * MAX_LANE
            and least_payload(length) <= size < length
            and size % WORD_BYTES == 0
        )
    sizes: dict[int, int] = {Kind.RAW: length, Kind.RUN: 1}
    return lanes_log2 == 0 and size == sizes.get(kind)


def _read_block(source: Source, start: bytes) -> Block:
    head = start + _read(source, _BLOCK.size - 4, "block header")
    kind, lanes_log2, reserved, length, size = _BLOCK.unpack(head)
    if not _keeps_the_format(kind, lanes_log2, reserved, length, size):
        raise Damaged("a block header breaks the format: the file is damaged, fetch it again")
    payload = _read(source, size, "block")
    if _sealed(head + payload)[-_CRC.size :] != _read(source, _CRC.size, "block checksum"):
        raise Damaged("a block's checksum does not hold: the file is damaged, fetch it again")
    return Block(Kind(kind), length, payload, 1 << lanes_log2)
