"""The page on scale states what was measured, and beside it the factor to a terabyte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compressor.errors import KolmozipError
from compressor.report import scale


def facts(date: str, size: int) -> dict[str, Any]:
    row = {
        "level": 3,
        "compressed_bytes": size,
        "seconds_compress": 7.2,
        "seconds_decompress": 3.6,
        "peak_rss_bytes_compress": 500_000_000,
        "peak_rss_bytes_decompress": 400_000_000,
    }
    return {
        "kind": "scale",
        "input": "logs",
        "input_bytes": 1_000_000,
        "files": 12,
        "rows": [row],
        "processor": "one",
        "cores": 2,
        "commit": "abc",
        "date": date,
    }


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_newest_is_shown_with_the_factor_to_a_terabyte(tmp_path: Path) -> None:
    for name, made in (
        ("a", facts("2026-02-01", 250_000)),
        ("b", facts("2026-01-01", 444_444)),
    ):
        (tmp_path / f"scale-{name}.json").write_text(json.dumps(made))
    page = scale.page(scale.load(tmp_path))
    assert "444,444" not in page
    assert "Measured: 12 files, 1,000,000 bytes." in page
    assert "1,000,000,000,000 / 1,000,000 = 1,000,000 times as much, not measured." in page
    measured, expected = (cells(line) for line in page.splitlines() if line.startswith("| `-3`"))
    assert measured[2:] == ["250,000", "25.0 %", "7.2", "3.6", "500", "400"]
    assert expected[1:] == ["250", "4,000", "2,000", "2,000", "1,000"]
    assert all(len(line) <= 100 or line.startswith("|") for line in page.splitlines())


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "scale-a.json").write_text("{")
    with pytest.raises(KolmozipError, match="scale-a"):
        scale.load(tmp_path)
