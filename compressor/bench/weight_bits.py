"""Packs a run at several precisions and measures what each costs in bits/char: an estimate."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.integer.weights import IntegerWeights
from models.network.quantise import quantise

KIND = "weight-bits"
TEXT_BYTES = 1 << 20
"""Of validation text for each precision: with fewer, the memory has hardly begun to help."""
BITS = (8.0, 7.0, 6.0, 5.0, 4.5, 4.0, 3.5, 3.0)


def measure(
    run: Path, results: Path, bits: Sequence[float], quiet: bool
) -> tuple[dict[str, Any], Path]:
    """Packs a run at its own bits and at each of ``bits`` below, evaluates each; returns the facts and where they were kept."""
    from compressor.bench.records import keep
    from compressor.codec import weights_file as packing
    from compressor.system.machine import environment
    from compressor.system.progress import bar
    from compressor.training.metering import metered, rates
    from compressor.training.pack import float_weights
    from data.corpora import load as corpus
    from data.lanes import lane_count, to_columns
    from data.splits import split
    from models.network.precision import coarsen

    config, params, grid = float_weights(run)
    text = split(corpus("enwik8"), "valid")[:TEXT_BYTES]
    columns = to_columns(text, lane_count(text.size))
    points, todo = [], [grid, *sorted((b for b in set(bits) if b < grid), reverse=True)]
    with bar(len(todo) * text.size, "weight bits", quiet) as progress:
        for each in todo:
            coarse = coarsen(params, each) if each < grid else params
            weights = quantise(config, coarse)
            bits_in_all = metered(config, coarse, columns, text.size, progress)
            points.append(
                {
                    "bits": each,
                    "file_bytes": len(packing.pack(weights)),
                    "xz_bytes": xz_bytes(weights),
                    **rates(*bits_in_all, text.size),
                }
            )
    facts = {
        "kind": KIND,
        "figures": "estimate",
        "checkpoint": run.resolve().name,
        "parameters": config.parameters(),
        "input": "valid",
        "input_bytes": text.size,
        "input_sha256": hashlib.sha256(text.tobytes()).hexdigest(),
        "points": points,
        **environment(),
    }
    return facts, keep(facts, results, f"{KIND}-{run.resolve().name}")


def xz_bytes(weights: IntegerWeights) -> int:
    """Bytes of the same arrays as one xz stream, which is what our own coder is held against."""
    raw = b"".join(
        array.astype(array.dtype.newbyteorder("<")).tobytes() for array in weights.arrays.values()
    )
    return len(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME))
