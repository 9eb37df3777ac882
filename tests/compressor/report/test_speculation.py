"""The page on speculation says what the newest rows say, faster or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor.errors import KolmozipError
from compressor.report import speculation


def row(draft: str, width: int, times: float, lanes: int = 1) -> dict[str, Any]:
    drafts = width > 0
    return {
        "model": "small",
        "bytes": 10_000,
        "lanes": lanes,
        "payload_bytes": 1_800,
        "draft": draft,
        "width": width,
        "seconds": 0.5,
        "kb_per_s": 20.0 * times,
        "times_as_fast": times,
        "steps": 10_000 if drafts else 0,
        "passes": 8_000 if drafts else 0,
        "rows": 12_000 if drafts else 0,
        "drafted": 4_000 if drafts else 0,
        "hits": 2_000 if drafts else 0,
    }


def facts(date: str, times: float) -> dict[str, Any]:
    rows = [row("never", 0, 1.0), row("usual", 0, 1.2), row("match", 2, times)]
    rows += [row("memory", 4, 1.1)]
    rows += [row("never", 0, 1.0, 4), row("usual", 0, 1.0, 4), row("match", 2, 0.9, 4)]
    return {
        "kind": "speculation",
        "rounds": 3,
        "instructions": "avx512vnni",
        "rows": rows,
        "processor": "one",
        "cores": 2,
        "commit": "abc",
        "date": date,
    }


def kept(folder: Path) -> tuple[speculation.Measured, str]:
    for name, made in (("a", facts("2026-02-01", 1.5)), ("b", facts("2026-01-01", 7.77))):
        (folder / f"speculation-{name}.json").write_text(json.dumps(made))
    measured = speculation.load(folder)
    assert measured is not None
    return measured


def test_sentences_are_those_of_the_newest_rows(tmp_path: Path) -> None:
    page = speculation.page(*kept(tmp_path))
    assert "7.77" not in page
    words = " ".join(page.split())
    assert (
        "`small`, 10,000 bytes in 1 lane: match with 2 ahead is 1.50 times as fast (20.0 to 30.0 "
        "KB/s, 1.25 bytes a pass, 50% of the drafts came). memory with 4 ahead is 1.10 times as "
        "fast. What a decoder does by itself is 1.20 times as fast as none."
    ) in words
    assert (
        "in 4 lanes: no draft is faster than none; the least bad, match with 2 ahead is 0.90"
        in (words)
    )
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| 10,000 | 1 |")
    ]
    assert cells[0][2:] == ["never", "-", "-", "-", "20", "1.00"]
    assert cells[2][2:] == ["match", "2", "1.25", "50%", "30", "1.50"]
    assert all(len(line) <= 100 or line[0] in "|!" for line in page.splitlines() if line)


@pytest.mark.usefixtures("undrawn")
def test_the_picture_has_axes_a_piece_and_a_line_a_draft(tmp_path: Path) -> None:
    measured, _ = kept(tmp_path)
    figure = speculation.plots.curves(speculation.frame(measured))
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [
        "small: 10,000 bytes in 1 lane",
        "small: 10,000 bytes in 4 lanes",
    ]
    drawn = [np.asarray(line.get_ydata()).tolist() for line in (*first.lines, *second.lines)]
    assert drawn == [[1.5], [1.1], [1, 1], [0.9], [1, 1]]
    paths = speculation.draw(measured, tmp_path / "plots")
    assert {path.name for path in paths} == {"speculation.svg", "speculation.png"}


def test_none_and_what_is_no_json(tmp_path: Path) -> None:
    assert speculation.load(tmp_path) is None
    (tmp_path / "speculation-a.json").write_text("{")
    with pytest.raises(KolmozipError, match="speculation-a"):
        speculation.load(tmp_path)
