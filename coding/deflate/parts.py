"""A block's deflate streams unpacked, and the block rebuilt. ``FORMAT.md``, section 7.1."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from coding.deflate.find import CHECK, WIDEST, Taken, streams
from coding.deflate.stream import make
from coding.deflate.tokens import EFFORTS, Plan
from coding.errors import Damaged
from coding.fields import Fields, Piece, joined, varint
from coding.rebuilt import MAX_PARTS, most_parts

WINDOW_BITS, LARGE_BIT, CHECKED_BIT, WIDE_BIT = 7, 8, 16, 32
"""Of a stream's form."""


def unpack(block: bytes, most: int) -> bytes | None:
    """The parts of a block, at most so many bytes; None where nothing is gained.

    What they rebuild is the block.
    """
    most = min(most, MAX_PARTS)
    taken = list(streams(block, most))
    if not taken:
        return None
    parts = _joined(block, taken)
    if len(parts) > min(most, most_parts(len(block))):
        return None
    try:
        return parts if rebuild(parts, len(block)) == block else None
    except Damaged:
        return None


def _joined(block: bytes, taken: list[Taken]) -> bytes:
    corrections = b"".join(stream.corrections for stream in taken)
    return joined(block, len(taken), map(_piece, taken), corrections)


def _piece(stream: Taken) -> Piece:
    plan = stream.plan
    form = WIDEST - plan.window
    form |= plan.large * LARGE_BIT | stream.checked * CHECKED_BIT | plan.wide * WIDE_BIT
    head = varint(len(stream.text)) + bytes([plan.level, form]) + varint(len(stream.corrections))
    return Piece(stream.start, stream.end - stream.start, head, stream.text)


class _Head(NamedTuple):
    """What the parts say of a stream."""

    gap: int
    size: int
    plan: Plan
    checked: bool
    corrections: int
    """Bytes of these."""


def rebuild(parts: bytes, length: int) -> bytes:
    """The block of ``length`` bytes that parts stand for. Raises Damaged where there is none."""
    if len(parts) > most_parts(length):
        raise Damaged("a rebuilt block has more parts than allowed: get the file anew")
    fields = Fields(parts)
    count = fields.varint()
    if not count:
        raise Damaged("a rebuilt block has no stream: get the file anew")
    heads = [_head(fields) for _ in range(count)]
    corrections = [fields.take(head.corrections) for head in heads]
    plain = fields.left - sum(head.size for head in heads)
    room = length - plain - sum(CHECK * head.checked for head in heads)
    if plain < sum(head.gap for head in heads) or room < 0:
        raise Damaged("the parts of a rebuilt block do not fit its length: get the file anew")
    block = bytearray()
    for head, correction in zip(heads, corrections, strict=True):
        block += fields.take(head.gap)
        text = fields.take(head.size)
        stream = make(text, head.plan, correction, room)
        room -= len(stream)
        block += stream
        if head.checked:
            block += zlib.adler32(text).to_bytes(CHECK, "big")
    if room:
        raise Damaged("a rebuilt block has another length than its head says: get the file anew")
    return bytes(block + fields.take(fields.left))


def _head(fields: Fields) -> _Head:
    gap, size = fields.varint(), fields.varint()
    level, form = fields.byte(), fields.byte()
    window = WIDEST - (form & WINDOW_BITS)
    if level not in EFFORTS or form >= 2 * WIDE_BIT or window == WIDEST - WINDOW_BITS:
        raise Damaged("a stream of a rebuilt block has an unknown form: get the file anew")
    plan = Plan(level, window, bool(form & LARGE_BIT), bool(form & WIDE_BIT))
    return _Head(gap, size, plan, bool(form & CHECKED_BIT), fields.varint())
