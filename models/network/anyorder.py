"""Eight bytes in any order: what a code pays that decodes whole windows by refining them.

The autoregressive diffusion model of Hoogeboom et al. 2021 (arXiv 2110.02037, ARDM) on windows of
eight bytes. A slow network - the blocks of ``models.network.lm`` - takes one step a window, on the
sum of the entries of the eight bytes before it. Inside the window a small network sees what the
slow one says, the bytes known already at their places and a mask at the others, and predicts all
masked bytes at once, each by itself. It is trained with random masks, and evaluated in 8, 4, 2 or 1
passes of a fixed order: each pass predicts the next 8 / passes bytes, which then are known. That is
an exact code, since both sides know what a pass sees. Nothing here is shipped or coded.

Departures from ARDM:

- The last place of a window is never shown to another: the functions get a text without its last
  byte, so the last window's last byte is unknown. Every order has it last.
- n-gram entries of a place count where all their bytes are known: those before the window, and the
  known ones in it. Elsewhere they are zero, in the head as well.
- Weights of the loss. Of the first seven places m are known, m uniform from 0 to 7, which ones
  uniform as well. A masked one of them weighs 8 / (7 - m), the last place 1, a known one 0. The sum
  over the window then has the mean that a code pays which takes all eight places in a random order,
  one a pass, and never looks at the last one: an unbiased estimate of a bound, as in ARDM.

The weights are in the gradient alone (``weighted``). So what training shows, the mean over all
places whether known or not, is no code length, nor is an evaluation with ``passes`` 0; one with 8,
4, 2 or 1 passes is: ``config.evaluated(8)`` with the same parameters.

Axis letters are those of ``ModelConfig``, with ``n`` for windows and ``p`` for places in a window.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from models.integer.config import VOCABULARY, ByteShape, ModelConfig
from models.network import layers, lm
from models.network.lm import Params

PLACES = 8
"""Bytes of a window."""
SHOWN = PLACES - 1
"""Places that others may see: all but the last."""
BEFORE = 4
"""Bytes before the window that the network inside it sees one by one."""
MASK = VOCABULARY
"""The row of the embedding that stands for a byte not known."""
PASSES = (0, 8, 4, 2, 1)
ORDERS = {
    "coarse": (0, 4, 2, 6, 1, 5, 3, 7),
    "left": (0, 1, 2, 3, 4, 5, 6, 7),
}
"""Places in the order in which passes take them; the last place is last in both.

coarse: bytes of one pass stand as far apart as can be, since what neighbours say of each other is
lost between bytes that are predicted at once. left: from left to right, as a text is usually coded,
so that a byte has all those before its pass to its left, and n-grams of known bytes.
"""
BEST = {0: "coarse", 8: "left", 4: "coarse", 2: "coarse", 1: "coarse"}
"""The order for each number of passes: with a byte a pass nothing is lost between neighbours, and
left to right has the n-grams; with more bytes a pass, bytes far apart lose less. One has no order.
The other way round was worse in a short run (one seed, a megabyte, 0.7 million parameters): 3.91
bits/char against 3.40 in eight passes, 4.05 against 3.93 in four, 4.42 against 4.20 in two."""


@dataclasses.dataclass(frozen=True)
class OrderConfig(ByteShape):
    """Shape of the network. Raises ValueError where sizes do not fit.

    ``passes`` and ``order`` change no parameter: one trained tree serves all of them.
    """

    width: int
    layers: int
    state: int
    hidden: int
    taps: int
    table_dim: int
    tables: tuple[tuple[int, int], ...]
    """As ``ModelConfig``'s, of the slow blocks, which run once a window."""
    seen: int
    """Entries of each byte that the network inside the window sees."""
    inner: int
    """Its hidden units."""
    place: int
    """Width of what it says of a place, and of the layer after that; the head reads this."""
    passes: int = 0
    """0: random masks, to train. 8, 4, 2 or 1: the passes in which a window is evaluated."""
    order: str = "coarse"
    """A key of ``ORDERS``."""

    def __post_init__(self) -> None:
        if self.passes not in PASSES or self.order not in ORDERS:
            raise ValueError(f"passes is one of {PASSES}, order one of {tuple(ORDERS)}")

    @property
    def slow_shape(self) -> ModelConfig:
        """The blocks that run once a window."""
        d, w, m = self.width, self.state, self.hidden
        return ModelConfig(d, self.layers, w, m, self.taps, self.table_dim, self.tables)

    @property
    def place_shape(self) -> ModelConfig:
        """The gated layer that all places share."""
        c = self.place
        return ModelConfig(c, 1, c, c, self.taps, self.table_dim, self.tables)

    def evaluated(self, passes: int) -> OrderConfig:
        """The shape that evaluates the same parameters in so many passes, in their best order."""
        return dataclasses.replace(self, passes=passes, order=BEST[passes])

    def groups(self) -> list[tuple[int, ...]]:
        """The places of each pass."""
        order, size = ORDERS[self.order], PLACES // self.passes
        return [order[start : start + size] for start in range(0, PLACES, size)]

    def parameters(self) -> int:
        """The number of learned numbers, tables included."""
        d, e, q, u, c = self.width, self.ngram_width, self.seen, 2 * self.inner, self.place
        outer = VOCABULARY * d + e * d + self.table_parameters() + (c + e + 1) * VOCABULARY
        slow = self.layers * self.slow_shape.block_parameters()
        inside = (VOCABULARY + 1) * q + (d + e + (BEFORE + SHOWN) * q + 1) * u
        places = (self.inner + 1) * PLACES * c + e * c + _gated_parameters(self.place_shape)
        return outer + slow + inside + places

    def multiply_adds(self) -> float:
        """Multiply-adds a byte in products, those of all passes; 0 passes count as one.

        A pass computes only the places that it predicts, and what does not change between passes is
        computed once.
        """
        d, e, q, u, c = self.width, self.ngram_width, self.seen, 2 * self.inner, self.place
        window = self.layers * self.slow_shape.block_products() + (d + e + BEFORE * q) * u
        one_pass = SHOWN * q * u
        byte = e * d + self.inner * c + e * c + 3 * c * c + (c + e) * VOCABULARY
        return (window + max(1, self.passes) * one_pass) / PLACES + byte

    @classmethod
    def of(cls, base: Any, **changes: Any) -> OrderConfig:
        """The slow blocks and tables of a base shape, a window network in proportion to its width.

        ``base`` is a ``ModelConfig`` or a shape with its fields. ``variants.matched`` then finds
        the hidden width that makes parameters equal.
        """
        names = ("width", "layers", "state", "hidden", "taps", "table_dim", "tables")
        sizes = {"seen": base.width // 6, "inner": base.width * 2 // 3, "place": base.width // 2}
        return cls(**{**{name: getattr(base, name) for name in names}, **sizes, **changes})


def _gated_parameters(shape: ModelConfig) -> int:
    """Of one gated layer: those of the shape less what it has with a hidden width of nothing."""
    twice = dataclasses.replace(shape, hidden=2 * shape.hidden)
    return twice.parameters() - shape.parameters()


class State(NamedTuple):
    """What the lanes remember between windows; lanes are the last axis but one, or the only one."""

    h: jax.Array
    """Of the slow blocks, (l, b, w)."""
    past: jax.Array
    """Last inputs of their convolutions, (l, k, b, w)."""
    low: jax.Array
    """The last four bytes, as in ``lm.State``."""
    high: jax.Array
    patch: jax.Array
    """Sum of the entries of the window's first seven bytes, (b, d); the eighth is read next."""


def initial_state(config: OrderConfig, lanes: int) -> State:
    """The state before the first byte: all zeros."""
    c = config
    return State(
        jnp.zeros((c.layers, lanes, c.state)),
        jnp.zeros((c.layers, c.taps, lanes, c.state)),
        jnp.zeros(lanes, jnp.uint32),
        jnp.zeros(lanes, jnp.uint32),
        jnp.zeros((lanes, c.width)),
    )


@jax.custom_vjp
def weighted(x: jax.Array, weight: jax.Array) -> jax.Array:
    """x itself; its gradient is that of a loss in which each of its parts has this weight."""
    del weight
    return x


def _weighted_fwd(x: jax.Array, weight: jax.Array) -> tuple[jax.Array, jax.Array]:
    return x, weight


def _weighted_bwd(weight: jax.Array, g: jax.Array) -> tuple[jax.Array, None]:
    return g * weight, None


weighted.defvjp(_weighted_fwd, _weighted_bwd)


def text_key(tokens: jax.Array) -> jax.Array:
    """A random key that is a function of the text (t, b): the same for the same batch alone."""
    odd = 2 * jnp.arange(tokens.size, dtype=jnp.uint32) + 1
    mixed = (tokens.reshape(-1).astype(jnp.uint32) + 1) * odd * jnp.uint32(2654435761)
    return jax.random.fold_in(jax.random.key(0), jnp.sum(mixed ^ (mixed >> 15), dtype=jnp.uint32))


def random_masks(key: jax.Array, windows: int, lanes: int) -> tuple[jax.Array, jax.Array]:
    """Which of the first seven places are known, (n, 7, b) bool, and all weights, (n, 8, b).

    The weights are those that the text above gives; their mean is 1.
    """
    first, second = jax.random.split(key)
    count = jax.random.randint(first, (windows, 1, lanes), 0, PLACES)
    draws = jax.random.uniform(second, (windows, SHOWN, lanes))
    rank = jnp.argsort(jnp.argsort(draws, axis=1), axis=1)
    known = rank < count
    share = PLACES / jnp.maximum(SHOWN - count, 1)
    weights = jnp.where(known, 0.0, share)
    return known, jnp.concatenate([weights, jnp.ones((windows, 1, lanes))], axis=1)


class _Windows(NamedTuple):
    """What is known of windows before their first pass, and their bytes."""

    said: jax.Array
    """What does not change between passes of the sum that hidden units read, (n, b, 2 inner)."""
    grams: jax.Array
    """n-gram entries before each place, (n, 8, b, e)."""
    bytes: jax.Array
    """Those at the first seven places, (n, 7, b)."""


class OrderLM(lm.EmbeddingAndHead):
    """The network; embeddings, tables and head are those of ``lm``, the head on ``place``."""

    def setup(self) -> None:
        """The slow blocks, the network inside a window, and what surrounds them."""
        super().setup()
        c = self.config
        d, e, q, u = c.width, c.ngram_width, c.seen, 2 * c.inner
        self.mixers = [lm.Mixer(c.slow_shape, name=f"mixer_{i}") for i in range(c.layers)]
        self.mlps = [lm.KanLayer(c.slow_shape, name=f"mlp_{i}") for i in range(c.layers)]
        self.seen_embedding = self.param("embed_seen", lm.EMBEDDING, (VOCABULARY + 1, q))
        self.w_slow = self.param("w_slow", lm.fan_in(), (d, u))
        self.w_ngram_inner = self.param("w_ngram_inner", lm.fan_in(2.0), (e, u))
        self.w_before = self.param("w_before", lm.fan_in(), (BEFORE * q, u))
        self.w_seen = self.param("w_seen", lm.fan_in(), (SHOWN * q, u))
        self.inner_bias = self.param("inner_bias", nn.initializers.zeros, (u,))
        self.w_places = self.param("w_places", lm.fan_in(), (c.inner, PLACES * c.place))
        self.place_bias = self.param("place_bias", nn.initializers.zeros, (PLACES, c.place))
        self.w_ngram_place = self.param("w_ngram_place", lm.fan_in(2.0), (e, c.place))
        self.place_mlp = lm.KanLayer(c.place_shape, name="place_mlp")

    def head_width(self) -> int:
        """The head reads what is said of a place."""
        return int(self.config.place)

    def __call__(self, tokens: jax.Array, state: State) -> tuple[jax.Array, State]:
        """tokens (t, b) uint8 -> logits (t, b, 256) in nats and the state after the window.

        Raises ValueError where random masks are asked for and t is no multiple of 8. Otherwise a
        last window may be cut short, its missing bytes masked; no text can follow, so the state is
        not a number then.
        """
        count, lanes = tokens.shape
        cut = -count % PLACES
        if cut and not self.config.passes:
            raise ValueError(f"{count} bytes are no multiple of {PLACES}: train on such a window")
        tokens = jnp.pad(tokens, ((0, cut), (0, 0)))
        low, high = lm.histories(tokens, state.low, state.high)
        x, e = self.embed(tokens, low, high)
        patches, patch = _patches(x, state.patch)
        s, h, past = self._slow(patches, state)
        windows = self._windows(s, e, low, tokens)
        if self.config.passes:
            there = PLACES * jnp.arange(len(s))[:, None] + jnp.arange(1, PLACES) < count
            logits = self._by_passes(windows, there[..., None])
        else:
            known, weights = random_masks(text_key(tokens), len(s), lanes)
            logits = weighted(self._pass(windows, known, range(PLACES)), weights[..., None])
        after = State(h if not cut else h * jnp.nan, past, low[-1], high[-1], patch)
        return logits.reshape(-1, lanes, VOCABULARY)[:count], after

    def _slow(self, x: jax.Array, state: State) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Slow steps on patches x (n, b, d): normed residual stream (n, b, d), h and past after."""
        x, h, past = lm.through(self.mixers, self.mlps, x, state.h, state.past)
        return layers.normalise(x), h, past

    def _windows(self, s: jax.Array, e: jax.Array, low: jax.Array, tokens: jax.Array) -> _Windows:
        """Windows of slow steps s (n, b, d), n-gram entries e (t, b, e) and histories (t, b)."""
        count, lanes = len(s), s.shape[1]
        grams = e.reshape(count, PLACES, lanes, -1)
        newest = low.reshape(count, PLACES, lanes)[:, :1]
        shifts = jnp.arange(8 * (BEFORE - 1), -1, -8, dtype=jnp.uint32)[:, None]
        before = (newest >> shifts) & jnp.uint32(255)
        said = (
            layers.dense(s, self.w_slow)
            + layers.dense(grams[:, 0], self.w_ngram_inner)
            + layers.dense(self._look(before), self.w_before)
            + self.inner_bias
        )
        return _Windows(said, grams, tokens.reshape(count, PLACES, lanes)[:, 1:])

    def _look(self, symbols: jax.Array) -> jax.Array:
        """Entries of symbols (n, p, b) side by side, (n, b, p q)."""
        r = layers.quantise(self.seen_embedding[symbols.astype(jnp.int32)], layers.EMBED_STEP)
        return jnp.moveaxis(r, 1, 2).reshape(len(symbols), symbols.shape[2], -1)

    def _pass(self, windows: _Windows, known: jax.Array, places: Sequence[int]) -> jax.Array:
        """Logits (n, p, b, 256) of these places; known (n, 7, b) says which bytes are seen."""
        c, at = self.config, np.array(places)
        symbols = jnp.where(known, windows.bytes.astype(jnp.int32), MASK)
        u, v = jnp.split(windows.said + layers.dense(self._look(symbols), self.w_seen), 2, axis=-1)
        y = layers.quantise(u * layers.quadratic_sigmoid(u) * v, layers.GLU_STEP)
        w = self.w_places.reshape(c.inner, PLACES, c.place)[:, at].reshape(c.inner, -1)
        x = layers.dense(y, w).reshape(*y.shape[:2], len(at), c.place) + self.place_bias[at]
        orders = tuple(order for order, _ in c.tables)
        visible = jnp.repeat(visible_grams(known, orders)[:, at], c.table_dim, axis=-1)
        e = jnp.where(visible, windows.grams[:, at], 0.0)
        x = jnp.moveaxis(x, 2, 1) + layers.dense(e, self.w_ngram_place)
        return self.logits(x + self.place_mlp(x), e)

    def _by_passes(self, windows: _Windows, there: jax.Array) -> jax.Array:
        """Logits (n, 8, b, 256), each of the pass that predicts it.

        ``there`` (n, 7, 1) says which bytes the text has at all.
        """
        done: tuple[int, ...] = ()
        parts = []
        for group in self.config.groups():
            known = there & np.isin(np.arange(SHOWN), done)[:, None]
            parts.append(self._pass(windows, jnp.broadcast_to(known, windows.bytes.shape), group))
            done += group
        return jnp.concatenate(parts, axis=1)[:, np.argsort(ORDERS[self.config.order])]


def _patches(x: jax.Array, before: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Entries x (t, b, d) -> sums of the eight up to each window's first token (n, b, d), the rest.

    Window j is of the bytes after tokens 8 j to 8 j + 7, so the eight end at token 8 j. ``before``
    (b, d) is the sum of the seven before x, the rest that of the last seven of x.
    """
    missing = jnp.zeros((PLACES - 2, *before.shape))
    whole = jnp.concatenate([before[None], missing, x])
    sums = whole[: len(x)].reshape(-1, PLACES, *before.shape).sum(1)
    return sums, whole[len(x) :].sum(0)


def visible_grams(known: jax.Array, orders: Sequence[int]) -> jax.Array:
    """Which n-grams before each place are of known bytes alone, (n, 8, b, orders) bool.

    known (n, 7, b) says which bytes of the window are; those before it all are.
    """
    run = jnp.zeros_like(known[:, 0], jnp.int32)
    rows = []
    for place in range(PLACES):
        rows.append(jnp.stack([run >= min(order, place) for order in orders], axis=-1))
        if place < SHOWN:
            run = jnp.where(known[:, place], run + 1, 0)
    return jnp.stack(rows, axis=1)


def sequence(
    config: OrderConfig, params: Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """Whole windows at once: tokens (t, b) -> logits (t, b, 256) in nats, state after them.

    Windows of eight begin with the bytes that follow tokens 0, 8, 16, so t is a multiple of 8,
    but for the end of a text. Raises ValueError where it is not and masks are random.
    """
    return cast("tuple[jax.Array, State]", OrderLM(config).apply({"params": params}, tokens, state))


def initialise(config: OrderConfig, seed: int) -> Params:
    """A fresh parameter tree from a seed."""
    tokens = jnp.zeros((PLACES, 1), jnp.uint8)
    return OrderLM(config).init(jax.random.key(seed), tokens, initial_state(config, 1))["params"]
