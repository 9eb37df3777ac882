"""What is handed over with a part: its index, its card, and what was missing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data.corpora import CorpusDamaged, CorpusUnavailable
from data.general import gather
from data.general.build import Fallen
from data.general.documents import Document

if TYPE_CHECKING:
    from conftest import Shelf


@pytest.fixture
def documents(shelf: Shelf) -> list[Document]:
    package = shelf.add("tale.whl", {"a": b"x"}, shelf.take("c", "*", cap=70))
    paths = ("a\tb.c", "dir/\udcff.c", "c.c")
    return [Document(package, path, "c", path.encode("utf-8", "replace")) for path in paths]


def test_the_index_says_where_each_document_is(documents: list[Document]) -> None:
    text = b"".join(document.content for document in documents)
    heading, *lines = b"".join(gather.index(documents)).decode().splitlines()
    assert heading.split("\t") == list(gather.COLUMNS)
    rows = [line.split("\t") for line in lines]
    for (offset, length, kind, package, _), document in zip(rows, documents, strict=True):
        assert text[int(offset) :][: int(length)] == document.content
        assert (kind, package) == ("c", "tale")
    assert [row[4] for row in rows] == ["a\\tb.c", "dir/\\xff.c", "c.c"]


def test_the_card_says_what_a_part_consists_of(documents: list[Document], shelf: Shelf) -> None:
    fallen = Fallen()
    fallen.note("same file", "tale", "z", 9)
    lost = gather.Missing(shelf.packages[0], "gone", 70)
    card = gather.card(documents, shelf.packages, [lost], fallen, ["other"])
    text = b"".join(document.content for document in documents)
    assert (card["bytes"], card["sha256"]) == (len(text), hashlib.sha256(text).hexdigest())
    assert card["index_sha256"] == hashlib.sha256(b"".join(gather.index(documents))).hexdigest()
    (package,) = card["packages"]
    assert (package["licence"], package["documents"], package["bytes"]) == ("MIT", 3, len(text))
    assert card["missing"] == [{"name": "tale", "at_most_bytes": 70, "reason": "gone"}]
    assert card["left_out"] == [{"reason": "same file", "package": "tale", "files": 1, "bytes": 9}]
    assert card["kept_out"] == ["other"]


def test_the_list_of_what_fell_out() -> None:
    fallen = Fallen()
    fallen.note("same file", "tale", "z\n", 9)
    fallen.note("cap", "tale", "y", 9)
    lines = b"".join(gather.left_out(fallen)).decode().splitlines()
    assert lines == ["reason\tpackage\tpath\tbytes", "same file\ttale\tz\\n\t9"]


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be downloaded."""

    def refuse(package: object, progress: object) -> None:
        raise CorpusUnavailable("it is gone")

    monkeypatch.setattr("data.general.store.download", refuse)


@pytest.mark.usefixtures("gone")
def test_a_missing_package_is_named_and_bounded(shelf: Shelf) -> None:
    takes = shelf.take("c", "*.c", cap=70), shelf.take("h", "*.h", cap=7)
    lost = shelf.add("lost.whl", {"a": b"x"}, *takes)
    by_language = shelf.take("prose", "*", language="(..)")
    many = shelf.add("many.whl", {"a": b"x"}, by_language)
    here = shelf.add("here.whl", {"a": b"x"}, *takes)
    for package in (lost, many):
        shelf.path(package).unlink()
    warnings = list[str]()
    found, missing = gather.obtained(shelf.packages, False, warn=warnings.append)
    assert found == [(here, shelf.path(here))]
    assert [(item.package, item.at_most) for item in missing] == [(lost, 77), (many, None)]
    assert warnings == ["it is gone"] * 2
    with pytest.raises(CorpusUnavailable):
        gather.obtained(shelf.packages, True)


@pytest.mark.usefixtures("gone")
def test_a_damaged_package_is_not_a_missing_one(shelf: Shelf) -> None:
    package = shelf.add("tale.whl", {"a": b"x"}, shelf.take("c", "*"))
    shelf.path(package).write_bytes(b"other")
    with pytest.raises(CorpusDamaged, match=r"tale\.whl"):
        gather.obtained(shelf.packages, False)


def test_the_benchmark_is_the_end_of_enwik8(monkeypatch: pytest.MonkeyPatch) -> None:
    text = np.arange(20_000_000, dtype=np.uint64).astype(np.uint8)
    monkeypatch.setattr(gather, "load", lambda name: text)
    assert gather.benchmarks(True, lambda _: None) == [text[10_000_000:].tobytes()]

    def refuse(name: str) -> None:
        raise CorpusUnavailable("no enwik8")

    monkeypatch.setattr(gather, "load", refuse)
    warnings = list[str]()
    assert gather.benchmarks(False, warnings.append) == []
    assert warnings == ["no enwik8"]
    with pytest.raises(CorpusUnavailable):
        gather.benchmarks(True, warnings.append)
