"""The logarithm in whole numbers: no float decides what is in a file."""

from __future__ import annotations

LEADING_BITS = 13
"""A count of more bits is taken by its leading bits alone, one fewer than these."""


def log2(count: int) -> int:
    """256 log2 of a count from 1 on, rounded down; ``coding/FORMAT.md``, section 2.3."""
    length = count.bit_length()
    excess = length - LEADING_BITS + 1 if length > LEADING_BITS else 0
    power = (count >> excess) ** 256
    return power.bit_length() - 1 + (excess << 8)
