"""What suits a block: small trials, in whole numbers, so that they end alike on every machine."""

from __future__ import annotations

import re

from coding import transforms
from coding.container import Design, Transform
from compressor.codec import native
from compressor.codec.levels import FULL, LIGHT, Level, lanes_of
from compressor.codec.registry import Coders
from compressor.codec.seams import BlockCodec, Recipe, ignore_progress
from compressor.errors import StaleEngine

_CALL = re.compile(rb"[\xe8\xe9](?=...[\x00\xff])", re.DOTALL)
LOOKED_AT = 1 << 20
"""Bytes in which calls of x86 are counted."""
SPARSE_CALLS = 2000
"""Fewer calls than one in so many bytes mean that there is no code worth a trial."""
CODE_SAMPLE = 1 << 17
TEXT_SAMPLE = 1 << 14
SHARE = 32
"""A sample is at most one byte in so many of the block, so that trials cost little of its time."""
SAMPLE_LANES = 8


def sample(block: bytes, most: int) -> bytes:
    """The middle of a block: at most ``most`` bytes, and one in SHARE of its own."""
    size = min(len(block) // SHARE, most)
    start = (len(block) - size) // 2
    return block[start : start + size]


def transformed(block: bytes, alone: BlockCodec) -> tuple[Transform, bytes]:
    """The block as it is to be coded, and the transform that made it so."""
    calls = sum(1 for _ in _CALL.finditer(block, 0, LOOKED_AT))
    if calls * SPARSE_CALLS < min(len(block), LOOKED_AT):
        return Transform.NONE, block
    changed = x86(block)
    sizes = [_size(alone, sample(text, CODE_SAMPLE), LIGHT, 1) for text in (block, changed)]
    return (Transform.X86, changed) if sizes[1] < sizes[0] else (Transform.NONE, block)


def restored(block: bytes, transform: Transform) -> bytes:
    """The inverse of ``transformed``."""
    return undo_x86(block) if transform == Transform.X86 else block


def codec_for(block: bytes, coders: Coders, level: Level) -> BlockCodec:
    """The network's codec, or that of the memory alone where the network is no help.

    In a sample the network has the advantage of what it has learned before: where it does not win
    even there, it never does.
    """
    text = sample(block, TEXT_SAMPLE)
    lanes = lanes_of(len(text), SAMPLE_LANES)
    if coders.network is None or len(text) < TEXT_SAMPLE // 8:
        return coders.network or coders.alone
    alone = _size(coders.alone, text, FULL, lanes)
    return coders.alone if alone <= _size(coders.network, text, FULL, lanes) else coders.network


def _size(codec: BlockCodec, text: bytes, design: Design, lanes: int) -> int:
    """Bytes that a sample takes."""
    recipe = Recipe(lanes, design, max(len(text) >> 13, 1))
    return len(codec.encode_block(text, recipe, ignore_progress)) if text else 0


def x86(block: bytes) -> bytes:
    """The transform, by the native engine where that is at hand."""
    if _natively():
        return native.x86(block)
    return transforms.x86(block)


def undo_x86(block: bytes) -> bytes:
    """The inverse of ``x86``."""
    if _natively():
        return native.undo_x86(block)
    return transforms.undo_x86(block)


def _natively() -> bool:
    """Whether the native engine can be used."""
    try:
        return native.absent() is None
    except StaleEngine:
        return False
