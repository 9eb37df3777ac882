"""Plain tables: columns as wide as their widest cell, numbers to the right."""

from __future__ import annotations

import pytest

from compressor.system.plain_table import plain_table


def test_columns_are_aligned_by_their_heading() -> None:
    rows = [["xz -9e", "86,484", "yes"], ["kolmozip", "1", "NO"]]
    assert plain_table(["codec", ">bytes", "restored"], rows).splitlines() == [
        "codec      bytes  restored",
        "xz -9e    86,484  yes",
        "kolmozip       1  NO",
    ]


def test_a_table_without_rows_is_its_headings() -> None:
    assert plain_table(["codec", ">bytes"], []) == "codec  bytes"


def test_a_row_of_another_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        plain_table(["codec", ">bytes"], [["xz"]])
