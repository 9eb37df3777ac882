"""The one loop of encoder and decoder over a block: model and coder, joined by their two verbs."""

from __future__ import annotations

import abc
import dataclasses

import numpy as np

from coding import container
from coding.container import NO_WEIGHTS
from coding.counts import tree, zero_count
from compressor.codec.seams import BitCoder, Predictor, Progress, Recipe
from data.lanes import from_columns, lane_lengths, to_columns
from models.memory.designs import DESIGNS
from models.memory.memory import Memory


def code_block(
    predictor: Predictor | None,
    coder: BitCoder,
    columns: np.ndarray,
    length: int,
    progress: Progress,
    memory: Memory,
) -> None:
    """The one loop of encoder and decoder over a block of ``length`` bytes.

    ``columns`` (steps, lanes) uint8 hold an encoder's bytes; a decoder's are filled. Each bit is
    coded with the probability that ``memory``, a fresh one for this block, makes of that of the
    network, where there is one.
    """
    lengths, lanes = lane_lengths(length, columns.shape[1]), columns.shape[1]
    lane = np.arange(lanes)
    for t, column in enumerate(columns):
        active = int(np.count_nonzero(lengths > t))
        known, node = column[:active].astype(np.int32), np.ones(active, np.int64)
        sums = tree(predictor.predict()[:active]) if predictor else None
        for shift in range(7, -1, -1):
            zero = None if sums is None else zero_count(sums, lane[:active], node)
            bit = coder.code(memory.predict(zero), (known >> shift) & 1)
            node = 2 * node + bit
            if shift == 0:
                column[:active] = node - 256
                if predictor and t + 1 < len(columns):
                    # This returns while the network still computes: the memory learns meanwhile.
                    predictor.perceive(column)
            memory.update(bit)
        progress(active)


def memory_of(recipe: Recipe, length: int, network: bool) -> Memory:
    """A fresh memory for a block of ``length`` bytes, with a network beside it or not."""
    return Memory(DESIGNS[recipe.design], recipe.tables << 20, length, recipe.lanes, network)


def encode_block(
    predictor: Predictor | None, data: np.ndarray, recipe: Recipe, progress: Progress
) -> bytes:
    """The payload of a mixed block, for data (n,) uint8 and a predictor of the recipe's lanes.

    Zero words fill it up to the least size that the format allows (FORMAT.md, section 1.2); a
    decoder reads zero words beyond the end anyway.
    """
    from coding.rangecoder import BitEncoder  # loads constriction, which metering does without

    coder, columns = BitEncoder(), to_columns(data, recipe.lanes)
    memory = memory_of(recipe, data.size, predictor is not None)
    code_block(predictor, coder, columns, data.size, progress, memory)
    return coder.finish().ljust(container.least_payload(data.size), b"\0")


def decode_block(
    predictor: Predictor | None, payload: bytes, length: int, recipe: Recipe, progress: Progress
) -> np.ndarray:
    """Inverse of ``encode_block`` for a predictor in the same state: (length,) uint8."""
    from coding.rangecoder import BitDecoder  # as above

    columns = np.zeros((int(lane_lengths(length, recipe.lanes)[0]), recipe.lanes), np.uint8)
    memory = memory_of(recipe, length, predictor is not None)
    code_block(predictor, BitDecoder(payload), columns, length, progress, memory)
    return from_columns(columns, length)


class SteppedModel(abc.ABC):
    """A BlockCodec whose network steps over lanes in Python: its blocks go through the loop here.

    Subclasses have the ``identity`` too.
    """

    @abc.abstractmethod
    def engine(self, lanes: int) -> Predictor | None:
        """The network with every lane in its initial state; None where there is none."""

    def encode_block(self, data: bytes, recipe: Recipe, progress: Progress) -> bytes:
        """The payload of a mixed block of ``data``, which has a byte for each lane at least."""
        columns = np.frombuffer(data, np.uint8)
        return encode_block(self.engine(recipe.lanes), columns, recipe, progress)

    def decode_block(
        self, payload: bytes, length: int, recipe: Recipe, progress: Progress
    ) -> bytes:
        """The inverse of ``encode_block`` for a block of ``length`` bytes. Raises Damaged."""
        engine = self.engine(recipe.lanes)
        return decode_block(engine, payload, length, recipe, progress).tobytes()


@dataclasses.dataclass(frozen=True)
class MemoryAlone(SteppedModel):
    """The memory without a network, in NumPy."""

    identity: bytes = NO_WEIGHTS

    def engine(self, lanes: int) -> None:
        """There is no network."""
