"""What the float model of a run would cost on a file, as a figure that files are held against.

The float network's probabilities take the place of the coded one's, in the blocks of the default
level. An estimate is never a result: nothing is written and nothing is restored.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from coding.container import VERSION
from compressor.bench.records import Input
from compressor.bench.store import Facts, keep, prepare
from compressor.codec.levels import DEFAULT, LEVELS
from compressor.system.machine import environment
from compressor.system.progress import bar
from compressor.training.checkpoints import trained
from compressor.training.folder import settings_in
from compressor.training.metering import metered, rates

BLOCK_BYTES = LEVELS[DEFAULT].block_bytes


def estimate(source: Path, checkpoint: Path, results: Path) -> tuple[Facts, Path]:
    """Bits of the float model on a file, with and without the memory.

    Returns the facts and where they were kept. Raises EmptyInput, InputMissing, TrainingError,
    NoEngine, StaleEngine.
    """
    subject = Input.of(source)
    prepare(results)
    model, params = trained(checkpoint)
    data, bits = np.frombuffer(source.read_bytes(), np.uint8), np.zeros(2)
    with bar(data.size, "estimate", False) as progress:
        for start in range(0, data.size, BLOCK_BYTES):
            block = data[start : start + BLOCK_BYTES]
            recipe = LEVELS[DEFAULT].recipe(block.size)
            bits += metered(model, params, block, recipe, progress)
    mixture, alone = map(float, bits)
    facts = {
        "kind": "estimate",
        **subject.facts,
        "file_format": VERSION,
        "level": DEFAULT,
        "checkpoint": checkpoint.resolve().name,
        "train_bytes_seen": settings_in(checkpoint).bytes_seen,
        **rates(mixture, alone, data.size),
        "bytes": math.ceil(mixture / 8),
        **environment(),
    }
    return facts, keep(facts, results, f"estimate-{checkpoint.name}-{source.name}")
