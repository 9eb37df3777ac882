"""What suits a block: small trials, in whole numbers, so that they end alike on every machine."""

from __future__ import annotations

import re

from coding import transforms
from coding.container import Design, Transform
from compressor.codec import native
from compressor.codec.levels import FULL, LIGHT, lanes_of
from compressor.codec.registry import Coders
from compressor.codec.seams import BlockCodec, Recipe, ignore_progress

_CALL = re.compile(rb"[\xe8\xe9](?=...[\x00\xff])", re.DOTALL)
LOOKED_AT = 1 << 20
"""Bytes in which calls of x86 are counted."""
SPARSE_CALLS = 2000
"""Fewer calls than one in so many bytes mean that there is no code worth a trial."""
CODE_SAMPLE = 1 << 17
TEXT_SAMPLE = 1 << 14
SHARE, CODE_SHARE = 32, 8
"""A sample is at most one byte in so many of the block, so that trials cost little of its time; the
memory alone is quicker than with a network."""
SAMPLE_LANES = 8


def sample(block: bytes, size: int, centre: int) -> bytes:
    """``size`` bytes of a block, around a place as near as can be."""
    start = min(max(centre - size // 2, 0), len(block) - size)
    return block[start : start + size]


def transformed(block: bytes, alone: BlockCodec) -> tuple[Transform, bytes]:
    """The block as it is to be coded, and the transform that made it so."""
    calls = [match.start() for match in _CALL.finditer(block, 0, LOOKED_AT)]
    if not calls or len(calls) * SPARSE_CALLS < min(len(block), LOOKED_AT):
        return Transform.NONE, block
    changed = x86(block)
    # Where the calls are is code; the middle of a program may be its data.
    centre, size = calls[len(calls) // 2], min(len(block) // CODE_SHARE, CODE_SAMPLE)
    samples = (sample(text, size, centre) for text in (block, changed))
    sizes = [_size(alone, text, LIGHT, 1) for text in samples]
    return (Transform.X86, changed) if sizes[1] < sizes[0] else (Transform.NONE, block)


def restored(block: bytes, transform: Transform) -> bytes:
    """The inverse of ``transformed``."""
    return undo_x86(block) if transform == Transform.X86 else block


def codec_for(block: bytes, coders: Coders) -> BlockCodec:
    """The network's codec, or that of the memory alone where the network is no help.

    In a sample the network has the advantage of what it has learned before, and none of the lanes
    that it needs and the memory alone does without: it must win by a thirty-second there.
    """
    text = sample(block, min(len(block) // SHARE, TEXT_SAMPLE), len(block) // 2)
    lanes = lanes_of(len(text), SAMPLE_LANES)
    if coders.network is None or len(text) < TEXT_SAMPLE // 8:
        return coders.network or coders.alone
    alone = _size(coders.alone, text, FULL, lanes)
    beside = _size(coders.network, text, FULL, lanes)
    return coders.alone if 32 * alone <= 33 * beside else coders.network


def _size(codec: BlockCodec, text: bytes, design: Design, lanes: int) -> int:
    """Bytes that a sample takes."""
    recipe = Recipe(lanes, design, max(len(text) >> 13, 1))
    return len(codec.encode_block(text, recipe, ignore_progress)) if text else 0


def x86(block: bytes) -> bytes:
    """The transform, by the native engine where that is at hand."""
    if native.at_hand():
        return native.x86(block)
    return transforms.x86(block)


def undo_x86(block: bytes) -> bytes:
    """The inverse of ``x86``."""
    if native.at_hand():
        return native.undo_x86(block)
    return transforms.undo_x86(block)
