"""What inputs are, and what they are called in names of files."""

from __future__ import annotations

import pytest

from compressor.bench.records import Input
from compressor.report.inputs import description, is_slice, slugs


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("enwik8", 100_000_000, "All of enwik8"),
        ("test5m", 5_000_000, "enwik8's last 5,000,000 bytes"),
        ("test5m", 4_999_999, "A file called test5m that is not enwik8's slice of that name"),
        ("test5m-text8", 4_000_000, "A cleaned slice: test5m reduced to letters and spaces"),
        ("book.txt", 7, "A file of the user's."),
    ],
)
def test_a_description_says_what_an_input_is(name: str, size: int, words: str) -> None:
    subject = Input(name, size, "ab" * 32)
    assert words in description(subject)
    assert description(subject).endswith(f"{size:,} bytes, SHA-256 `{'ab' * 32}`.")
    assert is_slice(subject) == ("slice of that" not in words and name in ("enwik8", "test5m"))


def test_inputs_of_one_name_are_told_apart_by_their_hash() -> None:
    alone, first, second = (
        Input(name, 7, digest * 32)
        for name, digest in (("My Book.txt", "ab"), ("x", "cd"), ("x", "ef"))
    )
    assert slugs([alone, first, second]) == {
        alone: "my-book-txt",
        first: "x-cdcdcdcd",
        second: "x-efefefef",
    }
