"""Runs, matches and the trust in what they expect, each against a few lines that say the same without arrays."""

from __future__ import annotations

import numpy as np

from models.integer.ngram import context_hash, push
from models.memory import runs
from models.memory.expected import CELLS, NONE, Expected
from models.memory.logistic import STRETCH
from models.memory.match import Match
from models.memory.runs import Runs


def test_runs_count_what_followed_a_context_in_a_row() -> None:
    table, slots, rng = Runs(2, 10), {}, np.random.default_rng(0)
    for _ in range(3000):
        mixed = (rng.integers(0, 12, (2, 3)) * 0x9E3779B1 & 0xFFFFFFFF).astype(np.uint32)
        mixed = np.sort(mixed, axis=1)
        byte, cell = table.look(mixed)
        came = rng.integers(0, 2, 3).astype(np.uint8)
        held = dict(slots)
        for c in range(2):
            for lane in range(3):
                m = int(mixed[c, lane])
                place, check = (c, m >> 22), m & 1023
                known = held.get(place)
                ours = known is not None and known[0] == check
                length = known[3] if ours else 0
                assert byte[c, lane] == (known[1] if ours else NONE)
                assert cell[c, lane] == (min(length, 15) + 16 * known[2] if ours else 0)
                assert (byte[c, lane] != NONE) == ours
                same = ours and known[1] == came[lane]
                slots[place] = (
                    check,
                    int(came[lane]),
                    known[2] | (not same) if ours else 0,
                    min(length + 1, 127) if same else 1,
                )
        table.perceive(came)
    assert max(slot[3] for slot in slots.values()) >= 3


def test_a_run_stops_counting_at_its_longest() -> None:
    table = Runs(1, 8)
    for _ in range(runs.LONGEST + 5):
        table.look(np.zeros((1, 1), np.uint32))
        table.perceive(np.array([65], np.uint8))
    byte, cell = table.look(np.zeros((1, 1), np.uint32))
    assert (int(byte[0, 0]), int(cell[0, 0])) == (65, 15)


def test_trust_follows_its_definition() -> None:
    rng = np.random.default_rng(1)
    sources, lanes = 3, 5
    hopes = rng.integers(1 << 20, 1 << 22, (sources, CELLS))
    weights = np.array([100000, 200000, 300000])
    expected = Expected(hopes, weights)
    hope = {
        (y, i, v): int(hopes[i, v]) for y in range(8) for i in range(sources) for v in range(CELLS)
    }
    weight = {
        (y, i, v): int(weights[i]) for y in range(8) for i in range(sources) for v in range(CELLS)
    }
    for _ in range(60):
        byte = rng.choice([NONE, 65, 66, 200], (sources, lanes))
        cell = np.where(byte == NONE, 0, rng.integers(0, 4, (sources, lanes)))
        came = rng.choice([65, 66], lanes)
        expected.look(byte, cell)
        for k in range(8):
            total = expected.predict()
            bit, error = (came >> (7 - k)) & 1, rng.integers(-65535, 65536, lanes)
            met: dict[tuple[int, int, int], list[int]] = {}
            for lane in range(lanes):
                q = 0
                for i in range(sources):
                    e, at = int(byte[i, lane]), (k, i, int(cell[i, lane]))
                    if e == NONE or (e | 256) >> (8 - k) != (int(came[lane]) | 256) >> (8 - k):
                        continue
                    said = (e >> (7 - k)) & 1
                    o = int(STRETCH[hope[at] >> 10]) * (1 if said else -1)
                    q += (weight[at] >> 6) * o
                    lesson = met.setdefault(at, [0, 0, 0])
                    lesson[0] += 1
                    lesson[1] += said == bit[lane]
                    lesson[2] += int(error[lane]) * o
                assert total[lane] == q
            for at, (count, hits, slope) in met.items():
                hope[at] += (hits * ((1 << 22) - 1) - count * hope[at] + 512) >> 10
                weight[at] = min(max(weight[at] + ((slope + (1 << 14)) >> 15), -(1 << 22)), 1 << 22)
            expected.perceive_bit(bit, error)
            expected.learn()
    assert any(value != int(weights[i]) for (_, i, _), value in weight.items())


def test_a_match_points_behind_the_longest_repetition() -> None:
    text = np.frombuffer(b"the cat sat on the mat; the cat sat up", np.uint8)[:, None]
    match = Match(text)
    low = high = np.zeros(1, np.uint32)
    lengths = []
    for row in text:
        expected, cell = match.look(1)
        lengths.append(int(cell[0]) if expected[0] == row[0] else NONE)
        low, high = push(low, high, row.astype(np.uint32))
        match.perceive(row, context_hash(low, high, 5))
    again = bytes(text[:, 0]).rindex(b"the cat")
    assert lengths[again + 5 : again + 13] == [*range(7), NONE], (
        "from behind 'the c' to the end of ' sat '"
    )
    assert set(lengths[:19]) == {NONE}
