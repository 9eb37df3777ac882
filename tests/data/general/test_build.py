"""A part is the same on every run, within its caps, with nothing twice and nothing held out."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from data.corpora import CorpusDamaged
from data.general.build import Fallen, build, held_out
from data.general.documents import Document

if TYPE_CHECKING:
    from conftest import Shelf


def source(seed: int, lines: int = 40) -> bytes:
    words = random.Random(seed)
    return b"".join(b"int a%08x = 0x%08x;\n" % (words.getrandbits(32), seed) for _ in range(lines))


HEADER = b"/*\n" + b" * Everybody may use this for whatever they like, and so on.\n" * 4 + b" */\n"


@pytest.fixture
def full(shelf: Shelf) -> Shelf:
    """Two packages to train on, one held out that has a file in common with the second."""
    one = {f"one/{number}.c": HEADER + source(number) for number in range(12)}
    two = {f"two/{number}.c": source(100 + number) for number in range(12)}
    two |= {"two/copy.c": source(3), "two/near.c": source(4) + source(500, 9)}
    two |= {"two/leak.c": source(600, 300)[:5000] + source(900, 6)[:131] + source(601, 300)}
    shelf.add("one.tar.gz", one, shelf.take("c", "*.c"))
    shelf.add("two.deb", two, shelf.take("c", "*.c"))
    secret = {"a.c": source(900), "b.c": source(901)}
    shelf.add("three.whl", secret, shelf.take("c", "*.c"), part="test")
    return shelf


def made(shelf: Shelf, seed: int = 1) -> tuple[list[Document], Fallen]:
    fallen = Fallen()
    leaks = held_out(shelf.obtained("test"), seed, [source(700)])
    return build(shelf.manifest(seed), shelf.obtained("train"), leaks, fallen), fallen


def test_the_same_archives_give_the_same_documents(full: Shelf) -> None:
    first, again, other = made(full), made(full), made(full, seed=2)
    assert first == again
    assert {document.path for document in first[0]} == {document.path for document in other[0]}
    assert first[0] != other[0]
    assert len(first[0]) == 24


def test_what_fell_out_is_told_with_its_reason(full: Shelf) -> None:
    documents, fallen = made(full)
    assert sorted(row[:3] for row in fallen.rows) == [
        ("held out", "two", "two/leak.c"),
        ("known lines", "two", "two/near.c"),
        ("same file", "two", "two/copy.c"),
    ]
    assert fallen.sizes["same file", "two"] == len(source(3))
    assert not any(source(900, 6)[:131] in document.content for document in documents)


def test_the_same_header_stays_in_a_few_files(full: Shelf) -> None:
    documents, _ = made(full)
    assert sum(document.content.startswith(HEADER) for document in documents) == 5


def test_benchmarks_are_held_out_too(full: Shelf) -> None:
    text = source(800, 400) + source(700)
    full.add("four.whl", {"four.c": text}, full.take("c", "*.c"))
    documents, fallen = made(full)
    assert not any(document.package.name == "four" for document in documents)
    assert ("held out", "four") in fallen.totals


def test_packages_that_are_benchmarks_are_held_out_whole(full: Shelf) -> None:
    text = b"".join(source(number, 9000) for number in range(800, 806))
    take = full.take("benchmark", "*", cap=1)
    full.add("five.whl", {"whole": text}, take, part="benchmark")
    middle = text[400_000:410_000]
    full.add("four.whl", {"four.c": middle}, full.take("c", "*.c"))
    leaks = held_out(full.obtained("benchmark"), 1, [])
    assert len(text) > 1_000_000
    documents = build(full.manifest(), full.obtained("train"), leaks, Fallen())
    assert not any(document.package.name == "four" for document in documents)


def test_room_that_a_fallen_file_leaves_is_used(shelf: Shelf) -> None:
    size = len(source(0))
    files = {f"{number}.c": source(number) for number in range(20)}
    shelf.add("one.whl", files, shelf.take("c", "*.c", cap=5 * size))
    shelf.add("two.whl", files, shelf.take("c", "*.c", cap=18 * size))
    fallen = Fallen()
    documents = build(shelf.manifest(), shelf.obtained("train"), None, fallen)
    names = [document.package.name for document in documents]
    assert (names.count("one"), names.count("two")) == (5, 15)
    assert (fallen.totals["same file", "two"], fallen.totals["cap", "one"]) == (5, 15)
    assert not any(row[0] == "cap" for row in fallen.rows)


def test_progress_covers_every_archive(full: Shelf) -> None:
    done = list[int]()
    size = sum(package.size for package, _ in full.obtained("train"))
    build(full.manifest(), full.obtained("train"), None, Fallen(), done.append)
    assert sum(done) == size
    leaks = held_out(full.obtained("test"), 1, [])
    build(full.manifest(), full.obtained("train"), leaks, Fallen(), done.append)
    assert sum(done) == 3 * size


def test_an_archive_that_is_damaged_is_refused_by_name(full: Shelf) -> None:
    (_, path), *_ = full.obtained("train")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(CorpusDamaged, match=r"one\.tar\.gz"):
        made(full)
