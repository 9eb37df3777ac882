"""How long a training step takes, and networks of equal step time."""

from __future__ import annotations

import dataclasses
import itertools
import json
import statistics
import time
from pathlib import Path

import numpy as np

from compressor.ablation.experiments import Model
from compressor.training.config import TrainConfig
from compressor.training.step import fresh_state, make_step
from data.windows import window
from models.network.variants import MAX_HIDDEN


def step_ms(log: Path) -> float | None:
    """Median milliseconds a step over the stretches between a training log's lines.

    The stretch before the first line, which compiles, is left out. None where there are fewer than
    two lines.
    """
    text = log.read_text("utf-8") if log.is_file() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    marks = [(line["step"], line["seconds"]) for line in lines if "train_bits_per_char" in line]
    paces = [
        (seconds - seconds_before) / (step - step_before)
        for (step_before, seconds_before), (step, seconds) in itertools.pairwise(marks)
    ]
    return round(1000 * statistics.median(paces), 2) if paces else None


class Stepper:
    """A network that can be asked for the time of its training step."""

    def __init__(self, model: Model, config: TrainConfig, text: np.ndarray) -> None:
        self._take, self._state = make_step(model, config), fresh_state(model, config)
        self._text = window(text, config.lanes, config.window, 0)
        self.seconds: list[float] = []
        self._step()  # compiles

    def _step(self) -> float:
        begun = time.perf_counter()
        self._state, bits = self._take(self._state, self._text)
        bits.block_until_ready()
        return time.perf_counter() - begun

    def measure(self, steps: int = 3) -> None:
        """Takes a few steps and notes the seconds of each."""
        self.seconds += [self._step() for _ in range(steps)]


def slowed(model: Model, like: Model, config: TrainConfig, text: np.ndarray) -> Model:
    """The network with hidden grown in steps of 8 until its training step takes as long as like's.

    Three networks are timed in turns, so that a busy moment hits all: ``like``, this one, and this
    one with twice the hidden width. The width follows by the line through the last two. A network
    that is slower already stays as it is.
    """
    twice = dataclasses.replace(model, hidden=min(MAX_HIDDEN, 2 * model.hidden))
    steppers = [Stepper(network, config, text) for network in (like, model, twice)]
    for _ in range(8):
        for stepper in steppers:
            stepper.measure()
    aim, now, later = (statistics.median(stepper.seconds) for stepper in steppers)
    if aim <= now:
        return model
    more = (aim - now) * (twice.hidden - model.hidden) / max(later - now, 1e-9)
    hidden = 8 * round((model.hidden + more) / 8)
    return dataclasses.replace(model, hidden=min(MAX_HIDDEN, max(model.hidden, hidden)))
