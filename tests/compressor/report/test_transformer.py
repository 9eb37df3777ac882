"""The comparison with gzip and a transformer of the same size, from made-up rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compressor.report.transformer import NO_ROWS, page

Part = Callable[..., str]
GZIP, RIVAL = "## Smaller than gzip?", "## Within 10 %"


@pytest.fixture
def text(keep: Any, flat: Callable[[str], str]) -> Callable[[], str]:
    """The page of what has been kept, its lines joined; headings stand on lines of their own."""
    return lambda: "\n".join(map(flat, page(keep.load()).split("\n\n")))


def test_no_rows_no_verdict(keep: Any, text: Callable[[], str]) -> None:
    keep(codec="gzip -9")
    assert text().count(f"**{NO_ROWS}**") == 4
    assert "**yes**" not in text()
    assert "**no**" not in text()


@pytest.mark.parametrize(
    ("size", "payload", "total"),
    [(900_000, "no", "no"), (1_800_000, "yes", "no"), (4_800_000, "yes", "yes")],
)
def test_gzip_is_answered_on_payload_and_total(
    keep: Any, text: Callable[[], str], part: Part, size: int, payload: str, total: str
) -> None:
    files = [keep.ours().name, keep(codec="gzip -9", compressed_bytes=size).name]
    section = part(text(), GZIP)
    assert f"not trained on: **{payload}** (kolmozip tiny on test5m)" in section
    assert f"on any input: **{total}** (kolmozip tiny on test5m)" in section
    assert f"`{files[0]}`, `{files[1]}`" in section


def test_bytes_the_model_was_trained_on_do_not_answer_for_the_payload(
    keep: Any, text: Callable[[], str], part: Part
) -> None:
    keep.ours(training_bytes_within=90_000_000, **keep.ENWIK8)
    keep(codec="gzip -9", compressed_bytes=36_000_000, **keep.ENWIK8)
    section = part(text(), GZIP)
    assert f"not trained on: **{NO_ROWS}**" in section
    assert "on any input: **yes** (kolmozip tiny on enwik8)" in section


def test_an_unknown_total_is_said_to_be_unknown(
    keep: Any, text: Callable[[], str], part: Part
) -> None:
    keep.ours(program_bytes=None)
    keep(codec="gzip -9")
    section = part(text(), GZIP)
    assert f"on any input: **{NO_ROWS}**" in section
    assert "| - | 2,050,000 | not known |" in section


@pytest.mark.parametrize(
    ("size", "verdict"), [(1_000_000, "yes"), (818_182, "yes"), (818_181, "no"), (500_000, "no")]
)
def test_the_transformer_is_matched_within_ten_per_cent(
    keep: Any, text: Callable[[], str], part: Part, size: int, verdict: str
) -> None:
    files = [keep.ours().name, keep.rival(compressed_bytes=size).name]
    section = part(text(), RIVAL)
    assert f"**{verdict}** (kolmozip tiny on test5m against transformer-tiny)" in section
    assert all(f"`{name}`" in section for name in files)
    assert "| decompress, KB/s | 2,000 | 100 | 20.00 |" in section
    assert "| lanes | - | 64 | - |" in section
    assert "| decodes on another machine | yes | no | - |" in section


@pytest.mark.parametrize(
    "change",
    [{"train_bytes_seen": 10_000_000}, {"train_bytes_seen": None}, {"input_sha256": "00" * 32}],
)
def test_only_pairs_with_equal_training_and_input_are_compared(
    keep: Any, text: Callable[[], str], change: dict[str, Any]
) -> None:
    keep.ours()
    keep.rival(**change)
    assert f"equally many bytes: **{NO_ROWS}**" in text()


def test_a_pair_of_an_earlier_format_counts_and_one_of_two_formats_does_not(
    keep: Any, text: Callable[[], str]
) -> None:
    keep.ours()
    keep.rival()
    keep.level(6, train_bytes_seen=20_000_000)
    assert "(kolmozip tiny on test5m against transformer-tiny)" in text()
    assert "kolmozip -6 on test5m against" not in text()
    keep.rival(file_format=1)
    assert "kolmozip -6 on test5m against" in text()


def test_of_our_levels_the_default_one_is_held_against_gzip(
    keep: Any, text: Callable[[], str], part: Part
) -> None:
    keep(codec="gzip -9")
    for number in (1, 6, 9):
        keep.level(number)
    section = part(text(), GZIP)
    assert "not trained on: **yes** (kolmozip -6 on test5m)" in section


def test_a_transformer_of_another_size_does_not_count(keep: Any, text: Callable[[], str]) -> None:
    keep.ours()
    keep.rival(parameters=5_000_000)
    assert f"equally many bytes: **{NO_ROWS}**" in text()
    assert "not of one size" in text()


def test_the_networks_alone_are_compared_from_estimates(
    keep: Any, text: Callable[[], str], part: Part
) -> None:
    keep.ours()
    keep.rival(compressed_bytes=1_000_000)
    keep.estimate("tiny", 1.68)
    assert f"transformer: **{NO_ROWS}**" in text()
    keep.estimate("transformer-tiny", 1.6)
    section = part(text(), "### The networks without")
    assert "**yes** (kolmozip tiny on test5m against transformer-tiny)" in section
    assert "| 1.680 | 1.600 | 1.050 | yes |" in section


def test_a_failed_row_answers_nothing(keep: Any, text: Callable[[], str]) -> None:
    keep.failed("kolmozip tiny")
    keep(codec="gzip -9")
    assert f"not trained on: **{NO_ROWS}**" in text()
