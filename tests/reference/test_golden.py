"""Golden files by kind: what must decode, what must be refused, and bytes a change must defend.

They are rebuilt only on purpose, all of them and from nothing, in seconds:

    KOLMOZIP_REGENERATE=1 python -m pytest -m 'not slow' tests/reference/test_golden.py

How those that must decode are made is in conftest.py beside this file.
"""

from __future__ import annotations

import dataclasses
import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coding import columns, container, errors, rebuilt, strings, transforms
from coding.container import (
    NO_WEIGHTS,
    Block,
    Design,
    Digest,
    Form,
    Head,
    Kind,
    Mixed,
    Reader,
    Transform,
)
from coding.fields import varint
from compressor.codec import kinds, levels, native, pages, registry, stream, trials
from compressor.codec.seams import Recipe, ignore_progress

GOLDEN = Path(__file__).parents[1] / "golden"
REGENERATE = os.environ.get("KOLMOZIP_REGENERATE") == "1"
EARLIER = sorted((GOLDEN / "earlier").glob("*.kz"))
"""What earlier programs wrote; what they wrote with prepared memories is of test_prepared."""


def made(how: Any, engine: str | None = None) -> bytes:
    """The container that the program makes of a ``Golden``, with a block for each part."""
    level = levels.LEVELS[how.level]
    level = dataclasses.replace(
        level,
        table_bytes=how.table_bytes or level.table_bytes,
        single=how.design or level.single,
        alone=how.design or level.alone,
    )
    model = None if how.lonely else how.model or level.model
    coders = registry.coders([model] if model else [], engine)
    if how.whole:
        return whole(how, coders, engine)
    digest, blocks = Digest(), list[Block]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "LANE", how.lane)
        patch.setattr(levels, "LITTLE", 0)
        patch.setattr(trials, "codec_for", lambda _, coders, *__: coders.first)
        if how.transform is not None:
            changed = how.transform, transforms.apply(how.transform, how.original)
            patch.setattr(trials, "transformed", lambda *_: changed)
        for original in how.parts:
            digest.update(original)
            part, streams = original, b""
            if how.stretches:
                part, streams = trials.in_streams(original, how.stretches)
            elif how.tables:
                part = columns.parts_of(original, how.tables)
            kind = kinds.kind_of(part)
            recipe = level.recipe(len(part))
            blocks.append(stream.make_block(coders, level, kind, part, recipe, ignore_progress))
            if streams:
                blocks.append(Block(Head(Kind.RAW, len(streams), len(streams)), streams))
    if how.stretches or how.tables:
        holder = Kind.PREDICTED if how.stretches else Kind.COLUMNS
        blocks = [rebuilt.block_of(len(how.original), blocks, holder)]
    if how.short:
        packed = container.short_bytes(next(iter(blocks), None), digest)
        assert packed is not None
        return packed
    return assembled(list(map(container.block_bytes, blocks)), digest)


def whole(how: Any, coders: registry.Coders, engine: str | None) -> bytes:
    """The container that the program makes of a ``Golden`` as one file."""
    target = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "LEAST_OPERATORS", 4)
        patch.setattr(trials, "strings_apart", strings_apart)
        if engine == "jax":
            patch.setattr(native, "at_hand", lambda: False)
        stream.compress_stream(io.BytesIO(how.original), target, how.level, coders=coders)
    return target.getvalue()


def strings_apart(block: bytes, *_: Any) -> strings.Parts | None:
    """The parts of a block with strings, whatever they take."""
    found = pages.stretches(block)
    return strings.parts_of(block, found, pages.form_of(block)) if found else None


def mixed(length: int, payload: bytes, lanes: int = 1, weights_id: bytes = NO_WEIGHTS) -> Block:
    """A mixed block of the layout design with the least tables."""
    how = lanes, Design.LAYOUT, Transform.NONE, 1, weights_id
    return Block(Mixed(length, len(payload), *how), payload)


def assembled(blocks: list[bytes], digest: Digest) -> bytes:
    """A container of these blocks."""
    end = container.end_bytes(digest.end_mark())
    return container.header_bytes() + b"".join(blocks) + end


def test_the_program_writes_exactly_this(golden_name: str, golden: dict[str, Any]) -> None:
    path, packed = GOLDEN / "decode" / f"{golden_name}.kz", made(golden[golden_name])
    if REGENERATE:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(packed)
    assert packed == path.read_bytes()


@pytest.mark.slow
def test_jax_and_numpy_write_exactly_this(golden_name: str, golden: dict[str, Any]) -> None:
    packed = made(golden[golden_name], "jax")
    assert packed == (GOLDEN / "decode" / f"{golden_name}.kz").read_bytes()


def test_the_program_decodes_it(golden_name: str, originals: dict[str, bytes]) -> None:
    packed = (GOLDEN / "decode" / f"{golden_name}.kz").read_bytes()
    assert len(packed) < 2000
    assert stream.decompress(packed) == originals[golden_name]


@pytest.mark.parametrize("path", EARLIER, ids=lambda path: path.stem)
def test_the_program_decodes_what_earlier_ones_wrote(
    path: Path, originals: dict[str, bytes]
) -> None:
    """All but two are in the long form, and the last words of their streams are others.

    The two are of design 3 in one lane, which no level writes any more.
    """
    assert stream.decompress(path.read_bytes()) == originals[path.stem]


def test_a_whole_file_is_made_of_the_same_blocks(golden: dict[str, Any]) -> None:
    shorts = ("short-empty", "short-raw", "short-alone", "short-network")
    for name in ("run", "program", *shorts):
        how = golden[name]
        packed = stream.compress(how.original, how.level, model=how.model)
        assert packed == (GOLDEN / "decode" / f"{name}.kz").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "SHORT_MOST", -1)
        for name in ("light", "level-6"):
            packed = stream.compress(golden[name].original, golden[name].level)
            assert packed == (GOLDEN / "decode" / f"{name}.kz").read_bytes()


def short_container() -> bytes:
    """Two blocks: a mixed one of 301 bytes in two lanes, without a network, and a run of 500."""
    text = bytes(range(32, 75)) * 7
    payload = registry.without_network().encode_block(text, SHORT, ignore_progress)
    run = Block(Head(Kind.RUN, 500, 1), b"-")
    digest = Digest()
    digest.update(text + b"-" * 500)
    return assembled(
        list(map(container.block_bytes, (mixed(len(text), payload, SHORT.lanes), run))), digest
    )


SHORT = Recipe(2, Design.LAYOUT, 1)


def flipped(packed: bytes, at: int, bits: int) -> bytes:
    """The container with some bits of one byte inverted."""
    return packed[:at] + bytes([packed[at] ^ bits]) + packed[at + 1 :]


def of_other_original(packed: bytes) -> bytes:
    """The container with the end mark of another original."""
    other = Digest()
    other.update(b"other")
    return packed[: -container.END_BYTES] + container.end_bytes(other.end_mark())


def lone(block: Block) -> Callable[[bytes], bytes]:
    """Makes a container of this block alone, whose checksums hold."""
    return lambda _: assembled([container.block_bytes(block)], Digest())


def resealed(packed: bytes, at: int, value: int, end: int) -> bytes:
    """The container with another byte in a part that ends there, the part's checksum made good."""
    start = 0 if at < container.HEADER_BYTES else container.HEADER_BYTES
    part = packed[start:at] + bytes([value]) + packed[at + 1 : end]
    return packed[:start] + part + struct.pack("<I", zlib.crc32(part)) + packed[end + 4 :]


def head_changed(offset: int, value: int) -> Callable[[bytes], bytes]:
    """Makes a container of a mixed block with another byte in its head."""
    packed = lone(mixed(100, bytes(4)))(b"")
    return lambda _: resealed(packed, 20 + offset, value, 20 + 24 + 4)


def short(form: int, fields: bytes, payload: bytes, original: bytes = b"") -> bytes:
    """A container in the short form, whose check is that of this original."""
    start, rest, digest = container.SHORT_MAGIC + bytes([form]), fields + payload, Digest()
    digest.update(original)
    return start + digest.short_mark(start + rest).check + rest


def small(form: int = 3) -> bytes:
    """A container in the short form; with form 2 a network is named that nobody has."""
    text = bytes(range(32, 75)) * 7
    payload = registry.without_network().encode_block(text, SHORT, ignore_progress)
    fields = struct.pack("<HBB", len(text), 0x13, 1) + (b"none" if form == 2 else b"")
    return short(form, fields, payload, text)


def changed(at: int, new: bytes) -> Callable[[bytes], bytes]:
    """Makes a small container with other bytes in a field, its check made good."""
    text, packed = bytes(range(32, 75)) * 7, small()
    rest = (packed[:at] + new + packed[at + len(new) :])[8:]
    return lambda _: short(3, rest[:4], rest[4:], text)


def of_parts(parts: bytes, length: int, kind: Kind = Kind.REBUILT) -> Block:
    """A block of some type whose parts lie in a raw one."""
    return rebuilt.block_of(length, [Block(Head(Kind.RAW, len(parts), len(parts)), parts)], kind)


def of_zeros(*head: int, kind: Kind, length: int, zeros: int = 400) -> Callable[[bytes], bytes]:
    """Makes a container of a block of this type: fields of its parts, and so many zeros."""
    fields = Block(Head(Kind.RAW, len(head), len(head)), bytes(head))
    run = Block(Head(Kind.RUN, zeros, 1), b"\0")
    return lone(rebuilt.block_of(length, [fields, run], kind))


def predicted(*head: int, length: int = 400) -> Callable[[bytes], bytes]:
    """Makes a container of a predicted block: fields of its parts, and 400 zeros."""
    return of_zeros(*head, kind=Kind.PREDICTED, length=length)


def strings_of(tail: bytes, length: int, flags: int = 0, size: int = 2) -> Callable[[bytes], bytes]:
    """Makes a container of a block of strings: 400 zeros, and behind them a stretch of this tail.

    That is its skeleton, of so many bytes, and the texts.
    """
    head = b"\1\0" + varint(size) + varint(400) + bytes([flags, 0])
    fields, texts = (Block(Head(Kind.RAW, len(one), len(one)), one) for one in (head, tail))
    run = Block(Head(Kind.RUN, 400, 1), b"\0")
    return lone(rebuilt.block_of(length, [fields, run, texts], Kind.STRINGS))


def columns_of(*head: int, length: int = 400) -> Callable[[bytes], bytes]:
    """The same of a block of columns."""
    return of_zeros(*head, kind=Kind.COLUMNS, length=length)


RAW = lone(Block(Head(Kind.RAW, 3, 3), b"abc"))(b"")
ZEROS_OF_VERSION_3 = (
    "894b5a0d0a1a0300414dec936b72028152866ba202000000701101000100000000ad238db4"
    "000000007011010000000000f51b279903037b37ea1828a146404747"
)
"""70,000 zeros as kolmozip 0.1.0 wrote them."""

REFUSALS: dict[str, Callable[[bytes], bytes]] = {
    "BadMagic-gzip": lambda packed: b"\x1f\x8b" + packed[2:],
    "BadMagic-text": lambda _: b"plain text, no container",
    "NewerVersion-4": lambda packed: packed[:6] + b"\4" + packed[7:],
    "OlderVersion-2": lambda packed: packed[:6] + b"\2" + packed[7:],
    "OlderVersion-3-zeros": lambda _: bytes.fromhex(ZEROS_OF_VERSION_3),
    "Truncated-header": lambda packed: packed[:11],
    "Truncated-block": lambda packed: packed[:70],
    "Truncated-no-end-mark": lambda packed: packed[: -container.END_BYTES],
    "Truncated-empty": lambda _: b"",
    "Damaged-flipped-bit": lambda packed: flipped(packed, 60, 4),
    "Damaged-header": lambda packed: packed[:9] + b"\xff" + packed[10:],
    "Damaged-version-0": lambda packed: packed[:6] + b"\0" + packed[7:],
    "Damaged-other-original": of_other_original,
    "TrailingData-one-byte": lambda packed: packed + b"\n",
    "UnknownWeights-none-such": lone(mixed(100, bytes(4), 1, b"nonesuch")),
    "UnknownMemory-prepared": lambda packed: resealed(packed, 8, 1, 16),
    "Damaged-header-under-a-checksum": lambda packed: resealed(packed, 7, 1, 16),
    "NewerBlock-type-6": head_changed(0, 6),
    "NewerBlock-type-10": head_changed(0, 10),
    "NewerBlock-design-8": head_changed(2, 8),
    "NewerBlock-transform-7": head_changed(3, 7),
    # Blocks that break one rule of FORMAT.md, section 1.2, each by as little as it can.
    "Damaged-mixed-without-payload": lone(mixed(1024, b"")),
    "Damaged-mixed-payload-too-small": lone(mixed(4 * container.MAX_EXPANSION + 1, bytes(4))),
    "Damaged-mixed-payload-of-half-a-word": lone(mixed(100, bytes(6))),
    "Damaged-mixed-payload-as-long-as-the-original": lone(mixed(8, bytes(8))),
    "Damaged-mixed-more-lanes-than-bytes": lone(mixed(7, bytes(4), 8)),
    "Damaged-mixed-2048-lanes": lone(mixed(4000, bytes(4), 2048)),
    "Damaged-mixed-without-design": head_changed(2, 0),
    "Damaged-mixed-without-tables": head_changed(12, 0),
    "Damaged-mixed-of-8192-mib-of-tables": head_changed(13, 32),
    "Damaged-mixed-reserved": head_changed(14, 1),
    "Damaged-raw-with-lanes": lambda _: resealed(RAW, 21, 1, 20 + 12 + 3),
    "Damaged-raw-with-design": lambda _: resealed(RAW, 22, 1, 20 + 12 + 3),
    "Damaged-raw-with-transform": lambda _: resealed(RAW, 23, 1, 20 + 12 + 3),
    "Damaged-run-of-two-bytes": lone(Block(Head(Kind.RUN, 100, 2), b"ab")),
    "Damaged-raw-of-another-length": lone(Block(Head(Kind.RAW, 3, 4), b"abcd")),
    "Damaged-too-long": lone(Block(Head(Kind.RUN, (1 << 27) + 1, 1), b"a")),
    "Damaged-of-no-bytes": lone(Block(Head(Kind.RUN, 0, 1), b"a")),
    # Rebuilt blocks.
    "Damaged-rebuilt-with-lanes": lambda _: resealed(
        lone(of_parts(b"\0", 60))(b""), 21, 1, 20 + 12 + 17
    ),
    "Damaged-rebuilt-payload-as-long-as-the-original": lone(of_parts(b"\0" * 14, 30)),
    "Damaged-rebuilt-without-blocks": lone(Block(Head(Kind.REBUILT, 100, 0), b"")),
    "Damaged-rebuilt-in-a-rebuilt": lone(rebuilt.block_of(99, [of_parts(b"\0", 60)])),
    "Damaged-rebuilt-of-too-many-parts": lone(
        rebuilt.block_of(60, [Block(Head(Kind.RUN, 32 * 60 + 1, 1), b"a")])
    ),
    "Damaged-rebuilt-without-streams": lone(of_parts(b"\0" + bytes(60), 90)),
    "Damaged-rebuilt-at-level-0": lone(of_parts(b"\1\0\3\0\0\0abc" + bytes(80), 99)),
    # Predicted blocks: number of stretches; gap, bytes, form, window, channels, row, distances,
    # bytes of the stream. But for what is wrong, the zeros are as many as the fields ask for.
    "Damaged-predicted-without-stretches": predicted(0),
    "Damaged-predicted-of-4097-stretches": predicted(0x81, 32),
    "Damaged-predicted-of-too-many-parts": lone(
        rebuilt.block_of(60, [Block(Head(Kind.RUN, 60 + (1 << 20) + 1, 1), b"\1")], Kind.PREDICTED)
    ),
    "Damaged-predicted-of-form-32": predicted(1, 0, 12, 32, 8, 1, 1, 1, 1, 12),
    "Damaged-predicted-of-wide-colours": predicted(1, 0, 12, 9, 8, 3, 3, 1, 1, 12),
    "Damaged-predicted-of-signed-colours": predicted(1, 0, 12, 10, 8, 3, 3, 1, 1, 12),
    "Damaged-predicted-of-high-first-colours": predicted(1, 0, 12, 12, 8, 3, 3, 1, 1, 12),
    "Damaged-predicted-of-colours-in-2-channels": predicted(1, 0, 12, 8, 8, 2, 3, 1, 1, 12),
    "Damaged-predicted-of-colours-in-4-channels": predicted(1, 0, 12, 8, 8, 4, 4, 1, 1, 12),
    "Damaged-predicted-blue-first-without-colours": predicted(1, 0, 12, 16, 8, 3, 3, 1, 1, 12),
    "Damaged-predicted-of-half-a-number": predicted(1, 0, 13, 1, 8, 1, 1, 1, 1, 12, length=401),
    "Damaged-predicted-of-window-3": predicted(1, 0, 12, 0, 3, 1, 1, 1, 1, 12),
    "Damaged-predicted-of-window-13": predicted(1, 0, 12, 0, 13, 1, 1, 1, 1, 12),
    "Damaged-predicted-without-channels": predicted(1, 0, 12, 0, 8, 0, 1, 1, 1, 12),
    "Damaged-predicted-of-9-channels": predicted(1, 0, 12, 0, 8, 9, 9, 1, 1, 12),
    "Damaged-predicted-row-below-channels": predicted(1, 0, 12, 0, 8, 2, 1, 1, 1, 12),
    "Damaged-predicted-without-distances": predicted(1, 0, 12, 0, 8, 1, 1, 0, 12),
    "Damaged-predicted-of-33-distances": predicted(1, 0, 12, 0, 8, 1, 1, 33, *[1] * 33, 12),
    "Damaged-predicted-of-distance-0": predicted(1, 0, 12, 0, 8, 1, 1, 1, 0, 12),
    "Damaged-predicted-distance-too-far": predicted(
        *(1, 0, 12, 0, 8, 1, 1, 1), *varint((1 << 27) + 1), 12
    ),
    "Damaged-predicted-stream-of-half-a-word": predicted(1, 0, 14, 0, 8, 1, 1, 1, 1, 14),
    "Damaged-predicted-head-beyond-its-end": lone(
        of_parts(b"\1\0\x0c\0\x08\1\1\1", 60, Kind.PREDICTED)
    ),
    "Damaged-predicted-stretch-beyond-its-end": predicted(
        *(1, *varint(389), 12, 0, 8, 1, 1, 1, 1, 12)
    ),
    "Damaged-predicted-outside-beyond-its-end": predicted(
        *(1, 0, 12, 0, 8, 1, 1, 1, 1, 0), length=413
    ),
    "Damaged-predicted-stream-beyond-its-end": predicted(1, 0, 12, 0, 8, 1, 1, 1, 1, 16),
    "Damaged-predicted-with-bytes-left": predicted(1, 0, 12, 0, 8, 1, 1, 1, 1, 8),
    "Damaged-predicted-in-a-rebuilt": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.PREDICTED)])
    ),
    "Damaged-predicted-in-a-predicted": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.PREDICTED)], Kind.PREDICTED)
    ),
    # Base64 blocks: number of texts; gap, bytes, letters of a line, form.
    "Damaged-base64-without-texts": lone(of_parts(b"\0", 60, Kind.BASE64)),
    "Damaged-base64-of-65537-texts": lone(of_parts(b"\x81\x80\4" + bytes(9), 60, Kind.BASE64)),
    "Damaged-base64-of-form-2": lone(of_parts(b"\1\0\3\0\2abc", 60, Kind.BASE64)),
    "Damaged-base64-in-lines-of-1025": lone(of_parts(b"\1\0\3\x81\x08\0abc", 60, Kind.BASE64)),
    "Damaged-base64-of-another-length": lone(of_parts(b"\1\0\3\0\0abc", 60, Kind.BASE64)),
    "Damaged-base64-beyond-its-end": lone(of_parts(b"\1\0\4\0\0abc", 60, Kind.BASE64)),
    "Damaged-base64-of-too-many-parts": lone(
        rebuilt.block_of(60, [Block(Head(Kind.RUN, 60 + (1 << 20) + 1, 1), b"\1")], Kind.BASE64)
    ),
    "Damaged-base64-in-a-base64": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.BASE64)], Kind.BASE64)
    ),
    "Damaged-base64-in-a-rebuilt": lone(rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.BASE64)])),
    "Damaged-predicted-in-a-base64": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.PREDICTED)], Kind.BASE64)
    ),
    # Blocks of columns: number of tables; gap, bytes, bytes of a row.
    "Damaged-columns-without-tables": columns_of(0),
    "Damaged-columns-of-4097-tables": columns_of(0x81, 32),
    "Damaged-columns-of-width-0": columns_of(1, 0, 100, 0),
    "Damaged-columns-of-width-1": columns_of(1, 0, 100, 1),
    "Damaged-columns-of-one-row": columns_of(1, 0, 99, 50),
    "Damaged-columns-of-width-65537": of_zeros(
        *(1, 0, *varint(1 << 18), *varint(65_537)),
        kind=Kind.COLUMNS,
        length=1 << 18,
        zeros=1 << 18,
    ),
    "Damaged-columns-of-another-length": columns_of(1, 0, 100, 4, length=401),
    "Damaged-columns-beyond-their-end": columns_of(1, 1, 0x90, 3, 4),
    "Damaged-columns-of-too-many-parts": lone(
        rebuilt.block_of(60, [Block(Head(Kind.RUN, 60 + (1 << 20) + 1, 1), b"\1")], Kind.COLUMNS)
    ),
    "Damaged-columns-in-columns": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.COLUMNS)], Kind.COLUMNS)
    ),
    "Damaged-columns-in-a-rebuilt": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.COLUMNS)])
    ),
    "Damaged-columns-in-a-base64": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.COLUMNS)], Kind.BASE64)
    ),
    "Damaged-rebuilt-in-columns": lone(rebuilt.block_of(999, [of_parts(b"\0", 60)], Kind.COLUMNS)),
    # Blocks of strings: number of stretches; gap, bytes of a skeleton; bytes behind, flags, shift.
    "Damaged-strings-without-stretches": of_zeros(0, kind=Kind.STRINGS, length=397),
    "Damaged-strings-of-4097-stretches": of_zeros(0x81, 32, kind=Kind.STRINGS, length=400),
    "Damaged-strings-of-flag-8": strings_of(b"(\x80ab ", 404, flags=8),
    "Damaged-strings-of-a-byte-from-80": strings_of(b"a\x80", 401),
    "Damaged-strings-of-half-an-escape": strings_of(b"a\xff", 401),
    "Damaged-strings-without-an-end": strings_of(b"(\x80ab", 404),
    "Damaged-strings-of-too-few-letters": strings_of(b"(\x84ab", 405),
    "Damaged-strings-of-too-many-letters": of_zeros(
        *(1, 0, *varint(3), 0, 0, 0, *b"((\x81"), kind=Kind.STRINGS, length=1 << 17, zeros=1 << 16
    ),
    "Damaged-strings-with-texts-left": strings_of(b"(\x82abc", 403),
    "Damaged-strings-of-another-length": strings_of(b"(\x80ab ", 405),
    "Damaged-strings-longer-than-their-block": strings_of(b"(\x80ab ", 403),
    "Damaged-strings-beyond-their-end": strings_of(b"x" * 10, 420, size=11),
    "Damaged-strings-of-too-many-parts": lone(
        rebuilt.block_of(60, [Block(Head(Kind.RUN, 60 + (1 << 20) + 1, 1), b"\1")], Kind.STRINGS)
    ),
    "Damaged-strings-in-strings": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.STRINGS)], Kind.STRINGS)
    ),
    "Damaged-strings-in-a-base64": lone(
        rebuilt.block_of(999, [of_parts(b"\0", 60, Kind.STRINGS)], Kind.BASE64)
    ),
    "Damaged-rebuilt-in-strings": lone(rebuilt.block_of(999, [of_parts(b"\0", 60)], Kind.STRINGS)),
    # Containers in the short form.
    "BadMagic-short": lambda _: b"\x89Ky" + small()[3:],
    "NewerVersion-short-form-5": lambda _: short(5, b"", b"what comes"),
    "NewerVersion-short-form-13-alone": lambda _: container.SHORT_MAGIC + b"\r",
    "Damaged-short-form-0": lambda _: short(0, b"", b"raw"),
    "Truncated-short-magic": lambda _: small()[:2],
    "Truncated-short-form": lambda _: small()[:3],
    "Truncated-short-check": lambda _: small()[:7],
    "Truncated-short-raw-check": lambda _: short(4, b"", b"raw")[:7],
    "Truncated-short-length": lambda _: small()[:9],
    "Truncated-short-how": lambda _: small()[:10],
    "Truncated-short-tables": lambda _: small()[:11],
    "Truncated-short-weights": lambda _: small(2)[:15],
    "Truncated-short-memory": lambda _: short(1, b"\x64\0non", b""),
    "Damaged-short-payload-cut-away": lambda _: small()[:12],
    "Damaged-short-payload-cut": lambda _: small()[:-1],
    "Damaged-short-trailing-byte": lambda _: small() + b"\n",
    "Damaged-short-trailing-word": lambda _: small() + bytes(4),
    "Damaged-short-raw-trailing-byte": lambda _: short(4, b"", b"raw", b"raw") + b"\n",
    "Damaged-short-flipped-bit": lambda _: flipped(small(), 30, 4),
    "Damaged-short-check": lambda _: flipped(small(), 5, 4),
    "Damaged-short-raw": lambda _: flipped(short(4, b"", b"raw", b"raw"), 9, 1),
    "Damaged-short-empty": lambda _: container.SHORT_MAGIC + b"\4none",
    "UnknownWeights-short-none-such": lambda _: small(2),
    "UnknownMemory-short-prepared": lambda _: short(1, b"\x64\0none", bytes(4)),
    "NewerBlock-short-design-8": changed(10, b"\x18"),
    "Damaged-short-without-design": changed(10, b"\x10"),
    "Damaged-short-2048-lanes": changed(10, b"\xb2"),
    "Damaged-short-more-lanes-than-bytes": lambda _: short(3, b"\7\0\x32\1", bytes(4)),
    "Damaged-short-without-tables": changed(11, b"\0"),
    "Damaged-short-of-no-bytes": changed(8, b"\0\0"),
    "Damaged-short-payload-as-long-as-the-original": lambda _: short(3, b"\4\0\2\1", b"abc"),
    "Damaged-short-payload-too-small": lambda _: short(3, b"\1\x80\2\1", b"a"),
    # What only decoding tells.
    "Damaged-stream-that-no-encoder-writes": lone(mixed(100, b"\xff" * 8)),
    "Damaged-other-stream": lone(mixed(100, bytes(8))),
}
"""What must be refused, by the name of the error, a dash, and what is wrong."""


@pytest.mark.parametrize("name", REFUSALS)
def test_must_be_refused(name: str) -> None:
    path, data = GOLDEN / "refuse" / f"{name}.kz", REFUSALS[name](short_container())
    if REGENERATE:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    assert data == path.read_bytes()
    with pytest.raises(getattr(errors, name.split("-")[0]), match=r"[:,] \w+"):
        stream.decompress(data)


OF_HEADS = ("NewerBlock-", "NewerVersion-", "Damaged-mixed-", "Damaged-raw-", "Damaged-run-")


@pytest.mark.parametrize("name", [name for name in REFUSALS if name.startswith(OF_HEADS)])
def test_a_block_against_the_rules_is_refused_before_anything_is_decoded(name: str) -> None:
    packed = (GOLDEN / "refuse" / f"{name}.kz").read_bytes()
    with pytest.raises(getattr(errors, name.split("-")[0])):
        list(Reader(io.BytesIO(packed)).blocks())


def test_every_refusal_of_the_format_has_a_file() -> None:
    named = {
        error.__name__
        for error in vars(errors).values()
        if error in errors.FormatError.__subclasses__()
    }
    assert named == {name.split("-")[0] for name in REFUSALS}


def test_what_is_spoilt_here_is_right_before() -> None:
    assert stream.decompress(short_container()) == bytes(range(32, 75)) * 7 + b"-" * 500
    assert stream.decompress(small()) == bytes(range(32, 75)) * 7
    assert stream.decompress(short(4, b"", b"raw", b"raw")) == b"raw"
    assert stream.decompress(short(4, b"", b"")) == b""


@pytest.mark.parametrize("folder", ["decode", "refuse"])
def test_no_golden_file_is_forgotten(folder: str, originals: dict[str, bytes]) -> None:
    wanted = originals if folder == "decode" else REFUSALS
    for path in (GOLDEN / folder).iterdir():
        if REGENERATE and path.stem not in wanted:
            path.unlink()
    assert {path.name for path in (GOLDEN / folder).iterdir()} == {f"{name}.kz" for name in wanted}


def test_every_kind_of_block_is_there() -> None:
    found = set()
    written = [*(GOLDEN / "decode").iterdir(), *EARLIER]
    for path in written:
        reader = Reader(io.BytesIO(path.read_bytes()))
        blocks = list(reader.blocks())
        found |= {("form", path.read_bytes()[3])} if reader.short else set()
        for head in (block.head for block in blocks):
            found |= {("kind", head.kind)}
            if isinstance(head, Mixed):
                network = head.weights_id != NO_WEIGHTS
                found |= {(head.design, network), ("transform", head.transform)}
                found |= {"lanes"} if head.lanes > 1 else set()
                found |= {"tables"} if head.tables & (head.tables - 1) else set()
        found |= {"several blocks"} if len(blocks) > 1 else set()
    designs = {(design, network) for design in Design for network in (False, True)}
    designs.remove((Design.BESIDE, False))  # nobody writes that
    kinds = {("kind", kind) for kind in Kind}
    kinds |= {("transform", transform) for transform in Transform}
    forms = {("form", form) for form in Form if form != Form.AFTER_MEMORY}
    assert found == {*kinds, *designs, *forms, "lanes", "tables", "several blocks"}
