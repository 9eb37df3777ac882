"""Checkpoints: what they hold, how they are copied, and named refusals where they do not fit."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from compressor.training.checkpoints import latest_parameters, latest_step, slim, trained
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.folder import write_settings
from models.integer.config import ModelConfig
from models.network.lm import Params


def test_a_folder_without_checkpoints_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no checkpoint: train first"):
        latest_parameters(tmp_path)
    assert latest_step(tmp_path) is None


@pytest.mark.slow
def test_the_shape_is_found_beside_the_parameters(
    whole: tuple[Params, Path], pico: ModelConfig
) -> None:
    shape, params = trained(whole[1])
    assert shape == pico
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == pico.parameters()


@pytest.mark.slow
def test_a_slim_copy_holds_the_parameters(whole: tuple[Params, Path], tmp_path: Path) -> None:
    copy = tmp_path / "slim"
    size = slim(whole[1], copy)
    assert size < sum(path.stat().st_size for path in whole[1].rglob("*") if path.is_file())
    jax.tree.map(np.testing.assert_array_equal, trained(whole[1])[1], trained(copy)[1])
    with pytest.raises(TrainingError, match="name another folder with --output"):
        slim(whole[1], copy)


def test_nothing_is_copied_without_a_checkpoint(
    pico: ModelConfig, config: TrainConfig, tmp_path: Path
) -> None:
    write_settings(tmp_path, pico, config)
    with pytest.raises(TrainingError, match="no checkpoint"):
        slim(tmp_path, tmp_path / "other")
    assert not (tmp_path / "other").exists()
