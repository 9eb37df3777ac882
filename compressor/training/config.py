"""How a run is made: its settings, its pace, and the refusal of settings that cannot be."""

from __future__ import annotations

import dataclasses
import math

from coding.container import MAX_BLOCK
from coding.errors import KolmozipError
from compressor.codec.levels import DEFAULT, LEVELS
from models.network.precision import FULL_BITS

OPTIMISERS = ("muon", "adamw")
"""For the weight matrices; everything else is trained by Adam."""
SEED_STRIDE = 1_234_577
"""Bytes by which each seed rotates the text, which then meets other learning rates."""
SEED_LIMIT = 1 << 31
"""Seeds are smaller than this, and larger than its negative."""

TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
"""Values that a setting of each type takes: a whole number is a float as well."""


class TrainingError(KolmozipError):
    """Training cannot go on; the text names the remedy."""


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a run is made; with text, starting point and the network's shape it fixes the result.

    To the last bit on one machine with equally many devices; other devices add in another order.
    Raises TrainingError where a setting is out of its range.
    """

    lanes: int = 32
    window: int = 256
    """Bytes of each lane in one step."""
    total_bytes: int = 130_000_000
    """Budget: bytes of text in all steps together, rounded down to whole steps (one at least)."""
    seed: int = 0
    """Seeds the initial weights and the cold starts, and says where in the text the lanes begin."""
    optimiser: str = "muon"
    learning_rate: float = 3e-3
    """The peak; see ``optimiser.schedule``."""
    warmup_steps: int = 200
    decay_fraction: float = 0.75
    """Share of the steps, the last ones, over which the learning rate falls to 0."""
    weight_decay: float = 0.1
    clip: float = 1.0
    """Gradients of a larger global norm are scaled down to it."""
    average: float = 0.0
    """Decay a step of a moving average of the parameters, which is then the result; 0: none."""
    cold_start_bytes: int = 16384
    """A lane's state is reset once in so many bytes on average, as lanes of a file start cold."""
    weight_bits: float = 8.0
    """Grid of the weights (``models.network.precision``); below 8 only the finish is on it."""
    finish: float = 0.15
    """Share of the steps, the last ones, that train on the grid of ``weight_bits``."""
    distillation: float = 0.0
    """Share of the teacher's distribution in the target."""
    teacher: str = ""
    """Name of the run that teaches, recorded in the card."""
    beside: str = ""
    """Name of the run whose network the memory was recorded with, where the mixture is trained."""
    record_block: int = 0
    """Bytes of the blocks that the memory is recorded in, each from a fresh one; 0: one block."""
    record_level: int = DEFAULT
    """Level whose memory and lanes are recorded."""
    start: str = ""
    """Name of the run whose parameters this one began with, and the bytes that run had seen."""
    start_bytes: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            fits = isinstance(value, TYPES[str(field.type)]) and not isinstance(value, bool)
            self._require(field.name, fits, f"of type {field.type}")
        for name in ("lanes", "window", "total_bytes", "warmup_steps", "cold_start_bytes"):
            self._require(name, getattr(self, name) >= 1, "1 or more")
        for name in ("decay_fraction", "finish", "distillation"):
            self._require(name, 0 <= getattr(self, name) <= 1, "a share from 0 to 1")
        for name in ("learning_rate", "clip"):
            self._require(name, 0 < getattr(self, name) < math.inf, "above 0")
        self._require("weight_decay", 0 <= self.weight_decay < math.inf, "0 or more")
        self._require("average", 0 <= self.average < 1, "a decay from 0 to below 1")
        self._require("weight_bits", 1 <= self.weight_bits <= FULL_BITS, "1 to 8 bits")
        self._require("seed", abs(self.seed) < SEED_LIMIT, f"nearer to 0 than {SEED_LIMIT:,}")
        self._require("optimiser", self.optimiser in OPTIMISERS, f"one of {', '.join(OPTIMISERS)}")
        self._require("record_block", 0 <= self.record_block <= MAX_BLOCK, "0 or a block's bytes")
        self._require("record_level", self.record_level in LEVELS, "a level, 1 to 9")
        self._require("start_bytes", self.start_bytes >= 0, "0 or more")

    def _require(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise TrainingError(f"{name} is {getattr(self, name)!r}: it must be {wanted}")

    @property
    def step_bytes(self) -> int:
        """Bytes of text in one step."""
        return self.lanes * self.window

    @property
    def steps(self) -> int:
        """Optimiser steps in the whole run."""
        return max(1, self.total_bytes // self.step_bytes)

    @property
    def bytes_seen(self) -> int:
        """Bytes of text that the finished run, and what it started from, were trained on."""
        return self.start_bytes + self.steps * self.step_bytes

    def bits_at(self, step: int) -> float:
        """Grid of the weights in this step."""
        return self.weight_bits if step >= round((1 - self.finish) * self.steps) else FULL_BITS


@dataclasses.dataclass(frozen=True)
class Pace:
    """When a run saves, and when it stops before its budget is spent, to be resumed."""

    minutes_between_checkpoints: float = 5.0
    stop_after_minutes: float = math.inf
    stop_after_steps: int | None = None


TO_THE_END = Pace()
"""The pace of a run that nothing stops before its budget is spent."""
