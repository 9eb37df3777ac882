"""Wikipedia's XML as plain words: lower-case a-z and single spaces, after Matt Mahoney's text8.

The rules are those that his page states (http://mattmahoney.net/dc/textdata.html, "wikifil"). Only
text between <text ...> and </text> is kept, and redirects are left out. Markup, tables, references
and the addresses of links are removed; the visible text of links and the captions of images are
kept. Digits are spelled out, and every other character becomes a space.

This is an implementation of our own. A test compares its output for the beginning of enwik8 with
the known beginning of text8; that the two are equal beyond it is not claimed.
"""

from __future__ import annotations

import re

CLEANED = "-text8"
"""A slice's name with this ending stands for the slice's cleaned text."""

DIGITS = (b"zero", b"one", b"two", b"three", b"four", b"five", b"six", b"seven", b"eight", b"nine")

_ANY_CASE = re.IGNORECASE

MARKUP: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    # The dump's own tags: the < and > of an article's text are still written as &lt; and &gt;.
    (re.compile(rb"<.*>"), b""),
    (re.compile(rb"&amp;"), b"&"),
    (re.compile(rb"&lt;"), b"<"),
    (re.compile(rb"&gt;"), b">"),
    (re.compile(rb"<ref[^<]*</ref>"), b""),
    (re.compile(rb"<[^>]*>"), b""),
    (re.compile(rb"\[http:[^] ]*"), b"["),  # the address of a link; the text after it is visible
    (re.compile(rb"\|(?:thumb|left|right|\d+px)", _ANY_CASE), b""),
    (re.compile(rb"\[\[image:[^\[\]]*\|", _ANY_CASE), b""),  # all before the caption
    (re.compile(rb"\[\[category:([^|\]]*)[^]]*\]\]", _ANY_CASE), rb"[[\1]]"),
    (re.compile(rb"\[\[[a-z\-]*:[^\]]*\]\]"), b""),  # the same article in another language
    # The name of the page that a link leads to; the text after the bar is visible.
    (re.compile(rb"\[\[[^|\]]*\|"), b"[["),
    (re.compile(rb"\{\{[^}]*\}\}"), b""),
    (re.compile(rb"\{[^}]*\}"), b""),
    (re.compile(rb"[\[\]]"), b""),
    (re.compile(rb"&[^;]*;"), b" "),
)
"""Patterns and their replacements, applied in this order."""

_REDIRECT = re.compile(rb"#redirect", _ANY_CASE)
_DIGIT = re.compile(rb"\d")
_NO_LETTERS = re.compile(rb"[^a-z]+")


def clean(xml: bytes) -> bytes:
    """The words of a part of a Wikipedia dump, each after one space.

    A part may begin and end anywhere. What stands before its first <text is dropped, and an article
    that is cut by its end counts as far as it goes.
    """
    inside, articles = False, []
    # In a dump > ends a tag and nothing else, so each piece is a tag, or an article with a tag.
    for piece in xml.split(b">"):
        inside = (inside or b"<text " in piece) and not _REDIRECT.search(piece)
        if inside:
            articles.append(_words(piece + b">"))
        inside = inside and b"</text" not in piece
    return b"".join(articles)


def _words(text: bytes) -> bytes:
    """The visible words of an article's text, each after one space."""
    for pattern, replacement in MARKUP:
        text = pattern.sub(replacement, text)
    text = _DIGIT.sub(lambda digit: b" " + DIGITS[int(digit[0])] + b" ", text.lower())
    return _NO_LETTERS.sub(b" ", b" " + text).rstrip(b" ")
