"""The .kz container as FORMAT.md lays it down: header, blocks, end mark. Framing only; what a model block means is not here."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from coding.errors import BadMagic, Damaged, NewerVersion, TrailingData, Truncated

MAGIC = b"\x89KZ\r\n\x1a"
VERSION = 3
"""What is written; older ones are read. They differ in the memory (FORMAT.md, 2.3) and in the greatest block."""
MAX_BLOCK = 1 << 27
"""Original bytes in one block at most: bounds the memory of both sides."""
MAX_BLOCK_1 = 1 << 23
"""The same in version 1."""
MAX_LANES_LOG2 = 10

_HEADER = struct.Struct("<6sBB8s")
_BLOCK = struct.Struct("<BBHII")
_END = struct.Struct("<BBHQ12s")
_CRC = struct.Struct("<I")

HEADER_BYTES = _HEADER.size + _CRC.size
BLOCK_BYTES = _BLOCK.size + _CRC.size
"""What a block takes beside its payload."""
END_BYTES = _END.size + _CRC.size


class Kind(enum.IntEnum):
    """Block types; the numbers are the format's."""

    END = 0
    RAW = 1
    RUN = 2
    MODEL = 3


@dataclasses.dataclass(frozen=True)
class Block:
    """One block: ``length`` original bytes told by ``payload``; ``lanes`` counts only for MODEL blocks, else 1."""

    kind: Kind
    length: int
    payload: bytes
    lanes: int = 1


class Digest:
    """Length and checksum of the original, gathered as it passes."""

    def __init__(self) -> None:
        self.length = 0
        self._sha = hashlib.sha256()

    def update(self, data: bytes) -> None:
        """More of the original."""
        self.length += len(data)
        self._sha.update(data)

    def value(self) -> bytes:
        """First 12 bytes of the SHA-256."""
        return self._sha.digest()[:12]


def _sealed(data: bytes) -> bytes:
    return data + _CRC.pack(zlib.crc32(data))


@dataclasses.dataclass(frozen=True)
class Header:
    """Format version of a container, and the identity (8 bytes) of the weights that its model blocks were coded with."""

    weights_id: bytes
    version: int = VERSION


def header_bytes(header: Header) -> bytes:
    """The header as it lies in the container."""
    return _sealed(_HEADER.pack(MAGIC, header.version, 0, header.weights_id))


def block_bytes(block: Block) -> bytes:
    """One block as it lies in the container."""
    head = _BLOCK.pack(
        block.kind, block.lanes.bit_length() - 1, 0, block.length, len(block.payload)
    )
    return _sealed(head + block.payload)


def end_bytes(digest: Digest) -> bytes:
    """The end mark."""
    return _sealed(_END.pack(Kind.END, 0, 0, digest.length, digest.value()))


def read_up_to(source: BinaryIO, size: int) -> bytes:
    """Reads on through short reads (pipes); fewer bytes only at the end."""
    data = source.read(size)
    while 0 < len(data) < size and (more := source.read(size - len(data))):
        data += more
    return data


def _read(source: BinaryIO, size: int, what: str) -> bytes:
    data = read_up_to(source, size)
    if len(data) < size:
        raise Truncated(f"the file ends inside its {what}: it was cut short, fetch it again")
    return data


def read_header(source: BinaryIO) -> Header:
    """Reads the header. Raises BadMagic, NewerVersion, Truncated, Damaged."""
    data = read_up_to(source, HEADER_BYTES)
    if data[:6] != MAGIC[: len(data)]:
        raise BadMagic("not a kolmozip file (wrong magic): check the name, or compress it first")
    if len(data) > 6 and data[6] > VERSION:
        raise NewerVersion(
            f"format version {data[6]}, this program knows {VERSION}: update kolmozip"
        )
    if len(data) < HEADER_BYTES:
        raise Truncated("the file ends inside its header: it was cut short, fetch it again")
    _, version, reserved, weights_id = _HEADER.unpack(data[: _HEADER.size])
    if _sealed(data[: _HEADER.size]) != data or not version or reserved:
        raise Damaged(
            "the header does not hold its checksum or sets reserved bits: the file is damaged, fetch it again"
        )
    return Header(weights_id, version)


def read_blocks(source: BinaryIO, version: int) -> Iterator[Block]:
    """Yields every block up to the end mark, each checked; the last thing yielded is an END block whose payload is the
    checksum and whose length is the original's. Raises Truncated, Damaged, TrailingData."""
    while True:
        start = _read(source, 4, "block header")
        if start[0] == Kind.END:
            body = start + _read(source, _END.size - 4 + _CRC.size, "end mark")
            if _sealed(body[: -_CRC.size]) != body:
                raise Damaged(
                    "the end mark's checksum does not hold: the file is damaged, fetch it again"
                )
            _, lanes, reserved, length, checksum = _END.unpack(body[: _END.size])
            if lanes or reserved:
                raise Damaged(
                    "reserved bits are set in the end mark: the file is damaged, fetch it again"
                )
            if source.read(1):
                raise TrailingData(
                    "bytes follow the end of the compressed data: remove them, or fetch the file again"
                )
            yield Block(Kind.END, length, checksum)
            return
        yield _read_block(source, start, MAX_BLOCK_1 if version == 1 else MAX_BLOCK)


def _read_block(source: BinaryIO, start: bytes, longest: int) -> Block:
    head = start + _read(source, _BLOCK.size - 4, "block header")
    kind, lanes_log2, reserved, length, size = _BLOCK.unpack(head)
    sizes = {Kind.RAW: size == length, Kind.RUN: size == 1, Kind.MODEL: size < length}
    if (
        kind not in sizes
        or not sizes[Kind(kind)]
        or reserved
        or not 1 <= length <= longest
        or lanes_log2 > (MAX_LANES_LOG2 if kind == Kind.MODEL else 0)
        or (kind == Kind.MODEL and (size % 4 or 1 << lanes_log2 > length))
    ):
        raise Damaged("a block header breaks the format: the file is damaged, fetch it again")
    payload = _read(source, size, "block")
    if _sealed(head + payload)[-_CRC.size :] != _read(source, _CRC.size, "block checksum"):
        raise Damaged("a block's checksum does not hold: the file is damaged, fetch it again")
    return Block(Kind(kind), length, payload, 1 << lanes_log2)
