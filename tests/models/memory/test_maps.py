"""Adaptive probabilities against a loop over what came, and within their bounds."""

from __future__ import annotations

import numpy as np

from models.memory.maps import ONE, Cells

LIMITS = {0: 1023, 1: 255, 2: 400}
COUNTS = {0: 6, 1: 3, 2: 2}


def learned(p: int, count: int, one: int, limit: int) -> tuple[int, int]:
    rate = (1 << 17) // (2 * count + 3)
    return p + (((ONE * one - p) * rate + (1 << 15)) >> 16), min(count + 1, limit)


def test_cells_learn_one_item_after_the_other() -> None:
    rng, cells, size = np.random.default_rng(0), Cells(), 12
    expected: list[tuple[int, int, int]] = []
    for kind, limit in LIMITS.items():
        first = rng.integers(0, ONE + 2, size)
        assert cells.add(first, COUNTS[kind], limit) == len(expected)
        expected += [(min(int(p), ONE), COUNTS[kind], limit) for p in first]
    for _ in range(300):
        cell = np.minimum(rng.integers(0, 3 * size, 40), rng.integers(0, 3 * size, 40))
        one = rng.integers(0, 2, 40) & (cell % 5 > 0)
        cells.note(cell[:25], one[:25])
        cells.note(cell[25:], one[25:])
        cells.learn()
        for at, bit in zip(cell.tolist(), one.tolist(), strict=True):
            p, count, limit = expected[at]
            expected[at] = *learned(p, count, bit, limit), limit
        assert cells.probability.tolist() == [p for p, _, _ in expected]
        assert cells.count.tolist() == [count for _, count, _ in expected]
    assert max(count for _, count, limit in expected if limit == 255) == 255


def test_probabilities_stay_within_their_bounds() -> None:
    for kind, limit in LIMITS.items():
        for one, first in ((0, 0), (0, ONE), (1, 0), (1, ONE)):
            cells = Cells()
            cells.add(np.array([first]), COUNTS[kind], limit)
            for _ in range(20):
                cells.note(np.zeros(400, np.int64), np.full(400, one))
                cells.learn()
            assert abs(int(cells.probability[0]) - ONE * one) < 1 << 10
            assert 0 <= cells.probability[0] <= ONE
