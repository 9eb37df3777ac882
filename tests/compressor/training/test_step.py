"""A step: the objective (the text, a teacher's distribution beside it), and lanes that forget."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compressor.training.config import TrainConfig
from compressor.training.networks import network
from compressor.training.step import Teacher, cross_entropy, forget, objective, warm_lanes
from compressor.training.texts import Texts
from models.integer.config import ModelConfig
from models.network.lm import Params


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_lanes_start_cold_as_often_as_they_are_asked_to() -> None:
    config = TrainConfig(lanes=1000, window=64, cold_start_bytes=256)
    warm = [np.asarray(warm_lanes(config, jnp.asarray(step), None)) for step in range(8)]
    assert 0.7 < np.mean(warm) < 0.8, "a quarter of the lanes in each step"
    assert len({tuple(lanes) for lanes in warm}) == 8, "other lanes in each step"
    np.testing.assert_array_equal(warm[3], warm_lanes(config, jnp.asarray(3), None))


def test_with_a_record_all_lanes_start_cold_where_their_turn_begins() -> None:
    config = TrainConfig(lanes=4, window=1)
    warm = [bool(np.any(warm_lanes(config, jnp.asarray(step), 3))) for step in range(7)]
    assert warm == [False, True, True, False, True, True, False]


def test_a_cold_lane_has_forgotten_everything(pico: ModelConfig) -> None:
    ones = jax.tree.map(jnp.ones_like, network(pico).initial_state(3))
    warm = forget(ones, jnp.asarray([True, False, True]))
    for leaf in jax.tree.leaves(warm):
        lanes = np.moveaxis(np.asarray(leaf), 0 if leaf.ndim == 1 else -2, 0)
        assert lanes[0].all()
        assert not lanes[1].any()
        assert lanes[2].all()
