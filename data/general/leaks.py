"""Text that stands on two sides: windows of what is held out, looked for in what is trained on.

A window is WINDOW bytes. Those of the held-out text are noted at every STEP bytes, and a document
is looked through at every byte, so that a common run of WINDOW + STEP - 1 bytes is always found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data.general.headers import header_length

WINDOW = 64
STEP = 16

COMMON = 3
"""Upstream families, of all sides, from which on a window that they share is nobody's own.

The words of licences are of that sort, and empty loops.
"""

FORMS = 20
"""Documents, of all sides, from which on a window that they share is a form that was filled in.

What generators of pages write is of that sort, and lists of imports.
"""

COPIED = 0.2
"""Share of a document that may be held-out text, common windows included.

It finds files that many families have copied, whose windows count as common for that reason.
"""

DISTINCT = 8
"""Different bytes that a window must have to say anything: rules of dashes have fewer."""

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""An odd number without pattern: the base of the polynomial that a window's hash is."""

TABLE_BITS = 26
"""Bits of a hash that are looked up before it is searched for: a table of 64 MB."""


def window_hashes(content: bytes) -> np.ndarray:
    """Hash of the window at each byte: uint64 array of shape (length - WINDOW + 1,), or (0,).

    It is the polynomial of the window's bytes modulo 2^64, built up by doubling: the hash of 2n
    bytes is that of the first n times MULTIPLIER^n plus that of the second n.
    """
    if len(content) < WINDOW:
        return np.zeros(0, np.uint64)
    # One more than the byte, so that zeros count too.
    hashes = np.frombuffer(content, np.uint8).astype(np.uint64) + np.uint64(1)
    width, power = 1, MULTIPLIER
    while width < WINDOW:
        hashes = hashes[:-width] * power + hashes[width:]
        width, power = 2 * width, _square(power)
    return hashes ^ (hashes >> np.uint64(29))


def _square(number: np.uint64) -> np.uint64:
    """The square modulo 2^64, without NumPy's warning about the overflow that is meant."""
    return np.uint64(int(number) ** 2 % 2**64)


class HeldOut:
    """The windows of held-out text, and whether a document holds them.

    First every document is shown to `observe`, so that common windows are known, and `close` ends
    that; then `holds` judges.
    """

    def __init__(self, texts: Sequence[tuple[str, bytes]]) -> None:
        """Takes texts with the upstream family of each."""
        noted = [_noted(text) for _, text in texts]
        self._hashes = np.unique(np.concatenate(noted)) if noted else np.zeros(0, np.uint64)
        self._families = np.zeros(len(self._hashes), np.int64)
        self._documents = np.zeros(len(self._hashes), np.int64)
        self._table = np.zeros(1 << TABLE_BITS, bool)
        self._table[_short(self._hashes)] = True
        self._own = np.ones(len(self._hashes), bool)
        self._seen: dict[str, list[np.ndarray]] = {}
        # What is noted of one text may stand in another between its places: each is looked through.
        for family, text in texts:
            self.observe(family, text)

    def __len__(self) -> int:
        """The number of different windows."""
        return len(self._hashes)

    def observe(self, family: str, content: bytes) -> None:
        """Takes note of the held-out windows in a document of some upstream family."""
        found = np.unique(self._found(content))
        self._documents[found] += 1
        self._seen.setdefault(family, []).append(found)

    def close(self) -> None:
        """Ends the noting: windows that many have are nobody's own from now on."""
        for found in self._seen.values():
            self._families[np.unique(np.concatenate(found))] += 1
        self._seen.clear()
        self._own = (self._families < COMMON) & (self._documents < FORMS)

    def holds(self, content: bytes) -> bool:
        """Whether a document holds a window of one family's own, or is copied for some part.

        The comments at its head do not count: they hold its licence.
        """
        body = content[header_length(content) :]
        found = self._found(body)
        return bool(self._own[found].any()) or len(found) * STEP > COPIED * len(body)

    def _found(self, content: bytes) -> np.ndarray:
        """The number of each window of the document that is held out, in the order of places."""
        hashes = window_hashes(content)
        likely = hashes[self._table[_short(hashes)]]
        if not len(likely):
            return np.zeros(0, np.int64)
        places = np.minimum(np.searchsorted(self._hashes, likely), len(self._hashes) - 1)
        return places[self._hashes[places] == likely]


def _short(hashes: np.ndarray) -> np.ndarray:
    """The first bits of each hash."""
    return (hashes >> np.uint64(64 - TABLE_BITS)).astype(np.int64)


def _noted(text: bytes) -> np.ndarray:
    """Hashes of the windows that are noted of a text: not of its header, nor of mere rules."""
    body = text[header_length(text) :]
    hashes = window_hashes(body)[::STEP]
    if not len(hashes):
        return hashes
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(body, np.uint8), WINDOW)
    ordered = np.sort(windows[::STEP], axis=1)
    distinct = 1 + np.count_nonzero(np.diff(ordered, axis=1), axis=1)
    return hashes[distinct >= DISTINCT]
