"""Pieces of the network in float, as they are trained, with every rounding of the integers.

All quantisation steps are powers of two, so a quantised weight or activation is an integer of at
most 8 bits times a power of two: exactly representable in bfloat16, and a product of two of them is
exact in float32. Rounding uses the straight-through estimator (Bengio, Leonard, Courville 2013,
section 4): the identity's gradient inside the clipping range. Arrays are time-major, ``t b d``,
because the recurrence walks over t and each step then touches contiguous memory.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.layout import Layout, with_layout_constraint

Pair: TypeAlias = tuple[jax.Array, jax.Array]
Triple: TypeAlias = tuple[jax.Array, jax.Array, jax.Array]

WEIGHT_MAX = 127
NORM_STEP = 2.0**-4
MIX_STEP = 2.0**-5
GLU_STEP = 2.0**-4
KAN_STEP = 2.0**-5
TABLE_STEP = 2.0**-6
EMBED_STEP = 2.0**-5
GATE_SPAN = 4.0
"""The quadratic sigmoid runs from 0 at -GATE_SPAN to 1 at +GATE_SPAN."""
KAN_SPAN = 4.0
"""Learned functions of the coded network live on [-KAN_SPAN, KAN_SPAN]."""


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def quantise(x: jax.Array, step: float) -> jax.Array:
    """Rounds to the int8 grid ``step * [-127, 127]``; gradient 1 inside the range and 0 outside."""
    return jnp.clip(jnp.round(x * (1 / step)), -127, 127) * step


def _quantise_fwd(x: jax.Array, step: float) -> tuple[jax.Array, jax.Array]:
    return quantise(x, step), x


def _quantise_bwd(step: float, x: jax.Array, g: jax.Array) -> tuple[jax.Array]:
    return (jnp.where(jnp.abs(x) <= 127 * step, g, 0.0),)


quantise.defvjp(_quantise_fwd, _quantise_bwd)


def weight_exponent(w: jax.Array | np.ndarray) -> jax.Array:
    """The smallest exponent s with max|w| <= 127 * 2^s for each output channel, (1, out)."""
    top = jnp.max(jnp.abs(w), axis=0, keepdims=True)
    _, exponent = jnp.frexp(jnp.maximum(top, 2.0**-20) / WEIGHT_MAX)
    return exponent


def quantise_weight(w: jax.Array) -> jax.Array:
    """Rounds to int8 times a power of two, one an output channel; straight-through gradient."""
    step = jnp.ldexp(jnp.ones((), w.dtype), weight_exponent(w))
    rounded = jnp.clip(jnp.round(w / step), -WEIGHT_MAX, WEIGHT_MAX) * step
    return w + jax.lax.stop_gradient(rounded - w)


CPUINFO = Path("/proc/cpuinfo")
"""Where Linux names the instructions of the processor."""


@functools.cache
def operand_type() -> type:
    """The type of a product's operands: bfloat16 where the hardware multiplies it, else float32.

    XLA emulates bfloat16 on other processors: a training step of ``small`` takes 1.36 times as long
    there as with float32 (results/notes/training.md).
    """
    if jax.default_backend() != "cpu":
        return jnp.bfloat16
    words = CPUINFO.read_text().split() if CPUINFO.exists() else []
    return jnp.bfloat16 if any(word.endswith("bf16") for word in words) else jnp.float32


@jax.custom_vjp
def matmul(x: jax.Array, w: jax.Array) -> jax.Array:
    """``x @ w`` for x of shape (rows, in), w of shape (in, out), summed in float32.

    Operands are of ``operand_type``. Exact when both lie on their int8 grids and the sum of |x w|
    in grid units stays below 2^24. The backward pass casts the cotangent likewise and forces a
    row-major transpose: XLA's CPU backend reaches its fast path then.
    """
    return _matmul_fwd(x, w)[0]


def _matmul_fwd(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    xb, wb = x.astype(operand_type()), w.astype(operand_type())
    return jnp.dot(xb, wb, preferred_element_type=jnp.float32), (xb, wb)


def _matmul_bwd(res: tuple[jax.Array, jax.Array], g: jax.Array) -> tuple[jax.Array, jax.Array]:
    xb, wb = res
    gb = g.astype(operand_type())
    dx = jnp.dot(
        gb,
        with_layout_constraint(wb.T, Layout(major_to_minor=(0, 1))),
        preferred_element_type=jnp.float32,
    )
    xt = with_layout_constraint(xb.T, Layout(major_to_minor=(0, 1)))
    return dx, jnp.dot(xt, gb, preferred_element_type=jnp.float32)


matmul.defvjp(_matmul_fwd, _matmul_bwd)


def dense(x: jax.Array, w: jax.Array) -> jax.Array:
    """Quantised product over the last axis.

    x is already on its int8 grid, and so are weights that are given in bfloat16.
    """
    lead = x.shape[:-1]
    w = w if w.dtype == jnp.bfloat16 else quantise_weight(w)
    return matmul(x.reshape(-1, x.shape[-1]), w).reshape(*lead, w.shape[-1])


def normalise(x: jax.Array) -> jax.Array:
    """RMS norm (Zhang & Sennrich 2019) on the int8 grid; its gain is in the next weights."""
    scale = jax.lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + 1e-6)
    return quantise(x * scale, NORM_STEP)


def quadratic_sigmoid(u: jax.Array) -> jax.Array:
    """0.5 + v (2 - |v|) / 2 with v = clip(u / 4, -1, 1).

    Integers compute this sigmoid exactly, without a table.
    """
    v = jnp.clip(u * (1 / GATE_SPAN), -1.0, 1.0)
    return 0.5 + 0.5 * v * (2.0 - jnp.abs(v))


def short_convolution(z: jax.Array, past: jax.Array, taps: jax.Array) -> jax.Array:
    """z_t + sum_k taps[k] z_{t-1-k} for z (t, b, w) and taps (k, w).

    past (k, b, w) holds the inputs before t = 0, oldest first.
    """
    count = taps.shape[0]
    padded = jnp.concatenate([past, z], axis=0)
    steps = z.shape[0]
    out = z
    for k in range(count):
        out = out + taps[k] * padded[count - 1 - k : count - 1 - k + steps]
    return out


def last_inputs(past: jax.Array, z: jax.Array, count: jax.Array | None = None) -> jax.Array:
    """The inputs of the short convolution that the next window needs, shaped as ``past``.

    Of z (t, b, w) each lane has used the first ``count`` (b,), or all.
    """
    inputs = jnp.concatenate([past, z], axis=0)
    if count is None:
        return inputs[z.shape[0] :]
    places = jnp.arange(past.shape[0])[:, None] + count
    return jnp.take_along_axis(inputs, places[:, :, None], axis=0)


UNROLL = 8
"""Steps of the recurrence that XLA compiles into one iteration of its loop."""


@jax.custom_vjp
def linear_recurrence(a: jax.Array, x: jax.Array, h0: jax.Array) -> jax.Array:
    """h_t = a_t h_{t-1} + x_t elementwise, for a and x (t, b, w) and h0 (b, w).

    Returns every h_t, (t, b, w).
    """

    def step(h: jax.Array, ax: Pair) -> Pair:
        h = ax[0] * h + ax[1]
        return h, h

    return jax.lax.scan(step, h0, (a, x), unroll=UNROLL)[1]


def _recurrence_fwd(a: jax.Array, x: jax.Array, h0: jax.Array) -> tuple[jax.Array, Triple]:
    h = linear_recurrence(a, x, h0)
    return h, (a, h, h0)


def _recurrence_bwd(res: Triple, g: jax.Array) -> Triple:
    a, h, h0 = res

    def step(carry: jax.Array, ag: Pair) -> Pair:
        lam = ag[1] + carry
        return ag[0] * lam, lam

    d_h0, lam = jax.lax.scan(step, jnp.zeros_like(h0), (a, g), reverse=True, unroll=UNROLL)
    before = jnp.concatenate([h0[None], h[:-1]], axis=0)
    return lam * before, lam, d_h0


linear_recurrence.defvjp(_recurrence_fwd, _recurrence_bwd)


def knot_stride(rows: int) -> int:
    """Only every n-th row contributes to the knots' gradient; n is odd, so every lane is met.

    At least 1,024 rows contribute, or all. Nine sums over a whole batch cost a fifth of a step of
    ``small`` on two CPU cores, for nine numbers a channel; a sum over a seventh of the rows, scaled
    up, has the same mean.
    """
    return max(1, (rows // 1024 - 1) | 1)


def _hats(v: jax.Array, knots: int) -> Iterator[tuple[int, jax.Array]]:
    """Yields (knot number, hat function of v): order-1 B-splines on the whole numbers around 0."""
    for j in range(knots):
        yield j, jnp.maximum(0.0, 1.0 - jnp.abs(v - (j - knots // 2)))


def _pace(knots: jax.Array, span: float) -> float:
    """Knots in a unit of u."""
    return (knots.shape[0] - 1) / (2 * span)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def kan(u: jax.Array, knots: jax.Array, span: float = KAN_SPAN) -> jax.Array:
    """One learned piecewise-linear function a channel: u (n, m), knots (k, m) -> (n, m).

    The knots stand evenly from -span to span, where u is; k is odd. This is the univariate edge
    function of Kolmogorov-Arnold networks (Liu et al. 2024, section 2.2) with order-1 B-splines.
    """
    v, out = u * _pace(knots, span), jnp.zeros_like(u)
    for j, hat in _hats(v, knots.shape[0]):
        out = out + knots[j] * hat
    return out


def _kan_fwd(u: jax.Array, knots: jax.Array, span: float) -> tuple[jax.Array, Pair]:
    return kan(u, knots, span), (u, knots)


def _kan_bwd(span: float, res: Pair, g: jax.Array) -> Pair:
    u, knots = res
    v, slope, count = u * _pace(knots, span), jnp.zeros_like(u), knots.shape[0]
    for j in range(count - 1):
        left = j - count // 2
        inside = jnp.logical_and(v >= left, v < left + 1)
        slope = slope + jnp.where(inside, knots[j + 1] - knots[j], 0.0)
    every = knot_stride(u.shape[0])
    sample = g[::every] * float(every)
    d_knots = jnp.stack([jnp.sum(sample * hat, axis=0) for _, hat in _hats(v[::every], count)])
    return g * slope * _pace(knots, span), d_knots


kan.defvjp(_kan_fwd, _kan_bwd)
