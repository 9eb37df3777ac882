"""Packs a run at several precisions and measures what each costs in bits/char: an estimate."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Sequence
from pathlib import Path

from coding.container import VERSION
from compressor.bench.records import WEIGHT_BITS, WEIGHT_BITS_TEXT
from compressor.bench.store import Facts, keep, prepare
from compressor.codec import weights_file
from compressor.codec.levels import DEFAULT, LEVELS
from compressor.system.machine import environment
from compressor.system.progress import bar
from compressor.training.metering import metered, rates
from compressor.training.pack import float_weights
from data.splits import load_slice
from models.integer.weights import IntegerWeights
from models.network.precision import coarsen
from models.network.quantise import quantise

BITS = (8.0, 7.0, 6.0, 5.0, 4.5, 4.0, 3.5, 3.0)
"""Precisions that are tried unless others are asked for."""


def measure(
    run: Path, results: Path, bits: Sequence[float], quiet: bool, size: int = WEIGHT_BITS_TEXT
) -> tuple[Facts, Path]:
    """Packs a run at its own precision and at each lower one of ``bits``, and evaluates each.

    On the first ``size`` bytes of the validation text, as a block of the default level. Returns the
    facts and where they were kept. Raises InputMissing, UnusableWeights, TrainingError, NoEngine,
    StaleEngine, data.corpora.CorpusError.
    """
    prepare(results)
    model, params, grid = float_weights(run)
    text = load_slice("valid")[:size]
    recipe = LEVELS[DEFAULT].recipe(text.size)
    points, precisions = [], [grid, *sorted({each for each in bits if each < grid}, reverse=True)]
    with bar(len(precisions) * text.size, "weight bits", quiet) as progress:
        for precision in precisions:
            coarse = coarsen(params, precision) if precision < grid else params
            weights = quantise(model, coarse)
            mixture, alone = metered(model, coarse, text, recipe, progress)
            points.append(
                {
                    "bits": precision,
                    "file_bytes": len(weights_file.pack(weights)),
                    "xz_bytes": xz_bytes(weights),
                    **rates(mixture, alone, text.size),
                }
            )
    facts = {
        "kind": WEIGHT_BITS,
        "figures": "estimate",
        "file_format": VERSION,
        "level": DEFAULT,
        "checkpoint": run.resolve().name,
        "parameters": model.parameters(),
        "input": "valid",
        "input_bytes": text.size,
        "input_sha256": hashlib.sha256(text.tobytes()).hexdigest(),
        "points": points,
        **environment(),
    }
    return facts, keep(facts, results, f"{WEIGHT_BITS}-{run.resolve().name}")


def xz_bytes(weights: IntegerWeights) -> int:
    """Bytes of the same arrays as one xz stream, which is what our own coder is held against."""
    raw = b"".join(
        array.astype(array.dtype.newbyteorder("<")).tobytes() for array in weights.arrays.values()
    )
    return len(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
