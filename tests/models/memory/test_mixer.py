"""The mixer against a loop over sets and lanes, and its weights at their bounds."""

from __future__ import annotations

import numpy as np
import pytest

from models.memory.choosers import Chooser
from models.memory.logistic import SQUASH, STRETCH_LIMIT
from models.memory.mixer import LEAST_WEIGHT, MOST_WEIGHT, Mixer, Pace

PACE = Pace(least=91, more=3634, half=500)


@pytest.mark.parametrize("first", [0, 2000, MOST_WEIGHT, LEAST_WEIGHT])
@pytest.mark.parametrize("rows", [[1], [1, 3, 40]])
def test_lanes_are_mixed_at_once_and_learned_in_order(rows: list[int], first: int) -> None:
    rng = np.random.default_rng(len(rows))
    sets, lanes, width = len(rows), 12, 32
    mixer = Mixer(rows, np.full(width, first), PACE)
    weights = [[[first] * width for _ in range(number)] for number in rows]
    counts = [[0] * number for number in rows]
    wraps = touched = 0
    for _ in range(30):
        row = np.stack([rng.integers(0, number, lanes) for number in rows])
        inputs = rng.integers(-1000, STRETCH_LIMIT + 1, (lanes, width)).astype(np.int32)
        bit = rng.integers(0, 2, lanes) * (np.arange(lanes) > 5)
        stretch = mixer.mix(row, inputs)
        for s in range(sets):
            for lane in range(lanes):
                total = np.int64(weights[s][row[s, lane]]) @ inputs[lane].astype(np.int64)
                wraps += abs(total) >= 1 << 31
                total = (total + (1 << 31)) % (1 << 32) - (1 << 31)
                held = min(max((total + (1 << 13)) >> 14, -STRETCH_LIMIT), STRETCH_LIMIT)
                assert stretch[s, lane] == held
        mixer.learn(bit)
        for s in range(sets):
            for lane in range(lanes):
                r = row[s, lane]
                error = (int(bit[lane]) << 16) - (
                    int(SQUASH[stretch[s, lane] + STRETCH_LIMIT]) >> 8
                )
                rate = 91 + 3634 * 500 // (500 + counts[s][r])
                step = min(max((error * rate + (1 << 12)) >> 13, -32767), 32767)
                counts[s][r] += 1
                for i in range(width):
                    moved = (step * int(inputs[lane, i]) + (1 << 14)) >> 15
                    total = weights[s][r][i] + moved
                    weights[s][r][i] = min(max(total, LEAST_WEIGHT), MOST_WEIGHT)
                    touched += weights[s][r][i] != total
        assert mixer.weights.tolist() == [of_row for of_set in weights for of_row in of_set]
        assert mixer.counts.tolist() == [count for of_set in counts for count in of_set]
    if abs(first) >= MOST_WEIGHT:
        assert touched > 0, "weights came to their bounds"
        assert wraps > 0, "sums came beyond 32 bits"


def test_every_row_that_can_be_chosen_is_there() -> None:
    of_a_set = {1, 8, 96, 128, 256, 320, 648, 1280, 2048, 4096}
    assert {chooser.rows for chooser in Chooser} == of_a_set
