"""The one loop of encoder and decoder over a block: model and coder, joined by their two verbs."""

from __future__ import annotations

import abc
import dataclasses

import numpy as np

from coding import container
from coding.container import NO_WEIGHTS
from coding.counts import tree, zero_count
from compressor.codec.seams import BitCoder, BitMemory, Predictor, Progress, Recipe
from data.lanes import from_columns, lane_lengths, to_columns
from models.memory.designs import DESIGNS
from models.memory.memory import Memory


def code_block(
    predictor: Predictor | None,
    coder: BitCoder,
    columns: np.ndarray,
    length: int,
    progress: Progress,
    memory: BitMemory,
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


class _Following:
    """A coder behind a text of so many bytes in one lane, whose bits are known and not coded."""

    def __init__(self, coder: BitCoder, length: int) -> None:
        self._coder, self._left = coder, 8 * length

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Gives back the bits of the text, then codes as the coder does."""
        if self._left == 0:
            return self._coder.code(zero, bits)
        self._left -= 1
        return bits


def code_after(
    text: bytes,
    predictor: Predictor | None,
    coder: BitCoder,
    block: np.ndarray,
    recipe: Recipe,
    progress: Progress,
) -> None:
    """As ``code_block`` for a block (n,) uint8 behind a text that is read first, in one lane.

    The memory's tables are those of a block of the text's length (FORMAT.md, section 6).
    """
    whole = np.concatenate([np.frombuffer(text, np.uint8), block])
    beside = (recipe.lanes, predictor is not None)
    tables = recipe.tables << 20
    memory = Memory(DESIGNS[recipe.design], tables, whole.size, *beside, len(text))
    columns = whole[:, None]
    code_block(predictor, _Following(coder, len(text)), columns, whole.size, _quiet, memory)
    block[:] = columns[len(text) :, 0]
    progress(block.size)


def _quiet(_: int) -> None:
    """The text that is read before a block is no progress with it."""


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
class Following:
    """A stepped model whose blocks begin with a prepared memory, as if they followed its text.

    It reads the whole text for every block: the native engine keeps what was learned of it.
    """

    model: SteppedModel
    text: bytes
    identity: bytes

    def encode_block(self, data: bytes, recipe: Recipe, progress: Progress) -> bytes:
        """The payload of a mixed block of ``data``, in one lane."""
        from coding.rangecoder import BitEncoder  # loads constriction

        coder, block = BitEncoder(), np.frombuffer(data, np.uint8).copy()
        code_after(self.text, self.model.engine(1), coder, block, recipe, progress)
        return coder.finish().ljust(container.least_payload(block.size), b"\0")

    def decode_block(
        self, payload: bytes, length: int, recipe: Recipe, progress: Progress
    ) -> bytes:
        """The inverse of ``encode_block`` for a block of ``length`` bytes. Raises Damaged."""
        from coding.rangecoder import BitDecoder  # as above

        block = np.zeros(length, np.uint8)
        engine = self.model.engine(1)
        code_after(self.text, engine, BitDecoder(payload), block, recipe, progress)
        return block.tobytes()


@dataclasses.dataclass(frozen=True)
class MemoryAlone(SteppedModel):
    """The memory without a network, in NumPy."""

    identity: bytes = NO_WEIGHTS

    def engine(self, lanes: int) -> None:
        """There is no network."""
