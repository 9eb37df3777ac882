"""Any order in a window: no pass sees what it predicts, weights are a bound's, training pays."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compressor.training.config import TrainConfig
from compressor.training.evaluation import evaluate
from compressor.training.step import fresh_state, make_step
from data.samples import sample
from data.windows import window
from models.integer.config import PRESETS
from models.network import anyorder, lm
from models.network.anyorder import ORDERS, PASSES, PLACES, SHOWN, OrderConfig
from models.network.variants import matched

NANO = PRESETS["nano"]
TRAINED = OrderConfig.of(NANO, layers=1)
LANES, STEPS = 3, 24
EVALUATED = [passes for passes in PASSES if passes]
SCHEDULES = [(passes, order) for passes in EVALUATED for order in ORDERS]

sequence = jax.jit(anyorder.sequence, static_argnums=0)
fresh = functools.cache(jax.jit(anyorder.initialise, static_argnums=(0, 1)))


def in_passes(passes: int, order: str = "coarse") -> OrderConfig:
    return dataclasses.replace(TRAINED, passes=passes, order=order)


def cold(lanes: int = LANES) -> anyorder.State:
    return anyorder.initial_state(TRAINED, lanes)


@pytest.fixture(scope="module")
def text() -> jax.Array:
    return jnp.asarray(np.frombuffer(sample()[: LANES * STEPS], np.uint8).reshape(LANES, STEPS).T)


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_takes_every_place_once_and_the_last_one_last(name: str) -> None:
    assert sorted(ORDERS[name]) == list(range(PLACES))
    assert ORDERS[name][-1] == SHOWN


@pytest.mark.parametrize(("passes", "order"), SCHEDULES)
def test_a_pass_sees_no_byte_that_it_or_a_later_one_predicts(
    passes: int, order: str, text: jax.Array
) -> None:
    """Each byte of the middle window in turn is another: only later passes may answer to it."""
    config, params = in_passes(passes, order), fresh(TRAINED, 1)
    before, _ = sequence(config, params, text, cold())
    pass_of = {place: i for i, group in enumerate(config.groups()) for place in group}
    start = PLACES
    for place in range(PLACES):
        at = start + place + 1  # the place's byte, which logits at start + place predict
        after, _ = sequence(config, params, text.at[at].add(1), cold())
        same = np.all(np.asarray(before == after), axis=(1, 2))
        assert same[:start].all(), "an earlier window"
        for other in range(PLACES):
            # A byte that is known before a pass is told to every place of it.
            assert same[start + other] == (pass_of[other] <= pass_of[place]), (place, other)
        assert not same[2 * PLACES :].any(), "the next window's slow step reads it"


@pytest.mark.parametrize(("passes", "order"), SCHEDULES)
def test_text_after_a_window_changes_none_of_its_logits(
    passes: int, order: str, text: jax.Array
) -> None:
    config, params = in_passes(passes, order), fresh(TRAINED, 1)
    whole, _ = sequence(config, params, text, cold())
    other, _ = sequence(config, params, text.at[PLACES + 1 :].add(1), cold())
    assert np.array_equal(whole[:PLACES], other[:PLACES])
    alone, _ = sequence(config, params, text[:PLACES], cold())
    np.testing.assert_allclose(alone, whole[:PLACES], atol=1e-4)


def test_ngram_entries_are_visible_where_all_their_bytes_are_known() -> None:
    known = np.random.default_rng(0).random((5, SHOWN, 2)) < 0.6
    orders = (2, 3, 5)
    visible = np.asarray(anyorder.visible_grams(jnp.asarray(known), orders))
    assert visible.shape == (5, PLACES, 2, len(orders))
    for place in range(PLACES):
        for i, order in enumerate(orders):
            reach = known[:, max(0, place - order) : place]
            assert np.array_equal(visible[:, place, :, i], reach.all(axis=1))


@pytest.mark.parametrize("passes", [8, 2])
def test_a_sequence_is_the_two_windows_it_is_made_of(passes: int, text: jax.Array) -> None:
    config, params = in_passes(passes), fresh(TRAINED, 1)
    # Taps away from zero, so that the convolution's past counts.
    mixer = {**params["mixer_0"], "conv_taps": params["mixer_0"]["conv_taps"] + 0.5}
    params = {**params, "mixer_0": mixer}
    whole, after = sequence(config, params, text, cold())
    first, between = sequence(config, params, text[:PLACES], cold())
    second, end = sequence(config, params, text[PLACES:], between)
    np.testing.assert_allclose(jnp.concatenate([first, second]), whole, atol=2e-2)
    for one, other in zip(end, after, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-2)
    alone, _ = sequence(config, params, text[PLACES:], cold())
    assert np.abs(alone - second).max() > 0.1, "the state matters"


def test_a_text_may_end_within_a_window_and_nothing_may_follow(text: jax.Array) -> None:
    config, params = in_passes(4), fresh(TRAINED, 1)
    whole, _ = sequence(config, params, text, cold())
    cut, after = sequence(config, params, text[:19], cold())
    assert cut.shape == (19, LANES, 256)
    np.testing.assert_allclose(cut[:16], whole[:16], atol=1e-4)
    assert np.isfinite(cut).all()
    assert np.isnan(after.h).all()
    with pytest.raises(ValueError, match="no multiple of 8"):
        anyorder.sequence(TRAINED, params, text[:19], cold())


def test_lanes_are_the_last_axis_but_one_of_all_state_and_do_not_mix(text: jax.Array) -> None:
    config, params = in_passes(4), fresh(TRAINED, 1)
    assert all(leaf.shape[-2 if leaf.ndim > 1 else -1] == LANES for leaf in cold())
    before, after = sequence(config, params, text, cold())
    other, changed = sequence(config, params, text.at[:, 1].set(0), cold())
    assert np.array_equal(before[:, 0], other[:, 0])
    assert not np.array_equal(before[:, 1], other[:, 1])
    for one, two in zip(after, changed, strict=True):
        lane = 0 if one.ndim == 1 else (..., 0, slice(None))
        assert np.array_equal(one[lane], two[lane])


def test_masks_are_a_function_of_the_text_and_each_count_is_as_likely(text: jax.Array) -> None:
    one, same = (sequence(TRAINED, fresh(TRAINED, 1), text, cold())[0] for _ in range(2))
    assert np.array_equal(one, same)
    other = anyorder.text_key(text.at[0, 0].add(1))
    assert jnp.any(jax.random.key_data(anyorder.text_key(text)) != jax.random.key_data(other))
    known, weights = anyorder.random_masks(jax.random.key(0), 500, 40)
    counts = np.bincount(np.asarray(known).sum(axis=1).ravel(), minlength=PLACES)
    np.testing.assert_allclose(counts / counts.sum(), 1 / PLACES, atol=0.01)
    np.testing.assert_allclose(np.asarray(known).mean(axis=(0, 2)), 0.5, atol=0.01)
    # A code that costs a bit a byte is estimated at a bit a byte, in the mean and at every place.
    np.testing.assert_allclose(np.asarray(weights).mean(axis=(0, 2)), 1.0, atol=0.05)
    assert np.array_equal(np.asarray(weights)[:, :SHOWN] == 0, known)


def test_the_weighted_loss_is_the_mean_cost_of_a_code_in_random_order() -> None:
    """Costs that depend on how many bytes are known, summed over all the steps of such a code."""
    known, weights = anyorder.random_masks(jax.random.key(1), 1000, 40)
    count = np.asarray(known).sum(axis=1, keepdims=True)
    cost_of = np.array([9.0, 7.0, 6.0, 4.0, 3.0, 2.5, 2.0, 1.0])
    estimate = (np.asarray(weights) * cost_of[count]).sum(axis=1).mean()
    # Seven places, one at each count from 0 to 6, and the last place at a count that is uniform.
    assert estimate == pytest.approx(cost_of[:SHOWN].sum() + cost_of.mean(), rel=0.02)


@pytest.mark.slow
def test_known_places_have_no_gradient_and_masked_ones_their_weight(text: jax.Array) -> None:
    x, weight = jnp.ones((4, 3)), jnp.arange(12.0).reshape(4, 3)
    value, gradient = jax.value_and_grad(lambda x: anyorder.weighted(x, weight).sum())(x)
    assert value == 12
    assert np.array_equal(gradient, weight)

    def bias_gradient(config: OrderConfig) -> np.ndarray:
        def loss(bias: jax.Array) -> jax.Array:
            params = {**fresh(TRAINED, 1), "place_bias": bias}
            logits, _ = anyorder.sequence(config, params, text[:PLACES, :1], cold(1))
            return jnp.sum(jnp.square(logits))

        return np.asarray(jax.grad(loss)(fresh(TRAINED, 1)["place_bias"]))

    known, _ = anyorder.random_masks(anyorder.text_key(text[:PLACES, :1]), 1, 1)
    none = ~np.any(bias_gradient(TRAINED), axis=1)
    assert np.array_equal(none[:SHOWN], known[0, :, 0])
    assert not none[SHOWN]
    assert np.any(bias_gradient(in_passes(1)), axis=1).all()


@pytest.mark.slow
def test_the_gradient_of_every_parameter_is_finite_and_some_of_it_is_not_zero(
    text: jax.Array,
) -> None:
    def loss(params: lm.Params) -> jax.Array:
        logits, _ = anyorder.sequence(TRAINED, params, text[:16], cold())
        taken = jnp.take_along_axis(
            jax.nn.log_softmax(logits), text[1:17, :, None].astype(jnp.int32), axis=2
        )
        return -taken.mean()

    value, gradient = jax.jit(jax.value_and_grad(loss))(fresh(TRAINED, 1))
    assert 3 < value < 9, "about log 256 nats before training"
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert np.any(leaf)


@pytest.mark.slow
def test_a_short_training_lowers_the_bits_of_every_number_of_passes() -> None:
    config = TrainConfig(lanes=8, window=64, total_bytes=8 * 64 * 60, learning_rate=0.01)
    data = np.frombuffer(sample()[:40_000], np.uint8)
    state, take = fresh_state(TRAINED, config), make_step(TRAINED, config)
    bits = {}
    for when in ("before", "after"):
        for passes in EVALUATED:
            bits[when, passes] = evaluate(in_passes(passes), state.params, data[32_000:], 8, 64)
        for step in range(config.steps if when == "before" else 0):
            state, _ = take(state, window(data[:32_000], config.lanes, config.window, step))
    for passes in EVALUATED:
        assert bits["after", passes] < bits["before", passes] - 1
    assert bits["after", 8] < bits["after", 1], "known bytes tell of the others"


@pytest.mark.parametrize("changes", [{}, {"layers": 2, "seen": 3, "inner": 20, "place": 12}])
def test_parameters_are_counted_right(changes: dict[str, int]) -> None:
    config = dataclasses.replace(TRAINED, **changes)  # type: ignore[arg-type]
    shapes = jax.eval_shape(lambda: anyorder.initialise(config, 0))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == config.parameters()


def test_multiply_adds_are_those_of_the_matrices() -> None:
    """A window's are the entries of each matrix, by how often a window meets it."""
    shapes = jax.eval_shape(lambda: anyorder.initialise(TRAINED, 0))
    once = {"w_slow", "w_ngram_inner", "w_before", "w_places"}
    every_byte = {"w_ngram", "w_ngram_place", "head", "head_ngram"}
    for passes in EVALUATED:
        total = 0
        for path, leaf in jax.tree_util.tree_leaves_with_path(shapes):
            names = [key.key for key in path]
            slow = names[0] in ("mixer_0", "mlp_0")
            if names[-1] in once or (slow and names[-1].startswith("w_")):
                total += leaf.size
            elif names[-1] in every_byte or (names[0] == "place_mlp" and names[-1] != "knots"):
                total += PLACES * leaf.size
            elif names[-1] == "w_seen":
                total += passes * leaf.size
        assert in_passes(passes).multiply_adds() == total / PLACES
    assert TRAINED.multiply_adds() == in_passes(1).multiply_adds()


@pytest.mark.parametrize("width", [96, 192, 384])
def test_the_hidden_width_makes_parameters_equal(width: int) -> None:
    tables = ((2, 12), (3, 14), (4, 14), (5, 14))
    base = dataclasses.replace(
        NANO, width=width, layers=3, state=width, hidden=width * 3 // 2, table_dim=8, tables=tables
    )
    config = matched(OrderConfig.of(base), base.parameters())
    assert config.parameters() == pytest.approx(base.parameters(), rel=0.01)
    assert 8 < config.hidden < base.hidden


def test_evaluation_changes_passes_and_order_alone() -> None:
    for passes in EVALUATED:
        config = TRAINED.evaluated(passes)
        assert config.passes == passes
        assert dataclasses.replace(config, passes=0, order=TRAINED.order) == TRAINED
        assert sum(len(group) for group in config.groups()) == PLACES


def test_an_order_shape_survives_json() -> None:
    config = in_passes(4, "left")
    assert OrderConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config


@pytest.mark.parametrize("changes", [{"passes": 3}, {"passes": 16}, {"order": "any"}])
def test_shapes_that_cannot_be_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="passes is one of"):
        dataclasses.replace(TRAINED, **changes)
