"""Tables of the logistic domain: inverse of each other, monotone, near the real functions."""

from __future__ import annotations

import numpy as np

from models.integer.logarithm import log2 as exact_log2
from models.memory.logistic import LOG2, SQUASH, STRETCH, STRETCH_LIMIT, log2

SCALE = 1 << 24


def test_stretch_and_squash_are_inverse_and_monotone() -> None:
    assert (np.diff(SQUASH) >= 0).all()
    assert (np.diff(STRETCH) >= 0).all()
    assert SQUASH[0] > 0
    assert SQUASH[-1] < SCALE
    middle = SQUASH[np.clip(STRETCH, -STRETCH_LIMIT, STRETCH_LIMIT) + STRETCH_LIMIT] / SCALE
    assert np.abs(middle - (np.arange(4096) + 0.5) / 4096).max() < 2e-3


def test_log2_of_great_counts() -> None:
    counts = np.unique(np.geomspace(1, SCALE - 1, 5000).astype(np.int64))
    assert np.abs(log2(counts) / 256 - np.log2(counts)).max() < 1 / 256 + 1 / 1024


def test_the_table_is_exact_to_the_last_entry() -> None:
    assert list(LOG2[1:]) == [exact_log2(count) for count in range(1, 8192)]
    counts = np.unique(np.geomspace(1, SCALE - 1, 300).astype(np.int64))
    assert list(log2(counts)) == [exact_log2(int(count)) for count in counts]
