"""Colours of pictures that came from JPEG: red, green and blue to and from Y, u and v.

``coding/FORMAT.md``, section 10.2. What a JPEG file holds are brightness and two differences of
colour (JFIF 1.02); a picture decoded from it has but a quarter of all colours, and comes back from
the fewer values exactly. Where a component was held at 0 or 255 several triples give one colour.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

AT_ONCE = 1 << 18
"""Colours that are changed at once: what is in between takes some bytes for each."""
_Change = Callable[[np.ndarray], "np.ndarray | None"]


def to_rgb(stretch: bytes, row: int, blue_first: bool) -> bytes:
    """The original of a stretch whose threes, from each row's first byte on, are Y, u and v.

    u and v have 128 added to them. What is left of a row, or of the stretch, stays as it is.
    """

    def colours(threes: np.ndarray) -> np.ndarray:
        y, u, v = threes.astype(np.int32).T
        offsets = _offsets(u - 128, v - 128)
        return _ordered(np.stack([y + offset for offset in offsets], 1).clip(0, 255), blue_first)

    original = _changed(stretch, row, colours)
    if original is None:
        raise AssertionError("every Y, u and v is some colour")
    return original


def from_rgb(original: bytes, row: int, blue_first: bool) -> bytes | None:
    """The inverse of ``to_rgb``; None where a three of the original is no colour that it gives.

    Of several triples it is the one with the least |u| + |v|, then u, then v, then Y.
    """
    search = _Search()

    def triples(threes: np.ndarray) -> np.ndarray | None:
        return search.found(_ordered(threes, blue_first).astype(np.int32))

    return _changed(original, row, triples)


def _ordered(colours: np.ndarray, blue_first: bool) -> np.ndarray:
    return colours[:, ::-1] if blue_first else colours


def _changed(stretch: bytes, row: int, change: _Change) -> bytes | None:
    """The stretch with its threes (n, 3) uint8 changed, some at once; None where one has none."""
    out = np.frombuffer(stretch, np.uint8).copy()
    whole = len(stretch) // row * row
    for rows in (out[:whole].reshape(-1, row), out[None, whole:]):
        threes = rows[:, : rows.shape[1] // 3 * 3]
        flat = threes.reshape(-1, 3)
        for start in range(0, len(flat), AT_ONCE):
            changed = change(flat[start : start + AT_ONCE])
            if changed is None:
                return None
            flat[start : start + AT_ONCE] = changed
        threes[:] = flat.reshape(threes.shape)
    return out.tobytes()


def _offsets(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What red, green and blue are more than Y before they are held, int32."""
    half = 1 << 15
    red = (91881 * v + half) >> 16
    green = (half - 22554 * u - 46802 * v) >> 16
    return red, green, (116130 * u + half) >> 16


class _Tables(NamedTuple):
    u: np.ndarray
    """All pairs of u and v, (65536,) int32, those first that are to be chosen first."""
    v: np.ndarray
    offsets: np.ndarray
    """Those of red, green and blue of each pair, (3, 65536) int16."""
    pair: np.ndarray
    """The pair of a colour that is not held, (511, 511) int32, -1 where there is none.

    It is found by what red and blue are more than green, plus 255; no two pairs agree in both.
    """
    alike: dict[tuple[int, int], list[np.ndarray]]
    """For two components, the pairs by what the second is more than the first, plus 255, in order.

    It is for -255 to 255.
    """


@functools.cache
def _tables() -> _Tables:
    all_u, all_v = (each.ravel() for each in np.mgrid[-128:128, -128:128].astype(np.int32))
    order = np.lexsort((all_v, all_u, np.abs(all_u) + np.abs(all_v)))
    u, v = all_u[order], all_v[order]
    red, green, blue = _offsets(u, v)
    pair = np.full((511, 511), -1, np.int32)
    across, down = red - green, blue - green
    [possible] = ((np.abs(across) < 256) & (np.abs(down) < 256)).nonzero()
    pair[across[possible] + 255, down[possible] + 255] = possible
    offsets = np.stack([red, green, blue]).astype(np.int16)
    alike = {two: _by_value(offsets[two[1]] - offsets[two[0]]) for two in ((0, 1), (0, 2), (1, 2))}
    return _Tables(u, v, offsets, pair, alike)


def _by_value(values: np.ndarray) -> list[np.ndarray]:
    """Where each value from -255 to 255 stands, in ascending order."""
    order = values.argsort(kind="stable")
    bounds = values[order].searchsorted(np.arange(-255, 257))
    return [order[start:end] for start, end in itertools.pairwise(bounds)]


class _Search:
    """Finds Y, u and v of colours, and keeps what took long to find."""

    def __init__(self) -> None:
        self._known = dict[int, tuple[int, int]]()
        """Of held colours, 2^16 red + 2^8 green + blue: pair and Y."""

    def found(self, colours: np.ndarray) -> np.ndarray | None:
        """Y, u + 128 and v + 128 of colours (n, 3) int32, (n, 3) int32; None where one has none."""
        tables = _tables()
        red, green, blue = colours.T
        pair = tables.pair[red - green + 255, blue - green + 255]
        y = green - tables.offsets[1].take(pair)
        held = ((colours == 0) | (colours == 255)).any(1)
        # No pair has all components above Y, or all below it: where none is held, Y is in bounds.
        if (~held & (pair < 0)).any():
            return None
        some = colours[held]
        code, which = np.unique((some << [16, 8, 0]).sum(1), return_inverse=True)
        triples = list[tuple[int, int]]()
        for each in code.tolist():
            if (triple := self._held(each)) is None:
                return None
            triples.append(triple)
        if triples:
            pair[held], y[held] = np.array(triples, np.int32)[which].T
        return np.stack([y, tables.u[pair] + 128, tables.v[pair] + 128], 1)

    def _held(self, code: int) -> tuple[int, int] | None:
        """Pair and Y of a colour of which a component may have been held at 0 or 255."""
        if code not in self._known:
            colour = (code >> 16, code >> 8 & 255, code & 255)
            free = [at for at, component in enumerate(colour) if 0 < component < 255]
            pairs, offsets = None, _tables().offsets
            if len(free) == 2:
                pairs = _tables().alike[free[0], free[1]][colour[free[1]] - colour[free[0]] + 255]
                offsets = offsets.take(pairs, axis=1)
            least = np.zeros(offsets.shape[1], np.int16)
            most = np.full(offsets.shape[1], 255, np.int16)
            for component, offset in zip(colour, offsets, strict=True):
                y = np.int16(component) - offset
                if component > 0:
                    np.maximum(least, y, out=least)
                if component < 255:
                    np.minimum(most, y, out=most)
            fits = least <= most
            if not fits.any():
                return None
            at = int(fits.argmax())
            self._known[code] = (at if pairs is None else int(pairs[at])), int(least[at])
        return self._known[code]
