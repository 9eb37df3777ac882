"""One run of our own compressor: what is kept, and that it counts as a row."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from compressor.bench.records import load
from compressor.bench.speed import measure
from compressor.errors import UnknownModel


def test_a_run_is_kept_and_counts_as_a_row(text: bytes, tmp_path: Path, raw: Path) -> None:
    source = tmp_path / "text"
    source.write_bytes(text[:400])
    facts, path = measure(source, "nano", raw)
    assert json.loads(path.read_text()) == facts
    assert path.name.startswith("speed-nano-text-")
    expected = {"kind": "speed", "codec": "kolmozip", "model": "nano", "restored": True, "lanes": 1}
    assert {name: facts[name] for name in expected} == expected
    weights = Path(os.environ["KOLMOZIP_WEIGHTS"]) / "nano.kzw"
    assert facts["weights_bytes"] == weights.stat().st_size
    assert facts["compressed_bytes"] < 400
    assert sum(original for original, _ in facts["blocks"]) == 400
    [row] = load(raw).rows
    assert (row.codec, row.verified, row.portable) == ("kolmozip nano", True, True)


def test_an_unknown_model_is_refused(source: Path, raw: Path) -> None:
    with pytest.raises(UnknownModel):
        measure(source, "nonesuch", raw)
    assert not raw.exists()
