"""Byte pairs spell any bytes exactly; a text determines the vocabulary, words bound the work."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.bytepairs import BYTES, WORD, BytePairs, learn
from data.samples import sample

TEXT = sample()[:60_000]
PAIRS = learn(TEXT, 700)
OTHER = (
    sample()[60_000:90_000],
    zlib.compress(TEXT),
    bytes(range(256)) * 3,
    b"\0" * 5000,
    b" ",
    b"",
)


@given(st.binary(max_size=200))
def test_any_bytes_come_back(text: bytes) -> None:
    assert PAIRS.decode(PAIRS.encode(text)) == text
    assert b"".join(WORD.findall(text)) == text


@pytest.mark.parametrize("text", OTHER)
def test_texts_of_other_kinds_come_back(text: bytes) -> None:
    tokens = PAIRS.encode(text)
    assert tokens.dtype == np.uint16
    assert tokens.size <= len(text)
    assert not tokens.size or tokens.max() < PAIRS.size
    assert PAIRS.decode(tokens) == text


def test_the_vocabulary_has_the_size_asked_for_and_shortens_text_it_was_not_learned_on() -> None:
    assert PAIRS.size == 700
    assert learn(TEXT, BYTES).joins == ()
    held_back = sample()[60_000:90_000]
    assert PAIRS.encode(held_back).size < 0.6 * len(held_back)


def test_a_text_determines_the_vocabulary_and_a_smaller_one_is_its_beginning() -> None:
    again = learn(bytes(bytearray(TEXT)), 500)
    assert again.joins == PAIRS.joins[: 500 - BYTES]
    assert again.sha256 == BytePairs(PAIRS.joins[: 500 - BYTES]).sha256 != PAIRS.sha256


def plainly_learned(text: bytes, size: int) -> list[tuple[int, int]]:
    """The definition, with all counts made anew for each join."""
    words = {word: times for word, times in Counter(WORD.findall(text)).items() if times > 1}
    spelled, joins = {word: list(word) for word in words}, list[tuple[int, int]]()
    while len(joins) < size - BYTES:
        counts: Counter[tuple[int, int]] = Counter()
        for word, tokens in spelled.items():
            for pair in pairwise(tokens):
                counts[pair] += words[word]
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < 2:
            break
        for tokens in spelled.values():
            at = 0
            while at < len(tokens) - 1:
                if (tokens[at], tokens[at + 1]) == best:
                    tokens[at : at + 2] = [BYTES + len(joins)]
                at += 1
        joins.append(best)
    return joins


@pytest.mark.parametrize("text", [TEXT[:5000], b"aaaa aaaaa aaaa aaaaa aaaaaaa aaaaaaa", b"ab"])
def test_the_joins_are_those_of_the_definition(text: bytes) -> None:
    assert list(learn(text, 400).joins) == plainly_learned(text, 400)


def test_a_long_word_is_read_in_parts() -> None:
    assert max(map(len, WORD.findall(b" " + b"a" * 100_000))) == 33


@pytest.mark.parametrize("size", [255, (1 << 16) + 1])
def test_a_size_that_tokens_cannot_have_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=re.escape("256 to 65,536 tokens")):
        learn(TEXT, size)


def test_a_token_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(IndexError):
        PAIRS.decode(np.array([PAIRS.size], np.uint16))
