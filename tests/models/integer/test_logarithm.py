"""The logarithm in whole numbers."""

from __future__ import annotations

import pytest

from models.integer.logarithm import log2


@pytest.mark.parametrize("count", [*range(1, 40), 255, 256, 257, 4095, 4096, 8190, 8191])
def test_counts_below_8192_are_exact(count: int) -> None:
    assert 1 << log2(count) <= count**256 < 1 << log2(count) + 1


@pytest.mark.parametrize("count", [8192, 8193, 8194, 99_999, 1 << 23, (1 << 23) + 1, 3 << 40])
def test_larger_counts_lose_less_than_two_steps(count: int) -> None:
    assert 1 << log2(count) <= count**256 < 1 << log2(count) + 2
    assert log2(2 * count) == log2(count) + 256
