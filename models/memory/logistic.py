"""The logistic domain in whole numbers: log2 of counts, *stretch* (log2(p / (1 - p)) in 1/256 bit) and its inverse.

``coding/FORMAT.md``, part "Memory", tables of constants.
"""

from __future__ import annotations

import numpy as np

from models.integer.fixed_point import exponential_table

STRETCH_LIMIT = 5631
"""Just under 22 bits: the network's counts reach 2^22 to 1."""


def _log2_table() -> np.ndarray:
    """floor(256 log2 v) for v below 8192 by integers alone; entry 0 is unused."""
    return np.array([0] + [(v**256).bit_length() - 1 for v in range(1, 8192)], np.int32)


def _squash_table() -> np.ndarray:
    """Stretch -STRETCH_LIMIT ... STRETCH_LIMIT to probability of a 1 in 2^-24."""
    size = np.arange(STRETCH_LIMIT + 1)
    rare = exponential_table()[size & 255].astype(np.int64) >> (size >> 8)
    small = ((rare << 24) // ((1 << 22) + rare)).astype(np.int32)
    return np.concatenate([small[:0:-1], (1 << 24) - small])


LOG2 = _log2_table()
SQUASH = _squash_table()
STRETCH = LOG2[2 * np.arange(4096) + 1] - LOG2[8191 - 2 * np.arange(4096)]
"""Of a probability in 2^-12."""


def log2(count: np.ndarray) -> np.ndarray:
    """256 log2 of counts in [1, 2^24): from the table below 8192, else from their 12 leading bits; int32."""
    length = np.frexp(count.astype(np.float64))[1]  # the exponent is the bit length, exactly
    excess = np.where(length > 13, length - 12, 0)
    return LOG2[count >> excess] + (excess << 8).astype(np.int32)
