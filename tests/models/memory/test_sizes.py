"""Sizes of the memory's tables."""

from __future__ import annotations

import pytest

from models.memory.sizes import match_bits

MIB = 1 << 20


@pytest.mark.parametrize(
    ("length", "tables_mib", "bits"),
    [
        (1, 1, 12),
        (4096, 1, 13),
        (5_000_000, 1, 15),
        (5_000_000, 255, 22),
        (100_000_000, 653, 22),
        (128 * MIB, 1280, 22),
        (100_000, 1281, 17),
        (5_000_000, 1281, 23),
        (100_000_000, 1281, 25),
        (128 * MIB, 4096, 25),
    ],
)
def test_places_of_a_match(length: int, tables_mib: int, bits: int) -> None:
    # The unit test in crew.rs has the same rows.
    assert match_bits(length, tables_mib) == bits
    assert 4 << bits <= tables_mib * MIB // 8
