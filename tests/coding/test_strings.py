"""Strings apart: any bytes come back, however they are written; other parts are refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding import strings
from coding.errors import Damaged
from coding.fields import varint
from coding.strings import MOST_COUNTED, MOST_LETTERS, OCTAL, PLAIN, UPPER, Form, Stretch
from compressor.codec import needs

Peak = Callable[[Callable[[], object]], int]

FORMS = st.builds(Form, st.integers(0, 7), st.integers(0, 255))
SNIPPETS = [
    *(b"[(W)83(or)-250(d)]TJ", b"(one line\\) of (it)) Tj", b"[<00370048>-333<00510057>]TJ "),
    *(
        b"(a\\051\\n\\\\)Tj",
        b"[(\\303\\251)(\xe9)0.5(\x05)]TJ",
        b"<AbCd00eF>Tj",
        b"()Tj",
        b"[()]TJ",
    ),
    *(b"(\x80", b"<\x81", b"\xff(", b"\xff\xfe", b"(", b")", b"\\", b"[", b"]", b" ", b"\n", b"<"),
]
PAGES = st.lists(st.one_of(st.sampled_from(SNIPPETS), st.binary(max_size=3))).map(b"".join)


USUAL = Form(0, 29)


def apart(page: bytes, form: Form = USUAL) -> tuple[bytes, bytes]:
    parts = strings.parts_of(page, [Stretch(0, len(page))], form)
    return parts.skeletons, parts.texts


@pytest.mark.parametrize(
    ("page", "skeleton", "texts"),
    [
        (b"[(W)83(ord)-250(by)]TJ", b"[(\x8283(\x80-250(\x80]TJ", b"Word by "),
        (b"[(W)-180.5(ord)-179.5(by)]TJ", b"[(\x80-180.5(\x84-179.5(\x80]TJ", b"W ordby "),
        (b"[(a) 5 (b)(c)]TJ (d)Tj", b"[(\x82 5 (\x82(\x80]TJ (\x80Tj", b"abc d "),
        (b"(two words) Tj", b"(\x81 Tj", b"two words\n"),
        (b"[(a b)7(c)]TJ", b"[(\x847(\x80]TJ", b"a bc "),
        (b"[<00370048>-333<0051>]TJ", b"[<\x80-333<\x80]TJ", b"Te n "),
        (b"[<013700>5<0137>]TJ(a\\(b)Tj", b"[<013700>5<0137>]TJ(\x80Tj", b"a(b "),
        (b"[(\\(\\)\\\\)] TJ(\\005\\351)Tj", b"[(\x80] TJ(\x80Tj", b"()\\ \x05\xe9 "),
        (b"(\\050)Tj(\xe9)Tj(\\n)Tj<00Ff>Tj", b"(\\050)Tj(\xff\xe9)Tj(\\n)Tj<00Ff>Tj", b""),
        (b"[()5()]TJ(\n )Tj", b"[(\x805(\x80]TJ(\n )Tj", b"  "),
        (b"f(x) <00ab> (y) \x80\xff", b"f(x) <00ab> (y) \xff\x80\xff\xff", b""),
    ],
)
def test_strings_are_told_as_the_page_says(page: bytes, skeleton: bytes, texts: bytes) -> None:
    assert apart(page) == (skeleton, texts)


@pytest.mark.parametrize(
    ("form", "page"),
    [
        (Form(OCTAL, 0), b"(\\050\\134\\001\\377)Tj"),
        (Form(PLAIN, 0), b"(\\(\\\\\x01\xff)Tj"),
        (Form(OCTAL | PLAIN, 0), b"(\\050\\134\x01\xff)Tj"),
        (Form(UPPER, 7), b"<00FA00210001>Tj"),
    ],
)
def test_forms_are_those_that_the_page_lists(form: Form, page: bytes) -> None:
    for flags in range(8):
        told, texts = apart(page, Form(flags, form.shift))
        others = form.flags ^ flags
        seen = others & (UPPER if page.startswith(b"<") else OCTAL | PLAIN)
        assert (told, texts != b"") == ((page[:1] + b"\x80Tj", True) if not seen else (told, False))


@pytest.mark.parametrize(
    ("letters", "told"), [(MOST_COUNTED, 0xFE), (MOST_COUNTED + 1, 0x80), (MOST_LETTERS, 0x80)]
)
def test_long_strings_are_told_by_their_ends(letters: int, told: int) -> None:
    page = b"[(%s)5(b)]TJ" % (b"a" * letters)
    skeleton, texts = apart(page)
    assert skeleton[2] == told
    assert len(texts) == letters + 2 + (told == 0x80)
    longer = b"[(%s)5(b)]TJ" % (b"a" * (MOST_LETTERS + 1))
    assert apart(longer) == (longer.replace(b"(b)", b"(\x80"), b"b ")


@given(PAGES, FORMS, st.data())
def test_any_pages_come_back(page: bytes, form: Form, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, len(page)), min_size=2, max_size=9)))
    pairs = zip(ends[::2], ends[1::2], strict=False)
    stretches = [Stretch(start, end - start) for start, end in pairs]
    parts = b"".join(strings.parts_of(page, stretches, form))
    assert strings.block_from(parts, len(page)) == page
    with pytest.raises(Damaged, match="another length"):
        strings.block_from(parts, len(page) + 1)


@given(st.lists(st.tuples(st.binary(max_size=40), st.sampled_from([b"5", b"-300", b""]))), FORMS)
def test_any_letters_come_back(shown: list[tuple[bytes, bytes]], form: Form) -> None:
    """However many of them there are, and whatever they are."""
    special = rb"[()\\]" if form.flags & PLAIN else rb"[()\\]|[^ -~]"

    def escaped(found: re.Match[bytes]) -> bytes:
        slash = found[0] in b"()\\" and not form.flags & OCTAL
        return b"\\" + found[0] if slash else b"\\%03o" % found[0][0]

    strings_of = (b"(%s)%s" % (re.sub(special, escaped, letters), gap) for letters, gap in shown)
    page = b"[" + b"".join(strings_of) + b"]TJ"
    _, texts = apart(page, form)
    assert sum(len(letters) for letters, _ in shown if b"\n" not in letters) <= len(texts)
    parts = b"".join(strings.parts_of(page, [Stretch(0, len(page))], form))
    assert strings.block_from(parts, len(page)) == page


@pytest.mark.parametrize(
    "parts",
    [
        b"",
        b"\0\0\0\0abcde",
        b"\x81\x20" + bytes(9),
        b"\1\0\2\0\0",
        b"\1\0\2\3\x08\0xxx(\x80ab ",
        b"\1\0\2\1\0\0x(\x80ab",
        b"\1\0\2\1\0\0x(\x80ab\n",
        b"\1\0\2\1\0\0x(\x84ab",
        b"\1\0\2\1\0\0x(\x80ab c",
        b"\1\0\2\1\0\0x(\x82ab",
        b"\1\0\2\1\0\0x(\x80abc ",
        b"\1\0\5\0\0\0abcd\x80",
        b"\1\0\5\0\0\0abcd\xff",
        b"\1\0\6\0\0\0abcde",
        b"\1\1\5\0\0\0abcde",
        b"\1\0\1\5\0\0abcde",
        b"\1\0\1\3\0\0abc(\x80 ",
    ],
)
def test_parts_that_no_block_has_are_refused(parts: bytes) -> None:
    with pytest.raises(Damaged, match="get the file anew"):
        strings.block_from(parts, 5)


def test_a_string_of_too_many_letters_is_refused() -> None:
    for more in (0, 1):
        head = b"\1\0\2\0\0\0(\x80"
        length = MOST_LETTERS + 2 + more
        parts = head + b"a" * (MOST_LETTERS + more) + b" "
        if more:
            with pytest.raises(Damaged, match="no end"):
                strings.block_from(parts, length)
        else:
            assert strings.block_from(parts, length) == b"(%s)" % (b"a" * MOST_LETTERS)


def test_nothing_is_made_beyond_the_length_of_a_block() -> None:
    """A few bytes of a skeleton may stand for many, or none at all."""
    letters = b"\x01" * 9000
    skeleton = b"(\x80" * 300
    head = b"\1\0" + varint(len(skeleton)) + b"\0\0\0"
    with pytest.raises(Damaged, match="another length"):
        strings.block_from(head + skeleton + (letters + b" ") * 300, 5000)


@pytest.mark.parametrize("of", [b"(a)Tj", b"[(\\001\\002)5(\\003)]TJ", b"[<0001>-300<0002>]TJ"])
def test_the_way_back_takes_no_more_memory_than_is_told(of: bytes, peak_of: Peak) -> None:
    page = of * (1 << 15)
    parts = b"".join(strings.parts_of(page, [Stretch(0, len(page))], Form(0, 29)))

    def restore() -> None:
        assert strings.block_from(parts, len(page)) == page

    peak = peak_of(restore)
    assert len(parts) + peak < 2 * (len(parts) + len(page)) + needs.CHAINS_BYTES


@pytest.mark.parametrize(
    "of", [b"(\\(", b"[(\\(", b"[(a)1", b"(\\\\(", b"[ -", b"[<00", b"(a", b"["]
)
def test_what_is_no_operator_is_read_but_once(of: bytes) -> None:
    """Read again from each of its brackets it would take hours."""
    block = of * (1 << 18)
    assert list(strings.operators(block)) == []
    assert list(strings.operators(block + b"(a)]TJ(a)Tj"))[-1].start == len(block) + 6
