"""The network over tokens: sizes are right, state carries on, every parameter learns."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.integer.config import ModelConfig
from models.integer.ngram import context_index
from models.network import tokens
from models.network.lm import Params
from models.network.tokens import TokenConfig, TokenLM, equal

SHAPE = TokenConfig(16, 1, 16, 24, 2, 4, ((2, 8), (3, 8), (4, 9)), vocabulary=600, rank=8)
LANES, STEPS = 3, 16
TABLES = ((2, 15), (3, 14), (4, 12))


@pytest.fixture(scope="module")
def text() -> jax.Array:
    drawn = np.random.default_rng(0).integers(0, SHAPE.vocabulary, (STEPS, LANES), np.uint16)
    return jnp.asarray(drawn)


sequence = jax.jit(tokens.sequence, static_argnums=0)
fresh = jax.jit(tokens.initialise, static_argnums=(0, 1))


def learned(config: TokenConfig) -> int:
    shapes = jax.eval_shape(lambda: tokens.initialise(config, 0))
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize("changes", [{}, {"layers": 2, "mlp": "kan"}, {"tables": ((3, 8),)}])
def test_parameters_are_counted_right(changes: dict[str, Any]) -> None:
    config = dataclasses.replace(SHAPE, **changes)
    assert learned(config) == config.parameters()


def test_multiply_adds_are_those_of_the_matrices() -> None:
    tree = jax.eval_shape(lambda: tokens.initialise(SHAPE, 0))
    products = 0
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = path[-1].key
        if leaf.ndim == 2 and (name.startswith(("w_", "head")) or name == "embed"):
            products += leaf.size
    assert products == SHAPE.multiply_adds()


@pytest.mark.parametrize("width", [96, 192, 384])
def test_a_network_of_equal_size_has_the_parameters_of_the_byte_network(width: int) -> None:
    byte_tables = ((2, 12), (3, 14), (4, 14), (5, 14))
    base = ModelConfig(width, 3, width, width * 3 // 2, 2, 8, byte_tables)
    shape = equal(base, TABLES, 4096, width // 3)
    assert abs(shape.parameters() / base.parameters() - 1) < 0.01
    assert shape.table_parameters() == sum(8 << bits for _, bits in byte_tables)
    assert learned(shape) == shape.parameters()
    assert (shape.layers, shape.taps, shape.vocabulary) == (3, 2, 4096)
    assert 0.7 * width < shape.width < width
    with pytest.raises(ValueError, match="not as large"):
        equal(base, ((2, 15), (3, 14), (4, 11)), 4096, width // 3)


def test_a_vocabulary_that_leaves_no_room_for_blocks_is_refused() -> None:
    base = ModelConfig(32, 2, 32, 48, 2, 8, ((2, 12), (3, 14), (4, 14), (5, 14)))
    with pytest.raises(ValueError, match="hidden width"):
        equal(base, TABLES, 4096, 32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tables": ((5, 8),)}, "orders of tokens"),
        ({"vocabulary": (1 << 16) + 1}, "vocabulary"),
        ({"rank": 0}, "rank"),
        ({"mlp": "swiglu"}, "mlp"),
    ],
)
def test_a_shape_out_of_its_limits_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SHAPE, **changes)


def test_the_history_holds_the_last_four_tokens(text: jax.Array) -> None:
    zeros = jnp.zeros(LANES, jnp.uint32)
    low, high = TokenLM(SHAPE).histories(text, zeros, zeros)
    rows = np.concatenate([np.zeros((3, LANES), np.uint64), np.asarray(text, np.uint64)])
    last = sum(rows[3 - back : 3 - back + STEPS] << np.uint64(16 * back) for back in range(4))
    assert np.array_equal(np.asarray(low, np.uint64) | np.asarray(high, np.uint64) << 32, last)
    # The same two tokens before a place, and others before those, are one bigram and two trigrams.
    mine = np.array([0x0102_0304, 0x0102_0304], np.uint32), np.array([1, 2], np.uint32)
    assert len(set(context_index(*mine, 4, 16).tolist())) == 1
    assert len(set(context_index(*mine, 6, 16).tolist())) == 2


@pytest.mark.slow
def test_a_window_is_the_two_windows_it_is_made_of(text: jax.Array) -> None:
    params, state = fresh(SHAPE, 1), tokens.initial_state(SHAPE, LANES)
    # Taps away from zero, so that the convolution's past counts.
    params["mixer_0"]["conv_taps"] = params["mixer_0"]["conv_taps"] + 0.5
    whole, after = sequence(SHAPE, params, text, state)
    assert whole.shape == (STEPS, LANES, SHAPE.vocabulary)
    first, between = sequence(SHAPE, params, text[:8], state)
    second, end = sequence(SHAPE, params, text[8:], between)
    np.testing.assert_allclose(jnp.concatenate([first, second]), whole, atol=2e-2)
    for one, other in zip(end, after, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-2)
    cold, _ = sequence(SHAPE, params, text[8:], state)
    assert np.abs(cold - second).max() > 0.05, "state counts"


@pytest.mark.slow
def test_what_comes_later_changes_nothing_before(text: jax.Array) -> None:
    params, state = fresh(SHAPE, 1), tokens.initial_state(SHAPE, LANES)
    changed = text.at[8:].set(text[8:][::-1])
    ours, theirs = (sequence(SHAPE, params, rows, state)[0] for rows in (text, changed))
    assert np.array_equal(ours[:8], theirs[:8])
    assert not np.array_equal(ours[8:], theirs[8:])


@pytest.mark.slow
def test_the_gradient_of_every_parameter_is_finite_and_some_of_it_is_not_zero(
    text: jax.Array,
) -> None:
    params, state = fresh(SHAPE, 1), tokens.initial_state(SHAPE, LANES)

    def loss(params: Params) -> jax.Array:
        logits, _ = tokens.sequence(SHAPE, params, text[:8], state)
        labels = text[1:9, :, None].astype(jnp.int32)
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels, axis=2).mean()

    value, gradient = jax.jit(jax.value_and_grad(loss))(params)
    assert 5.5 < value < 8, "about log 600 nats before training"
    for leaf in jax.tree.leaves(gradient):
        assert np.isfinite(leaf).all()
        assert np.any(leaf)
