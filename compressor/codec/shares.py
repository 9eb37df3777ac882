"""Cores shared among inputs: several at work at once, each with its part, told in their order.

An input is started when its part of the cores and its memory are free. Nothing of its output
depends on how large the part is, nor on what is at work beside it.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, TypeVar

from compressor.codec.seams import Progress
from compressor.codec.side_by_side import INTERVAL, Tally

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")
Coming = Generator[Callable[[], Result]]
"""For each input in order a function that returns what came of it, or raises why nothing did."""


@dataclasses.dataclass(frozen=True)
class Need:
    """What coding an input can use: its blocks, and of each the threads it feeds and its bytes."""

    blocks: int
    block_threads: int
    block_bytes: int

    @property
    def threads(self) -> int:
        """The most threads that are of use."""
        return self.blocks * self.block_threads

    def memory(self, threads: int) -> int:
        """Bytes that so many threads take, as many blocks at a time as they are fed by."""
        at_work = min(max(threads // self.block_threads, 1), self.blocks)
        return at_work * self.block_bytes


@dataclasses.dataclass(frozen=True)
class Means:
    """What all inputs at work share: cores, and bytes of memory."""

    cores: int
    memory: int

    def part(self, need: Need, size: int, left: int) -> int:
        """Threads for an input of ``size`` bytes, where ``left`` are to be done, itself included.

        They are in proportion to its share of the work, so that small inputs go one a core and a
        large one has cores enough to end with the others; no more than it feeds or memory allows.
        """
        share = round(self.cores * size / left) if left else 1
        threads = max(min(share, need.threads, self.cores), 1)
        while threads > 1 and need.memory(threads) > self.memory:
            threads -= 1
        return threads


class _Ledger:
    """What is done of each input, as threads tell it; none counts for more than its size."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.left = sum(sizes)
        self.tally = Tally()
        self._rest, self._lock = list(sizes), threading.Lock()

    def tell(self, index: int, count: int) -> None:
        """The progress of an input in its thread."""
        with self._lock:
            count = min(count, self._rest[index])
            self.tally.tell(count)
            self._rest[index] -= count
            self.left -= count

    def finish(self, index: int) -> None:
        """Counts the whole of an input, also of one that was refused half way."""
        self.tell(index, self._rest[index])


def side_by_side(
    items: Sequence[Item],
    sizes: Sequence[int],
    need: Callable[[Item], Need],
    work: Callable[[Item, int, Progress], Result],
    means: Means,
    progress: Progress,
) -> Coming[Result]:
    """Has ``work`` make something of each item, with threads of its own and its progress.

    ``sizes`` are bytes of original, by which the cores are shared. ``progress`` is called in the
    caller's thread alone; what it raises, or closing the generator, stops all work. What an item's
    work raises comes in its turn and stops no other.
    """
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    need = functools.lru_cache(maxsize=1)(need)  # it is asked for again until there is room
    ledger = _Ledger(sizes)
    begun: list[Future[Result]] = []
    at_work: dict[Future[Result], tuple[int, int, int]] = {}
    # A thread is made for each input that has room to be at work: as many as cores at most.
    pool = ThreadPoolExecutor(max_workers=means.cores)

    def start() -> None:
        """Starts the next items as far as there is means."""
        while len(begun) < len(items):
            index = len(begun)
            wanted = need(items[index])
            threads = means.part(wanted, sizes[index], ledger.left)
            taken = wanted.memory(threads)
            cores = means.cores - sum(cores for _, cores, _ in at_work.values())
            memory = means.memory - sum(memory for *_, memory in at_work.values())
            if at_work and (threads > cores or taken > memory):
                return
            tell = functools.partial(ledger.tell, index)
            future = pool.submit(work, items[index], threads, tell)
            begun.append(future)
            at_work[future] = (index, threads, taken)

    def step() -> None:
        """Waits a little; what has ended makes means."""
        done, _ = wait(at_work, INTERVAL, FIRST_COMPLETED)
        for future in done:
            ledger.finish(at_work.pop(future)[0])
        progress(ledger.tally.fresh())

    try:
        for index in range(len(items)):
            start()
            while len(begun) <= index or begun[index] in at_work:
                step()
                start()
            yield begun[index].result
    finally:
        ledger.tally.stop()
        pool.shutdown(cancel_futures=True)


def one_by_one(
    items: Sequence[Item],
    sizes: Sequence[int | None],
    work: Callable[[Item, Progress], Result],
    progress: Progress,
) -> Coming[Result]:
    """As ``side_by_side``, each when it is asked for, in the caller's thread."""
    for item, size in zip(items, sizes, strict=True):
        yield functools.partial(_alone, item, size or 0, work, progress)


def _alone(
    item: Item, size: int, work: Callable[[Item, Progress], Result], progress: Progress
) -> Result:
    left = size

    def tell(count: int) -> None:
        nonlocal left
        left -= count
        progress(count)

    try:
        return work(item, tell)
    except Exception:
        progress(max(left, 0))  # what is refused is done with
        raise
