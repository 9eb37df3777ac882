"""The page of an explanation in Chromium: it renders, tells, obeys the keyboard, fits a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compressor.codec import native
from data.samples import sample

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(native.absent() is not None, reason="needs the native engine"),
]

TEXT = sample()[:4000] + "Füße \u2014 \U0001f600\n".encode() + b"\xff\x00\n"
COUNT = len(TEXT) - 3000


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from compressor.explain.figures import explain
    from compressor.explain.page import page

    path = tmp_path_factory.mktemp("page") / "page.html"
    made = [explain(TEXT, level, first=3000, count=COUNT) for level in (1, 3)]
    path.write_text(page("a <strange> name.txt", made), "utf-8")
    return path


@pytest.fixture
def page(look_at: Callable[[Path], Iterator[Any]], page_file: Path) -> Iterator[Any]:
    """The page, opened."""
    yield from look_at(page_file)


def test_the_text_is_there_and_fits(page: Any, picture: Callable[[Any, str], None]) -> None:
    assert page.title().startswith("a <strange> name.txt")
    shown = "".join(page.locator("#text span").all_text_contents())
    assert shown.replace("\u21b5\n", "\n") == TEXT[3000:-3].decode() + "\\xff\\x00\n"
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]
    page.locator("#text span").nth(300).hover()
    picture(page, "explain")


def test_pointing_at_a_character_tells_of_it(page: Any) -> None:
    page.locator("#text span").nth(100).hover()
    told = page.locator("#told").inner_text()
    assert "Byte 3100" in told
    assert "level 1: " in told
    assert "level 3: " in told
    assert "Who spoke for it" in told
    assert "order " in told
    assert "%" in told


def test_several_bytes_of_a_character_are_told_of_one_by_one(page: Any) -> None:
    page.locator("#text span", has_text="\U0001f600").hover()
    told = page.locator("#told").inner_text()
    assert told.count("Byte ") == 4
    assert "\\xf0" in told


def test_the_keyboard_moves_as_it_does_in_text(page: Any) -> None:
    page.locator("#text").focus()

    def here() -> int:
        return int(page.locator("#text span.here").get_attribute("data-at"))

    places = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "ArrowUp", "Home"):
        page.keyboard.press(key)
        places.append(here())
    shown = TEXT[3000:].split(b"\n")[0].decode()
    end = len(shown)
    assert places == [1, 2, 1, end, end + 1, 0, 0]
    page.keyboard.press("ArrowDown")
    assert here() == end + 1
    assert "Byte " in page.locator("#told").inner_text()


def test_buttons_choose_what_the_colours_show(page: Any) -> None:
    buttons = page.locator("#controls button")
    assert buttons.all_text_contents() == ["level 1", "level 3", "level 3 against level 1"]
    assert page.locator("#text span.won").count() == 0
    buttons.nth(2).click()
    assert page.locator("#text span.won").count() > COUNT / 4
    assert buttons.nth(2).get_attribute("aria-pressed") == "true"
    assert "Blue" in page.locator(".legend").inner_text()
    buttons.nth(1).click()
    assert page.locator("#text span.won").count() == 0
    assert buttons.nth(2).get_attribute("aria-pressed") == "false"


def test_colours_follow_the_costs(page: Any) -> None:
    shares = page.evaluate(
        "[...document.querySelectorAll('#text span')].map("
        "span => Number(span.style.getPropertyValue('--share')))"
    )
    assert min(shares) < 0.01
    assert max(shares) > 0.8
