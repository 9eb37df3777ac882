"""The byte language model: hashed n-gram embeddings, gated diagonal state-space blocks, KAN layers.

One parameter tree serves two functions, which a test compares: ``sequence`` reads whole windows, in
training, and ``step`` one byte of each lane. Departures from published blocks are said where they
occur.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from models.integer.config import GATED, KNOTS, PLAIN, VOCABULARY, ModelConfig
from models.integer.ngram import context_index, push
from models.network import layers

Params: TypeAlias = dict[str, Any]
"""A tree of learned arrays by the names of their modules."""


class State(NamedTuple):
    """What the lanes remember."""

    h: jax.Array
    """Recurrent state, (l, b, w)."""
    past: jax.Array
    """The last inputs of the short convolutions, oldest first, (l, k, b, w)."""
    low: jax.Array
    """The last four bytes, the newest in bits 0 to 7, (b,) uint32."""
    high: jax.Array
    """The four bytes before those, (b,) uint32."""


def initial_state(config: ModelConfig, lanes: int) -> State:
    """The state before the first byte: all zeros."""
    shape = (lanes, config.state)
    return State(
        jnp.zeros((config.layers, *shape)),
        jnp.zeros((config.layers, config.taps, *shape)),
        jnp.zeros(lanes, jnp.uint32),
        jnp.zeros(lanes, jnp.uint32),
    )


def _gate_bias(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Inverse quadratic sigmoid of write rates k, evenly spaced in their logarithm, in [1/24, 0.7].

    These are memories of about 1 to 600 bytes.
    """
    del key
    rate = np.geomspace(1 / 24, 0.7, shape[0])
    low = np.sqrt(2 * rate) - 1
    high = 1 - np.sqrt(np.maximum(0, 2 - 2 * rate))
    return jnp.asarray(np.where(rate < 0.5, low, high) * layers.GATE_SPAN, jnp.float32)


SILU, RELU2 = "silu", "relu2"
STARTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    SILU: lambda u: u / (1 + np.exp(-u)),
    RELU2: lambda u: np.maximum(u, 0) ** 2 / 2,
}
"""What learned functions can be before training."""
FIRST_START = {GATED: SILU, PLAIN: RELU2}
"""What they are, by the kind of the wide layer."""


def first_knots(start: str, span: float = layers.KAN_SPAN) -> nn.initializers.Initializer:
    """An initialiser of knots (k, m): the same function in every channel, on [-span, span].

    SILU makes training start as SwiGLU (Shazeer 2020); RELU2 is relu(u)^2 / 2 (So et al. 2021,
    section 4.1; halved to fit the int8 grid).
    """

    def knots(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        del key
        function = STARTS[start](np.linspace(-span, span, shape[0]))
        return jnp.asarray(np.repeat(function[:, None], shape[1], axis=1), jnp.float32)

    return knots


def fan_in(scale: float = 1.0) -> nn.initializers.Initializer:
    """An initialiser of normal entries with variance scale^2 / inputs."""
    return nn.initializers.variance_scaling(scale**2, "fan_in", "normal")


EMBEDDING = nn.initializers.normal(0.5)
"""The initialiser of byte embeddings."""


class Mixer(nn.Module):
    """Gated diagonal recurrence: h_t = (1 - k_t^2) h_{t-1} + k_t z_t, output (h_t * silu(o_t)) W.

    The RG-LRU of Griffin (De et al. 2024, section 2.4) with two departures that integers like: the
    input-dependent rate k comes from a quadratic sigmoid, and the input gain sqrt(1 - a^2) is
    replaced by k itself, which holds the state's variance between 1/2 and 1 without a square root.
    """

    config: ModelConfig

    @nn.compact
    def __call__(
        self, x: jax.Array, h0: jax.Array, past: jax.Array, count: jax.Array | None = None
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """x (t, b, d), h0 (b, w), past (k, b, w) -> update (t, b, d), next h0, next past.

        The update is that of the residual stream. Where ``count`` (b,) is given, a lane's state
        ends after so many steps, and its updates from there on mean nothing.
        """
        c = self.config
        w_in = self.param("w_in", fan_in(), (c.width, 3 * c.state))
        bias = self.param("gate_bias", _gate_bias, (c.state,))
        taps = self.param("conv_taps", nn.initializers.zeros, (c.taps, c.state))
        w_out = self.param("w_out", fan_in(0.5), (c.state, c.width))
        z, gate, out = jnp.split(layers.dense(layers.normalise(x), w_in), 3, axis=-1)
        rate = layers.quadratic_sigmoid(gate + bias)
        if count is not None:
            rate = jnp.where(jnp.arange(len(x))[:, None, None] < count[:, None], rate, 0.0)
        mixed = jnp.clip(layers.short_convolution(z, past, taps), -8.0, 8.0)
        h = layers.linear_recurrence(1.0 - rate * rate, rate * mixed, h0)
        y = layers.quantise(h * out * layers.quadratic_sigmoid(out), layers.MIX_STEP)
        return layers.dense(y, w_out), h[-1], layers.last_inputs(past, z, count)


class KanLayer(nn.Module):
    """A wide layer of learned functions f_c on a grid, one univariate function a channel.

    They are the gate of a linear unit, (f_c(u) * v) W, or stand alone, f_c(u) W.
    """

    config: ModelConfig

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x (t, b, d) -> update (t, b, d) of the residual stream."""
        c = self.config
        w_in = self.param("w_in", fan_in(), (c.width, c.branches * c.hidden))
        knots = self.param("knots", first_knots(FIRST_START[c.mlp]), (KNOTS, c.hidden))
        w_out = self.param("w_out", fan_in(0.5), (c.hidden, c.width))
        u, *v = jnp.split(layers.dense(layers.normalise(x), w_in), c.branches, axis=-1)
        u = layers.quantise(u, layers.KAN_STEP)
        f = layers.kan(u.reshape(-1, c.hidden), knots).reshape(u.shape)
        return layers.dense(layers.quantise(f * v[0] if v else f, layers.GLU_STEP), w_out)


class EmbeddingAndHead(nn.Module):
    """What surrounds the blocks: byte and hashed n-gram embeddings before, the head after.

    The head makes logits of the residual stream, and also straight of the n-grams. The transformer
    baseline shares this part, so that what differs between the two networks is their blocks alone.
    """

    config: Any
    """A ``ByteShape``; each subclass reads more of its own kind."""

    def setup(self) -> None:
        """Every learned array outside the blocks."""
        c = self.config
        self.embedding = self.param("embed", EMBEDDING, (VOCABULARY, c.width))
        self.tables = [
            self.param(f"table_{order}", nn.initializers.normal(0.1), (1 << bits, c.table_dim))
            for order, bits in c.tables
        ]
        self.w_ngram = self.param("w_ngram", fan_in(2.0), (c.ngram_width, c.width))
        self.head = self.param("head", fan_in(0.5), (self.head_width(), VOCABULARY))
        self.head_ngram = self.param("head_ngram", fan_in(0.5), (c.ngram_width, VOCABULARY))
        self.head_bias = self.param("head_bias", nn.initializers.zeros, (VOCABULARY,))

    def head_width(self) -> int:
        """Of what the head reads."""
        return int(self.config.width)

    def embed(
        self, tokens: jax.Array, low: jax.Array, high: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Residual stream (t, b, d) and n-gram entries (t, b, e) of tokens (t, b).

        ``low`` and ``high`` are the history words after each token, (t, b).
        """
        grams = [
            table[context_index(low, high, order, bits)]
            for table, (order, bits) in zip(self.tables, self.config.tables, strict=True)
        ]
        e = layers.quantise(jnp.concatenate(grams, axis=-1), layers.TABLE_STEP)
        x = layers.quantise(self.embedding[tokens.astype(jnp.int32)], layers.EMBED_STEP)
        return x + layers.dense(e, self.w_ngram), e

    def logits(self, x: jax.Array, e: jax.Array) -> jax.Array:
        """Logits (t, b, 256) in nats, of residual stream and n-gram entries."""
        return (
            layers.dense(layers.normalise(x), self.head)
            + layers.dense(e, self.head_ngram)
            + self.head_bias
        )


def through(
    mixers: Sequence[Any],
    mlps: Sequence[Any],
    x: jax.Array,
    h: jax.Array,
    past: jax.Array,
    *count: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The residual stream x (t, b, d) after all blocks, and the state, which was h and past.

    What mixers take beside is handed to each of them.
    """
    hs, pasts = [], []
    for i, (mixer, mlp) in enumerate(zip(mixers, mlps, strict=True)):
        update, last, inputs = mixer(x, h[i], past[i], *count)
        x = x + update
        x = x + mlp(x)
        hs.append(last)
        pasts.append(inputs)
    return x, jnp.stack(hs), jnp.stack(pasts)


class Stack(EmbeddingAndHead):
    """A network of the blocks that ``setup`` puts into ``mixers`` and ``mlps``."""

    def __call__(self, tokens: jax.Array, state: State) -> tuple[jax.Array, State]:
        """tokens (t, b) uint8 -> logits (t, b, 256) in nats and the state after the window."""
        low, high = self.histories(tokens, state.low, state.high)
        x, e = self.embed(tokens, low, high)
        x, h, past = through(self.mixers, self.mlps, x, state.h, state.past)
        return self.logits(x, e), State(h, past, low[-1], high[-1])

    def histories(
        self, tokens: jax.Array, low: jax.Array, high: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """The two history words after each token, (t, b), from those before the first, (b,)."""
        return histories(tokens, low, high)


class ByteLM(Stack):
    """The shipped network."""

    def setup(self) -> None:
        """The blocks, and what surrounds them."""
        super().setup()
        c = self.config
        self.mixers = [Mixer(c, name=f"mixer_{i}") for i in range(c.layers)]
        self.mlps = [KanLayer(c, name=f"mlp_{i}") for i in range(c.layers)]


def histories(tokens: jax.Array, low: jax.Array, high: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The two history words after each byte, (t, b), from those before the first, (b,)."""

    def step(carry: layers.Pair, byte: jax.Array) -> tuple[layers.Pair, layers.Pair]:
        carry = push(carry[0], carry[1], byte)
        return carry, carry

    return jax.lax.scan(step, (low, high), tokens.astype(jnp.uint32))[1]


def sequence(
    config: ModelConfig, params: Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """Whole windows at once: tokens (t, b) -> logits (t, b, 256) in nats, state after them."""
    return cast("tuple[jax.Array, State]", ByteLM(config).apply({"params": params}, tokens, state))


def step(
    config: ModelConfig, params: Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """One byte a lane: tokens (b,) -> logits (b, 256) in nats, state after it."""
    logits, state = sequence(config, params, tokens[None], state)
    return logits[0], state


def initialise(config: ModelConfig, seed: int) -> Params:
    """A fresh parameter tree from a seed."""
    tokens = jnp.zeros((1, 1), jnp.uint8)
    return ByteLM(config).init(jax.random.key(seed), tokens, initial_state(config, 1))["params"]
