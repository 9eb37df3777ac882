"""From trained parameters to the integers of the coded path, and back."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
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


INSIDE = 126.75
"""What stands for 127 in the parameters: at 127 ``layers.weight_exponent`` takes the next step."""


def dequantise(weights: IntegerWeights) -> Params:
    """Parameters that compute what the integers do, to train on: ``quantise`` undoes it.

    What training had between the steps of the grid is gone.
    """
    params: Params = {}
    for name, integers in weights.arrays.items():
        if name.endswith(".exponent"):
            continue
        kind = kind_of(name)
        if kind in SCALES:
            value = integers / SCALES[kind]
        else:
            exponent = weights.arrays[f"{name}.exponent"].astype(np.float64)
            value = np.clip(integers, -INSIDE, INSIDE) * np.exp2(exponent)
        node, leaf = params, name
        if "." in name:
            block, leaf = name.split(".")
            node = params.setdefault(block, {})
        node[leaf] = jnp.asarray(value, jnp.float32)
    return params
