"""What suits a block: small trials, in whole numbers, so that they end alike on every machine."""

from __future__ import annotations

import math
import re

from coding import transforms
from coding.container import Design, Transform
from compressor.codec import native
from compressor.codec.kinds import entropy
from compressor.codec.levels import LAYOUT, LIGHT, lanes_of
from compressor.codec.registry import Coders
from compressor.codec.seams import BlockCodec, Recipe, ignore_progress

_CALL = re.compile(rb"[\xe8\xe9](?=...[\x00\xff])", re.DOTALL)
LOOKED_AT = 1 << 20
"""Bytes in which calls of x86 are counted."""
SPARSE_CALLS = 2000
"""Fewer calls than one in so many bytes mean that there is no code worth a trial."""
CODE_SAMPLE = 1 << 17
TEXT_SAMPLE = 1 << 14
NUMBERS_SAMPLE = 1 << 16
SHARE, ALONE_SHARE = 48, 8
"""A sample is at most one byte in so many of the block, so that trials cost little of its time. A
transform is tried with the memory alone, which is quicker, and only where it may well help."""
LEAST_SAMPLE = 1 << 9
"""Bytes of a block, if it has so many, by which one of several networks is chosen."""
SAMPLE_LANES = 8
LEAST_NUMBERS = 1 << 11


def sample(block: bytes, size: int, centre: int) -> bytes:
    """``size`` bytes of a block, around a place as near as can be."""
    start = min(max(centre - size // 2, 0), len(block) - size)
    return block[start : start + size]


def transformed(block: bytes, alone: BlockCodec, design: Design) -> tuple[Transform, bytes]:
    """The block as it is to be coded with this design, and the transform that made it so."""
    transform = _program(block, alone) or _differences(block, alone, design)
    return transform, apply(transform, block)


def _program(block: bytes, alone: BlockCodec) -> Transform:
    """X86 where it makes a sample of the block's code smaller."""
    calls = [match.start() for match in _CALL.finditer(block, 0, LOOKED_AT)]
    if not calls or len(calls) * SPARSE_CALLS < min(len(block), LOOKED_AT):
        return Transform.NONE
    changed = apply(Transform.X86, block)
    # Where the calls are is code; the middle of a program may be its data.
    centre, size = calls[len(calls) // 2], min(len(block) // ALONE_SHARE, CODE_SAMPLE)
    samples = (sample(text, size, centre) for text in (block, changed))
    sizes = [_size(alone, text, LIGHT, 1) for text in samples]
    return Transform.X86 if sizes[1] < sizes[0] else Transform.NONE


def _differences(block: bytes, alone: BlockCodec, design: Design) -> Transform:
    """The differences that make a sample of the block smaller by a sixteenth, if any do.

    Repetitions further apart than the sample is long help the bytes more than their differences.
    """
    size = min(len(block) // ALONE_SHARE, NUMBERS_SAMPLE)
    # A sample begins where a number of each width and number of channels does.
    start = (len(block) - size) // 2 // 12 * 12
    plain = block[start : start + size]
    if len(plain) < LEAST_NUMBERS:
        return Transform.NONE
    changed = {transform: apply(transform, plain) for transform in transforms.DIFFERENCES}
    entropies = {transform: entropy(text) for transform, text in changed.items()}
    of_bytes, likely = entropy(plain), dict[int, Transform]()
    for transform in sorted(changed, key=lambda transform: entropies[transform], reverse=True):
        if entropies[transform] < of_bytes:
            # Of those that reach equally far back one is enough: a later one has the lower entropy.
            likely[math.prod(transforms.DIFFERENCES[transform])] = transform
    if not likely:
        return Transform.NONE
    sizes = {one: _size(alone, changed[one], design, 1) for one in likely.values()}
    best = min(sizes, key=lambda transform: sizes[transform])
    return best if 16 * sizes[best] <= 15 * _size(alone, plain, design, 1) else Transform.NONE


def codec_for(block: bytes, coders: Coders) -> BlockCodec:
    """The codec of the network that suits a block, or of the memory alone where none is a help.

    In a sample a network has the advantage of what it has learned before, and none of the lanes
    that it needs and the memory alone does without: it must win by a thirty-second there. A block
    that is too short to show this takes a network, of several the one that suits its middle.
    """
    size = min(len(block) // SHARE, TEXT_SAMPLE)
    if not coders.networks:
        return coders.alone
    tried: tuple[BlockCodec, ...] = coders.networks
    if size < TEXT_SAMPLE // 8:
        size = min(max(size, LEAST_SAMPLE), len(block))
    else:
        tried = (*coders.networks, coders.alone)
    if len(tried) == 1:
        return tried[0]
    text = sample(block, size, len(block) // 2)
    lanes = lanes_of(len(text), SAMPLE_LANES)
    sizes = [_size(codec, text, LAYOUT, lanes) for codec in tried]
    best = min(range(len(coders.networks)), key=sizes.__getitem__)
    if coders.alone in tried and 32 * sizes[-1] <= 33 * sizes[best]:
        return coders.alone
    return coders.networks[best]


def _size(codec: BlockCodec, text: bytes, design: Design, lanes: int) -> int:
    """Bytes that a sample takes."""
    recipe = Recipe(lanes, design, max(len(text) >> 13, 1))
    return len(codec.encode_block(text, recipe, ignore_progress)) if text else 0


def apply(transform: Transform, block: bytes) -> bytes:
    """The block as it is coded, by the native engine where that is at hand."""
    if transform == Transform.NONE:
        return block
    if native.at_hand():
        return native.apply(transform, block)
    return transforms.apply(transform, block)


def unpacked(block: bytes, most: int) -> bytes | None:
    """The parts of a block that holds deflate streams, at most so many bytes, None of another.

    By the native engine where that is at hand, as ``rebuilt_from`` is.
    """
    if native.at_hand():
        return native.unpack(block, most)
    from coding import deflate  # loads NumPy

    return deflate.unpack(block, most)


def rebuilt_from(parts: bytes, length: int) -> bytes:
    """The block of ``length`` bytes that has these parts. Raises ``coding.errors.Damaged``."""
    if native.at_hand():
        return native.rebuild(parts, length)
    from coding import deflate  # as above

    return deflate.rebuild(parts, length)


def undo(transform: Transform, block: bytes) -> bytes:
    """The inverse of ``apply``."""
    if transform == Transform.NONE:
        return block
    if native.at_hand():
        return native.undo(transform, block)
    return transforms.undo(transform, block)
