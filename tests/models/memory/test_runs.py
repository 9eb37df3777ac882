"""Runs against a few lines that say the same without arrays."""

from __future__ import annotations

import numpy as np

from models.memory import runs
from models.memory.expected import NONE
from models.memory.runs import Runs


def test_runs_count_what_followed_a_context_in_a_row() -> None:
    table, rng = Runs(2, 10), np.random.default_rng(0)
    slots: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    for _ in range(1000):
        mixed = (rng.integers(0, 12, (2, 3)) * 0x9E3779B1 & 0xFFFFFFFF).astype(np.uint32)
        mixed = np.sort(mixed, axis=1)
        lookup = table.lookup(mixed)
        came = rng.integers(0, 2, 3).astype(np.uint8)
        held = dict(slots)
        for c in range(2):
            for lane in range(3):
                m = int(mixed[c, lane])
                place, check = (c, m >> 22), m & 1023
                held_check, byte, changed, length = held.get(place, (NONE, NONE, 0, 0))
                ours = held_check == check
                length = length if ours else 0
                assert lookup.byte[c, lane] == (byte if ours else NONE)
                assert lookup.cell[c, lane] == (min(length, 15) + 16 * changed if ours else 0)
                same = ours and byte == came[lane]
                slots[place] = (
                    check,
                    int(came[lane]),
                    int(changed or not same) if ours else 0,
                    min(length + 1, 127) if same else 1,
                )
        table.update(lookup, came)
    assert max(slot[3] for slot in slots.values()) >= 3
    assert any(slot[2] for slot in slots.values())


def test_a_run_stops_counting_at_its_longest() -> None:
    table, context = Runs(1, 8), np.zeros((1, 1), np.uint32)
    for _ in range(runs.LONGEST + 5):
        table.update(table.lookup(context), np.array([65], np.uint8))
    lookup = table.lookup(context)
    assert (lookup.byte.item(), lookup.cell.item(), lookup.length.item()) == (65, 15, runs.LONGEST)
