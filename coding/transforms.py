"""Transforms of a block before it is coded, and their inverses. ``FORMAT.md``, section 2.9.

This is the definition, and what undoes them where the native engine is not at hand.
"""

from __future__ import annotations

import re

_CODE = re.compile(rb"[\xe8\xe9]")
INSTRUCTION = 5
"""Bytes of a call or jump of x86: its code, and a distance of four."""
_FAR = (0, 0xFF)
"""What the highest byte of a distance is where it lies below 2^24 either way."""


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
