"""Records: the input that a file is, and rows that contradict themselves."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from compressor.bench.records import EmptyInput, Input, row_of
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
    assert (row.build, row.total, row.subject.name) == (None, None, "text")


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
