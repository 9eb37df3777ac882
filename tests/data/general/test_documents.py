"""What is taken from a package: files of a kind, treated, cut and capped, in an order of chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from data.general.documents import LONGEST, WINDOW, Document, chance, cut, documents, own_lines

if TYPE_CHECKING:
    from conftest import Shelf

FILES = {f"src/{number}.c": b"int x = %d;\n" % number * 20 for number in range(30)}


def taken(shelf: Shelf, seed: int = 1) -> list[Document]:
    """The documents of the shelf's packages."""
    obtained = shelf.obtained("train")
    own = own_lines(obtained)
    return [
        document
        for package, path in obtained
        for document in documents(package, path, seed, lambda *_: None, own)
    ]


def test_the_first_take_that_matches_has_a_file(shelf: Shelf) -> None:
    takes = (
        shelf.take("header", "*.h"),
        shelf.take("c", "*.c", "*.h", exclude=("*/4.c",)),
    )
    shelf.add("tale.whl", {**FILES, "a.h": b"#pragma once\n" * 9, "b.txt": b"text\n" * 99}, *takes)
    kinds = {document.path: document.kind for document in taken(shelf)}
    assert kinds == {name: "c" for name in FILES if name != "src/4.c"} | {"a.h": "header"}


def test_caps_hold_for_each_kind(shelf: Shelf) -> None:
    files = {
        f"po/{lang}/{number}.txt": f"{lang}{number}".encode() * 50
        for lang in "ab"
        for number in range(9)
    }
    shelf.add("tale.whl", files, shelf.take("prose", "*.txt", cap=350, language=r"po/([a-z])/"))
    sizes: dict[str, int] = {}
    for document in taken(shelf):
        sizes[document.kind] = sizes.get(document.kind, 0) + len(document.content)
    assert sizes == {"prose-a": 300, "prose-b": 300}


def test_the_order_is_of_chance_and_always_the_same(shelf: Shelf) -> None:
    shelf.add("tale.whl", FILES, shelf.take("c", "*.c"))
    order = [document.path for document in taken(shelf)]
    assert sorted(order) == sorted(FILES) != order
    assert order == [document.path for document in taken(shelf)]
    assert order != [document.path for document in taken(shelf, seed=2)]
    assert chance(1, "a", "b") != chance(1, "ab")
    assert chance(1, "\udcff") != chance(1, "\udcfe")  # bytes of a name that are not UTF-8


def test_files_are_treated_and_repeats_and_scraps_are_left_out(shelf: Shelf) -> None:
    files = {"a.txt": b"first\n" * 20 + b"---tokens---\nx", "b.txt": b"first\n" * 20, "c.txt": b"x"}
    shelf.add("tale.whl", files, shelf.take("samples", "*.txt", treat=("sample",)))
    notes: list[tuple[object, ...]] = []
    ((package, path),) = shelf.obtained("train")
    (document,) = documents(package, path, 1, lambda *row: notes.append(row), {})
    assert document.content == b"first\n" * 20
    assert notes == [("same file", "tale", "b.txt", 120), ("short", "tale", "c.txt", 1)]


def test_a_long_file_is_cut_to_windows_at_line_ends(shelf: Shelf) -> None:
    lines = b"".join(b"line %07d\n" % number for number in range(200_000))
    package = shelf.add("tale.whl", {}, shelf.take("log", "*"))
    whole = Document(package, "a.log", "log", lines)
    pieces = list(cut(whole))
    assert len(lines) > LONGEST and len(pieces) == 3
    assert pieces[0].content.startswith(b"line 0000000\n")
    assert pieces[2].content.endswith(b"line 0199999\n")
    for piece in pieces:
        start = int(piece.path.removeprefix("a.log#"))
        assert lines[start : start + len(piece.content)] == piece.content
        assert piece.content.startswith(b"line ") and piece.content.endswith(b"\n")
        assert WINDOW - 100 < len(piece.content) <= WINDOW


def test_a_long_file_without_lines_is_cut_all_the_same(shelf: Shelf) -> None:
    package = shelf.add("tale.whl", {}, shelf.take("elf", "*"))
    content = bytes(range(1, 10)) * 200_000
    pieces = list(cut(Document(package, "a", "elf", content)))
    assert [len(piece.content) for piece in pieces] == [WINDOW] * 3


def test_only_lines_of_one_language_are_used_of_a_set(shelf: Shelf) -> None:
    """Also where each language has a package of its own."""
    own = b"<p>In %s allein.</p>\n" * 30
    for lang in ("de", "ja"):
        text = b"<div>\nUntranslated text\n</div>\n" + own.replace(b"%s", lang.encode())
        take = shelf.take("prose", "*.html", language=r"/([a-z]+)\.html", own_lines="help")
        # The second page holds no translation but for its language's name.
        files = {
            f"text/{lang}.html": text,
            f"b/{lang}.html": b'<p lang="%s">\n' % lang.encode() * 9,
        }
        shelf.add(f"help-{lang}.whl", files, take)
    contents = {document.kind: document.content for document in taken(shelf)}
    assert contents == {f"prose-{lang}": own.replace(b"%s", lang.encode()) for lang in ("de", "ja")}


def test_files_may_lie_in_a_zip_within_the_archive(shelf: Shelf) -> None:
    inner = shelf.path(shelf.add("inner.whl", FILES)).read_bytes()
    shelf.packages.clear()
    shelf.add("outer.deb", {"lib/src.zip": inner}, shelf.take("c", "*.c"), inside="*/src.zip")
    assert {document.path for document in taken(shelf)} == set(FILES)


@pytest.mark.parametrize("path", ["po/pt_BR/a.po", "po/pt-br/a.po"])
def test_a_language_is_part_of_the_kind(shelf: Shelf, path: str) -> None:
    take = shelf.take("prose", "*.po", language=r"po/([A-Za-z_-]+)/")
    assert take.matches(path) and take.kind_of(path) == "prose-pt-br"
    assert not take.matches("po/1/a.po")
