"""What the user of a benchmark sees: what runs and the time left, a line a row, and a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from compressor.bench.records import Row
from compressor.system.extras import need
from compressor.system.plain_table import plain_table

with need("bench"):
    from rich.console import Console
    from rich.text import Text

SHOWN_RUNNING = 2
"""Running codecs that the line names."""
COLUMNS = (
    "codec",
    ">bytes",
    ">bits/char",
    ">KB/s in",
    ">KB/s out",
    ">MB in",
    ">MB out",
    ">weights",
)
"""In and out: compressing and restoring; MB is peak memory."""


def console(quiet: bool) -> Console:
    """Standard error, or nothing."""
    return Console(stderr=True, quiet=quiet, highlight=False)


class Board:
    """A line for each finished codec and, on a terminal, one of what runs and the time left."""

    def __init__(
        self,
        codecs: Sequence[str],
        expected: Mapping[str, float],
        screen: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The names of the codecs that shall run, and the seconds they should take, where known."""
        self._left, self._count = list(codecs), len(codecs)
        self._expected, self._screen, self._clock = expected, screen, clock
        self._begun: dict[str, float] = {}
        self._status = screen.status("")

    def __enter__(self) -> Board:
        """Starts the line of what runs."""
        if self._left:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the line away."""
        self._status.stop()

    def say(self, text: str) -> None:
        """Prints one line as it is: a name may hold what rich would take for markup."""
        self._screen.print(text, markup=False, soft_wrap=True)

    def begun(self, codec: str) -> None:
        """Notes that a codec runs from now on."""
        self._begun[codec] = self._clock()

    def finished(self, row: Row) -> None:
        """Prints the line of a codec that has its row."""
        self._left.remove(row.codec)
        self.say(f"[{self._count - len(self._left)}/{self._count}] {row.codec}: {outcome(row)}")

    def tick(self) -> None:
        """Brings the line of what runs up to date."""
        self._status.update(Text(self.line()))

    def line(self) -> str:
        """Codecs done and running, and the time left.

        That is the seconds each should take, less those that the running ones have had.
        """
        running = {
            codec: self._clock() - self._begun[codec]
            for codec in self._left
            if codec in self._begun
        }
        seconds = [
            max(0.0, self._expected[codec] - running.get(codec, 0.0))
            for codec in self._left
            if codec in self._expected
        ]
        unknown = len(self._left) - len(seconds)
        shown = list(running.items())[:SHOWN_RUNNING]
        parts = [f"{self._count - len(self._left)} of {self._count} done"]
        parts += [f"{codec} for {span(passed)}" for codec, passed in shown]
        if seconds:
            parts.append(f"about {span(sum(seconds) / max(1, len(running)))} left")
        if unknown:
            parts.append(f"{unknown} never timed here")
        return "; ".join(parts)


def outcome(row: Row) -> str:
    """A row in a few words, with the name of its file."""
    if not row.verified:
        return f"failed: {row.reason} ({row.file})"
    times = f"{span(row.seconds_compress or 0)} and {span(row.seconds_decompress or 0)}"
    return f"{row.bits_per_char:.3f} bits/char, {times}, verified ({row.file})"


def span(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def table(rows: Sequence[Row]) -> str:
    """The verified rows of one input, smallest file first, and below them what failed and why."""
    verified = sorted((row for row in rows if row.verified), key=lambda row: row.payload)
    lines = []
    if verified:
        about = verified[0].subject
        lines.append(f"{about.name}, {about.size:,} bytes: restored and compared")
        lines.append(plain_table(COLUMNS, map(_cells, verified)))
    lines += [f"failed: {row.codec}: {row.reason}" for row in rows if not row.verified]
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    return [
        row.codec,
        f"{row.payload:,}",
        f"{row.bits_per_char:.3f}",
        _number(row.kb_per_s_compress),
        _number(row.kb_per_s_decompress),
        _number(row.peak_rss_bytes_compress, 1e6),
        _number(row.peak_rss_bytes_decompress, 1e6),
        f"{row.weights_bytes or 0:,}",
    ]


def _number(value: float | None, unit: float = 1) -> str:
    return "-" if value is None else f"{value / unit:,.0f}"
