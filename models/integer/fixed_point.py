"""Fixed-point arithmetic of the coded path: clip, rounding shift, sigmoid, tables of constants.

Definitions are those of ``coding/FORMAT.md``, its conventions and section 3.
"""

from __future__ import annotations

import math

import numpy as np

FIRST_BYTE = 32
"""Every lane starts as if it had just read a space."""


def clip(x: np.ndarray, limit: int) -> np.ndarray:
    """x held to [-limit, limit]."""
    return np.minimum(np.maximum(x, -limit), limit)


def scale(x: np.ndarray, right: np.ndarray | int) -> np.ndarray:
    """x / 2^right to the nearest integer, halves upward; a negative ``right`` shifts left."""
    right = np.asarray(right, np.int32)
    down = np.maximum(right, 0)
    return ((x << np.maximum(-right, 0)) + ((1 << down) >> 1)) >> down


def sigmoid(u: np.ndarray) -> np.ndarray:
    """Quadratic sigmoid of u with 10 fraction bits, in [0, 2^15].

    The integer u is also u / 4 with 12 fraction bits.
    """
    v = clip(u, 4096)
    return scale((1 << 24) + v * (8192 - np.abs(v)), 10)


def kan_table(knots: np.ndarray) -> np.ndarray:
    """Learned functions as tables (m, 256) int16, from knots (9, m) int16.

    The index is u + 128 for u in [-128, 127].
    """
    index = np.arange(256)
    cell, inside = index >> 5, (index & 31).astype(np.int32)
    knots = knots.astype(np.int32)
    return ((knots[cell].T * (32 - inside) + knots[cell + 1].T * inside + 16) >> 5).astype(np.int16)


def root_table(width: int) -> np.ndarray:
    """Reciprocal square roots for the norm of vectors of d = ``width`` integers.

    Entry i of 3072 is floor(sqrt(2^39 d / (2 i + 2049))), int32.
    """
    return np.array([math.isqrt((width << 39) // (2 * i + 2049)) for i in range(3072)], np.int32)


EVIDENCE_BITS = 22
"""log2 of the greatest count that evidence holds."""


def exponential_table() -> np.ndarray:
    """Entry f is floor(2^(22 - f / 256)), 256 entries, by integer arithmetic alone (int32)."""
    entries = []
    for f in range(256):
        low, high = 1, (1 << EVIDENCE_BITS) + 1
        while high - low > 1:
            middle = (low + high) // 2
            if middle**256 <= 1 << (256 * EVIDENCE_BITS - f):
                low = middle
            else:
                high = middle
        entries.append(low)
    return np.array(entries, np.int32)
