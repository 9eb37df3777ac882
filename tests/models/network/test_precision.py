"""Coarser grids: the network's roundings keep them, gradients pass, bits are about as named."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.integer import weights as wt
from models.integer.config import PRESETS
from models.network import layers, precision
from models.network.lm import Params
from models.network.precision import coarsen
from models.network.quantise import quantise

NANO = PRESETS["nano"]


@pytest.fixture(scope="module")
def params() -> Params:
    """Gaussian weights whose channels differ in spread as training leaves them."""
    tree: Params = {}
    rng = np.random.default_rng(4)
    for name, _, shape in wt.layout(NANO):
        *block, leaf = name.split(".")
        if leaf != "exponent":
            values = rng.normal(0, 0.1, shape) * np.exp2(rng.integers(-3, 2, shape[-1]))
            (tree.setdefault(block[0], {}) if block else tree)[leaf] = jnp.asarray(
                values, jnp.float32
            )
    return tree


def matrices(tree: Params) -> list[jax.Array]:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return [leaf for path, leaf in leaves if precision.kind(path[-1].key) == "matrix"]


def entropy(values: np.ndarray) -> float:
    _, counts = np.unique(values, return_counts=True)
    return float(-(counts / values.size * np.log2(counts / values.size)).sum())


def test_every_array_has_a_rule(params: Params) -> None:
    names = [path[-1].key for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    assert all(precision.kind(name) for name in names)
    assert precision.kind("of_another_network") == ""


@pytest.mark.parametrize("bits", [8, 8.0, 9])
def test_eight_bits_are_what_there_was(params: Params, bits: float) -> None:
    assert coarsen(params, bits) is params


@pytest.mark.slow
@pytest.mark.parametrize("bits", [2, 3.5, 5, 7.5])
def test_the_networks_own_roundings_leave_coarse_weights_as_they_are(
    params: Params, bits: float
) -> None:
    coarse = coarsen(params, bits)
    for w in matrices(coarse):
        assert np.array_equal(layers.quantise_weight(w), w)
        assert np.array_equal(w.astype(jnp.bfloat16).astype(jnp.float32), w)
    assert np.array_equal(layers.quantise(coarse["embed"], layers.EMBED_STEP), coarse["embed"])
    assert np.array_equal(layers.quantise(coarse["table_3"], layers.TABLE_STEP), coarse["table_3"])


@pytest.mark.slow
@given(
    st.lists(st.floats(-2, 2, width=32), min_size=6, max_size=6),
    st.integers(-9, 3),
    st.floats(1, 7.9),
)
def test_whatever_the_values(column: list[float], exponent: int, bits: float) -> None:
    w = (
        jnp.asarray([column], jnp.float32).T
        * 2.0**exponent
        * jnp.asarray([[1, 63.5, 2.0**-12]], jnp.float32)
    )
    coarse = coarsen({"w_in": w, "embed": w, "table_2": w}, bits)
    assert np.array_equal(layers.quantise_weight(coarse["w_in"]), coarse["w_in"])
    assert np.array_equal(layers.quantise(coarse["embed"], layers.EMBED_STEP), coarse["embed"])
    assert np.array_equal(layers.quantise(coarse["table_2"], layers.TABLE_STEP), coarse["table_2"])


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6])
def test_a_gaussian_weighs_the_bits_it_is_named_by(bits: int) -> None:
    w = jnp.asarray(np.random.default_rng(bits).normal(0, 0.0625, (300, 300)), jnp.float32)
    measured = entropy(np.asarray(coarsen({"w_in": w}, bits)["w_in"]))
    assert abs(measured - bits) < 0.51  # the step is a power of two


def test_a_channel_that_the_common_step_does_not_reach_keeps_its_own() -> None:
    w = np.random.default_rng(1).normal(0, 0.01, (64, 40)).astype(np.float32)
    w[:, 7] *= 500
    coarse = np.asarray(coarsen({"w_in": jnp.asarray(w)}, 7)["w_in"])
    own = np.asarray(jnp.ldexp(1.0, layers.weight_exponent(jnp.asarray(w))))[0]
    error = np.abs(coarse - w).max(axis=0)
    assert error[7] <= own[7] / 2
    # The array's spread is that of channel 7, so the common step 2^-5 is much coarser than theirs.
    assert (error[:7] <= 2.0**-6).all()
    assert (own[:7] <= 2.0**-10).all()


def test_the_gradient_goes_straight_through(params: Params) -> None:
    rng = np.random.default_rng(5)
    pull = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape), jnp.float32), params)

    def total(tree: Params) -> jax.Array:
        return sum(
            jnp.vdot(a, b)
            for a, b in zip(jax.tree.leaves(coarsen(tree, 4)), jax.tree.leaves(pull), strict=True)
        )

    gradient = jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(total))(params))
    for (path, ours), pulled in zip(gradient, jax.tree.leaves(pull), strict=True):
        assert np.array_equal(ours, pulled), path


@pytest.mark.slow
def test_compiled_it_is_the_same(params: Params) -> None:
    compiled = jax.jit(lambda tree: coarsen(tree, 3))(params)
    for one, other in zip(
        jax.tree.leaves(compiled), jax.tree.leaves(coarsen(params, 3)), strict=True
    ):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("bits", [3, 5])
def test_the_integers_become_small(params: Params, bits: float) -> None:
    fine, coarse = (quantise(NANO, jax.tree.map(np.asarray, coarsen(params, b))) for b in (8, bits))
    for name in ("mixer_0.w_in", "mlp_1.w_out", "head"):
        # Half a bit of rounding to a power of two, and EXTRA.
        assert entropy(coarse.arrays[name]) < min(bits + 1.6, entropy(fine.arrays[name]))
        value = coarse.arrays[name] * np.exp2(coarse.arrays[f"{name}.exponent"].astype(float))
        leaf = coarsen(params, bits)
        for part in name.split("."):
            leaf = leaf[part]
        assert np.array_equal(value, np.asarray(leaf))
