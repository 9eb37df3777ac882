"""Documents: what is taken from one package, each with its kind, in an order of chance.

Chance is a hash of the seed and the name, so that it is the same on every machine and with every
version of Python, and one package more or less leaves the order of all others as it was.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from data.general.archives import inside, members, unpacked
from data.general.duplicates import OwnLines
from data.general.manifest import Package, Take
from data.general.treatments import TREATMENTS

LONGEST = 1_000_000
"""Bytes of a file that is taken whole; of a longer one, windows are."""

WINDOWS = 3
"""Windows that are taken of a longer file: at its beginning, its middle and its end."""

WINDOW = 320_000
"""Bytes of such a window."""

SHORTEST = 64
"""Bytes of the shortest file that is of use."""

SHORTEST_OWN = 512
"""The same where only lines of one language are left: little of a page means no translation."""

LINE_ENDS_WITHIN = 4096
"""Bytes after which a cut is made in the middle of a line, since there may be none."""

Note = Callable[[str, str, str, int], None]
"""Takes note of what falls out: the reason, the package's name, the path, the bytes."""


@dataclass(frozen=True)
class Document:
    """One file, or a window of one, that counts as text of some kind."""

    package: Package
    path: str
    kind: str
    content: bytes


def chance(seed: int, *names: str) -> bytes:
    """A number of chance, to sort by, that depends on seed and names alone."""
    return hashlib.sha256(
        "\0".join((str(seed), *names)).encode("utf-8", "surrogateescape")
    ).digest()


def own_lines(packages: Iterable[tuple[Package, Path]]) -> dict[str, OwnLines]:
    """Name of a set of translations -> its lines, from the archives of all packages that hold it.

    Raises CorpusDamaged.
    """
    sets: dict[str, OwnLines] = {}
    for package, archive in packages:
        if all(take.own_lines is None for take in package.take):
            continue
        for take, path, content in _taken(package, archive):
            if take.own_lines is not None:
                own = sets.setdefault(take.own_lines, OwnLines())
                own.add(take.kind_of(path), treated(take, unpacked(path, content)[1]))
    for own in sets.values():
        own.close()
    return sets


def documents(
    package: Package, archive: Path, seed: int, note: Note, own: Mapping[str, OwnLines]
) -> list[Document]:
    """What is taken from a package as it stands there, up to the caps of its takes.

    The order is of chance. Raises CorpusDamaged where the archive cannot be unpacked.
    """
    caps = Caps(note)
    found = whole(package, archive, seed, note, own)
    pieces = ((take, piece) for take, document in found for piece in cut(document))
    return [caps.take(take, piece) for take, piece in pieces if caps.fits(take, piece)]


def whole(
    package: Package, archive: Path, seed: int, note: Note, own: Mapping[str, OwnLines]
) -> list[tuple[Take, Document]]:
    """Every file that a take of the package means, treated, in the order of chance.

    Raises CorpusDamaged.
    """
    found, seen = [], set()
    for take, packed_path, packed in _taken(package, archive):
        path, content = unpacked(packed_path, packed)
        content = treated(take, content)
        if take.own_lines is not None:
            content = own[take.own_lines].only(content)
        digest = hashlib.sha256(content).digest()
        short = len(content) < (SHORTEST if take.own_lines is None else SHORTEST_OWN)
        if short or digest in seen:
            reason = "short" if short else "same file"
            note(reason, package.name, path, len(content))
            continue
        seen.add(digest)
        found.append((take, Document(package, path, take.kind_of(packed_path), content)))
    return sorted(found, key=lambda item: chance(seed, package.name, item[1].path))


def _taken(package: Package, archive: Path) -> Iterator[tuple[Take, str, bytes]]:
    """The files that a take means, each with its path; the first take that matches has it."""

    def take_of(path: str) -> Take | None:
        return next((take for take in package.take if take.matches(path)), None)

    def wanted(path: str) -> bool:
        return take_of(path) is not None

    if package.inside is None:
        found = members(archive, wanted)
    else:
        pattern = package.inside
        zips = members(archive, lambda path: fnmatchcase(path, pattern))
        found = (item for _, content in zips for item in inside(content, wanted))
    for path, content in found:
        take = take_of(path)
        assert take is not None  # only such files are unpacked
        yield take, path, content


def treated(take: Take, content: bytes) -> bytes:
    """The content after the treatments of its take."""
    for name in take.treat:
        content = TREATMENTS[name](content)
    return content


def cut(document: Document) -> Iterator[Document]:
    """The document itself, or where it is long, windows of it that lie far from each other."""
    size = len(document.content)
    if size <= LONGEST:
        yield document
        return
    for number in range(WINDOWS):
        start = line_start(document.content, number * (size - WINDOW) // (WINDOWS - 1))
        stop = line_end(document.content, start + WINDOW)
        content = document.content[start:stop]
        yield replace(document, path=f"{document.path}#{start}", content=content)


def line_start(content: bytes, position: int) -> int:
    """The next beginning of a line, or the position itself where none is near."""
    if position == 0:
        return 0
    end = content.find(b"\n", position, position + LINE_ENDS_WITHIN)
    return position if end < 0 else end + 1


def line_end(content: bytes, position: int) -> int:
    """The end of the last line that ends before the position, or the position where none does."""
    if position >= len(content):
        return len(content)
    end = content.rfind(b"\n", max(0, position - LINE_ENDS_WITHIN), position)
    return position if end < 0 else end + 1


class Caps:
    """How much of each take and kind is taken, and what is left out for that."""

    def __init__(self, note: Note) -> None:
        self._used: Counter[tuple[Take, str]] = Counter()
        self._note = note

    def fits(self, take: Take, document: Document) -> bool:
        """Whether there is room for a document; where there is none, it is noted."""
        size = len(document.content)
        if self._used[take, document.kind] + size <= take.cap:
            return True
        self._note("cap", document.package.name, document.path, size)
        return False

    def take(self, take: Take, document: Document) -> Document:
        """Counts a document that is taken, and returns it."""
        self._used[take, document.kind] += len(document.content)
        return document
