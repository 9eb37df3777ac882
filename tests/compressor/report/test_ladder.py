"""The ladder's page: it follows from the runs alone, and there is none without them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compressor.report import build, index, ladder, measurements
from compressor.report.ladder_series import load
from compressor.report.ladder_words import SPECULATION
from compressor.report.plots import ladder as plots

RESULTS = Path(__file__).resolve().parents[3] / "results"
Part = Callable[..., str]
Flat = Callable[[str], str]


@pytest.fixture
def text(keep: Any) -> Callable[[], str]:
    """The page of what has been kept."""
    return lambda: ladder.page(load(keep.raw), keep.load(), [])


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def row(page: str, name: str) -> dict[str, str]:
    """The first line of a table with a name, by the heading of each column."""
    lines = page.splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith(f"| {name} |"))
    top = next(at for at in range(at, 0, -1) if lines[at].startswith("|---")) - 1
    return dict(zip(cells(lines[top]), cells(lines[at]), strict=True))


def test_a_rung_has_its_row_at_each_scale(keep: Any, text: Callable[[], str], part: Part) -> None:
    keep.controls()
    keep.controls("4M")
    keep.gaps(
        "sat-2", "sat", {"1M": (4, 2)}, backbone_steps=0.5, multiply_adds=500_000.0, kb_per_s=90.0
    )
    page = text()
    at_1m = part(page, "## Scale 1M\n")
    assert row(at_1m, "sat-2") == {
        "rung": "sat-2",
        "seeds": "2",
        "parameters": "1,400,000",
        "outside tables": "1,000,000",
        "steps a byte": "0.500",
        "multiply-adds a byte": "500,000",
        "bits/char alone, estimate": "2.1620 ± 0.0820",
        "alone against AR": "+3.00 % ± 1.00",
        "alone against shrunk AR": "-1.90 % ± 0.95",
        "bits/char of the mixture, estimate": "1.7296 ± 0.0656",
        "mixture against AR": "+3.00 % ± 1.00",
        "mixture against shrunk AR": "-1.90 % ± 0.95",
        "file, bits/char": "-",
        "KB/s in": "-",
        "KB/s out": "-",
        "KB/s trained": "90",
    }
    control = row(at_1m, "ar-half")
    assert control["alone against AR"] == "+5.00 % ± 0.00"
    assert (control["alone against shrunk AR"], control["KB/s in"]) == ("-", "40")
    assert control["KB/s out"] == "50.5"
    assert "smaller in `sat-2`" in " ".join(at_1m.split())
    assert row(at_1m, "**ar**")["alone against AR"] == "-"
    assert "sat-2" not in part(page, "## Scale 4M\n")


def test_the_page_says_what_its_figures_are(keep: Any, text: Callable[[], str], flat: Flat) -> None:
    keep.controls()
    page = flat(text())
    assert "Text: made-up, 4,000,000 bytes read by 16 lanes in windows of 256" in page
    assert "Evaluated on 1,000,000 bytes." in page
    assert "outside the tables of n-grams: 1M (1,000,000)." in page
    assert "Measured on cpu (made-up processor, 2 cores)." in page
    assert "beside the memory of design light, on the same text" in page
    assert "| `ar-half` | a step a byte |" in page
    assert ("## The claims" in page, "## Does the gap" in page) == (False, False)


def test_one_seed_has_no_spread_and_one_that_diverged_is_named(
    keep: Any, text: Callable[[], str], flat: Flat
) -> None:
    keep.controls(seeds=1)
    nothing = {"bits_per_char": None, "mixture_bits_per_char": None, "step_ms": None}
    keep.rung("sat-2", gap=1)
    keep.rung("sat-2", seed=1, reason="the loss is not finite", **nothing)
    page = text()
    assert row(page, "sat-2")["alone against AR"] == "+1.00 %"
    assert row(page, "sat-2")["seeds"] == "1"
    assert "Diverged, without figures: `sat-2` seed 1." in flat(page)
    assert "| sat-2 | 1M | 1 | diverged: the loss is not finite | - |" in page


def test_the_gap_by_size_is_a_table_and_sentences(
    keep: Any, text: Callable[[], str], part: Part
) -> None:
    for scale in ("0.3M", "1M"):
        keep.controls(scale)
    assert "sat-2" not in text()
    keep.gaps("sat-2", "sat", {"0.3M": (6, 5), "1M": (4, 2)})
    size = part(text(), "## Does the gap shrink?\n")
    assert "| sat-2 | alone | +5.50 % ± 0.50 | +3.00 % ± 1.00 | -1.25 ± 0.25 | 2 |" in size
    assert "- `sat-2`: alone, the gap to AR shrinks" in size


def test_other_settings_stand_apart(keep: Any, text: Callable[[], str], part: Part) -> None:
    keep.controls()
    keep.rung(setting={**keep.RUNG["setting"], "total_bytes": 30_000_000})
    others = part(text(), "## Other settings\n")
    assert "| made-up | 30,000,000 | 16 x 256 | 0.008 | 1M | ar | 1 | 2.0000 | - | - |" in others
    assert "30,000,000" not in part(text(), "# Bytes a step", "## Other settings")


def filled(keep: Any) -> None:
    """Runs that everything on the page has something to say of."""
    for scale in keep.SCALES:
        keep.controls(scale)
    keep.gaps("sat-2", "sat", {"0.3M": (6, 5), "1M": (4, 2), "4M": (3, 1)}, backbone_steps=0.5)
    keep.gaps("order-8", "order", {"1M": (6, 5)}, multiply_adds=8_000_000.0)
    keep.gaps("order-1", "order", {"1M": (30, 31)}, backbone_steps=0.125)
    keep.gaps("bpe-4k", "tokens", {"1M": (-1, 1)}, mixture_bits_per_char=None)
    keep.gaps("ar-fifth-taught", "shrunk", {"1M": (8, 9)}, multiply_adds=200_000.0)
    keep.gaps("own", "another", {"1M": (1, 1)})


@pytest.mark.usefixtures("undrawn")
def test_the_page_fits_and_its_links_lead_somewhere(keep: Any, tmp_path: Path) -> None:
    filled(keep)
    (tmp_path / SPECULATION).write_text("# Drafts\n")
    written = ladder.build(keep.raw, tmp_path)
    page = (tmp_path / ladder.PAGE).read_text("utf-8")
    free = [line for line in page.splitlines() if not line.startswith(("|", "!"))]
    assert [line for line in free if len(line) > 100] == []
    headings = [line for line in free if line.startswith("## ")]
    assert headings == [
        *("## Rungs", "## Scale 0.3M", "## Scale 1M", "## Scale 4M", "## Files against speed"),
        *("## Does the gap shrink?", "## The claims", "## Runs"),
    ]
    assert page.count("### ") == 6, "a heading a claim"
    known = {re.sub(r"[^\w\- ]", "", line[3:].lower()).replace(" ", "-") for line in headings}
    for target in re.findall(r"\]\(([^)]+)\)", page):
        found = target[1:] in known if target.startswith("#") else (tmp_path / target).is_file()
        assert found, target
    pictures = re.findall(r"!\[.*?\]\((.+)\)", page)
    assert sorted(pictures) == sorted(str(path.relative_to(tmp_path)) for path in written[1:])
    (tmp_path / SPECULATION).unlink()
    ladder.build(keep.raw, tmp_path)
    assert SPECULATION not in (tmp_path / ladder.PAGE).read_text("utf-8")


@pytest.mark.slow
def test_the_same_runs_give_the_same_bytes(keep: Any, tmp_path: Path) -> None:
    filled(keep)
    one, other = (ladder.build(keep.raw, tmp_path / name) for name in ("one", "other"))
    assert len(one) == 9
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


@pytest.mark.usefixtures("undrawn")
def test_without_runs_there_is_no_page(keep: Any, raw: Path, tmp_path: Path) -> None:
    keep()
    out = tmp_path / "out"
    assert not [path for path in build.build(raw, out, None) if "ladder" in str(path)]
    filled(keep)
    page = out / ladder.PAGE
    assert page in build.build(raw, out, None)
    pictures = list((out / ladder.FOLDER).iterdir())
    assert len(pictures) == 8
    for path in raw.glob("ladder-*"):
        path.unlink()
    assert ladder.build(raw, out) == []
    assert not page.exists()
    assert not (out / ladder.FOLDER).exists()


def test_levels_stand_as_files_against_small(
    keep: Any, text: Callable[[], str], part: Part, flat: Flat
) -> None:
    keep.controls()
    assert "## The levels that ship" not in text()
    speeds = {"kb_per_s_compress": 300.0, "kb_per_s_decompress": 250.0}
    keep.level(4, compressed_bytes=888_000, **speeds)
    alone = row(part(text(), "## The levels that ship\n"), "test5m")
    assert (alone["codec"], alone["bytes against `small`"]) == ("`kolmozip -4`", "-")
    keep.level(3)  # without a network
    keep(codec="xz -9e")
    keep.ours(
        codec="kolmozip small",
        compressed_bytes=800_000,
        kb_per_s_decompress=100.0,
        file_format=1,
    )
    keep.level(5, compressed_bytes=840_000, input="tail256k", input_bytes=262_144)
    files = part(text(), "## The levels that ship\n")
    lines = [cells(line) for line in files.splitlines() if line.startswith("| t")]
    assert [line[:2] for line in lines] == [
        ["test5m", "`kolmozip small`"],
        ["test5m", "`kolmozip -4`"],
        ["tail256k", "`kolmozip -5`"],
    ]
    small, ours, elsewhere = lines
    assert (small[3], small[5], small[8]) == ("800,000", "+0.0 %", "1.00")
    assert ours[3:9] == ["888,000", "1.4208", "+11.0 %", "300", "250", "2.50"]
    assert elsewhere[5] == "-"  # `small` has no row there
    assert "restored and compared" in flat(files)


def test_the_page_of_everything_has_the_rungs(keep: Any, tmp_path: Path) -> None:
    keep.controls()
    keep.rung("bpe-4k", gap=2, mixture_bits_per_char=None)
    made = index.page(measurements.load(tmp_path), [], None, load(keep.raw))
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', made, re.DOTALL)
    assert found
    rungs = {line["rung"]: line for line in json.loads(found[1])["ladder"]}
    assert (rungs["ar-half"]["seeds"], rungs["ar"]["alone_against_ar"]) == (2, None)
    assert rungs["ar-half"]["mixture_against_ar"] == pytest.approx(5)
    assert (rungs["bpe-4k"]["alone"], rungs["bpe-4k"]["mixture"]) == (2.04, None)
    assert "after 4,000,000 bytes of made-up" in made


def test_the_committed_page_is_that_of_the_committed_runs() -> None:
    series, page = load(RESULTS / "raw"), RESULTS / ladder.PAGE
    drawn = set(plots.figures(series[0])) if series else set()
    assert {path.name for path in (RESULTS / ladder.FOLDER).glob("*")} == drawn
    if not series:
        assert not page.exists()
        return
    kept = measurements.load(RESULTS / "raw")
    made = ladder.page(series, kept, sorted(drawn), (RESULTS / SPECULATION).is_file())
    assert page.read_text("utf-8") == made, "run `kolmozip bench report`"
