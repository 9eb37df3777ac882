"""The page on what weights have read: every package, licence and kind with its bytes."""

from __future__ import annotations

from data.general.gather import BENCHMARK
from data.general.statement import statement

CARD = {
    "corpus": "general",
    "part": "train",
    "bytes": 123_456,
    "documents": 7,
    "sha256": "ab" * 32,
    "manifest_sha256": "cd" * 32,
    "kept_out": ["one", "other", BENCHMARK],
    "bytes_by_kind": {"c": 3456, "prose-ru": 120_000},
    "packages": [
        {
            **{"name": name, "version": "1.0", "registry": "pypi", "licence": licence},
            **{"bytes": size, "sha256": "ef" * 32, "permissive": licence == "MIT"},
        }
        for name, licence, size in (
            ("tale", "MIT", 3456),
            ("saga", "GPL-2.0-only", 100_000),
            ("myth", "MIT", 20_000),
        )
    ],
}


def test_the_page_states_what_was_read_and_what_was_not() -> None:
    page = statement(CARD, 6)
    for line in (
        "| SHA-256 | `" + "ab" * 32 + "` |",
        "| MIT | 23,456 |",
        "| c | 3,456 |",
        "| saga | 1.0 | pypi | GPL-2.0-only | 100,000 | `efefefefefefefef` |",
    ):
        assert f"{line}\n" in page
    words = " ".join(page.split())
    assert "one byte in 6 of what is trained on" in words
    assert "**Kept out**: 2 packages" in words, "enwik8 is none"
    assert "gathered alone, 23,456 bytes" in words
    assert page.index("| GPL-2.0-only | 100,000 |") < page.index("| MIT | 23,456 |")


def test_its_prose_keeps_to_100_characters() -> None:
    prose = [line for line in statement(CARD, 6).splitlines() if not line.startswith("|")]
    assert max(map(len, prose)) <= 100
