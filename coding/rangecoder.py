"""Decisions and bytes with integer probabilities through constriction's range coder; its only importer.

Integers pass through untouched: for ``Categorical(perfect=False)`` over two symbols the weights f0 - 1 and f1 - 1 with
f0 + f1 = 2^24 sum to exactly 2^24 - 2, the scale inside is then exactly 1, and symbol s gets exactly f_s counts.
Every weight is below 2^24 and so exact in float32; more symbols than two go the same way. FORMAT.md, part "Range coder",
restates the coder in integers; the tests hold an independent decoder against it.
"""

from __future__ import annotations

import constriction
import numpy as np

from coding.counts import SCALE
from coding.errors import Damaged

_MODEL = constriction.stream.model.Categorical(perfect=False)


def _weights(zero: np.ndarray) -> np.ndarray:
    weights = np.empty((zero.size, 2), np.float32)
    weights[:, 0] = zero - 1
    weights[:, 1] = SCALE - 1 - zero
    return weights


class BitEncoder:
    """First in, first out: bits come back in the order they went in."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """bits (n,) int32 in {0, 1}, returned as they are; zero (n,) counts of 2^24 for a 0, within [1, 2^24 - 1]."""
        self._coder.encode(bits, _MODEL, _weights(zero))
        return bits

    def finish(self) -> bytes:
        """The stream so far: 32-bit words, little-endian."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class BitDecoder:
    """Reads what BitEncoder wrote, given the same counts; most damage is not noticed here, the container's checksum does."""

    def __init__(self, stream: bytes) -> None:
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(stream, "<u4").astype(np.uint32))

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """The next n bits (int32) for n counts; ``bits`` is not looked at, so that encoder and decoder share one loop.

        Raises Damaged where the stream points outside every symbol's range.
        """
        del bits
        try:
            return self._coder.decode(_MODEL, _weights(zero))
        except AssertionError as error:  # how constriction says it
            raise Damaged("a block holds what no encoder writes: the file is damaged, fetch it again") from error


def _byte_model(share: np.ndarray) -> constriction.stream.model.Categorical:
    return constriction.stream.model.Categorical((share - 1).astype(np.float32), perfect=False)


class ByteEncoder:
    """Bytes in runs that share one distribution; what comes first comes back first."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def code(self, share: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """symbols (n,) int32 in 0 to 255, returned as they are; share (256,) counts of 2^24, positive, as ``counts.shares``."""
        self._coder.encode(symbols, _byte_model(share))
        return symbols

    def finish(self) -> bytes:
        """The stream so far: 32-bit words, little-endian."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class ByteDecoder:
    """Reads what ByteEncoder wrote, given the same counts; damage is for a checksum to notice."""

    def __init__(self, stream: bytes) -> None:
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(stream, "<u4").astype(np.uint32))

    def code(self, share: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """The next bytes (int32), as many as ``symbols`` has, which is not looked at otherwise. Raises Damaged."""
        try:
            return self._coder.decode(_byte_model(share), symbols.size)
        except AssertionError as error:  # how constriction says it
            raise Damaged("a stream holds what no encoder writes: the file is damaged, fetch it again") from error
