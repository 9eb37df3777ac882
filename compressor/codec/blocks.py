"""The one loop of encoder and decoder over a block: model and coder, joined by their two verbs."""

from __future__ import annotations

import abc

import numpy as np

from coding import container
from coding.counts import tree, zero_count
from compressor.codec.seams import BitCoder, Predictor, Progress
from data.lanes import from_columns, lane_lengths, to_columns
from models.memory.memory import Memory


def code_block(
    predictor: Predictor,
    coder: BitCoder,
    columns: np.ndarray,
    length: int,
    progress: Progress,
    memory: Memory,
) -> None:
    """The one loop of encoder and decoder over a block of ``length`` bytes.

    ``columns`` (steps, lanes) uint8 hold an encoder's bytes; a decoder's are filled. Each bit is
    coded with the network's probability as ``memory``, a fresh one over these columns, refines it.
    """
    lengths, lanes = lane_lengths(length, columns.shape[1]), columns.shape[1]
    lane = np.arange(lanes)
    for t, column in enumerate(columns):
        active = int(np.count_nonzero(lengths > t))
        contexts = memory.lookup(active)  # before predict, which waits for the network
        known, node = column[:active].astype(np.int32), np.ones(active, np.int64)
        sums = tree(predictor.predict()[:active])
        for shift in range(7, -1, -1):
            prediction = memory.predict(contexts, zero_count(sums, lane[:active], node), node)
            bit = coder.code(prediction.zero, (known >> shift) & 1)
            memory.update_bit(contexts, prediction, bit)
            node = 2 * node + bit
        column[:active] = node - 256
        if t + 1 < len(columns):
            # This returns while the network still computes: the memory learns meanwhile.
            predictor.perceive(column)
            memory.update_byte(contexts, column)
        progress(active)


def encode_block(predictor: Predictor, data: np.ndarray, lanes: int, progress: Progress) -> bytes:
    """The payload of a model block, for data (n,) uint8 and a predictor of ``lanes`` <= n lanes.

    Zero words fill it up to the least size that the format allows (FORMAT.md, section 1.2); a
    decoder reads zero words beyond the end anyway.
    """
    from coding.rangecoder import BitEncoder  # loads constriction, which metering does without

    coder, columns = BitEncoder(), to_columns(data, lanes)
    code_block(predictor, coder, columns, data.size, progress, Memory(columns))
    return coder.finish().ljust(container.least_payload(data.size), b"\0")


def decode_block(
    predictor: Predictor, payload: bytes, length: int, lanes: int, progress: Progress
) -> np.ndarray:
    """Inverse of ``encode_block`` for a predictor in the same state: (length,) uint8."""
    from coding.rangecoder import BitDecoder  # as above

    columns = np.zeros((int(lane_lengths(length, lanes)[0]), lanes), np.uint8)
    code_block(predictor, BitDecoder(payload), columns, length, progress, Memory(columns))
    return from_columns(columns, length)


class SteppedModel(abc.ABC):
    """A BlockCodec whose network steps over lanes in Python: its blocks go through the loop here.

    Subclasses have the ``identity`` too.
    """

    @abc.abstractmethod
    def engine(self, lanes: int) -> Predictor:
        """The network with every lane in its initial state."""

    def encode_block(self, data: bytes, lanes: int, progress: Progress) -> bytes:
        """The payload of a model block of ``data`` in ``lanes`` lanes, 1 to its length."""
        return encode_block(self.engine(lanes), np.frombuffer(data, np.uint8), lanes, progress)

    def decode_block(self, payload: bytes, length: int, lanes: int, progress: Progress) -> bytes:
        """The inverse of ``encode_block`` for a block of ``length`` bytes. Raises Damaged."""
        return decode_block(self.engine(lanes), payload, length, lanes, progress).tobytes()
