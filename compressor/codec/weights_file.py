"""Weights files: the integers of a network through our own range coder, with adaptive counts.

The weights of one array differ in little but their spread. A byte's counts are therefore chosen by
the spread of what came before it in the same output channel, or in the same bucket of an n-gram
table, and are learned within the file. Everything is integer arithmetic over batches;
``coding/FORMAT.md``, section 4.1, is the rule.
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
from models.integer import weights as wt
from models.integer.config import ModelConfig
from models.integer.weights import IntegerWeights, WeightsError

MAGIC = b"KZWT"
VERSION = 2
_HEAD = struct.Struct("<BH")
_CRC = struct.Struct("<I")

PARAMETERS_PER_BYTE = 256
"""Parameters for each byte of the stream at most, so that reading a file takes work and memory in
proportion to its size; trained weights take 0.3 to 2 parameters a byte."""

SHIFT, EXPONENT, MATRIX, TABLE = 0, 1, 2, 3
WORDS = {"gate_bias": 4, "conv_taps": 6, "knots": 8, "head_bias": 10}
"""Families of counts. An int16 array has two: one for its high bytes, the next for its low ones."""

LARGEST_SHIFT = 15
FIRST_BATCH, LAST_BATCH = 32, 2048
STEP, LIMIT = 16, 1 << 22
"""What a byte adds to its count, and the sum above which the counts of a class are halved."""


class Coder(Protocol):
    """The seam to the range coder: runs of bytes that share one distribution."""

    def code(self, share: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Codes bytes (n,) int32 with these shares of 2^24; a decoder returns what it read."""


class Adaptive:
    """Codes bytes with the counts of their family and class, which learn from them."""

    def __init__(self, coder: Coder) -> None:
        self._coder = coder
        self._counts: dict[tuple[int, int], np.ndarray] = defaultdict(
            lambda: np.ones(256, np.int64)
        )
        self._seen: dict[int, int] = defaultdict(int)

    def batch(self, family: int) -> int:
        """Values in the family's next batch: a sixteenth of those seen, within bounds."""
        return min(max(self._seen[family] >> 4, FIRST_BATCH), LAST_BATCH)

    def code(self, family: int, classes: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Codes one batch of symbols (n,) int32 in 0 to 255 whose classes are (n,).

        Classes go in rising order, each with its counts as they were before the batch.
        """
        coded = np.empty(symbols.size, np.int32)
        order = np.argsort(classes, kind="stable")
        starts = np.flatnonzero(np.diff(classes[order])) + 1
        for part in np.split(order, starts):
            counts = self._counts[family, int(classes[part[0]])]
            coded[part] = self._coder.code(shares(counts), symbols[part])
            counts += STEP * np.bincount(coded[part], minlength=256)
            while counts.sum() > LIMIT:
                counts[:] = (counts + 1) >> 1
        self._seen[family] += symbols.size
        return coded


def spread(squares: np.ndarray, number: int) -> np.ndarray:
    """Classes of sums of squares over ``number`` values each: half octaves of their mean square.

    Class 0 stands for no values. The bit length by ``frexp`` is exact, as a mean is below 2^53.
    """
    if not number:
        return np.zeros(squares.shape, np.int64)
    mean = 16 * squares // number
    low = np.maximum(np.frexp(mean.astype(np.float64))[1] - 2, 0)
    return 1 + 2 * low + (mean >> low)


def _code_bytes(
    adaptive: Adaptive, family: int, classes: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Codes a batch of int8 values (rows, columns); returns them as int64."""
    classes = np.broadcast_to(classes, values.shape).reshape(-1)
    return adaptive.code(family, classes, values.reshape(-1) + 128).reshape(values.shape) - 128


def _code_matrix(adaptive: Adaptive, values: np.ndarray) -> None:
    """Codes bands of whole rows; a value's class is the spread of its column above the band."""
    squares, row = np.zeros(values.shape[1], np.int64), 0
    while row < len(values):
        band = values[row : row + max(1, adaptive.batch(MATRIX) // values.shape[1])]
        band[:] = _code_bytes(adaptive, MATRIX, spread(squares, row), band)
        squares += np.square(band, dtype=np.int64).sum(axis=0)
        row += len(band)


def _code_table(adaptive: Adaptive, values: np.ndarray) -> None:
    """Codes stretches of buckets, each stretch column by column.

    A value's class is the spread of the columns before it in its own bucket.
    """
    row = 0
    while row < len(values):
        stretch = values[row : row + adaptive.batch(TABLE)]
        squares = np.zeros(len(stretch), np.int64)
        for number in range(values.shape[1]):
            column = stretch[:, number]
            column[:] = _code_bytes(adaptive, TABLE, spread(squares, number), column)
            squares += np.square(column, dtype=np.int64)
        row += len(stretch)


def _code_rows(adaptive: Adaptive, family: int, values: np.ndarray, wide: bool) -> None:
    """Codes pieces of rows; a value's class is its row's number.

    Wide values go as two batches: their high bytes, then their low ones.
    """
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
    """Codes one array of any shape, int32; a decoder's zeros are filled.

    Returns the array with its common factor of two put back. Raises Damaged.
    """
    kind = name.split(".")[-1]
    together = int(np.bitwise_or.reduce(values, axis=None))
    common = (together & -together).bit_length() - 1 if together else 0
    coded = adaptive.code(SHIFT, np.zeros(1, np.int64), np.array([common], np.int32))
    shift = int(coded[0])
    if shift > LARGEST_SHIFT:
        raise Damaged(f"array {name} has a shift of {shift}")
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
    return MAGIC + _HEAD.pack(VERSION, len(shape)) + shape


def read_head(data: bytes) -> tuple[ModelConfig, int]:
    """The shape in a weights file, and where its stream begins. Raises WeightsError."""
    start = len(MAGIC) + _HEAD.size
    if data[: len(MAGIC)] != MAGIC:
        raise WeightsError("not a kolmozip weights file (wrong magic): pass a .kzw file")
    if len(data) < start:
        raise WeightsError("weights file is cut short: fetch it again")
    version, length = _HEAD.unpack_from(data, len(MAGIC))
    if version != VERSION:
        raise WeightsError(
            f"weights file version {version}, this program reads {VERSION}: "
            "fetch weights and program that belong together"
        )
    try:
        # From bytes, json.loads would take UTF-16 and UTF-32 too. RecursionError and OverflowError
        # are what deep nesting and 1e400 end in.
        shape = json.loads(data[start : start + length].decode("utf-8"))
        config = ModelConfig.from_dict(shape)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"weights file has no usable shape ({reason}): fetch it again"
        ) from error
    return config, start + length


def _least_stream(config: ModelConfig) -> int:
    """Bytes that the stream of a network of this shape must have at least, whole words."""
    return 4 * -(-config.parameters() // (4 * PARAMETERS_PER_BYTE))


def pack(weights: IntegerWeights) -> bytes:
    """The weights file: head, stream of the arrays in the layout's order, CRC-32 of all before it.

    Zero words fill the stream up to its least size; they have no meaning.
    """
    from coding.rangecoder import ByteEncoder

    coder = ByteEncoder()
    adaptive = Adaptive(coder)
    for name, array in wt.check(weights).arrays.items():
        _code_array(adaptive, name, array.astype(np.int32))
    stream = coder.finish().ljust(_least_stream(weights.config), b"\0")
    data = head_bytes(weights.config) + stream
    return data + _CRC.pack(zlib.crc32(data))


def unpack(data: bytes) -> IntegerWeights:
    """Reads a weights file.

    Raises WeightsError where it is damaged, of another version, or breaks a bound of the format;
    what it asks for is refused before memory is taken for it.
    """
    config, start = read_head(data)
    stream = data[start : -_CRC.size]
    if (
        len(data) < start + _CRC.size
        or len(stream) % 4
        or _CRC.pack(zlib.crc32(data[: -_CRC.size])) != data[-_CRC.size :]
    ):
        raise WeightsError("weights file is damaged or cut short (checksum): fetch it again")
    if len(stream) < _least_stream(config):
        raise WeightsError(
            f"weights file names {config.parameters():,} parameters, "
            f"more than its {len(stream):,} bytes can hold: fetch it again"
        )
    from coding.rangecoder import ByteDecoder

    adaptive, arrays = Adaptive(ByteDecoder(stream)), {}
    try:
        for name, dtype, shape in wt.layout(config):
            values = _code_array(adaptive, name, np.zeros(shape, np.int32))
            arrays[name] = _narrowed(values.reshape(shape), name, dtype)
    except Damaged as error:
        raise WeightsError(f"weights file is damaged ({error}): fetch it again") from error
    return wt.check(IntegerWeights(config, arrays))


def _narrowed(values: np.ndarray, name: str, dtype: str) -> np.ndarray:
    """The values in their type. Raises WeightsError where one does not fit."""
    narrow = values.astype(dtype)
    if not np.array_equal(narrow, values):
        raise WeightsError(f"array {name} leaves the range of {dtype}: fetch the file again")
    return narrow
