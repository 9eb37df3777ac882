"""The .kz container as FORMAT.md lays it down: header, blocks, end mark; or the short form.

This module knows the framing alone; what the payload of a mixed block means is not here.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from coding.errors import (
    BadMagic,
    Damaged,
    NewerBlock,
    NewerVersion,
    OlderVersion,
    TrailingData,
    Truncated,
)

MAGIC = b"\x89KZ\r\n\x1a"
VERSION = 1
"""The one version that is written and read."""
OLDER_VERSIONS = (2, 3)
"""Greater numbers that were in use before the first release."""
MAX_BLOCK = 1 << 27
"""Original bytes in one block at most: this bounds the memory of both sides."""
MAX_LANES_LOG2 = 10
MAX_TABLES = 4096
"""MiB of the memory's tables at most."""
WORD_BYTES = 4
"""A mixed block's payload is a whole number of these."""
MAX_EXPANSION = 8192
"""Original bytes for each payload byte of a mixed block at most, so that a decoder's work is in
proportion to the size of its input, as that of LZMA is by its nature (some 7,000 to 1)."""
NO_WEIGHTS = bytes(8)
"""The weights identity of a mixed block that is coded without a network."""

NO_MEMORY = bytes(8)
"""The identity in the header of a container whose blocks begin with no prepared memory."""

SHORT_MAGIC = b"\x89Kz"
SHORT_MOST = (1 << 16) - 1
"""Original bytes in a container of the short form at most."""
SHORT_TABLES = 255
"""MiB of the memory's tables that the short form can say, at most."""
PREFIX = 4
"""Bytes of an identity that the short form says."""

_HEADER = struct.Struct("<6sBB8s")
_HEAD = struct.Struct("<BBBBII")
_MIXED = struct.Struct("<HH8s")
_END = struct.Struct("<BBHQ12s")
_CRC = struct.Struct("<I")

_SHORT = struct.Struct("<3sB4s")

HEADER_BYTES = _HEADER.size + _CRC.size
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
    MIXED = 3
    REBUILT = 4
    BASE64 = 5
    COLUMNS = 7
    PREDICTED = 8
    STRINGS = 9


HOLDING_BLOCKS = frozenset({Kind.REBUILT, Kind.BASE64, Kind.PREDICTED, Kind.COLUMNS, Kind.STRINGS})
"""Types whose payload is blocks of other types, which hold the parts."""


class Design(enum.IntEnum):
    """Designs of the memory; the numbers are the format's."""

    LIGHT = 1
    FULL = 2
    LAYOUT = 3
    BESIDE = 4
    ALONE = 5
    WIDE = 6
    LAGS = 7


class Transform(enum.IntEnum):
    """What was done to the original of a mixed block before it was coded."""

    NONE = 0
    X86 = 1
    BYTES = 2
    BYTES_OF_3 = 3
    BYTES_OF_4 = 4
    WORDS = 5
    WORDS_OF_2 = 6


END_TYPE = 0


class Form(enum.IntEnum):
    """What a container of the short form holds; the numbers are the format's."""

    AFTER_MEMORY = 1
    WITH_NETWORK = 2
    MEMORY_ALONE = 3
    RAW = 4


_SHORT_FIELDS = {
    Form.AFTER_MEMORY: struct.Struct("<H4s"),
    Form.WITH_NETWORK: struct.Struct("<HBB4s"),
    Form.MEMORY_ALONE: struct.Struct("<HBB"),
    Form.RAW: struct.Struct(""),
}
"""What lies between check and payload: length; then identity, or lanes and design, tables."""
_SHORT_FRAMING = _SHORT.size + max(fields.size for fields in _SHORT_FIELDS.values())


@dataclasses.dataclass(frozen=True)
class Head:
    """The head of a block: its type, original bytes, and payload bytes.

    That of a mixed block is a ``Mixed``, unless a container of the short form leaves the rest to
    its prepared memory.
    """

    kind: Kind
    length: int
    size: int

    @property
    def framing(self) -> int:
        """Bytes that the block takes in the container beside its payload."""
        return _HEAD.size + _CRC.size


@dataclasses.dataclass(frozen=True)
class Mixed(Head):
    """The head of a mixed block: ``tables`` are MiB.

    ``weights_id`` are 8 bytes, or the first 4 of them in a container of the short form.
    """

    kind: Kind = dataclasses.field(default=Kind.MIXED, init=False)
    lanes: int
    design: Design
    transform: Transform
    tables: int
    weights_id: bytes

    @property
    def framing(self) -> int:
        """Bytes that the block takes in the container beside its payload."""
        return _HEAD.size + _MIXED.size + _CRC.size


@dataclasses.dataclass(frozen=True)
class Block:
    """A block: ``head.length`` original bytes, told by ``head.size`` bytes of payload."""

    head: Head
    payload: bytes


@dataclasses.dataclass(frozen=True)
class EndMark:
    """Length of the whole original, and the first 12 bytes of its SHA-256.

    Of a container in the short form the check is another one, of 4 bytes.
    """

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

    def short_mark(self, rest: bytes) -> EndMark:
        """Length and check of a container in the short form, whose other bytes are ``rest``."""
        return EndMark(self.length, hashlib.sha256(rest + self._sha.digest()).digest()[:4])


def _sealed(data: bytes) -> bytes:
    return data + _crc_of(data)


def _crc_of(*parts: bytes) -> bytes:
    """The checksum of the parts together, which are not joined for it."""
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return _CRC.pack(crc)


def header_bytes(memory_id: bytes = NO_MEMORY) -> bytes:
    """The header as it lies in every container whose mixed blocks begin with this memory."""
    return _sealed(_HEADER.pack(MAGIC, VERSION, 0, memory_id))


def block_bytes(block: Block) -> bytes:
    """One block as it lies in the container."""
    return b"".join(block_parts(block))


def block_parts(block: Block) -> tuple[bytes, bytes, bytes]:
    """One block as it lies in the container: header, payload, checksum."""
    head = block.head
    lanes_log2 = design = transform = 0
    more = b""
    if isinstance(head, Mixed):
        lanes_log2, design, transform = head.lanes.bit_length() - 1, head.design, head.transform
        more = _MIXED.pack(head.tables, 0, head.weights_id)
    fields = _HEAD.pack(head.kind, lanes_log2, design, transform, head.length, head.size)
    return fields + more, block.payload, _crc_of(fields + more, block.payload)


def end_bytes(end: EndMark) -> bytes:
    """The end mark as it lies in the container."""
    return _sealed(_END.pack(END_TYPE, 0, 0, end.length, end.check))


def short_bytes(block: Block | None, digest: Digest, memory_id: bytes = NO_MEMORY) -> bytes | None:
    """A container in the short form that holds a block alone, None where that cannot be.

    ``digest`` is that of the block's original; without a block there is none.
    """
    told = _short_fields(block.head, memory_id) if block else (Form.RAW, b"")
    if told is None:
        return None
    form, fields = told
    payload = block.payload if block else b""
    if block and block.head.kind == Kind.MIXED:
        payload = _trimmed(payload, least_payload(block.head.length))
    start, rest = SHORT_MAGIC + bytes([form]), fields + payload
    return start + digest.short_mark(start + rest).check + rest


def _short_fields(head: Head, memory_id: bytes) -> tuple[Form, bytes] | None:
    """Form and fields of the short form for a block; None where it cannot hold it."""
    if head.length > SHORT_MOST:
        return None
    if head.kind == Kind.RAW:
        return Form.RAW, b""
    if not isinstance(head, Mixed) or head.transform != Transform.NONE:
        return None
    if memory_id != NO_MEMORY:
        named = _SHORT_FIELDS[Form.AFTER_MEMORY].pack(head.length, memory_id[:PREFIX])
        return Form.AFTER_MEMORY, named
    if head.tables > SHORT_TABLES:
        return None
    how = head.length, (head.lanes.bit_length() - 1) << 4 | head.design, head.tables
    if head.weights_id == NO_WEIGHTS:
        return Form.MEMORY_ALONE, _SHORT_FIELDS[Form.MEMORY_ALONE].pack(*how)
    fields = _SHORT_FIELDS[Form.WITH_NETWORK].pack(*how, head.weights_id[:PREFIX])
    return Form.WITH_NETWORK, fields


def _trimmed(payload: bytes, least: int) -> bytes:
    """A payload without the zeros at its end, down to ``least`` bytes in whole words.

    In the last word those are its lower bytes, which come first.
    """
    while len(payload) > least and payload.endswith(bytes(WORD_BYTES)):
        payload = payload[:-WORD_BYTES]
    last = payload[-WORD_BYTES:]
    return payload[:-WORD_BYTES] + (last.lstrip(b"\0") or last[:1])


def _padded(payload: bytes) -> bytes:
    """The same in whole words again."""
    whole = len(payload) // WORD_BYTES * WORD_BYTES
    last = payload[whole:]
    return payload[:whole] + (last.rjust(WORD_BYTES, b"\0") if last else b"")


class Writer:
    """A container as it is written: in the short form where it can be and is smaller so.

    The first block is held back for this until it is known whether it is the only one.
    """

    def __init__(self, target: Sink, memory_id: bytes = NO_MEMORY) -> None:
        """``memory_id`` is that of the prepared memory with which mixed blocks begin."""
        self._target, self._memory_id = target, memory_id
        self._held: tuple[Block, bytes] | None = None
        self._begun = False

    def add(self, block: Block, original: bytes) -> None:
        """Writes a block; its original is needed where that has at most SHORT_MOST bytes."""
        if self._held is None and not self._begun and block.head.length <= SHORT_MOST:
            self._held = block, original
            return
        self._begin()
        self._write(block)

    def end(self, digest: Digest) -> None:
        """Writes what is left; ``digest`` is that of the whole original."""
        short = None if self._begun else self._short(digest)
        if short is not None:
            self._target.write(short)
            return
        self._begin()
        self._target.write(end_bytes(digest.end_mark()))

    def _short(self, digest: Digest) -> bytes | None:
        """The smallest container in the short form; None where the long form is smaller."""
        if self._held is None:
            return short_bytes(None, digest)
        (block, original), head = self._held, self._held[0].head
        raw = Block(Head(Kind.RAW, head.length, head.length), original)
        made = (short_bytes(one, digest, self._memory_id) for one in (block, raw))
        short = min((one for one in made if one is not None), key=len)
        long = HEADER_BYTES + head.framing + head.size + END_BYTES
        return short if len(short) < long else None

    def _begin(self) -> None:
        """Writes the header and the block that was held back, if they are not written yet."""
        if self._begun:
            return
        self._begun = True
        self._target.write(header_bytes(self._memory_id))
        if self._held is not None:
            self._write(self._held[0])
            self._held = None

    def _write(self, block: Block) -> None:
        for part in block_parts(block):
            self._target.write(part)


def least_payload(length: int) -> int:
    """Bytes that the payload of a mixed block of ``length`` original bytes must have at least."""
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


def _read_header(data: bytes) -> bytes:
    """The identity of the prepared memory that a header names."""
    if data[:6] != MAGIC[: len(data)]:
        raise BadMagic("not a kolmozip file (wrong magic): check the name, or compress it first")
    if len(data) > 6 and data[6] in OLDER_VERSIONS:
        raise OlderVersion(
            f"format version {data[6]} is from before the first release: use the program that "
            "wrote it, then compress again"
        )
    if len(data) > 6 and data[6] > VERSION:
        raise NewerVersion(
            f"format version {data[6]}, this program knows {VERSION}: update kolmozip"
        )
    if len(data) < HEADER_BYTES:
        raise Truncated("the file ends inside its header: it was cut short, fetch it again")
    _, version, reserved, memory_id = _HEADER.unpack(data[: _HEADER.size])
    if _sealed(data[: _HEADER.size]) != data or not version or reserved:
        raise Damaged(
            "the header does not hold its checksum or sets reserved bits: "
            "the file is damaged, fetch it again"
        )
    return bytes(memory_id)


class _Short(NamedTuple):
    """A container in the short form: its block, none where the original is empty."""

    memory_id: bytes
    block: Block | None
    end: EndMark
    rest: bytes
    """All its bytes but those of the check."""


def _read_short(data: bytes) -> _Short:
    """Reads a whole container of the short form."""
    number = data[len(SHORT_MAGIC)] if len(data) > len(SHORT_MAGIC) else None
    if number is not None and number > max(Form):
        raise NewerVersion(
            f"short form {number}, this program knows 1 to {max(Form)}: "
            "update kolmozip, or fetch the file again if it is damaged"
        )
    if number == 0:
        raise Damaged("short form 0 is none: the file is damaged, fetch it again")
    form = Form(number or Form.RAW)
    start = _SHORT.size + _SHORT_FIELDS[form].size
    if len(data) < start:
        raise Truncated("the file ends inside its header: it was cut short, fetch it again")
    check, rest, payload = data[4:8], data[:4] + data[8:], data[start:]
    if form != Form.RAW:
        payload = _padded(payload)
    memory_id, head = _short_head(form, data[_SHORT.size : start], len(payload))
    block = Block(head, payload) if head.length else None
    return _Short(memory_id, block, EndMark(head.length, check), rest)


def _short_head(form: Form, fields: bytes, size: int) -> tuple[bytes, Head]:
    """The identity of the prepared memory, or NO_MEMORY, and the head of the block.

    What it says is held to the rules of the long form's blocks.
    """
    if form == Form.RAW:
        if size > SHORT_MOST:
            raise Damaged(
                f"the short form holds {SHORT_MOST:,} bytes at most, these are more: "
                "the file is damaged, fetch it again"
            )
        return NO_MEMORY, Head(Kind.RAW, size, size)
    length, *told = _SHORT_FIELDS[form].unpack(fields)
    # What a prepared memory says, a block of the least demands stands for here.
    how, tables = (Design.LIGHT, 1) if form == Form.AFTER_MEMORY else told[:2]
    weights_id = told[2] if form == Form.WITH_NETWORK else NO_WEIGHTS
    long = _HEAD.pack(Kind.MIXED, how >> 4, how & 15, Transform.NONE, length, size)
    long += _MIXED.pack(tables, 0, weights_id)
    if not _keeps_the_format(long):
        raise Damaged("its header breaks the format: the file is damaged, fetch it again")
    if form == Form.AFTER_MEMORY:
        return told[0], Head(Kind.MIXED, length, size)
    return NO_MEMORY, dataclasses.replace(_mixed_head(long), weights_id=weights_id)


def stated_length(start: bytes, size: int) -> int | None:
    """Length of the original by the first bytes, 10 at most, of a container of the short form.

    ``size`` is that of the container. None where it is in the long form, or too short.
    """
    if start[:3] != SHORT_MAGIC or len(start) < _SHORT.size:
        return None
    if start[3] == Form.RAW:
        return size - _SHORT.size
    return int.from_bytes(start[8:10], "little")


class Reader:
    """A container as it is read, each part checked before it is handed out.

    The constructor reads the header, and all of a container in the short form: raises BadMagic,
    NewerVersion, OlderVersion, NewerBlock, Truncated, Damaged.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._short: _Short | None = None
        self._end: EndMark | None = None
        data = read_up_to(source, HEADER_BYTES)
        if data.startswith(SHORT_MAGIC):
            # A byte more than there can be, so that more is noticed.
            most = _SHORT_FRAMING + SHORT_MOST + 1
            self._short = _read_short(data + read_up_to(source, most - len(data)))
        self.memory_id = self._short.memory_id if self._short else _read_header(data)
        """Identity of the prepared memory that mixed blocks begin with, or NO_MEMORY.

        In the short form it is the first 4 bytes of the identity.
        """

    @property
    def short(self) -> bool:
        """Whether the container is in the short form."""
        return self._short is not None

    def blocks(self) -> Iterator[Block]:
        """Yields every block up to the end mark.

        Raises NewerBlock, Truncated, Damaged, TrailingData.
        """
        if self._short is not None:
            if self._short.block:
                yield self._short.block
            self._end = self._short.end
            return
        while (start := _read(self._source, 4, "block header"))[0] != END_TYPE:
            block = read_block(self._source, start)
            if block.head.kind in HOLDING_BLOCKS and self.memory_id != NO_MEMORY:
                raise Damaged(
                    "a block that holds blocks cannot begin with a prepared memory: "
                    "the file is damaged, fetch it again"
                )
            yield block
        self._end = _read_end(self._source, start)

    @property
    def end(self) -> EndMark:
        """The end mark, or what stands for it, once ``blocks`` is exhausted."""
        if self._end is None:
            raise ValueError("the end mark is known only when all blocks were read: read on")
        return self._end

    def compare(self, digest: Digest) -> None:
        """Compares what was decoded with length and check, once ``blocks`` is exhausted.

        Raises Damaged where it is not the original.
        """
        mark = digest.short_mark(self._short.rest) if self._short else digest.end_mark()
        if self.end != mark:
            raise Damaged(
                "the decoded bytes do not have the original's checksum: "
                "the file is damaged, fetch it again"
            )


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


def _keeps_the_format(fields: bytes) -> bool:
    """Whether a block header agrees with FORMAT.md, section 1.2.

    A design or transform that this program does not know may still do so.
    """
    kind, lanes_log2, design, _, length, size = _HEAD.unpack_from(fields)
    if not 1 <= length <= MAX_BLOCK:
        return False
    if kind != Kind.MIXED:
        sizes = {Kind.RAW: size == length, Kind.RUN: size == 1}
        return not any(fields[1:4]) and sizes.get(Kind(kind), size < length)
    tables, reserved, _ = _MIXED.unpack_from(fields, _HEAD.size)
    return (
        lanes_log2 <= MAX_LANES_LOG2
        and 1 << lanes_log2 <= length
        and design > 0
        and 1 <= tables <= MAX_TABLES
        and reserved == 0
        and least_payload(length) <= size < length
        and size % WORD_BYTES == 0
    )


def _mixed_head(fields: bytes) -> Mixed:
    """The header of a mixed block that keeps the format, its checksum compared."""
    _, lanes_log2, design, transform, length, size = _HEAD.unpack_from(fields)
    tables, _, weights_id = _MIXED.unpack_from(fields, _HEAD.size)
    try:
        how = Design(design), Transform(transform)
    except ValueError as error:
        known = design in list(Design)
        what = f"transform {transform}" if known else f"design {design} of the memory"
        raise NewerBlock(
            f"a block needs {what}, this program does not know it: update kolmozip"
        ) from error
    return Mixed(length, size, 1 << lanes_log2, *how, tables, weights_id)


def read_block(source: Source, start: bytes) -> Block:
    """One block of the long form, of which the first bytes, four or fewer, are read already.

    Raises NewerBlock, Truncated, Damaged.
    """
    if start[0] not in list(Kind):
        raise NewerBlock(
            f"a block is of type {start[0]}, this program does not know it: "
            "update kolmozip, or fetch the file again if it is damaged"
        )
    kind = Kind(start[0])
    missing = _HEAD.size - len(start) + (_MIXED.size if kind == Kind.MIXED else 0)
    fields = start + _read(source, missing, "block header")
    if not _keeps_the_format(fields):
        raise Damaged("a block header breaks the format: the file is damaged, fetch it again")
    *_, length, size = _HEAD.unpack_from(fields)
    payload = _read(source, size, "block")
    if _crc_of(fields, payload) != _read(source, _CRC.size, "block checksum"):
        raise Damaged("a block's checksum does not hold: the file is damaged, fetch it again")
    head = _mixed_head(fields) if kind == Kind.MIXED else Head(kind, length, size)
    return Block(head, payload)
