"""What the float model would cost: the native engine codes with what the model says of each bit."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from compressor.codec import engines, native
from compressor.codec.seams import Progress, Recipe
from compressor.training.mixture import at_nodes
from compressor.training.networks import Lanes, Shape, network
from data.lanes import lane_lengths, to_columns
from models.integer.fixed_point import EVIDENCE_BITS, FIRST_BYTE
from models.memory.logistic import STRETCH_LIMIT
from models.network.lm import Params

WINDOW = 64
"""Bytes of each lane that the network reads at once."""

Take = Callable[[int, bytes, bytes], object]
"""Takes the bytes done since its last call, and what the memory says of their bits, each (steps, 8,
lanes): its part of the mixture's logit, little-endian int16, and the network's weight, uint8, in
the units of ``mixture``."""


@functools.partial(jax.jit, static_argnums=0)
def _said(
    model: Shape, params: Params, read: jax.Array, came: jax.Array, lanes: Lanes
) -> tuple[jax.Array, jax.Array, Lanes]:
    """What the network says of the bytes that came after those it read, both (t, b) uint8.

    Returns the stretches of a 1 at each bit in 1/256 bit, (t, 8, b) int16, the bits that each byte
    costs, (t, b), and the lanes after. As in the coded network, each of 256 bytes has a count of
    2^22, at least 1; their sums are exact in float32.
    """
    logits, lanes = network(model).sequence(params, read, lanes)
    symbol = came.astype(jnp.int32)
    shares = jax.nn.log_softmax(logits)
    bits = -jnp.take_along_axis(shares, symbol[..., None], axis=-1)[..., 0] / math.log(2)
    counts = jnp.maximum(jnp.rint(jnp.exp(shares) * (1 << EVIDENCE_BITS)), 1)
    pairs = jnp.stack(at_nodes(counts, symbol, jnp.add), axis=1)
    stretches = jnp.rint(256 * (jnp.log2(pairs[..., 1]) - jnp.log2(pairs[..., 0])))
    clipped = jnp.clip(stretches, -STRETCH_LIMIT, STRETCH_LIMIT)
    return clipped.astype(jnp.int16), bits, lanes


class FloatNetwork:
    """What the float model says of a block, window by window.

    ``columns`` (steps, lanes) uint8 are those of a block of ``length`` bytes.
    """

    def __init__(self, model: Shape, params: Params, columns: np.ndarray, length: int) -> None:
        self._model, self._params, self._columns = model, params, columns
        steps, lanes = columns.shape
        self._used = np.arange(steps)[:, None] < lane_lengths(length, lanes)
        self._read = np.concatenate([np.full((1, lanes), FIRST_BYTE, np.uint8), columns[:-1]])
        self._lanes: Lanes = network(model).initial_state(lanes)
        self._step = 0
        self.bits = 0.0
        """Cross-entropy of the network alone over what it has told of so far."""

    def said(self) -> np.ndarray:
        """Stretches of a 1 in 1/256 bit for the bits of the next steps, (t, 8, lanes) int16."""
        window = slice(self._step, self._step + WINDOW)
        read, came = jnp.asarray(self._read[window]), jnp.asarray(self._columns[window])
        stretches, bits, self._lanes = _said(self._model, self._params, read, came, self._lanes)
        self.bits += float(np.asarray(bits, np.float64)[self._used[window]].sum())
        self._step += len(stretches)
        return np.asarray(stretches)


def mixed(
    model: Shape, params: Params, text: np.ndarray, recipe: Recipe, take: Take
) -> tuple[float, float]:
    """Bits of a block: by the float network with the memory, and by it alone.

    ``text`` (n,) uint8. With the memory they are those of the payload, which an estimate all the
    same does not restore. Raises NoEngine and StaleEngine where there is no native engine.
    """
    engines.chosen("native")
    predictor = FloatNetwork(model, params, to_columns(text, recipe.lanes), text.size)

    def said() -> bytes:
        return predictor.said().astype("<i2").tobytes()

    payload = native.record_block(text.tobytes(), recipe, said, take)
    return 8.0 * len(payload), predictor.bits


def metered(
    model: Shape, params: Params, text: np.ndarray, recipe: Recipe, progress: Progress
) -> tuple[float, float]:
    """As ``mixed``, where nobody needs to know what the memory says."""
    return mixed(model, params, text, recipe, lambda count, *_: progress(count))


def rates(mixture: float, alone: float, length: int) -> dict[str, float]:
    """Bits over ``length`` bytes as facts state them: bits/char with the memory, and without."""
    return {
        "bits_per_char": round(mixture / max(1, length), 5),
        "bits_per_char_network_alone": round(alone / max(1, length), 5),
    }
