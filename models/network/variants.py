"""The network with one part exchanged: what ablations compare, at equal parameters. Nothing here is shipped or coded.

Ends, residual stream, norms, the int8 weights simulated in ``layers.dense`` and the state carried between windows are those
of ``models.network.lm``; where a variant keeps the shipped mixer or gated unit, it runs that very module. Same module-level functions
as ``models.network.lm`` (``sequence``, ``initial_state``, ``initialise``), so that training and evaluation take a variant as it is.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from models.integer.config import GATED, KNOTS, PLAIN, VOCABULARY, ModelConfig, ends_parameters
from models.network import layers, lm, scans
from models.network.lm import Params, State

MIXERS = ("gated", "ssd")
MLPS = (GATED, "swiglu", "relu2", PLAIN)
STARTS = ("silu", "relu2")
FIRST = {GATED: "silu", PLAIN: "relu2"}
"""What the learned functions of ``lm.KanLayer`` start as."""
SPAN = 4.0
"""The shipped grid runs from -SPAN to SPAN."""
MAX_HIDDEN = 1024
CHUNK = 64
"""Bytes that SSD takes at once, by products; between chunks the state is handed on."""
EQUAL = 0.01
"""Parameters are called equal when they differ by less than this share."""


@dataclasses.dataclass(frozen=True)
class VariantConfig:
    """``ModelConfig``'s shape and what stands in the place of its parts; axis letters as there, with ``n`` for the entries of
    SSD's state, ``h`` for its heads and ``p`` for a head's channels (h p = w)."""

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
    mlp: str = "kan_glu"
    """kan_glu: the shipped unit, (f(u) * v) W. swiglu: silu for f. Without a second branch: relu2, relu(u)^2 W; kan, f(u) W."""
    knots: int = KNOTS
    kan_group: int = 1
    """Neighbouring channels that share one learned function; 1: a function for each."""
    span: float = SPAN
    """Learned functions live on [-span, span]; inputs are clipped to it."""
    start: str = "silu"
    """What learned functions are before training."""
    head_size: int = 32
    ssd_state: int = 64

    def __post_init__(self) -> None:
        if self.mixer not in MIXERS or self.mlp not in MLPS or self.start not in STARTS:
            raise ValueError(f"mixer is one of {MIXERS}, mlp of {MLPS}, start of {STARTS}")
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
    def ngram_width(self) -> int:
        """Entries gathered a byte over all tables."""
        return self.table_dim * len(self.tables)

    @property
    def heads(self) -> int:
        """Heads of SSD."""
        return self.state // self.head_size

    @property
    def convolved(self) -> int:
        """Channels that pass the short convolution: the mixer's inputs, and for SSD its B and C too."""
        return self.state + (2 * self.ssd_state if self.mixer == "ssd" else 0)

    @property
    def branches(self) -> int:
        """Products of width m that lead into the wide layer."""
        return 2 if self.mlp in (GATED, "swiglu") else 1

    @property
    def shipped_mlp(self) -> bool:
        """Whether the wide layer is ``lm.KanLayer`` itself."""
        grid = (self.knots, self.kan_group, self.span) == (KNOTS, 1, SPAN)
        return grid and FIRST.get(self.mlp) == self.start

    def parameters(self) -> int:
        """Learned numbers in all, tables included."""
        ends = ends_parameters(self.width, self.table_dim, self.tables)
        return self.layers * (self._mixer_parameters() + self._mlp_parameters()) + ends

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
        return dataclasses.replace(cls(**shape, start=FIRST[base.mlp]), **changes)

    @classmethod
    def from_dict(cls, fields: dict) -> VariantConfig:
        """Inverse of ``dataclasses.asdict`` after a trip through JSON (lists back to tuples)."""
        return cls(
            **{
                **fields,
                "tables": tuple((int(order), int(bits)) for order, bits in fields["tables"]),
            }
        )


Sized = TypeVar("Sized")


def matched(config: Sized, target: int) -> Sized:
    """The configuration with ``hidden`` such that it has ``target`` parameters, up to 1 %.

    For any dataclass with ``hidden`` and ``parameters()``, in which hidden counts linearly. Raises ValueError where no hidden
    width does it.
    """
    found: Any = config
    pace = getattr(found, "kan_group", 1)
    at, above = (dataclasses.replace(found, hidden=pace * count).parameters() for count in (1, 2))
    count = 1 + round((target - at) / (above - at))
    if not 1 <= count <= MAX_HIDDEN // pace:
        raise ValueError(
            f"{target} parameters would take a hidden width of {pace * count}: change another size"
        )
    found = dataclasses.replace(found, hidden=pace * count)
    if abs(found.parameters() / target - 1) > EQUAL:
        raise ValueError(
            f"hidden widths in steps of {pace} miss {target} parameters by more than 1 %: take a finer step"
        )
    return cast("Sized", found)


def _hats(v: jax.Array, knots: int) -> Iterator[tuple[int, jax.Array]]:
    """Yields (knot number, hat function of v): the order-1 B-spline basis on the whole numbers around 0."""
    for j in range(knots):
        yield j, jnp.maximum(0.0, 1.0 - jnp.abs(v - (j - knots // 2)))


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def kan(u: jax.Array, knots: jax.Array, span: float = SPAN) -> jax.Array:
    """``layers.kan`` for any number of knots k, evenly from -span to span: u (n, m), knots (k, m) -> (n, m).

    The same expressions: with 9 knots and span 4 the values and gradients are those of ``layers.kan``.
    """
    v, out = u * _pace(knots, span), jnp.zeros_like(u)
    for j, hat in _hats(v, knots.shape[0]):
        out = out + knots[j] * hat
    return out


def _pace(knots: jax.Array, span: float) -> float:
    """Knots a unit of u."""
    return (knots.shape[0] - 1) / (2 * span)


def _kan_fwd(
    u: jax.Array, knots: jax.Array, span: float
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return kan(u, knots, span), (u, knots)


def _kan_bwd(
    span: float, res: tuple[jax.Array, jax.Array], g: jax.Array
) -> tuple[jax.Array, jax.Array]:
    u, knots = res
    v, slope, count = u * _pace(knots, span), jnp.zeros_like(u), knots.shape[0]
    for j in range(count - 1):
        left = j - count // 2
        inside = jnp.logical_and(v >= left, v < left + 1)
        slope = slope + jnp.where(inside, knots[j + 1] - knots[j], 0.0)
    every = layers.knot_stride(u.shape[0])
    sample = g[::every] * float(every)
    d_knots = jnp.stack([jnp.sum(sample * hat, axis=0) for _, hat in _hats(v[::every], count)])
    return g * slope * _pace(knots, span), d_knots


kan.defvjp(_kan_fwd, _kan_bwd)


def _first_knots(config: VariantConfig) -> nn.initializers.Initializer:
    """Every learned function starts as SiLU, or as half of ReLU^2, on its grid."""
    u = np.linspace(-config.span, config.span, config.knots)
    start = u / (1 + np.exp(-u)) if config.start == "silu" else np.maximum(u, 0) ** 2 / 2
    return lambda key, shape: jnp.asarray(np.repeat(start[:, None], shape[1], axis=1), jnp.float32)


class Mlp(nn.Module):
    """The hidden layer of a block in one of its forms; all end in int8 activations and one product.

    What learned functions read is rounded to the 255 places of their table, as in the shipped unit; silu and relu^2 read float
    sums, which favours them a little. ReLU^2 (So et al. 2021, section 4.1) is halved to fit the int8 grid of activations.
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
        elif c.mlp == "relu2":
            f = 0.5 * jnp.square(nn.relu(u))
        else:
            f = self._learned(u)
        w_out = self.param("w_out", lm.fan_in(0.5), (c.hidden, c.width))
        return layers.dense(layers.quantise(f * v[0] if v else f, layers.GLU_STEP), w_out)

    def _learned(self, u: jax.Array) -> jax.Array:
        c = self.config
        knots = self.param("knots", _first_knots(c), (c.knots, c.hidden // c.kan_group))
        u = layers.quantise(u, c.span * layers.KAN_STEP / SPAN)
        return kan(u.reshape(-1, c.hidden), jnp.repeat(knots, c.kan_group, axis=1), c.span).reshape(
            u.shape
        )


def _decay_start(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """log A for A from 1 to 16, the range of Mamba-2's initial values, evenly over the heads."""
    del key
    return jnp.log(jnp.linspace(1.0, 16.0, shape[0]))


def _step_bias(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Inverse softplus of steps from 0.001 to 0.1, Mamba-2's range: with A, memories of about 1,000 to 1 bytes."""
    del key
    return jnp.asarray(np.log(np.expm1(np.geomspace(0.001, 0.1, shape[0]))), jnp.float32)


class SsdMixer(nn.Module):
    """Mamba-2's mixer: H_t = exp(-A s_t) H_{t-1} + s_t x_t B_t^T a head, y_t = H_t C_t + D x_t, output norm(y * silu(z)) W.

    Dao & Gu 2024, sections 6 and 7: one scalar decay a head and step, B and C shared by all heads, the step s_t a softplus, a
    short convolution and silu over x, B and C. Departures: the convolution is this repository's (the input itself plus learned
    taps over the past, zero at the start), A and s start on even grids instead of random draws, the norm has no gain (it
    folds into the next weights).
    """

    config: VariantConfig

    @nn.compact
    def __call__(
        self, x: jax.Array, h0: jax.Array, past: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """x (t, b, d), h0 (b, h p n), past (k, b, w + 2 n) -> update (t, b, d) of the residual stream, next h0, next past."""
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
    """Logits (nats) of the next byte after each byte read: ``lm.ByteLM`` with other blocks, or without n-gram tables."""

    def setup(self) -> None:
        """The blocks, and what surrounds them; parameters have the names they have in ``lm.ByteLM``."""
        c = self.config
        if c.tables:
            super().setup()
        else:
            self.embed = self.param("embed", nn.initializers.normal(0.5), (VOCABULARY, c.width))
            self.head = self.param("head", lm.fan_in(0.5), (c.width, VOCABULARY))
            self.head_bias = self.param("head_bias", nn.initializers.zeros, (VOCABULARY,))
        mixer: Any = SsdMixer if c.mixer == "ssd" else lm.Mixer
        mlp: Any = lm.KanLayer if c.shipped_mlp else Mlp
        self.mixers = [mixer(c, name=f"mixer_{i}") for i in range(c.layers)]
        self.mlps = [mlp(c, name=f"mlp_{i}") for i in range(c.layers)]

    def enter(
        self, tokens: jax.Array, low: jax.Array, high: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """As ``lm.Ends.enter``; without tables the second array is empty."""
        if self.config.tables:
            return super().enter(tokens, low, high)
        return layers.quantise(self.embed[tokens.astype(jnp.int32)], layers.EMBED_STEP), jnp.zeros(
            (*tokens.shape, 0)
        )

    def leave(self, x: jax.Array, e: jax.Array) -> jax.Array:
        """As ``lm.Ends.leave``."""
        if self.config.tables:
            return super().leave(x, e)
        return layers.dense(layers.normalise(x), self.head) + self.head_bias


def initial_state(config: VariantConfig, lanes: int) -> State:
    """The state before the first byte: all zeros. Lanes are the last axis but one, SSD's state is flat: (l, b, h p n)."""
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
