"""Two published state-space mixers in float32: Mamba's selective scan, and Mamba-2's SSD.

SSD is state-space duality. Both are held against mamba-ssm's own reference functions by a test, and
both walk over time by ``layers.linear_recurrence``, the scan that our networks train with: the same
tensors check it. They are for training only. What is coded is integers, and both need the
exponential.

Axis letters: ``t`` time, ``b`` lanes, ``d`` channels, ``h`` heads, ``p`` channels of a head, ``n``
state entries, ``g`` groups of channels or heads that share their maps to and from the state, ``k``
chunks of time, ``l`` and ``s`` time inside a chunk.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from models.network import layers


def selective_scan(
    u: jax.Array,
    delta: jax.Array,
    A: jax.Array,
    B: jax.Array,
    C: jax.Array,
    D: jax.Array | None = None,
    z: jax.Array | None = None,
    delta_bias: jax.Array | None = None,
    delta_softplus: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """h_t = exp(s_t A) h_{t-1} + s_t B_t u_t and y_t = (C_t h_t + D u_t) silu(z_t).

    s is delta + delta_bias, or its softplus. This is the selective state-space model of Mamba (Gu &
    Dao 2023, section 3.2, algorithm 2), with names, axis order and options of mamba-ssm's
    ``selective_scan_ref``. u, delta and z are (b, d, t), A (d, n), D and delta_bias (d,); B and C
    depend on the input: (b, n, t), or (b, g, n, t) with channels split into g runs. Returns y
    (b, d, t) and the last state (b, d, n). Raises ValueError for other shapes.

    Departures: real A only, no constant B or C, and float32 throughout, results included. All t
    states are held in memory, t b d n numbers, which the paper's kernel avoids by computing them
    anew in the backward pass.
    """
    if jnp.iscomplexobj(A) or B.ndim not in (3, 4) or C.ndim not in (3, 4):
        raise ValueError(
            "A must be real, B and C (b, n, t) or (b, g, n, t): repeat a constant map along t"
        )
    u, delta, A = (jnp.asarray(v, jnp.float32) for v in (u, delta, A))
    if delta_bias is not None:
        delta = delta + delta_bias.astype(jnp.float32)[:, None]
    step = jnp.moveaxis(jax.nn.softplus(delta) if delta_softplus else delta, -1, 0)
    to_state, from_state = (_time_major_map(v, u.shape[1]) for v in (B, C))
    x = (step * jnp.moveaxis(u, -1, 0))[..., None] * to_state
    h = layers.linear_recurrence(jnp.exp(step[..., None] * A), x, jnp.zeros_like(x[0]))
    y = jnp.moveaxis(jnp.sum(h * from_state, axis=-1), 0, -1)
    if D is not None:
        y = y + u * D.astype(jnp.float32)[:, None]
    if z is not None:
        y = y * jax.nn.silu(z.astype(jnp.float32))
    return y, h[-1]


def _time_major_map(v: jax.Array, channels: int) -> jax.Array:
    """(b, n, t) or (b, g, n, t) -> (t, b, 1 or d, n).

    There is one map for all channels, or each group's for each of its channels.
    """
    v = v.astype(jnp.float32)
    grouped = v[:, None] if v.ndim == 3 else v
    groups = grouped.shape[1]
    if channels % groups:
        raise ValueError(
            f"{channels} channels do not split into {groups} groups: "
            "make the one a multiple of the other"
        )
    each = grouped if groups == 1 else jnp.repeat(grouped, channels // groups, axis=1)
    return jnp.moveaxis(each, -1, 0)


def ssd(
    x: jax.Array, a: jax.Array, b: jax.Array, c: jax.Array, chunk: int, h0: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
    """H_t = exp(a_t) H_{t-1} + x_t b_t' and y_t = H_t c_t for each head, by matrix products.

    The block decomposition of Mamba-2 (Dao & Gu 2024, section 6, listing 1), time-major: x
    (t, b, h, p); log decays a (t, b, h), finite and at most 0; b and c (t, b, n), shared by all
    heads, or (t, b, g, n), heads split into g runs; the state before the first step h0
    (b, h, p, n), or None for zeros. Returns y (t, b, h, p) and the state after the last step
    (b, h, p, n), both float32. ``chunk`` divides t; it changes speed and rounding, nothing else.
    Raises ValueError for other shapes.

    Departures from the listing: ``layers.linear_recurrence`` joins the chunks, where the listing
    has one more matrix; and a decay within a chunk is the exponential of a difference of running
    sums, as in mamba-ssm's kernels, which costs a relative error of about 2^-24 times the chunk's
    sum of |a|.
    """
    steps, lanes, heads, width = x.shape
    b, c = (v[:, :, None] if v.ndim == 3 else v for v in (b, c))
    groups, n = b.shape[2:]
    if chunk < 1 or steps % chunk:
        raise ValueError(
            f"{steps} steps do not split into chunks of {chunk}: "
            "choose a divisor, or pad x, a and b with zeros"
        )
    if b.shape != c.shape or heads % groups:
        raise ValueError(
            f"b {b.shape} and c {c.shape} must agree, "
            f"and their groups (axis 2) divide the {heads} heads"
        )
    folded = (lanes * groups, heads // groups)
    first = jnp.zeros((lanes, heads, width, n)) if h0 is None else h0.astype(jnp.float32)
    state = jnp.moveaxis(first.reshape(*folded, width, n), -1, 1)
    x_chunks = _split(x.reshape(steps, *folded, width), chunk)
    a_chunks = _split(a.reshape(steps, *folded), chunk)
    b_chunks, c_chunks = (_split(v.reshape(steps, lanes * groups, n), chunk) for v in (b, c))
    y, state = _chunks(x_chunks, a_chunks, b_chunks, c_chunks, state)
    return jnp.swapaxes(y, 1, 2).reshape(x.shape), jnp.moveaxis(state, 1, -1).reshape(first.shape)


def _split(v: jax.Array, chunk: int) -> jax.Array:
    """(t, b, ...) -> (k, b, l, ...) in float32: the operands of a chunk's products lie together."""
    return jnp.swapaxes(v.astype(jnp.float32).reshape(-1, chunk, *v.shape[1:]), 1, 2)


def _chunks(
    x: jax.Array, a: jax.Array, b: jax.Array, c: jax.Array, h0: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """y like x, and the last state like h0.

    x (k, b, l, h, p), a (k, b, l, h), b and c (k, b, l, n), h0 (b, n, h, p). Heads and their
    channels stand side by side where they share an operand: few products, each of them large.
    """
    count, lanes, length, heads, width = x.shape
    total = jnp.cumsum(a, axis=2)
    y = jnp.swapaxes(_within(total, b, c) @ jnp.swapaxes(x, 2, 3), 2, 3)
    kept = x * jnp.exp(total[:, :, -1:] - total)[..., None]
    states = jnp.swapaxes(b, 2, 3) @ kept.reshape(count, lanes, length, heads * width)
    decay = jnp.exp(total[:, :, -1])[:, :, None, :, None]
    decay = jnp.broadcast_to(decay, (count, *h0.shape)).reshape(states.shape)
    first = h0.reshape(states.shape[1:])
    after = layers.linear_recurrence(decay, states, first)
    before = jnp.concatenate([first[None], after[:-1]])
    y = y + (c @ before).reshape(x.shape) * jnp.exp(total)[..., None]
    return y, after[-1].reshape(h0.shape)


def _within(total: jax.Array, b: jax.Array, c: jax.Array) -> jax.Array:
    """What step s adds to step l of its chunk, (k, b, h, l, s).

    It is (c_l b_s) exp(total_l - total_s) for s <= l, else 0. The mask comes before the
    exponential: above the diagonal that would overflow, and inf * 0 poison the gradient.
    """
    per_head = jnp.swapaxes(total, 2, 3)
    exponent = per_head[..., :, None] - per_head[..., None, :]
    past = jnp.tril(jnp.ones(exponent.shape[-2:], bool))
    scores = c @ jnp.swapaxes(b, 2, 3)
    return scores[:, :, None] * jnp.exp(jnp.where(past, exponent, -jnp.inf))
