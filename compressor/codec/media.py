"""Where sound and pictures lie in a file, told from the headers of their formats.

What is found is a guess: a trial decides whether it is predicted and whether its colours are those
of a picture that was JPEG once, and a block says all that its decoder needs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

from coding.prediction import (
    BLUE_FIRST,
    COLOURS,
    HIGH_FIRST,
    MOST_CHANNELS,
    SIGNED,
    WIDE,
    Signal,
    Stretch,
)

LEAST_STRETCH = 1 << 13
"""Bytes that a stretch needs for a trial to tell anything."""
MOST_ROW = 1 << 22
"""Numbers of a row of a picture at most."""
MOST_PICTURES, MOST_STRIPS = 1 << 6, 1 << 14
"""Pictures that are looked for in one TIFF file, and strips or values of any tag in one."""
MOST_HEADERS = 1 << 14
"""Places of a block at which a header of one format may be that are looked at."""
WINDOW = 9

_PIXELS = re.compile(rb"P([56])(?:\s+|#[^\n]*\n)+?(\d{1,6})\s+(\d{1,6})\s+(\d{1,5})\s")
_PIXELS_BYTES = 1 << 10
"""Bytes that the header of a PGM or PPM has at most."""


def sound(channels: int, form: int) -> Signal:
    """Sound: each number from the same number of those before it in each channel."""
    before = 16 if channels == 1 else min(32, 16 * channels)
    return Signal(form, WINDOW, channels, channels, tuple(range(1, before + 1)))


def picture(channels: int, row: int, form: int) -> Signal:
    """A picture of rows of so many numbers: from pixels to the left, above, and around those."""
    left = range(1, max(2 * channels, 3) + 1)
    above = range(max(row - channels, 1), row + 2 * channels + 1)
    further = range(2 * row - 1, 2 * row + 2) if channels == 1 else [2 * row]
    distances = sorted({*left, *above, *further})
    return Signal(form, WINDOW, channels, row, tuple(distances))


class Finder:
    """The stretches of a file's blocks, one block after the other; one may go on in the next."""

    def __init__(self) -> None:
        self._signal: Signal | None = None
        self._done = self._left = 0

    def stretches(self, block: bytes) -> list[Stretch]:
        """Those of the next block, in order and apart, each of whole numbers."""
        found, at = list[Stretch](), 0
        if self._signal is not None:
            at = min(self._left, len(block))
            row = self._signal.row * self._signal.width
            begun = min(-self._done % row, at)
            found.append(Stretch(begun, at - begun, self._signal))
            self._done, self._left = self._done + at, self._left - at
        for start, size, signal in _sorted(block, at):
            if start >= at:
                at = min(start + size, len(block))
                found.append(Stretch(start, at - start, signal))
                self._signal, self._done, self._left = signal, at - start, start + size - at
        if not self._left:
            self._signal = None
        whole = (one._replace(size=one.size - one.size % one.signal.width) for one in found)
        return [one for one in whole if one.size >= LEAST_STRETCH]


def _sorted(block: bytes, start: int) -> list[Stretch]:
    """The stretches of all headers from a place on, as they say: they may reach beyond it."""
    found = list[Stretch]()
    for magic, read in _READERS.items():
        at = start - 1
        for _ in range(MOST_HEADERS):
            if (at := block.find(magic, at + 1)) < 0:
                break
            try:
                found += (one for one in read(block, at) if one.signal.is_sound())
            except (struct.error, ValueError):
                continue  # no header, or one that the block has in part
    return sorted(found, key=lambda one: one.start)


def _chunks(block: bytes, at: int, kind: bytes, head: str) -> Iterator[tuple[bytes, int, int]]:
    """The names of a file's chunks, where each begins behind its head, and its bytes.

    None of a file of another kind; ``head`` are name and size, as ``struct`` reads them.
    """
    if block[at + 8 : at + 12] != kind:
        return
    place = at + 12
    while place + 8 <= len(block):
        name, size = struct.unpack_from(head, block, place)
        yield name, place + 8, size
        place += 8 + size + size % 2


def _wave(block: bytes, at: int) -> Iterator[Stretch]:
    """RIFF WAVE, of numbers of 8 or 16 bits."""
    signal = None
    for name, place, size in _chunks(block, at, b"WAVE", "<4sI"):
        if name == b"fmt ":
            kind, channels, _, _, _, bits = struct.unpack_from("<HHIIHH", block, place)
            if kind not in (1, 0xFFFE) or bits not in (8, 16) or not 1 <= channels <= MOST_CHANNELS:
                return
            signal = sound(channels, WIDE | SIGNED if bits == 16 else 0)
        if name == b"data":
            if signal is not None:
                yield Stretch(place, size, signal)
            return


def _aiff(block: bytes, at: int) -> Iterator[Stretch]:
    """AIFF, whose numbers have the higher byte first."""
    signal = None
    for name, place, size in _chunks(block, at, b"AIFF", ">4sI"):
        if name == b"COMM":
            channels, _, bits = struct.unpack_from(">HIH", block, place)
            if bits not in (8, 16) or not 1 <= channels <= MOST_CHANNELS:
                return
            signal = sound(channels, WIDE | SIGNED | HIGH_FIRST if bits == 16 else SIGNED)
        if name == b"SSND" and size > 8:
            if signal is not None:
                yield Stretch(place + 8, size - 8, signal)
            return


def _bitmap(block: bytes, at: int) -> Iterator[Stretch]:
    """BMP of 8, 24 or 32 bits a pixel, whose rows are filled up to four bytes."""
    _, _, start, more, width, height, planes, bits, packed = struct.unpack_from(
        "<IIIIiiHHI", block, at + 2
    )
    whole = 0 < width < MOST_ROW and 0 < abs(height) < MOST_ROW and planes == 1
    if whole and 40 <= more <= 124 and bits in (8, 24, 32) and packed in (0, 3):
        channels = bits // 8
        row = (width * channels + 3) // 4 * 4
        form = COLOURS | BLUE_FIRST if channels == 3 else 0
        yield Stretch(at + start, row * abs(height), picture(channels, row, form))


def _pixels(block: bytes, at: int) -> Iterator[Stretch]:
    """PGM and PPM in bytes."""
    header = _PIXELS.match(block, at, at + _PIXELS_BYTES)
    if header is None:
        return
    kind, width, height, most = map(int, header.groups())
    channels = 3 if kind == 6 else 1
    bytes_form = COLOURS if channels == 3 else 0
    form = WIDE | HIGH_FIRST if most > 255 else bytes_form
    signal = picture(channels, width * channels, form)
    yield Stretch(header.end(), width * channels * height * signal.width, signal)


TAGS = WIDTH, BITS, PACKED, STRIPS, CHANNELS, SIZES, PLANES = 256, 258, 259, 273, 277, 279, 284
"""Tags of TIFF that are read."""
_FIELDS = {1: "B", 3: "H", 4: "I"}


def _tiff(block: bytes, at: int) -> Iterator[Stretch]:
    """TIFF that is not packed, of 8 or 16 bits a number."""
    order = "<" if block[at : at + 1] == b"I" else ">"
    (place,) = struct.unpack_from(order + "I", block, at + 4)
    for _ in range(MOST_PICTURES):
        if not place:
            return
        (count,) = struct.unpack_from(order + "H", block, at + place)
        entries = range(at + place + 2, at + place + 2 + 12 * count, 12)
        tags = dict(_tag(block, at, entry, order) for entry in entries)
        yield from _strips(tags, at, HIGH_FIRST if order == ">" else 0)
        before = place
        (place,) = struct.unpack_from(order + "I", block, at + place + 2 + 12 * count)
        if place <= before:
            return  # so that none goes round in a circle


def _tag(block: bytes, at: int, entry: int, order: str) -> tuple[int, tuple[int, ...]]:
    """A tag and its values, none where they are of another kind."""
    tag, kind, count = struct.unpack_from(order + "HHI", block, entry)
    field = _FIELDS.get(kind)
    if tag not in TAGS or field is None or count > MOST_STRIPS:
        return tag, ()
    values = f"{order}{count}{field}"
    place = entry + 8
    if struct.calcsize(values) > 4:
        place = at + struct.unpack_from(order + "I", block, place)[0]
    return tag, struct.unpack_from(values, block, place)


def _strips(tags: dict[int, tuple[int, ...]], at: int, order: int) -> Iterator[Stretch]:
    """The strips of a picture, those that follow each other as one."""
    (width, *_), (packed, *_) = tags.get(WIDTH) or (0,), tags.get(PACKED) or (1,)
    (channels, *_), (planes, *_) = tags.get(CHANNELS) or (1,), tags.get(PLANES) or (1,)
    bits, starts, sizes = set(tags.get(BITS, ())), tags.get(STRIPS, ()), tags.get(SIZES, ())
    if packed != 1 or bits not in ({8}, {16}) or not 0 < width < MOST_ROW:
        return
    if planes != 1:
        channels = 1
    if not 1 <= channels <= MOST_CHANNELS or len(starts) != len(sizes):
        return
    bytes_form = COLOURS if channels == 3 else 0
    signal = picture(channels, width * channels, (WIDE | order) if bits == {16} else bytes_form)
    first = end = 0
    for start, size in zip(starts, sizes, strict=True):
        if start != end:
            if end > first:
                yield Stretch(at + first, end - first, signal)
            first = start
        end = start + size
    if end > first:
        yield Stretch(at + first, end - first, signal)


_READERS: dict[bytes, Callable[[bytes, int], Iterator[Stretch]]] = {
    b"RIFF": _wave,
    b"FORM": _aiff,
    b"BM": _bitmap,
    b"P5": _pixels,
    b"P6": _pixels,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
}
"""What begins a file of sound or a picture, and what reads its header."""
