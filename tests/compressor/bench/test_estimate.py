"""An estimate: the float network's information content in the coder's blocks, summed and kept."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from coding import container
from compressor.bench import estimate as module
from compressor.bench.records import EmptyInput, Input, load
from compressor.codec.levels import DEFAULT, LEVELS
from compressor.codec.seams import Progress, Recipe

FIRST, SIZE = 1920, 3200
"""Bytes of the first block and of both."""
MODEL, PARAMS = object(), object()


def test_an_estimate_sums_the_blocks_and_is_kept(
    text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[bytes, Recipe]] = []

    def metered(
        model: object, params: object, text: np.ndarray, recipe: Recipe, progress: Progress
    ) -> tuple[float, float]:
        assert (model, params) == (MODEL, PARAMS)
        seen.append((text.tobytes(), recipe))
        progress(text.size)
        return 1.25 * text.size, 2.0 * text.size + len(seen)

    source, run = tmp_path / "text", tmp_path / "runs" / "mine"
    source.write_bytes(text[:SIZE])
    monkeypatch.setattr(module, "metered", metered)
    monkeypatch.setattr(module, "trained", lambda _: (MODEL, PARAMS))
    monkeypatch.setattr(module, "settings_in", lambda _: SimpleNamespace(bytes_seen=5))
    monkeypatch.setattr(module, "BLOCK_BYTES", FIRST)
    facts, path = module.estimate(source, run, tmp_path / "raw")
    assert json.loads(path.read_text()) == facts
    blocks = (text[:FIRST], text[FIRST:SIZE])
    assert seen == [(block, LEVELS[DEFAULT].recipe(len(block))) for block in blocks]
    assert facts["bits_per_char"] == 1.25
    assert facts["bits_per_char_network_alone"] == round(2 + 3 / SIZE, 5)
    assert facts["bytes"] == math.ceil(1.25 * SIZE / 8)
    [kept] = load(tmp_path / "raw").estimates
    assert (kept.checkpoint, kept.subject) == ("mine", Input.of(source))
    assert kept.file_format == container.VERSION


def test_an_empty_file_has_no_estimate(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(EmptyInput):
        module.estimate(tmp_path / "empty", tmp_path / "run", tmp_path / "raw")
