"""Quoted figures are whole, agree with themselves, and say where they are from."""

from __future__ import annotations

import math
import re

from baselines.cited import FIELDS, cited
from baselines.codec import FAMILIES

BYTES = {"enwik8": 100_000_000, "test5m": 5_000_000}


def test_every_figure_has_every_field_and_no_other() -> None:
    assert cited()
    for row in cited():
        assert tuple(row) == FIELDS
        assert row["family"] in FAMILIES
        assert row["input"] in BYTES
        assert row["codec"]


def test_every_source_is_a_page_or_a_paper_that_anybody_can_read() -> None:
    for row in cited():
        assert re.search(r"\w\.(com|net|org)/\w|arXiv \d{4}\.\d{5}", row["source"]), row


def test_sizes_and_bits_agree() -> None:
    for row in cited():
        assert 0.5 < row["bits_per_char"] < 8
        if row["compressed_bytes"] is not None:
            bits = 8 * row["compressed_bytes"] / BYTES[row["input"]]
            assert math.isclose(row["bits_per_char"], bits, abs_tol=6e-6)
            assert row["total_bytes"] is None or row["total_bytes"] > row["compressed_bytes"]
        else:
            assert row["total_bytes"] is None
            assert row["file"] is False


def test_no_figure_is_there_twice_and_all_are_in_order() -> None:
    keys = [(row["input"], row["codec"]) for row in cited()]
    assert len(set(keys)) == len(keys)
    for name in BYTES:
        bits = [row["bits_per_char"] for row in cited() if row["input"] == name]
        assert bits == sorted(bits)


def test_cross_entropies_say_that_no_file_was_written() -> None:
    for row in cited():
        if "transformer" in row["codec"]:
            assert row["compressed_bytes"] is None
            assert "no file" in row["note"]
            assert row["file"] is False
