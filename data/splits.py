"""The standard split of enwik8 and the slices that figures are quoted on, as byte ranges with names.

Test bytes are for the final figure alone: nothing is trained, tuned or selected on them."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from data.clean import CLEANED
from data.corpora import load

Bytes = TypeVar("Bytes", bytes, np.ndarray)
ENWIK8_LENGTH = 100_000_000
SLICES: dict[str, tuple[int, int]] = {
    "train": (0, 90_000_000),
    "valid": (90_000_000, 95_000_000),
    "test": (95_000_000, 100_000_000),
    "enwik8": (0, 100_000_000),
    "head1m": (0, 1_000_000),
    "test5m": (95_000_000, 100_000_000),
    "test1m": (95_000_000, 96_000_000),
}
"""Name -> [start, stop) in bytes of enwik8. train, valid and test are the usual 90/5/5 split; test5m is test under the
name figures use, test1m its first million, for codecs too slow for all of it; head1m and enwik8 hold training bytes,
and a figure on them says so."""
VALID_SLICE_BYTES = 262_144
"""The first bytes of valid, on which estimates are made where all of it would take too long: enough to tell 0.2 %."""


def split(corpus: Bytes, name: str) -> Bytes:
    """The named slice of enwik8's bytes: same type as given (an array is a view), shape (stop - start,).

    Raises ValueError for an unknown name, and for bytes that are not as long as enwik8: the ranges are enwik8's own,
    and would quietly yield the wrong bytes of anything else.
    """
    if name not in SLICES:
        raise ValueError(f"no slice is called {name!r}: choose from {', '.join(SLICES)}")
    if len(corpus) != ENWIK8_LENGTH:
        raise ValueError(
            f"{len(corpus)} bytes are not enwik8's {ENWIK8_LENGTH}: split the whole corpus, not a part"
        )
    start, stop = SLICES[name]
    return corpus[start:stop]


def load_slice(name: str) -> np.ndarray:
    """The named slice of the checked corpus: read-only uint8, shape (stop - start,). Raises as `load` and `split`."""
    return split(load("enwik8"), name)


def training_bytes_within(name: str, size: int) -> int | None:
    """How many bytes of a slice of enwik8 belong to the training split; 0 for the cleaned text of a slice that holds
    none of them; None for any other input: not known."""
    start, stop = SLICES.get(name.removesuffix(CLEANED), (0, -1))
    shared = max(0, min(stop, SLICES["train"][1]) - max(start, SLICES["train"][0]))
    if name in SLICES:
        return shared if stop - start == size else None
    return 0 if not shared and size < stop - start else None
