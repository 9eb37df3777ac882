"""How a run is made: its settings, its pace, its learning rate."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import optax

from coding.errors import KolmozipError
from models.network.precision import FULL_BITS


class TrainingError(KolmozipError):
    """Training cannot go on; the text names the remedy."""


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a run is made; together with the text, the seed, the start and the model's shape it fixes the result.

    To the last bit on one machine with as many devices; other devices add up in another order.
    """

    lanes: int = 32
    window: int = 256
    total_bytes: int = 130_000_000
    seed: int = 0
    """Of initial weights and cold starts; it also says where in the text the lanes begin (0: the first at the start)."""
    optimiser: str = "muon"
    learning_rate: float = 3e-3
    warmup_steps: int = 200
    decay_fraction: float = 0.75
    weight_decay: float = 0.1
    clip: float = 1.0
    average: float = 0.0
    """Decay a step of the moving average of the parameters that is kept as the result; 0: the last parameters are."""
    cold_start_bytes: int = 16384
    """A lane forgets everything once in so many bytes on average, as lanes of a coded file start cold."""
    weight_bits: float = 8.0
    """Grid of the weights, see models.network.precision; below 8 the last ``finish`` of the steps train on it."""
    finish: float = 0.15
    distillation: float = 0.0
    """Share of the teacher's distribution in the target."""
    teacher: str = ""
    """Which run taught, for the card."""
    beside: str = ""
    """Which network the memory was recorded with, if the loss is that of the mixture with it."""
    start: str = ""
    """What the run started from, if not from fresh parameters: name of a run and the bytes it had seen."""
    start_bytes: int = 0

    @property
    def step_bytes(self) -> int:
        """Bytes of text in one step."""
        return self.lanes * self.window

    @property
    def steps(self) -> int:
        """Optimiser steps in the whole run."""
        return max(1, self.total_bytes // self.step_bytes)

    def bits_at(self, step: int) -> float:
        """Grid of the weights in this step."""
        return self.weight_bits if step >= round((1 - self.finish) * self.steps) else FULL_BITS


SEED_STRIDE = 1_234_577
"""Bytes by which the text is turned for each seed: a second pass then meets it in other places of the schedule."""


def schedule(config: TrainConfig) -> optax.Schedule:
    """Warm-up, plateau, linear decay to zero over the last ``decay_fraction`` of the steps."""
    warm = min(config.warmup_steps, config.steps // 10 + 1)
    decay = max(1, int(config.steps * config.decay_fraction))

    def rate(step: Any) -> jax.Array:
        up = jnp.minimum(1.0, (step + 1) / warm)
        down = jnp.clip((config.steps - step) / decay, 0.0, 1.0)
        return config.learning_rate * up * down

    return rate


@dataclasses.dataclass(frozen=True)
class Pace:
    """When a run saves, and when it leaves off before its budget is spent, to be resumed."""

    minutes_between_checkpoints: float = 5.0
    stop_after_minutes: float = math.inf
    stop_after_steps: int | None = None
