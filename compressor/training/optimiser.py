"""Muon (Jordan et al. 2024) for matrices and AdamW for the rest, as one optax transformation.

The Newton-Schulz iteration is our own rather than ``optax.contrib.muon``: that one multiplies in
float32, this one takes bfloat16 operands, as the original does, where the hardware multiplies them
(``layers.operand_type``). By a count of operations that pays; it was not timed there.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from compressor.training.config import TrainConfig
from models.network import layers

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""The original's quintic: singular values land within about [0.7, 1.2] after five rounds."""

OptimiserState: TypeAlias = Any
"""A tree of optax's states; optax types it no further."""


def schedule(config: TrainConfig) -> optax.Schedule:
    """Learning rate by step: warm-up, plateau, linear fall to 0 over ``decay_fraction``."""
    warm_up = min(config.warmup_steps, config.steps // 10 + 1)
    decay = max(1, int(config.steps * config.decay_fraction))

    def rate(step: jax.Array) -> jax.Array:
        up = jnp.minimum(1.0, (step + 1) / warm_up)
        down = jnp.clip((config.steps - step) / decay, 0.0, 1.0)
        return config.learning_rate * up * down

    return rate


class MuonState(NamedTuple):
    """Momentum, in the same tree as the parameters."""

    momentum: optax.Updates


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    operand = layers.operand_type()
    return jnp.dot(a.astype(operand), b.astype(operand), preferred_element_type=jnp.float32)


def orthogonalise(g: jax.Array, rounds: int = 5) -> jax.Array:
    """About the nearest semi-orthogonal matrix to g (in, out); float32 in and out."""
    wide = g.shape[0] <= g.shape[1]
    x = g if wide else g.T
    x = x / (jnp.linalg.norm(x) + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(rounds):
        gram = _product(x, x.T)
        x = a * x + _product(b * gram + c * _product(gram, gram), x)
    return x if wide else x.T


def scale_by_muon(beta: float = 0.95, rms: float = 0.2) -> optax.GradientTransformation:
    """Nesterov momentum, orthogonalised and scaled to a root mean square of ``rms``.

    Liu et al. 2025, section 2.2.
    """

    def init(params: optax.Params) -> MuonState:
        return MuonState(jax.tree.map(jnp.zeros_like, params))

    def update(
        updates: optax.Updates, state: MuonState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, MuonState]:
        del params
        momentum = jax.tree.map(lambda m, g: beta * m + (1 - beta) * g, state.momentum, updates)
        nesterov = jax.tree.map(lambda m, g: beta * m + (1 - beta) * g, momentum, updates)
        scaled = jax.tree.map(lambda g: orthogonalise(g) * (rms * max(g.shape) ** 0.5), nesterov)
        return scaled, MuonState(momentum)

    return optax.GradientTransformation(init, update)


class AverageState(NamedTuple):
    """Moving average of the parameters, in the same tree, and how many steps went into it."""

    average: optax.Params
    steps: jax.Array


def average_parameters(decay: float) -> optax.GradientTransformation:
    """Keeps an exponential moving average of the parameters (Polyak & Juditsky 1992).

    Updates pass through unchanged; it comes last in a chain. The decay grows with the steps seen,
    (1 + t) / (10 + t) at most, so that the start is forgotten.
    """

    def init(params: optax.Params) -> AverageState:
        return AverageState(jax.tree.map(jnp.array, params), jnp.zeros((), jnp.int32))

    def update(
        updates: optax.Updates, state: AverageState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, AverageState]:
        kept = jnp.minimum(decay, (1 + state.steps) / (10 + state.steps))
        average = jax.tree.map(
            lambda a, p, u: kept * a + (1 - kept) * (p + u), state.average, params, updates
        )
        return updates, AverageState(average, state.steps + 1)

    return optax.GradientTransformation(init, update)


def averaged(state: OptimiserState) -> optax.Params | None:
    """The average held in an optimiser's state; None where none is kept."""
    nodes = jax.tree.leaves(state, is_leaf=_is_average)
    return next((node.average for node in nodes if _is_average(node)), None)


def _is_average(node: object) -> bool:
    return isinstance(node, AverageState)


def _label(path: tuple[jax.tree_util.DictKey, ...], leaf: jax.Array) -> str:
    """Which half of the optimiser a parameter belongs to, by its name and shape."""
    matrix = leaf.ndim == 2 and path[-1].key.startswith(("w_", "head"))
    return "matrix" if matrix else "rest"


def optimiser(config: TrainConfig) -> optax.GradientTransformation:
    """Gradients clipped by global norm; matrices by Muon or Adam with decoupled weight decay.

    The rest is trained by Adam without decay. Where the settings ask for an average of the
    parameters, the state keeps it.
    """
    adam = optax.scale_by_adam(b1=0.9, b2=0.99)
    rate = optax.scale_by_learning_rate(schedule(config))
    matrices = scale_by_muon() if config.optimiser == "muon" else adam
    halves = {
        "matrix": optax.chain(matrices, optax.add_decayed_weights(config.weight_decay), rate),
        "rest": optax.chain(adam, rate),
    }
    parts = [
        optax.clip_by_global_norm(config.clip),
        optax.partition(halves, lambda tree: jax.tree_util.tree_map_with_path(_label, tree)),
    ]
    return optax.chain(*parts, *([average_parameters(config.average)] if config.average else []))
