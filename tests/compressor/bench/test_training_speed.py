"""Training speed: what is kept follows from the times of single steps, however short they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compressor.bench import training_speed
from compressor.bench.training_speed import figures, measure
from compressor.errors import UnknownModel
from compressor.training.config import TrainConfig
from models.integer.config import ModelConfig

CONFIG = TrainConfig(lanes=4, window=16)


def test_figures_follow_from_the_median_step() -> None:
    assert figures([0.004, 0.002, 0.003], [0.008, 0.004, 0.006], 6000) == {
        "step_ms": 3.0,
        "fastest_step_ms": 2.0,
        "processor_ms_a_step": 6.0,
        "kb_per_s": 2000.0,
    }


@pytest.mark.parametrize("seconds", [1.9345678e-6, 0.0019345678, 1.9345678, 1934.5678])
def test_small_steps_keep_their_precision(seconds: float) -> None:
    found = figures([seconds], [seconds], 8192)
    assert found["step_ms"] == pytest.approx(1000 * seconds, rel=1e-3)
    assert found["kb_per_s"] == pytest.approx(8192 / found["step_ms"], rel=1e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compiling")
def test_a_measurement_is_kept_with_its_settings(
    tmp_path: Path, pico: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_speed, "shape", lambda name: {"pico": pico}[name])
    facts, path = measure("pico", CONFIG, 3, tmp_path)
    assert json.loads(path.read_text()) == facts
    assert path.name.startswith("training-speed-pico-")
    assert (facts["kind"], facts["model"]) == ("training speed", "pico")
    assert facts["parameters"] == pico.parameters()
    assert (facts["lanes"], facts["window"], facts["steps"]) == (4, 16, 3)
    assert 0 < facts["fastest_step_ms"] <= facts["step_ms"]
    assert facts["kb_per_s"] == pytest.approx(CONFIG.step_bytes / facts["step_ms"], rel=1e-3)


def test_an_unknown_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel):
        measure("nonesuch", CONFIG, 3, tmp_path)
    assert list(tmp_path.iterdir()) == []
