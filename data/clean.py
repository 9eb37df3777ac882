"""Wikipedia's XML as plain words: lower-case a-z and single spaces, after Matt Mahoney's text8.

The rules are those his page states (http://mattmahoney.net/dc/textdata.html, "wikifil"): only text between <text ...>
and </text> is kept; redirects are left out; markup, tables, references and addresses of links are removed, visible text
of links and captions of images are kept; digits are spelled out; every other character becomes a space. Written
anew here. What it makes of enwik8's beginning is checked against text8's known beginning; equality beyond is not claimed.
"""

from __future__ import annotations

import re

CLEANED = "-text8"
"""Ending of a slice's name that asks for its cleaned form."""

DIGITS = (b"zero", b"one", b"two", b"three", b"four", b"five", b"six", b"seven", b"eight", b"nine")

_ANY_CASE = re.IGNORECASE

MARKUP: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (
        re.compile(rb"<.*>"),
        b"",
    ),  # the dump's own tags; what an article's text holds of < and > is still written as &lt; &gt;
    (re.compile(rb"&amp;"), b"&"),
    (re.compile(rb"&lt;"), b"<"),
    (re.compile(rb"&gt;"), b">"),
    (re.compile(rb"<ref[^<]*</ref>"), b""),
    (re.compile(rb"<[^>]*>"), b""),
    (re.compile(rb"\[http:[^] ]*"), b"["),  # the address; the text after it is visible
    (re.compile(rb"\|(?:thumb|left|right|\d+px)", _ANY_CASE), b""),
    (re.compile(rb"\[\[image:[^\[\]]*\|", _ANY_CASE), b""),  # up to the caption
    (re.compile(rb"\[\[category:([^|\]]*)[^]]*\]\]", _ANY_CASE), rb"[[\1]]"),
    (re.compile(rb"\[\[[a-z\-]*:[^\]]*\]\]"), b""),  # the same article in another language
    (
        re.compile(rb"\[\[[^|\]]*\|"),
        b"[[",
    ),  # the page a link leads to; the text after the bar is visible
    (re.compile(rb"\{\{[^}]*\}\}"), b""),
    (re.compile(rb"\{[^}]*\}"), b""),
    (re.compile(rb"[\[\]]"), b""),
    (re.compile(rb"&[^;]*;"), b" "),
)
"""What is replaced, by what, in this order."""

_REDIRECT = re.compile(rb"#redirect", _ANY_CASE)
_DIGIT = re.compile(rb"\d")
_OTHERS = re.compile(rb"[^a-z]+")


def clean(xml: bytes) -> bytes:
    """The words of a stretch of a Wikipedia dump, each after one space; what stands before the first <text is dropped.

    A stretch may begin and end anywhere, so a cut article at its end counts as far as it goes.
    """
    inside, found = False, []
    for piece in xml.split(
        b">"
    ):  # in a dump > ends a tag and nothing else, so a piece is a tag or an article
        inside = (inside or b"<text " in piece) and not _REDIRECT.search(piece)
        if inside:
            found.append(_words(piece + b">"))
        inside = inside and b"</text" not in piece
    return b"".join(found)


def _words(text: bytes) -> bytes:
    """The visible words of one piece, each after one space."""
    for pattern, by in MARKUP:
        text = pattern.sub(by, text)
    text = _DIGIT.sub(lambda digit: b" " + DIGITS[int(digit[0])] + b" ", text.lower())
    return _OTHERS.sub(b" ", b" " + text).rstrip(b" ")
