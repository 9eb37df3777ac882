"""Muon (Jordan et al. 2024) for weight matrices, AdamW for the rest, as one optax transformation.

Our own Newton-Schulz iteration rather than ``optax.contrib.muon``: that one multiplies in float32, which at 300 GFLOP/s would
take about 65 of 410 ms of a step of `small` on two CPU cores (by operation count, not timed); this one takes bfloat16 operands,
as the original does.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Quintic coefficients of the original: singular values land within about [0.7, 1.2] after five rounds."""


class MuonState(NamedTuple):
    """Momentum, same tree as the parameters."""

    momentum: optax.Updates


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.dot(a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), preferred_element_type=jnp.float32)


def orthogonalise(g: jax.Array, rounds: int = 5) -> jax.Array:
    """The nearest semi-orthogonal matrix to g (in, out), about; float32 in and out."""
    wide = g.shape[0] <= g.shape[1]
    x = g if wide else g.T
    x = x / (jnp.linalg.norm(x) + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(rounds):
        gram = _product(x, x.T)
        x = a * x + _product(b * gram + c * _product(gram, gram), x)
    return x if wide else x.T


def scale_by_muon(beta: float = 0.95, rms: float = 0.2) -> optax.GradientTransformation:
    """Nesterov momentum, orthogonalised, scaled to the given root mean square (Liu et al. 2025, section 2.2)."""

    def init(params: optax.Params) -> MuonState:
        return MuonState(jax.tree.map(jnp.zeros_like, params))

    def update(updates, state, params=None):
        del params
        momentum = jax.tree.map(lambda m, g: beta * m + (1 - beta) * g, state.momentum, updates)
        nesterov = jax.tree.map(lambda m, g: beta * m + (1 - beta) * g, momentum, updates)
        return jax.tree.map(lambda g: orthogonalise(g) * (rms * max(g.shape) ** 0.5), nesterov), MuonState(momentum)

    return optax.GradientTransformation(init, update)


def _label(path: tuple, leaf: jax.Array) -> str:
    name = path[-1].key
    return "muon" if name.startswith(("w_", "head")) and leaf.ndim == 2 else "adam"


def optimiser(schedule: optax.Schedule, weight_decay: float, clip: float) -> optax.GradientTransformation:
    """Matrices by Muon with decoupled weight decay, everything else by Adam without."""
    muon = optax.chain(scale_by_muon(), optax.add_decayed_weights(weight_decay), optax.scale_by_learning_rate(schedule))
    adam = optax.chain(optax.scale_by_adam(b1=0.9, b2=0.99), optax.scale_by_learning_rate(schedule))
    labels = lambda params: jax.tree_util.tree_map_with_path(_label, params)  # noqa: E731
    return optax.chain(optax.clip_by_global_norm(clip), optax.partition({"muon": muon, "adam": adam}, labels))
