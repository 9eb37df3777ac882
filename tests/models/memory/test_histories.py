"""Histories fit a byte, lead to histories, and know what they have seen."""

from __future__ import annotations

import numpy as np
import pytest

from models.memory.histories import FIRST, HISTORIES, NEXT, TOTAL, UNTOLD, History, fits


def test_every_history_leads_to_histories_and_is_led_to() -> None:
    assert len(HISTORIES) == len(NEXT) == len(FIRST) == len(TOTAL) <= 256
    assert HISTORIES[0] == History(0, 0, UNTOLD)
    assert len(set(HISTORIES)) == len(HISTORIES)
    assert NEXT.max() < len(HISTORIES)
    reached = {0}
    while more := {int(to) for of in reached for to in NEXT[of]} - reached:
        reached |= more
    assert 0 not in NEXT, "who has seen a bit does not forget that"
    assert len(reached) > 0.8 * len(HISTORIES)


@pytest.mark.parametrize("bit", [0, 1])
def test_a_history_counts_the_bit_that_came(bit: int) -> None:
    for number, history in enumerate(HISTORIES):
        after = HISTORIES[NEXT[number, bit]]
        assert fits((after.zeros, after.ones))
        assert after.last in (bit, UNTOLD)
        assert (after.zeros, after.ones)[1 - bit] <= (history.zeros, history.ones)[1 - bit]


def test_both_bits_are_treated_alike() -> None:
    number = {history: number for number, history in enumerate(HISTORIES)}

    def turned(history: History) -> History:
        zeros, ones, last = history
        return History(ones, zeros, last if last == UNTOLD else 1 - last)

    for history in HISTORIES:
        for bit in (0, 1):
            after = HISTORIES[NEXT[number[history], bit]]
            assert HISTORIES[NEXT[number[turned(history)], 1 - bit]] == turned(after)
    assert all(abs(FIRST[number[h]] + FIRST[number[turned(h)]] - (1 << 16)) <= 1 for h in HISTORIES)


def test_first_probabilities_follow_the_counts() -> None:
    assert FIRST.min() > 0
    assert FIRST.max() < 1 << 16
    ones = np.array([history.ones for history in HISTORIES])
    zeros = np.array([history.zeros for history in HISTORIES])
    assert (FIRST[ones > zeros] > 1 << 15).all()
    assert (FIRST[ones < zeros] < 1 << 15).all()


@pytest.mark.parametrize("bit", [0, 1])
def test_no_history_withstands_what_comes(bit: int) -> None:
    """Many bits of one kind leave every history sure of it; none is one that nothing changes."""
    at = every = np.arange(len(HISTORIES))
    for _ in range(100):
        before, at = at, NEXT[at, bit]
    assert (np.minimum(FIRST[at], (1 << 16) - FIRST[at]) < 3000).all()
    assert ((FIRST[at] > 1 << 15) == bit).all()
    assert (before == at).all(), "by then nothing moves"
    assert ((NEXT[:, 0] != every) | (NEXT[:, 1] != every)).all()
