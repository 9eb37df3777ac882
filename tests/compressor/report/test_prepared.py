"""The page on prepared memories shows the newest measurement of each set of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compressor.errors import KolmozipError
from compressor.report import prepared


def facts(date: str, size: int) -> dict[str, Any]:
    row = {"bytes": size, "compress_ms": 20.0, "restore_ms": 30.0, "memory_bytes": 0}
    with_memory = {**row, "bytes": size // 2, "memory_bytes": 5_000_000, "restore_one_s": 0.25}
    return {
        "kind": "prepared memory",
        "input": "records",
        "files_read": 10,
        "bytes_read": 10_000,
        "files_coded": 9,
        "bytes_coded": 8_000,
        "rows": [{"codec": "plain", **row}, {"codec": "kolmozip -3 -D", **with_memory}],
        "processor": "one",
        "cores": 2,
        "commit": "abc",
        "date": date,
    }


def test_the_newest_is_shown(tmp_path: Path) -> None:
    for name, made in (("a", facts("2026-02-01", 4000)), ("b", facts("2026-01-01", 4444))):
        (tmp_path / f"memory-{name}.json").write_text(json.dumps(made))
    page = prepared.page(prepared.load(tmp_path))
    assert "4,444" not in page
    (line,) = [line for line in page.splitlines() if "kolmozip -3 -D" in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["kolmozip -3 -D", "2,000", "25.0 %", "5,000,000", "20", "30", "0.25"]
    assert "| plain | 4,000 | 50.0 % | - |" in page.replace("  ", " ")


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "memory-a.json").write_text("{")
    with pytest.raises(KolmozipError, match="memory-a"):
        prepared.load(tmp_path)
