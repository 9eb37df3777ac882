"""The objective of a step: the text alone, or a teacher's distribution beside it."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import pytest

from compressor.training.networks import network
from compressor.training.step import Teacher, cross_entropy, objective
from compressor.training.texts import Texts
from models.integer.config import ModelConfig
from models.network.lm import Params


@pytest.fixture(scope="module")
def fresh(pico: ModelConfig) -> Params:
    params: Params = jax.jit(lambda: network(pico).initialise(0))()
    return params


def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it(
    pico: ModelConfig, fresh: Params, texts: Texts
) -> None:
    rows = jnp.asarray(texts.train[:66].reshape(33, 2))
    lanes = network(pico).initial_state(2)

    @jax.jit
    def gradient_size(share: float) -> jax.Array:
        def minimised(params: Params) -> jax.Array:
            return objective(pico, params, rows, (lanes, lanes), Teacher(pico, fresh), share)[0]

        gradient = jax.grad(minimised)(fresh)
        return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(gradient)))

    assert gradient_size(1.0) < 1e-2 * gradient_size(0.0)


def test_what_is_minimised_mixes_text_and_teacher_and_what_is_told_is_the_text(
    pico: ModelConfig, fresh: Params, texts: Texts
) -> None:
    rows = jnp.asarray(texts.train[:66].reshape(33, 2))
    lanes = network(pico).initial_state(2)
    teacher = Teacher(pico, jax.tree.map(lambda leaf: 0.5 * leaf, fresh))

    @jax.jit
    def taught(share: float) -> tuple[jax.Array, jax.Array]:
        minimised, (nats, _) = objective(pico, fresh, rows, (lanes, lanes), teacher, share)
        return minimised, nats

    alone = float(jax.jit(lambda: cross_entropy(pico, fresh, rows, lanes)[0])())
    (text, nats), (half, nats_half), (target, _) = (taught(share) for share in (0.0, 0.5, 1.0))
    assert float(text) == pytest.approx(alone, rel=1e-5)
    assert float(nats) == pytest.approx(alone, rel=1e-5)
    assert float(nats_half) == pytest.approx(alone, rel=1e-5)
    assert float(half) == pytest.approx((float(text) + float(target)) / 2, rel=1e-5)
    assert not math.isclose(text, target, rel_tol=1e-3)
