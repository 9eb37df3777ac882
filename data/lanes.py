"""Lanes: contiguous parts of a block that are coded in lock step, one byte of each at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def lane_lengths(length: int, lanes: int) -> np.ndarray:
    """The bytes in each lane, (lanes,) int64.

    The first ``length % lanes`` lanes hold one byte more than the others.
    """
    import numpy as np  # only where it is needed: it takes longer to load than small files to code

    short, extra = divmod(length, lanes)
    return short + (np.arange(lanes) < extra)


def to_columns(data: np.ndarray, lanes: int) -> np.ndarray:
    """Block (n,) uint8 -> (steps, lanes) uint8 with lane i in column i.

    The lanes that are shorter by one byte end in a 0 that is not coded.
    """
    import numpy as np

    short, extra = divmod(data.size, lanes)
    long = extra * (short + 1)
    columns = np.zeros((short + (extra > 0), lanes), np.uint8)
    columns[:, :extra] = data[:long].reshape(extra, -1).T if extra else 0
    columns[:short, extra:] = data[long:].reshape(lanes - extra, short).T
    return columns


def from_columns(columns: np.ndarray, length: int) -> np.ndarray:
    """The inverse of ``to_columns``: (steps, lanes) uint8 -> block (length,) uint8."""
    import numpy as np

    short, extra = divmod(length, columns.shape[1])
    return np.concatenate([columns[:, :extra].T.ravel(), columns[:short, extra:].T.ravel()])
