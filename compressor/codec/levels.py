"""Levels of compression, 1 to 9 as people know them: which model, which memory, how many lanes.

A level says how a block of some length is coded; the block's head states it, so that a decoder
needs no level.
"""

from __future__ import annotations

import dataclasses

from coding.container import Design
from compressor.codec.seams import Recipe

MIB = 1 << 20
LOWEST, DEFAULT, HIGHEST = 1, 6, 9


@dataclasses.dataclass(frozen=True)
class Level:
    """What one level does.

    ``models`` are the networks that a block may be coded with, of which a trial finds the best
    (``trials.codec_for``); of equal ones the first is taken.
    ``table_bytes`` is what the memory's tables take for each byte of a block, up to ``tables_mib``;
    from there on they grow by ``more_bytes`` a byte. Fewer lanes make a block smaller and slower:
    ``short_lanes`` are those of one below SHORT bytes, ``alone_lanes`` those of one that no network
    codes. In one lane a block has the design ``single`` in the place of LAYOUT, or ``alone`` where
    no network codes it. ``block_mib`` bounds a block, and with it the text in memory. ``speed`` was
    measured on a megabyte of English text, in KB/s to compress on two cores of an AMD EPYC (Zen 5),
    the best of three.
    """

    number: int
    models: tuple[str, ...]
    design: Design
    tables_mib: int
    table_bytes: int
    more_bytes: int
    lanes: int
    short_lanes: int
    block_mib: int
    speed: int
    purpose: str
    single: Design = Design.ALONE
    alone: Design = Design.ALONE
    alone_lanes: int = 1

    @property
    def model(self) -> str | None:
        """The first of its networks, after which it is known; None where it has none."""
        return self.models[0] if self.models else None

    @property
    def block_bytes(self) -> int:
        """The longest block, in bytes."""
        return self.block_mib << 20

    def in_lanes(self, lanes: int | None) -> Level:
        """This level with other lanes, where they are given."""
        if lanes is None:
            return self
        return dataclasses.replace(self, lanes=lanes, short_lanes=lanes, alone_lanes=lanes)

    def recipe(self, length: int) -> Recipe:
        """How a block of ``length`` bytes, at least one, is coded, with a network where it has any.

        Lanes are used as far as the block has bytes for them.
        """
        wanted = self.tables_mib + length * self.more_bytes // MIB
        tables = min(max(-(-length * self.table_bytes // MIB), 1), wanted)
        lanes = lanes_of(length, self.short_lanes if length < SHORT else self.lanes)
        return Recipe(lanes, self._design(length, lanes), tables)

    def _design(self, length: int, lanes: int) -> Design:
        """That of the level, unless a short block or a single lane makes another one better."""
        if self.design != LAYOUT:
            return self.design
        if not self.models:
            return self._without_network(lanes)
        if length < LITTLE:
            return BESIDE
        return self.single if lanes == 1 else LAYOUT

    def _without_network(self, lanes: int) -> Design:
        """The design for so many lanes that no network codes."""
        return self.alone if lanes == 1 else LAYOUT

    def without_network(self, recipe: Recipe) -> Recipe:
        """The recipe for a block that the memory codes alone.

        In one lane it takes the design that is made for this, unless the level is for speed.
        """
        lanes = min(recipe.lanes, self.alone_lanes)
        design = LIGHT if self.design == LIGHT else self._without_network(lanes)
        return dataclasses.replace(recipe, lanes=lanes, design=design)


def lanes_of(length: int, most: int) -> int:
    """So many lanes, a power of two, as a block of ``length`` bytes keeps busy: ``most`` at most.

    A lane that is shorter than LANE bytes learns too little to be worth its cold start.
    """
    lanes = 1
    while 2 * lanes <= most and 2 * lanes * LANE <= length:
        lanes *= 2
    return lanes


SHORT = 2 << 20
"""Bytes of a block from which more lanes cost little of its size."""

LITTLE = 1 << 15
"""Bytes of a block from which many contexts learn more beside a network than few."""

LANE = 512
"""Bytes of a lane at least, where a block has more than one."""

LIGHT, LAYOUT, BESIDE = Design.LIGHT, Design.LAYOUT, Design.BESIDE
WIDE, LAGS = Design.WIDE, Design.LAGS
BASE = ("base", "general")

LEVELS: dict[int, Level] = {
    level.number: level
    # Number, models, design, tables_mib, table_bytes, more_bytes, lanes, short_lanes, block_mib,
    # speed, purpose, single, alone.
    for level in (
        Level(1, (), LIGHT, 48, 64, 0, 1, 1, 8, 400, "any file, the fastest"),
        Level(2, (), LIGHT, 256, 64, 2, 1, 1, 128, 390, "any file, large ones better"),
        Level(3, (), LAYOUT, 272, 256, 4, 1, 1, 128, 145, "programs, sound, pictures"),
        Level(4, ("tiny",), LIGHT, 256, 64, 2, 16, 8, 128, 370, "English text, fast"),
        Level(5, ("tiny",), LAYOUT, 272, 256, 4, 32, 16, 128, 220, "English text, fast and small"),
        Level(6, BASE, BESIDE, 272, 256, 4, 32, 16, 128, 150, "most files"),
        Level(7, BASE, LAYOUT, 1024, 256, 24, 16, 16, 128, 140, "most files, more memory"),
        Level(8, BASE, LAYOUT, 1024, 256, 24, 8, 4, 128, 130, "most files, smaller"),
        Level(9, BASE, LAYOUT, 1024, 256, 24, 4, 1, 128, 92, "most files, smallest", WIDE, LAGS),
    )
}
