"""Frames as Markdown and CSV, and how figures are written."""

from __future__ import annotations

import pandas as pd
import pytest

from compressor.report import tables

FRAME = pd.DataFrame(
    {
        "codec": ["a|b", "two\nlines"],
        "bytes": pd.array([1_234_567, None], dtype="Int64"),
        "rate": pd.array([None, 1.5], dtype="Float64"),
    }
)


def test_figures_stand_to_the_right_and_what_is_missing_is_a_dash() -> None:
    table = tables.markdown(FRAME, {"bytes": tables.whole, "rate": tables.bits})
    assert table.splitlines() == [
        "| codec | bytes | rate |",
        "|---|---:|---:|",
        "| a\\|b | 1,234,567 | - |",
        "| two lines | - | 1.500 |",
    ]


def test_csv_has_the_columns_asked_for_and_nothing_for_what_is_missing() -> None:
    assert tables.csv_text(FRAME, ["bytes", "rate"]) == "bytes,rate\n1234567,\n,1.5\n"


def test_a_table_without_lines_has_its_head() -> None:
    assert tables.markdown(FRAME[:0], {}).splitlines() == [
        "| codec | bytes | rate |",
        "|---|---|---|",
    ]


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.004, "less than 1 %"), (0.5, "50 %"), (0.999, "99 %"), (1, "100 %")],
)
def test_a_share_is_never_rounded_to_none_or_all_of_it(share: float, words: str) -> None:
    assert tables.percent(share) == words


@pytest.mark.parametrize(("value", "words"), [(3.951, "3.95"), (47.5, "47.5"), (5268.4, "5,268")])
def test_speeds_have_about_three_figures(value: float, words: str) -> None:
    assert tables.speed(value) == words
