"""The optimiser does what its papers say: orthogonal updates, a schedule, an average."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from compressor.training.config import TrainConfig
from compressor.training.optimiser import (
    average_parameters,
    averaged,
    optimiser,
    orthogonalise,
    schedule,
)


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (32, 32)])
def test_orthogonalise_brings_singular_values_near_one(shape: tuple[int, int]) -> None:
    g = jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
    values = np.linalg.svd(np.asarray(orthogonalise(g)), compute_uv=False)
    assert 0.3 < values.min() <= values.max() < 1.4


def test_the_rate_warms_up_and_ends_at_zero() -> None:
    config = TrainConfig(total_bytes=32 * 256 * 1000)
    rate = schedule(config)
    values = [float(rate(jnp.asarray(step))) for step in (0, 99, 150, 600, 1000)]
    assert values[0] < values[1] <= values[2] == pytest.approx(config.learning_rate)
    assert values[3] == pytest.approx(config.learning_rate * 400 / 750)
    assert values[4] == 0


def test_the_average_is_the_exponential_average() -> None:
    transform = average_parameters(0.5)
    params = {"w": jnp.zeros(2)}
    state = transform.init(params)
    expected = np.zeros(2)
    for step in range(5):
        updates = {"w": jnp.full(2, float(step))}
        _, state = transform.update(updates, state, params)
        params = {"w": params["w"] + updates["w"]}
        kept = min(0.5, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * np.asarray(params["w"])
    average = averaged(("another state", state))
    assert average is not None
    assert np.allclose(average["w"], expected)


@pytest.mark.parametrize(("average", "there"), [(0.0, False), (0.9, True)])
def test_an_average_is_kept_where_it_is_asked_for(average: float, there: bool) -> None:
    params = {"block": {"w_in": jnp.ones((2, 3)), "bias": jnp.ones(3)}}
    state = optimiser(TrainConfig(average=average)).init(params)
    assert (averaged(state) is not None) == there
