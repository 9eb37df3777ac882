"""Hashed contexts: where the last n bytes point to in a table.

Pure uint32 arithmetic, the same in NumPy and JAX.
"""

from __future__ import annotations

from typing import Any, TypeAlias

Words: TypeAlias = Any
"""Arrays of uint32, of NumPy or of JAX; neither library's type covers the other's."""

HASH_LOW = 2654435761
"""Knuth's multiplicative constant, 2^32 / golden ratio (TAOCP vol. 3, 6.4)."""
HASH_HIGH = 2246822519
"""A second odd constant (xxHash prime 2) for the bytes beyond the fourth."""


def context_hash(low: Words, high: Words, order: int) -> Words:
    """The hash of the order-n context, uint32.

    ``low`` holds the last four bytes, the newest in bits 0 to 7, and ``high`` the four before;
    bytes before the first are zeros.
    """
    uint32 = low.dtype.type
    if order < 4:
        low = low & uint32((1 << 8 * order) - 1)
        high = high & uint32(0)
    else:
        high = high & uint32((1 << 8 * (order - 4)) - 1)
    mixed = low * uint32(HASH_LOW) + high * uint32(HASH_HIGH)
    mixed = mixed ^ (mixed >> uint32(15))
    return mixed * uint32(HASH_LOW)


def context_index(low: Words, high: Words, order: int, bits: int) -> Words:
    """The bucket of the order-n context in a table of 2^bits; arguments as for ``context_hash``."""
    return context_hash(low, high, order) >> low.dtype.type(32 - bits)


def push(low: Words, high: Words, byte: Words) -> tuple[Words, Words]:
    """The history after one more byte; all uint32."""
    uint32 = low.dtype.type
    return (low << uint32(8)) | byte, (high << uint32(8)) | (low >> uint32(24))
