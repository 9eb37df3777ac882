"""Tables of constants stay near the real functions that they stand for."""

from __future__ import annotations

import numpy as np

from models.integer import fixed_point


def test_tables_of_constants() -> None:
    exponential = fixed_point.exponential_table()
    assert np.abs(exponential - 2.0 ** (22 - np.arange(256) / 256)).max() <= 1
    root = fixed_point.root_table(320)
    assert np.abs(root / (np.sqrt(2.0**39 * 320 / (2 * np.arange(3072) + 2049))) - 1).max() < 1e-4
