"""From evidence about the next byte to the probability of its next bit, in integers.

Evidence is 256 positive counts a lane. The counts of a byte's bit prefixes are sums over subtrees,
and a bit's probability is the share of its subtree: node 1 is the root, node n has the children
2n (bit 0) and 2n + 1 (bit 1), and byte s is leaf 256 + s. Probabilities are counts of 2^24, never 0
and never 2^24. FORMAT.md, section 2.1.
"""

from __future__ import annotations

import numpy as np

PRECISION = 24
"""constriction's range coder works with probabilities in units of 2^-24."""
SCALE = 1 << PRECISION


def tree(evidence: np.ndarray) -> np.ndarray:
    """Subtree sums of evidence (lanes, 256) int32 whose sums are below 2^31.

    Returns (lanes, 512) int32; column 0 is unused.
    """
    lanes = evidence.shape[0]
    sums = np.zeros((lanes, 512), np.int32)
    sums[:, 256:] = evidence
    for size in (128, 64, 32, 16, 8, 4, 2, 1):
        np.add(
            sums[:, 2 * size : 4 * size : 2],
            sums[:, 2 * size + 1 : 4 * size : 2],
            out=sums[:, size : 2 * size],
        )
    return sums


def zero_count(sums: np.ndarray, lane: np.ndarray, node: np.ndarray) -> np.ndarray:
    """Counts of a 0, int64: floor(2^24 * left / total), held to [1, 2^24 - 1].

    left and total are below 2^31, so the shifted numerator is below 2^55.
    """
    flat = lane * 512 + node
    total = sums.reshape(-1).take(flat).astype(np.int64)
    left = sums.reshape(-1).take(flat + node).astype(np.int64)  # the left child of n is 2 n
    return np.minimum(np.maximum((left << PRECISION) // total, 1), SCALE - 1)


def shares(counts: np.ndarray) -> np.ndarray:
    """Counts of 256 symbols, at least 1 each and below 2^38 in all, as shares of 2^24.

    Returns (256,) int64, at least 1 each: 1 + floor(count * (2^24 - 256) / total), and what
    rounding leaves over goes to symbol 0. Products stay below 2^62.
    """
    share = 1 + counts * (SCALE - counts.size) // counts.sum()
    share[0] += SCALE - share.sum()
    return share
