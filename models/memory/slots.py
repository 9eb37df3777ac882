"""How large the memory's tables are."""

from __future__ import annotations


def slot_bits(size: int) -> int:
    """log2 of the slots of a counters' context.

    ``size`` is that of the block's rectangle, steps times lanes.
    """
    return min(24, max(18, size.bit_length() + 1))
