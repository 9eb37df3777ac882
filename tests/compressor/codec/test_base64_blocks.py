"""Files that hold text in base64: smaller, restored to the byte, within the limits."""

from __future__ import annotations

import base64
import random
import zlib
from collections.abc import Callable

import pytest

import compressor
from coding import base64_text, rebuilt
from coding.container import Block, Kind
from coding.errors import Damaged
from compressor.codec import native
from data.samples import sample

pytestmark = pytest.mark.skipif(
    native.absent() is not None, reason="takes minutes without the native engine"
)

Compress = Callable[..., bytes]
Blocks = Callable[[bytes], list[Block]]
Kinds = Callable[[bytes], tuple[dict[str, int], dict[str, int]]]

TEXT = sample()[:6000]
LETTERS = base64.b64encode(TEXT)
MAIL = b"Subject: text\r\n\r\n" + base64.encodebytes(TEXT).replace(b"\n", b"\r\n") + b"-- \r\n"
PACKED = b"attached: " + base64.encodebytes(zlib.compress(TEXT, 6)) + b"the end\n"


@pytest.mark.parametrize("original", [MAIL, b'src="data:text/plain;base64,' + LETTERS + b'"'])
def test_files_become_smaller_and_come_back(
    original: bytes, compressed: Compress, blocks: Blocks
) -> None:
    packed = compressed(original)
    assert [block.head.kind for block in blocks(packed)] == [Kind.BASE64]
    assert 10 * len(packed) < 9 * len(compressed(original, unpack=False))
    assert compressor.decompress(packed) == original


def test_what_deflate_packed_within_is_unpacked_too(compressed: Compress, blocks: Blocks) -> None:
    packed = compressed(PACKED)
    (block,) = blocks(packed)
    assert block.head.kind == Kind.BASE64
    assert [one.head.kind for one in rebuilt.inner_blocks(block)] == [Kind.REBUILT]
    assert 6 * len(packed) < 5 * len(compressed(PACKED, unpack=False))
    assert compressor.decompress(packed) == PACKED
    assert [head.length for head in rebuilt.mixed_heads(block)]


def test_noise_in_base64_takes_little_more_than_the_noise(compressed: Compress) -> None:
    noise = random.Random(1).randbytes(9000)
    original = base64.encodebytes(noise)
    packed = compressed(original)
    assert len(packed) < min(len(noise) + 150, len(compressed(original, unpack=False)))
    assert compressor.decompress(packed) == original


def test_other_texts_are_left_alone(compressed: Compress) -> None:
    for original in (TEXT, b"0123456789abcdef" * 99, b"ACGTTGCATTAG" * 99):
        assert compressed(original) == compressed(original, unpack=False)


def test_letters_that_stand_elsewhere_as_text_are_left_alone(compressed: Compress) -> None:
    """Told as bytes they would no longer be told as a repetition of those."""
    noise = base64.b64encode(random.Random(2).randbytes(1500))
    copy = b"\n".join(b"  " + noise[at : at + 50] for at in range(0, len(noise), 50))
    original = b"first:\n" + copy + b"\nagain: " + noise + b"\n"
    assert len(list(base64_text.texts(original))) == 1
    assert compressed(original) == compressed(original, unpack=False)


def test_texts_that_would_save_next_to_nothing_are_left_alone(compressed: Compress) -> None:
    original = TEXT + b" " + base64.b64encode(random.Random(2).randbytes(450)) + b" " + TEXT[:900]
    assert len(list(base64_text.texts(original))) == 1
    assert compressed(original) == compressed(original, unpack=False)


def test_progress_adds_up_and_bounds_on_memory_hold(
    told_of: Callable[[bytes], bytes], needed_by: Callable[[bytes, bytes], int]
) -> None:
    for original in (MAIL, PACKED):
        packed = told_of(original)
        needed_by(packed, original)


def test_inspect_and_the_switch(kinds_either_way: Kinds) -> None:
    assert kinds_either_way(MAIL) == ({"base64": 1}, {"mixed": 1})


def test_after_a_prepared_memory_there_is_no_such_block(
    compressed: Compress, refused_after_a_memory: Callable[[bytes], None]
) -> None:
    refused_after_a_memory(compressed(MAIL))


def test_a_flipped_bit_in_the_parts_is_noticed(holding: Callable[..., bytes]) -> None:
    """Whatever the parts say, their checksums hold, and the original's does not."""
    original = b"<" + LETTERS[:400] + b">"
    parts = base64_text.parts_of(original, list(base64_text.texts(original)))
    for at in range(len(parts)):
        spoilt = parts[:at] + bytes([parts[at] ^ 1]) + parts[at + 1 :]
        with pytest.raises(Damaged):
            compressor.decompress(holding(Kind.BASE64, spoilt, len(original)))
