"""Signals that stop the work: at once and surely, or only where it can be left without loss."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM)

_received: list[int] = []
"""The stops that the handler of ``stopping`` was called for, until its body ends."""


def _stop(number: int, _: FrameType | None = None) -> None:
    _received.append(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


def check() -> None:
    """Raises the stop once more where one came that did not unwind the work.

    An exception raised by a signal's handler is lost where Python happens to be within a callback
    of a library, such as a finaliser. Long work calls this from step to step.
    """
    if _received:
        _stop(_received.pop())


@contextlib.contextmanager
def stopping() -> Iterator[None]:
    """In the body SIGINT raises KeyboardInterrupt, and SIGTERM SystemExit with code 143.

    Both unwind the work, so that no unfinished file is left behind; ``check`` raises them again
    where they were lost. A signal that is ignored stays so (nohup). In other threads than the main
    one, which no signal reaches, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOPS}
    changed = {number: old for number, old in before.items() if old != signal.SIG_IGN}
    for number in changed:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in changed.items():
            signal.signal(number, handler)
        _received.clear()


@contextlib.contextmanager
def noted() -> Iterator[list[int]]:
    """SIGINT and SIGTERM are only noted in the list while the body runs, and act when it has ended.

    A second one acts at once. A signal that is ignored stays so (nohup). In other threads than the
    main one, which no signal reaches, nothing changes.
    """
    numbers: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield numbers
        return
    handlers = {number: signal.getsignal(number) for number in STOPS}
    before = {number: handler for number, handler in handlers.items() if handler != signal.SIG_IGN}

    def note(number: int, _: FrameType | None) -> None:
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
