"""The integer network: what a weights file holds, how it is made from trained parameters, its bytes and its identity.

The layout is fixed by ``coding/FORMAT.md``, part "Weights file"; names here are the names used there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
import math
import struct
from collections.abc import Iterator

import numpy as np

from models.network import layers
from models.integer.config import KNOTS, VOCABULARY, ModelConfig

MAGIC = b"KZWT"
VERSION = 1
ID_BYTES = 8

RESIDUAL_BITS = 12
"""Fraction bits of the residual stream."""
SIGNAL_BITS = 10
"""Fraction bits of gates, convolution inputs, values, learned functions and logits."""
TAP_BITS = 12

EXPONENTS = {"norm": 4, "mix": 5, "glu": 4, "kan": 5, "table": 6, "embed": 5}
"""An int8 activation q of a kind stands for q * 2^-exponent; each is minus log2 of the step in layers.py."""


class WeightsError(Exception):
    """A weights file that cannot be used; the text says why and what to do."""


@dataclasses.dataclass(frozen=True)
class IntegerWeights:
    """Every array of the coded path; dense weights are int8 (in, out) with one exponent (int8) an output channel."""

    config: ModelConfig
    arrays: dict[str, np.ndarray]


def layout(config: ModelConfig) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(name, dtype, shape) of every array, in the order of the file."""
    d, w, m, e = config.width, config.state, config.hidden, config.ngram_width

    def dense(name: str, rows: int, columns: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        yield name, "int8", (rows, columns)
        yield f"{name}.exponent", "int8", (columns,)

    yield "embed", "int8", (VOCABULARY, d)
    for order, bits in config.tables:
        yield f"table_{order}", "int8", (1 << bits, config.table_dim)
    yield from dense("w_ngram", e, d)
    for i in range(config.layers):
        yield from dense(f"mixer_{i}.w_in", d, 3 * w)
        yield f"mixer_{i}.gate_bias", "int16", (w,)
        yield f"mixer_{i}.conv_taps", "int16", (config.taps, w)
        yield from dense(f"mixer_{i}.w_out", w, d)
        yield from dense(f"mlp_{i}.w_in", d, config.branches * m)
        yield f"mlp_{i}.knots", "int16", (KNOTS, m)
        yield from dense(f"mlp_{i}.w_out", m, d)
    yield from dense("head", d, VOCABULARY)
    yield from dense("head_ngram", e, VOCABULARY)
    yield "head_bias", "int16", (VOCABULARY,)


SCALES = {
    "embed": 2.0 ** EXPONENTS["embed"],
    "table": 2.0 ** EXPONENTS["table"],
    "gate_bias": 2.0**SIGNAL_BITS,
    "conv_taps": 2.0**TAP_BITS,
    "knots": 2.0**SIGNAL_BITS,
    "head_bias": 2.0**SIGNAL_BITS,
}
"""Grid units in one, for the arrays that are not dense weights."""

LIMITS = {"embed": 127, "table": 127, "gate_bias": 16384, "conv_taps": 8192, "knots": 32767, "head_bias": 32767}


def _leaf(params: dict, name: str) -> np.ndarray:
    node = params
    for part in name.split("."):
        node = node[part]
    return np.asarray(node, np.float64)


def quantise(config: ModelConfig, params: dict) -> IntegerWeights:
    """Trained parameters to integers, by the same roundings that training simulated."""
    arrays: dict[str, np.ndarray] = {}
    for name, dtype, _ in layout(config):
        if name.endswith(".exponent"):
            continue
        value = _leaf(params, name)
        kind = name.split(".")[-1]
        kind = "table" if kind.startswith("table") else kind
        if kind in SCALES:
            arrays[name] = np.clip(np.rint(value * SCALES[kind]), -LIMITS[kind], LIMITS[kind]).astype(dtype)
        else:
            exponent = np.asarray(layers.weight_exponent(value.astype(np.float32)))[0]
            arrays[name] = np.clip(np.rint(value / np.exp2(exponent)), -127, 127).astype(np.int8)
            arrays[f"{name}.exponent"] = exponent.astype(np.int8)
    ordered = {name: arrays[name] for name, _, _ in layout(config)}
    return check(strip(IntegerWeights(config, ordered)))


def strip(weights: IntegerWeights) -> IntegerWeights:
    """The same function in smaller integers: common factors of two of an output channel move into its exponent.

    Half of an even sum, shifted by one less, is the same integer, and so is it with a shift to the left (FORMAT.md, Scale);
    exponents rise as far as MIN_SHIFT allows. Channels of zeros end there.
    """
    arrays = dict(weights.arrays)
    for name, activation, bits in dense_inputs(weights.config):
        together = np.bitwise_or.reduce(np.abs(arrays[name].astype(np.int32)), axis=0)
        twos = np.where(together == 0, 31, np.bitwise_count((together & -together) - 1))
        room = np.maximum(shift(weights, name, activation, bits) - MIN_SHIFT, 0)
        taken = np.minimum(twos, room)
        arrays[name] = (arrays[name] >> np.minimum(taken, 7)).astype(np.int8)
        arrays[f"{name}.exponent"] = (arrays[f"{name}.exponent"] + taken).astype(np.int8)
    return IntegerWeights(weights.config, arrays)


def shift(weights: IntegerWeights, name: str, activation: str, bits: int) -> np.ndarray:
    """Right shift (int32, one an output channel, may be negative) from accumulator to ``bits`` fraction bits."""
    return EXPONENTS[activation] - weights.arrays[f"{name}.exponent"].astype(np.int32) - bits


def dense_inputs(config: ModelConfig) -> Iterator[tuple[str, str, int]]:
    """(dense weights, kind of the activation they multiply, most fraction bits of the result) for every product."""
    yield "w_ngram", "table", RESIDUAL_BITS
    for i in range(config.layers):
        yield f"mixer_{i}.w_in", "norm", SIGNAL_BITS
        yield f"mixer_{i}.w_out", "mix", RESIDUAL_BITS
        yield f"mlp_{i}.w_in", "norm", SIGNAL_BITS
        yield f"mlp_{i}.w_out", "glu", RESIDUAL_BITS
    yield "head", "norm", SIGNAL_BITS
    yield "head_ngram", "table", SIGNAL_BITS


MIN_SHIFT, MAX_SHIFT = -6, 24
"""|accumulator| < 2^24 for at most 1024 inputs of int8 x int8, so a left shift of 6 and a rounding term stay inside int32."""


def check(weights: IntegerWeights) -> IntegerWeights:
    """Returns the weights if every bound that the integer step relies on holds; WeightsError otherwise."""
    for name, dtype, shape in layout(weights.config):
        array = weights.arrays[name]
        if array.shape != shape or array.dtype != dtype:
            raise WeightsError(f"array {name} is {array.dtype}{array.shape}, expected {dtype}{shape}: the file is not ours")
        kind = name.split(".")[-1]
        kind = "table" if kind.startswith("table") else kind
        limit = LIMITS.get(kind, 127)
        if array.size and np.abs(array.astype(np.int32)).max() > limit:
            raise WeightsError(f"array {name} exceeds {limit}: train with more weight decay, or the file is damaged")
    for name, activation, bits in dense_inputs(weights.config):
        amount = shift(weights, name, activation, bits)
        if amount.min() < MIN_SHIFT or amount.max() + 5 > MAX_SHIFT:
            raise WeightsError(f"scale of {name} is outside the bounds of the format: train with more weight decay")
    return weights


def head_bytes(version: int, config: ModelConfig) -> bytes:
    """What every weights file begins with: magic, version, length and JSON of the shape."""
    shape = json.dumps(config.shape(), sort_keys=True, separators=(",", ":")).encode()
    return MAGIC + struct.pack("<BH", version, len(shape)) + shape


def read_head(data: bytes) -> tuple[int, ModelConfig, int]:
    """Version, shape and length of the beginning of a weights file. Raises WeightsError; any version is let through."""
    if data[:4] != MAGIC:
        raise WeightsError("not a kolmozip weights file (wrong magic): pass a .kzw file")
    try:
        version, length = struct.unpack_from("<BH", data, 4)
        config = ModelConfig.from_dict(json.loads(data[7 : 7 + length]))
    except (struct.error, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"weights file is damaged ({error}): fetch it again") from error
    return version, config, 7 + length


def to_bytes(weights: IntegerWeights) -> bytes:
    """A weights file of version 1: the head, then every array little-endian, xz-packed as one stream.

    ``compressor.codec.weights_file`` writes version 2, which is smaller; this one is what it is measured against.
    """
    raw = b"".join(a.astype(a.dtype.newbyteorder("<")).tobytes() for a in weights.arrays.values())
    packed = lzma.compress(raw, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=9 | lzma.PRESET_EXTREME)
    return head_bytes(VERSION, weights.config) + packed


def from_bytes(data: bytes) -> IntegerWeights:
    """Reads a weights file of version 1. Raises WeightsError where it is damaged, newer, or breaks a bound of the format."""
    version, config, at = read_head(data)
    if version != VERSION:
        raise WeightsError(f"weights file version {version} is newer than this reader ({VERSION}): use compressor.codec.weights_file")
    try:
        raw = lzma.decompress(data[at:], format=lzma.FORMAT_XZ)
    except lzma.LZMAError as error:
        raise WeightsError(f"weights file is damaged ({error}): fetch it again") from error
    arrays, at = {}, 0
    for name, dtype, shape in layout(config):
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if at + size > len(raw):
            raise WeightsError("weights file is cut short: fetch it again")
        arrays[name] = np.frombuffer(raw, np.dtype(dtype).newbyteorder("<"), math.prod(shape), at).reshape(shape).astype(dtype)
        at += size
    if at != len(raw):
        raise WeightsError("weights file has bytes left over: fetch it again")
    return check(IntegerWeights(config, arrays))


def identity(data: bytes) -> bytes:
    """First 8 bytes of the SHA-256 of a weights file: what a container calls its model by."""
    return hashlib.sha256(data).digest()[:ID_BYTES]


def file_facts(data: bytes) -> dict[str, str | int]:
    """What a card says of a weights file's bytes."""
    return {"identity": identity(data).hex(), "file_bytes": len(data), "file_sha256": hashlib.sha256(data).hexdigest()}


def kan_table(knots: np.ndarray) -> np.ndarray:
    """Knots (9, m) int16 -> learned functions as tables (m, 256) int16, index u + 128 for u in [-128, 127]."""
    index = np.arange(256)
    cell, inside = index >> 5, (index & 31).astype(np.int32)
    knots = knots.astype(np.int32)
    return ((knots[cell].T * (32 - inside) + knots[cell + 1].T * inside + 16) >> 5).astype(np.int16)


def root_table(width: int) -> np.ndarray:
    """Reciprocal square roots for the norm: entry i is floor(sqrt(2^39 d / (2 i + 2049))), 3072 entries, int32."""
    return np.array([math.isqrt((width << 39) // (2 * i + 2049)) for i in range(3072)], np.int32)


EVIDENCE_BITS = 22


def exponential_table() -> np.ndarray:
    """Entry f is floor(2^(22 - f / 256)), 256 entries, by integer arithmetic alone (int32)."""
    entries = []
    for f in range(256):
        low, high = 1, (1 << EVIDENCE_BITS) + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if middle**256 <= 1 << (256 * EVIDENCE_BITS - f) else (low, middle)
        entries.append(low)
    return np.array(entries, np.int32)
