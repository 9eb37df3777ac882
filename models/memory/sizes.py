"""Sizes of a memory's tables, for those who make them and those who only count them.

NumPy is not loaded for it, so that whoever shows or checks sizes need not wait.
"""

from __future__ import annotations

MATCH_BITS = 12, 22
"""Bounds of what ``match_bits`` returns."""
GREAT_TABLES, GREAT_MATCH_BITS = 1280, 25
"""Of what it returns for tables of more than so many MiB, the upper bound: earlier writers had no
such tables, and what they have written is read as it was."""


def match_bits(length: int, tables_mib: int) -> int:
    """Base-2 logarithm of the places in a match's table, for a block of ``length`` bytes.

    It is that of the block's length if it may be. Of four bytes each, the places take no more than
    an eighth of the memory's ``tables_mib``.
    """
    least, most = MATCH_BITS
    if tables_mib > GREAT_TABLES:
        most = GREAT_MATCH_BITS
    return min(max(length.bit_length(), least), most, 14 + tables_mib.bit_length())
