"""Evidence to probabilities: subtree sums and shares, against big-integer arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from coding.counts import SCALE, tree, zero_count


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
    found = zero_count(sums, lane, node)
    exact = [min(max((int(sums[0, 2 * n]) << 24) // int(sums[0, n]), 1), SCALE - 1) for n in node]
    assert found.tolist() == exact
