"""The logistic domain in whole numbers: log2 of counts, *stretch* and *squash*.

Stretch is the logit in base 2, log2(p / (1 - p)), in 1/256 bit; squash is its inverse. Both names
are those of the PAQ family (Mahoney 2005, section 3). ``coding/FORMAT.md``, section 2.3, "Tables of
constants".
"""

from __future__ import annotations

import numpy as np

from models.integer.fixed_point import exponential_table
from models.integer.logarithm import log2 as exact_log2

STRETCH_LIMIT = 5631
"""Just under 22 bits: the network's counts reach 2^22 to 1."""


def _log2_table() -> np.ndarray:
    """floor(256 log2 v) for v below 8192, exactly; int32, entry 0 is unused.

    A float that is far from a whole number cannot have the wrong floor; all others are computed
    by integers, which takes many times as long.
    """
    value = np.arange(1, 8192)
    close = 256 * np.log2(value)
    table = np.floor(close).astype(np.int32)
    for at in np.flatnonzero(np.abs(close - np.rint(close)) < 1e-6):
        table[at] = exact_log2(int(value[at]))
    return np.concatenate([[0], table]).astype(np.int32)


def _squash_table() -> np.ndarray:
    """Probabilities of a 1 in 2^-24 for the stretches -STRETCH_LIMIT to STRETCH_LIMIT, int32."""
    size = np.arange(STRETCH_LIMIT + 1)
    rare = exponential_table()[size & 255].astype(np.int64) >> (size >> 8)
    small = ((rare << 24) // ((1 << 22) + rare)).astype(np.int32)
    return np.concatenate([small[:0:-1], (1 << 24) - small])


LOG2 = _log2_table()
SQUASH = _squash_table()
"""Indexed by stretch + STRETCH_LIMIT."""
STRETCH = LOG2[2 * np.arange(4096) + 1] - LOG2[8191 - 2 * np.arange(4096)]
"""Stretch of probabilities in 2^-12, each taken at the middle of its cell."""


def log2(count: np.ndarray) -> np.ndarray:
    """256 log2 of counts in [1, 2^53), int32; above 8192 from the 12 leading bits alone."""
    length = np.frexp(count.astype(np.float64))[1]  # the exponent is the bit length, exactly
    excess = np.where(length > 13, length - 12, 0)
    return LOG2[count >> excess] + (excess << 8).astype(np.int32)
