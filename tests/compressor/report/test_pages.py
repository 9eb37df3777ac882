"""Prose of generated pages, and how they are written."""

from __future__ import annotations

from pathlib import Path

from compressor.report.pages import bullet, prose, sections, write


def test_lines_are_wrapped_and_are_one_paragraph_to_markdown() -> None:
    text = "word " * 19 + "sum + `a code span` = more " + "+ 1 - 2 # 3 " * 20
    lines = prose(text).splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 100
    assert not [line for line in lines if line.startswith(("+ ", "- ", "# ", "= "))]
    assert any("`a code span`" in line for line in lines)
    assert " ".join(lines) == text.strip()


def test_points_are_indented() -> None:
    first, *others = bullet("word " * 50).splitlines()
    assert first.startswith("- word")
    assert all(line.startswith("  word") for line in others)


def test_sections_leave_out_what_is_empty() -> None:
    assert sections("a\n", "", "b") == "a\n\nb\n"


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert write(path, "naïve") == path
    write(path, b"bytes")
    assert path.read_bytes() == b"bytes"
    assert list(tmp_path.iterdir()) == [path]
