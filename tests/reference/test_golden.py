"""Golden files by kind: what must decode, what must be refused, and bytes a change must defend.

They are rebuilt only on purpose:

    KOLMOZIP_REGENERATE=1 python -m pytest tests/reference/test_golden.py
"""

from __future__ import annotations

import io
import itertools
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from coding import container, errors
from coding.container import Block, Design, Digest, Head, Kind, Mixed, Reader, Transform
from compressor.codec import stream
from compressor.codec.model import Model, by_name
from data.samples import sample

GOLDEN = Path(__file__).parents[1] / "golden"
NANO = GOLDEN / "nano.kzw"
REGENERATE = os.environ.get("KOLMOZIP_REGENERATE") == "1"
NAMES = [
    "empty",
    "one-byte",
    "every-byte",
    "run",
    "lanes",
    "blocks",
    "repeats",
    "text",
    "sentence-small",
]
CASES = [pytest.param(name, marks=[pytest.mark.slow] if name == "text" else []) for name in NAMES]
Parts = list[tuple[bytes, int]]


def model_of(name: str) -> Model:
    """The model that the golden container of this name is coded with."""
    return by_name("small" if name.endswith("-small") else str(NANO))


def by_hand(model: Model, parts: Parts) -> bytes:
    """A container with a block for each part, smaller than the program would make them.

    A part is its bytes and its lanes, 0 for the block that the program would make.
    """
    digest, blocks = Digest(), []
    for data, lanes in parts:
        digest.update(data)
        block = stream.make_block(model, stream.kind_of(data), data, lambda _: None)
        if lanes:
            payload = model.encode_block(data, lanes, lambda _: None)
            block = mixed(len(data), payload, lanes, model.identity)
        blocks.append(container.block_bytes(block))
    return assembled(blocks, digest)


def mixed(length: int, payload: bytes, lanes: int = 1, weights_id: bytes = bytes(8)) -> Block:
    """A mixed block of the full design with the least tables."""
    how = lanes, Design.FULL, Transform.NONE, 1, weights_id
    return Block(Mixed(length, len(payload), *how), payload)


def assembled(blocks: list[bytes], digest: Digest) -> bytes:
    """A container of these blocks."""
    end = container.end_bytes(digest.end_mark())
    return container.header_bytes() + b"".join(blocks) + end


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_program_writes_exactly_this(name: str, golden_parts: dict[str, Parts]) -> None:
    parts, model = golden_parts[name], model_of(name)
    if len(parts) > 1 or any(lanes for _, lanes in parts):
        packed = by_hand(model, parts)
    else:
        packed = stream.compress(b"".join(data for data, _ in parts), model)
    path = GOLDEN / "decode" / f"{name}.kz"
    if REGENERATE:
        path.write_bytes(packed)
    assert packed == path.read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_the_program_decodes_it(name: str, originals: dict[str, bytes]) -> None:
    packed = (GOLDEN / "decode" / f"{name}.kz").read_bytes()
    assert stream.decompress(packed) == originals[name]


def short_container() -> bytes:
    """The first two blocks of a golden container, a mixed block of 301 bytes and a run of 500."""
    reader = Reader(io.BytesIO((GOLDEN / "decode" / "blocks.kz").read_bytes()))
    digest = Digest()
    digest.update(sample()[7000:7301] + b"-" * 500)
    blocks = [container.block_bytes(block) for block in itertools.islice(reader.blocks(), 2)]
    return assembled(blocks, digest)


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


REFUSALS: dict[str, Callable[[bytes], bytes]] = {
    "BadMagic-gzip": lambda packed: b"\x1f\x8b" + packed[2:],
    "BadMagic-text": lambda _: b"plain text, no container",
    "NewerVersion-4": lambda packed: packed[:6] + b"\4" + packed[7:],
    "OlderVersion-2": lambda packed: packed[:6] + b"\2" + packed[7:],
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
    "NewerBlock-type-4": head_changed(0, 4),
    "NewerBlock-design-3": head_changed(2, 3),
    "NewerBlock-transform-2": head_changed(3, 2),
    # Blocks that break one rule of FORMAT.md, section 1.2, each by as little as it can.
    "Damaged-model-without-payload": lone(mixed(1024, b"")),
    "Damaged-model-payload-too-small": lone(mixed(4097, bytes(4))),
    "Damaged-model-payload-of-half-a-word": lone(mixed(100, bytes(6))),
    "Damaged-model-payload-as-long-as-the-original": lone(mixed(8, bytes(8))),
    "Damaged-model-more-lanes-than-bytes": lone(mixed(7, bytes(4), 8)),
    "Damaged-run-of-two-bytes": lone(Block(Head(Kind.RUN, 100, 2), b"ab")),
    "Damaged-raw-of-another-length": lone(Block(Head(Kind.RAW, 3, 4), b"abcd")),
    "Damaged-too-long": lone(Block(Head(Kind.RUN, (1 << 27) + 1, 1), b"a")),
}
"""What must be refused, by the name of the error, a dash, and what is wrong."""


@pytest.mark.parametrize("name", REFUSALS)
def test_must_be_refused(name: str) -> None:
    path = GOLDEN / "refuse" / f"{name}.kz"
    data = REFUSALS[name](short_container())
    if REGENERATE:
        path.write_bytes(data)
    assert data == path.read_bytes()
    with pytest.raises(getattr(errors, name.split("-")[0]), match=r"[:,] \w+"):
        stream.decompress(data)


def test_no_golden_file_is_forgotten(originals: dict[str, bytes]) -> None:
    assert {path.stem for path in (GOLDEN / "decode").iterdir()} == set(NAMES) == set(originals)
    assert {path.stem for path in (GOLDEN / "refuse").iterdir()} == set(REFUSALS)
