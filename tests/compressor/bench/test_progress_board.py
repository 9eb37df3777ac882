"""What the user of a benchmark sees: the line of what runs, lines of rows, the table."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compressor.bench.progress_board import Board, Console, outcome, span, table
from compressor.bench.records import Row, row_of

FACTS: dict[str, Any] = {
    "codec": "fair [y]",
    "family": "LZ77",
    "status": "verified",
    "compressed_bytes": 10_000,
    "seconds_compress": 0.25,
    "seconds_decompress": 120.0,
    "kb_per_s_compress": 80.0,
    "peak_rss_bytes_compress": 12_345_678,
    "input": "text",
    "input_bytes": 20_000,
    "input_sha256": "ab" * 32,
    "date": "2020-01-02T00:00:00Z",
}


def row(**facts: Any) -> Row:
    return row_of({**FACTS, **facts}, Path("row-x.json"))


def failed(codec: str) -> Row:
    return row(codec=codec, status="failed", reason="decompress: wrote no output")


@pytest.fixture
def now() -> Iterator[list[float]]:
    """The time that boards of these tests see; one item, to be set."""
    yield [100.0]


def test_the_line_of_what_runs_tells_the_time_left(now: list[float]) -> None:
    screen = Console(file=io.StringIO())
    board = Board(["a", "b", "c"], {"a": 3600.0, "b": 60.0}, screen, lambda: now[0])
    assert board.line() == "0 of 3 done; about 61 min left; 1 never timed here"
    board.begun("a")
    assert board.line() == "0 of 3 done; a for 0.0 s; about 61 min left; 1 never timed here"
    now[0] += 600
    assert board.line() == "0 of 3 done; a for 10 min; about 51 min left; 1 never timed here"
    now[0] += 6000
    assert board.line() == "0 of 3 done; a for 1.8 h; about 60 s left; 1 never timed here"
    board.finished(failed("a"))
    assert board.line() == "1 of 3 done; about 60 s left; 1 never timed here"


def test_a_line_for_each_finished_codec(now: list[float]) -> None:
    out = io.StringIO()
    with Board(["fair [y]", "liar [x]"], {}, Console(file=out), lambda: now[0]) as board:
        board.finished(row())
        board.finished(failed("liar [x]"))
    assert out.getvalue().splitlines() == [
        "[1/2] fair [y]: 4.000 bits/char, 0.2 s and 2 min, verified (row-x.json)",
        "[2/2] liar [x]: failed: decompress: wrote no output (row-x.json)",
    ]
    assert outcome(row()).startswith("4.000 bits/char")


def test_seconds_as_a_person_says_them() -> None:
    assert [span(seconds) for seconds in (0.5, 12.4, 120, 7200)] == [
        "0.5 s",
        "12 s",
        "2 min",
        "2.0 h",
    ]


def test_the_table_sorts_by_size_and_sets_failed_rows_apart() -> None:
    rows = [failed("liar [x]"), row(), row(codec="best", compressed_bytes=5_000)]
    assert table(rows).splitlines() == [
        "text, 20,000 bytes: restored and compared",
        "codec      bytes  bits/char  KB/s in  KB/s out  MB in  MB out  weights",
        "best       5,000      2.000       80         -     12       -        0",
        "fair [y]  10,000      4.000       80         -     12       -        0",
        "failed: liar [x]: decompress: wrote no output",
    ]
    assert table(rows[:1]) == "failed: liar [x]: decompress: wrote no output"
