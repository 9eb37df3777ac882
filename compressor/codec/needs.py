"""What memory coding takes, estimated before any is taken, and how an encoder makes do with less.

All sizes are bytes of the whole process at its peak, with the native engine; JAX takes some 400 MB
more. The estimates were measured to be some percent above the truth.
"""

from __future__ import annotations

import dataclasses

from coding import rebuilt
from coding.container import HOLDING_BLOCKS, NO_WEIGHTS, Block, Design, Kind, Mixed, Transform
from coding.errors import LimitExceeded
from compressor.codec.levels import Level
from compressor.codec.seams import Recipe
from models.memory.sizes import match_bits

PROCESS_BYTES = 26_000_000
"""What the process holds before the first block: Python and our modules."""
NETWORK_BYTES = 36_000_000
"""What a network adds, ready to code with, and what trials of networks leave behind: most at level
9, where 5,000,000 bytes of enwik8 took 1,370 MB in two threads."""
FURTHER_BYTES = 14_000_000
"""What each further network adds that an encoder chooses from."""
FIXED_BYTES = 23_000_000
"""What a mixed block takes whatever its length: maps and mixers."""
FURTHER_ROWS_BYTES = {Design.WIDE: 2_500_000, Design.LAGS: 4_200_000}
"""What the mixers of the widest designs take beside."""
LANE_BYTES = 150_000
"""What each lane of a mixed block takes."""
FOLLOWED_BYTES = 4 << 20
"""What a lane takes beside, where the design tells what followed the last bytes by their hash."""
TELL_FOLLOWED = Design.ALONE, Design.WIDE, Design.LAGS
"""The designs that do."""
CHAINS_BYTES = 1_000_000
"""What making a deflate stream takes beside its text."""
MATCHES = {
    Design.LIGHT: 2,
    Design.FULL: 3,
    Design.LAYOUT: 3,
    Design.BESIDE: 3,
    Design.ALONE: 3,
    Design.WIDE: 3,
    Design.LAGS: 3,
}
"""Tables of matches in each design, of four bytes a place."""
PIECE = 1 << 20
"""Bytes of a run or raw block that are written at once."""
GRANULE = 1 << 23
"""Bytes that an encoder looks at together before a block's type is chosen."""
LEAST_BLOCK = 1 << 20
"""Blocks are not made shorter than this to save memory."""


def mixing(length: int, recipe: Recipe, networks: int) -> int:
    """What a mixed block of ``length`` bytes takes beside the process and what is made of it.

    An encoder may have several networks at hand, of which the block takes one.
    """
    matches = MATCHES[recipe.design] * (4 << match_bits(length, recipe.tables))
    of_lane = LANE_BYTES + (FOLLOWED_BYTES if recipe.design in TELL_FOLLOWED else 0)
    fixed = FIXED_BYTES + FURTHER_ROWS_BYTES.get(recipe.design, 0)
    needed = fixed + (recipe.tables << 20) + matches + of_lane * recipe.lanes
    return needed + (NETWORK_BYTES + (networks - 1) * FURTHER_BYTES if networks else 0)


def decoding(block: Block) -> int:
    """What decoding a block takes. FORMAT.md, section "Decoder limits", says what for.

    Raises a ``coding.errors.FormatError`` where the blocks that one holds break the format.
    """
    head = block.head
    if head.kind in HOLDING_BLOCKS:
        inner = rebuilt.inner_blocks(block)
        parts = sum(one.head.length for one in inner)
        # The parts as they come and joined, the original, and chains of matches or numbers.
        texts = 2 * (parts + head.length) + (6 * head.length if head.kind == Kind.PREDICTED else 0)
        return texts + CHAINS_BYTES + max(map(decoding, inner), default=0)
    if not isinstance(head, Mixed):
        # From a pipe a payload comes in parts, which are joined.
        return PROCESS_BYTES + 2 * head.size + min(head.length, PIECE)
    texts = head.size + (2 if head.transform == Transform.NONE else 3) * head.length
    recipe, networks = Recipe.of(head), head.weights_id != NO_WEIGHTS
    return PROCESS_BYTES + texts + mixing(head.length, recipe, networks)


def encoding(length: int, recipe: Recipe, networks: int) -> int:
    """What encoding a mixed block of ``length`` bytes takes, whatever its bytes.

    Beside the block there may be its transform, the memory's own text, a payload as long, and the
    granule that comes next.
    """
    texts = 4 * length + min(length, GRANULE)
    ways = [recipe]
    if recipe.design != Design.LIGHT:  # whether it will have a network is not known
        ways.append(dataclasses.replace(recipe, design=Design.LAGS, lanes=1))
    return PROCESS_BYTES + texts + max(mixing(length, way, networks) for way in ways)


class Room:
    """How long blocks may be, and how large their tables, where an encoder's memory is bounded."""

    def __init__(self, level: Level, networks: int, max_memory: int | None = None) -> None:
        """Takes what the level and the caller ask for; ``max_memory`` in bytes, None for no bound.

        Half of what the bound leaves is for tables at least, where blocks can be made so short.
        Raises LimitExceeded where nothing can be.
        """
        self._level, self._networks = level, networks
        self._max_memory = max_memory
        self.block_bytes = level.block_bytes
        """The longest block."""
        if max_memory is None:
            return
        fixed = self._least(0)
        while self.block_bytes > LEAST_BLOCK:
            if 2 * (self._least(self.block_bytes) - fixed) <= max_memory - fixed:
                break
            self.block_bytes = max(self.block_bytes // 2, LEAST_BLOCK)
        least = self._least(self.block_bytes)
        if least > max_memory:
            raise LimitExceeded(
                f"compressing at level {level.number} takes {least:,} bytes of memory at least, "
                f"{max_memory:,} are allowed: allow more with --max-memory, or choose a lower level"
            )

    def _least(self, length: int) -> int:
        """What a block of ``length`` bytes takes with the least tables."""
        recipe = self._level.recipe(max(length, LEAST_BLOCK))
        return encoding(length, dataclasses.replace(recipe, tables=1), self._networks)

    def recipe(self, length: int) -> Recipe:
        """How a block of ``length`` bytes, at least one and at most ``block_bytes``, is coded."""
        recipe = self._level.recipe(length)
        most = self._max_memory
        while (
            most is not None
            and recipe.tables > 1
            and encoding(length, recipe, self._networks) > most
        ):
            recipe = dataclasses.replace(recipe, tables=recipe.tables - 1)
        return recipe


def refuse_beyond(block: Block, max_memory: int | None) -> None:
    """Raises LimitExceeded where decoding the block would take more than so many bytes."""
    needed = decoding(block)
    if max_memory is not None and needed > max_memory:
        raise LimitExceeded(
            f"decoding takes about {needed:,} bytes of memory, {max_memory:,} are allowed: "
            "allow more with --max-memory"
        )
