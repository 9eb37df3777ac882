"""Muon (Jordan et al. 2024) for weight matrices, AdamW for the rest, as one optax transformation.

Our own Newton-Schulz iteration rather than ``optax.contrib.muon``: that one multiplies in float32, which at 300 GFLOP/s would
take about 65 of 410 ms of a step of `small` on two CPU cores (by operation count, not timed); this one takes bfloat16 operands,
as the original does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Quintic coefficients of the original: singular values land within about [0.7, 1.2] after five rounds."""


class MuonState(NamedTuple):
    """Momentum, same tree as the parameters."""

    momentum: optax.Updates


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.dot(
        a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), preferred_element_type=jnp.float32
    )


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
        return jax.tree.map(
            lambda g: orthogonalise(g) * (rms * max(g.shape) ** 0.5), nesterov
        ), MuonState(momentum)

    return optax.GradientTransformation(init, update)


class AverageState(NamedTuple):
    """Moving average of the parameters, same tree, and how many steps went into it."""

    average: optax.Params
    steps: jax.Array


def average_parameters(decay: float) -> optax.GradientTransformation:
    """Keeps an exponential moving average of the parameters (Polyak & Juditsky 1992); updates pass through unchanged.

    Comes last in a chain. The decay grows with the steps seen, (1 + t) / (10 + t) at most, so that the start is forgotten.
    """

    def init(params: optax.Params) -> AverageState:
        return AverageState(jax.tree.map(jnp.array, params), jnp.zeros((), jnp.int32))

    def update(updates, state, params=None):
        kept = jnp.minimum(decay, (1 + state.steps) / (10 + state.steps))
        average = jax.tree.map(
            lambda a, p, u: kept * a + (1 - kept) * (p + u), state.average, params, updates
        )
        return updates, AverageState(average, state.steps + 1)

    return optax.GradientTransformation(init, update)


def averaged(state: Any) -> optax.Params | None:
    """The average held in an optimiser's state; None where none is kept."""
    found = [leaf for leaf in jax.tree.leaves(state, is_leaf=_is_average) if _is_average(leaf)]
    return found[0].average if found else None


def _is_average(node: Any) -> bool:
    return isinstance(node, AverageState)


def _is_matrix(path: tuple, leaf: jax.Array) -> bool:
    name = path[-1].key
    return name.startswith(("w_", "head")) and leaf.ndim == 2


def _labels(params: optax.Params) -> Any:
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: "matrix" if _is_matrix(path, leaf) else "rest", params
    )


OPTIMISERS = ("muon", "adamw")


def optimiser(
    schedule: optax.Schedule,
    weight_decay: float,
    clip: float,
    kind: str = "muon",
    average: float = 0.0,
) -> optax.GradientTransformation:
    """Matrices by Muon or Adam with decoupled weight decay, the rest by Adam without; gradients clipped by global norm."""
    if kind not in OPTIMISERS:
        raise ValueError(f"no optimiser named {kind}: choose one of {', '.join(OPTIMISERS)}")
    by = scale_by_muon() if kind == "muon" else optax.scale_by_adam(b1=0.9, b2=0.99)
    matrix = optax.chain(
        by, optax.add_decayed_weights(weight_decay), optax.scale_by_learning_rate(schedule)
    )
    rest = optax.chain(optax.scale_by_adam(b1=0.9, b2=0.99), optax.scale_by_learning_rate(schedule))
    parts = [
        optax.clip_by_global_norm(clip),
        optax.partition({"matrix": matrix, "rest": rest}, _labels),
    ]
    return optax.chain(*parts, *([average_parameters(average)] if average else []))
