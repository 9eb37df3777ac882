"""The transformer of our network's size: attention replaces the recurrence, SwiGLU the KAN gate.

Everything else is shared with our network (n-gram embeddings, norms, int8 weights simulated in
training, embeddings and head, the optimiser), so that a difference in bits/char is one of the
blocks. Attention is causal, with rotary positions (Su et al. 2021, section 3.4), over the last
``context`` bytes. Keys and values of a window are carried to the next one without gradient, as in
Transformer-XL (Dai et al. 2019, section 3.2), so every byte is predicted with a full context, in
training as in coding.

One parameter tree serves two functions, which a test compares: ``sequence`` reads whole windows, in
training, and ``step`` reads one byte of each lane, in coding, with a ring of keys and values. The
arithmetic is float, so a file coded with it decodes on the same machine only.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint

from models.integer.config import MAX_LAYERS, MAX_SIZE, ByteShape
from models.network import layers, lm


@dataclasses.dataclass(frozen=True)
class TransformerConfig(ByteShape):
    """Shape of the transformer. Raises ValueError where a size is out of the network's limits.

    Axis letters are those of ``models.integer.config``, with ``c`` for the bytes of the context and
    ``a`` for the entries of a head.
    """

    width: int
    layers: int
    heads: int
    hidden: int
    context: int
    table_dim: int
    tables: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        wide = dict.fromkeys(("width", "heads", "hidden", "context", "table_dim"), MAX_SIZE)
        self.check_limits(**wide, layers=MAX_LAYERS)
        if self.width % (2 * self.heads):
            raise ValueError(
                "heads must divide the width into even parts: rotary positions turn pairs"
            )

    def parameters(self) -> int:
        """The number of learned numbers, tables included."""
        d, m = self.width, self.hidden
        return self.layers * (4 * d * d + 3 * d * m) + self.outer_parameters()


PRESETS: dict[str, TransformerConfig] = {
    "transformer-nano": TransformerConfig(32, 2, 2, 32, 16, 4, ((2, 8), (3, 10))),
    "transformer": TransformerConfig(320, 3, 5, 384, 256, 8, ((2, 13), (3, 15), (4, 16), (5, 16))),
}
"""Shapes by name.

``transformer`` has the size of ``small``, 3.9 million parameters. ``transformer-nano`` has that of
``nano``, for tests.
"""

QUERY_BLOCK = 128
"""Queries that share a range of keys in training.

Each sees ``context`` of the ``context + QUERY_BLOCK`` keys whose scores are computed.
"""

AttentionOutput = tuple[jax.Array, jax.Array, jax.Array]
"""Update of the residual stream, next keys, next values."""


class State(NamedTuple):
    """What lanes remember between windows.

    Keys, not rotated, and values are (l, c, b, d), the latest last. ``filled``, the number of them
    that are set, and the two words of the byte history are (b,).
    """

    keys: jax.Array
    values: jax.Array
    filled: jax.Array
    low: jax.Array
    high: jax.Array


class Cache(NamedTuple):
    """What lanes remember between bytes.

    Rings of rotated keys and of values, (b, h, c, a) for each layer, and the two words of the byte
    history, (b,).
    """

    keys: tuple[jax.Array, ...]
    values: tuple[jax.Array, ...]
    low: jax.Array
    high: jax.Array


def initial_state(config: TransformerConfig, lanes: int) -> State:
    """The state before the first byte: empty."""
    shape = (config.layers, config.context, lanes, config.width)
    keys, values = (jnp.zeros(shape, jnp.bfloat16) for _ in range(2))
    low, high = (jnp.zeros(lanes, jnp.uint32) for _ in range(2))
    return State(keys, values, jnp.zeros(lanes, jnp.int32), low, high)


def initial_cache(config: TransformerConfig, lanes: int) -> Cache:
    """The cache before the first byte: empty.

    It is float32. bfloat16 would halve it, but XLA's CPU backend reads that at half the speed: 21
    instead of 10 ms for a product of 512 lanes on two cores.
    """
    shape = (lanes, config.heads, config.context, config.width // config.heads)
    keys, values = (tuple(jnp.zeros(shape) for _ in range(config.layers)) for _ in range(2))
    return Cache(keys, values, jnp.zeros(lanes, jnp.uint32), jnp.zeros(lanes, jnp.uint32))


def rotate(x: jax.Array, position: jax.Array) -> jax.Array:
    """Rotates the pairs (x_i, x_{i + a/2}) of each head by the angle position * 10000^(-2i/a).

    x is (t, ..., a) and position (t,).
    """
    half = x.shape[-1] // 2
    angle = position[:, None] * 10000.0 ** (-jnp.arange(half) / half)
    angle = angle.reshape(angle.shape[0], *(1,) * (x.ndim - 2), half)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    first, second = x[..., :half], x[..., half:]
    return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def _heads(x: jax.Array, heads: int) -> jax.Array:
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)


def _product(spec: str, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.einsum(spec, x, y, preferred_element_type=jnp.float32)


@jax.custom_vjp
def attend(q: jax.Array, k: jax.Array, v: jax.Array, bias: jax.Array) -> jax.Array:
    """Softmax attention of q (b, h, t, a) over k and v (b, h, s, a); returns (b, h, t, a).

    The bias (b, 1, t, s) is 0, or a large negative number where a key is not seen. Operands are
    bfloat16 and sums float32, backward too, and transposed arrays are laid out anew. Forward and
    backward take 55 ms instead of the 147 ms of what XLA derives, on two cores with 32 lanes, 5
    heads of 64, 128 queries and 384 keys.
    """
    return _attend_fwd(q, k, v, bias)[0]


def _attend_fwd(
    q: jax.Array, k: jax.Array, v: jax.Array, bias: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    q, k, v = (x.astype(jnp.bfloat16) for x in (q, k, v))
    scores = _product("bhta,bhsa->bhts", q, k) * q.shape[-1] ** -0.5
    share = jax.nn.softmax(scores + bias).astype(jnp.bfloat16)
    return _product("bhts,bhsa->bhta", share, v), (q, k, v, share)


def _attend_bwd(
    res: tuple[jax.Array, ...], g: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array, None]:
    q, k, v, share = res
    g = g.astype(jnp.bfloat16)
    d_share = _product("bhta,bhsa->bhts", g, v)
    inner = jnp.sum(d_share * share, axis=-1, keepdims=True)
    d_scores = (share * (d_share - inner) * q.shape[-1] ** -0.5).astype(jnp.bfloat16)
    d_q = _product("bhts,bhsa->bhta", d_scores, k)
    return (
        d_q,
        _product("bhst,bhta->bhsa", _transposed(d_scores), q),
        _product("bhst,bhta->bhsa", _transposed(share), g),
        None,
    )


def _transposed(x: jax.Array) -> jax.Array:
    """x with its last two axes swapped in memory too, for the fast product of XLA's CPU backend."""
    return with_layout_constraint(jnp.swapaxes(x, 2, 3), Layout(major_to_minor=(0, 1, 2, 3)))


attend.defvjp(_attend_fwd, _attend_bwd)


def _heads_first(x: jax.Array) -> jax.Array:
    """(t, b, h, a) -> (b, h, t, a)."""
    return jnp.transpose(x, (1, 2, 0, 3))


class Attention(nn.Module):
    """Multi-head causal attention over the last ``context`` bytes, with rotary positions."""

    config: TransformerConfig

    def setup(self) -> None:
        """The weights of the two products."""
        d = self.config.width
        self.w_in = self.param("w_in", lm.fan_in(), (d, 3 * d))
        self.w_out = self.param("w_out", lm.fan_in(0.5), (d, d))

    def __call__(
        self, x: jax.Array, keys: jax.Array, values: jax.Array, filled: jax.Array
    ) -> AttentionOutput:
        """x (t, b, d), filled (b,), keys and values (c, b, d) of the window before.

        Returns the update (t, b, d) of the residual stream, next keys and next values.
        """
        c, h, steps = self.config.context, self.config.heads, x.shape[0]
        q, k, v = jnp.split(layers.dense(layers.normalise(x), self.w_in), 3, axis=-1)
        k = jnp.concatenate([keys.astype(k.dtype), k])
        v = jnp.concatenate([values.astype(v.dtype), v])
        positions = jnp.arange(c + steps)
        queries = _heads_first(rotate(_heads(q, h), positions[c:]))
        rotated, by_head = _heads_first(rotate(_heads(k, h), positions)), _heads_first(_heads(v, h))
        first = (c - filled)[:, None, None]
        blocks = []
        for start in range(0, steps, QUERY_BLOCK):
            stop = min(start + QUERY_BLOCK, steps)
            of_query = positions[None, c + start : c + stop, None]
            of_key = positions[None, None, start : c + stop]
            seen = (of_key <= of_query) & (of_key > of_query - c) & (of_key >= first)
            bias = jnp.where(seen, 0.0, -1e9)[:, None]
            within = slice(start, c + stop)
            blocks.append(
                attend(
                    queries[:, :, start:stop], rotated[:, :, within], by_head[:, :, within], bias
                )
            )
        y = jnp.transpose(jnp.concatenate(blocks, axis=2), (2, 0, 1, 3)).reshape(x.shape)
        update = layers.dense(layers.quantise(y, layers.MIX_STEP), self.w_out)
        return update, k[steps:].astype(keys.dtype), v[steps:].astype(values.dtype)

    def step(
        self, x: jax.Array, keys: jax.Array, values: jax.Array, position: jax.Array
    ) -> AttentionOutput:
        """x (1, b, d) at a scalar position, rings of keys and values (b, h, c, a).

        Returns the update (1, b, d) of the residual stream and the next rings.
        """
        c, h = self.config.context, self.config.heads
        q, k, v = jnp.split(layers.dense(layers.normalise(x), self.w_in), 3, axis=-1)
        q, k = (rotate(_heads(part, h), position[None])[0] for part in (q, k))
        slot = position % c
        keys = keys.at[:, :, slot].set(k.astype(keys.dtype))
        values = values.at[:, :, slot].set(_heads(v, h)[0].astype(values.dtype))
        scores = _product("bha,bhca->bhc", q.astype(keys.dtype), keys)
        seen = jnp.arange(c) <= position
        share = jax.nn.softmax(jnp.where(seen, scores * q.shape[-1] ** -0.5, -1e9))
        y = _product("bhc,bhca->bha", share.astype(values.dtype), values).reshape(x.shape)
        update = layers.dense(layers.quantise(y, layers.MIX_STEP), self.w_out)
        return update, keys, values


class SwiGlu(nn.Module):
    """The gated unit (silu(u) * v) W (Shazeer 2020)."""

    config: TransformerConfig

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x (t, b, d) -> update (t, b, d) of the residual stream."""
        c = self.config
        w_in = self.param("w_in", lm.fan_in(), (c.width, 2 * c.hidden))
        w_out = self.param("w_out", lm.fan_in(0.5), (c.hidden, c.width))
        u, v = jnp.split(layers.dense(layers.normalise(x), w_in), 2, axis=-1)
        return layers.dense(layers.quantise(nn.silu(u) * v, layers.GLU_STEP), w_out)


class Transformer(lm.EmbeddingAndHead):
    """A network that gives logits, in nats, of the next byte after each byte."""

    def setup(self) -> None:
        """The blocks, beside the embeddings and the head."""
        super().setup()
        c = self.config
        self.attentions = [Attention(c, name=f"attention_{i}") for i in range(c.layers)]
        self.mlps = [SwiGlu(c, name=f"mlp_{i}") for i in range(c.layers)]

    def __call__(self, tokens: jax.Array, state: State) -> tuple[jax.Array, State]:
        """tokens (t, b) uint8 -> logits (t, b, 256) in nats and the state after the window."""
        low, high = lm.histories(tokens, state.low, state.high)
        x, e = self.embed(tokens, low, high)
        keys, values = [], []
        for i in range(self.config.layers):
            update, k, v = self.attentions[i](x, state.keys[i], state.values[i], state.filled)
            x = x + update
            x = x + self.mlps[i](x)
            keys.append(k)
            values.append(v)
        filled = jnp.minimum(state.filled + tokens.shape[0], self.config.context)
        return self.logits(x, e), State(
            jnp.stack(keys), jnp.stack(values), filled, low[-1], high[-1]
        )

    def step(self, tokens: jax.Array, cache: Cache, position: jax.Array) -> tuple[jax.Array, Cache]:
        """One byte of each lane: tokens (b,) uint8 -> logits (b, 256) in nats, next cache.

        Every lane is at the same position.
        """
        low, high = lm.histories(tokens[None], cache.low, cache.high)
        x, e = self.embed(tokens[None], low, high)
        keys, values = [], []
        for i in range(self.config.layers):
            update, k, v = self.attentions[i].step(x, cache.keys[i], cache.values[i], position)
            x = x + update
            x = x + self.mlps[i](x)
            keys.append(k)
            values.append(v)
        return self.logits(x, e)[0], Cache(tuple(keys), tuple(values), low[0], high[0])


def sequence(
    config: TransformerConfig, params: lm.Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """A window of each lane: tokens (t, b) uint8 -> logits (t, b, 256) in nats, next state."""
    return cast(
        "tuple[jax.Array, State]", Transformer(config).apply({"params": params}, tokens, state)
    )


def step(
    config: TransformerConfig,
    params: lm.Params,
    tokens: jax.Array,
    cache: Cache,
    position: jax.Array,
) -> tuple[jax.Array, Cache]:
    """One byte of each lane: tokens (b,) uint8 -> logits (b, 256) in nats, next cache.

    The position is a scalar, the same for all lanes.
    """
    output = Transformer(config).apply({"params": params}, tokens, cache, position, method="step")
    return cast("tuple[jax.Array, Cache]", output)


def initialise(config: TransformerConfig, seed: int) -> lm.Params:
    """A fresh parameter tree, drawn with this seed."""
    tokens, state = jnp.zeros((1, 1), jnp.uint8), initial_state(config, 1)
    return Transformer(config).init(jax.random.key(seed), tokens, state)["params"]
