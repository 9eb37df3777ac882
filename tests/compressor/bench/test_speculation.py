"""The measurement of drafts: every one on every piece, beside the decoder without."""

from __future__ import annotations

from pathlib import Path

import pytest

from compressor.bench import speculation
from compressor.bench.store import read_json
from compressor.codec import native
from compressor.codec.native import NativeCodec, Tally

pytest.importorskip("compressor.codec._native", reason="the native engine is not built")


@pytest.fixture
def nano(monkeypatch: pytest.MonkeyPatch) -> str:
    """The weights that tests measure, so that they are quick."""
    monkeypatch.delenv(native.SPECULATION_VARIABLE, raising=False)
    name = str(Path(__file__).resolve().parents[2] / "golden" / "nano.kzw")
    monkeypatch.setattr(speculation, "DRAFTS", ("match", "memory", name))
    monkeypatch.setattr(speculation, "WIDTHS", (1, 4))
    return name


def test_every_draft_is_measured_beside_none(tmp_path: Path, nano: str) -> None:
    pieces = ((300, 1), (500, 2))
    facts, path = speculation.measure(tmp_path, models=[nano], pieces=pieces, rounds=2, quiet=True)
    assert read_json(path) == facts
    assert path.name.startswith("speculation-")
    assert facts["rounds"] == 2
    drafts = [("never", 0), ("usual", 0)]
    drafts += [(draft, width) for draft in ("match", "memory", nano) for width in (1, 4)]
    rows = facts["rows"]
    for number, (size, lanes) in enumerate(pieces):
        part = rows[8 * number : 8 * number + 8]
        assert {(row["bytes"], row["lanes"]) for row in part} == {(size, lanes)}
        assert [(row["draft"], row["width"]) for row in part] == drafts
        assert part[0]["times_as_fast"] == 1
        assert speculation.bytes_a_pass(part[0]) is None
        assert speculation.hit_rate(part[0]) is None
        for row in part[2:]:
            assert row["steps"] == size // lanes
            rate = speculation.bytes_a_pass(row)
            assert rate is not None
            assert 1 <= rate <= row["width"] + 1
            assert row["kb_per_s"] > 0
            assert row["model"] in speculation.table([row])


def test_other_bytes_are_told(tmp_path: Path, nano: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = (b"wrong", Tally(0, 0, 0, 0, 0))
    monkeypatch.setattr(NativeCodec, "tallied_block", lambda *_: wrong)
    with pytest.raises(speculation.SpeculationDiffers, match="KOLMOZIP_SPECULATION=never"):
        speculation.measure(tmp_path, models=[nano], pieces=((300, 1),), rounds=1, quiet=True)
    assert not list(tmp_path.glob("*.json"))
