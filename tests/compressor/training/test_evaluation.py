"""Evaluation scores what there is: whole windows in 64 lanes, or what a short text allows."""

from __future__ import annotations

import math
from pathlib import Path

import jax
import pytest

from compressor.training.config import TrainingError
from compressor.training.evaluation import evaluate
from compressor.training.networks import network
from compressor.training.step import cross_entropy
from compressor.training.texts import Texts
from models.integer.config import ModelConfig
from models.network.lm import Params


@pytest.mark.slow
@pytest.mark.parametrize(("size", "lanes"), [(2, 1), (513, 1), (4096, 15), (16_447, 63)])
def test_a_short_text_is_scored_in_the_lanes_it_has_room_for(
    size: int, lanes: int, pico: ModelConfig, whole: tuple[Params, Path], texts: Texts
) -> None:
    bits = evaluate(pico, whole[0], texts.train[:size])
    rows = size // lanes
    scored = texts.train[: lanes * rows]
    assert bits == evaluate(pico, whole[0], scored, lanes=lanes, length=rows - 1)
    assert 2 < bits < 12


@pytest.mark.slow
def test_the_mean_is_over_whole_windows_that_hand_on_their_state(
    pico: ModelConfig, whole: tuple[Params, Path], texts: Texts
) -> None:
    rows = 2 * 16 + 9  # two windows of 16 bytes a lane, the rest is left out
    lanes = texts.train[: 4 * rows].reshape(4, rows)
    state = network(pico).initial_state(4)
    nats, _ = jax.jit(lambda text: cross_entropy(pico, whole[0], text, state))(lanes.T[:33])
    bits = evaluate(pico, whole[0], lanes.reshape(-1), lanes=4, length=16)
    assert bits == pytest.approx(float(nats) / math.log(2), abs=1e-5)


@pytest.mark.slow
def test_training_lowers_the_bits_of_text_that_few_lanes_score(
    pico: ModelConfig, fresh: Params, whole: tuple[Params, Path], texts: Texts
) -> None:
    assert texts.valid.size < 64 * 257
    before, after = (evaluate(pico, params, texts.valid) for params in (fresh, whole[0]))
    assert 3 < after < before - 0.5
    assert before < 12


@pytest.mark.parametrize("size", [0, 1])
def test_a_text_with_nothing_to_score_is_refused(
    size: int, pico: ModelConfig, whole: tuple[Params, Path], texts: Texts
) -> None:
    with pytest.raises(TrainingError, match=f"text of {size} bytes has nothing to score: "):
        evaluate(pico, whole[0], texts.train[:size])
