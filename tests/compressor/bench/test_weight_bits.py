"""Bits of the weights: each precision is packed and evaluated as a file of it would be."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from compressor.bench import weight_bits
from compressor.bench.records import Results, load
from compressor.codec import weights_file
from compressor.codec.levels import DEFAULT, LEVELS
from compressor.codec.seams import Progress, Recipe
from data.samples import sample
from models.integer.config import ModelConfig
from models.network.lm import Params
from models.network.precision import coarsen
from models.network.quantise import quantise

SIZE = 3200
"""Bytes of validation text."""
GRID = 6.0
"""Bits that the run of these tests was trained for."""


@pytest.fixture
def params(pico: ModelConfig, pico_params: Params, monkeypatch: pytest.MonkeyPatch) -> Params:
    """Parameters of a run; the validation text is the sample."""
    params = coarsen(pico_params, GRID)
    text = np.frombuffer(sample(), np.uint8)
    monkeypatch.setattr(weight_bits, "float_weights", lambda _: (pico, params, GRID))
    monkeypatch.setattr(weight_bits, "load_slice", lambda name: {"valid": text}[name])
    return params


def test_measuring_packs_and_evaluates_each_precision_below_the_run_s(
    pico: ModelConfig, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Params] = []

    def metered(
        model: ModelConfig, params: Params, text: np.ndarray, recipe: Recipe, progress: Progress
    ) -> tuple[float, float]:
        assert (model, recipe) == (pico, LEVELS[DEFAULT].recipe(SIZE))
        assert text.tobytes() == sample()[:SIZE]
        seen.append(params)
        return float(len(seen) * SIZE), float(2 * len(seen) * SIZE)

    monkeypatch.setattr(weight_bits, "metered", metered)
    run, raw = tmp_path / "runs" / "mine", tmp_path / "raw"
    facts, path = weight_bits.measure(run, raw, (8, 3, 6, 3), quiet=True, size=SIZE)
    assert json.loads(path.read_text()) == facts
    assert path.name.startswith("weight-bits-mine-")
    assert (facts["checkpoint"], facts["input_bytes"]) == ("mine", SIZE)
    assert [point["bits"] for point in facts["points"]] == [GRID, 3]
    for number, (point, evaluated) in enumerate(zip(facts["points"], seen, strict=True), 1):
        coarse = coarsen(params, point["bits"]) if point["bits"] < GRID else params
        weights = quantise(pico, coarse)
        assert weights_file.pack(quantise(pico, evaluated)) == weights_file.pack(weights)
        assert point["file_bytes"] == len(weights_file.pack(weights))
        assert point["xz_bytes"] == weight_bits.xz_bytes(weights)
        assert point["bits_per_char"] == number
        assert point["bits_per_char_network_alone"] == 2 * number
    assert load(raw) == Results([], [], [])


def test_the_other_coder_packs_the_same_arrays(pico: ModelConfig, pico_params: Params) -> None:
    weights = quantise(pico, pico_params)
    raw = b"".join(
        array.tobytes() for array in weights.arrays.values()
    )  # on little-endian machines
    packed = lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)
    assert weight_bits.xz_bytes(weights) == len(packed)
