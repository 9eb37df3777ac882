"""Files as pieces of which a block each is made, and what is taken apart in one before.

What deflate packed or base64 wrote is told as what it stands for, and what is coded better in
another order, or apart, is put so: which of it helps, trials say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from coding import base64_text, columns, container, rebuilt
from coding.container import Design, Kind, Source
from compressor.codec import tables, trials
from compressor.codec.kinds import kind_of
from compressor.codec.levels import Level
from compressor.codec.media import Finder
from compressor.codec.needs import GRANULE, Room
from compressor.codec.registry import Coders

LEAST_UNPACKED = 256
"""A block needs so many bytes for deflate streams to be looked for in it, and what is in base64 is
unpacked without a trial where it becomes longer by as many."""

LITTLE_UNPACKED = 8
"""Parts that are longer than their block by less than one byte in so many hold little."""

LEAST_PARTS = 1 << 24
"""Bytes that parts may have at every level."""


@dataclasses.dataclass(frozen=True)
class Piece:
    """The bytes of a block, and its parts where it is to hold them in blocks of their own."""

    kind: Kind
    raw: bytes
    parts: tuple[bytes, ...] = ()
    """The parts, cut where a block is to end."""
    holder: Kind = Kind.REBUILT
    """The type of the block that holds the parts."""
    deeper: Piece | None = None
    """Where a block is to hold the parts that holds blocks itself: the parts as the bytes of it."""
    streams: bytes = b""
    """The end of the parts, which is coded already; it is not in ``parts``."""

    @property
    def coded(self) -> int:
        """Bytes that are coded for it."""
        if self.deeper is not None:
            return self.deeper.coded
        return sum(map(len, self.parts)) or len(self.raw)


def in_granules(source: Source, most: int) -> Iterator[tuple[Kind, bytes]]:
    """The bytes of each block with its type: neighbouring granules of one type share a block.

    ``most`` is the greatest length of a block in bytes.
    """
    held: list[bytes] = []
    held_kind: Kind | None = None
    while raw := container.read_up_to(source, min(GRANULE, most)):
        kind = kind_of(raw)
        size = sum(map(len, held)) + len(raw)
        if held_kind and (kind != held_kind or kind == Kind.RUN or size > most):
            yield held_kind, _joined(held)
        held.append(raw)
        held_kind = kind
    if held_kind:
        yield held_kind, _joined(held)


def _joined(held: list[bytes]) -> bytes:
    """The granules as one, and the list emptied: nobody holds them twice while they are coded."""
    joined = b"".join(held)
    held.clear()
    return joined


class Unpacker:
    """Takes the blocks of a file apart, one after the other."""

    def __init__(self, level: Level, coders: Coders, room: Room, most_parts: int) -> None:
        """Parts of what deflate packed have ``most_parts`` bytes at most."""
        self._level, self._coders, self._room = level, coders, room
        self._most, self._media = most_parts, Finder()

    def piece(self, kind: Kind, raw: bytes) -> Piece:
        """The piece of the next block."""
        stretches = self._media.stretches(raw)  # of every block: one may go on in the next
        if kind == Kind.RUN or len(raw) < LEAST_UNPACKED:
            return Piece(kind, raw)
        parts = self._unpacked(raw)
        in_base64 = self._base64(kind, raw, parts is not None)
        if in_base64 is not None:
            return in_base64
        alone, design = self._coders.alone, self._alone(raw)
        # A deflate stream or two by chance must not keep sound from being predicted.
        little = parts is None or len(parts) * LITTLE_UNPACKED < len(raw) * (LITTLE_UNPACKED + 1)
        if stretches and little:
            predicted = trials.predicted(raw, stretches, alone, design)
            if predicted is not None:
                before, streams = predicted
                return Piece(kind, raw, (before,), Kind.PREDICTED, streams=streams)
        if little and kind == Kind.MIXED:
            table = trials.table_in(raw, alone, design)
            if table is not None:
                in_columns = columns.parts_of(raw, tables.cut(raw, table))
                return Piece(kind, raw, (in_columns,), Kind.COLUMNS)
        return self._strings(kind, raw) if parts is None else self._rebuilt(kind, raw, parts)

    def _alone(self, raw: bytes) -> Design:
        """The design that the block has where no network codes it."""
        return self._level.without_network(self._room.recipe(len(raw))).design

    def _unpacked(self, raw: bytes) -> bytes | None:
        return trials.unpacked(raw, min(rebuilt.most_parts(len(raw)), self._most))

    def _base64(self, kind: Kind, raw: bytes, packed: bool) -> Piece | None:
        """The piece of a block whose texts in base64 are told as what they stand for, if they are.

        That must save something, but where it shows what deflate packed in a block in which nothing
        is ``packed`` beside.
        """
        texts = trials.in_base64(raw)
        if not texts:
            return None
        inside = base64_text.parts_of(raw, texts)
        parts = self._unpacked(inside)
        shown = not packed and parts is not None and len(parts) - len(inside) >= LEAST_UNPACKED
        if not shown and not trials.base64_pays(raw, texts, self._coders.alone, self._alone(raw)):
            return None
        deeper = None if parts is None else self._rebuilt(kind, inside, parts)
        return Piece(kind, raw, (inside,), Kind.BASE64, deeper)

    def _rebuilt(self, kind: Kind, raw: bytes, parts: bytes) -> Piece:
        """The piece of a block that is unpacked to these parts."""
        deeper = self._strings(kind, parts)
        return Piece(kind, raw, (parts,), deeper=deeper if deeper.parts else None)

    def _strings(self, kind: Kind, raw: bytes) -> Piece:
        """The piece of a block whose strings may be coded apart."""
        design = self._room.recipe(len(raw)).design
        apart = trials.strings_apart(raw, self._coders, design, self._alone(raw))
        return Piece(kind, raw, apart or (), Kind.STRINGS)
