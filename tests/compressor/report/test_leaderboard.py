"""The leaderboard's page and CSV, from made-up rows: what is ranked, and what is said of it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest

from compressor.report.leaderboard import as_csv, page

Part, Flat = Callable[..., str], Callable[[str], str]


@pytest.fixture
def text(keep: Any) -> Callable[[], str]:
    """The page of what has been kept."""
    return lambda: page(keep.load(), [])


def test_training_on_the_bytes_coded_is_said_in_words_with_the_sum(
    keep: Any, text: Callable[[], str], part: Part, flat: Flat
) -> None:
    keep.ours(compressed_bytes=18_000_000, training_bytes_within=90_000_000, **keep.ENWIK8)
    section = flat(part(text(), "## enwik8"))
    assert "kolmozip tiny was trained on 90 % of these bytes" in section
    assert "18,000,000 + 3,000,000 + 50,000 = 21,050,000 bytes, 1.684 bits/char" in section


def test_a_codec_that_lies_is_listed_as_failed_and_never_ranked(
    keep: Any, text: Callable[[], str], part: Part
) -> None:
    keep(codec="honest")
    keep.failed("liar", compressed_bytes=10, bits_per_char=0.00002)
    ranking, failed = part(text(), "## test5m").split("### Failed")
    assert "| 1 | honest |" in ranking
    assert "liar" not in ranking
    assert "decoded bytes differ" in failed
    lines = list(csv.DictReader(as_csv(keep.load()).splitlines()))
    assert [(line["codec"], line["rank"], line["status"]) for line in lines] == [
        ("honest", "1", "verified"),
        ("liar", "", "failed"),
    ]
    assert [(line["payload_bytes"], line["bits_per_char"]) for line in lines] == [
        ("2000000", "3.2"),
        ("10", ""),
    ]


def test_inputs_come_in_their_order_and_slices_are_called_slices(
    keep: Any, text: Callable[[], str], part: Part
) -> None:
    sizes = {"zeta": 7, "head1m": 10**6, "test5m": 5 * 10**6, "alpha": 7, "enwik8": 10**8}
    for name, size in {**sizes, "valid": 7}.items():
        keep(input=name, input_bytes=size, compressed_bytes=1)
    found = text()
    order = [line for line in found.splitlines() if line.startswith("## ")]
    names = ("enwik8", "test5m", "valid", "head1m", "alpha", "zeta")
    assert order[:6] == [f"## {name}" for name in names]
    assert "A slice:" in part(found, "## test5m")
    assert "All of enwik8" in part(found, "## enwik8")
    assert "not enwik8's slice" in part(found, "## valid")


def test_cited_figures_stand_apart_and_without_rank(keep: Any, part: Part) -> None:
    keep(codec="measured")
    figure = {
        "codec": "quoted",
        "family": "PPM",
        "input": "test5m",
        "compressed_bytes": None,
        "bits_per_char": 0.5,
        "total_bytes": 600_000,
        "source": "a made-up page",
        "note": None,
        "file": True,
    }
    kept = keep.load([figure, {**figure, "codec": "far", "input": "enwik9"}])
    found = page(kept, [])
    ranking, quoted = part(found, "## test5m").split("### *Cited*")
    assert "quoted" not in ranking
    assert "| quoted | PPM | test5m | - | 0.500 | 600,000 | a made-up page |  |" in quoted
    assert "far" not in quoted
    assert "Nothing measured yet." in part(found, "## enwik9")
    assert "| far |" in part(found, "## enwik9")
    assert "quoted" not in as_csv(kept)


def test_estimates_are_headed_as_such(keep: Any, text: Callable[[], str], part: Part) -> None:
    keep.estimate("tiny", 1.6)
    section = part(text(), "## test5m")
    assert "No verified row yet." in section
    assert "| tiny | 1.250 | 1.600 |" in section.split("### Estimates, not files")[1]


def test_the_build_of_a_program_is_stated_once(
    keep: Any, text: Callable[[], str], part: Part, flat: Flat
) -> None:
    assert "Programs built by hand" not in text()
    for place in ({}, keep.ENWIK8):
        keep(codec="mcm -x10", build="commit abc, g++ -O3, one null check added", **place)
    assert flat(part(text(), "## Programs built by hand")) == (
        "- **mcm -x10**: commit abc, g++ -O3, one null check added"
    )


def test_a_reason_cannot_break_its_table(keep: Any, text: Callable[[], str]) -> None:
    keep.failed("liar", reason="a | b\nc")
    assert "| a \\| b c |" in text()


def test_the_page_shows_the_plots_that_exist(keep: Any, part: Part) -> None:
    keep()
    shown = page(keep.load(), ["bits-per-char-test5m", "pareto-valid", "learning-curves"])
    images = [line for line in shown.splitlines() if line.startswith("![")]
    assert images == [
        "![bits-per-char-test5m](plots/bits-per-char-test5m.svg)",
        "![learning curves](plots/learning-curves.svg)",
    ]


def test_prose_is_wrapped(keep: Any, text: Callable[[], str]) -> None:
    keep.ours(training_bytes_within=90_000_000, **keep.ENWIK8)
    keep(build="word " * 50)
    lines = [line for line in text().splitlines() if not line.startswith("|")]
    assert max(map(len, lines)) <= 100


def test_nothing_measured_makes_a_page_too(text: Callable[[], str]) -> None:
    assert "No rows yet." in text()
