"""Entries of the hash tables against a loop over those who seek them."""

from __future__ import annotations

import numpy as np
import pytest

from models.memory.histories import TOTAL
from models.memory.maps import ONE, Cells
from models.memory.part import RUN_BYTE, RUN_LENGTH, WIDTH, Parts, Table, _first_probabilities


@pytest.mark.parametrize(("lines", "checks"), [(1, 3), (1, 9), (3, 5), (50, 2)])
def test_entries_are_found_and_replaced_one_after_the_other(lines: int, checks: int) -> None:
    rng, ways = np.random.default_rng(lines), 3
    table = Table(lines, ways)
    expected = [[[0, [0] * WIDTH] for _ in range(ways)] for _ in range(lines)]
    replaced = 0
    for _ in range(60):
        line, check = rng.integers(0, lines, 20), rng.integers(0, checks, 20)
        entry, held = table.seek(line, check)
        for seat in range(20):
            places = expected[line[seat]]
            way = next((w for w in range(ways) if places[w][0] == check[seat]), None)
            if way is None:
                way = min(range(ways), key=lambda w: (TOTAL[places[w][1][1]], w))
                replaced += places[way][1][1] > 0
                places[way] = [int(check[seat]), [0] * WIDTH]
            assert entry[seat] == line[seat] * ways + way
            assert held[seat].tolist() == places[way][1]
        # Someone writes back: the first node's history is what an entry is worth.
        for at in np.unique(entry):
            places = expected[at // ways][at % ways][1]
            places[:] = rng.integers(0, len(TOTAL), WIDTH).tolist()
            table.entries[at] = places
    assert replaced > 0 or checks <= ways


def test_runs_count_what_followed_a_context_in_a_row() -> None:
    parts = Parts(1, 1, 0, Cells())
    hashes = np.full((1, 3), 0x12345678, np.uint32)
    runs = []
    for text in (b"aaa", b"aaa", b"aab", b"bbb", b"bba", b"\0\0\0") + (b"\0\0\0",) * 50:
        parts.begin(hashes)
        node = np.ones(3, np.int64)
        for k in range(8):
            parts.predict(k, node)
            node = 2 * node + ((np.frombuffer(text, np.uint8).astype(np.int64) >> (7 - k)) & 1)
            parts.learn(k, node)
        [entry] = np.unique(parts._run_entry)
        runs.append(tuple(parts._upper.entries[entry, RUN_BYTE : RUN_LENGTH + 1].tolist()))
    expected = [(97, 3), (97, 6), (98, 129), (98, 132), (97, 129), (0, 131), (0, 134)]
    assert runs[:7] == expected
    assert runs[-1] == (0, 255), "it stops counting"


def test_first_probabilities_are_probabilities() -> None:
    for first in _first_probabilities():
        assert first.shape == (256,)
        assert first.min() > 0
        assert first.max() < ONE
