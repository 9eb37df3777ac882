"""Files that hold deflate streams: smaller, restored to the byte, within the limits."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

import compressor
from coding import container, rebuilt
from coding.container import Block, Digest, Head, Kind, Reader
from coding.errors import Damaged, KolmozipError
from compressor.codec import native, needs, pieces, registry, stream, trials
from compressor.codec.seams import ignore_progress
from data.samples import sample

pytestmark = pytest.mark.skipif(
    native.absent() is not None, reason="takes minutes without the native engine"
)

Compress = Callable[..., bytes]
Blocks = Callable[[bytes], list[Block]]
Kinds = Callable[[bytes], tuple[dict[str, int], dict[str, int]]]

TEXT = sample()[:12_000]


def zipped(*texts: bytes) -> bytes:
    """A zip archive of a member for each text."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, text in enumerate(texts):
            archive.writestr(zipfile.ZipInfo(f"{number}.txt"), text, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def document(*texts: bytes) -> bytes:
    """Streams between lines of text, as a PDF has them."""
    parts = [b"%PDF-1.4\n"]
    for number, text in enumerate(texts):
        packed = zlib.compress(text, 9)
        parts.append(b"%d 0 obj <</Length %d>> stream\n" % (number, len(packed)))
        parts += [packed, b"\nendstream endobj\n"]
    return b"".join(parts) + b"%%EOF\n"


ORIGINALS = {
    "zlib": zlib.compress(TEXT, 6),
    "gzip": gzip.compress(TEXT, 9, mtime=0),
    "zip": zipped(TEXT[:7000], TEXT[7000:]),
    "document": document(TEXT[:5000], TEXT[5000:5100], TEXT[6000:]),
}


@pytest.fixture(params=["native", "definition"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What unpacks and rebuilds: the native engine, or the definition."""
    if request.param == "definition":
        monkeypatch.setattr(native, "at_hand", lambda: False)
    elif native.absent() is not None:
        pytest.skip("the native engine is not built")
    yield


@pytest.mark.parametrize("name", ORIGINALS)
def test_what_deflate_packed_becomes_smaller_and_comes_back(
    name: str, either: None, compressed: Compress, blocks: Blocks
) -> None:
    original = ORIGINALS[name]
    packed = compressed(original)
    assert [block.head.kind for block in blocks(packed)] == [Kind.REBUILT]
    # Deflate needs a third more for such text, and the bytes that it made cannot be told at all.
    assert 10 * len(packed) < 9 * len(compressed(original, unpack=False))
    assert compressor.decompress(packed) == original


@pytest.mark.skipif(native.absent() is not None, reason="the native engine is not built")
@pytest.mark.parametrize("name", ORIGINALS)
def test_the_definition_unpacks_as_the_engine_does(
    name: str, monkeypatch: pytest.MonkeyPatch, compressed: Compress
) -> None:
    packed = compressed(ORIGINALS[name])
    monkeypatch.setattr(native, "at_hand", lambda: False)
    assert compressed(ORIGINALS[name]) == packed


def test_progress_adds_up_to_the_original(told_of: Callable[[bytes], bytes]) -> None:
    told_of(ORIGINALS["document"])


def test_text_without_streams_and_streams_that_cannot_be_made_are_left_alone(
    compressed: Compress, blocks: Blocks
) -> None:
    noise = b"\x78\x9c" + random.Random(1).randbytes(3000)
    for original in (TEXT, noise, ORIGINALS["gzip"][:3000]):
        packed = compressed(original)
        assert all(block.head.kind != Kind.REBUILT for block in blocks(packed))
        assert compressor.decompress(packed) == original


def test_a_longer_file_has_streams_in_each_of_its_blocks(
    monkeypatch: pytest.MonkeyPatch, compressed: Compress, blocks: Blocks
) -> None:
    monkeypatch.setattr(pieces, "GRANULE", 1 << 14)
    original = ORIGINALS["document"] * 5 + TEXT
    packed = compressed(original)
    assert compressor.decompress(packed) == original
    assert Kind.REBUILT in {block.head.kind for block in blocks(packed)}


def test_bounds_on_memory_hold(
    monkeypatch: pytest.MonkeyPatch,
    compressed: Compress,
    blocks: Blocks,
    needed_by: Callable[[bytes, bytes], int],
) -> None:
    # A text that is 20 times as long as what deflate makes of it.
    original = zlib.compress(TEXT[:500] * 2000, 9)
    packed = compressed(original)
    assert len(packed) < len(original)
    needed = needed_by(packed, original)
    assert needed > len(TEXT[:500]) * 2000 + len(original)
    bound = 75_000_000
    bounded = compressed(original, max_memory=bound)
    assert all(needs.decoding(block) <= bound for block in blocks(bounded))
    assert compressor.decompress(bounded) == original


def rebuilt_file(parts: bytes, length: int, kind: Kind = Kind.RAW) -> bytes:
    """A container of one rebuilt block whose parts lie in one block."""
    inner = Block(Head(kind, len(parts), len(parts)), parts)
    block = rebuilt.block_of(length, [inner])
    end = container.end_bytes(Digest().end_mark())
    return container.header_bytes() + container.block_bytes(block) + end


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(b"\0" + bytes(20), id="no stream"),
        pytest.param(b"\1\0\5\6\0\0hello" + bytes(9), id="too few bytes"),
        pytest.param(b"\1\0\5\0\0\0hello" + bytes(86), id="level 0"),
        pytest.param(b"\1\0\5\6\x07\0hello" + bytes(86), id="window of 8 bits"),
        pytest.param(b"\1\0\x80\x80\x80\x80\x10\6\0\0", id="number too long"),
        pytest.param(b"\1\0\7\6\0\0hello", id="text cut short"),
    ],
)
def test_parts_that_break_the_format_are_refused(parts: bytes, either: None) -> None:
    with pytest.raises(Damaged):
        compressor.decompress(rebuilt_file(parts, 100))


def test_blocks_that_must_not_lie_in_a_rebuilt_one_are_refused(
    compressed: Compress, blocks: Blocks
) -> None:
    (block,) = blocks(compressed(ORIGINALS["zlib"]))
    nested = rebuilt.block_of(2 * block.head.length, [block])
    longer = rebuilt.block_of(400, [Block(Head(Kind.RUN, 12_801, 1), b"-")])
    cut = Block(Head(Kind.REBUILT, block.head.length, 40), block.payload[:40])
    for broken in (nested, longer, cut):
        with pytest.raises(KolmozipError, match=r"damaged|cut short"):
            list(stream.open_block(broken, ignore_progress, registry.by_identity))
    with pytest.raises(Damaged):
        list(
            Reader(
                io.BytesIO(container.header_bytes(b"a memory") + container.block_bytes(block))
            ).blocks()
        )


def test_inspect_and_the_switch(
    cli: Callable[..., Result],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kinds_either_way: Kinds,
) -> None:
    with_it, without = kinds_either_way(ORIGINALS["zip"])
    assert with_it == {"rebuilt": 1}
    assert without.keys() <= {"raw", "mixed"}
    monkeypatch.setattr(trials, "unpacked", lambda *_: pytest.fail("it was told not to"))
    assert cli("compress", "-1", "--no-unpack", "--force", tmp_path / "a").exit_code == 0
