"""Known files and lines are found; lines of all languages are told from those of one."""

from __future__ import annotations

from data.general.duplicates import Known, OwnLines, line_hashes

LINES = [b"a line of some length, number %d" % number for number in range(10)]


def text(*numbers: int) -> bytes:
    return b"\n".join(LINES[number] for number in numbers) + b"\n"


def reason(known: Known, content: bytes) -> str | None:
    return known.reason(content, line_hashes(content))


def test_only_lines_of_some_length_count() -> None:
    assert line_hashes(b"}\n\n   short     \n  " + LINES[0] + b"\r\n") == line_hashes(LINES[0])
    assert len(set(line_hashes(text(*range(10))))) == 10


def test_a_file_is_out_where_most_lines_are_known() -> None:
    known = Known()
    known.add(text(0, 1, 2, 3), line_hashes(text(0, 1, 2, 3)))
    assert reason(known, text(0, 1, 2, 3)) == "same file"
    assert reason(known, text(0, 1, 2, 5)) == "known lines"
    assert reason(known, text(0, 1, 2, 5, 6)) is None  # 60 % exactly
    assert reason(known, b"{}\n") is None
    known.add(b"\x00\x01", [])
    assert reason(known, b"\x00\x01") == "same file"


def test_lines_of_one_language() -> None:
    own = OwnLines()
    own.add("de", b"<b>\nHallo\n</b>\n")
    own.add("de", b"<b>\nnoch einmal: Hallo\n")
    own.add("fr", b"<b>\n  Bonjour\n</b>\n")
    own.close()
    assert own.only(b"<b>\nHallo\n</b>\n") == b"Hallo\n"
    assert own.only(b"<b>\n  Bonjour\n</b>") == b"  Bonjour\n"
    assert own.only(b"</b>\n<b>\n") == b""


def test_without_any_other_language_all_lines_are_own() -> None:
    own = OwnLines()
    own.add("de", b"Hallo\nWelt\n")
    own.close()
    assert own.only(b"Hallo\nWelt\n") == b"Hallo\nWelt\n"
