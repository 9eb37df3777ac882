"""README's generated parts and the figures on cards, from made-up rows and from the kept ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compressor.codec.levels import DEFAULT, LEVELS
from compressor.report import readme
from compressor.report.measurements import load

ROOT = Path(__file__).resolve().parents[3]


def test_parts_stand_between_their_markers_and_nowhere_else(keep: Any, tmp_path: Path) -> None:
    keep.ours()
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- leaderboard -->\nold\n<!-- /leaderboard -->\nafter\n")
    table = readme.leaderboard(keep.load())
    assert readme.with_parts(path, keep.load()) == (
        f"before\n<!-- leaderboard -->\n{table}<!-- /leaderboard -->\nafter\n"
    )
    assert "| kolmozip tiny | 1.440 | 6.320 | 2,000 | - | - | - |" in table
    path.write_text("no markers\n")
    assert readme.with_parts(path, keep.load()) is None
    path.write_text("<!-- leaderboard -->\nthe end of the part is missing\n")
    assert readme.with_parts(path, keep.load()) == path.read_text()
    path.write_text("<!-- figures -->\nof former levels\n<!-- /figures -->\n")
    assert readme.with_parts(path, keep.load()) == path.read_text(), "no level was measured"


def test_the_headline_is_of_the_default_level_beside_its_peers(
    keep: Any, flat: Callable[[str], str]
) -> None:
    assert readme.headline(keep.load()) == "", "nothing is said where nothing was measured"
    keep.level(DEFAULT, compressed_bytes=800_000)
    keep(codec="xz -9e", compressed_bytes=1_250_000)
    keep(codec="zpaq -m5", compressed_bytes=1_000_000, kb_per_s_compress=412.0)
    rates, speeds, sizes = flat(readme.headline(keep.load())).removeprefix("- ").split(" - ")
    assert rates == (
        "**1.280 bits/char** on 5,000,000 bytes of unseen Wikipedia text: 800,000 bytes, 16 % of "
        "them (`xz -9e` 2.000, `zpaq -m5` 1.600)."
    )
    assert speeds.startswith("**1,000 and 2,000 KB/s** to compress and to decompress on 2 cores")
    assert "`zpaq -m5` 412 and 2,000" in speeds
    assert sizes.startswith("**3.00 MB of weights**")
    assert "30 MB of memory" in sizes


def test_our_levels_stand_in_their_order_with_what_they_are_for(keep: Any) -> None:
    assert readme.figures(keep.load()) == "", "nothing is said where nothing was measured"
    keep.level(6, compressed_bytes=800_000, peak_rss_bytes_compress=7_000_000)
    keep.level(1)
    keep.rival()
    keep.ours(file_format=1)
    table = readme.figures(keep.load())
    first, second = [line for line in table.splitlines() if line.startswith("| `")]
    assert first == (
        f"| `-1` | {LEVELS[1].purpose} | none | 900,000 | **1.440** | 0 | 1,000 | 2,000 | 30 |"
    )
    assert second == (
        f"| `-6` | {LEVELS[6].purpose} | `base` | 800,000 | **1.280** | 3,000,000 | 1,000 | 2,000 "
        "| 20 |"
    )
    assert "transformer" not in table


@pytest.mark.parametrize(("version", "marked"), [("weights one", False), ("weights two", True)])
def test_rows_of_other_weights_are_marked(keep: Any, version: str, marked: bool) -> None:
    keep(codec="gzip -9", version="weights one")
    keep(**{**keep.ENWIK8, "codec": "gzip -9", "version": version})
    table = readme.leaderboard(keep.load())
    mark = "\N{DOUBLE DAGGER}"
    assert (f" {mark} |" in table) == (f"\n{mark} Measured with another version" in table) == marked


def test_a_model_that_was_trained_on_the_bytes_is_marked(keep: Any) -> None:
    keep.ours(training_bytes_within=90_000_000, **keep.ENWIK8)
    table = readme.leaderboard(keep.load())
    assert "| kolmozip tiny | - | - | - | 0.072 \N{DAGGER} | 0.316 | 2,000 |" in table
    assert "\n\N{DAGGER} The model was trained on 90 % of these bytes" in table


def test_what_is_not_recorded_breaks_nothing(keep: Any) -> None:
    unknown = ("training_bytes_within", "weights_bytes", "kb_per_s_decompress", "cores")
    for place in ({}, keep.ENWIK8):
        keep.level(DEFAULT, **{"version": None, **dict.fromkeys(unknown)}, **place)
    assert f"| kolmozip -{DEFAULT} | 1.440 | - | - |" in readme.leaderboard(keep.load())
    assert "**- MB of weights**" in readme.headline(keep.load())
    assert "| 3,000,000 |" not in readme.figures(keep.load())


def test_cards_get_the_figures_of_their_own_weights_alone(keep: Any, tmp_path: Path) -> None:
    keep.level(7, compressed_bytes=800_000)
    keep.level(6)
    for name, identity in (("small", "0a0b"), ("tuned", "ffff")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"identity": identity, "steps": 7}))
    [(path, card)] = readme.cards(keep.load(), tmp_path)
    assert path == tmp_path / "small.json"
    assert json.loads(card) == {
        "identity": "0a0b",
        "steps": 7,
        "test5m_bits_per_char": 1.28,
        "test5m_bytes": 800_000,
        "test5m_level": 7,
    }


def test_readme_is_of_the_committed_rows() -> None:
    path = ROOT / "README.md"
    text = readme.with_parts(path, load(ROOT / "results" / "raw"))
    assert text == path.read_text(), "run `kolmozip bench report`"
