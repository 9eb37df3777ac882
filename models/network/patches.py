"""A slow network once a patch, a fast one every byte: what the ladder of decoding compares.

A patch ends where a rule of the bytes already read says so, so both sides of a code know it. Then
the slow network - the blocks of ``models.network.lm`` - takes one step on the sum of the patch's
entries, and what it says holds until the next patch ends. Every byte in between is predicted by
what is fast: a block of its own (MegaByte, Yu et al. 2023, section 2; with word-like patches
SpaceByte, Slagle 2024), a head that sees the patch's bytes but keeps no state (the semi-
autoregressive SAT of Wang et al. 2018 as an exact code), or heads that see none of them
(non-autoregressive, as in Stern et al. 2018). Nothing here is shipped or coded. The functions are
those of ``models.network.lm``, so that training and evaluation take such a network as it is.

Axis letters are those of ``ModelConfig``, with ``s`` for slow steps and ``f`` for the fast width.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from models.integer.config import VOCABULARY, ByteShape, ModelConfig
from models.integer.ngram import context_index
from models.network import layers, lm
from models.network.lm import Params

FIXED, WORDS, SURPRISE, GATE = "fixed", "words", "surprise", "gate"
RULES = (FIXED, WORDS, SURPRISE, GATE)
BLOCK, CHEAP, BLIND = "block", "cheap", "blind"
FASTS = (BLOCK, CHEAP, BLIND)
SURPRISE_BITS = 20
"""log2 of the buckets that say what a byte cost after the two before it."""
COSTLY = 16.0
"""Bits that a byte is taken to cost where it never came after the two before it."""
ENDS = "ends"
"""Under which name a window's ends of patches are told, (t, b) bool."""
GATE_WEIGHT = 0.1
"""Weight in nats of the loss that holds a gate's share of steps near its target."""

_BYTES = np.arange(VOCABULARY)
WORD = (
    ((ord("0") <= _BYTES) & (ord("9") >= _BYTES))
    | ((ord("a") <= _BYTES | 0x20) & (ord("z") >= _BYTES | 0x20))
    | (_BYTES >= 0x80)
)
"""Which bytes are of words: letters, digits, and those of other scripts in UTF-8."""


@dataclasses.dataclass(frozen=True)
class PatchConfig(ByteShape):
    """Shape of a network by patches. Raises ValueError where sizes do not fit."""

    width: int
    layers: int
    state: int
    hidden: int
    taps: int
    table_dim: int
    tables: tuple[tuple[int, int], ...]
    rule: str
    """fixed: every ``most`` bytes. words: after a byte that is of no word and follows one that is.
    surprise: after a byte that cost more than ``threshold`` bits by a frozen table of what follows
    two bytes. gate: where a learned gate says so."""
    least: int
    """Bytes of a patch at least."""
    most: int
    """Bytes of a patch at most."""
    fast: str
    """block: a block of ``fast_width`` every byte. cheap: a head that sees the byte and n-grams.
    blind: heads that see nothing of the patch that they predict."""
    fast_width: int
    threshold: float = 0.0
    target: float = 0.0
    """Share of bytes after which a gate should start a step."""

    def __post_init__(self) -> None:
        if self.rule not in RULES or self.fast not in FASTS:
            raise ValueError(f"rule is one of {RULES}, fast one of {FASTS}")
        if not 1 <= self.least <= self.most:
            raise ValueError("a patch has one byte at least, and no fewer at most than at least")

    @property
    def slow_shape(self) -> ModelConfig:
        """The blocks that run once a patch."""
        return ModelConfig(
            self.width,
            self.layers,
            self.state,
            self.hidden,
            self.taps,
            self.table_dim,
            self.tables,
        )

    @property
    def fast_shape(self) -> ModelConfig:
        """The block that runs every byte, where there is one."""
        f = self.fast_width
        return ModelConfig(f, 1, f, f * 3 // 2, self.taps, self.table_dim, self.tables)

    @property
    def contexts(self) -> int:
        """Entries that a slow step hands on: to the fast network, or one set for each offset."""
        return self.fast_width * (self.most if self.fast == BLIND else 1)

    def parameters(self) -> int:
        """The number of learned numbers, tables included; a frozen table of costs is none."""
        d, e, f = self.width, self.ngram_width, self.fast_width
        outer = VOCABULARY * d + e * d + self.table_parameters() + (f + e + 1) * VOCABULARY
        fast = 0
        if self.fast != BLIND:
            fast += VOCABULARY * f + e * f + self.most * f
        if self.fast == BLOCK:
            fast += self.fast_shape.block_parameters()
        gate = d + 1 if self.rule == GATE else 0
        blocks = self.layers * self.slow_shape.block_parameters()
        return outer + blocks + d * self.contexts + fast + gate

    def multiply_adds(self, steps: float) -> float:
        """Multiply-adds a byte in products, with so many slow steps a byte."""
        d, e, f = self.width, self.ngram_width, self.fast_width
        slow = self.layers * self.slow_shape.block_products() + d * self.contexts
        head = f * VOCABULARY
        if self.fast == BLIND:
            return steps * (slow + e * d + e * VOCABULARY) + head
        block = self.fast_shape.block_products() if self.fast == BLOCK else 0
        return steps * slow + e * d + e * f + block + head + e * VOCABULARY


class State(NamedTuple):
    """What the lanes remember; lanes are the last axis but one, or the only one."""

    h: jax.Array
    """Of the slow blocks, (l, b, w)."""
    past: jax.Array
    """Last inputs of the slow blocks' convolutions, (l, k, b, w)."""
    fast_h: jax.Array
    """Of the fast block, (b, f)."""
    fast_past: jax.Array
    """(k, b, f)."""
    context: jax.Array
    """What the last slow step handed on, (b, contexts)."""
    grams: jax.Array
    """n-gram entries at the last slow step, (b, e)."""
    patch: jax.Array
    """Sum of the entries of the patch so far, (b, d)."""
    age: jax.Array
    """0 before the first byte, then 1 plus the bytes since the last slow step, (b,) int32."""
    low: jax.Array
    """The last four bytes, as in ``lm.State``."""
    high: jax.Array


def initial_state(config: PatchConfig, lanes: int) -> State:
    """The state before the first byte: all zeros."""
    c = config
    vector = jnp.zeros(lanes, jnp.uint32)
    return State(
        jnp.zeros((c.layers, lanes, c.state)),
        jnp.zeros((c.layers, c.taps, lanes, c.state)),
        jnp.zeros((lanes, c.fast_width)),
        jnp.zeros((c.taps, lanes, c.fast_width)),
        jnp.zeros((lanes, c.contexts)),
        jnp.zeros((lanes, c.ngram_width)),
        jnp.zeros((lanes, c.width)),
        jnp.zeros(lanes, jnp.int32),
        vector,
        vector,
    )


def ends(wanted: jax.Array, age: jax.Array, least: int, most: int) -> layers.Pair:
    """Where patches end, (t, b) bool, and how old the patch is at each byte, (t, b).

    ``wanted`` (t, b) says where the rule would have an end. The first byte of a lane is a patch of
    its own; the age, which goes on from ``age`` (b,), is 1 at an end.
    """

    def step(age: jax.Array, here: jax.Array) -> tuple[jax.Array, layers.Pair]:
        end = (age == 0) | (age >= most) | (here & (age >= least))
        age = jnp.where(end, 1, age + 1)
        return age, (end, age)

    return jax.lax.scan(step, age, wanted)[1]


@jax.custom_vjp
def held_near(p: jax.Array, target: float) -> jax.Array:
    """p itself; its gradient gets that of a loss which holds the share of p > 1/2 near the target.

    The ratio loss of H-Net (Hwang et al. 2025, section 2.2.2), for a target of one step in N.
    """
    del target
    return p


def _held_fwd(p: jax.Array, target: float) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    share = jnp.mean(jnp.where(p > 0.5, 1.0, 0.0))
    return p, (share, jnp.asarray(target))


def _held_bwd(res: tuple[jax.Array, jax.Array], g: jax.Array) -> tuple[jax.Array, None]:
    share, target = res
    slope = share / target - (1 - share) / (1 - target)
    return g + GATE_WEIGHT * slope / g.size, None


held_near.defvjp(_held_fwd, _held_bwd)


def straight_through_one(p: jax.Array) -> jax.Array:
    """1 in value, p in gradient."""
    return 1.0 + p - jax.lax.stop_gradient(p)


class PatchLM(lm.EmbeddingAndHead):
    """The network; embeddings, tables and head are those of ``lm``, the head on the fast width."""

    def setup(self) -> None:
        """The slow blocks, what is fast, and what surrounds them."""
        super().setup()
        c = self.config
        e, f = c.ngram_width, c.fast_width
        self.mixers = [lm.Mixer(c.slow_shape, name=f"mixer_{i}") for i in range(c.layers)]
        self.mlps = [lm.KanLayer(c.slow_shape, name=f"mlp_{i}") for i in range(c.layers)]
        self.w_context = self.param("w_context", lm.fan_in(), (c.width, c.contexts))
        if c.fast != BLIND:
            self.fast_embedding = self.param("embed_fast", lm.EMBEDDING, (VOCABULARY, f))
            self.w_ngram_fast = self.param("w_ngram_fast", lm.fan_in(2.0), (e, f))
            self.offsets = self.param("offsets", nn.initializers.zeros, (c.most, f))
        if c.fast == BLOCK:
            self.fast_mixer = lm.Mixer(c.fast_shape, name="fast_mixer")
            self.fast_mlp = lm.KanLayer(c.fast_shape, name="fast_mlp")
        if c.rule == GATE:
            self.gate = self.param("gate", nn.initializers.normal(0.01), (c.width, 1))
            self.gate_offset = self.param("gate_offset", nn.initializers.zeros, (1,))
        if c.rule == SURPRISE:
            shape = (1 << SURPRISE_BITS,)
            self.costs = self.param("costs", nn.initializers.zeros, shape)

    def head_width(self) -> int:
        """What the head reads is fast."""
        return int(self.config.fast_width)

    def __call__(self, tokens: jax.Array, state: State) -> tuple[jax.Array, State]:
        """tokens (t, b) uint8 -> logits (t, b, 256) in nats and the state after the window."""
        low, high = lm.histories(tokens, state.low, state.high)
        x, e = self.embed(tokens, low, high)
        wanted, sure = self._wanted(x, low, high)
        end, age = ends(wanted, state.age, self.config.least, self.config.most)
        self.sow("intermediates", ENDS, end)
        slow = _SlowSteps(end, len(tokens) // self.config.least + 1)

        sums = jnp.cumsum(jnp.concatenate([state.patch[None], x]), axis=0)
        s, h, past = self._slow(slow.differences(sums), state, slow.count)
        contexts = layers.dense(s, self.w_context)
        context = slow.spread(state.context, contexts)
        if sure is not None:
            context = context * straight_through_one(jnp.where(end, sure, 1 - sure))[..., None]
        grams = slow.spread(state.grams, slow.taken(e))
        patch = sums[-1] - slow.last(jnp.zeros_like(state.patch), slow.taken(sums[1:]))

        logits, fast_h, fast_past = self._fast(tokens, e, context, grams, age - 1, state)
        after = State(
            h,
            past,
            fast_h,
            fast_past,
            context[-1],
            grams[-1],
            patch,
            age[-1],
            low[-1],
            high[-1],
        )
        return logits, after

    def _wanted(
        self, x: jax.Array, low: jax.Array, high: jax.Array
    ) -> tuple[jax.Array, jax.Array | None]:
        """Where the rule would end a patch, (t, b); a gate's probability of it, or None."""
        c = self.config
        if c.rule == GATE:
            raw = layers.normalise(x) @ self.gate + self.gate_offset
            p = held_near(jax.nn.sigmoid(raw[..., 0]), c.target)
            return p > 0.5, p
        if c.rule == WORDS:
            word = jnp.asarray(WORD)
            newest, before = low & jnp.uint32(255), (low >> jnp.uint32(8)) & jnp.uint32(255)
            return ~word[newest] & word[before], None
        if c.rule == SURPRISE:
            costs = jax.lax.stop_gradient(self.costs)
            return costs[context_index(low, high, 3, SURPRISE_BITS)] > c.threshold, None
        return jnp.zeros(low.shape, bool), None

    def _slow(
        self, x: jax.Array, state: State, count: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Slow steps on patches x (s, b, d), of which a lane has ``count`` (b,).

        Returns the normed residual stream (s, b, d), and the state after.
        """
        x, h, past = lm.through(self.mixers, self.mlps, x, state.h, state.past, count)
        return layers.normalise(x), h, past

    def _fast(
        self,
        tokens: jax.Array,
        e: jax.Array,
        context: jax.Array,
        grams: jax.Array,
        offset: jax.Array,
        state: State,
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Logits (t, b, 256) of every byte and the state after, from what slow steps handed on.

        ``offset`` (t, b) counts the bytes since the last slow step, from 0.
        """
        c = self.config
        if c.fast == BLIND:
            heads = context.reshape(*offset.shape, c.most, c.fast_width)
            place = jnp.minimum(offset, c.most - 1)[..., None, None]
            u = jnp.take_along_axis(heads, place, axis=-2)[..., 0, :]
            first = (offset == 0).astype(grams.dtype)[..., None]
            return self.logits(u, grams * first), state.fast_h, state.fast_past
        u = layers.quantise(self.fast_embedding[tokens.astype(jnp.int32)], layers.EMBED_STEP)
        u = u + layers.dense(e, self.w_ngram_fast) + self.offsets[offset] + context
        if c.fast == CHEAP:
            return self.logits(u, e), state.fast_h, state.fast_past
        update, h, past = self.fast_mixer(u, state.fast_h, state.fast_past)
        u = u + update
        return self.logits(u + self.fast_mlp(u), e), h, past


class _SlowSteps:
    """Which bytes of a window end a patch, gathered: at most so many in each lane."""

    def __init__(self, end: jax.Array, most: int) -> None:
        lanes = jnp.arange(end.shape[1])
        self._rank = jnp.cumsum(end, axis=0)
        """Slow steps up to each byte and at it, (t, b)."""
        self.count = self._rank[-1]
        """Slow steps in the window, (b,)."""
        places = jnp.where(end, self._rank - 1, most)
        times = jnp.broadcast_to(jnp.arange(len(end))[:, None], end.shape)
        unused = jnp.full((most, end.shape[1]), len(end) - 1)
        self._times = unused.at[places, lanes].set(times, mode="drop")
        """The byte of each slow step, (s, b); beyond the count, the window's last."""

    def taken(self, x: jax.Array) -> jax.Array:
        """x (t, b, n) at the slow steps, (s, b, n)."""
        return jnp.take_along_axis(x, self._times[..., None], axis=0)

    def differences(self, sums: jax.Array) -> jax.Array:
        """What running sums (1 + t, b, d) grew by since the slow step before, (s, b, d).

        The first of them, before the window, holds what the patch had already.
        """
        at = self.taken(sums[1:])
        return at - jnp.concatenate([jnp.zeros_like(at[:1]), at[:-1]])

    def spread(self, before: jax.Array, at: jax.Array) -> jax.Array:
        """What the last slow step of every byte said, (t, b, n), of before (b, n), at (s, b, n)."""
        every = jnp.concatenate([before[None], at])
        return jnp.take_along_axis(every, self._rank[..., None], axis=0)

    def last(self, before: jax.Array, at: jax.Array) -> jax.Array:
        """What the last slow step of the window said, (b, n)."""
        every = jnp.concatenate([before[None], at])
        return jnp.take_along_axis(every, self.count[None, :, None], axis=0)[0]


def sequence(
    config: PatchConfig, params: Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """Whole windows at once: tokens (t, b) -> logits (t, b, 256) in nats, state after them."""
    return cast("tuple[jax.Array, State]", PatchLM(config).apply({"params": params}, tokens, state))


def ends_of(
    config: PatchConfig, params: Params, tokens: jax.Array, state: State
) -> tuple[jax.Array, State]:
    """Where patches end in tokens (t, b), (t, b) bool, and the state after them."""
    (_, after), told = PatchLM(config).apply(
        {"params": params}, tokens, state, mutable=["intermediates"]
    )
    return told["intermediates"][ENDS][0], after


def initialise(config: PatchConfig, seed: int) -> Params:
    """A fresh parameter tree from a seed."""
    tokens = jnp.zeros((1, 1), jnp.uint8)
    return PatchLM(config).init(jax.random.key(seed), tokens, initial_state(config, 1))["params"]


def costs(text: np.ndarray) -> np.ndarray:
    """What each byte costs after the two before it, in bits, by the counts of a text.

    In 2^SURPRISE_BITS buckets by the hash of all three, float32, for the array ``costs`` of a
    network whose patches end by ``surprise``. Each byte that never came counts a 256th.
    """
    a, b, c = (text[at : at + text.size - 2].astype(np.uint32) for at in range(3))
    pair = np.bincount(a << 8 | b, minlength=1 << 16)
    triples, times = np.unique(a << 16 | b << 8 | c, return_counts=True)
    bits = np.log2(pair[triples >> 8] + 1.0) - np.log2(times + 1 / VOCABULARY)
    made = np.full(1 << SURPRISE_BITS, np.float32(COSTLY))
    order = np.argsort(times)
    low, high = triples[order].astype(np.uint32), np.zeros(len(order), np.uint32)
    made[context_index(low, high, 3, SURPRISE_BITS)] = bits[order]
    return made
