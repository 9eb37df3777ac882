"""Sets of small files of a kind, from pinned packages: what prepared memories are measured on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from data.general.documents import chance, whole
from data.general.manifest import Package

LEAST, MOST = 500, 2000
"""Bytes of a record; mails may be longer."""
MOST_OF_A_MAIL = 8000


def _lines(content: bytes) -> Iterator[bytes]:
    """Lines that are records by themselves."""
    return (line for line in content.splitlines(keepends=True) if LEAST <= len(line) <= MOST)


def _some_lines(content: bytes) -> Iterator[bytes]:
    """Neighbouring lines together, as long as they stay short of twice the least length."""
    held = b""
    for line in content.splitlines(keepends=True):
        held += line
        if len(held) >= 2 * LEAST:
            if len(held) <= MOST:
                yield held
            held = b""


def _mail(content: bytes) -> Iterator[bytes]:
    """The file itself."""
    if LEAST <= len(content) <= MOST_OF_A_MAIL:
        yield content


class Kind(NamedTuple):
    """Where records come from: a package, what it calls their kind, and how a file is divided."""

    package: str
    kind: str
    divided: Callable[[bytes], Iterator[bytes]]
    suffix: str


KINDS = {
    "json": Kind("bfcl-eval", "jsonl", _lines, ".json"),
    "log": Kind("psad", "log", _some_lines, ".log"),
    "mail": Kind("notmuch", "mail", _mail, ".eml"),
}


def records(kind: Kind, package: Package, archive: Path, seed: int) -> list[bytes]:
    """All records of a kind, each once, in the order of chance. Raises CorpusDamaged."""
    found = whole(package, archive, seed, lambda *_: None, {})
    divided = {
        record
        for _, document in found
        if document.kind == kind.kind
        for record in kind.divided(document.content)
    }
    return sorted(divided, key=lambda record: chance(seed, kind.package, record.decode("latin-1")))
