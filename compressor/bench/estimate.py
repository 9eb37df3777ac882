"""What the float model would cost: the same codec loop with the float network's probabilities and a meter for a coder.

The file written is held against this figure; an estimate is never a result (DESIGN.md, honest figures)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from coding.container import MAX_BLOCK
from compressor.bench.records import keep, subject
from compressor.system.machine import environment
from compressor.system.progress import bar
from compressor.training.checkpoints import bytes_seen, trained
from compressor.training.metering import metered, rates
from data.lanes import lane_count, to_columns


def estimate(source: Path, checkpoint: Path, results: Path) -> tuple[dict[str, Any], Path]:
    """Bits of the float model on a file, with and without the memory, in the blocks and lanes of the coder."""
    config, params = trained(checkpoint)
    data, bits = np.frombuffer(source.read_bytes(), np.uint8), np.zeros(2)
    with bar(data.size, "estimate", False) as progress:
        for start in range(0, data.size, MAX_BLOCK):
            block = data[start : start + MAX_BLOCK]
            columns = to_columns(block, lane_count(block.size))
            bits += metered(config, params, columns, block.size, progress)
    mixture, alone = map(float, bits)
    facts = {
        "kind": "estimate",
        **subject(source),
        "checkpoint": checkpoint.resolve().name,
        "train_bytes_seen": bytes_seen(checkpoint),
        **rates(mixture, alone, data.size),
        "bytes": math.ceil(mixture / 8),
        **environment(),
    }
    return facts, keep(facts, results, f"estimate-{checkpoint.name}-{source.name}")
