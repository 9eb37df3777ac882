"""The one loop of encoder and decoder over a block: model and coder joined by predict and perceive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from coding import container
from coding.counts import tree, zero_count
from coding.rangecoder import BitDecoder, BitEncoder
from data.lanes import from_columns, lane_lengths, to_columns
from models.memory.memory import Memory

Progress = Callable[[int], None]
"""Called with the number of original bytes done since the last call."""


class Predictor(Protocol):
    """The seam between model and coder, over lanes."""

    def predict(self) -> np.ndarray:
        """Evidence for the next byte of every lane: (lanes, 256) int32, positive, each sum below 2^31."""

    def perceive(self, byte: np.ndarray) -> None:
        """What came: (lanes,) uint8."""


class Coded(Protocol):
    """A model that files are coded with."""

    @property
    def identity(self) -> bytes:
        """What the header of a file says of the weights."""

    def engine(self, lanes: int) -> Predictor:
        """Fresh lanes."""


class BitCoder(Protocol):
    """The seam between codec loop and range coder: one decision a lane."""

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Codes a decision of every lane with these counts of 2^24 for a 0; returns the bits, which a decoder reads."""


def code_block(
    predictor: Predictor,
    coder: BitCoder,
    columns: np.ndarray,
    length: int,
    progress: Progress,
    memory: Memory | None = None,
) -> None:
    """The one loop of encoder and decoder over a block of ``length`` bytes; columns (steps, lanes) uint8.

    An encoder's columns hold the bytes; a decoder's are filled. Each bit is coded with the network's probability as
    the memory refines it: a fresh one over these columns, by default that of the format's newest version.
    """
    lengths, lanes = lane_lengths(length, columns.shape[1]), columns.shape[1]
    memory, lane = memory or Memory(columns, container.VERSION), np.arange(lanes)
    for t, column in enumerate(columns):
        active = int(np.count_nonzero(lengths > t))
        memory.look(active)  # before predict, which waits for the network
        known, node = column[:active].astype(np.int32), np.ones(active, np.int64)
        sums = tree(predictor.predict()[:active])
        for shift in range(7, -1, -1):
            zero = memory.predict(zero_count(sums, lane[:active], node), node)
            bit = coder.code(zero, (known >> shift) & 1)
            node = 2 * node + bit
            if shift:
                memory.perceive_bit(bit)
        column[:active] = node - 256
        if t + 1 < len(columns):
            predictor.perceive(
                column
            )  # returns while the network still computes: the memory learns meanwhile
            memory.perceive_bit(bit)
            memory.perceive(column)
        progress(active)


def encode_block(predictor: Predictor, data: np.ndarray, lanes: int, progress: Progress) -> bytes:
    """Range coder stream of one block (n,) uint8, n >= lanes."""
    coder = BitEncoder()
    code_block(predictor, coder, to_columns(data, lanes), data.size, progress)
    return coder.finish()


def decode_block(
    predictor: Predictor,
    stream: bytes,
    length: int,
    lanes: int,
    progress: Progress,
    version: int = container.VERSION,
) -> np.ndarray:
    """Inverse of ``encode_block`` for a predictor in the same state: (length,) uint8."""
    columns = np.zeros((int(lane_lengths(length, lanes)[0]), lanes), np.uint8)
    code_block(predictor, BitDecoder(stream), columns, length, progress, Memory(columns, version))
    return from_columns(columns, length)
