"""Coarser grids for the weights: fewer bits a weight in the file, and the same network code.

The file is entropy-coded (``coding/FORMAT.md``, section 4.1), so a weight costs what its
distribution weighs on its grid, not the width of its type. The weights of an array are nearly
Gaussian, and a Gaussian of root mean square r weighs log2(r / s) + log2(2 pi e) / 2 bits on a grid
of step s. That defines ``bits``, which may be a fraction:

    s = 2^round(log2 r + 2.05 - bits - EXTRA),    one step an array, the nearest power of two.

Nothing is clipped for it: a channel whose largest weight lies beyond 126 such steps keeps the finer
rule's step, the smallest that reaches. Every value then lies on the grids of
``layers.quantise_weight`` and ``layers.quantise`` already, and passes them unchanged. 8 bits and
more change nothing.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from models.network import layers
from models.network.lm import Params

FULL_BITS = 8.0
"""From here on nothing is coarsened."""
GAUSSIAN_BITS = 2.05
"""log2(2 pi e) / 2: bits of a Gaussian whose root mean square is one step."""
EXTRA = {"embed": 1.0, "head": 1.0, "w_ngram": 1.0, "table": -1.0}
"""Bits that an array gets beyond those of the blocks' matrices, by how much it hurts bits/char
(measured: DECISIONS.md, record 19)."""
REACH = 126
"""Steps to the largest weight. At 127 ``layers.weight_exponent`` takes the next step, and odd
values would move."""
FINEST = {"embed": layers.EMBED_STEP, "table": layers.TABLE_STEP}
"""The fixed steps that ``layers.quantise`` rounds these to."""
FIXED = {"knots": 2.0**-6, "gate_bias": 2.0**-6, "head_bias": 2.0**-6, "conv_taps": 2.0**-8}
"""Steps of the small arrays below 8 bits: 16 times those of the file's 16-bit integers, which
halves their bytes without a measured loss."""


def kind(name: str) -> str:
    """The rule that an array follows, by the last part of its name.

    One of "embed", "table", "matrix", a key of FIXED, or none ("").
    """
    if name == "embed" or name.startswith("table_"):
        return name.split("_")[0]
    if name.startswith("w_") or name in ("head", "head_ngram"):
        return "matrix"
    return name if name in FIXED else ""


def coarsen(params: Params, bits: float) -> Params:
    """The parameter tree with its weights on coarser grids.

    Its gradient is straight-through, so training can go through it.
    """
    if bits >= FULL_BITS:
        return params
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: _coarse(path[-1].key, leaf, bits), params
    )


def _coarse(name: str, w: jax.Array, bits: float) -> jax.Array:
    rule = kind(name)
    if not rule:
        return w
    if rule in FIXED:
        return _on_grid(w, w, jnp.float32(FIXED[rule]))
    step = _step(w, bits + EXTRA.get(name, EXTRA.get(rule, 0.0)))
    if rule == "matrix":
        step = jnp.maximum(step, jnp.ldexp(jnp.float32(1), layers.weight_exponent(w)))
        return _on_grid(w, jnp.clip(w, -REACH * step, REACH * step), step)
    step = jnp.maximum(step, FINEST[rule])
    # The finest grid ends at 127 of its own steps.
    reach = step * jnp.floor(127 * FINEST[rule] / step)
    inside = jnp.clip(w, -reach, reach)
    return _on_grid(inside, inside, step)


def _step(w: jax.Array, bits: float) -> jax.Array:
    """The power of two that makes a Gaussian of this root mean square weigh ``bits``, about."""
    square = jnp.mean(jnp.square(jax.lax.stop_gradient(w)))
    log_rms = 0.5 * jnp.log2(jnp.maximum(square, 2.0**-40))
    return jnp.ldexp(jnp.float32(1), jnp.round(log_rms + GAUSSIAN_BITS - bits).astype(jnp.int32))


def _on_grid(passes: jax.Array, value: jax.Array, step: jax.Array) -> jax.Array:
    """``value`` rounded to the step, to the last bit, with the gradient of ``passes``."""
    rounded = jax.lax.stop_gradient(jnp.round(value / step) * step)
    return rounded + (passes - jax.lax.stop_gradient(passes))
