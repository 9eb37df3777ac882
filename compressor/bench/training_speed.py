"""How fast a preset trains here: bytes of text a second, on whatever devices JAX sees."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import jax
import numpy as np

from compressor.bench.store import Facts, keep, significant
from compressor.system.machine import environment
from compressor.training.config import TrainConfig
from compressor.training.presets import shape
from compressor.training.run import windows_of
from compressor.training.step import fresh_state, make_step
from data.samples import sample

WARM_UP = 4
"""Steps before the clock starts: the first compiles, the next touch memory for the first time."""


def measure(preset: str, config: TrainConfig, steps: int, results: Path) -> tuple[Facts, Path]:
    """Times single optimiser steps, data transfer included, on the shipped sample of text.

    KB/s (of 1000 bytes) follow from the median step. Returns the facts and where they were kept.
    Raises UnknownModel, and TrainingError where the sample is shorter than a window.
    """
    model = shape(preset)
    windows = windows_of(config, np.frombuffer(sample(), np.uint8))
    take, state = make_step(model, config), fresh_state(model, config)
    seconds, processor_seconds = [], []
    for step in range(WARM_UP + steps):
        begun, used = time.perf_counter(), time.process_time()
        state, bits = take(state, windows(step))
        bits.block_until_ready()
        seconds.append(time.perf_counter() - begun)
        processor_seconds.append(time.process_time() - used)
    facts = {
        "kind": "training speed",
        "model": preset,
        "parameters": model.parameters(),
        "lanes": config.lanes,
        "window": config.window,
        "optimiser": config.optimiser,
        "steps": steps,
        **figures(seconds[WARM_UP:], processor_seconds[WARM_UP:], config.step_bytes),
        "device": jax.devices()[0].device_kind,
        "devices": jax.device_count(),
        **environment(),
    }
    return facts, keep(facts, results, f"training-speed-{preset}")


def figures(
    seconds: list[float], processor_seconds: list[float], step_bytes: int
) -> dict[str, float]:
    """Milliseconds a step and KB/s by the times of single steps, to four significant digits."""
    median = statistics.median(seconds)
    return {
        "step_ms": significant(1000 * median),
        "fastest_step_ms": significant(1000 * min(seconds)),
        "processor_ms_a_step": significant(1000 * statistics.median(processor_seconds)),
        "kb_per_s": significant(step_bytes / median / 1000),
    }
