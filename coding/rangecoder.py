"""Decisions and bytes with integer probabilities through constriction's range coder.

This is the only module that imports constriction. Integers pass through it untouched: for
``Categorical(perfect=False)`` over two symbols, the weights f0 - 1 and f1 - 1 with f0 + f1 = 2^24
sum to exactly 2^24 - 2, the scale inside is then exactly 1, and symbol s gets exactly f_s counts.
Every weight is below 2^24 and so exact in float32; more symbols than two go the same way.
FORMAT.md, section 2.2, restates the coder in integers, and the tests hold an independent decoder
against it.
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


class Encoder:
    """Gathers the words that constriction's range encoder writes."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def finish(self) -> bytes:
        """The stream so far: 32-bit words, little-endian."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class Decoder:
    """Reads words by constriction's range decoder.

    Most damage goes unnoticed here; the checksum around the stream sees it.
    """

    def __init__(self, stream: bytes) -> None:
        self._coder = constriction.stream.queue.RangeDecoder(
            np.frombuffer(stream, "<u4").astype(np.uint32)
        )

    def _decode(self, *model: object) -> np.ndarray:
        """Decodes; raises Damaged where the stream points outside every symbol's range."""
        try:
            return self._coder.decode(*model)
        except AssertionError as error:  # how constriction says it
            raise Damaged(
                "a stream holds what no encoder writes: the file is damaged, fetch it again"
            ) from error


class BitEncoder(Encoder):
    """Writes bits, which come back in the order they went in."""

    def finish(self) -> bytes:
        """As many words, the last one with as many zero bytes at its end as the range allows.

        The short form of a container leaves those out.
        """
        words, (low, width) = self._coder.get_compressed(), self._coder.pos()[1]
        # A second word behind the range's lowest point: of no use, but written.
        more = words.size > 1 and (low + width >> 32) % 2**32 == (low + 2**32 - 1 >> 32) % 2**32
        count = words.size - more
        least = int.from_bytes(words[:count].astype(">u4").tobytes(), "big")
        for zeros in (24, 16, 8, 0):
            point = -(-least >> zeros) << zeros
            if ((point << 32) - low) % 2**64 < width:
                break
        rounded = np.frombuffer(point.to_bytes(4 * count, "big"), ">u4")
        return rounded.astype("<u4").tobytes() + bytes(4 * more)

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Codes bits (n,) int32 in {0, 1} and returns them as they are.

        ``zero`` (n,) are the counts of 2^24 for a 0, within [1, 2^24 - 1].
        """
        self._coder.encode(bits, _MODEL, _weights(zero))
        return bits


class BitDecoder(Decoder):
    """Reads what BitEncoder wrote, given the same counts."""

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Decodes n bits (int32) for n counts; ``bits`` is ignored, as both sides share one loop.

        Raises Damaged.
        """
        del bits
        return self._decode(_MODEL, _weights(zero))


def _byte_model(share: np.ndarray) -> constriction.stream.model.Categorical:
    return constriction.stream.model.Categorical((share - 1).astype(np.float32), perfect=False)


class ByteEncoder(Encoder):
    """Writes runs of bytes that share one distribution each; first in, first out."""

    def code(self, share: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Codes symbols (n,) int32 in 0 to 255 and returns them as they are.

        ``share`` (256,) are positive counts with sum 2^24, as ``counts.shares`` gives them.
        """
        self._coder.encode(symbols, _byte_model(share))
        return symbols


class ByteDecoder(Decoder):
    """Reads what ByteEncoder wrote, given the same counts."""

    def code(self, share: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Decodes as many bytes (int32) as ``symbols`` has, which is ignored otherwise."""
        return self._decode(_byte_model(share), symbols.size)
