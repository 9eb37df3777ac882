"""The files that codecs are tested on: one of each kind, packages in turn, cut at a line's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from data.general.documents import Document
from data.general.rig import by_kind, file_name

if TYPE_CHECKING:
    from conftest import Shelf


def test_files_bear_the_name_of_their_kind() -> None:
    assert [file_name(kind) for kind in ("c-header", "python", "prose-ru", "urls")] == [
        "c-header.h",
        "python.py",
        "prose-ru.txt",
        "urls.txt",
    ]


def test_packages_take_turns_and_the_last_file_is_cut(shelf: Shelf) -> None:
    packages = [shelf.add(f"{name}.whl", {}, shelf.take("c", "*")) for name in "ab"]
    documents = [
        Document(package, str(number), "c", b"%s%d\n" % (package.name.encode(), number) * 10)
        for package in packages
        for number in range(3)
    ]
    documents.append(Document(packages[0], "x", "log", b"line\n" * 3))
    found = by_kind(documents, 100)
    assert found["log"] == b"line\n" * 3
    assert found["c"] == b"a0\n" * 10 + b"b0\n" * 10 + b"a1\n" * 10 + b"b1\n" * 3
    assert by_kind(documents, 1000)["c"].count(b"\n") == 60
