"""README's generated parts and the figures on cards, from made-up rows and from the kept ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compressor.codec.weights_store import DEFAULT_MODEL
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
    path.write_text("<!-- figures -->\nthe end of the part is missing\n")
    assert readme.with_parts(path, keep.load()) == path.read_text()


def test_the_headline_is_of_the_default_model_beside_its_peers(
    keep: Any, flat: Callable[[str], str]
) -> None:
    assert readme.headline(keep.load()) == "", "nothing is said where nothing was measured"
    keep.ours(codec=f"kolmozip {DEFAULT_MODEL}", compressed_bytes=800_000)
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


def test_our_models_stand_with_the_estimates_of_their_runs(keep: Any) -> None:
    keep.ours()
    more = {"compressed_bytes": 800_000, "peak_rss_bytes_compress": 7_000_000}
    keep.ours(codec="kolmozip small", **more)
    keep.rival()
    keep.estimate("small7", 1.5, "estimate-small-test5m-1.json")
    keep.estimate("small", 1.7, "estimate-other-test5m-1.json")
    table = readme.figures(keep.load())
    first, second = [line for line in table.splitlines() if line.startswith("| `")]
    assert first.startswith(
        "| `small` | 800,000 | **1.280** | 1.2500 (+2.40%) | 1.500 | 4,000,000 | 3,000,000 |"
    )
    assert first.endswith("| 20 |")
    assert second.startswith("| `tiny` | 900,000 | **1.440** | - | - |")
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
        facts = {"codec": f"kolmozip {DEFAULT_MODEL}", "version": None, **dict.fromkeys(unknown)}
        keep.ours(**facts, **place)
    assert f"| kolmozip {DEFAULT_MODEL} | 1.440 | - | - |" in readme.leaderboard(keep.load())
    assert "**- MB of weights**" in readme.headline(keep.load())
    assert "| 3,000,000 |" not in readme.figures(keep.load())


def test_cards_get_the_figures_of_their_own_weights_alone(keep: Any, tmp_path: Path) -> None:
    keep.ours(version="weights 0a0b")
    for name, identity in (("tiny", "0a0b"), ("tuned", "ffff")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"identity": identity, "steps": 7}))
    [(path, card)] = readme.cards(keep.load(), tmp_path)
    assert path == tmp_path / "tiny.json"
    assert json.loads(card) == {
        "identity": "0a0b",
        "steps": 7,
        "test5m_bits_per_char": 1.44,
        "test5m_bytes": 900_000,
    }


def test_readme_is_of_the_committed_rows() -> None:
    path = ROOT / "README.md"
    text = readme.with_parts(path, load(ROOT / "results" / "raw"))
    assert text == path.read_text(), "run `kolmozip bench report`"
