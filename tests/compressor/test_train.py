"""Training: exact resume, a falling loss, an optimiser that does what its paper says."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compressor.muon import orthogonalise
from compressor.train import TrainConfig, TrainingError, evaluate, latest_parameters, schedule, train
from data.samples import sample
from models.config import PRESETS

NANO = PRESETS["nano"]
CONFIG = TrainConfig(lanes=8, window=32, total_bytes=8 * 32 * 12, warmup_steps=2, cold_start_bytes=128)


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return np.frombuffer(sample(), np.uint8)


@pytest.fixture(scope="module")
def whole(text: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    folder = tmp_path_factory.mktemp("whole")
    params, _ = train(NANO, CONFIG, text, text[:4096], folder, quiet=True)
    return params, folder


def test_a_resumed_run_is_the_run(whole: tuple[dict, Path], text: np.ndarray, tmp_path: Path) -> None:
    train(NANO, CONFIG, text, text[:4096], tmp_path, quiet=True, stop_after_steps=5)
    resumed, facts = train(NANO, CONFIG, text, text[:4096], tmp_path, quiet=True, resume=True)
    assert facts["steps"] == CONFIG.steps == 12
    for one, other in zip(jax.tree.leaves(whole[0]), jax.tree.leaves(resumed), strict=True):
        assert np.array_equal(one, other)


def test_a_run_is_not_overwritten(whole: tuple[dict, Path], text: np.ndarray) -> None:
    with pytest.raises(TrainingError, match="--resume"):
        train(NANO, CONFIG, text, text[:4096], whole[1], quiet=True)


def test_the_checkpoint_holds_the_parameters(whole: tuple[dict, Path]) -> None:
    for one, other in zip(jax.tree.leaves(whole[0]), jax.tree.leaves(latest_parameters(NANO, whole[1])), strict=True):
        assert np.array_equal(one, other)


def test_the_log_is_json_and_the_loss_falls(whole: tuple[dict, Path], text: np.ndarray) -> None:
    rows = [json.loads(line) for line in (whole[1] / "train.jsonl").read_text().splitlines()]
    assert rows[0]["step"] == 12
    assert rows[-1]["valid_bits_per_char"] < 7
    assert evaluate(NANO, whole[0], text[:4096]) == pytest.approx(rows[-1]["valid_bits_per_char"], abs=1e-4)


def test_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no checkpoint"):
        latest_parameters(NANO, tmp_path)


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (32, 32)])
def test_orthogonalise_brings_singular_values_near_one(shape: tuple[int, int]) -> None:
    g = jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
    values = np.linalg.svd(np.asarray(orthogonalise(g)), compute_uv=False)
    assert 0.3 < values.min() <= values.max() < 1.4


def test_schedule_warms_up_and_ends_at_zero() -> None:
    config = TrainConfig(total_bytes=32 * 256 * 1000)
    rate = schedule(config)
    values = [float(rate(jnp.asarray(step))) for step in (0, 99, 150, 600, 1000)]
    assert values[0] < values[1] <= values[2] == pytest.approx(config.learning_rate)
    assert values[3] == pytest.approx(config.learning_rate * 400 / 750)
    assert values[4] == 0
