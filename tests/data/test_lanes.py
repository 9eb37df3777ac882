"""Lanes cut a block into contiguous parts and put it together again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.lanes import from_columns, lane_lengths, to_columns


@given(st.integers(1, 300), st.integers(1, 40))
def test_columns_come_back(length: int, lanes: int) -> None:
    lanes = min(lanes, length)
    data = np.arange(length, dtype=np.uint64).astype(np.uint8)
    columns = to_columns(data, lanes)
    assert columns.shape == (-(-length // lanes), lanes)
    assert np.array_equal(from_columns(columns, length), data)


def test_lengths_sum_to_the_block_and_differ_by_one_at_most() -> None:
    lengths = lane_lengths(1003, 8)
    assert lengths.sum() == 1003
    assert lengths.tolist() == [126] * 3 + [125] * 5


def test_a_lane_is_a_contiguous_part() -> None:
    columns = to_columns(np.frombuffer(b"abcdefg", np.uint8), 3)
    assert [bytes(columns[:, i]) for i in range(3)] == [b"abc", b"de\0", b"fg\0"]
