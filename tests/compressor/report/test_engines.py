"""The page on the engines, from made-up figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compressor.bench.store import MalformedResult
from compressor.report import engines


def row(engine: str, seconds: float, **changes: Any) -> dict[str, Any]:
    """A run of `tiny` on 5,000 bytes by an engine, which takes twice as long to restore."""
    facts: dict[str, Any] = {
        "engine": engine,
        "instructions": "avx2" if engine == "native" else None,
        "model": "tiny",
        "codec": "kolmozip tiny",
        "input": "text",
        "input_bytes": 5000,
        "packed_sha256": "ab",
        "reason": None,
        "runs": 3,
        "same_bytes": True,
        "compressed_bytes": 1000,
        "bits_per_char": 1.6,
        "seconds_compress": seconds,
        "seconds_decompress": 2 * seconds,
        "kb_per_s_compress": 5 / seconds,
        "kb_per_s_decompress": 2.5 / seconds,
        "peak_rss_bytes_compress": 50_000_000,
        "peak_rss_bytes_decompress": 40_000_000,
    }
    return {**facts, **changes}


def measurement(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    facts = {
        "kind": "engines",
        "input": "text",
        "input_bytes": 5000,
        "rows": list(rows),
        "products_per_byte": {"tiny": 1000},
        "peak_products_per_s": {"avx2": 10_000_000},
        "candle": [],
        "processor": "A processor",
        "cores": 2,
        "commit": "abc",
        "date": "2020-01-02T00:00:00Z",
    }
    return {**facts, **changes}


def written(raw: Path, name: str, facts: dict[str, Any]) -> None:
    (raw / name).write_text(json.dumps(facts))


PEER = row("peer", 0.5, model=None, codec="xz -9e", packed_sha256="cd", compressed_bytes=1300)


def test_the_page_answers_from_the_rows(raw: Path) -> None:
    rows = (PEER, row("native", 1), row("jax", 4, peak_rss_bytes_compress=1_000_000_000))
    written(raw, "engines-b.json", measurement(*rows))
    written(raw, "engines-a.json", measurement(date="2019-01-01T00:00:00Z"))
    loaded = engines.load(raw)
    assert loaded is not None
    text = " ".join(engines.page(*loaded).split())
    assert "in each of 1 pairs of codec and input" in text
    assert "every one of 6 runs restored it" in text
    assert (
        "`kolmozip tiny` on 5,000 bytes, against JAX: compressing 4.0 times, decompressing 4.0 "
        "times as fast (1.00 s and 2.00 s, start to end); at most 50 MB, JAX 1,000." in text
    )
    assert "at 1/2.0 of the speed of xz -9e" in text
    assert "| kolmozip tiny | native, avx2 | 1,000 | 1.6000 | 1 | 2 | 5 | 2.5 | 50 | 40 |" in text
    assert "| kolmozip tiny | avx2 | 1,000 | 0.0 | 0.0 | 25% |" in text
    assert "`engines-b.json`: A processor, 2 cores, commit abc, 2020-01-02." in text
    assert "Candle" not in text.replace("--candle", "")


@pytest.mark.parametrize(
    "other", [{"packed_sha256": "ef"}, {"reason": "decompress: exit code 1"}, {"same_bytes": False}]
)
def test_unequal_files_and_failures_stand_first(raw: Path, other: dict[str, Any]) -> None:
    written(raw, "engines-a.json", measurement(PEER, row("native", 1), row("jax", 4, **other)))
    loaded = engines.load(raw)
    assert loaded is not None
    text = engines.page(*loaded)
    assert "Files differ or runs failed" in text
    assert "bits/char are equal" not in text


def test_a_level_without_a_network_has_no_products(raw: Path) -> None:
    level = {"model": None, "codec": "kolmozip -1"}
    rows = (row("native", 1, **level), row("jax", 4, **level), row("native", 1))
    written(raw, "engines-a.json", measurement(*rows))
    loaded = engines.load(raw)
    assert loaded is not None
    text = engines.page(*loaded)
    assert "`kolmozip -1` on 5,000 bytes, against JAX: compressing" in text
    work = text.split("## Work")[1]
    assert "kolmozip tiny" in work
    assert "kolmozip -1" not in work


def test_candle_has_its_table(raw: Path) -> None:
    candle = {
        "model": "tiny",
        "candle_version": "0.9",
        "lanes": 16,
        "bytes": 1000,
        "threads": 2,
        "seconds": 0.5,
        "peak_rss_bytes": 90_000_000,
        "bits_per_char": 1.75,
    }
    written(raw, "engines-a.json", measurement(row("native", 1), candle=[candle]))
    loaded = engines.load(raw)
    assert loaded is not None
    assert "| tiny | 0.9 | 16 | 1,000 | 2 | 2 | 90 | 1.7500 |" in engines.page(*loaded)


def test_without_a_measurement_there_is_no_page(raw: Path) -> None:
    assert engines.load(raw) is None


def test_a_malformed_measurement_is_named(raw: Path) -> None:
    written(raw, "engines-a.json", measurement(row("native", -1)))
    with pytest.raises(MalformedResult, match=r"engines-a\.json: 'seconds_compress'"):
        engines.load(raw)
