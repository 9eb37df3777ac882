"""Files that are known already, whole or for the most part, and lines common to all languages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

SHORTEST_LINE = 12
"""Bytes of a line that counts; brackets and empty lines stand in every file."""

KNOWN_SHARE = 0.6
"""Share of known lines from which on a file brings nothing new."""


def line_hashes(content: bytes) -> list[int]:
    """Hash of each line that counts, blanks at its ends left away; 64 bits each."""
    lines = (line.strip() for line in content.split(b"\n"))
    return [_hash(line) for line in lines if len(line) >= SHORTEST_LINE]


def _hash(line: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), "little")


class Known:
    """What was taken so far: whole files and lines."""

    def __init__(self) -> None:
        self._files: set[bytes] = set()
        self._lines: set[int] = set()

    def reason(self, content: bytes, lines: Iterable[int]) -> str | None:
        """Why a file is out, or None: it is `same file`, or most of its lines are `known lines`."""
        if hashlib.sha256(content).digest() in self._files:
            return "same file"
        hashes = list(lines)
        known = sum(line in self._lines for line in hashes)
        return "known lines" if known > KNOWN_SHARE * len(hashes) else None

    def add(self, content: bytes, lines: Iterable[int]) -> None:
        """Notes a file that was taken."""
        self._files.add(hashlib.sha256(content).digest())
        self._lines.update(lines)


class OwnLines:
    """Lines that stand in one language alone: what translators have left as it was is in many."""

    def __init__(self) -> None:
        self._lines: dict[str, list[np.ndarray]] = {}
        self._shared: np.ndarray | None = None

    def add(self, language: str, content: bytes) -> None:
        """Notes the lines of a file in some language."""
        lines = np.array([_hash(line.strip()) for line in content.split(b"\n")], np.uint64)
        self._lines.setdefault(language, []).append(np.unique(lines))

    def close(self) -> None:
        """Ends the noting, before the first use."""
        each = [np.unique(np.concatenate(lines)) for lines in self._lines.values()]
        hashes, counts = np.unique(
            np.concatenate(each) if each else np.zeros(0, np.uint64), return_counts=True
        )
        self._shared = hashes[counts > 1]
        self._lines.clear()

    def only(self, content: bytes) -> bytes:
        """The lines of a file that stand in its language alone."""
        assert self._shared is not None  # closed before
        lines = content.split(b"\n")
        hashes = np.array([_hash(line.strip()) for line in lines], np.uint64)
        places = np.searchsorted(self._shared, hashes)
        if not len(self._shared):
            return content
        shared = self._shared[np.minimum(places, len(self._shared) - 1)] == hashes
        kept = [line for line, common in zip(lines, shared, strict=True) if not common]
        return b"\n".join(kept) + b"\n" if kept else b""
