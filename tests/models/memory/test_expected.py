"""What sources expect, against a few lines that say the same without arrays; bounds of its sums."""

from __future__ import annotations

import numpy as np

from coding.container import MAX_LANES_LOG2
from models.memory import match, runs
from models.memory.expected import (
    CELLS,
    HIT_LIMIT,
    HIT_RATE_SHIFT,
    NONE,
    SEEN_BITS,
    WEIGHT_LIMIT,
    Expected,
)
from models.memory.logistic import STRETCH

LANES = 1 << MAX_LANES_LOG2
EXACT = 1 << 53
"""float64 holds every whole number up to this."""


def test_expected_bytes_follow_their_definition() -> None:
    rng = np.random.default_rng(1)
    sources, lanes = 3, 5
    hit_probabilities = rng.integers(1 << 20, 1 << 22, (sources, CELLS))
    weights = np.array([100000, 200000, 300000])
    expected = Expected(hit_probabilities, weights)
    cells = [(k, i, v) for k in range(8) for i in range(sources) for v in range(CELLS)]
    hit_probability = {(k, i, v): int(hit_probabilities[i, v]) for k, i, v in cells}
    weight = {(k, i, v): int(weights[i]) for k, i, v in cells}
    for _ in range(40):
        byte = rng.choice([NONE, 65, 66, 200], (sources, lanes))
        cell = np.where(byte == NONE, 0, rng.integers(0, 4, (sources, lanes)))
        came = rng.choice([65, 66], lanes)
        guesses = expected.lookup(byte, cell)
        seen: dict[tuple[int, int, int], list[int]] = {}
        for k in range(8):
            total = expected.predict(guesses)
            bit, error = (came >> (7 - k)) & 1, rng.integers(-65535, 65536, lanes)
            for lane in range(lanes):
                logit = 0
                for i in range(sources):
                    e, at = int(byte[i, lane]), (k, i, int(cell[i, lane]))
                    if e == NONE or (e | 256) >> (8 - k) != (int(came[lane]) | 256) >> (8 - k):
                        continue
                    expected_bit = (e >> (7 - k)) & 1
                    stretch = int(STRETCH[hit_probability[at] >> 10]) * (1 if expected_bit else -1)
                    logit += (weight[at] >> 6) * stretch
                    sums = seen.setdefault(at, [0, 0, 0])
                    sums[0] += 1
                    sums[1] += int(expected_bit == bit[lane])
                    sums[2] += int(error[lane]) * stretch
                assert total[lane] == logit
            expected.update_bit(guesses, bit, error)
        expected.learn(guesses)
        for at, (count, hits, slope) in seen.items():
            hit_probability[at] += (hits * HIT_LIMIT - count * hit_probability[at] + 512) >> 10
            moved = weight[at] + ((slope + (1 << 14)) >> 15)
            weight[at] = min(max(moved, -WEIGHT_LIMIT), WEIGHT_LIMIT)
        assert expected.hit_probability.tolist() == list(hit_probability.values())
        assert expected.weight.tolist() == list(weight.values())


def test_sums_over_all_lanes_stay_within_their_types() -> None:
    stretch, error = int(np.abs(STRETCH).max()), 1 << 16
    sources = 8
    assert (WEIGHT_LIMIT >> 6) * stretch < 1 << 28
    assert sources * (WEIGHT_LIMIT >> 6) * stretch < EXACT
    # A cell is of one bit position: each lane adds to it once a byte.
    assert 1 << SEEN_BITS > LANES, "the two counts in one float do not meet"
    assert LANES * (1 + (1 << SEEN_BITS)) < EXACT
    assert LANES * error < EXACT
    assert LANES * error * stretch < np.iinfo(np.int64).max


def test_hit_probabilities_stay_probabilities() -> None:
    first = np.concatenate([match.FIRST_HIT_PROBABILITY, runs.FIRST_HIT_PROBABILITY])
    assert first.min() >= 0
    assert first.max() <= HIT_LIMIT
    half = 1 << (HIT_RATE_SHIFT - 1)
    for hits in (0, 1, LANES - 1, LANES):
        for value in (0, 1, HIT_LIMIT // 2, HIT_LIMIT - 1, HIT_LIMIT):
            moved = value + ((hits * HIT_LIMIT - LANES * value + half) >> HIT_RATE_SHIFT)
            assert 0 <= moved <= HIT_LIMIT
