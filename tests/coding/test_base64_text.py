"""Texts in base64: which are found, and that every one is made again to the byte."""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding import base64_text
from coding.base64_text import (
    CRLF,
    LEAST_LETTERS,
    LINES_AT_ONCE,
    MOST_LINE,
    encoded,
    parts_of,
)
from coding.errors import Damaged
from coding.fields import varint
from compressor.codec import needs
from data.samples import sample

DATA = random.Random(3).randbytes(300)
LETTERS = base64.b64encode(DATA)

Peak = Callable[[Callable[[], object]], int]


def in_lines(letters: bytes, line: int, ending: bytes) -> bytes:
    return ending.join(letters[at : at + line] for at in range(0, len(letters), line))


def restored(block: bytes) -> tuple[list[base64_text.Text], bytes]:
    found = list(base64_text.texts(block))
    return found, base64_text.block_from(parts_of(block, found), len(block)) if found else block


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("line", [40, 60, 64, 76, 77, 400, MOST_LINE])
def test_lines_of_any_length_are_one_text(line: int, ending: bytes) -> None:
    for size in (297, 298, 299, 300):
        text = in_lines(base64.b64encode(DATA[:size]), line, ending)
        block = b"Content-Transfer-Encoding: base64\n\n" + text + ending + b"-- \n"
        (found,), again = restored(block)
        assert (found.data, found.size) == (DATA[:size], len(text))
        assert again == block


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("more", [-1, 0, 1, 30, 31])
def test_more_lines_than_are_made_at_once(more: int, ending: bytes) -> None:
    data = random.Random(4).randbytes(30 * LINES_AT_ONCE + more)
    block = in_lines(base64.b64encode(data), 40, ending)
    (found,), again = restored(block)
    assert (found.data, found.size) == (data, len(block))
    assert again == block


def test_letters_in_the_line_before_do_not_hide_a_text() -> None:
    text = in_lines(base64.b64encode(DATA), 76, b"\n")
    for before in (b"-" * 50, b"x" * 50, b"x" * 90, b"a/path" * 200):
        found, again = restored(before + b"\n" + text + b"\n")
        assert DATA[-150:] in found[-1].data
        assert again == before + b"\n" + text + b"\n"


def test_a_text_between_others() -> None:
    block = b'url("data:image/gif;base64,' + LETTERS + b'") and ' + LETTERS[:200] + b"!"
    found, again = restored(block)
    assert [text.data for text in found] == [DATA, base64.b64decode(LETTERS[:200])]
    assert [text.line for text in found] == [0, 0]
    assert again == block


@pytest.mark.parametrize(
    "text",
    [
        LETTERS[: LEAST_LETTERS - 4],
        b"the words of a sentence" * 20,
        DATA.hex().encode(),
        DATA.hex().upper().encode(),
        b"ACGTTGCATTAG" * 40,
        b"MyLongIdentifierWithoutANumber" * 9,
        in_lines(LETTERS, 20, b"\n"),
    ],
)
def test_other_letters_stay(text: bytes) -> None:
    assert list(base64_text.texts(b" " + text + b" ")) == []


def test_what_is_not_quite_base64_comes_back_all_the_same() -> None:
    long = in_lines(LETTERS, 64, b"\n")
    lines = long.split(b"\n")
    spoilt = [
        long[:130] + b"\r" + long[130:],
        b"\n".join([*lines[:3], lines[3][:40], *lines[4:]]),
        b"\n".join([*lines[:3], lines[3] + b"abcd", *lines[4:]]),
        b"\n".join([lines[0] + b"=", *lines[1:]]),
        b"\r\n".join(lines[:3]) + b"\n" + b"\n".join(lines[3:]),
        LETTERS[:-1],
        LETTERS[:-2] + b"x=" if LETTERS.endswith(b"==") else LETTERS[:-3] + b"x==",
        LETTERS + b"=",
        LETTERS + LETTERS[:1],
        long + b"\n" + long,
    ]
    for block in spoilt:
        assert restored(block)[1] == block


@given(st.binary(max_size=700), st.integers(0, MOST_LINE), st.sampled_from([0, CRLF]))
def test_any_bytes_in_any_lines(data: bytes, line: int, form: int) -> None:
    text = encoded(data, line, form)
    assert base64.b64decode(text.replace(b"\r\n", b"").replace(b"\n", b""), validate=True) == data
    block = b"<" + text + b">"
    assert restored(block)[1] == block
    whole = [base64_text.Text(1, len(text), data, line, form)]
    assert base64_text.block_from(parts_of(block, whole), len(block)) == block


@given(st.lists(st.sampled_from([LETTERS, b"\n", b"\r\n", b"=", b"Ab1+/" * 30, b" ", b"-"])))
def test_any_pieces_come_back(pieces: list[bytes]) -> None:
    block = b"".join(pieces)
    found, again = restored(block)
    assert again == block
    assert all(a.start + a.size <= b.start for a, b in itertools.pairwise(found))


def test_prose_and_markup_have_none() -> None:
    assert list(base64_text.texts(sample())) == []


@pytest.mark.parametrize(
    "parts",
    [
        b"",
        b"\0abc",
        b"\x81\x80\4" + bytes(9),
        b"\1\0\3\0\2abc",
        b"\1\0\3\x81\x08\0abc",
        b"\1\0\4\0\0abc",
        b"\1\4\0\0\0abc",
        b"\1\0\3\0",
        b"\1\0\3\0\0abc",
        b"\1\0\3\0\0abcde",
    ],
)
def test_parts_that_no_block_has_are_refused(parts: bytes) -> None:
    with pytest.raises(Damaged, match="get the file anew"):
        base64_text.block_from(parts, 5)


@pytest.mark.parametrize("length", [1 << 20, 4 << 20, (4 << 20) - 2])
def test_short_lines_take_no_more_memory_than_is_told(length: int, peak_of: Peak) -> None:
    """A letter a line: the text is four times as long as its bytes, and may be a lie."""
    data = bytes(1 << 20)[: (1 << 20) // 3 * 3]
    parts = b"\1\0" + varint(len(data)) + b"\1\1" + data
    whole = 3 * len(base64.b64encode(data)) - 2

    def restore() -> None:
        if length < whole:
            with pytest.raises(Damaged, match="another length"):
                base64_text.block_from(parts, length)
        else:
            assert base64_text.block_from(parts + bytes(length - whole), length)[:4] == b"A\r\nA"

    peak = peak_of(restore)
    assert peak < 2 * (len(parts) + length) + needs.CHAINS_BYTES
