"""Settings: derived figures, and a named refusal of what is out of range."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest

from compressor.training.config import SEED_LIMIT, TrainConfig, TrainingError


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("lanes", 0, "1 or more"),
        ("lanes", 8.0, "of type int"),
        ("lanes", True, "of type int"),
        ("window", -1, "1 or more"),
        ("total_bytes", 0, "1 or more"),
        ("warmup_steps", 0, "1 or more"),
        ("cold_start_bytes", 0, "1 or more"),
        ("seed", SEED_LIMIT, "nearer to 0"),
        ("seed", "0", "of type int"),
        ("optimiser", "sgd", "one of muon, adamw"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", math.nan, "above 0"),
        ("learning_rate", math.inf, "above 0"),
        ("clip", -1.0, "above 0"),
        ("weight_decay", -0.1, "0 or more"),
        ("decay_fraction", 1.5, "a share from 0 to 1"),
        ("finish", -0.1, "a share from 0 to 1"),
        ("distillation", math.nan, "a share from 0 to 1"),
        ("average", 1.0, "a decay from 0 to below 1"),
        ("weight_bits", 9.0, "1 to 8 bits"),
        ("weight_bits", 0, "1 to 8 bits"),
        ("start_bytes", -1, "0 or more"),
        ("teacher", None, "of type str"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_range(name: str, value: Any, remedy: str) -> None:
    with pytest.raises(TrainingError, match=f"^{name} is .*: it must be {remedy}"):
        TrainConfig(**{name: value})


def test_a_trip_through_json_changes_nothing() -> None:
    config = TrainConfig(weight_bits=3.5, average=0.9, start="a run after 5 bytes", start_bytes=5)
    assert TrainConfig(**json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_the_budget_is_rounded_down_to_whole_steps() -> None:
    config = TrainConfig(lanes=8, window=32, total_bytes=1000, start_bytes=10)
    assert (config.step_bytes, config.steps, config.bytes_seen) == (256, 3, 778)
    assert dataclasses.replace(config, total_bytes=1).steps == 1


def test_the_finish_is_on_the_coarse_grid() -> None:
    config = TrainConfig(lanes=8, window=32, total_bytes=256 * 12, weight_bits=4, finish=0.5)
    assert [config.bits_at(step) for step in (0, 5, 6, 11)] == [8, 8, 4, 4]
