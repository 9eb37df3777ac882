"""Documents: what is taken from one package, each with its kind, in an order of chance.

Chance is a hash of the seed and the name, so that it is the same on every machine and with every
version of Python, and one package more or less leaves the order of all others as it was.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from data.general.archives import members, unpacked
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
    return hashlib.sha256("\0".join((str(seed), *names)).encode()).digest()


def documents(package: Package, archive: Path, seed: int, note: Note) -> list[Document]:
    """What is taken from a package, up to the caps of its takes, in the order of chance.

    Raises CorpusDamaged where the archive cannot be unpacked.
    """
    found = _whole(package, archive, note)
    found.sort(key=lambda item: chance(seed, package.name, item[1].path))
    pieces = ((take, piece) for take, document in found for piece in cut(document))
    return list(_capped(pieces, note))


def _whole(package: Package, archive: Path, note: Note) -> list[tuple[Take, Document]]:
    """Every file that a take means, treated; the first take that matches has it."""

    def take_of(path: str) -> Take | None:
        return next((take for take in package.take if take.matches(path)), None)

    found, seen = [], set()
    for packed_path, packed in members(archive, lambda path: take_of(path) is not None):
        take = take_of(packed_path)
        assert take is not None  # only such members are unpacked
        path, content = unpacked(packed_path, packed)
        content = treated(take, content)
        digest = hashlib.sha256(content).digest()
        if len(content) < SHORTEST or digest in seen:
            reason = "short" if len(content) < SHORTEST else "same file"
            note(reason, package.name, path, len(content))
            continue
        seen.add(digest)
        kind = take.kind_of(packed_path)
        found.append((take, Document(package, path, kind, content)))
    return found


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


def _capped(found: Iterable[tuple[Take, Document]], note: Note) -> Iterator[Document]:
    """As many documents as fit under the caps of their takes and languages."""
    used: Counter[tuple[int, str]] = Counter()
    for take, document in found:
        key = (id(take), document.kind)
        if used[key] + len(document.content) > take.cap:
            note("cap", document.package.name, document.path, len(document.content))
            continue
        used[key] += len(document.content)
        yield document
