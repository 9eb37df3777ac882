"""Each fast layer against its slow twin: values, gradients, and exactness where the design promises it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.integer.config import KNOTS
from models.network import layers


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_recurrence_equals_the_loop_and_its_gradient_autodiff(rng: np.random.Generator) -> None:
    a, x = (jnp.asarray(rng.uniform(0, 1, (11, 2, 5)), jnp.float32) for _ in range(2))
    h0 = jnp.asarray(rng.normal(size=(2, 5)), jnp.float32)

    def loop(a: jax.Array, x: jax.Array, h: jax.Array) -> jax.Array:
        out = []
        for t in range(a.shape[0]):
            h = a[t] * h + x[t]
            out.append(h)
        return jnp.stack(out)

    weight = jnp.asarray(rng.normal(size=a.shape), jnp.float32)
    fast = jax.value_and_grad(lambda *v: (layers.linear_recurrence(*v) * weight).sum(), (0, 1, 2))(
        a, x, h0
    )
    slow = jax.value_and_grad(lambda *v: (loop(*v) * weight).sum(), (0, 1, 2))(a, x, h0)
    for one, other in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_kan_is_linear_interpolation_and_its_gradient_autodiff(rng: np.random.Generator) -> None:
    u = jnp.asarray(rng.uniform(-3.99, 3.99, (40, 6)), jnp.float32)
    knots = jnp.asarray(rng.normal(size=(KNOTS, 6)), jnp.float32)
    grid = np.arange(KNOTS) - KNOTS // 2
    by_numpy = np.stack([np.interp(u[:, c], grid, knots[:, c]) for c in range(6)], axis=1)
    np.testing.assert_allclose(layers.kan(u, knots), by_numpy, atol=1e-5)

    def plain(u: jax.Array, knots: jax.Array) -> jax.Array:
        return sum(knots[j] * jnp.maximum(0, 1 - jnp.abs(u - g)) for j, g in enumerate(grid))  # type: ignore[return-value]

    weight = jnp.asarray(rng.normal(size=u.shape), jnp.float32)
    fast = jax.grad(lambda *v: (layers.kan(*v) * weight).sum(), (0, 1))(u, knots)
    slow = jax.grad(lambda *v: (plain(*v) * weight).sum(), (0, 1))(u, knots)
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_products_of_quantised_operands_are_exact(rng: np.random.Generator) -> None:
    x = layers.quantise(jnp.asarray(rng.normal(size=(64, 320)) * 3, jnp.float32), layers.NORM_STEP)
    w = layers.quantise_weight(jnp.asarray(rng.normal(size=(320, 48)), jnp.float32))
    exact = np.asarray(x, np.float64) @ np.asarray(w, np.float64)
    assert np.array_equal(np.asarray(layers.matmul(x, w), np.float64), exact)


def test_quantised_weights_are_int8_times_a_power_of_two(rng: np.random.Generator) -> None:
    w = jnp.asarray(rng.normal(size=(32, 8)) * np.geomspace(1e-3, 3, 8), jnp.float32)
    whole = np.asarray(layers.quantise_weight(w), np.float64) / np.exp2(
        np.asarray(layers.weight_exponent(w))
    )
    assert np.array_equal(whole, np.rint(whole))
    assert (np.abs(whole).max(axis=0) > 60).all()
    assert np.abs(whole).max() <= 127


def test_gradients_pass_straight_through_inside_the_range_only() -> None:
    gradient = jax.grad(lambda x: layers.quantise(x, 0.25).sum())(
        jnp.asarray([0.1, -31.7, 40.0, -40.0])
    )
    assert gradient.tolist() == [1, 1, 0, 0]


def test_convolution_reads_the_past() -> None:
    z = jnp.arange(4.0).reshape(4, 1, 1) + 10
    past = jnp.asarray([1.0, 2.0]).reshape(2, 1, 1)
    taps = jnp.asarray([[0.5], [0.25]])
    out = layers.short_convolution(z, past, taps).ravel()
    assert out.tolist() == [10 + 1 + 0.25, 11 + 5 + 0.5, 12 + 5.5 + 2.5, 13 + 6 + 2.75]


def test_the_quadratic_sigmoid_is_monotone_from_0_to_1() -> None:
    values = np.asarray(layers.quadratic_sigmoid(jnp.linspace(-5, 5, 101)))
    assert values[0] == 0
    assert values[-1] == 1
    assert (np.diff(values) >= 0).all()
    assert values[50] == pytest.approx(0.5, abs=1e-6)
