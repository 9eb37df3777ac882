"""The page of an explanation: what it holds, and that it needs nothing else."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from compressor.explain.figures import LIKELY, Explanation
from compressor.explain.page import TOLD, page


def made(text: bytes, coder: str = "level 6", first: int = 0) -> Explanation:
    """An explanation with figures that can be told apart."""
    drawn = np.random.default_rng(len(text))
    count = len(text) - first
    return Explanation(
        coder,
        text,
        len(text) // 4,
        drawn.uniform(0, 9, len(text)).astype(np.float32),
        first,
        drawn.integers(0, 256, (count, LIKELY)).astype(np.uint8),
        -np.sort(-drawn.uniform(0, 1 / LIKELY, (count, LIKELY))).astype(np.float32),
        tuple(f"source {number}" for number in range(9)),
        drawn.normal(0, 20, (count, 9)).astype(np.float32),
    )


def data_of(html: str) -> dict:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


def array(data: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data), kind)


TEXT = (
    "Ein Satz über <b>Füße</b> &amp; 7 Æsir.\n".encode()
    + b"\xff\x00\xc3(\t \x1b[1m\r\n"
    + b"a" * 40
)


def test_the_figures_are_in_the_page() -> None:
    of = made(TEXT, first=4)
    (figures,) = data_of(page("a.txt", [of]))["by"]
    np.testing.assert_allclose(array(figures["bits"], "<u2") / 256, of.bits[4:], atol=0.01)
    np.testing.assert_array_equal(array(figures["likely"], "u1").reshape(-1, LIKELY), of.likely)
    probabilities = array(figures["probabilities"], "<u2").reshape(-1, LIKELY) / 65535
    np.testing.assert_allclose(probabilities, of.probabilities, atol=1e-5)
    strongest = array(figures["strongest"], "u1").reshape(-1, TOLD)
    shares = array(figures["shares"], "<i2").reshape(-1, TOLD) / 8
    for row, (chosen, told) in enumerate(zip(strongest, shares, strict=True)):
        np.testing.assert_allclose(told, of.shares[row][chosen], atol=0.07)
        assert np.abs(told).min() >= np.sort(np.abs(of.shares[row]))[-TOLD] - 0.07


def test_every_byte_is_in_a_character_and_none_is_lost() -> None:
    cells = data_of(page("a", [made(TEXT)]))["cells"]
    assert sum(size for size, _ in cells) == len(TEXT)
    at = 0
    for size, shown in cells:
        part = TEXT[at : at + size]
        if shown.startswith("\\x") and len(shown) == 4:
            assert bytes([int(shown[2:], 16)]) == part
        else:
            assert shown.encode() == part
        at += size
    shown = [shown for _, shown in cells]
    assert "ü" in shown
    assert "\\xff" in shown
    assert "\\x1b" in shown
    assert "\n" in shown
    assert [2, "ß"] in cells


class Tags(HTMLParser):
    """Collects tags, and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.references, self.open = set[str](), list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "rect", "polyline"):
            self.open.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("rect", "polyline"):
            return
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    html = page("a <b> & c.txt", [made(TEXT), made(TEXT, "level 9")])
    tags = Tags()
    tags.feed(html)
    assert not tags.open
    assert not tags.references
    assert "b" not in tags.tags, "the text's own markup is no markup of the page"
    assert "://" not in html
    assert "<title>a &lt;b&gt; &amp; c.txt" in html


def test_totals_and_lines_are_those_of_the_whole_text() -> None:
    text = b"word " * 20 + b"\n" + b"0123456789 end of it\n" + b"short\n"
    of = made(text, first=50)
    bits = of.bits.copy()
    bits[:], bits[101:122] = 1, 6
    of = Explanation(**{**vars(of), "bits": bits})
    html = page("a", [of])
    digits = sum(bits[at] for at in range(len(text)) if text[at] in b"0123456789")
    assert f'<td>digits</td><td class="number">10</td><td class="number">{digits / 8:,.0f}' in html
    dearest, cheapest = html.split("<h3>Cheapest</h3>")
    dearest = dearest.split("<h3>Dearest</h3>")[1]
    assert dearest.index("0123456789 end of it") < dearest.index("word word")
    assert cheapest.index("word word") < cheapest.index("0123456789 end of it")
    assert "6.00" in dearest
    assert "<code>short" not in html


@pytest.mark.parametrize("text", [b"", b"x", b"no line ends here"])
def test_short_texts_have_a_page(text: bytes) -> None:
    assert "</html>" in page("a", [made(text)])


def test_only_one_text_stands_beside_itself() -> None:
    for other in (made(TEXT + b"!"), made(TEXT, first=1)):
        with pytest.raises(ValueError, match="same text"):
            page("a", [made(TEXT), other])
