"""One run of our own compressor: what is kept, and that it counts as a row."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from coding import container
from compressor.bench.records import load
from compressor.bench.speed import measure
from compressor.errors import UnknownModel

NANO = Path(__file__).parents[2] / "golden" / "nano.kzw"
SIZE = 300


@pytest.mark.slow
def test_a_run_with_weights_by_path_is_kept_and_counts_as_a_row(
    text: bytes, tmp_path: Path, raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KOLMOZIP_WEIGHTS")  # where a file of the same identity lies
    weights, source = tmp_path / "weights" / "nano-other.kzw", tmp_path / "text"
    weights.parent.mkdir()
    shutil.copy(NANO, weights)
    source.write_bytes(text[:SIZE])
    facts, path = measure(source, raw, model=str(weights))
    assert json.loads(path.read_text()) == facts
    assert path.name.startswith("row-kolmozip-nano-other-text-")
    assert facts["reason"] is None
    assert (facts["kind"], facts["codec"], facts["level"]) == ("row", "kolmozip nano-other", 6)
    assert (facts["model"], facts["design"], facts["tables_mib"]) == ("nano-other", "beside", 1)
    assert (facts["lanes"], facts["file_format"]) == (1, container.VERSION)
    assert facts["weights_bytes"] == NANO.stat().st_size
    assert facts["compressed_bytes"] < SIZE, "stored raw, which needs no weights"
    assert [original for original, _ in facts["blocks"]] == [SIZE]
    [row] = load(raw).rows
    assert (row.codec, row.verified, row.portable) == ("kolmozip nano-other", True, True)


def test_a_level_is_measured_by_its_number(source: Path, raw: Path) -> None:
    facts, path = measure(source, raw, level=1)
    assert path.name.startswith("row-kolmozip-1-text-")
    assert (facts["status"], facts["level"], facts["weights_bytes"]) == ("verified", 1, 0)
    [row] = load(raw).rows
    assert (row.level, row.design, row.lanes) == (1, "light", 1)
    assert sum(size for size, _ in facts["blocks"]) == facts["input_bytes"]


def test_an_unknown_model_is_refused(source: Path, raw: Path) -> None:
    with pytest.raises(UnknownModel):
        measure(source, raw, model="nonesuch")
    assert not raw.exists()
