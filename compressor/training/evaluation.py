"""Bits/char of text by the float model."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compressor.training.networks import Shape, network
from compressor.training.step import cross_entropy
from models.network import lm


@functools.partial(jax.jit, static_argnums=0)
def _evaluate_window(
    model: Shape, params: lm.Params, text: jax.Array, lanes: Any
) -> tuple[jax.Array, Any]:
    return cross_entropy(model, params, text, lanes)


def evaluate(
    model: Shape, params: lm.Params, text: np.ndarray, lanes: int = 64, length: int = 256
) -> float:
    """Mean bits/char of text by the float model (quantisation simulated), in lanes that each start cold: an estimate."""
    per_lane = min((text.size - 1) // lanes, text.size // lanes - 1)
    columns = text[: lanes * (text.size // lanes)].reshape(lanes, -1).T
    state, total, count = network(model).initial_state(model, lanes), 0.0, 0
    for start in range(0, per_lane - length + 1, length):
        loss, state = _evaluate_window(
            model, params, jnp.asarray(columns[start : start + length + 1]), state
        )
        total, count = total + float(loss), count + 1
    return total / max(1, count) / math.log(2)
