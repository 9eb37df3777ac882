"""Lanes: a block is cut into contiguous stretches that are coded in lock step, one byte of each at a time."""

from __future__ import annotations

import numpy as np

LANE_BYTES = 4096
"""Aim for stretches of at least so many bytes: each starts cold, which costs the network about 3 bytes (DECISIONS.md, 6)."""
MAX_LANES = 512
"""Enough for the speed asked for on two cores; 1,024 were faster still, and start twice as many lanes cold."""


def lane_count(length: int) -> int:
    """Lanes for a block of ``length`` bytes: the power of two that leaves each lane at least LANE_BYTES, within 1 to 512."""
    return min(MAX_LANES, 1 << max(0, (length // LANE_BYTES).bit_length() - 1))


def lane_lengths(length: int, lanes: int) -> np.ndarray:
    """Bytes in each lane, (lanes,) int64: the first ``length % lanes`` lanes hold one more than the others."""
    short, extra = divmod(length, lanes)
    return short + (np.arange(lanes) < extra)


def to_columns(data: np.ndarray, lanes: int) -> np.ndarray:
    """Block (n,) uint8 -> (steps, lanes) uint8, lane i in column i; short lanes end in a 0 that is not coded."""
    lengths = lane_lengths(data.size, lanes)
    steps = int(lengths[0])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    index = starts[None, :] + np.arange(steps)[:, None]
    return np.where(np.arange(steps)[:, None] < lengths, data[np.minimum(index, data.size - 1)], 0).astype(np.uint8)


def from_columns(columns: np.ndarray, length: int) -> np.ndarray:
    """Inverse of ``to_columns``: (steps, lanes) -> (length,) uint8."""
    lengths = lane_lengths(length, columns.shape[1])
    return columns.T[np.arange(columns.shape[0]) < lengths[:, None]]
