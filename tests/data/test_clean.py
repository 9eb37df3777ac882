"""Wikipedia's XML as plain words: a small example of each rule, and the beginning of text8."""

from __future__ import annotations

import os
import re

import pytest

from data.clean import clean
from data.corpora import CORPORA, VARIABLE, locate, plain_stream
from data.samples import sample

TEXT8_BEGINS = (
    b" anarchism originated as a term of abuse first used against early working class radicals"
    b" including the diggers of the english revolution and the sans culottes of the french"
    b" revolution whilst the term is still used in a pejorative way to describe any act that used"
    b" violent means to destroy the organization of society it has also been taken up as a positive"
    b" label by self defined anarchists the word anarchism is derived from the greek without"
    b" archons ruler chief king anarchism as a political philosophy is the belief that rulers are"
    b" unnecessary and should be abolished although there are differing interpretations of what"
    b" this means"
)
"""The beginning of text8 as published."""


def article(text: bytes) -> bytes:
    """The cleaned form of a page that holds this text."""
    return clean(
        b'<page>\n<title>Title</title>\n<text xml:space="preserve">'
        + text
        + b"</text>\n<id>7</id>\n</page>\n"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"Some Words, and more!", b" some words and more"),
        (b"one  two\n\nthree\t", b" one two three"),
        (b"in 1984, 5x", b" in one nine eight four five x"),
        (b"caf\xc3\xa9", b" caf"),
        (b"'''bold''' ''italic'' == Head ==", b" bold italic head"),
        (b"a [[link]] here", b" a link here"),
        (b"a [[page|seen]] here", b" a seen here"),
        (b"see [http://example.com/x its page] too", b" see its page too"),
        (b"[[de:Anarchismus]] end", b" end"),
        (b"[[Image:A.png|thumb|left|250px|The caption]] x", b" the caption x"),
        (b"[[Image:A.png|thumb|A [[link]]ed caption]] x", b" a linked caption x"),
        (b"[[Category:Politics|P]]", b" politics"),
        (b"a {{stub|of=x}} b", b" a b"),
        (b"a {| border\n| table\n|} b", b" a b"),
        (b"a&lt;ref&gt;note&lt;/ref&gt; b", b" a b"),
        (b"a &lt;b&gt;bold&lt;/b&gt; b", b" a bold b"),
        (b"a&amp;nbsp;b &amp;mdash; c", b" a b c"),
        (b"rock &amp; roll; no more", b" rock no more"),  # read like an entity, &name;
        (b"#REDIRECT [[Elsewhere]]", b""),
        (b"", b""),
    ],
)
def test_rule(text: bytes, words: bytes) -> None:
    assert article(text) == words


def test_only_the_text_of_articles_is_kept_and_articles_are_parted_by_a_space() -> None:
    dump = b"<title>No</title><text a='b'>First.</text><comment>no</comment><text >Second</text>no"
    assert clean(dump) == b" first second"


def test_a_cut_stretch_starts_at_its_first_article_and_counts_as_far_as_it_goes() -> None:
    assert clean(b"the end of one</text><text >the beginning of ano") == b" the beginning of ano"


def test_an_article_after_a_redirect_is_kept() -> None:
    assert clean(b"<text >#redirect [[A]]</text><text >kept</text>") == b" kept"


def test_real_text_becomes_words_and_single_spaces() -> None:
    words = clean(sample())
    assert re.fullmatch(rb"( [a-z]+)+", words)
    assert len(words) > len(sample()) // 3


@pytest.mark.skipif(
    not os.environ.get(VARIABLE), reason=f"{VARIABLE} is not set: needs the beginning of enwik8"
)
def test_the_beginning_of_enwik8_becomes_the_known_beginning_of_text8() -> None:
    corpus = CORPORA["enwik8"]
    path = locate(corpus)
    assert path is not None
    with path.open("rb") as file:
        start = plain_stream(file, path.suffix, corpus.name).read(100_000)
    assert clean(start).startswith(TEXT8_BEGINS)
