"""Records: the input that a file is, and rows that contradict themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from compressor.bench.records import Curve, EmptyInput, Input, Results, load, row_of
from compressor.bench.store import MalformedResult
from compressor.errors import InputMissing

ROW: dict[str, Any] = {
    "kind": "row",
    "codec": "made-up",
    "family": "LZ77",
    "status": "verified",
    "compressed_bytes": 10,
    "input": "text",
    "input_bytes": 20,
    "input_sha256": "ab" * 32,
    "date": "2020-01-02T00:00:00Z",
    "blocks": [[20, 10]],
}
PATH = Path("row-x.json")


def test_the_input_that_a_file_is(source: Path, text: bytes, tmp_path: Path) -> None:
    subject = Input.of(source)
    assert subject == Input("text", len(text), hashlib.sha256(text).hexdigest())
    assert set(subject.facts) == {"input", "input_bytes", "input_sha256"}
    assert subject.facts["input_sha256"] == subject.sha256
    (tmp_path / "empty").touch()
    with pytest.raises(EmptyInput, match="name another"):
        Input.of(tmp_path / "empty")
    with pytest.raises(InputMissing):
        Input.of(tmp_path / "none")


def test_a_row_with_what_it_must_state() -> None:
    row = row_of(ROW, PATH)
    assert (row.file, row.verified, row.payload, row.bits_per_char) == ("row-x.json", True, 10, 4.0)
    assert (row.build, row.commit, row.subject.name) == (None, None, "text")


@pytest.mark.parametrize(
    "change",
    [
        {"status": "probably"},
        {"compressed_bytes": None},
        {"blocks": [[1, 2, 3]]},
        {"blocks": [[0, 3]]},
        {"blocks": [[1]]},
        {"codec": None},
    ],
)
def test_a_row_that_contradicts_itself_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedResult, match=r"row-x\.json: .*measure again"):
        row_of({**ROW, **change}, PATH)


ESTIMATE = {
    "kind": "estimate",
    **{name: ROW[name] for name in ("input", "input_bytes", "input_sha256", "date")},
    "checkpoint": "mine",
    "bits_per_char": 2.5,
    "bits_per_char_network_alone": 2.75,
    "bytes": 7,
}
SPEED = {
    **{name: value for name, value in ROW.items() if name not in ("family", "status")},
    "kind": "speed",
    "codec": "kolmozip",
    "model": "small",
    "weights": "c0ffee",
    "restored": True,
    "input": "test5m",
    "input_bytes": 5_000_000,
    "date": "2020-01-01T00:00:00Z",
}


@pytest.fixture
def folder(raw: Path) -> Path:
    """The folder of results, empty."""
    raw.mkdir(parents=True)
    return raw


def test_a_folder_is_loaded_older_measurements_first(folder: Path) -> None:
    older = {**ESTIMATE, "date": "2019-01-01T00:00:00Z"}
    failed = {**ROW, "status": "failed", "compressed_bytes": None, "date": "2020-01-03T00:00:00Z"}
    for name, facts in {
        "a": failed,
        "b": ROW,
        "c": SPEED,
        "d": ESTIMATE,
        "e": older,
        "f": {"kind": "of another reader"},
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(facts))
    (folder / "notes.txt").write_text("no measurement")
    results = load(folder)
    assert [row.file for row in results.rows] == ["c.json", "b.json", "a.json"]
    assert [estimate.file for estimate in results.estimates] == ["e.json", "d.json"]
    assert results.curves == []


def test_a_run_from_before_the_levels_is_a_row_of_our_codec(folder: Path) -> None:
    (folder / "speed.json").write_text(json.dumps(SPEED))
    (folder / "speed-lie.json").write_text(json.dumps({**SPEED, "restored": False}))
    lie, row = load(folder).rows
    assert (row.codec, row.family, row.version) == ("kolmozip small", "neural", "weights c0ffee")
    assert (row.verified, row.portable, row.training_bytes_within) == (True, True, 0)
    assert (row.level, row.file_format, row.weights) == (None, None, "c0ffee")
    assert (lie.verified, lie.reason) == (False, "decoded bytes differ")


def test_a_log_becomes_a_curve_over_bytes_of_text(folder: Path) -> None:
    lines = [
        {"step": 1, "bytes": 8, "train_bits_per_char": 7.5},
        {"step": 2, "valid_slice_bits_per_char": 6.5},
        {"step": 3, "bytes": 24, "train_bits_per_char": 5.5},
        {"step": 3, "valid_bits_per_char": 5.0},
    ]
    (folder / "train-mine.jsonl").write_text("\n".join(map(json.dumps, lines)))
    curve = Curve("mine", [(8.0, 7.5), (24.0, 5.5)], [(16.0, 6.5)], [(24.0, 5.0)])
    assert load(folder) == Results([], [], [curve])


@pytest.mark.parametrize(
    "facts",
    [
        {"codec": "x"},
        {"kind": 3},
        {"kind": "row"},
        {"kind": "estimate"},
        {"kind": "speed", "model": "x"},
        {**SPEED, "input": []},
    ],
)
def test_a_malformed_measurement_is_named(folder: Path, facts: dict[str, Any]) -> None:
    (folder / "broken.json").write_text(json.dumps(facts))
    with pytest.raises(MalformedResult, match=r"broken\.json.*: restore"):
        load(folder)


@pytest.mark.parametrize("line", ['{"step": 1, "bytes"', '{"step": 0, "bytes": 1}', '{"bytes": 1}'])
def test_a_malformed_log_is_named_with_its_line(folder: Path, line: str) -> None:
    (folder / "train-x.jsonl").write_text(f'{{"step": 1, "bytes": 8}}\n{line}\n')
    with pytest.raises(MalformedResult, match=r"train-x\.jsonl: line 2"):
        load(folder)


def test_a_missing_folder_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        load(tmp_path / "none")
