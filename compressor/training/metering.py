"""What the float model would cost: the codec's own loop with the float network's probabilities and a meter for a coder."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from coding.counts import SCALE
from compressor.codec.blocks import Progress, code_block
from compressor.training.networks import Shape, network
from data.lanes import lane_lengths
from models.integer.fixed_point import EVIDENCE_BITS, FIRST_BYTE
from models.memory.memory import Memory

WINDOW = 64


@functools.partial(jax.jit, static_argnums=0)
def _window(config: Shape, params: Any, text: jax.Array, state: Any) -> tuple[jax.Array, Any]:
    logits, state = network(config).sequence(config, params, text, state)
    return jax.nn.softmax(logits), state


class FloatNetwork:
    """The float model as a predictor over columns it knows beforehand, so that it can run by whole windows."""

    def __init__(self, config: Shape, params: Any, columns: np.ndarray, length: int) -> None:
        self._config, self._params = config, params
        lanes = columns.shape[1]
        self._columns, self._used = (
            columns,
            np.arange(len(columns))[:, None] < lane_lengths(length, lanes),
        )
        self._read = np.concatenate([np.full((1, lanes), FIRST_BYTE, np.uint8), columns[:-1]])
        self._state, self._step, self._shares = (
            network(config).initial_state(config, lanes),
            0,
            np.zeros(0),
        )
        self.bits = 0.0
        """Cross-entropy of the network alone over what it has predicted so far."""

    def predict(self) -> np.ndarray:
        """Probabilities as counts of 2^22, at least 1: (lanes, 256) int32."""
        at = self._step % WINDOW
        if at == 0:
            text = jnp.asarray(self._read[self._step : self._step + WINDOW])
            shares, self._state = _window(self._config, self._params, text, self._state)
            self._shares = np.asarray(shares)
        used = self._used[self._step]
        taken = self._shares[at][np.arange(len(used)), self._columns[self._step]][used]
        self.bits -= float(np.log2(np.maximum(taken, 1e-30)).sum())
        return np.maximum(np.rint(self._shares[at] * (1 << EVIDENCE_BITS)), 1).astype(np.int32)

    def perceive(self, byte: np.ndarray) -> None:
        """The next byte came; it was known."""
        self._step += 1


class Meter:
    """A coder that adds up information content instead of writing it."""

    def __init__(self) -> None:
        self.bits = 0.0

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """As a coder's; returns the bits."""
        self.bits -= float(np.log2(np.where(bits == 0, zero, SCALE - zero) / SCALE).sum())
        return bits


def metered(
    config: Shape,
    params: Any,
    columns: np.ndarray,
    length: int,
    progress: Progress,
    memory: Memory | None = None,
) -> tuple[float, float]:
    """Bits of a block of ``length`` bytes by the float network with the memory, and by the network alone."""
    model, meter = FloatNetwork(config, params, columns, length), Meter()
    code_block(model, meter, columns, length, progress, memory)
    return meter.bits, model.bits


def rates(mixture: float, alone: float, length: int) -> dict[str, float]:
    """What facts say of these bits over ``length`` bytes: bits/char with the memory, and of the network alone."""
    return {
        "bits_per_char": round(mixture / max(1, length), 5),
        "bits_per_char_network_alone": round(alone / max(1, length), 5),
    }
