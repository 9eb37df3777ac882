"""The byte model: sequence and step agree, causality, state, and how near the integers stay."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data.samples import sample
from models.integer.config import PRESETS
from models.integer.fixed_point import FIRST_BYTE
from models.integer.reference import Reference
from models.network import lm
from models.network.quantise import quantise

CONFIG = PRESETS["nano"]

sequence = jax.jit(lm.sequence, static_argnums=0)
step = jax.jit(lm.step, static_argnums=0)


@pytest.fixture(scope="module")
def params() -> lm.Params:
    return jax.jit(lm.initialise, static_argnums=(0, 1))(CONFIG, 1)


@pytest.fixture(scope="module")
def text() -> jax.Array:
    return jnp.asarray(np.frombuffer(sample()[:120], np.uint8).reshape(3, 40).T)


@pytest.mark.slow
def test_sequence_and_step_agree(params: lm.Params, text: jax.Array) -> None:
    whole, after = sequence(CONFIG, params, text, lm.initial_state(CONFIG, 3))
    state, steps = lm.initial_state(CONFIG, 3), []
    for row in text:
        logits, state = step(CONFIG, params, row, state)
        steps.append(logits)
    # A float product gives other last bits for another number of rows, and a rounding can then
    # fall the other way.
    np.testing.assert_allclose(np.stack(steps), whole, atol=2e-2)
    for one, other in zip(state, after, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-2)


@pytest.mark.slow
def test_a_window_is_the_two_windows_it_is_made_of(params: lm.Params, text: jax.Array) -> None:
    whole, _ = sequence(CONFIG, params, text, lm.initial_state(CONFIG, 3))
    first, state = sequence(CONFIG, params, text[:17], lm.initial_state(CONFIG, 3))
    second, _ = sequence(CONFIG, params, text[17:], state)
    np.testing.assert_allclose(jnp.concatenate([first, second]), whole, atol=2e-2)


def test_no_logit_depends_on_a_later_byte_or_another_lane(
    params: lm.Params, text: jax.Array
) -> None:
    other = text.at[20:, 1].set(0)
    before, _ = sequence(CONFIG, params, text, lm.initial_state(CONFIG, 3))
    after, _ = sequence(CONFIG, params, other, lm.initial_state(CONFIG, 3))
    assert np.array_equal(before[:20], after[:20])
    assert np.array_equal(before[:, 0], after[:, 0])
    assert not np.array_equal(before[20:, 1], after[20:, 1])


@pytest.mark.slow
def test_parameters_are_counted_right(params: lm.Params) -> None:
    for name, config in PRESETS.items():
        shapes = jax.eval_shape(lambda config=config: lm.initialise(config, 0))
        assert sum(x.size for x in jax.tree.leaves(shapes)) == config.parameters(), name


def test_the_integer_twin_stays_near_the_float_model(params: lm.Params, text: jax.Array) -> None:
    twin = Reference(quantise(CONFIG, params), 3)
    start = jnp.concatenate([jnp.full((1, 3), FIRST_BYTE, jnp.uint8), text])
    logits, _ = sequence(CONFIG, params, start[:-1], lm.initial_state(CONFIG, 3))
    scores = np.asarray(jax.nn.log_softmax(logits)) / np.log(2)
    taken = np.asarray(text)
    by_float = -np.take_along_axis(scores, taken[..., None].astype(int), axis=2).sum()
    by_integers = 0.0
    for row in taken:
        counts = twin.predict().astype(np.float64)
        by_integers -= np.log2(counts[np.arange(3), row] / counts.sum(axis=1)).sum()
        twin.perceive(row)
    assert by_integers == pytest.approx(by_float, rel=2e-3)
