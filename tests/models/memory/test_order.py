"""Turns and groups against loops over items, one after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.memory.order import grouped, in_turns, one_group, write_in_order

KEYS = st.lists(st.integers(0, 9) | st.integers(0, 1 << 40), min_size=1, max_size=60)


@given(KEYS)
def test_items_of_a_key_keep_their_order(keys: list[int]) -> None:
    groups = grouped(np.array(keys))
    assert groups.key.tolist() == sorted(set(keys))
    at = 0
    for key, first, times in zip(groups.key, groups.first, groups.times, strict=True):
        items = [item for item, other in enumerate(keys) if other == key]
        assert first == at
        assert groups.item[first : first + times].tolist() == items
        assert groups.before[first : first + times].tolist() == list(range(len(items)))
        at += times
    assert at == len(keys)


@given(st.integers(1, 30))
def test_one_group_is_what_grouping_gives(size: int) -> None:
    for one, other in zip(one_group(size), grouped(np.zeros(size, np.int64)), strict=True):
        assert one.tolist() == other.tolist()


@given(KEYS)
def test_each_turn_has_the_next_item_of_each_key(keys: list[int]) -> None:
    turns = in_turns(np.array(keys))
    assert sorted(turns.key.tolist()) == sorted(set(keys))
    assert turns.times.tolist() == [keys.count(key) for key in turns.key]
    at = 0
    for turn, size in enumerate(turns.sizes):
        for key, item in zip(turns.key[:size], turns.item[at : at + size], strict=True):
            assert keys[item] == key
            assert keys[:item].count(key) == turn
        assert (turns.before[at : at + size] == turn).all()
        at += size
    assert at == len(keys)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 99)), min_size=1, max_size=40))
def test_the_last_value_of_a_place_stands(writes: list[tuple[int, int]]) -> None:
    table, expected = np.full(6, -1), [-1] * 6
    write_in_order(table, *np.array(writes).T)
    for place, value in writes:
        expected[place] = value
    assert table.tolist() == expected
