"""The integer network: what a weights file holds, the bounds it keeps, and its identity.

The layout is fixed by ``coding/FORMAT.md``, section 4; names here are the names used there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from models.integer.config import KNOTS, VOCABULARY, ModelConfig

RESIDUAL_BITS = 12
"""Fraction bits of the residual stream."""
SIGNAL_BITS = 10
"""Fraction bits of gates, convolution inputs, values, learned functions and logits."""
TAP_BITS = 12

EXPONENTS = {"norm": 4, "mix": 5, "glu": 4, "kan": 5, "table": 6, "embed": 5}
"""An int8 activation q of a kind stands for q * 2^-exponent; each is minus log2 of the step in
``models.network.layers``."""

KAN_EXTRA_SHIFT = SIGNAL_BITS - EXPONENTS["kan"]
"""Inputs of learned functions are shifted this much further than the signals beside them."""
MIN_SHIFT, MAX_SHIFT = -6, 19
"""Bounds of the shift from accumulator to signal. |accumulator| < 2^24 for at most 1024 inputs of
int8 times int8, so a left shift of 6, or the rounding term of a right shift, stays inside int32; a
shift of MAX_SHIFT + KAN_EXTRA_SHIFT leaves nothing of it."""


class WeightsError(Exception):
    """A weights file that cannot be used; the text says why and what to do."""


@dataclasses.dataclass(frozen=True)
class IntegerWeights:
    """Every array of the coded path.

    Dense weights are int8 (in, out), with one exponent (int8) an output channel.
    """

    config: ModelConfig
    arrays: dict[str, np.ndarray]


def layout(config: ModelConfig) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yields (name, dtype, shape) of every array, in the order of the file."""
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


def kind_of(name: str) -> str:
    """What an array is, whichever layer or order it belongs to.

    It is a key of LIMITS, or the name of a matrix.
    """
    kind = name.split(".")[-1]
    return "table" if kind.startswith("table_") else kind


LIMITS = {
    "embed": 127,
    "table": 127,
    "gate_bias": 16384,
    "conv_taps": 8192,
    "knots": 32767,
    "head_bias": 32767,
}
"""The greatest magnitude in each kind of array; matrices have 127."""


def strip(weights: IntegerWeights) -> IntegerWeights:
    """The same function in smaller integers.

    Common factors of two of an output channel move into its exponent, as far as MIN_SHIFT allows:
    half of an even sum, shifted by one less, is the same integer, and so it is with a shift to the
    left (FORMAT.md, Scale). Channels of zeros end at MIN_SHIFT.
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
    """The right shift from accumulator to ``bits`` fraction bits of each output channel.

    int32; it may be negative.
    """
    return EXPONENTS[activation] - weights.arrays[f"{name}.exponent"].astype(np.int32) - bits


def dense_inputs(config: ModelConfig) -> Iterator[tuple[str, str, int]]:
    """Yields the name of the weights of every product, and its fraction bits.

    These are (dense weights, kind of the activation they multiply, fraction bits of the result);
    the inputs of learned functions have KAN_EXTRA_SHIFT bits fewer.
    """
    yield "w_ngram", "table", RESIDUAL_BITS
    for i in range(config.layers):
        yield f"mixer_{i}.w_in", "norm", SIGNAL_BITS
        yield f"mixer_{i}.w_out", "mix", RESIDUAL_BITS
        yield f"mlp_{i}.w_in", "norm", SIGNAL_BITS
        yield f"mlp_{i}.w_out", "glu", RESIDUAL_BITS
    yield "head", "norm", SIGNAL_BITS
    yield "head_ngram", "table", SIGNAL_BITS


def check(weights: IntegerWeights) -> IntegerWeights:
    """Returns the weights, whose every bound that the integer step relies on holds.

    Raises WeightsError where one does not.
    """
    for name, dtype, shape in layout(weights.config):
        array = weights.arrays[name]
        if array.shape != shape or array.dtype != dtype:
            raise WeightsError(
                f"array {name} is {array.dtype}{array.shape}, expected {dtype}{shape}: "
                "make the file anew from its checkpoint"
            )
        limit = LIMITS.get(kind_of(name), 127)
        if array.size and np.abs(array.astype(np.int32)).max() > limit:
            raise WeightsError(
                f"array {name} exceeds {limit}: train with more weight decay, "
                "or fetch the file again"
            )
    for name, activation, bits in dense_inputs(weights.config):
        amount = shift(weights, name, activation, bits)
        if amount.min() < MIN_SHIFT or amount.max() > MAX_SHIFT:
            raise WeightsError(
                f"scale of {name} is outside the bounds of the format: train with more weight decay"
            )
    return weights
