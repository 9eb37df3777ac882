"""The text that `general` weights train on: documents of many kinds, with enwik8 between them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

PIECE = 1 << 16
"""Bytes of enwik8 that stand together."""

ONE_IN = 6
"""One byte in so many is of enwik8, so that what is read of Wikipedia is not forgotten."""


def blend(documents: np.ndarray, starts: np.ndarray, wiki: np.ndarray) -> np.ndarray:
    """Documents with pieces of ``wiki`` between them, all uint8, spread evenly; (length,) uint8.

    ``starts`` (documents,) says where each document begins. Pieces are taken from all over
    ``wiki``, none of them twice; with few of them the share is smaller.
    """
    pieces, taken, written = _pieces(wiki), 0, 0
    parts: list[np.ndarray] = []
    for start, stop in pairwise([*starts, documents.size]):
        parts.append(documents[start:stop])
        written += int(stop - start)
        while taken + PIECE <= written // (ONE_IN - 1):
            piece = next(pieces, None)
            if piece is None:
                break
            parts.append(piece)
            taken += PIECE
    return np.concatenate(parts) if parts else documents


def _pieces(text: np.ndarray) -> Iterator[np.ndarray]:
    """The whole pieces of a text, each far from the one before it."""
    count = text.size // PIECE
    stride = round(count * (math.sqrt(5) - 1) / 2)
    while count and math.gcd(stride, count) != 1:
        stride += 1
    for number in range(count):
        start = number * stride % count * PIECE
        yield text[start : start + PIECE]
