"""Kinds of files: sums over a group, the best of each file, and what is missing or failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compressor.report.kinds import section
from compressor.report.leaderboard import as_csv, page


@pytest.fixture
def file(keep: Any) -> Callable[..., None]:
    """Keeps a row of a codec on a file of 1,000 bytes of the test group."""

    def add(name: str, codec: str, size: int, **facts: Any) -> None:
        about = {"group": "files-test", "input": name, "input_bytes": 1000, "codec": codec}
        keep(**{**about, "compressed_bytes": size, "seconds_compress": 0.5, **facts})

    return add


def test_sums_are_of_codecs_that_restored_every_file(keep: Any, file: Callable[..., None]) -> None:
    for name, sizes in {"a.c": (300, 200), "b.txt": (100, 250)}.items():
        for codec, size in zip(("one", "two"), sizes, strict=True):
            file(name, codec, size, weights_bytes=7)
    file("a.c", "part", 150)
    file("b.txt", "part", 0, **{**keep.FAILED, "reason": "lost"})
    text = section(keep.load())
    assert "### files-test: 2 files, 2,000 bytes" in text
    assert "Nothing was trained, tuned or selected on these files. Measured on made-up" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows[1].startswith("| one | 2 | 400 | 1.600 | 1 | 7 | 2 | 0.4 |")
    assert rows[2].startswith("| two | 2 | 450 | 1.800 | 0 | 7 |")
    assert rows[3].startswith("| part | 1 | - | - | 1 | 0 | - | - |")
    assert rows[4:] == [
        "| file | bytes | one | two | part |",
        "| a.c | 1,000 | 2.400 | 1.600 | **1.200** |",
        "| b.txt | 1,000 | **0.800** | 2.000 | - |",
        "| all | 2,000 | 1.600 | 1.800 | - |",
    ]
    assert "- part on b.txt: lost" in text


def test_without_a_group_there_is_no_section(keep: Any) -> None:
    keep()
    assert section(keep.load()) == ""


def test_where_everything_failed_only_that_is_said(keep: Any, file: Callable[..., None]) -> None:
    file("a.c", "one", 0, **keep.FAILED)
    text = section(keep.load())
    assert "No verified row yet." in text
    assert "- one on a.c: decoded bytes differ" in text
    assert "|" not in text


def test_the_files_are_no_inputs_of_the_leaderboard_but_lines_of_its_csv(
    keep: Any, file: Callable[..., None]
) -> None:
    keep(codec="one")
    file("a.c", "one", 300)
    text = page(keep.load(), [])
    assert "## a.c" not in text
    assert "## Kinds of files" in text
    assert [line.split(",")[:4] for line in as_csv(keep.load()).splitlines()[1:]] == [
        ["", "test5m", "5000000", "ab" * 32],
        ["files-test", "a.c", "1000", "ab" * 32],
    ]
