"""Variants: the base is the shipped network, sizes are right, state carries on, gradients exist."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data.samples import sample
from models.integer.config import KNOTS, PRESETS
from models.network import lm, variants
from models.network.variants import VariantConfig, matched

BASE = VariantConfig.of(PRESETS["nano"])
LANES, STEPS = 3, 16

CHANGES: dict[str, dict[str, Any]] = {
    "base": {},
    "ssd": {"mixer": "ssd", "head_size": 16, "ssd_state": 8},
    "swiglu": {"mlp": "swiglu"},
    "relu2 without tables": {"mlp": "relu2", "tables": ()},
    "kan": {"mlp": "kan", "start": "relu2", "knots": 17, "span": 2.0, "kan_group": 8},
}


def variant(name: str) -> VariantConfig:
    return dataclasses.replace(BASE, layers=1, **CHANGES[name])


@pytest.fixture(scope="module")
def text() -> jax.Array:
    return jnp.asarray(np.frombuffer(sample()[: LANES * STEPS], np.uint8).reshape(LANES, STEPS).T)


sequence = jax.jit(variants.sequence, static_argnums=0)
fresh = jax.jit(variants.initialise, static_argnums=(0, 1))


def same(one: Any, other: Any) -> bool:
    return all(
        np.array_equal(a, b)
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


@pytest.mark.slow
def test_the_base_is_the_shipped_network(text: jax.Array) -> None:
    config = dataclasses.replace(PRESETS["nano"], layers=1)
    params = jax.jit(lm.initialise, static_argnums=(0, 1))(config, 1)
    assert VariantConfig.of(config) == variant("base")
    again = fresh(variant("base"), 1)
    assert jax.tree.structure(params) == jax.tree.structure(again)
    assert same(params, again)
    ours, state = sequence(
        variant("base"), params, text, variants.initial_state(variant("base"), LANES)
    )
    shipped, after = jax.jit(lm.sequence, static_argnums=0)(
        config, params, text, lm.initial_state(config, LANES)
    )
    assert np.array_equal(ours, shipped)
    assert same(state, after)


def test_the_general_unit_with_the_shipped_grid_is_the_shipped_unit(text: jax.Array) -> None:
    """The same parameters through ``variants.Mlp`` and ``lm.KanLayer``."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2, BASE.width)), jnp.float32)
    general, shipped = variants.Mlp(BASE), lm.KanLayer(BASE)  # type: ignore[arg-type]
    params = jax.jit(shipped.init)(jax.random.key(0), x)
    assert same(params, jax.jit(general.init)(jax.random.key(0), x))
    assert same(jax.jit(general.apply)(params, x), jax.jit(shipped.apply)(params, x))


@pytest.mark.parametrize("name", CHANGES)
def test_parameters_are_counted_right(name: str) -> None:
    config = dataclasses.replace(variant(name), layers=2)
    shapes = jax.eval_shape(lambda: variants.initialise(config, 0))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == config.parameters()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CHANGES if name != "base"])
def test_the_gradient_of_every_parameter_is_finite_and_some_of_it_is_not_zero(
    name: str, text: jax.Array
) -> None:
    config = variant(name)
    params, state = fresh(config, 1), variants.initial_state(config, LANES)

    def loss(params: lm.Params) -> jax.Array:
        logits, _ = variants.sequence(config, params, text[:8], state)
        taken = jnp.take_along_axis(
            jax.nn.log_softmax(logits), text[1:9, :, None].astype(jnp.int32), axis=2
        )
        return -taken.mean()

    value, gradient = jax.jit(jax.value_and_grad(loss))(params)
    assert 3 < value < 9, "about log 256 nats before training"
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert np.any(leaf)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["base", "ssd", "relu2 without tables"])
def test_a_window_is_the_two_windows_it_is_made_of(name: str, text: jax.Array) -> None:
    config = variant(name)
    params, state = fresh(config, 1), variants.initial_state(config, LANES)
    # Taps away from zero, so that the convolution's past counts.
    params["mixer_0"]["conv_taps"] = params["mixer_0"]["conv_taps"] + 0.5
    whole, after = sequence(config, params, text, state)
    first, between = sequence(config, params, text[:8], state)
    second, end = sequence(config, params, text[8:], between)
    np.testing.assert_allclose(jnp.concatenate([first, second]), whole, atol=2e-2)
    for one, other in zip(end, after, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-2)
    cold, _ = sequence(config, params, text[8:], state)
    assert np.abs(cold - second).max() > 0.1, "the state matters"


@pytest.mark.parametrize("name", ["base", "ssd"])
def test_lanes_are_the_last_axis_but_one_of_all_state_and_do_not_mix(
    name: str, text: jax.Array
) -> None:
    config = variant(name)
    state = variants.initial_state(config, LANES)
    assert all(leaf.shape[-2 if leaf.ndim > 1 else -1] == LANES for leaf in state)
    params = fresh(config, 1)
    before, after = sequence(config, params, text, state)
    other, changed = sequence(config, params, text.at[:, 1].set(0), state)
    assert np.array_equal(before[:, 0], other[:, 0])
    assert not np.array_equal(before[:, 1], other[:, 1])
    for one, two in zip(after, changed, strict=True):
        lane = 0 if one.ndim == 1 else (..., 0, slice(None))
        assert np.array_equal(one[lane], two[lane])


@pytest.mark.parametrize("name", ["ssd"])
def test_no_logit_depends_on_a_later_byte(name: str, text: jax.Array) -> None:
    config = variant(name)
    params, state = fresh(config, 1), variants.initial_state(config, LANES)
    before, _ = sequence(config, params, text, state)
    after, _ = sequence(config, params, text.at[10].set(7), state)
    np.testing.assert_allclose(before[:10], after[:10], atol=1e-5)
    assert not np.array_equal(before[10:], after[10:])


def test_channels_of_a_group_share_their_function() -> None:
    config = dataclasses.replace(BASE, layers=1, hidden=16, kan_group=8)
    shapes = jax.eval_shape(lambda: variants.initialise(config, 0))
    assert shapes["mlp_0"]["knots"].shape == (KNOTS, 2)


@pytest.mark.parametrize("name", CHANGES)
def test_matched_keeps_parameters_within_one_per_cent(name: str) -> None:
    target = BASE.parameters() + 6000
    config = matched(dataclasses.replace(BASE, **CHANGES[name], hidden=64), target)
    assert config.parameters() == pytest.approx(target, rel=0.01)
    changed = dataclasses.replace(BASE, **CHANGES[name], hidden=64)
    assert dataclasses.replace(config, hidden=64) == changed


def test_what_cannot_be_matched_is_refused() -> None:
    with pytest.raises(ValueError, match="hidden width"):
        matched(BASE, 1000)
    with pytest.raises(ValueError, match="finer step"):
        matched(dataclasses.replace(BASE, hidden=256, kan_group=256), 70_000)


def test_a_variant_survives_json() -> None:
    config = variant("ssd")
    assert VariantConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"mixer": "lstm"}, "mixer"),
        ({"knots": 8}, "odd"),
        ({"kan_group": 5}, "groups"),
        ({"mixer": "ssd", "head_size": 5}, "heads"),
    ],
)
def test_shapes_that_cannot_be_are_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(BASE, **changes)
