"""Networks by patches: rules, what each byte may see, and windows that cut a patch."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.network import patches
from models.network.patches import (
    BLIND,
    BLOCK,
    CHEAP,
    FIXED,
    GATE,
    SURPRISE,
    WORDS,
    PatchConfig,
    State,
)

BASE = PatchConfig(16, 2, 16, 24, 2, 4, ((2, 8), (3, 9)), FIXED, 2, 2, BLOCK, 8)
SHAPES = {
    "fixed": BASE,
    "words": dataclasses.replace(BASE, rule=WORDS, most=8),
    "surprise": dataclasses.replace(BASE, rule=SURPRISE, most=8, threshold=3.0),
    "cheap": dataclasses.replace(BASE, fast=CHEAP),
    "gate": dataclasses.replace(BASE, fast=CHEAP, rule=GATE, least=1, target=0.7),
    "blind": dataclasses.replace(BASE, fast=BLIND, least=4, most=4),
}
TEXT = b"The quick brown fox, 12 of them: caf\xc3\xa9 au lait!\n[[Category:Foxes]] jumps over it. "


def _params(config: PatchConfig) -> dict:
    """Fresh parameters, with no array left at zero, so that everything has an effect."""
    params = jax.jit(patches.initialise, static_argnums=(0, 1))(config, 0)
    random = np.random.default_rng(1)
    return jax.tree.map(
        lambda x: jnp.where(x == 0, jnp.asarray(random.uniform(0, 6, x.shape), x.dtype), x), params
    )


def _tokens(lanes: int = 3) -> np.ndarray:
    columns = [np.roll(np.frombuffer(TEXT, np.uint8), -7 * lane)[:72] for lane in range(lanes)]
    return np.stack(columns, axis=1)


def _read(config: PatchConfig, params: dict, tokens: np.ndarray) -> jax.Array:
    state = patches.initial_state(config, tokens.shape[1])
    return patches.sequence(config, params, jnp.asarray(tokens), state)[0]


def _ages(config: PatchConfig, params: dict, tokens: np.ndarray) -> np.ndarray:
    """The age of the patch after each byte."""
    state, ages = patches.initial_state(config, tokens.shape[1]), []
    step = jax.jit(patches.sequence, static_argnums=0)
    for row in tokens:
        _, state = step(config, params, jnp.asarray(row[None]), state)
        ages.append(np.asarray(state.age))
    return np.stack(ages)


@pytest.mark.parametrize("name", SHAPES)
def test_counts_its_parameters(name):
    config = SHAPES[name]
    params = patches.initialise(config, 0)
    frozen = 1 << patches.SURPRISE_BITS if config.rule == SURPRISE else 0
    assert config.parameters() == sum(x.size for x in jax.tree.leaves(params)) - frozen


@pytest.mark.parametrize("name", SHAPES)
def test_a_text_in_windows_is_the_text_in_one(name):
    config = SHAPES[name]
    params, tokens = _params(config), _tokens()
    whole = _read(config, params, tokens)
    state, parts = patches.initial_state(config, tokens.shape[1]), []
    for begin, end in ((0, 1), (1, 42), (42, 72)):
        logits, state = patches.sequence(config, params, jnp.asarray(tokens[begin:end]), state)
        parts.append(logits)
    assert isinstance(state, State)
    np.testing.assert_allclose(jnp.concatenate(parts), whole, atol=2e-3)


@pytest.mark.parametrize("name", SHAPES)
def test_no_byte_changes_what_is_said_before_it(name):
    config = SHAPES[name]
    params, tokens = _params(config), _tokens()
    other = tokens.copy()
    other[40] ^= 0x15
    before, after = _read(config, params, tokens), _read(config, params, other)
    np.testing.assert_array_equal(before[:40], after[:40])
    assert not np.array_equal(before[40:], after[40:])


def test_heads_that_are_blind_see_no_byte_of_their_patch():
    config = SHAPES["blind"]
    params, tokens = _params(config), _tokens()
    ages = _ages(config, params, tokens)[:, 0]
    end = int(np.flatnonzero(ages == 1)[5])
    assert ages[end : end + 5].tolist() == [1, 2, 3, 4, 1]
    other = tokens.copy()
    other[end + 1 : end + 4] ^= 0x15
    before, after = _read(config, params, tokens), _read(config, params, other)
    np.testing.assert_array_equal(before[: end + 4], after[: end + 4])


@pytest.mark.parametrize("name", SHAPES)
def test_patches_end_within_their_bounds(name):
    config = SHAPES[name]
    ages = _ages(config, _params(config), _tokens())
    assert (ages[0] == 1).all()
    for lane in ages.T:
        lengths = np.diff(np.flatnonzero(lane == 1))
        assert lengths.min() >= config.least
        assert lengths.max() <= config.most


def test_word_like_patches_end_after_the_byte_that_follows_a_word():
    config = SHAPES["words"]
    tokens = np.frombuffer(TEXT, np.uint8)[:72, None]
    ages = _ages(config, _params(config), tokens)[:, 0]
    ends = set(np.flatnonzero(ages == 1))
    for place in range(2, 72):
        pair = bytes(tokens[place - 1 : place + 1, 0])
        after_word = patches.WORD[pair[0]] and not patches.WORD[pair[1]]
        fits = ages[place - 1] >= config.least
        assert (place in ends) == (fits and (after_word or ages[place - 1] >= config.most))


def test_words_are_letters_digits_and_other_scripts():
    plain = {byte for byte in range(128) if chr(byte).isalnum()}
    assert set(np.flatnonzero(patches.WORD)) == plain | set(range(128, 256))


def test_a_costly_byte_ends_a_patch_and_no_other():
    config = dataclasses.replace(SHAPES["surprise"], most=64)
    params = patches.initialise(config, 0)
    tokens = _tokens(1)
    assert (np.flatnonzero(_ages(config, params, tokens)[:, 0] == 1) == [0, 64]).all()
    params["costs"] = jnp.full_like(params["costs"], 9.0)
    assert (np.diff(np.flatnonzero(_ages(config, params, tokens)[:, 0] == 1)) == 2).all()


def test_a_gate_learns_from_what_its_steps_are_worth_and_from_its_share():
    config = SHAPES["gate"]
    params, tokens = _params(config), jnp.asarray(_tokens())

    def loss(params: dict) -> jax.Array:
        state = patches.initial_state(config, tokens.shape[1])
        logits, _ = patches.sequence(config, params, tokens[:-1], state)
        picked = jnp.take_along_axis(logits, tokens[1:, :, None].astype(jnp.int32), axis=-1)
        return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - picked[..., 0])

    assert float(jnp.abs(jax.grad(loss)(params)["gate"]).max()) > 0
    p = jnp.linspace(0.55, 0.9, 8)
    pull = jax.grad(lambda p: jnp.sum(patches.held_near(p, 0.7)) * 0)(p)
    assert (pull > 0).all(), "all fire, so the share must fall, and a step goes against the slope"
    pull = jax.grad(lambda p: jnp.sum(patches.held_near(p, 0.7)) * 0)(1 - p)
    assert (pull < 0).all()


def test_steps_cost_less_the_fewer_they_are():
    config = SHAPES["words"]
    slow = 2 * config.slow_shape.block_products() + 16 * 8
    assert config.multiply_adds(1.0) - config.multiply_adds(0.5) == pytest.approx(slow / 2)


@pytest.mark.parametrize("change", [{"rule": "x"}, {"fast": "x"}, {"least": 3}, {"least": 0}])
def test_refuses_what_is_no_shape(change):
    with pytest.raises(ValueError, match=r"rule|patch"):
        dataclasses.replace(BASE, **change)
