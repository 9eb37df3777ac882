"""Blocks side by side: in order, as many as there may be, stopped as one, and the same bytes."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import compressor
from coding.container import NO_WEIGHTS, Block, Design, Mixed
from compressor.codec import levels, native, pieces, registry, side_by_side, stream
from compressor.codec.seams import Progress, Recipe, ignore_progress
from compressor.codec.side_by_side import at_once, in_order
from compressor.system import resources
from data.samples import sample

NATIVE = pytest.mark.skipif(
    native.absent() is not None, reason="takes minutes without the native engine"
)


class Gate:
    """Work that goes on only once so many items are at work at the same time."""

    def __init__(self, together: int) -> None:
        self.barrier = threading.Barrier(together)
        self.threads = set[int]()

    def __call__(self, item: int, progress: Progress) -> int:
        self.threads.add(threading.get_ident())
        self.barrier.wait(60)
        progress(item)
        return -item


def test_as_many_as_may_be_work_at_a_time_and_come_out_in_order() -> None:
    told, gate = list[int](), Gate(3)
    made = list(in_order(gate, iter(range(1, 13)), lambda _: 3, told.append))
    assert made == [-item for item in range(1, 13)]
    assert sum(told) == sum(range(1, 13))
    assert threading.get_ident() not in gate.threads


def test_one_at_a_time_needs_no_thread() -> None:
    told, gate = list[int](), Gate(1)
    assert list(in_order(gate, iter([5, 6]), lambda _: 1, told.append)) == [-5, -6]
    assert told == [5, 6]
    assert gate.threads == {threading.get_ident()}


def test_no_item_works_beside_more_than_it_may() -> None:
    lock, at_work, most = threading.Lock(), list[int](), dict[int, int]()

    def work(item: int, _: Progress) -> int:
        with lock:
            at_work.append(item)
            for other in at_work:
                most[other] = max(most.get(other, 0), len(at_work))
        threading.Event().wait(0.01)
        with lock:
            at_work.remove(item)
        return item

    limits = [4, 4, 1, 2, 4, 4, 4, 2, 1, 1, 3]
    items = range(len(limits))
    assert list(in_order(work, iter(items), limits.__getitem__, ignore_progress)) == list(items)
    assert all(most[item] <= limit for item, limit in enumerate(limits))


def endless(started: threading.Semaphore, ended: list[int]) -> Callable[[int, Progress], int]:
    """Work that only a stop ends."""

    def work(item: int, progress: Progress) -> int:
        started.release()
        try:
            while True:
                progress(1)
        finally:
            ended.append(item)

    return work


def test_what_progress_raises_stops_all_work() -> None:
    started, ended = threading.Semaphore(0), list[int]()

    def progress(_: int) -> None:
        for _ in range(3):
            started.acquire()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_order(endless(started, ended), iter(range(3)), lambda _: 3, progress))
    assert sorted(ended) == [0, 1, 2]


def test_a_failure_stops_the_others_and_is_told() -> None:
    started, ended = threading.Semaphore(0), list[int]()
    forever = endless(started, ended)

    def work(item: int, progress: Progress) -> int:
        if item > 0:
            return forever(item, progress)
        started.acquire()
        raise ValueError("spoilt")

    with pytest.raises(ValueError, match="spoilt"):
        list(in_order(work, iter([0, 1]), lambda _: 2, ignore_progress))
    assert ended == [1]


class Codec:
    """A codec that is only asked for its threads."""

    def __init__(self, threads: int, identity: bytes = NO_WEIGHTS) -> None:
        self.threads, self.identity = threads, identity


LIGHT, FULL = Recipe(1, Design.LIGHT, 1), Recipe(1, Design.FULL, 1)
NETWORK = b"whatever"


@pytest.mark.parametrize(
    ("codec", "recipe", "needed", "blocks"),
    [
        # So many threads were asked for.
        (Codec(1), FULL, 1, 1),
        (Codec(4), FULL, 1 << 50, 4),
        (Codec(4), LIGHT, 1, 4),
        (Codec(4, NETWORK), Recipe(16, Design.FULL, 1), 1, 1),
        (Codec(9, NETWORK), Recipe(16, Design.FULL, 1), 1, 2),
        (Codec(3, NETWORK), Recipe(5, Design.FULL, 1), 1, 1),
        # None were: there are eight cores, and memory for three in its half.
        (Codec(0), FULL, 1000, 3),
        (Codec(0), FULL, 300, 8),
        (Codec(0), FULL, 5000, 1),
        (Codec(0), LIGHT, 1, 1),
        (Codec(0, NETWORK), LIGHT, 1, 8),
        (Codec(0, NETWORK), Recipe(16, Design.FULL, 1), 1, 2),
        (Codec(0, NETWORK), Recipe(32, Design.FULL, 1), 1, 1),
        (object(), FULL, 1, 1),
    ],
)
def test_blocks_feed_the_threads_and_fit_the_memory(
    codec: Any, recipe: Recipe, needed: int, blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "cores", lambda: 8)
    monkeypatch.setattr(resources, "memory", lambda: 6000)
    assert at_once(codec, recipe, needed) == blocks


def test_the_machine_tells_what_it_has() -> None:
    assert resources.cores() >= 1
    assert resources.memory() > 1 << 28


@pytest.fixture
def _short_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of at most 20,000 bytes, and a type chosen for each 7,000."""
    monkeypatch.setattr(levels.Level, "block_bytes", 20_000)
    monkeypatch.setattr(pieces, "GRANULE", 7000)
    return iter(())


@NATIVE
@pytest.mark.usefixtures("_short_blocks")
def test_files_are_the_same_however_many_blocks_are_at_work(
    blocks: Callable[[bytes], list[Block]], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = sample()[:50_000] + bytes(30_000) + sample()[50_000:110_000]
    at_work = list[int]()
    real = side_by_side.at_once

    def counted(*arguments: Any) -> int:
        at_work.append(real(*arguments))
        return at_work[-1]

    monkeypatch.setattr(side_by_side, "at_once", counted)
    packed, restored = set[bytes](), set[bytes]()
    for threads in (1, 3):
        target, told = io.BytesIO(), list[int]()
        coders = registry.coders((), threads=threads)
        stream.compress_stream(io.BytesIO(text), target, 3, told.append, coders=coders)
        assert sum(told) == len(text)
        packed.add(target.getvalue())
        assert set(at_work) == {threads}

        def find(identity: bytes, threads: int = threads) -> Any:
            return registry.by_identity(identity, threads=threads)

        back, told = io.BytesIO(), list[int]()
        stream.decompress_stream(io.BytesIO(target.getvalue()), back, told.append, find)
        assert sum(told) == len(text)
        restored.add(back.getvalue())
        assert set(at_work) == {threads}
        at_work.clear()
    assert restored == {text}
    assert len(packed) == 1
    assert sum(isinstance(block.head, Mixed) for block in blocks(packed.pop())) >= 6


@NATIVE
@pytest.mark.usefixtures("_short_blocks")
def test_damage_in_any_block_is_told_while_others_are_at_work() -> None:
    text = sample()[:100_000]
    packed = bytearray(compressor.compress(text, 3))
    for at in (len(packed) // 10, len(packed) // 2, len(packed) - 200):
        spoilt = packed.copy()
        spoilt[at] ^= 1
        with pytest.raises(compressor.errors.KolmozipError):
            stream.decompress_stream(
                io.BytesIO(bytes(spoilt)),
                io.BytesIO(),
                find=lambda identity: registry.by_identity(identity, threads=4),
            )
