"""Signals that wait until work can be left off without loss."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def noted() -> Iterator[list[int]]:
    """SIGINT and SIGTERM are only noted in the list while the body runs, then acted on as before; a second one acts at once.

    A signal that is ignored stays so (nohup); in other threads than the main one, which no signal reaches, nothing changes.
    """
    numbers: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield numbers
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}

    def note(number: int, _: object) -> None:
        numbers.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, note)
    try:
        yield numbers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if numbers:
        signal.raise_signal(numbers[0])
