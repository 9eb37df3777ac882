"""The seams of the codec as types: what a model and a coder are to the loop that joins them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from coding.container import Design, Mixed

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[int], None]
"""Is called with the number of original bytes done since the last call."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a mixed block is coded, as its head says it; ``tables`` are MiB of hash tables."""

    lanes: int
    design: Design
    tables: int

    @classmethod
    def of(cls, head: Mixed) -> Recipe:
        """That of a block with this head."""
        return cls(head.lanes, head.design, head.tables)


def ignore_progress(_: int) -> None:
    """The progress of work that nobody watches."""


class Predictor(Protocol):
    """A network over lanes: predicts the next byte of each, then perceives what came."""

    def predict(self) -> np.ndarray:
        """Evidence for the next byte of every lane: (lanes, 256) int32, positive, sums < 2^31."""

    def perceive(self, byte: np.ndarray) -> None:
        """Takes in the byte that came in every lane, (lanes,) uint8."""


class BlockCodec(Protocol):
    """What codes mixed blocks, by whatever engine: one call codes a whole block."""

    @property
    def identity(self) -> bytes:
        """The 8 bytes by which a block names the weights, zeros where there is no network."""

    def encode_block(self, data: bytes, recipe: Recipe, progress: Progress) -> bytes:
        """The payload of a mixed block of ``data``, which has a byte for each lane at least."""

    def decode_block(
        self, payload: bytes, length: int, recipe: Recipe, progress: Progress
    ) -> bytes:
        """The inverse of ``encode_block`` for a block of ``length`` bytes.

        Raises ``coding.errors.Damaged`` where the payload holds what no encoder writes; other
        damage gives other bytes.
        """


class BitMemory(Protocol):
    """What stands between the network and the coder: the retrieval interface.

    ``models.memory.memory.Memory`` is the one that the format orders.
    """

    def predict(self, zero: np.ndarray | None) -> np.ndarray:
        """Counts of 2^24 for a 0 as the next bit of every active lane, (active,) int64.

        ``zero``, of the same kind, are the network's, or None where there is no network.
        """

    def update(self, bit: np.ndarray) -> None:
        """Learns the bit that came in every active lane, (active,) in {0, 1}."""


class BitCoder(Protocol):
    """The seam between the codec's loop and the range coder: one decision a lane."""

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Codes a decision of every lane, given the counts of 2^24 for a 0.

        Returns the bits: an encoder those it was given, a decoder those it read.
        """
