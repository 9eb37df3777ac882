"""Blocks of one file at work side by side, where one of them does not feed all cores.

Blocks do not depend on each other, so that a file's bytes are the same however many are coded at a
time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

from coding.container import NO_WEIGHTS
from compressor.codec.levels import LIGHT
from compressor.codec.seams import BlockCodec, Progress, Recipe

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")

LANES_OF_A_THREAD = 4
"""A block feeds one thread for so many of its lanes."""
SHARE = 2
"""Blocks that nobody asked for take one part in so many of the machine's memory at most."""
INTERVAL = 0.1
"""Seconds between two looks at what was done."""


class Stopped(Exception):
    """Raised in a thread whose work is no longer wanted."""


class Tally:
    """What threads have done, as they tell it, until their work is no longer wanted."""

    def __init__(self) -> None:
        self._stop, self._lock, self._done = threading.Event(), threading.Lock(), 0

    def tell(self, count: int) -> None:
        """The progress of a thread. Raises Stopped once ``stop`` was called."""
        if self._stop.is_set():
            raise Stopped
        with self._lock:
            self._done += count

    def fresh(self) -> int:
        """What was done since the last call."""
        with self._lock:
            done, self._done = self._done, 0
        return done

    def stop(self) -> None:
        """Has the threads stop when they tell next."""
        self._stop.set()


class _Workers(Generic[Item, Result]):
    """Threads at work on items, the oldest of which is wanted first."""

    def __init__(self, work: Callable[[Item, Progress], Result]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._work = work
        # Threads are made as they are needed: how many there are is for limits to say.
        self._pool = ThreadPoolExecutor(max_workers=1 << 10)
        self._ahead: deque[Future[Result]] = deque()
        self.limits: deque[int] = deque()
        """Of each item at work."""
        self._tally = Tally()

    def begin(self, item: Item, limit: int) -> None:
        """Has a thread work on the item."""
        self._ahead.append(self._pool.submit(self._work, item, self._tally.tell))
        self.limits.append(limit)

    def oldest(self, progress: Progress) -> Result:
        """What was made of the oldest item, once it is."""
        from concurrent.futures import wait

        future = self._ahead[0]
        while not wait((future,), INTERVAL).done:
            progress(self._tally.fresh())
        progress(self._tally.fresh())
        self._ahead.popleft()
        self.limits.popleft()
        return future.result()

    def stop(self) -> None:
        """Ends all work."""
        self._tally.stop()
        self._pool.shutdown(cancel_futures=True)


def at_once(codec: BlockCodec, recipe: Recipe, needed: int) -> int:
    """How many blocks that are coded like this, and take ``needed`` bytes each, to code at a time.

    As many as feed the threads that the codec may use; a codec that does not name its threads codes
    one after another. Unless threads were asked for, blocks of the light memory alone, which people
    choose where there is little room, go one at a time, and others take half of the memory at most.
    """
    from compressor.system.resources import cores, memory

    threads: int = getattr(codec, "threads", 1)
    most = threads
    if threads == 0:
        light = recipe.design == LIGHT and codec.identity == NO_WEIGHTS
        threads = cores()
        most = 1 if light else memory() // SHARE // max(needed, 1)
    of_a_block = -(-recipe.lanes // LANES_OF_A_THREAD)
    return max(min(threads // of_a_block, most), 1)


def in_order(
    work: Callable[[Item, Progress], Result],
    items: Iterator[Item],
    limit: Callable[[Item], int],
    progress: Progress,
) -> Iterator[Result]:
    """What ``work`` makes of each item, in order.

    ``limit`` says beside how many items at most one may be at work, itself counted. ``progress`` is
    called in the caller's thread alone; what it raises, or closing the iterator, stops all work.
    """
    workers: _Workers[Item, Result] | None = None
    try:
        while (item := next(items, None)) is not None:
            most = limit(item)
            while workers and workers.limits and len(workers.limits) >= min(*workers.limits, most):
                yield workers.oldest(progress)
            if most == 1:
                yield work(item, progress)
            else:
                workers = workers or _Workers(work)
                workers.begin(item, most)
            del item
        while workers and workers.limits:
            yield workers.oldest(progress)
    finally:
        if workers:
            workers.stop()
