"""The same-size transformer: our network with attention in the place of the recurrence and SwiGLU in that of the KAN gate.

Everything else is shared with our network (n-gram embeddings, norms, int8 weights simulated in training, the ends, the
optimiser), so that a difference in bits/char is one of the blocks. Causal attention with rotary positions (Su et al. 2021,
section 3.4) over the last ``context`` bytes; the cache of a window is carried to the next one without gradient, as in
Transformer-XL (Dai et al. 2019, section 3.2), so every byte is predicted with a full context, in training as in coding.

Two readings of one parameter tree: ``sequence`` (training) and ``step`` (coding, one byte a lane, a ring of keys and
values); a test binds them. Arithmetic is float: a file coded with it decodes on the same machine only.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint

from models.integer.config import ends_parameters
from models.network import layers, lm


@dataclasses.dataclass(frozen=True)
class TransformerConfig:
    """Shape of the transformer; axis letters as in ``models.integer.config``, with ``c`` for context, ``a`` for a head's entries."""

    width: int
    layers: int
    heads: int
    hidden: int
    context: int
    table_dim: int
    tables: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads):
            raise ValueError(
                "heads must divide the width into even parts: rotary positions turn pairs"
            )

    @property
    def ngram_width(self) -> int:
        """Entries gathered a byte over all tables."""
        return self.table_dim * len(self.tables)

    def parameters(self) -> int:
        """Learned numbers in all, tables included."""
        d, m = self.width, self.hidden
        return self.layers * (4 * d * d + 3 * d * m) + ends_parameters(
            d, self.table_dim, self.tables
        )

    @classmethod
    def from_dict(cls, fields: dict) -> TransformerConfig:
        """Inverse of ``dataclasses.asdict`` after a trip through JSON (lists back to tuples)."""
        return cls(
            **{
                **fields,
                "tables": tuple((int(order), int(bits)) for order, bits in fields["tables"]),
            }
        )


PRESETS: dict[str, TransformerConfig] = {
    "transformer-nano": TransformerConfig(32, 2, 2, 32, 16, 4, ((2, 8), (3, 10))),
    "transformer": TransformerConfig(320, 3, 5, 384, 256, 8, ((2, 13), (3, 15), (4, 16), (5, 16))),
}
"""``transformer``: the twin of ``small``, 3.9 million parameters; ``transformer-nano``: that of ``nano``, for tests."""

QUERY_BLOCK = 128
"""Queries that share one stretch of keys in training: each sees ``context`` keys of ``context + QUERY_BLOCK`` computed."""


Three = tuple[jax.Array, jax.Array, jax.Array]


class State(NamedTuple):
    """What a lane remembers between windows: unrotated keys and values (l, c, b, d), how many are filled, history (b,)."""

    keys: jax.Array
    values: jax.Array
    filled: jax.Array
    low: jax.Array
    high: jax.Array


class Cache(NamedTuple):
    """What a lane remembers between bytes: rings of rotated keys and of values, each a tuple over layers of (b, h, c, a)."""

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

    In float32, though bfloat16 would halve it: XLA's CPU backend then reads it twice as slowly (21 against 10 ms a product of
    512 lanes, 2 cores).
    """
    shape = (lanes, config.heads, config.context, config.width // config.heads)
    keys, values = (tuple(jnp.zeros(shape) for _ in range(config.layers)) for _ in range(2))
    return Cache(keys, values, jnp.zeros(lanes, jnp.uint32), jnp.zeros(lanes, jnp.uint32))


def rotate(x: jax.Array, position: jax.Array) -> jax.Array:
    """Turns the pairs (x_i, x_{i + a/2}) of each head by position * 10000^(-2i/a); x (t, ..., a), position (t,)."""
    half = x.shape[-1] // 2
    angle = position[:, None] * 10000.0 ** (-jnp.arange(half) / half)
    angle = angle.reshape(angle.shape[0], *(1,) * (x.ndim - 2), half)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    one, two = x[..., :half], x[..., half:]
    return jnp.concatenate([one * cos - two * sin, one * sin + two * cos], axis=-1)


def _heads(x: jax.Array, heads: int) -> jax.Array:
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads)


def _product(spec: str, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.einsum(spec, x, y, preferred_element_type=jnp.float32)


@jax.custom_vjp
def attend(q: jax.Array, k: jax.Array, v: jax.Array, bias: jax.Array) -> jax.Array:
    """Softmax attention of q (b, h, t, a) over k, v (b, h, s, a); bias (b, 1, t, s) is 0 or very small; (b, h, t, a).

    bfloat16 operands and float32 sums, backward too, with transposes laid out anew: 55 against 147 ms forward and backward of
    what XLA derives, on two cores (32 lanes, 5 heads of 64, 128 queries, 384 keys).
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
        _product("bhst,bhta->bhsa", _turn(d_scores), q),
        _product("bhst,bhta->bhsa", _turn(share), g),
        None,
    )


def _turn(x: jax.Array) -> jax.Array:
    """The last two axes swapped, in memory too: XLA's CPU backend reaches its fast product then."""
    return with_layout_constraint(jnp.swapaxes(x, 2, 3), Layout(major_to_minor=(0, 1, 2, 3)))


attend.defvjp(_attend_fwd, _attend_bwd)


def _heads_first(x: jax.Array) -> jax.Array:
    """(t, b, h, a) -> (b, h, t, a)."""
    return jnp.transpose(x, (1, 2, 0, 3))


class Attention(nn.Module):
    """Multi-head causal attention over the last ``context`` bytes, rotary positions."""

    config: TransformerConfig

    def setup(self) -> None:
        """The two products."""
        d = self.config.width
        self.w_in = self.param("w_in", lm.fan_in(), (d, 3 * d))
        self.w_out = self.param("w_out", lm.fan_in(0.5), (d, d))

    def __call__(
        self, x: jax.Array, keys: jax.Array, values: jax.Array, filled: jax.Array
    ) -> Three:
        """x (t, b, d), cached keys and values (c, b, d), filled (b,) -> update (t, b, d), next keys, next values."""
        c, steps = self.config.context, x.shape[0]
        q, k, v = jnp.split(layers.dense(layers.normalise(x), self.w_in), 3, axis=-1)
        k, v = (
            jnp.concatenate([keys.astype(k.dtype), k]),
            jnp.concatenate([values.astype(v.dtype), v]),
        )
        place, h = jnp.arange(c + steps), self.config.heads
        turned, split = _heads_first(rotate(_heads(k, h), place)), _heads_first(_heads(v, h))
        q = _heads_first(rotate(_heads(q, h), place[c:]))
        out = []
        for start in range(0, steps, QUERY_BLOCK):
            stop = min(start + QUERY_BLOCK, steps)
            mine, theirs = (
                place[None, c + start : c + stop, None],
                place[None, None, start : c + stop],
            )
            seen = (theirs <= mine) & (theirs > mine - c) & (theirs >= c - filled[:, None, None])
            bias = jnp.where(seen, 0.0, -1e9)[:, None]
            out.append(
                attend(
                    q[:, :, start:stop],
                    turned[:, :, start : c + stop],
                    split[:, :, start : c + stop],
                    bias,
                )
            )
        y = jnp.transpose(jnp.concatenate(out, axis=2), (2, 0, 1, 3)).reshape(x.shape)
        y = layers.quantise(y, layers.MIX_STEP)
        return (
            layers.dense(y, self.w_out),
            k[steps:].astype(keys.dtype),
            v[steps:].astype(values.dtype),
        )

    def step(self, x: jax.Array, keys: jax.Array, values: jax.Array, position: jax.Array) -> Three:
        """x (1, b, d) at the scalar position, rings (b, h, c, a) -> update (1, b, d), next rings."""
        c, h = self.config.context, self.config.heads
        q, k, v = jnp.split(layers.dense(layers.normalise(x), self.w_in), 3, axis=-1)
        q, k = (rotate(_heads(part, h), position[None])[0] for part in (q, k))
        slot = position % c
        keys = keys.at[:, :, slot].set(k.astype(keys.dtype))
        values = values.at[:, :, slot].set(_heads(v, h)[0].astype(values.dtype))
        scores = _product("bha,bhca->bhc", q.astype(keys.dtype), keys)
        seen = jnp.arange(c) <= position
        share = jax.nn.softmax(jnp.where(seen, scores * q.shape[-1] ** -0.5, -1e9)).astype(
            values.dtype
        )
        y = _product("bhc,bhca->bha", share, values)
        return (
            layers.dense(layers.quantise(y.reshape(x.shape), layers.MIX_STEP), self.w_out),
            keys,
            values,
        )


class SwiGlu(nn.Module):
    """(silu(u) * v) W (Shazeer 2020)."""

    config: TransformerConfig

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """x (t, b, d) -> update (t, b, d) of the residual stream."""
        c = self.config
        w_in = self.param("w_in", lm.fan_in(), (c.width, 2 * c.hidden))
        w_out = self.param("w_out", lm.fan_in(0.5), (c.hidden, c.width))
        u, v = jnp.split(layers.dense(layers.normalise(x), w_in), 2, axis=-1)
        return layers.dense(layers.quantise(nn.silu(u) * v, layers.GLU_STEP), w_out)


class Transformer(lm.Ends):
    """Logits (nats) of the next byte after each byte read."""

    def setup(self) -> None:
        """The blocks, and what surrounds them."""
        super().setup()
        c = self.config
        self.attentions = [Attention(c, name=f"attention_{i}") for i in range(c.layers)]
        self.mlps = [SwiGlu(c, name=f"mlp_{i}") for i in range(c.layers)]

    def __call__(self, tokens: jax.Array, state: State) -> tuple[jax.Array, State]:
        """tokens (t, b) uint8 -> logits (t, b, 256) in nats and the state after the window."""
        low, high = lm.histories(tokens, state.low, state.high)
        x, e = self.enter(tokens, low, high)
        keys, values = [], []
        for i in range(self.config.layers):
            update, k, v = self.attentions[i](x, state.keys[i], state.values[i], state.filled)
            x = x + update
            x = x + self.mlps[i](x)
            keys.append(k)
            values.append(v)
        filled = jnp.minimum(state.filled + tokens.shape[0], self.config.context)
        return self.leave(x, e), State(
            jnp.stack(keys), jnp.stack(values), filled, low[-1], high[-1]
        )

    def step(self, tokens: jax.Array, cache: Cache, position: jax.Array) -> tuple[jax.Array, Cache]:
        """One byte a lane: tokens (b,) -> logits (b, 256) in nats, cache after it; every lane is at the same position."""
        low, high = lm.histories(tokens[None], cache.low, cache.high)
        x, e = self.enter(tokens[None], low, high)
        keys, values = [], []
        for i in range(self.config.layers):
            update, k, v = self.attentions[i].step(x, cache.keys[i], cache.values[i], position)
            x = x + update
            x = x + self.mlps[i](x)
            keys.append(k)
            values.append(v)
        return self.leave(x, e)[0], Cache(tuple(keys), tuple(values), low[0], high[0])


def sequence(
    config: TransformerConfig, params: lm.Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """Whole windows at once: tokens (t, b) -> logits (t, b, 256) in nats, state after them."""
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
    """One byte a lane, all lanes at the scalar position: tokens (b,) -> logits (b, 256) in nats, cache after it."""
    found = Transformer(config).apply({"params": params}, tokens, cache, position, method="step")
    return cast("tuple[jax.Array, Cache]", found)


def initialise(config: TransformerConfig, seed: int) -> lm.Params:
    """A fresh parameter tree from a seed."""
    tokens = jnp.zeros((1, 1), jnp.uint8)
    return Transformer(config).init(jax.random.key(seed), tokens, initial_state(config, 1))[
        "params"
    ]
