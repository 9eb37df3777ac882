"""Where a stream is not as foreseen, as bytes. ``FORMAT.md``, section 7.6."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from coding.deflate import codes
from coding.deflate.bits import Reader, packed, unpacked
from coding.deflate.codes import Codes
from coding.deflate.tokens import FARTHEST, LONGEST, LOW, SHIFT, SHORTEST, match
from coding.errors import Damaged
from coding.fields import Fields, varint

DESCRIBED = 4
"""The bit of a block's byte that says that its description follows."""
KIND = 3
"""The bits that hold its type."""


class Listed(NamedTuple):
    """A deflate block that is listed."""

    size: int
    """Tokens that it has, or bytes if it is stored."""
    kind: int
    description: str = ""
    """Its bits, where it is not as foreseen."""
    codes: Codes | None = None
    """What it describes; only read."""


class Fix(NamedTuple):
    """A token in the place of a foreseen one."""

    gap: int
    """Tokens since the last one, or the start, that are as foreseen."""
    token: int


@dataclass
class Corrections:
    """All that is not as foreseen in a stream."""

    blocks: list[Listed] = field(default_factory=list)
    """None where all blocks are as foreseen."""
    fixes: list[Fix] = field(default_factory=list)


def write(corrections: Corrections) -> bytes:
    """Corrections as bytes."""
    if not corrections.blocks and not corrections.fixes:
        return b""
    found = bytearray(varint(len(corrections.blocks)))
    for block in corrections.blocks:
        found += varint(block.size)
        found.append(block.kind | (DESCRIBED if block.description else 0))
        if block.description:
            found += varint(len(block.description)) + packed(block.description)
    for gap, token in corrections.fixes:
        found += varint(gap) + varint(token >> SHIFT)
        if token:
            found += varint(token & LOW)
    return bytes(found)


def read(content: bytes) -> Corrections:
    """The inverse of ``write``. Raises Damaged for what the format does not allow."""
    fields, found = Fields(content), Corrections()
    if content:
        blocks = fields.varint()
        if 2 * blocks > fields.left:
            raise Damaged("a rebuilt block lists more blocks than it holds: get the file anew")
        found.blocks = [_block(fields) for _ in range(blocks)]
    while fields.left:
        found.fixes.append(Fix(fields.varint(), _token(fields)))
    return found


def _block(fields: Fields) -> Listed:
    size, form = fields.varint(), fields.byte()
    kind, described = form & KIND, form & DESCRIBED
    if form > KIND | DESCRIBED or kind > codes.DYNAMIC or (described and kind != codes.DYNAMIC):
        raise Damaged("a rebuilt block lists a block of an unknown type: get the file anew")
    if kind == codes.STORED and size >= codes.STORED_TOP:
        raise Damaged("a rebuilt block lists a stored block that is too long: get the file anew")
    if not described:
        return Listed(size, kind)
    bits = fields.varint()
    content = fields.take(-(-bits // 8))
    reader = Reader(content)
    described_codes = codes.read_description(reader)
    codes.decoder(described_codes.literals)
    codes.decoder(described_codes.distances, spare=True)
    if reader.position != bits:
        raise Damaged("a description of codes has another length than said: get the file anew")
    reader.align()
    return Listed(size, kind, unpacked(content)[:bits], described_codes)


def _token(fields: Fields) -> int:
    length = fields.varint()
    if not length:
        return 0
    distance = fields.varint()
    if not SHORTEST <= length <= LONGEST or not 1 <= distance <= FARTHEST:
        raise Damaged("a corrected match is one that deflate cannot tell: get the file anew")
    return match(length, distance)
