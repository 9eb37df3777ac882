"""An estimate: the float network's information content in the coder's blocks and lanes, kept."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from compressor.bench import estimate as module
from compressor.bench.records import EmptyInput, Input, load
from compressor.training.metering import metered
from data.lanes import lane_count, to_columns
from models.integer.config import ModelConfig
from models.network.lm import Params

FIRST, SIZE = 192, 320
"""Bytes of the first block and of both: whole windows of the network, one shape to compile."""

pytestmark = pytest.mark.usefixtures("quick_compiling")


@pytest.mark.slow
def test_an_estimate_sums_the_blocks_and_is_kept(
    text: bytes,
    tmp_path: Path,
    pico: ModelConfig,
    pico_params: Params,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, run = tmp_path / "text", tmp_path / "runs" / "mine"
    source.write_bytes(text[:SIZE])
    monkeypatch.setattr(module, "trained", lambda _: (pico, pico_params))
    monkeypatch.setattr(module, "settings_in", lambda _: SimpleNamespace(bytes_seen=5))
    monkeypatch.setattr(module, "MAX_BLOCK", FIRST)
    facts, path = module.estimate(source, run, tmp_path / "raw")
    assert json.loads(path.read_text()) == facts
    bits = np.zeros(2)
    for block in (text[:FIRST], text[FIRST:SIZE]):
        columns = to_columns(np.frombuffer(block, np.uint8), lane_count(len(block)))
        bits += metered(pico, pico_params, columns, len(block), lambda _: None)
    assert facts["bits_per_char"] == round(bits[0] / SIZE, 5)
    assert facts["bits_per_char_network_alone"] == round(bits[1] / SIZE, 5)
    assert facts["bytes"] == math.ceil(bits[0] / 8)
    [kept] = load(tmp_path / "raw").estimates
    assert (kept.checkpoint, kept.subject) == ("mine", Input.of(source))


def test_an_empty_file_has_no_estimate(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(EmptyInput):
        module.estimate(tmp_path / "empty", tmp_path / "run", tmp_path / "raw")
