"""Signals stop the work surely, or wait until it can be left without loss."""

from __future__ import annotations

import signal
import threading

import pytest

from compressor.system import signals

STOPS = [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]


@pytest.fixture(autouse=True)
def _heeded() -> None:
    """Both signals act, also where the tests run in the background."""
    before = {number: signal.signal(number, signal.default_int_handler) for number, _ in STOPS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "kind"), STOPS)
def test_a_stop_unwinds_the_work(number: int, kind: type[BaseException]) -> None:
    with pytest.raises(kind) as caught, signals.stopping():
        signal.raise_signal(number)
    assert number == signal.SIGINT or caught.value.code == 143
    assert signal.getsignal(number) is signal.default_int_handler
    signals.check()


@pytest.mark.parametrize(("number", "kind"), STOPS)
def test_a_stop_that_was_lost_is_raised_again(number: int, kind: type[BaseException]) -> None:
    steps = []
    with pytest.raises(kind), signals.stopping():
        signals.check()
        try:
            signal.raise_signal(number)
        except kind:
            steps.append("lost in a callback")
        steps.append("worked on")
        signals.check()
        steps.append("never here")
    assert steps == ["lost in a callback", "worked on"]
    signals.check()


@pytest.mark.parametrize("number", [number for number, _ in STOPS])
def test_a_signal_that_is_ignored_stays_so(number: int) -> None:
    signal.signal(number, signal.SIG_IGN)
    with signals.stopping():
        signal.raise_signal(number)
        signals.check()
    with signals.noted() as numbers:
        signal.raise_signal(number)
    assert numbers == []
    assert signal.getsignal(number) is signal.SIG_IGN


@pytest.mark.parametrize(("number", "kind"), STOPS)
def test_a_noted_signal_waits_for_the_end_of_the_body(
    number: int, kind: type[BaseException]
) -> None:
    steps = []
    with pytest.raises(kind), signals.stopping():
        with signals.noted() as numbers:
            signal.raise_signal(number)
            steps.append(list(numbers))
        steps.append("never here")
    assert steps == [[number]]


def test_a_second_signal_acts_at_once() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), signals.stopping(), signals.noted():
        signal.raise_signal(signal.SIGINT)
        steps.append("noted")
        signal.raise_signal(signal.SIGINT)
        steps.append("never here")
    assert steps == ["noted"]


def test_other_threads_are_left_alone() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with signals.stopping(), signals.noted() as numbers:
                assert numbers == []
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failures == []
