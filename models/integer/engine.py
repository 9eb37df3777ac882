"""The integer step as one jitted JAX call over lanes.

It equals ``reference.Reference`` bit for bit on any device: there is only int32 and uint32
arithmetic, int8 products with int32 sums, and gathers. Nothing depends on the order of evaluation,
so thread count, batch split, instruction set and library version cannot change a bit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from models.integer import weights as wt
from models.integer.config import ModelConfig
from models.integer.fixed_point import FIRST_BYTE, exponential_table, root_table
from models.integer.ngram import context_index, push

Arrays: TypeAlias = dict[str, jax.Array]
"""Weights, shifts and tables by name, on the device."""
Past: TypeAlias = tuple[jax.Array, ...]
"""The last k inputs of a layer's short convolution, (b, w) int32 each, newest first."""


class Lanes(NamedTuple):
    """State of every lane."""

    h: tuple[jax.Array, ...]
    """Of each layer, (b, w) int32."""
    past: tuple[Past, ...]
    """Of each layer."""
    low: jax.Array
    """The last four bytes, the newest in bits 0 to 7, (b,) uint32."""
    high: jax.Array
    """The four bytes before those, (b,) uint32."""


def _shifts(weights: wt.IntegerWeights) -> dict[str, np.ndarray]:
    """The right shift of each output channel of every product, named as the weights."""
    arrays: dict[str, np.ndarray] = {}
    for name, activation, bits in wt.dense_inputs(weights.config):
        amount = wt.shift(weights, name, activation, bits)
        if name.startswith("mlp_") and name.endswith("w_in"):
            amount[: weights.config.hidden] += wt.KAN_EXTRA_SHIFT
        arrays[f"{name}.shift"] = amount
    return arrays


def prepare(weights: wt.IntegerWeights) -> Arrays:
    """Everything that the step reads, on the device: weights, shifts and tables."""
    arrays = {name: a for name, a in weights.arrays.items() if not name.endswith(".exponent")}
    for name, array in list(arrays.items()):
        if name.endswith(("gate_bias", "conv_taps", "head_bias", "knots")):
            arrays[name] = array.astype(np.int32)
    arrays |= _shifts(weights)
    arrays |= {"root": root_table(weights.config.width), "exponential": exponential_table()}
    return {name: jnp.asarray(array) for name, array in arrays.items()}


def _clip(x: jax.Array, limit: int) -> jax.Array:
    """As ``fixed_point.clip``."""
    return jnp.clip(x, -limit, limit)


def _scale(x: jax.Array, right: jax.Array | int) -> jax.Array:
    """As ``fixed_point.scale``; a shift that is known beforehand is at least 0."""
    if isinstance(right, int):
        return (x + ((1 << right) >> 1)) >> right
    down = jnp.maximum(right, 0)
    return ((x << jnp.maximum(-right, 0)) + ((1 << down) >> 1)) >> down


def _dense(a: Arrays, x: jax.Array, name: str) -> jax.Array:
    """As ``Reference.dense``."""
    total = jax.lax.dot_general(
        x, a[name], (((1,), (0,)), ((), ())), preferred_element_type=jnp.int32
    )
    return _clip(_scale(total, a[f"{name}.shift"]), 1 << 28)


def _length(x: jax.Array) -> jax.Array:
    """The bit length of integers from 0 on."""
    return 32 - jax.lax.clz(x)


def _folded(add: Callable[[jax.Array, jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Columns of x (b, d) combined 16 at a time, (b, 16).

    XLA's CPU backend reduces whole vectors faster than along a row.
    """
    x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % 16)))
    return functools.reduce(add, jnp.split(x, x.shape[1] // 16, axis=1))


def _normalise(a: Arrays, x: jax.Array) -> jax.Array:
    """As ``Reference.normalise``."""
    y = _scale(x, _length(jnp.max(_folded(jnp.maximum, jnp.abs(x)), axis=1, keepdims=True)) - 11)
    total = jnp.sum(_folded(jnp.add, (y * y) >> 2), axis=1, keepdims=True, dtype=jnp.int32)
    half = jnp.maximum(_length(total) - 11, 0) >> 1
    root = a["root"][jnp.clip((total >> (2 * half)) - 1024, 0, 3071)]
    return _clip(_scale(y * root, 16 + half), 127).astype(jnp.int8)


def _sigmoid(u: jax.Array) -> jax.Array:
    """As ``fixed_point.sigmoid``."""
    v = _clip(u, 4096)
    return _scale((1 << 24) + v * (8192 - jnp.abs(v)), 10)


def _mix(
    a: Arrays, i: int, x: jax.Array, h: jax.Array, past: Past
) -> tuple[jax.Array, jax.Array, Past]:
    """As ``Reference.mix``; returns the update and the layer's next h and past."""
    z, gate, out = jnp.split(_dense(a, x, f"mixer_{i}.w_in"), 3, axis=1)
    z = _clip(z, 1 << 15)
    rate = _sigmoid(gate + a[f"mixer_{i}.gate_bias"])
    taps = a[f"mixer_{i}.conv_taps"]
    from_past = sum(tap * z_before for tap, z_before in zip(taps, past, strict=True))
    mixed = _clip(z + _scale(from_past, 12), 8192)
    h = _clip(h - _scale(rate * rate, 15) * _scale(h, 15) + _scale(rate * mixed, 1), 1 << 30)
    out = _clip(out, 1 << 14)
    y = _scale(_scale(h, 14) * _scale(out * _sigmoid(out), 15), 15)
    update = _dense(a, _clip(y, 127).astype(jnp.int8), f"mixer_{i}.w_out")
    return update, h, (z, *past[:-1])


def learned(knots: jax.Array, index: jax.Array) -> jax.Array:
    """The learned functions of indices (b, m) in 1 to 255, from knots (9, m); int32 both.

    The first knot plus, from each knot on, the change of slope there: the same integers as
    ``fixed_point.kan_table``, without a gather (DECISIONS.md, records 4 and 26, have times).
    Changes of slope are below 2^18 and the index below 2^8: nine products stay inside int32.
    """
    slope = knots[1:] - knots[:-1]
    total = 32 * knots[0] + 16 + slope[0] * index
    for j in range(1, slope.shape[0]):
        total = total + (slope[j] - slope[j - 1]) * jnp.maximum(index - 32 * j, 0)
    return total >> 5


def _wide(a: Arrays, i: int, x: jax.Array) -> jax.Array:
    """As ``Reference.wide``."""
    knots = a[f"mlp_{i}.knots"]
    u, v = jnp.split(_dense(a, x, f"mlp_{i}.w_in"), [knots.shape[1]], axis=1)
    f = learned(knots, _clip(u, 127) + 128)
    y = _scale(f * _clip(v, 1 << 14), 16) if v.shape[1] else _scale(f, 6)
    return _dense(a, _clip(y, 127).astype(jnp.int8), f"mlp_{i}.w_out")


def _softmax(a: Arrays, logits: jax.Array) -> jax.Array:
    """As ``Reference.softmax``."""
    below = jnp.minimum(jnp.max(logits, axis=1, keepdims=True) - logits, 1 << 15)
    bits = jnp.minimum((below * 5909) >> 14, 31 * 256)
    return jnp.maximum(
        a["exponential"].at[bits & 255].get(mode="promise_in_bounds") >> (bits >> 8), 1
    )


# No donated buffers: XLA then copies whole states to shift the convolution inputs, 12 % slower.
@functools.partial(jax.jit, static_argnums=0)
def step(config: ModelConfig, a: Arrays, lanes: Lanes, byte: jax.Array) -> tuple[Lanes, jax.Array]:
    """Takes one byte a lane, (b,) uint8.

    Returns the state after it and the evidence for the next byte, (b, 256) int32.
    """
    low, high = push(lanes.low, lanes.high, byte.astype(jnp.uint32))
    e = jnp.concatenate(
        [a[f"table_{n}"][context_index(low, high, n, bits)] for n, bits in config.tables], axis=1
    )
    x = (a["embed"][byte.astype(jnp.int32)].astype(jnp.int32) << 7) + _dense(a, e, "w_ngram")
    hs, pasts = [], []
    for i in range(config.layers):
        update, h, past = _mix(a, i, _normalise(a, x), lanes.h[i], lanes.past[i])
        x = _clip(x + update, 1 << 23)
        x = _clip(x + _wide(a, i, _normalise(a, x)), 1 << 23)
        hs.append(h)
        pasts.append(past)
    logits = _dense(a, _normalise(a, x), "head") + _dense(a, e, "head_ngram") + a["head_bias"]
    return Lanes(tuple(hs), tuple(pasts), low, high), _softmax(a, _clip(logits, 1 << 17))


class Engine:
    """``predict`` and ``perceive`` over lanes, computed by JAX.

    The encoder and the decoder both run exactly this.
    """

    def __init__(self, weights: wt.IntegerWeights, arrays: Arrays, lanes: int) -> None:
        """Starts fresh lanes; ``arrays`` is ``prepare(weights)``, which engines can share."""
        c = self.config = weights.config
        self._arrays = arrays
        vector, word = jnp.zeros((lanes, c.state), jnp.int32), jnp.zeros(lanes, jnp.uint32)
        fresh = Lanes((vector,) * c.layers, ((vector,) * c.taps,) * c.layers, word, word)
        first = np.full(lanes, FIRST_BYTE, np.uint8)
        self._lanes, self._evidence = step(self.config, arrays, fresh, first)

    def predict(self) -> np.ndarray:
        """Evidence for the next byte, (lanes, 256) int32: positive counts, each sum below 2^31."""
        return np.asarray(self._evidence)

    def perceive(self, byte: np.ndarray) -> None:
        """Takes in the byte that came in every lane, (lanes,) uint8."""
        self._lanes, self._evidence = step(self.config, self._arrays, self._lanes, byte)
