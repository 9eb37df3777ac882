"""What the float model would cost: the codec's own loop, with a meter in the coder's place."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from coding.counts import SCALE
from compressor.codec.blocks import code_block
from compressor.codec.seams import Progress
from compressor.training.networks import Lanes, Shape, network
from data.lanes import lane_lengths
from models.integer.fixed_point import EVIDENCE_BITS, FIRST_BYTE
from models.memory.memory import Memory
from models.network.lm import Params

WINDOW = 64
"""Bytes of each lane that the network reads at once."""


@functools.partial(jax.jit, static_argnums=0)
def _distributions(
    model: Shape, params: Params, text: jax.Array, lanes: Lanes
) -> tuple[jax.Array, Lanes]:
    """Distributions (t, b, 256) of the next byte after each of text (t, b), and the lanes after."""
    logits, lanes = network(model).sequence(params, text, lanes)
    return jax.nn.softmax(logits), lanes


class FloatNetwork:
    """The float model as a predictor of columns it is given beforehand, so that it runs by windows.

    ``columns`` (steps, lanes) uint8 are those of a block of ``length`` bytes.
    """

    def __init__(self, model: Shape, params: Params, columns: np.ndarray, length: int) -> None:
        self._model, self._params, self._columns = model, params, columns
        steps, lanes = columns.shape
        self._used = np.arange(steps)[:, None] < lane_lengths(length, lanes)
        self._read = np.concatenate([np.full((1, lanes), FIRST_BYTE, np.uint8), columns[:-1]])
        self._lanes: Lanes = network(model).initial_state(lanes)
        self._step, self._shares = 0, np.zeros(0)
        self.bits = 0.0
        """Cross-entropy of the network alone over what it has predicted so far."""

    def predict(self) -> np.ndarray:
        """Probabilities as counts of 2^22, at least 1: (lanes, 256) int32."""
        row = self._step % WINDOW
        if row == 0:
            text = jnp.asarray(self._read[self._step : self._step + WINDOW])
            shares, self._lanes = _distributions(self._model, self._params, text, self._lanes)
            self._shares = np.asarray(shares)
        used, shares_now = self._used[self._step], self._shares[row]
        probability = shares_now[np.arange(len(used)), self._columns[self._step]][used]
        self.bits -= float(np.log2(np.maximum(probability, 1e-30)).sum())
        return np.maximum(np.rint(shares_now * (1 << EVIDENCE_BITS)), 1).astype(np.int32)

    def perceive(self, byte: np.ndarray) -> None:
        """Implements ``Predictor.perceive``: the text is known, so only the position moves."""
        self._step += 1


class Meter:
    """A coder that adds up information content instead of writing it."""

    def __init__(self) -> None:
        self.bits = 0.0

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Implements ``BitCoder.code``; returns the bits it was given."""
        self.bits -= float(np.log2(np.where(bits == 0, zero, SCALE - zero) / SCALE).sum())
        return bits


def metered(
    model: Shape,
    params: Params,
    columns: np.ndarray,
    length: int,
    progress: Progress,
    memory: Memory | None = None,
) -> tuple[float, float]:
    """Bits of a block of ``length`` bytes: by the float network with the memory, by it alone.

    ``columns`` (steps, lanes) uint8; the memory is a fresh one unless one over them is given.
    """
    predictor, meter = FloatNetwork(model, params, columns, length), Meter()
    code_block(predictor, meter, columns, length, progress, memory or Memory(columns))
    return meter.bits, predictor.bits


def rates(mixture: float, alone: float, length: int) -> dict[str, float]:
    """Bits over ``length`` bytes as facts state them: bits/char with the memory, and without."""
    return {
        "bits_per_char": round(mixture / max(1, length), 5),
        "bits_per_char_network_alone": round(alone / max(1, length), 5),
    }
