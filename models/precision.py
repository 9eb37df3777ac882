"""Coarser grids for the weights: fewer bits a weight in the entropy-coded file, and the same network code.

The file is entropy-coded (``compressor/packing.py``), so a weight costs what its distribution weighs on its grid, not the
width of its type. The weights of an array are nearly Gaussian, and a Gaussian of root mean square r weighs
log2(r / s) + log2(2 pi e) / 2 bits on a grid of step s. That defines ``bits``, which may be a fraction:

    s = 2^round(log2 r + 2.05 - bits - EXTRA),    one step an array, the nearest power of two.

Nothing is clipped for it: a channel whose largest weight lies beyond 126 such steps keeps the finer rule's step, the smallest
that reaches. Every value then lies on the grids of ``layers.quantise_weight`` and ``layers.quantise`` already, and passes them
unchanged. 8 bits and more change nothing.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from models import layers

FULL_BITS = 8.0
"""From here on nothing is coarsened."""
GAUSSIAN_BITS = 2.05
"""log2(2 pi e) / 2: bits of a Gaussian whose root mean square is one step."""
EXTRA = {"embed": 1.0, "head": 1.0, "w_ngram": 1.0, "table": -1.0}
"""Bits that an array gets beyond those of the blocks' matrices, by how much it hurts bits/char (DECISIONS.md, weights' bits)."""
REACH = 126
"""Steps to the largest weight. At 127 ``layers.weight_exponent`` takes the next step, and odd values would move."""
GRIDS = {"embed": layers.EMBED_STEP, "table": layers.TABLE_STEP}
"""Arrays with one fixed step, which is never made finer."""


def kind(name: str) -> str | None:
    """What rule an array follows, by the last part of its name: "embed", "table", "matrix", or None (left alone)."""
    if name == "embed" or name.startswith("table_"):
        return name.split("_")[0]
    return "matrix" if name.startswith("w_") or name in ("head", "head_ngram") else None


def coarsen(params: dict[str, Any], bits: float) -> dict[str, Any]:
    """The parameter tree with its weights on coarser grids; straight-through gradient, so training can go through it."""
    if bits >= FULL_BITS:
        return params
    return jax.tree_util.tree_map_with_path(lambda path, leaf: _coarse(path[-1].key, leaf, bits), params)


def _coarse(name: str, w: jax.Array, bits: float) -> jax.Array:
    rule = kind(name)
    if rule is None:
        return w
    step = _step(w, bits + EXTRA.get(name, EXTRA.get(rule, 0.0)))
    if rule == "matrix":
        step = jnp.maximum(step, jnp.ldexp(jnp.float32(1), layers.weight_exponent(w)))
        reach = jnp.full_like(step, REACH)
    else:
        step = jnp.maximum(step, GRIDS[rule])
        reach = jnp.floor(127 * GRIDS[rule] / step)  # the finest grid ends at 127 of its own steps
    inside = jnp.clip(w, -reach * step, reach * step)
    return jax.lax.stop_gradient(jnp.round(inside / step) * step) + (inside - jax.lax.stop_gradient(inside))


def _step(w: jax.Array, bits: float) -> jax.Array:
    """The power of two that makes a Gaussian of this root mean square weigh ``bits``, about."""
    log_rms = 0.5 * jnp.log2(jnp.maximum(jnp.mean(jnp.square(w)), 2.0**-40))
    exponent = jnp.round(log_rms + GAUSSIAN_BITS - bits)
    return jax.lax.stop_gradient(jnp.ldexp(jnp.float32(1), exponent.astype(jnp.int32)))
