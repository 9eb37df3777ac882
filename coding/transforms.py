"""Transforms of a block before it is coded, and their inverses. ``FORMAT.md``, section 2.9.

This is the definition, and what undoes them where the native engine is not at hand.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from coding.container import Transform

_CODE = re.compile(rb"[\xe8\xe9]")
INSTRUCTION = 5
"""Bytes of a call or jump of x86: its code, and a distance of four."""
_FAR = (0, 0xFF)
"""What the highest byte of a distance is where it lies below 2^24 either way."""


class Numbers(NamedTuple):
    """What sound or a picture consists of."""

    width: int
    """Bytes of a number, the lowest first."""
    channels: int
    """Every so many-th number belongs to the same channel."""


DIFFERENCES = {
    Transform.BYTES: Numbers(1, 1),
    Transform.BYTES_OF_3: Numbers(1, 3),
    Transform.BYTES_OF_4: Numbers(1, 4),
    Transform.WORDS: Numbers(2, 1),
    Transform.WORDS_OF_2: Numbers(2, 2),
}
"""The numbers that these transforms take a block for."""


def apply(transform: Transform, block: bytes) -> bytes:
    """The block as it is coded."""
    if transform == Transform.X86:
        return x86(block)
    numbers = DIFFERENCES.get(transform)
    return differences(block, numbers) if numbers else block


def undo(transform: Transform, block: bytes) -> bytes:
    """The inverse of ``apply``."""
    if transform == Transform.X86:
        return undo_x86(block)
    numbers = DIFFERENCES.get(transform)
    return undo_differences(block, numbers) if numbers else block


def differences(block: bytes, numbers: Numbers) -> bytes:
    """The block with each number less the one before in its channel, modulo what it can hold."""
    changed = bytearray(block)
    for at, after in _pairs(len(block), numbers):
        change = _number(block, after, numbers) - _number(block, at, numbers)
        _set(changed, after, change, numbers)
    return bytes(changed)


def undo_differences(block: bytes, numbers: Numbers) -> bytes:
    """The inverse of ``differences``."""
    restored = bytearray(block)
    for at, after in _pairs(len(block), numbers):
        total = _number(restored, after, numbers) + _number(restored, at, numbers)
        _set(restored, after, total, numbers)
    return bytes(restored)


def _pairs(length: int, numbers: Numbers) -> zip[tuple[int, int]]:
    """Where each number lies, and the next one of its channel."""
    step = numbers.width * numbers.channels
    whole = length - length % numbers.width
    return zip(range(0, whole, numbers.width), range(step, whole, numbers.width), strict=False)


def _number(block: bytes | bytearray, at: int, numbers: Numbers) -> int:
    return int.from_bytes(block[at : at + numbers.width], "little")


def _set(block: bytearray, at: int, value: int, numbers: Numbers) -> None:
    value %= 1 << 8 * numbers.width
    block[at : at + numbers.width] = value.to_bytes(numbers.width, "little")


def x86(block: bytes) -> bytes:
    """The block with the distances of x86's calls and jumps made into places.

    Calls of one function look alike then. The last is changed first, so that what tells an
    instruction is what the inverse will see.
    """
    changed = bytearray(block)
    # A change reaches three bytes behind its code, never one that is still to be looked at as code.
    for match in reversed(list(_CODE.finditer(block, 0, max(len(block) - INSTRUCTION + 1, 0)))):
        _shift(changed, match.start(), match.start())
    return bytes(changed)


def undo_x86(block: bytes) -> bytes:
    """The inverse of ``x86``."""
    restored, at = bytearray(block), 0
    while match := _CODE.search(restored, at, max(len(block) - INSTRUCTION + 1, 0)):
        at = match.start()
        _shift(restored, at, -at)
        at += 1
    return bytes(restored)


def _shift(block: bytearray, at: int, by: int) -> None:
    """Moves the distance of an instruction, if it is one that is meant."""
    if block[at + 4] in _FAR:
        moved = int.from_bytes(block[at + 1 : at + 4], "little") + by
        block[at + 1 : at + 4] = (moved % (1 << 24)).to_bytes(3, "little")
