"""Files that hold pages of PDF: smaller, restored to the byte, within the limits."""

from __future__ import annotations

import base64
import random
import re
import zlib
from collections.abc import Callable

import pytest

import compressor
from coding import rebuilt, strings
from coding.container import Block, Kind
from coding.errors import Damaged
from coding.strings import OCTAL, PLAIN, UPPER, Form, Stretch
from compressor.codec import native, pages, pieces
from data.samples import sample

NATIVE = pytest.mark.skipif(
    native.absent() is not None, reason="takes minutes without the native engine"
)

Compress = Callable[..., bytes]
Blocks = Callable[[bytes], list[Block]]
Kinds = Callable[[bytes], tuple[dict[str, int], dict[str, int]]]

TEXT = sample()


def page_of(text: bytes, seed: int = 1, shift: int = 29) -> bytes:
    """Words as numbers of glyphs between numbers that nothing tells, a line each ten of them."""
    drawn, lines = random.Random(seed), list[bytes]()
    words = text.split()
    for at in range(0, len(words), 10):
        strings_of = [
            b"<%s>" % b"".join(b"%04x" % ((letter - shift) % 256) for letter in word)
            for word in words[at : at + 10]
        ]
        gaps = [b"%d.%d" % (-drawn.randrange(250, 350), drawn.randrange(9)) for _ in strings_of]
        shown = b"".join(b for pair in zip(strings_of, gaps, strict=True) for b in pair)
        lines.append(b"1 0 0 1 72 %d Tm [%s] TJ" % (drawn.randrange(800), shown))
    return b"\n".join(lines)


PAGE = b"BT\n" + page_of(TEXT[:70_000]) + b"\nET"
PDF = b"%PDF-1.5\n1 0 obj <</Filter /FlateDecode>> stream\n" + zlib.compress(PAGE, 6) + b"\nendobj"

# Where


def test_stretches_are_operators_that_lie_close() -> None:
    shown, near, far = b"(a)Tj\n" * 40, b" " * 1023, b" " * 1025
    joined = shown + near + shown
    block = b"before " + joined + far + shown + far + shown[: 6 * 31] + far
    first, second = pages.stretches(block)
    assert first == Stretch(7, len(joined) - 1)
    assert second == Stretch(7 + len(joined) + 1025, len(shown) - 1)


def test_a_block_has_no_more_stretches_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "MOST_STRETCHES", 3)
    block = (b"(a)Tj\n" * 32 + b" " * 1025) * 5
    found = pages.stretches(block)
    assert len(found) == 3
    parts = b"".join(strings.parts_of(block, found, pages.form_of(block)))
    assert strings.block_from(parts, len(block)) == block


@pytest.mark.parametrize(
    ("page", "flags"),
    [
        (b"(\\050a\\051)Tj (\\(a)Tj", OCTAL),
        (b"(\\(a\\))Tj (\\051\\001)Tj", 0),
        (b"(\\134\xe9)Tj (\xe8)Tj", OCTAL | PLAIN),
        (b"(\xe9)Tj (\\351)Tj (\\352)Tj", 0),
        (b"[<002A>5<0037>5<004b>5<004A>]TJ", UPPER),
        (b"[<002A>5<0037>5<004b>]TJ", 0),
    ],
)
def test_the_form_is_that_of_most_strings(page: bytes, flags: int) -> None:
    assert pages.form_of(page).flags == flags


@pytest.mark.parametrize("shift", [0, 29, 31, 200])
def test_letters_are_told_from_glyphs_by_how_many_there_are(shift: int) -> None:
    assert pages.form_of(page_of(TEXT[:5000], shift=shift)) == Form(0, shift)


def test_text_and_programs_have_no_pages() -> None:
    program = b"int f(int (*g)(int), char *s) { return g(s[(1)]) + h(\"TJ\", 'Tj'); }\n" * 99
    for block in (b"", TEXT, program, bytes(5000), b"[(a)]TJ" * 31):
        assert pages.stretches(block) == []


# Blocks


@NATIVE
@pytest.mark.parametrize("original", [PAGE, b"a gap: " + bytes(3000) + PAGE + TEXT[:3000] + PAGE])
def test_files_become_smaller_and_come_back(
    original: bytes, compressed: Compress, blocks: Blocks
) -> None:
    packed = compressed(original)
    assert [block.head.kind for block in blocks(packed)] == [Kind.STRINGS]
    assert 20 * len(packed) < 19 * len(compressed(original, unpack=False))
    assert compressor.decompress(packed) == original


@NATIVE
def test_strings_of_streams_are_told_apart_too(compressed: Compress, blocks: Blocks) -> None:
    packed = compressed(PDF)
    (block,) = blocks(packed)
    assert block.head.kind == Kind.REBUILT
    (inner,) = rebuilt.inner_blocks(block)
    assert inner.head.kind == Kind.STRINGS
    outside, *mixed = rebuilt.inner_blocks(inner)
    assert outside.head.length < 200
    assert [one.head.length for one in mixed] == [
        head.length for head in rebuilt.mixed_heads(block) if head.length > 200
    ]
    assert 3 * len(packed) < 2 * len(compressed(PDF, unpack=False))
    assert compressor.decompress(packed) == PDF


@NATIVE
def test_and_of_those_in_base64(compressed: Compress, blocks: Blocks) -> None:
    mail = b"Subject: a page\n\n" + base64.encodebytes(PDF)
    packed = compressed(mail)
    (block,) = blocks(packed)
    assert block.head.kind == Kind.BASE64
    (inner,) = rebuilt.inner_blocks(block)
    assert inner.head.kind == Kind.REBUILT
    assert [one.head.kind for one in rebuilt.inner_blocks(inner)] == [Kind.STRINGS]
    assert len(packed) < len(compressed(PDF)) + 200
    assert compressor.decompress(packed) == mail


@NATIVE
def test_a_network_reads_the_text_as_text(compressed: Compress, blocks: Blocks) -> None:
    packed = compressed(PDF, 4)
    (block,) = blocks(packed)
    with_network = [any(head.weights_id) for head in rebuilt.mixed_heads(block)]
    assert with_network[-1]
    assert 10 * len(packed) < 9 * len(compressed(PDF, 1))
    assert compressor.decompress(packed) == PDF


@NATIVE
def test_pages_that_gain_nothing_are_left_alone(compressed: Compress) -> None:
    """What stands between strings tells what they say, or is too little to be worth it."""
    numbered = b"".join(b"[(%d)-%d(%d)]TJ\n" % (n % 89, n % 89 * 3, n % 89) for n in range(9000))
    shown = re.sub(rb"([a-z]{3,})", rb"(\1)Tj", TEXT[:40_000].translate(None, b"()<>[]\\"))
    for original in (numbered, shown, PAGE[:15_000]):
        assert len(pages.stretches(original)) == 1
        assert compressed(original) == compressed(original, unpack=False)


@NATIVE
def test_progress_adds_up_and_bounds_on_memory_hold(
    told_of: Callable[[bytes], bytes], needed_by: Callable[[bytes, bytes], int]
) -> None:
    for original in (PAGE, PDF, base64.encodebytes(PDF)):
        packed = told_of(original)
        needed_by(packed, original)


@NATIVE
def test_inspect_and_the_switch(kinds_either_way: Kinds) -> None:
    assert kinds_either_way(PAGE) == ({"strings": 1}, {"mixed": 1})


@NATIVE
def test_after_a_prepared_memory_there_is_no_such_block(
    compressed: Compress, refused_after_a_memory: Callable[[bytes], None]
) -> None:
    refused_after_a_memory(compressed(PAGE))


@NATIVE
def test_blocks_end_where_parts_of_another_kind_begin(
    compressed: Compress, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And long ones before that."""
    monkeypatch.setattr(pieces, "GRANULE", 40_000)
    packed = compressed(PAGE, max_memory=100_000_000)
    (block,) = blocks(packed)
    apart = strings.parts_of(PAGE, pages.stretches(PAGE), pages.form_of(PAGE))
    ends, at = set(), 0
    for one in rebuilt.inner_blocks(block):
        at += one.head.length
        ends.add(at)
    assert {len(apart.first), len(apart.first) + len(apart.skeletons), at} <= ends
    assert compressor.decompress(packed) == PAGE


def test_a_flipped_bit_in_the_parts_is_noticed(holding: Callable[..., bytes]) -> None:
    """Whatever the parts say, their checksums hold, and the original's does not."""
    original = b"BT [(\\050W)83(\xe9)-250.5(by)]TJ (two words)Tj " + b"[<0041>5<0042>]TJ ET" * 9
    parts = b"".join(strings.parts_of(original, [Stretch(3, len(original) - 9)], Form(OCTAL, 29)))
    for at in range(len(parts)):
        spoilt = parts[:at] + bytes([parts[at] ^ 1]) + parts[at + 1 :]
        with pytest.raises(Damaged):
            compressor.decompress(holding(Kind.STRINGS, spoilt, len(original)))
