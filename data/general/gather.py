"""The parts as they are handed over: obtained archives, the index of a part, and its card."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.corpora import CorpusUnavailable, load
from data.general.build import Fallen
from data.general.documents import Document
from data.general.manifest import Manifest, Package, Part
from data.general.store import obtain

BENCHMARK = "the last 10,000,000 bytes of enwik8"
"""What is kept out of training text beside the packages that are held out."""

COLUMNS = ("offset", "length", "kind", "package", "path")
"""Columns of an index; offset and length are in bytes of the part's text."""


@dataclass(frozen=True)
class Missing:
    """A package that could not be had, why, and the most bytes that its takes could have given.

    `at_most` is None where takes divide by language, for their number is not known then.
    """

    package: Package
    reason: str
    at_most: int | None


def obtained(
    packages: Iterable[Package],
    strict: bool,
    progress: Callable[[int], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[list[tuple[Package, Path]], list[Missing]]:
    """The checked archives of the packages, and what could not be had, which is told to `warn`.

    Raises CorpusDamaged, WrongSetting, and where `strict` is set CorpusUnavailable.
    """
    found: list[tuple[Package, Path]] = []
    missing: list[Missing] = []
    for package in packages:
        try:
            found.append((package, obtain(package, progress)))
        except CorpusUnavailable as error:
            if strict:
                raise
            missing.append(Missing(package, str(error), bound(package)))
            warn(str(error))
    return found, missing


def bound(package: Package) -> int | None:
    """The most bytes that a package can give; None where its takes divide by language."""
    if any(take.language is not None for take in package.take):
        return None
    return sum(take.cap for take in package.take)


def benchmarks(strict: bool, warn: Callable[[str], None]) -> list[bytes]:
    """The benchmark text that training text must not hold; empty where it cannot be had.

    Raises CorpusError where a file is damaged, and where `strict` is set CorpusUnavailable.
    """
    try:
        return [load("enwik8")[-10_000_000:].tobytes()]
    except CorpusUnavailable as error:
        if strict:
            raise
        warn(str(error))
        return []


def index(documents: Sequence[Document]) -> Iterator[bytes]:
    """The lines of an index: a heading, then one line for each document, columns apart by tabs."""
    yield "\t".join(COLUMNS).encode() + b"\n"
    offset = 0
    for document in documents:
        length, path = len(document.content), printable(document.path)
        row = (str(offset), str(length), document.kind, document.package.name, path)
        yield "\t".join(row).encode() + b"\n"
        offset += length


def left_out(fallen: Fallen) -> Iterator[bytes]:
    """The lines of the list of what fell out, likewise: reason, package, path, bytes."""
    yield b"reason\tpackage\tpath\tbytes\n"
    for reason, package, path, size in fallen.rows:
        yield f"{reason}\t{package}\t{printable(path)}\t{size}\n".encode()


def printable(path: str) -> str:
    """A path without tabs, line ends and bytes that are not UTF-8, which are written out."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def settings(manifest: Manifest, part: Part, permissive: bool) -> dict[str, Any]:
    """What a part's bytes depend on, beside the archives."""
    return {
        "corpus": "general",
        "part": part,
        "seed": manifest.seed,
        "permissive": permissive,
        "manifest_sha256": manifest.sha256,
    }


def card(
    documents: Sequence[Document],
    packages: Iterable[Package],
    missing: Sequence[Missing],
    fallen: Fallen,
    checked: Sequence[str],
) -> dict[str, Any]:
    """What a part consists of, and what is not in it: sizes in bytes, hashes in hex.

    `checked` names what it was held against beside the packages that are held out.
    """
    kinds: Counter[str] = Counter()
    digest = hashlib.sha256()
    for document in documents:
        kinds[document.kind] += len(document.content)
        digest.update(document.content)
    return {
        "bytes": sum(kinds.values()),
        "documents": len(documents),
        "sha256": digest.hexdigest(),
        "index_sha256": hashlib.sha256(b"".join(index(documents))).hexdigest(),
        "kept_out": list(checked),
        "bytes_by_kind": dict(sorted(kinds.items())),
        "packages": [_used(package, documents) for package in packages],
        "missing": [
            {"name": lost.package.name, "at_most_bytes": lost.at_most, "reason": lost.reason}
            for lost in missing
        ],
        "left_out": [
            {
                "reason": reason,
                "package": package,
                "files": files,
                "bytes": fallen.sizes[reason, package],
            }
            for (reason, package), files in sorted(fallen.totals.items())
        ],
    }


def _used(package: Package, documents: Sequence[Document]) -> dict[str, Any]:
    """What a part holds of one package, and where that is from."""
    own = [document for document in documents if document.package.name == package.name]
    kinds: Counter[str] = Counter()
    for document in own:
        kinds[document.kind] += len(document.content)
    return {
        "name": package.name,
        "registry": package.registry,
        "version": package.version,
        "archive": package.file,
        "sha256": package.sha256,
        "licence": package.licence,
        "permissive": package.permissive,
        "documents": len(own),
        "bytes": sum(kinds.values()),
        "bytes_by_kind": dict(sorted(kinds.items())),
    }
