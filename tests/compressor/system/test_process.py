"""Commands in fresh processes: how they end, what outlives them, what they are charged."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from compressor.system.process import Children, Ending

PYTHON = [sys.executable, "-I", "-S", "-c"]
ASKS_PROC = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="asks /proc which processes run"
)

HOUR = "import time; time.sleep(3600)"
PARENT = (
    "import pathlib, subprocess, sys, time\n"
    f"child = subprocess.Popen([sys.executable, '-I', '-S', '-c', {HOUR!r}])\n"
    "note = pathlib.Path({note!r})\n"
    "note.with_suffix('.part').write_text(str(child.pid))\n"
    "note.with_suffix('.part').rename(note)\n"
)
"""A command that starts another, and notes its number."""


def run(code: str, *, limit_s: float | None = None, scratch: Path | None = None) -> Ending:
    return Children().run([*PYTHON, code], limit_s, scratch=scratch)


def gone(process: int) -> bool:
    """Whether a process ends; one that only waits to be reaped has ended."""
    while True:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)  # what does not end runs into pytest's own limit


def stopped_by_the_limit(code: str, note: Path) -> Ending:
    """How a command ends that writes a note and then sleeps, under a limit that lets it start."""
    limit_s = 0.5
    while True:
        ending = run(code, limit_s=limit_s, scratch=note.parent)
        assert ending == Ending(f"time limit of {limit_s:g} s")
        if note.exists():
            return ending
        limit_s *= 2  # on a busy machine it had not begun


def test_a_command_that_ends_well_has_its_time_and_memory() -> None:
    ending = run("pass")
    assert ending.reason is None
    assert ending.seconds is not None
    assert ending.seconds > 0
    assert ending.peak_rss_bytes is not None
    assert ending.peak_rss_bytes > 1_000_000


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('lost\\nthe table')", "exit code 1: the table"),
        ("import sys; sys.exit('no room')", "exit code 1: no room"),
        ("import sys; print('said on stdout'); sys.exit(3)", "exit code 3: said on stdout"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
    ],
)
def test_a_command_that_fails_says_why(code: str, reason: str) -> None:
    ending = run(code)
    assert ending.reason == reason
    assert ending.seconds is not None


def test_a_command_that_is_not_there_cannot_be_started() -> None:
    ending = Children().run(["/no/such/program", "argument"])
    assert ending.reason == "cannot be started: /no/such/program: No such file or directory"
    assert ending.seconds is None


def test_what_a_command_prints_is_dropped_or_shown(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    assert run(code).reason is None
    assert capfd.readouterr() == ("", "")
    assert Children().run([*PYTHON, code], show=True).reason is None
    captured = capfd.readouterr()
    assert (captured.out, sorted(captured.err.split())) == ("", ["err", "out"])


@ASKS_PROC
def test_the_time_limit_ends_a_command_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "note"
    stopped_by_the_limit(PARENT.format(note=str(note)) + HOUR, note)
    assert gone(int(note.read_text()))


@ASKS_PROC
def test_what_a_command_leaves_running_ends_with_it(tmp_path: Path) -> None:
    note = tmp_path / "note"
    assert run(PARENT.format(note=str(note))).reason is None
    assert gone(int(note.read_text()))


@ASKS_PROC
def test_stopping_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    note, children, endings = tmp_path / "note", Children(), list[Ending]()
    code = PARENT.format(note=str(note)) + HOUR
    thread = threading.Thread(target=lambda: endings.append(children.run([*PYTHON, code])))
    thread.start()
    while not note.exists():
        time.sleep(0.01)
    children.stop()
    thread.join()
    assert endings == [Ending("killed from outside")]
    assert gone(int(note.read_text()))
    assert children.run([*PYTHON, "pass"]) == Ending("stopped")


def test_temporary_files_go_where_they_are_told(tmp_path: Path) -> None:
    code = "import tempfile; tempfile.mkdtemp(prefix='mine')"
    assert run(code, scratch=tmp_path).reason is None
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("mine")


def peak(code: str) -> int:
    ending = run(code)
    assert ending.reason is None
    assert ending.peak_rss_bytes is not None
    return ending.peak_rss_bytes


HELD = 100_000_000
HOLD = f"held = bytearray({HELD}); held[::4096] = b'x' * len(held[::4096])"


@pytest.mark.slow
def test_peak_memory_is_of_the_command_and_its_descendants_and_not_of_who_asks() -> None:
    ours = bytearray(4 * HELD)  # much more than an interpreter or a command here has
    ours[::4096] = b"x" * len(ours[::4096])
    assert peak("pass") < len(ours)
    asks = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', {HOLD!r}])"
    assert HELD < peak(asks) < len(ours)
    assert peak("pass") < peak(HOLD)
