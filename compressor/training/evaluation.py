"""Bits/char of a text by the float model."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from compressor.training.config import TrainingError
from compressor.training.networks import Lanes, Shape, network
from compressor.training.step import cross_entropy
from models.network.lm import Params


@functools.partial(jax.jit, static_argnums=0)
def _evaluate_window(
    model: Shape, params: Params, text: jax.Array, lanes: Lanes
) -> tuple[jax.Array, Lanes]:
    return cross_entropy(model, params, text, lanes)


def check_scorable(text: np.ndarray) -> None:
    """Raises TrainingError where a text has no byte that another one precedes."""
    if text.size < 2:
        raise TrainingError(
            f"a validation text of {text.size} bytes has nothing to score: "
            "train on a corpus or on a longer file, of which 5 % are for validation"
        )


def evaluate(
    model: Shape, params: Params, text: np.ndarray, lanes: int = 64, length: int = 256
) -> float:
    """Mean bits/char of a text by the float model (int8 weights simulated): an estimate.

    Each lane starts cold and reads whole windows of ``length`` bytes; what remains of it is left
    out. A text too short for a window in each lane is read in fewer lanes, a single window each,
    as long as the text allows. Raises TrainingError for a text of fewer than 2 bytes.
    """
    check_scorable(text)
    if text.size < lanes * (length + 1):
        lanes = max(1, text.size // (length + 1))
        length = text.size // lanes - 1
    rows = text.size // lanes
    columns = text[: lanes * rows].reshape(lanes, rows).T
    state = network(model).initial_state(lanes)
    nats = []
    for start in range(0, rows - length, length):
        window = jnp.asarray(columns[start : start + length + 1])
        loss, state = _evaluate_window(model, params, window, state)
        nats.append(float(loss))
    return sum(nats) / len(nats) / math.log(2)
