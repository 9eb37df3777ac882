"""Blocks that hold others: what they hold, and the heads of mixed blocks in any.

``FORMAT.md``, sections 7 and 10 to 13.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from coding.container import (
    HOLDING_BLOCKS,
    MAX_BLOCK,
    Block,
    Head,
    Kind,
    Mixed,
    block_bytes,
    read_block,
)
from coding.errors import Damaged

MAX_PARTS = MAX_BLOCK
"""Bytes of a block's parts at most, and how many times as long as its original at most."""
MAX_UNPACKING = 32
MAX_HEADS = 1 << 20
"""Bytes by which the parts of a block of another type are longer than its original at most."""
DEEPER = {Kind.BASE64: Kind.REBUILT, Kind.REBUILT: Kind.STRINGS}
"""The type of block that one of a type may hold, though it holds blocks itself."""


def most_parts(length: int, kind: Kind = Kind.REBUILT) -> int:
    """Bytes that the parts of a block of ``length`` original bytes have at most."""
    if kind == Kind.REBUILT:
        return min(MAX_PARTS, MAX_UNPACKING * length)
    return length + MAX_HEADS


def block_of(length: int, inner: list[Block], kind: Kind = Kind.REBUILT) -> Block:
    """The block of this type and ``length`` original bytes whose parts these hold."""
    payload = b"".join(map(block_bytes, inner))
    return Block(Head(kind, length, len(payload)), payload)


def inner_blocks(block: Block) -> list[Block]:
    """The blocks that hold the parts of one, their checksums compared.

    Raises Damaged where they break the format, Truncated, NewerBlock.
    """
    source, inner, parts = io.BytesIO(block.payload), list[Block](), 0
    most = most_parts(block.head.length, block.head.kind)
    while start := source.read(4):
        one = read_block(source, start)
        parts += one.head.length
        inner.append(one)
        holds_too = one.head.kind in HOLDING_BLOCKS
        too_deep = holds_too and one.head.kind != DEEPER.get(block.head.kind)
        if too_deep or parts > most:
            raise Damaged(
                "a block holds blocks that it must not: the file is damaged, fetch it again"
            )
    return inner


def mixed_heads(block: Block) -> Iterator[Mixed]:
    """The head of a mixed block, those of the mixed ones that a block holds. Raises as above."""
    if isinstance(block.head, Mixed):
        yield block.head
    elif block.head.kind in HOLDING_BLOCKS:
        for one in inner_blocks(block):
            yield from mixed_heads(one)
