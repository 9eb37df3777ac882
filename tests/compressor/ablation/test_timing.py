"""Step times: from a log, and a hidden width that makes two networks equally slow. No clock."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor.ablation import timing
from compressor.ablation.timing import slowed, step_ms
from compressor.training.config import TrainConfig
from models.network.variants import MAX_HIDDEN, VariantConfig

LIKE = VariantConfig(width=16, layers=1, state=16, hidden=96, taps=1, table_dim=4, tables=((2, 8),))


@pytest.mark.parametrize(
    ("mlp", "hidden", "expected"),
    [
        ("swiglu", 96, 248),
        ("swiglu", 304, 304),  # it is slower already
        ("relu2", 96, MAX_HIDDEN),  # its step time hardly grows
    ],
)
def test_hidden_grows_until_a_step_takes_as_long(
    mlp: str, hidden: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        """The learned gate takes 35 s a step, swiglu 10 s and 0.1 s a hidden channel."""

        def __init__(self, model: VariantConfig, *_: Any) -> None:
            a_channel = {"swiglu": 0.1, "relu2": 0.001}
            fast = model.mlp in a_channel
            self.seconds = [10 + a_channel[model.mlp] * model.hidden if fast else 35.0]

        def measure(self) -> None:
            pass

    monkeypatch.setattr(timing, "Stepper", Clock)
    model = dataclasses.replace(LIKE, mlp=mlp, hidden=hidden)
    grown = slowed(model, LIKE, TrainConfig(), np.zeros(0, np.uint8))
    assert grown == dataclasses.replace(model, hidden=expected)


def test_the_first_stretch_of_a_log_is_left_out_of_the_step_time(tmp_path: Path) -> None:
    marks = [(50, 60.0), (100, 65.0), (110, 67.0)]
    lines = [
        json.dumps({"step": step, "seconds": seconds, "train_bits_per_char": 3.0})
        for step, seconds in marks
    ]
    log = tmp_path / "train.jsonl"
    log.write_text("\n".join([*lines, '{"step": 110, "valid_bits_per_char": 2.0}']))
    assert step_ms(log) == 150
    log.write_text(lines[0])
    assert step_ms(log) is None
    assert step_ms(tmp_path / "none") is None
