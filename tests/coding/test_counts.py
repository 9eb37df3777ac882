"""From evidence to probabilities: subtree sums and shares, against Python's own integers."""

from __future__ import annotations

import numpy as np
import pytest

from coding.counts import SCALE, shares, tree, zero_count


@pytest.fixture(params=["even", "one heavy", "random", "greatest"])
def evidence(request: pytest.FixtureRequest) -> np.ndarray:
    rng = np.random.default_rng(7)
    kinds = {
        "even": np.ones((3, 256), np.int32),
        "one heavy": np.ones((3, 256), np.int32),
        "random": rng.integers(1, 1 << 22, (3, 256), dtype=np.int32),
        "greatest": np.full((3, 256), 1 << 22, np.int32),
    }
    kinds["one heavy"][:, 65] = 1 << 22
    return kinds[request.param]


def test_every_node_is_the_sum_of_its_leaves(evidence: np.ndarray) -> None:
    sums = tree(evidence)
    for node in range(1, 256):
        depth = node.bit_length() - 1
        first = (node << (8 - depth)) - 256
        assert (sums[:, node] == evidence[:, first : first + (256 >> depth)].sum(axis=1)).all()


def test_shares_are_the_floor_of_the_quotient_and_never_0_or_1(evidence: np.ndarray) -> None:
    sums = tree(evidence)
    lane = np.zeros(255, np.int64)
    node = np.arange(1, 256)
    counts = zero_count(sums, lane, node)
    exact = [min(max((int(sums[0, 2 * n]) << 24) // int(sums[0, n]), 1), SCALE - 1) for n in node]
    assert counts.tolist() == exact


@pytest.mark.parametrize("top", [1, 2, 100, 1 << 22, 1 << 30])
def test_shares_of_symbols_are_positive_whole_and_proportional(top: int) -> None:
    counts = np.random.default_rng(top).integers(1, top + 1, 256)
    share, total = shares(counts), int(counts.sum())
    assert share.sum() == SCALE
    assert share.min() >= 1
    exact = [1 + int(count) * (SCALE - 256) // total for count in counts]
    assert share[1:].tolist() == exact[1:]
    assert 0 <= share[0] - exact[0] <= 256


def test_one_symbol_may_have_nearly_everything() -> None:
    counts = np.ones(256, np.int64)
    counts[9] = (1 << 37) - 255
    assert shares(counts)[9] > SCALE - 600
