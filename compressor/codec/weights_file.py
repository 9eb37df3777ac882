"""Weights files: the integers of a network through our own coder, with counts that adapt as they go.

Weights of one array differ in little but their spread, so a byte's counts are chosen by the spread of what came before it in
the same output channel, or in the same bucket of an n-gram table, and learned within the file. Everything is integer
arithmetic over batches; ``coding/FORMAT.md``, section 4.1, is the rule.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections import defaultdict
from typing import Protocol

import numpy as np

from coding.counts import shares
from coding.errors import Damaged
from coding.rangecoder import ByteDecoder, ByteEncoder
from models.integer import weights as wt
from models.integer.config import ModelConfig
from models.integer.weights import IntegerWeights, WeightsError

MAGIC = b"KZWT"
VERSION = 2
CHECKSUM_BYTES = 4

SHIFT, EXPONENT, MATRIX, TABLE = 0, 1, 2, 3
WORDS = {"gate_bias": 4, "conv_taps": 6, "knots": 8, "head_bias": 10}
"""Families of counts. An int16 array has two, one for its high bytes and the next for its low ones."""

LARGEST_SHIFT = 15
FIRST_BATCH, LAST_BATCH = 32, 2048
STEP, LIMIT = 16, 1 << 22
"""What a byte adds to its count, and the sum from which a family's counts of one class are halved."""


class Coder(Protocol):
    """The seam to the range coder: runs of bytes of one distribution; a decoder returns what it read."""

    def code(self, share: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Codes bytes (n,) int32 with these shares of 2^24."""


class Adaptive:
    """Bytes coded with counts of their family and class, which learn them."""

    def __init__(self, coder: Coder) -> None:
        self._coder = coder
        self._counts: dict[tuple[int, int], np.ndarray] = defaultdict(
            lambda: np.ones(256, np.int64)
        )
        self._seen: dict[int, int] = defaultdict(int)

    def batch(self, family: int) -> int:
        """How many values the next batch of a family has, about: a sixteenth of those seen, within bounds."""
        return min(max(self._seen[family] >> 4, FIRST_BATCH), LAST_BATCH)

    def code(self, family: int, classes: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """One batch: symbols (n,) int32 0 to 255, classes (n,); classes go in rising order, each with its counts before it."""
        out = np.empty(symbols.size, np.int32)
        order = np.argsort(classes, kind="stable")
        starts = np.flatnonzero(np.diff(classes[order])) + 1
        for part in np.split(order, starts):
            counts = self._counts[family, int(classes[part[0]])]
            out[part] = self._coder.code(shares(counts), symbols[part])
            counts += STEP * np.bincount(out[part], minlength=256)
            while counts.sum() > LIMIT:
                counts[:] = (counts + 1) >> 1
        self._seen[family] += symbols.size
        return out


def spread(squares: np.ndarray, number: int) -> np.ndarray:
    """Class of a sum of squares over ``number`` values: 0 where there are none, else half octaves of their mean square."""
    if not number:
        return np.zeros(squares.shape, np.int64)
    mean = 16 * squares // number
    low = np.maximum(
        np.frexp(mean.astype(np.float64))[1] - 2, 0
    )  # bit length - 2; exact, as mean is below 2^53
    return 1 + 2 * low + (mean >> low)


def _code_bytes(
    adaptive: Adaptive, family: int, classes: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """A batch of int8 values (rows, columns), as int64."""
    coded = adaptive.code(
        family, np.broadcast_to(classes, values.shape).reshape(-1), values.reshape(-1) + 128
    )
    return coded.reshape(values.shape) - 128


def _code_matrix(adaptive: Adaptive, values: np.ndarray) -> None:
    """Bands of whole rows; a value's class is the spread of its column above the band."""
    squares, row = np.zeros(values.shape[1], np.int64), 0
    while row < len(values):
        band = values[row : row + max(1, adaptive.batch(MATRIX) // values.shape[1])]
        band[:] = _code_bytes(adaptive, MATRIX, spread(squares, row), band)
        squares += np.square(band, dtype=np.int64).sum(axis=0)
        row += len(band)


def _code_table(adaptive: Adaptive, values: np.ndarray) -> None:
    """Stretches of buckets, in each entry after entry; a value's class is the spread of its bucket's entries before it."""
    row = 0
    while row < len(values):
        stretch = values[row : row + adaptive.batch(TABLE)]
        squares = np.zeros(len(stretch), np.int64)
        for entry in range(values.shape[1]):
            stretch[:, entry] = _code_bytes(
                adaptive, TABLE, spread(squares, entry), stretch[:, entry]
            )
            squares += np.square(stretch[:, entry], dtype=np.int64)
        row += len(stretch)


def _code_rows(adaptive: Adaptive, family: int, values: np.ndarray, wide: bool) -> None:
    """Pieces of rows; a value's class is its row's number. Wide values go as high bytes, then low ones."""
    for number, row in enumerate(values):
        at = 0
        while at < row.size:
            piece = row[at : at + adaptive.batch(family)]
            classes = np.full(piece.size, number)
            if wide:
                high = adaptive.code(family, classes, (piece >> 8) + 128) - 128
                piece[:] = high * 256 + adaptive.code(family + 1, classes, piece & 255)
            else:
                piece[:] = _code_bytes(adaptive, family, classes, piece)
            at += piece.size


def _code_array(adaptive: Adaptive, name: str, values: np.ndarray) -> np.ndarray:
    """One array, any shape, int32; a decoder's is filled. Returns it whole, the common shift undone."""
    kind, none = name.split(".")[-1], np.zeros(1, np.int64)
    twos = int(np.bitwise_or.reduce(values, axis=None))
    shift = int(
        adaptive.code(
            SHIFT, none, np.array([(twos & -twos).bit_length() - 1 if twos else 0], np.int32)
        )[0]
    )
    if shift > LARGEST_SHIFT:
        raise Damaged(f"array {name} has a shift of {shift}: the file is not ours")
    values = np.atleast_2d(values >> shift)
    if kind == "exponent" or kind in WORDS:
        _code_rows(adaptive, WORDS.get(kind, EXPONENT), values, kind in WORDS)
    elif kind.startswith("table_"):
        _code_table(adaptive, values)
    else:
        _code_matrix(adaptive, values)
    return values << shift


def head_bytes(config: ModelConfig) -> bytes:
    """What every weights file begins with: magic, version, length and JSON of the shape."""
    shape = json.dumps(config.shape(), sort_keys=True, separators=(",", ":")).encode()
    return MAGIC + struct.pack("<BH", VERSION, len(shape)) + shape


def read_head(data: bytes) -> tuple[ModelConfig, int]:
    """Shape, and length of the beginning of a weights file. Raises WeightsError."""
    if data[:4] != MAGIC:
        raise WeightsError("not a kolmozip weights file (wrong magic): pass a .kzw file")
    try:
        version, length = struct.unpack_from("<BH", data, 4)
        if version != VERSION:
            raise WeightsError(
                f"weights file version {version}, this program reads {VERSION}: fetch the weights anew"
            )
        config = ModelConfig.from_dict(json.loads(data[7 : 7 + length]))
    except (struct.error, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"weights file is damaged ({error}): fetch it again") from error
    return config, 7 + length


def pack(weights: IntegerWeights) -> bytes:
    """The weights file: head, stream of the arrays in the order of the layout, CRC-32 of all before it."""
    coder = ByteEncoder()
    adaptive = Adaptive(coder)
    for name, array in wt.check(weights).arrays.items():
        _code_array(adaptive, name, array.astype(np.int32))
    data = head_bytes(weights.config) + coder.finish()
    return data + struct.pack("<I", zlib.crc32(data))


def unpack(data: bytes) -> IntegerWeights:
    """Reads a weights file. Raises WeightsError where it is damaged, newer, or breaks a bound of the format."""
    config, at = read_head(data)
    stream = data[at:-CHECKSUM_BYTES]
    if (
        len(data) < at + CHECKSUM_BYTES
        or len(stream) % 4
        or struct.pack("<I", zlib.crc32(data[:-CHECKSUM_BYTES])) != data[-4:]
    ):
        raise WeightsError("weights file is damaged or cut short (checksum): fetch it again")
    adaptive, arrays = Adaptive(ByteDecoder(stream)), {}
    try:
        for name, dtype, shape in wt.layout(config):
            arrays[name] = _typed(
                _code_array(adaptive, name, np.zeros(shape, np.int32)).reshape(shape), name, dtype
            )
    except Damaged as error:
        raise WeightsError(f"weights file is damaged ({error}): fetch it again") from error
    return wt.check(IntegerWeights(config, arrays))


def _typed(values: np.ndarray, name: str, dtype: str) -> np.ndarray:
    """The values in their type; WeightsError where one does not fit."""
    typed = values.astype(dtype)
    if not np.array_equal(typed, values):
        raise WeightsError(f"array {name} leaves the range of {dtype}: the file is not ours")
    return typed
