"""The rung of bigger tokens: it reads what byte training reads, learns, and counts in bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from compressor.ladder.tokens import facts_of, run_tokens, shape, tokenised
from compressor.training import showing
from compressor.training.config import TrainConfig
from compressor.training.evaluation import evaluate
from compressor.training.networks import kind_of, network, shape_of
from compressor.training.run import windows_of
from compressor.training.texts import Texts
from data.samples import sample
from models.integer.config import ModelConfig

BASE = ModelConfig(96, 1, 96, 144, 1, 8, ((2, 12), (3, 14), (4, 14), (5, 14)))
SETTING = TrainConfig(lanes=4, window=64, total_bytes=4 * 64 * 12, learning_rate=0.01, seed=1)


@pytest.fixture(scope="module")
def texts() -> Texts:
    text = np.frombuffer(sample(), np.uint8)
    cut = text.size * 9 // 10
    return Texts("sample", text[:cut], text[cut : cut + 8000])


@pytest.mark.parametrize("seed", [0, 1])
def test_lanes_read_the_text_that_they_read_as_bytes(seed: int, texts: Texts) -> None:
    setting = dataclasses.replace(SETTING, seed=seed)
    run = tokenised(setting, texts)
    assert run.config.steps == setting.steps
    as_bytes, as_tokens = windows_of(setting, texts.train), windows_of(run.config, run.texts.train)
    read = 0
    for lane in range(setting.lanes):
        theirs = b"".join(as_bytes(step)[:-1, lane].tobytes() for step in range(setting.steps))
        rows = [as_tokens(step)[:-1, lane] for step in range(setting.steps)]
        ours = run.pairs.decode(np.concatenate(rows))
        shared = min(len(ours), len(theirs))
        assert ours[:shared] == theirs[:shared]
        read += len(ours)
    assert read == pytest.approx(setting.steps * setting.step_bytes, rel=0.1)
    assert run.read_bytes == pytest.approx(read, rel=0.02)  # but for the first tokens


def test_facts_are_counted_in_bytes(texts: Texts) -> None:
    run, model = tokenised(SETTING, texts), shape(BASE)
    facts = facts_of(model, run)
    assert run.pairs.decode(run.texts.valid) == texts.valid.tobytes()
    assert facts["backbone_steps"] == round(run.texts.valid.size / texts.valid.size, 5) < 0.5
    assert facts["multiply_adds"] == round(model.multiply_adds() * run.rate, 1)
    assert facts["inner_parameters"] + facts["table_parameters"] == facts["parameters"]
    assert abs(facts["parameters"] / BASE.parameters() - 1) < 0.01
    assert shape_of(facts["network"], facts["model"]) == model
    assert kind_of(model) == "tokens"


def test_of_tokens_a_person_sees_the_figures_alone(texts: Texts) -> None:
    run, model = tokenised(SETTING, texts), shape(BASE)
    (line,) = showing.lines(model, {}, run.texts.valid, 3, 2.5, [])
    assert "2.5000" in line


def test_empty_texts_are_refused(texts: Texts) -> None:
    with pytest.raises(ValueError, match="empty"):
        tokenised(SETTING, dataclasses.replace(texts, valid=texts.valid[:0]))


@pytest.mark.slow
def test_training_lowers_the_bits_of_a_byte(texts: Texts, tmp_path: Path) -> None:
    setting = dataclasses.replace(SETTING, lanes=8, total_bytes=8 * 64 * 150)
    model, run = shape(BASE), tokenised(setting, texts)
    assert network(model).initial_state(2).h.shape == (1, 2, model.state)
    untrained = network(model).initialise(0)
    params, facts = run_tokens(BASE, setting, texts, tmp_path / "run")
    before, after = (evaluate(model, at, run.texts.valid) for at in (untrained, params))
    assert before == pytest.approx(12, abs=1), "about log2 of 4096 bits before training"
    assert facts["bits_per_char"] == pytest.approx(after * run.rate, abs=1e-4)
    assert after < before - 1
    assert all(jnp.isfinite(leaf).all() for leaf in params["mixer_0"].values())
