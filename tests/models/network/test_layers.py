"""Each fast layer against a slow one: values, gradients, and exactness where it is promised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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

    def value_and_gradient(recurrence: Callable[..., jax.Array]) -> Any:
        loss = lambda *v: (recurrence(*v) * weight).sum()  # noqa: E731
        return jax.jit(jax.value_and_grad(loss, (0, 1, 2)))(a, x, h0)

    fast, slow = value_and_gradient(layers.linear_recurrence), value_and_gradient(loop)
    for one, other in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("count", "span"), [(KNOTS, layers.KAN_SPAN), (5, 4.0), (17, 4.0), (9, 2.0), (17, 8.0)]
)
def test_kan_is_linear_interpolation_and_its_gradient_autodiff(
    rng: np.random.Generator, count: int, span: float
) -> None:
    u = jnp.asarray(rng.uniform(-0.999 * span, 0.999 * span, (40, 6)), jnp.float32)
    knots = jnp.asarray(rng.normal(size=(count, 6)), jnp.float32)
    grid, step = np.linspace(-span, span, count), 2 * span / (count - 1)
    by_numpy = np.stack([np.interp(u[:, c], grid, knots[:, c]) for c in range(6)], axis=1)
    ours = jax.jit(layers.kan, static_argnums=2)(u, knots, span)
    np.testing.assert_allclose(ours, by_numpy, atol=1e-5)

    def plain(u: jax.Array, knots: jax.Array) -> jax.Array:
        hats = (jnp.maximum(0, 1 - jnp.abs(u - g) / step) for g in grid)
        return jnp.sum(jnp.stack([knot * hat for knot, hat in zip(knots, hats, strict=True)]), 0)

    weight = jnp.asarray(rng.normal(size=u.shape), jnp.float32)
    fast = jax.jit(jax.grad(lambda *v: (layers.kan(*v, span) * weight).sum(), (0, 1)))(u, knots)
    slow = jax.jit(jax.grad(lambda *v: (plain(*v) * weight).sum(), (0, 1)))(u, knots)
    for by_hand, by_autodiff in zip(fast, slow, strict=True):
        np.testing.assert_allclose(by_hand, by_autodiff, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags : avx2 fma avx512_bf16 amx_bf16", jnp.bfloat16),
        ("Features : asimd bf16", jnp.bfloat16),
        ("flags : avx2 fma", jnp.float32),
        (None, jnp.float32),
    ],
)
def test_operands_are_bfloat16_where_the_processor_multiplies_it(
    flags: str | None, expected: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(flags + "\n")
    monkeypatch.setattr(layers, "CPUINFO", cpuinfo)
    assert layers.operand_type.__wrapped__() == expected


@pytest.mark.parametrize("operand", [jnp.bfloat16, jnp.float32])
def test_products_of_quantised_operands_are_exact(
    operand: type, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "operand_type", lambda: operand)
    x = layers.quantise(jnp.asarray(rng.normal(size=(64, 320)) * 3, jnp.float32), layers.NORM_STEP)
    w = layers.quantise_weight(jnp.asarray(rng.normal(size=(320, 48)), jnp.float32))
    exact = np.asarray(x, np.float64) @ np.asarray(w, np.float64)
    assert np.array_equal(np.asarray(layers.matmul(x, w), np.float64), exact)


def test_quantised_weights_are_int8_times_a_power_of_two(rng: np.random.Generator) -> None:
    w = jnp.asarray(rng.normal(size=(32, 8)) * np.geomspace(1e-3, 3, 8), jnp.float32)
    step = np.exp2(np.asarray(layers.weight_exponent(w)))
    whole = np.asarray(layers.quantise_weight(w), np.float64) / step
    assert np.array_equal(whole, np.rint(whole))
    assert (np.abs(whole).max(axis=0) > 60).all()
    assert np.abs(whole).max() <= 127


def test_gradients_pass_straight_through_inside_the_range_only() -> None:
    x = jnp.asarray([0.1, -31.7, 40.0, -40.0])
    gradient = jax.grad(lambda x: layers.quantise(x, 0.25).sum())(x)
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
