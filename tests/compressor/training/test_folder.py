"""The folder of a run: one process at a time, and files that describe the run or are refused."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import pytest

from baselines.transformer import TransformerConfig
from compressor.errors import InputMissing
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.folder import (
    SETTINGS,
    SHAPE,
    claimed,
    settings_in,
    shape_in,
    write_settings,
)
from compressor.training.networks import Shape
from models.integer.config import PRESETS
from models.network.anyorder import OrderConfig
from models.network.variants import VariantConfig

TRANSFORMER = TransformerConfig(32, 2, 2, 32, 16, 4, ((2, 8), (3, 10)))
VARIANT = VariantConfig(16, 1, 16, 16, 1, 4, ((2, 8),), mlp="swiglu")
ANY_ORDER = OrderConfig(16, 1, 16, 16, 1, 4, ((2, 8),), seen=4, inner=8, place=8, passes=4)


@pytest.mark.parametrize("shape", [PRESETS["small-kan"], TRANSFORMER, VARIANT, ANY_ORDER])
def test_shape_and_settings_are_read_as_they_were_written(shape: Shape, tmp_path: Path) -> None:
    config = TrainConfig(lanes=4, weight_bits=3.5, teacher="another run")
    write_settings(tmp_path, shape, config)
    assert shape_in(tmp_path) == shape
    assert settings_in(tmp_path) == config


SHAPES = [
    "{",
    "[]",
    "{}",
    '{"kind": "network"}',
    '{"kind": "another", "width": 1}',
    json.dumps({"kind": "transformer", "width": 32}),
    json.dumps({"kind": "network", "width": 0, "tables": []}),
    "\xff\xfe",
]


@pytest.mark.parametrize("text", SHAPES)
def test_a_shape_that_cannot_be_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / SHAPE).write_text(text, "latin-1")
    with pytest.raises(TrainingError, match=r"model\.json does not describe a run .*: name the"):
        shape_in(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", '{"lanes": "many"}', '{"lanes": 0}', '{"odd": 1}'])
def test_settings_that_cannot_be_are_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text(text)
    with pytest.raises(TrainingError, match=r"train\.json does not describe a run .*: name the"):
        settings_in(tmp_path)


def test_a_folder_without_a_run_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"holds no model\.json: name the folder"):
        shape_in(tmp_path)
    with pytest.raises(TrainingError, match="does not describe a run"):
        settings_in(tmp_path)


def test_a_folder_is_claimed_by_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with claimed(folder):
        with pytest.raises(TrainingError, match="is in use by another training run: wait until"):
            claimed(folder).__enter__()
        with claimed(tmp_path / "other"):
            pass
    with pytest.raises(KeyError), claimed(folder):
        raise KeyError
    with claimed(folder):
        pass


def test_without_locks_nothing_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", flock)
        with claimed(tmp_path), claimed(tmp_path):
            pass
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with claimed(tmp_path), claimed(tmp_path):
        pass
