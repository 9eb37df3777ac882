"""The page of everything measured: its data are the rows, and it works in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from baselines.cited import cited
from compressor.report import ablation_series, engines, index, ladder_series, measurements

RAW = Path(__file__).parents[3] / "results" / "raw"
BROWSER = pytest.mark.browser


@pytest.fixture(scope="module")
def kept() -> measurements.Measurements:
    return measurements.load(RAW, cited())


@pytest.fixture(scope="module")
def made(kept: measurements.Measurements) -> str:
    measured = engines.load(RAW)
    ladders = ladder_series.load(RAW)
    return index.page(kept, ablation_series.load(RAW), measured[0] if measured else None, ladders)


@pytest.fixture(scope="module")
def data(made: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', made, re.DOTALL)
    assert found
    parsed: dict[str, Any] = json.loads(found[1])
    return parsed


def test_the_data_are_the_verified_rows(
    kept: measurements.Measurements, data: dict[str, Any]
) -> None:
    assert len(data["rows"]) == len(kept.verified) > 10
    for shown, row in zip(data["rows"], kept.verified.itertuples(), strict=True):
        assert (shown["codec"], shown["input"]) == (row.codec, row.subject.name)
        assert shown["payload_bytes"] == row.compressed_bytes
        assert shown["repeat"].startswith(f"kolmozip bench run {row.subject.name} --codec ")
    assert {one["name"] for one in data["inputs"]} == {row["input"] for row in data["rows"]}
    keys = {key for key, _, _ in data["columns"]}
    assert all(keys <= set(row) for row in data["rows"])
    assert data["ablations"]
    assert data["engines"]
    assert all(len(curve["points"]) > 1 for curve in data["curves"])


def test_without_measurements_there_is_a_page(tmp_path: Path) -> None:
    page = index.page(measurements.load(tmp_path), [], None, [])
    assert "Nothing was measured yet" in page
    assert "Nothing has been run yet: kolmozip ladder." in page


@pytest.fixture
def page(look_at: Callable[[Path], Iterator[Any]], made: str, tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "index.html"
    path.write_text(made, "utf-8")
    yield from look_at(path)


def codecs(page: Any) -> list[str]:
    shown: list[str] = page.locator("#rows tbody summary").all_text_contents()
    return shown


@BROWSER
def test_the_page_fits_and_has_its_parts(
    page: Any, data: dict[str, Any], picture: Callable[[Any, str], None]
) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.locator("#input").input_value() == "test5m"
    picture(page, "index")
    assert page.locator("#pareto circle").count() > 5
    assert page.locator("#learning polyline").count() == len(data["curves"])
    assert page.locator("#ablated tbody tr").count() == len(data["ablations"])
    assert page.locator("#rungs tbody tr").count() == len(data["ladder"])
    assert page.locator("#engines tbody tr").count() == len(data["engines"])


@BROWSER
def test_headings_sort_and_words_filter(page: Any, data: dict[str, Any]) -> None:
    rows = [row for row in data["rows"] if row["input"] == "test5m"]
    assert codecs(page) == [row["codec"] for row in rows]
    heading = page.locator("#rows th", has_text="KB/s out")
    for direction, reverse in (("ascending", False), ("descending", True)):
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == direction
        speeds = {row["codec"]: row["kb_per_s_decompress"] for row in rows}
        shown = [speeds[codec] for codec in codecs(page) if speeds[codec] is not None]
        assert shown == sorted(shown, reverse=reverse)
    page.locator("#find").fill("kolmo")
    assert codecs(page)
    assert all(codec.startswith("kolmozip") for codec in codecs(page))
    assert page.locator("#pareto circle[opacity='0.15']").count() > 0


@BROWSER
def test_texts_and_ways_are_switched(page: Any, data: dict[str, Any]) -> None:
    page.locator("#input").select_option("enwik8")
    assert "enwik8" in page.locator("#about").inner_text()
    assert codecs(page) == [row["codec"] for row in data["rows"] if row["input"] == "enwik8"]
    assert page.locator("#bars .bar").count() > 3
    before = page.locator("#pareto svg").inner_html()
    page.locator("#way button", has_text="compress").click()
    assert page.locator("#way button", has_text="compress").get_attribute("aria-pressed") == "true"
    assert page.locator("#pareto svg").inner_html() != before


@BROWSER
def test_points_tell_by_pointer_and_by_key(page: Any) -> None:
    tip, point = page.locator("#tip"), page.locator("#pareto circle").first
    assert not tip.is_visible()
    point.scroll_into_view_if_needed()
    point.hover()
    assert re.search(r": [\d,]+ bytes, \d\.\d{3} bits/char, ", tip.inner_text())
    page.mouse.move(1, 1)
    assert not tip.is_visible()
    point.focus()
    assert tip.is_visible()


@BROWSER
def test_a_codec_shows_its_command(page: Any) -> None:
    code = page.locator("#rows tbody tr td code").first
    assert not code.is_visible()
    page.locator("#rows tbody summary").first.click()
    assert code.inner_text().startswith("kolmozip bench run test5m --codec ")
