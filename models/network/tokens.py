"""The network over tokens in the place of bytes: the blocks of ``models.network.lm`` and their kin.

Nothing here is shipped or coded: it is a rung of the decode ladder. What differs from the byte
network is around the blocks. A vocabulary of thousands would take more parameters than a small
network has, so a token's embedding has few entries, which a product widens to the residual stream
(Lan et al. 2020, section 3.1), and the head reads the same embeddings (Press & Wolf 2017). Tables
are of hashed token n-grams. The functions are those of ``models.network.lm``.
"""

from __future__ import annotations

import dataclasses
from typing import cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.experimental.layout import Layout, with_layout_constraint

from models.integer.config import (
    GATED,
    KNOTS,
    MAX_LAYERS,
    MAX_SIZE,
    MAX_TAPS,
    MLPS,
    ByteShape,
    ModelConfig,
)
from models.integer.ngram import context_index
from models.network import layers, lm
from models.network.lm import Params, State
from models.network.variants import matched

ORDERS = range(2, 5)
"""Orders that a table can have: a history holds four tokens, each as two of its eight bytes."""
MAX_VOCABULARY = 1 << 16
WIDTH_STEP = 8
"""Widths that ``equal`` tries are multiples of it."""


@dataclasses.dataclass(frozen=True)
class TokenConfig(ByteShape):
    """``ModelConfig``'s shape over tokens. Raises ValueError where a size is out of its limits.

    Axis letters are those of ``ModelConfig``, with ``v`` for the vocabulary and ``r`` for the
    entries of a token's embedding.
    """

    width: int
    layers: int
    state: int
    hidden: int
    taps: int
    table_dim: int
    tables: tuple[tuple[int, int], ...]
    """(order in tokens, log2 of the buckets) of each hashed n-gram table."""
    vocabulary: int
    rank: int
    """Entries of a token's embedding."""
    mlp: str = GATED

    def __post_init__(self) -> None:
        wide = dict.fromkeys(("width", "state", "hidden", "table_dim", "rank"), MAX_SIZE)
        if self.mlp not in MLPS:
            raise ValueError(f"mlp must be one of {', '.join(MLPS)}, not {self.mlp!r}")
        self.check_limits(**wide, layers=MAX_LAYERS, taps=MAX_TAPS, vocabulary=MAX_VOCABULARY)
        if wrong := [order for order, _ in self.tables if order not in ORDERS]:
            raise ValueError(f"orders of tokens are 2 to 4, not {wrong}")

    @property
    def branches(self) -> int:
        """Products of width m that lead into the wide layer."""
        return 2 if self.mlp == GATED else 1

    def outer_parameters(self) -> int:
        """The number of learned numbers around the blocks: embeddings, tables and head."""
        v, r = self.vocabulary, self.rank
        from_ngrams = (self.width + r) * self.ngram_width + self.table_parameters()
        return v * r + v + self._turns() + from_ngrams

    def _turns(self) -> int:
        """Weights between the residual stream and the entries of an embedding, both ways."""
        return 2 * self.width * self.rank

    def _products(self) -> int:
        """Weights of the products of all blocks."""
        d, w, m = self.width, self.state, self.hidden
        return self.layers * (4 * d * w + (self.branches + 1) * d * m)

    def parameters(self) -> int:
        """The number of learned numbers, tables included."""
        mixer, mlp = (self.taps + 1) * self.state, KNOTS * self.hidden
        return self._products() + self.layers * (mixer + mlp) + self.outer_parameters()

    def multiply_adds(self) -> int:
        """Multiply-adds of all products for one token."""
        around = (self.width + self.rank) * self.ngram_width + self._turns()
        return self._products() + around + self.rank * self.vocabulary


def equal(
    base: ModelConfig, tables: tuple[tuple[int, int], ...], vocabulary: int, rank: int
) -> TokenConfig:
    """The network over tokens with as many parameters as a byte network, up to 1 %.

    Layers, taps and the ratios of width, state and hidden are the byte network's, width and hidden
    shrink by what the vocabulary takes. Raises ValueError where nothing would be left of them, or
    where the tables have not as many numbers as the byte network's.
    """
    target = base.parameters()

    def narrowed(width: int) -> TokenConfig:
        state, hidden = (size * width // base.width for size in (base.state, base.hidden))
        fields = (width, base.layers, state, hidden, base.taps, base.table_dim, tables)
        return TokenConfig(*fields, vocabulary, rank, base.mlp)

    def distance(shape: TokenConfig) -> int:
        return abs(shape.parameters() - target)

    widths = range(WIDTH_STEP, base.width + WIDTH_STEP, WIDTH_STEP)
    shape = matched(min(map(narrowed, widths), key=distance), target)
    if shape.table_parameters() != base.table_parameters():
        raise ValueError(f"the tables {tables} are not as large as the byte network's")
    return shape


class TokenLM(lm.Stack):
    """The byte network's blocks with tokens before and after them."""

    def setup(self) -> None:
        """Every learned array."""
        c = self.config
        e, r = c.ngram_width, c.rank
        self.embedding = self.param("embed", lm.EMBEDDING, (c.vocabulary, r))
        self.tables = [
            self.param(f"table_{order}", nn.initializers.normal(0.1), (1 << bits, c.table_dim))
            for order, bits in c.tables
        ]
        self.w_embed = self.param("w_embed", lm.fan_in(2.0), (r, c.width))
        self.w_ngram = self.param("w_ngram", lm.fan_in(2.0), (e, c.width))
        self.head = self.param("head", lm.fan_in(), (c.width, r))
        self.head_ngram = self.param("head_ngram", lm.fan_in(), (e, r))
        self.head_bias = self.param("head_bias", nn.initializers.zeros, (c.vocabulary,))
        self.mixers = [lm.Mixer(c, name=f"mixer_{i}") for i in range(c.layers)]
        self.mlps = [lm.KanLayer(c, name=f"mlp_{i}") for i in range(c.layers)]

    def histories(
        self, tokens: jax.Array, low: jax.Array, high: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """As ``lm.histories``, with each token as two bytes of the history."""
        halves = jnp.stack([tokens >> 8, tokens & 255], axis=1).reshape(-1, tokens.shape[1])
        lows, highs = lm.histories(halves, low, high)
        return lows[1::2], highs[1::2]

    def embed(
        self, tokens: jax.Array, low: jax.Array, high: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """As ``lm.EmbeddingAndHead.embed``."""
        grams = [
            table[context_index(low, high, 2 * order, bits)]
            for table, (order, bits) in zip(self.tables, self.config.tables, strict=True)
        ]
        e = layers.quantise(jnp.concatenate(grams, axis=-1), layers.TABLE_STEP)
        x = layers.quantise(self.embedding[tokens.astype(jnp.int32)], layers.EMBED_STEP)
        return layers.dense(x, self.w_embed) + layers.dense(e, self.w_ngram), e

    def logits(self, x: jax.Array, e: jax.Array) -> jax.Array:
        """Logits (t, b, v) in nats, of residual stream and n-gram entries.

        What both make of an embedding is held against every token's, divided by the root of their
        entries.
        """
        meant = layers.dense(layers.normalise(x), self.head) + layers.dense(e, self.head_ngram)
        # Row-major: XLA's CPU backend has no product in bfloat16 with the transpose in place.
        every = with_layout_constraint(self.embedding.T, Layout(major_to_minor=(0, 1)))
        alike = layers.dense(layers.quantise(meant, layers.NORM_STEP), every)
        return alike * self.config.rank**-0.5 + self.head_bias


def initial_state(config: TokenConfig, lanes: int) -> State:
    """The state before the first token: all zeros."""
    return lm.initial_state(cast("ModelConfig", config), lanes)


def sequence(
    config: TokenConfig, params: Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """Whole windows at once: tokens (t, b) uint16 -> logits (t, b, v) in nats, state after them."""
    return cast("tuple[jax.Array, State]", TokenLM(config).apply({"params": params}, tokens, state))


def initialise(config: TokenConfig, seed: int) -> Params:
    """A fresh parameter tree from a seed."""
    tokens = jnp.zeros((1, 1), jnp.uint16)
    return TokenLM(config).init(jax.random.key(seed), tokens, initial_state(config, 1))["params"]
