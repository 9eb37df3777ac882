"""The transformer baseline: two readings of one parameter tree agree, nothing leaks from the future, the context is bounded."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from baselines import transformer
from baselines.transformer import PRESETS, TransformerConfig, initial_cache, initial_state, sequence
from baselines.transformer_weights import WeightsError, pack, unpack
from data.samples import sample
from models.integer.config import PRESETS as OURS

NANO = PRESETS["transformer-nano"]
STEPS, LANES = 80, 3


@pytest.fixture(scope="module")
def params() -> dict:
    return transformer.initialise(NANO, 0)


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return np.frombuffer(sample()[: STEPS * LANES], np.uint8).reshape(LANES, STEPS).T


@pytest.fixture(scope="module")
def logits(params: dict, text: np.ndarray) -> np.ndarray:
    return np.asarray(sequence(NANO, params, jnp.asarray(text), initial_state(NANO, LANES))[0])


step = jax.jit(transformer.step, static_argnums=0)


def stepped(params: dict, text: np.ndarray, skew: int = 0) -> np.ndarray:
    cache, out = initial_cache(NANO, text.shape[1]), []
    for t, byte in enumerate(text):
        row, cache = step(NANO, params, jnp.asarray(byte), cache, jnp.int32(t + skew * (t > 20)))
        out.append(np.asarray(row))
    return np.stack(out)


def test_a_byte_at_a_time_predicts_what_whole_windows_do(
    params: dict, text: np.ndarray, logits: np.ndarray
) -> None:
    """Up to the bfloat16 of the cache; the ring wraps five times. A wrong position shows: the second half says how much."""
    error = np.abs(stepped(params, text) - logits).mean()
    assert error < 0.05 * np.abs(logits).mean()
    assert np.abs(stepped(params, text, skew=5) - logits)[21:].mean() > 2 * error


def test_windows_carry_on(params: dict, text: np.ndarray, logits: np.ndarray) -> None:
    state, out = initial_state(NANO, LANES), []
    for start in range(0, STEPS, 20):
        row, state = sequence(NANO, params, jnp.asarray(text[start : start + 20]), state)
        out.append(np.asarray(row))
    assert np.abs(np.concatenate(out) - logits).mean() < 0.05 * np.abs(logits).mean()
    assert np.asarray(state.filled).tolist() == [NANO.context] * LANES


def test_the_future_is_not_seen_and_the_past_only_so_far(
    params: dict, text: np.ndarray, logits: np.ndarray
) -> None:
    other = text.copy()
    other[30] ^= 1
    changed = np.asarray(sequence(NANO, params, jnp.asarray(other), initial_state(NANO, LANES))[0])
    differs = np.any(changed != logits, axis=(1, 2))
    reach = NANO.layers * (NANO.context - 1) + max(order for order, _ in NANO.tables)
    assert not differs[:30].any()
    assert differs[30] and differs[30 + NANO.context]
    assert not differs[30 + reach :].any()


def test_an_emptied_lane_is_a_fresh_one(params: dict, text: np.ndarray) -> None:
    _, state = sequence(NANO, params, jnp.asarray(text[:40]), initial_state(NANO, LANES))
    cold = state._replace(filled=state.filled * 0, low=state.low * 0, high=state.high * 0)
    again = np.asarray(sequence(NANO, params, jnp.asarray(text[:20]), cold)[0])
    fresh = np.asarray(
        sequence(NANO, params, jnp.asarray(text[:20]), initial_state(NANO, LANES))[0]
    )
    assert np.array_equal(again, fresh)


def test_the_query_blocks_do_not_change_the_result(
    params: dict, text: np.ndarray, logits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformer, "QUERY_BLOCK", 16)
    again = np.asarray(sequence(NANO, params, jnp.asarray(text), initial_state(NANO, LANES))[0])
    assert np.abs(again - logits).mean() < 0.02 * np.abs(logits).mean()


def test_it_is_the_same_size_as_ours() -> None:
    for name, twin in (("small", "transformer"), ("nano", "transformer-nano")):
        assert PRESETS[twin].parameters() == pytest.approx(OURS[name].parameters(), rel=0.02)


def test_parameters_counts_what_is_there(params: dict) -> None:
    assert NANO.parameters() == sum(leaf.size for leaf in jax.tree.leaves(params))


def test_the_weights_file_holds_what_training_simulated(
    params: dict, text: np.ndarray, logits: np.ndarray
) -> None:
    data = pack(NANO, params)
    config, read = unpack(data)
    assert config == NANO
    assert pack(NANO, params) == data
    again = np.asarray(sequence(config, read, jnp.asarray(text), initial_state(NANO, LANES))[0])
    assert np.abs(again - logits).mean() < 0.01 * np.abs(logits).mean()


@pytest.mark.parametrize("cut", [0, 3, 40, -5])
def test_a_damaged_weights_file_is_refused(params: dict, cut: int) -> None:
    with pytest.raises(WeightsError):
        unpack(pack(NANO, params)[:cut])


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="heads"):
        TransformerConfig(32, 1, 3, 32, 16, 4, ((2, 8),))
