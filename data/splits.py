"""Byte ranges of enwik8 by name: the standard split, and the slices that results are stated for.

Test bytes are for final results alone: nothing is trained, tuned or selected on them.
"""

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
    "tail256k": (99_737_856, 100_000_000),
}
"""Name -> [start, stop) in bytes of enwik8.

``train``, ``valid`` and ``test`` are the usual split of 90, 5 and 5 %. ``test5m`` is ``test`` by
the name that results use, and ``test1m`` its first million bytes, for codecs too slow for all of
it. ``tail256k`` is the end of it, 262,144 bytes, because most files are shorter than all of it.
``head1m`` and ``enwik8`` hold training bytes, and a result for them says so.
"""
VALID_SLICE_BYTES = 262_144
"""Length of the beginning of ``valid`` that estimates use where all of it would take too long.

It is long enough to tell differences of 0.2 %.
"""


def split(corpus: Bytes, name: str) -> Bytes:
    """The named slice of enwik8's bytes, in the type given; a slice of an array is a view.

    Raises ValueError for an unknown name and for bytes that are not as long as enwik8, because the
    ranges would yield the wrong bytes of any other text.
    """
    if name not in SLICES:
        raise ValueError(f"no slice is called {name!r}: choose from {', '.join(SLICES)}")
    if len(corpus) != ENWIK8_LENGTH:
        raise ValueError(
            f"{len(corpus)} bytes are not enwik8's {ENWIK8_LENGTH}: "
            "split the whole corpus, not a part"
        )
    start, stop = SLICES[name]
    return corpus[start:stop]


def load_slice(name: str) -> np.ndarray:
    """The named slice of the checked enwik8: read-only uint8 array of shape (stop - start,).

    Raises what `load` and `split` raise.
    """
    return split(load("enwik8"), name)


def training_bytes_within(name: str, size: int) -> int | None:
    """How many bytes of the input of this name and size in bytes belong to enwik8's training split.

    The input is a slice, or the cleaned text of one that holds no training bytes (then 0). For any
    other input the number is not known, and the result is None.
    """
    start, stop = SLICES.get(name.removesuffix(CLEANED), (0, -1))
    shared = max(0, min(stop, SLICES["train"][1]) - max(start, SLICES["train"][0]))
    if name in SLICES:
        return shared if stop - start == size else None
    return 0 if not shared and size < stop - start else None
