"""The progress bar draws on a terminal alone, and every step of it is a point to stop at."""

from __future__ import annotations

import io
import signal
import sys

import pytest

from compressor.system import signals
from compressor.system.progress import aside, bar


class Terminal(io.StringIO):
    """What a terminal would show."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("quiet", "stream"), [(True, Terminal()), (False, io.StringIO())])
def test_nothing_is_drawn_when_quiet_or_where_nobody_watches(
    monkeypatch: pytest.MonkeyPatch, quiet: bool, stream: io.StringIO
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    with bar(100, "work", quiet) as progress:
        progress(50)
        progress(50)
    assert stream.getvalue() == ""


def test_closed_standard_error_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with bar(None, "work", False) as progress:
        progress(1)


def test_a_terminal_is_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[str, int | None]] = []

    class Drawing:
        def __init__(self, **options: object) -> None:
            drawn.append((str(options["desc"]), options["total"]))

        def __enter__(self) -> Drawing:
            return self

        def __exit__(self, *_: object) -> None:
            drawn.append(("closed", None))

        def update(self, count: int) -> None:
            drawn.append(("update", count))

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("tqdm.tqdm", Drawing)
    with bar(100, "work", False) as progress:
        progress(30)
        progress(70)
    assert drawn == [("work", 100), ("update", 30), ("update", 70), ("closed", None)]


def test_what_is_told_beside_a_bar_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from tqdm import tqdm

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with tqdm(total=2, desc="work", file=terminal, ncols=40) as drawn:
        drawn.update(1)
        with aside():
            terminal.write("told\n")
    shown = terminal.getvalue().split("\r")
    at = shown.index("told\n")
    assert [part.strip()[:4] for part in shown[at - 2 : at + 2]] == ["work", "", "told", "work"]


def test_without_a_bar_nothing_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tqdm", raising=False)
    with aside():
        assert "tqdm" not in sys.modules


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_each_step_raises_a_stop_that_was_lost(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), signals.stopping(), bar(2, "work", False) as update:
            update(1)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            update(1)
            raise AssertionError("it went on")
    finally:
        signal.signal(signal.SIGINT, before)
