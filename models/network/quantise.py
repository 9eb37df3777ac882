"""From trained parameters to the integers of the coded path."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.integer.config import ModelConfig
from models.integer.weights import (
    EXPONENTS,
    LIMITS,
    SIGNAL_BITS,
    TAP_BITS,
    IntegerWeights,
    check,
    kind_of,
    layout,
    strip,
)
from models.network import layers
from models.network.lm import Params

SCALES = {
    "embed": 2.0 ** EXPONENTS["embed"],
    "table": 2.0 ** EXPONENTS["table"],
    "gate_bias": 2.0**SIGNAL_BITS,
    "conv_taps": 2.0**TAP_BITS,
    "knots": 2.0**SIGNAL_BITS,
    "head_bias": 2.0**SIGNAL_BITS,
}
"""Grid units in one, for the arrays that are not dense weights."""


def _leaf(params: Params, name: str) -> np.ndarray:
    """The array of a dotted name in a parameter tree."""
    node: Any = params
    for part in name.split("."):
        node = node[part]
    return np.asarray(node, np.float64)


def quantise(config: ModelConfig, params: Params) -> IntegerWeights:
    """Trained parameters to integers, by the same roundings that training simulated.

    Raises ``models.integer.weights.WeightsError`` where a bound of the format is broken.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, dtype, _ in layout(config):
        if name.endswith(".exponent"):
            continue
        value = _leaf(params, name)
        kind = kind_of(name)
        if kind in SCALES:
            whole = np.rint(value * SCALES[kind])
            arrays[name] = np.clip(whole, -LIMITS[kind], LIMITS[kind]).astype(dtype)
        else:
            exponent = np.asarray(layers.weight_exponent(value.astype(np.float32)))[0]
            whole = np.rint(value / np.exp2(exponent))
            arrays[name] = np.clip(whole, -127, 127).astype(np.int8)
            arrays[f"{name}.exponent"] = exponent.astype(np.int8)
    ordered = {name: arrays[name] for name, _, _ in layout(config)}
    return check(strip(IntegerWeights(config, ordered)))
