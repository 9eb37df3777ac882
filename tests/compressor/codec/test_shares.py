"""Inputs side by side: how cores are shared, that all come in order, and that a stop ends all."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.codec.seams import Progress, ignore_progress
from compressor.codec.shares import Means, Need, one_by_one, side_by_side

FEW = Need(1, 4, 10)
"""A file of one block in sixteen lanes."""
LONG = Need(100, 2, 10)
"""A file of many blocks."""


@pytest.mark.parametrize(
    ("need", "size", "left", "threads"),
    [
        (FEW, 10, 1000, 1),
        (FEW, 0, 0, 1),
        (FEW, 500, 1000, 4),
        (LONG, 900, 1000, 7),
        (LONG, 1000, 1000, 8),
        (LONG, 10, 1000, 1),
        (Need(100, 2, 60), 1000, 1000, 3),
        (Need(1, 1, 60), 1000, 1000, 1),
        (Need(1, 8, 500), 1000, 1000, 1),
    ],
)
def test_a_part_is_in_proportion_to_the_work_and_fits(
    need: Need, size: int, left: int, threads: int
) -> None:
    assert Means(8, 100).part(need, size, left) == threads


def test_equal_inputs_get_a_core_each_and_the_last_ones_more() -> None:
    means = Means(8, 1 << 40)
    assert [means.part(LONG, 10, 10 * left) for left in (100, 17, 8, 4, 2, 1)] == [1, 1, 1, 2, 4, 8]


NEEDS = st.builds(Need, st.integers(1, 40), st.integers(1, 8), st.integers(1, 60))


@given(st.lists(st.tuples(st.integers(0, 100), NEEDS), min_size=1, max_size=8), st.integers(1, 6))
def test_what_is_at_work_never_takes_more_than_there_is(
    inputs: list[tuple[int, Need]], cores: int
) -> None:
    lock, at_work, told = threading.Lock(), dict[int, tuple[int, int]](), list[int]()
    sizes = [size for size, _ in inputs]

    def work(item: int, threads: int, progress: Progress) -> int:
        taken = inputs[item][1].memory(threads)
        with lock:
            at_work[item] = threads, taken
            assert sum(threads for threads, _ in at_work.values()) <= cores
            # What needs more than there is goes alone.
            assert sum(memory for _, memory in at_work.values()) <= 100 or len(at_work) == 1
        progress(sizes[item] // 2)
        with lock:
            del at_work[item]
        return -item

    items = range(len(inputs))
    coming = side_by_side(
        items, sizes, lambda item: inputs[item][1], work, Means(cores, 100), told.append
    )
    assert [result() for result in coming] == [-item for item in items]
    assert sum(told) == sum(sizes), "what is done counts in full, whatever was told of it"


def test_as_many_as_there_are_cores_are_at_work() -> None:
    barrier = threading.Barrier(3)

    def work(item: int, threads: int, _: Progress) -> tuple[int, int]:
        barrier.wait(60)
        return item, threads

    coming = side_by_side(range(9), [5] * 9, lambda _: FEW, work, Means(3, 1000), ignore_progress)
    assert [result()[0] for result in coming] == [*range(9)]


def test_a_long_input_begins_when_its_cores_are_free_and_ends_alone() -> None:
    got = list[int]()

    def work(item: int, threads: int, progress: Progress) -> None:
        got.append(threads)

    sizes = [1, 1, 1000, 1, 1]
    coming = side_by_side(range(5), sizes, lambda _: LONG, work, Means(4, 1000), ignore_progress)
    for result in coming:
        result()
    assert got[:3] == [1, 1, 4]


def test_a_failure_comes_in_its_turn_and_stops_no_other() -> None:
    def work(item: int, threads: int, progress: Progress) -> int:
        progress(3)
        if item == 1:
            raise ValueError("spoilt")
        return item

    told = list[int]()
    means = Means(2, 1000)
    first, second, third = side_by_side(range(3), [10] * 3, lambda _: FEW, work, means, told.append)
    assert (first(), third(), sum(told)) == (0, 2, 30)
    with pytest.raises(ValueError, match="spoilt"):
        second()


def test_what_progress_raises_stops_all_work() -> None:
    started, ended = threading.Semaphore(0), list[int]()

    def work(item: int, threads: int, progress: Progress) -> None:
        started.release()
        try:
            while True:
                progress(0)
        finally:
            ended.append(item)

    def progress(_: int) -> None:
        for _ in range(3):
            started.acquire()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(side_by_side(range(9), [1] * 9, lambda _: FEW, work, Means(3, 1000), progress))
    assert sorted(ended) == [0, 1, 2], "the others were never begun"


@pytest.mark.parametrize("refused", [False, True])
def test_one_by_one_works_in_the_caller_when_it_is_asked(refused: bool) -> None:
    told, threads = list[int](), set[int]()

    def work(item: int, progress: Progress) -> int:
        threads.add(threading.get_ident())
        progress(4)
        if refused:
            raise ValueError
        progress(6)
        return item

    coming: list[Callable[[], int]] = list(one_by_one([7, 8], [10, None], work, told.append))
    assert told == []
    for result, item in zip(coming, (7, 8), strict=True):
        if refused:
            with pytest.raises(ValueError):
                result()
        else:
            assert result() == item
    assert threads == {threading.get_ident()}
    assert list(itertools.accumulate(told))[-1] == (14 if refused else 20)
