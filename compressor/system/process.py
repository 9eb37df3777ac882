"""A command in a fresh process: how it ended, its seconds, its peak memory.

Nothing of a command outlives its time limit or its end. A small starter (this file, run as a
script) stands between us and the command. A process begins life with the peak memory of the one
that forked it (Linux keeps ``ru_maxrss`` over exec), so the child of a program that has once held
enwik8 would be charged with enwik8. The starter holds nothing but itself: no peak is below its own
15 MB.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in one unit of ``ru_maxrss``."""

TAIL = 400
"""Bytes at the end of a failed command's output that are read for its reason."""


@dataclass(frozen=True)
class Ending:
    """How a command ended.

    ``reason`` is None for exit code 0; seconds and bytes are None where nobody could take them.
    """

    reason: str | None
    seconds: float | None = None
    peak_rss_bytes: int | None = None
    """Of the largest single process among the command and its waited-for descendants."""


class Children:
    """Runs commands, from any number of threads, and stops them all at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(
        self,
        command: Sequence[str],
        limit_s: float | None = None,
        show: bool = False,
        scratch: Path | None = None,
    ) -> Ending:
        """Runs the command in a process group of its own and waits for it.

        The group is killed at the limit (in seconds), on an exception, and at the command's end.
        What it prints is dropped but for the last line of a failure, or goes to stderr with
        ``show``. ``scratch`` is the folder for its temporary files, which a killed command leaves.
        """
        with tempfile.TemporaryFile() as output:
            with self._lock:
                if self._stopped:
                    return Ending("stopped")
                starter = subprocess.Popen(
                    [sys.executable, "-I", "-S", __file__, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=None if show else output,
                    start_new_session=True,
                    env={**os.environ, "TMPDIR": str(scratch)} if scratch else None,
                )
                self._running.add(starter)
            try:
                report, _ = starter.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                return Ending(f"time limit of {limit_s:g} s")
            finally:
                self._end(starter)
            return _ending(report, output)

    def stop(self) -> None:
        """Kills every command that runs and starts no other."""
        with self._lock:
            self._stopped = True
            for starter in self._running:
                _kill(starter)

    def _end(self, starter: subprocess.Popen[bytes]) -> None:
        with starter:  # closes its pipe and reaps it
            _kill(starter)
        with self._lock:
            self._running.discard(starter)


def _kill(starter: subprocess.Popen[bytes]) -> None:
    """Kills the starter's whole group.

    A starter that has ended has done so itself, and its number may be another process's by now.
    """
    if starter.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(starter.pid, signal.SIGKILL)


def _ending(report: bytes, output: IO[bytes]) -> Ending:
    if not report:
        return Ending("killed from outside")
    facts = json.loads(report)
    code = facts.pop("code")
    return Ending(_reason(code, output) if code else None, **facts)


def _reason(code: int | str, output: IO[bytes]) -> str:
    if isinstance(code, str):
        return f"cannot be started: {code}"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - TAIL))
    lines = output.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"exit code {code}: {last}" if last else f"exit code {code}"


def start(command: Sequence[str]) -> dict[str, Any]:
    """What the starter does: runs the command; returns exit code, seconds and peak memory in bytes.

    The code is a text where the command did not start. wait4 takes in, beside the command itself,
    the largest of those descendants that were waited for.
    """
    begun = time.monotonic()
    try:
        child = subprocess.Popen(command, stdout=sys.stderr)
    except OSError as error:
        return {"code": f"{command[0]}: {error.strerror}"}
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    return {
        "code": child.returncode,
        "seconds": seconds,
        "peak_rss_bytes": usage.ru_maxrss * RSS_UNIT,
    }


if __name__ == "__main__":
    print(json.dumps(start(sys.argv[1:])), flush=True)
    # Whatever of the command's own children still runs, and this process with it.
    os.killpg(0, signal.SIGKILL)
