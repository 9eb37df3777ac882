"""The network with one part exchanged: what ablations compare, at equal parameters.

Nothing here is shipped or coded. Embeddings and head, residual stream, norms, the int8 weights
simulated in ``layers.dense`` and the state carried between windows are those of
``models.network.lm``; where a variant keeps the shipped mixer or gated unit, it runs that very
module. The functions are those of ``models.network.lm`` (``sequence``, ``initial_state``,
``initialise``), so that training and evaluation take a variant as it is.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeVar, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from models.integer.config import GATED, KNOTS, PLAIN, VOCABULARY, ByteShape, ModelConfig
from models.network import layers, lm, scans
from models.network.layers import KAN_SPAN
from models.network.lm import RELU2, SILU, STARTS, Params, State

MIXERS = ("gated", "ssd")
MLPS = (GATED, "swiglu", "relu2", PLAIN)
MAX_HIDDEN = 1024
CHUNK = 64
"""Bytes that SSD takes at once, by products; between chunks the state is handed on."""
EQUAL = 0.01
"""Parameters are called equal when they differ by less than this share."""


@dataclasses.dataclass(frozen=True)
class VariantConfig(ByteShape):
    """``ModelConfig``'s shape and what stands in the place of its parts.

    Axis letters are those of ``ModelConfig``, with ``n`` for the entries of SSD's state, ``h`` for
    its heads and ``p`` for a head's channels (h p = w).
    """

    width: int
    layers: int
    state: int
    hidden: int
    taps: int
    table_dim: int
    tables: tuple[tuple[int, int], ...]
    """As ``ModelConfig``'s; may be empty: no n-gram embeddings at all."""
    mixer: str = "gated"
    """gated: the shipped recurrence. ssd: Mamba-2's."""
    mlp: str = GATED
    """kan_glu: the shipped unit, (f(u) * v) W. swiglu: silu for f. Without a second branch: relu2,
    relu(u)^2 W; kan, f(u) W."""
    knots: int = KNOTS
    kan_group: int = 1
    """Neighbouring channels that share one learned function; 1: a function for each."""
    span: float = KAN_SPAN
    """Learned functions live on [-span, span]; inputs are clipped to it."""
    start: str = SILU
    """What learned functions are before training."""
    head_size: int = 32
    ssd_state: int = 64

    def __post_init__(self) -> None:
        if self.mixer not in MIXERS or self.mlp not in MLPS or self.start not in STARTS:
            raise ValueError(f"mixer is one of {MIXERS}, mlp of {MLPS}, start of {tuple(STARTS)}")
        if self.knots < 3 or not self.knots % 2:
            raise ValueError("knots are an odd number from 3 on: one of them stands at 0")
        if self.hidden % self.kan_group:
            raise ValueError(
                f"hidden {self.hidden} does not fall into groups of {self.kan_group} channels"
            )
        if self.mixer == "ssd" and self.state % self.head_size:
            raise ValueError(
                f"state {self.state} does not fall into heads of {self.head_size} channels"
            )

    @property
    def heads(self) -> int:
        """Heads of SSD."""
        return self.state // self.head_size

    @property
    def convolved(self) -> int:
        """Channels of the short convolution: the mixer's inputs, and for SSD its B and C too."""
        return self.state + (2 * self.ssd_state if self.mixer == "ssd" else 0)

    @property
    def branches(self) -> int:
        """Products of width m that lead into the wide layer."""
        return 2 if self.mlp in (GATED, "swiglu") else 1

    @property
    def shipped_mlp(self) -> bool:
        """Whether the wide layer is ``lm.KanLayer`` itself."""
        grid = (self.knots, self.kan_group, self.span) == (KNOTS, 1, KAN_SPAN)
        return grid and lm.FIRST_START.get(self.mlp) == self.start

    def parameters(self) -> int:
        """The number of learned numbers, tables included."""
        block = self._mixer_parameters() + self._mlp_parameters()
        return self.layers * block + self.outer_parameters()

    def _mixer_parameters(self) -> int:
        d, w, k, n, h = self.width, self.state, self.taps, self.ssd_state, self.heads
        if self.mixer == "ssd":
            return d * (2 * w + 2 * n + h) + k * (w + 2 * n) + 3 * h + w * d
        return 3 * d * w + k * w + w + w * d

    def _mlp_parameters(self) -> int:
        d, m = self.width, self.hidden
        functions = self.knots * (m // self.kan_group) if self.mlp.startswith("kan") else 0
        return (self.branches + 1) * d * m + functions

    @classmethod
    def of(cls, base: ModelConfig, **changes: Any) -> VariantConfig:
        """The shipped shape with these changes."""
        shape = {f.name: getattr(base, f.name) for f in dataclasses.fields(base)}
        return dataclasses.replace(cls(**shape, start=lm.FIRST_START[base.mlp]), **changes)


Sized = TypeVar("Sized")


def matched(config: Sized, target: int) -> Sized:
    """The configuration with ``hidden`` such that it has ``target`` parameters, up to 1 %.

    For any dataclass with ``hidden`` and ``parameters()``, in which hidden counts linearly. Raises
    ValueError where no hidden width does it.
    """
    shape: Any = config
    step = getattr(shape, "kan_group", 1)
    at, above = (dataclasses.replace(shape, hidden=step * count).parameters() for count in (1, 2))
    count = 1 + round((target - at) / (above - at))
    if not 1 <= count <= MAX_HIDDEN // step:
        raise ValueError(
            f"{target} parameters would take a hidden width of {step * count}: change another size"
        )
    shape = dataclasses.replace(shape, hidden=step * count)
    if abs(shape.parameters() / target - 1) > EQUAL:
        raise ValueError(
            f"hidden widths in steps of {step} miss {target} parameters by more than 1 %: "
            "take a finer step"
        )
    return cast("Sized", shape)


class Mlp(nn.Module):
    """The hidden layer of a block in one of its forms; all end in int8 activations and one product.

    What learned functions read is rounded to the 255 places of their table, as in the shipped unit;
    silu and relu^2 read float sums, which favours them a little. ReLU^2 (So et al. 2021, section
    4.1) is halved to fit the int8 grid of activations.
    """

    config: VariantConfig

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x (t, b, d) -> update (t, b, d) of the residual stream."""
        c = self.config
        w_in = self.param("w_in", lm.fan_in(), (c.width, c.branches * c.hidden))
        u, *v = jnp.split(layers.dense(layers.normalise(x), w_in), c.branches, axis=-1)
        if c.mlp == "swiglu":
            f = nn.silu(u)
        elif c.mlp == RELU2:
            f = 0.5 * jnp.square(nn.relu(u))
        else:
            f = self._learned(u)
        w_out = self.param("w_out", lm.fan_in(0.5), (c.hidden, c.width))
        return layers.dense(layers.quantise(f * v[0] if v else f, layers.GLU_STEP), w_out)

    def _learned(self, u: jax.Array) -> jax.Array:
        c = self.config
        first = lm.first_knots(c.start, c.span)
        knots = self.param("knots", first, (c.knots, c.hidden // c.kan_group))
        u = layers.quantise(u, c.span * layers.KAN_STEP / KAN_SPAN)
        knots = jnp.repeat(knots, c.kan_group, axis=1)
        return layers.kan(u.reshape(-1, c.hidden), knots, c.span).reshape(u.shape)


def _decay_start(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """log A for A from 1 to 16, the range of Mamba-2's initial values, evenly over the heads."""
    del key
    return jnp.log(jnp.linspace(1.0, 16.0, shape[0]))


def _step_bias(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Inverse softplus of steps from 0.001 to 0.1, Mamba-2's range.

    Together with A these are memories of about 1,000 to 1 bytes.
    """
    del key
    return jnp.asarray(np.log(np.expm1(np.geomspace(0.001, 0.1, shape[0]))), jnp.float32)


class SsdMixer(nn.Module):
    """Mamba-2's mixer: H_t = exp(-A s_t) H_{t-1} + s_t x_t B_t^T in each head.

    With y_t = H_t C_t + D x_t, the output is norm(y * silu(z)) W. Dao & Gu 2024, sections 6 and 7:
    one scalar decay a head and step, B and C shared by all heads, the step s_t a softplus, a short
    convolution and silu over x, B and C. Departures: the convolution is this repository's (the
    input itself plus learned taps over the past, zero at the start), A and s start on even grids
    instead of random draws, the norm has no gain (it folds into the next weights).
    """

    config: VariantConfig

    @nn.compact
    def __call__(
        self, x: jax.Array, h0: jax.Array, past: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """x (t, b, d), h0 (b, h p n), past (k, b, w + 2 n) -> update (t, b, d), next h0, next past.

        The update is that of the residual stream.
        """
        c = self.config
        w, n, h, p = c.state, c.ssd_state, c.heads, c.head_size
        w_in = self.param("w_in", lm.fan_in(), (c.width, 2 * w + 2 * n + h))
        taps = self.param("conv_taps", nn.initializers.zeros, (c.taps, c.convolved))
        decay = self.param("decay", _decay_start, (h,))
        bias = self.param("step_bias", _step_bias, (h,))
        skip = self.param("skip", nn.initializers.ones, (h,))
        w_out = self.param("w_out", lm.fan_in(0.5), (w, c.width))
        z, raw, pace = jnp.split(
            layers.dense(layers.normalise(x), w_in), (w, w + c.convolved), axis=-1
        )
        inner, b_in, c_out = jnp.split(
            nn.silu(layers.short_convolution(raw, past, taps)), (w, w + n), axis=-1
        )
        steps = nn.softplus(pace + bias)
        inner = inner.reshape(*inner.shape[:2], h, p)
        state = h0.reshape(h0.shape[0], h, p, n)
        chunk = math.gcd(CHUNK, x.shape[0])
        y, state = scans.ssd(
            inner * steps[..., None], -jnp.exp(decay) * steps, b_in, c_out, chunk, state
        )
        y = (y + skip[:, None] * inner).reshape(z.shape) * nn.silu(z)
        return (
            layers.dense(layers.normalise(y), w_out),
            state.reshape(h0.shape),
            layers.last_inputs(past, raw),
        )


class VariantLM(lm.Stack):
    """``lm.ByteLM`` with other blocks, or without n-gram tables."""

    def setup(self) -> None:
        """The blocks, and what surrounds them; parameters are named as in ``lm.ByteLM``."""
        c = self.config
        if c.tables:
            super().setup()
        else:
            self.embedding = self.param("embed", lm.EMBEDDING, (VOCABULARY, c.width))
            self.head = self.param("head", lm.fan_in(0.5), (c.width, VOCABULARY))
            self.head_bias = self.param("head_bias", nn.initializers.zeros, (VOCABULARY,))
        mixer: Any = SsdMixer if c.mixer == "ssd" else lm.Mixer
        mlp: Any = lm.KanLayer if c.shipped_mlp else Mlp
        self.mixers = [mixer(c, name=f"mixer_{i}") for i in range(c.layers)]
        self.mlps = [mlp(c, name=f"mlp_{i}") for i in range(c.layers)]

    def embed(
        self, tokens: jax.Array, low: jax.Array, high: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """As ``lm.EmbeddingAndHead.embed``; without tables the second array is empty."""
        if self.config.tables:
            return super().embed(tokens, low, high)
        x = layers.quantise(self.embedding[tokens.astype(jnp.int32)], layers.EMBED_STEP)
        return x, jnp.zeros((*tokens.shape, 0))

    def logits(self, x: jax.Array, e: jax.Array) -> jax.Array:
        """As ``lm.EmbeddingAndHead.logits``."""
        if self.config.tables:
            return super().logits(x, e)
        return layers.dense(layers.normalise(x), self.head) + self.head_bias


def initial_state(config: VariantConfig, lanes: int) -> State:
    """The state before the first byte: all zeros.

    Lanes are the last axis but one, and SSD's state is flat: (l, b, h p n).
    """
    entries = config.state * (config.ssd_state if config.mixer == "ssd" else 1)
    return State(
        jnp.zeros((config.layers, lanes, entries)),
        jnp.zeros((config.layers, config.taps, lanes, config.convolved)),
        jnp.zeros(lanes, jnp.uint32),
        jnp.zeros(lanes, jnp.uint32),
    )


def sequence(
    config: VariantConfig, params: Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """Whole windows at once: tokens (t, b) -> logits (t, b, 256) in nats, state after them."""
    return cast(
        "tuple[jax.Array, State]", VariantLM(config).apply({"params": params}, tokens, state)
    )


def initialise(config: VariantConfig, seed: int) -> Params:
    """A fresh parameter tree from a seed."""
    tokens = jnp.zeros((1, 1), jnp.uint8)
    return VariantLM(config).init(jax.random.key(seed), tokens, initial_state(config, 1))["params"]
