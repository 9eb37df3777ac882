"""How fast a preset trains here: bytes of text a second, on whatever devices JAX sees."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from compressor.bench.records import keep
from compressor.system.machine import environment
from compressor.training.config import TrainConfig
from compressor.training.networks import Shape
from compressor.training.step import fresh_state, make_step
from data.samples import sample
from data.windows import window

WARM_UP = 4
"""Steps before the clock starts: the first compiles, the next touch memory for the first time."""


def measure(
    name: str, model: Shape, config: TrainConfig, steps: int, results: Path
) -> tuple[dict[str, Any], Path]:
    """Times single optimiser steps, data transfer included, on the shipped sample of text; KB/s from their median."""
    text = np.frombuffer(sample(), np.uint8)
    take, state = make_step(model, config), fresh_state(model, config)
    seconds, processor_seconds = [], []
    for step in range(WARM_UP + steps):
        begun, used = time.perf_counter(), time.process_time()
        state, bits = take(state, window(text, config.lanes, config.window, step))
        bits.block_until_ready()
        seconds.append(time.perf_counter() - begun)
        processor_seconds.append(time.process_time() - used)
    median = statistics.median(seconds[WARM_UP:])
    facts = {
        "kind": "training speed",
        "model": name,
        "parameters": model.parameters(),
        "lanes": config.lanes,
        "window": config.window,
        "optimiser": config.optimiser,
        "steps": steps,
        "step_ms": round(1000 * median, 1),
        "fastest_step_ms": round(1000 * min(seconds[WARM_UP:]), 1),
        "processor_ms_a_step": round(1000 * statistics.median(processor_seconds[WARM_UP:]), 1),
        "kb_per_s": round(config.step_bytes / median / 1000, 2),
        "device": jax.devices()[0].device_kind,
        "devices": jax.device_count(),
        **environment(),
    }
    return facts, keep(facts, results, f"training-speed-{name}")
