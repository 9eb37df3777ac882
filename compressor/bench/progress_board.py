"""What the user of a benchmark sees: a line of what runs and the time left, a line a row, and the rows as a table."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = dict[str, Any]

SHOWN_RUNNING = 2
"""Running codecs that the line names."""


class Board:
    """What the user sees meanwhile: a line a row done, and on a terminal what runs and the time that is left."""

    def __init__(
        self, codecs: Sequence[str], expected: Mapping[str, float], console: Console
    ) -> None:
        """The names of the codecs that shall run, and the seconds they should take, where known."""
        self._left, self._count = list(codecs), len(codecs)
        self._expected, self._console = expected, console
        self._begun: dict[str, float] = {}
        self._status = console.status("")

    def __enter__(self) -> Board:
        """Starts the line of what runs."""
        if self._left:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Takes the line away."""
        self._status.stop()

    def begun(self, codec: str) -> None:
        """A codec runs from now on."""
        self._begun[codec] = time.monotonic()

    def finished(self, row: Row, path: Path) -> None:
        """A codec has its row."""
        self._left.remove(row["codec"])
        done = f"[{self._count - len(self._left)}/{self._count}] {row['codec']}:"
        if row["status"] == "verified":
            times = f"{span(row['seconds_compress'])} and {span(row['seconds_decompress'])}"
            told = f"{row['bits_per_char']:.3f} bits/char, {times}, verified"
        else:
            told = f"failed: {row['reason']}"
        say(self._console, f"{done} {told} ({path.name})")

    def tick(self) -> None:
        """Brings the line up to date."""
        self._status.update(Text(self.line()))

    def line(self) -> str:
        """Done, running, and time left: by each codec's last speed, the running ones' time so far taken off."""
        running = {
            codec: time.monotonic() - self._begun[codec]
            for codec in self._left
            if codec in self._begun
        }
        seconds = [
            max(0.0, self._expected[c] - running.get(c, 0))
            for c in self._left
            if c in self._expected
        ]
        unknown = len(self._left) - len(seconds)
        parts = [f"{self._count - len(self._left)} of {self._count} done"]
        parts += [
            f"{codec} for {span(passed)}" for codec, passed in list(running.items())[:SHOWN_RUNNING]
        ]
        parts += [f"about {span(sum(seconds) / max(1, len(running)))} left"] if seconds else []
        parts += [f"{unknown} never timed here"] if unknown else []
        return "; ".join(parts)


def say(console: Console, text: str) -> None:
    """One line as it is: a name may hold what rich would take for markup."""
    console.print(text, markup=False, soft_wrap=True)


def span(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


COLUMNS = ("codec", "bytes", "bits/char", "KB/s in", "KB/s out", "MB in", "MB out", "weights")
"""In and out: compressing and restoring; MB is peak memory."""


def table(rows: Sequence[Row]) -> str:
    """The verified rows of one input, smallest file first, and below them what failed and why."""
    verified = [row for row in rows if row["status"] == "verified"]
    failed = [row for row in rows if row["status"] != "verified"]
    shown = Table(title=_title(rows), title_justify="left")
    for heading in COLUMNS:
        shown.add_column(heading, justify="left" if heading == "codec" else "right")
    for row in sorted(verified, key=lambda row: row["compressed_bytes"]):
        shown.add_row(*_cells(row))
    console = Console(file=io.StringIO(), width=110)
    with console.capture() as captured:
        console.print(*([shown] if verified else []), sep="\n")
    told = [f"failed: {row['codec']}: {row['reason']}" for row in failed]
    return "\n".join(filter(None, [captured.get().rstrip(), *told]))


def _title(rows: Sequence[Row]) -> str:
    return (
        f"{rows[0]['input']}, {rows[0]['input_bytes']:,} bytes: restored and compared"
        if rows
        else ""
    )


def _cells(row: Row) -> list[Text]:
    told = [
        row["codec"],
        f"{row['compressed_bytes']:,}",
        f"{8 * row['compressed_bytes'] / row['input_bytes']:.3f}",
    ]
    told += [_number(row[f"kb_per_s_{verb}"]) for verb in ("compress", "decompress")]
    told += [_number(row[f"peak_rss_bytes_{verb}"], 1e6) for verb in ("compress", "decompress")]
    return [Text(cell) for cell in [*told, f"{row['weights_bytes'] or 0:,}"]]


def _number(value: float | None, unit: float = 1) -> str:
    return "-" if value is None else f"{value / unit:,.0f}"
