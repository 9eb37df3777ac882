"""Golden files by kind: what must decode, what must be refused, and bytes a change must defend.

They are rebuilt only on purpose:

    KOLMOZIP_REGENERATE=1 python -m pytest tests/reference/test_golden.py
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coding import container, errors
from coding.container import Block, Digest, Header, Kind, Reader
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
            block = Block(Kind.MODEL, len(data), payload, lanes)
        blocks.append(container.block_bytes(block))
    return assembled(Header(model.identity), blocks, digest)


def assembled(header: Header, blocks: list[bytes], digest: Digest) -> bytes:
    """A container of these blocks."""
    end = container.end_bytes(digest.end_mark())
    return container.header_bytes(header) + b"".join(blocks) + end


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
    """The first two blocks of a golden container, a model block of 301 bytes and a run of 500."""
    reader = Reader(io.BytesIO((GOLDEN / "decode" / "blocks.kz").read_bytes()))
    digest = Digest()
    digest.update(sample()[7000:7301] + b"-" * 500)
    blocks = [container.block_bytes(block) for block in itertools.islice(reader.blocks(), 2)]
    return assembled(reader.header, blocks, digest)


def flipped(packed: bytes, at: int, bits: int) -> bytes:
    """The container with some bits of one byte inverted."""
    return packed[:at] + bytes([packed[at] ^ bits]) + packed[at + 1 :]


def of_other_original(packed: bytes) -> bytes:
    """The container with the end mark of another original."""
    other = Digest()
    other.update(b"other")
    return packed[: -container.END_BYTES] + container.end_bytes(other.end_mark())


def of_other_weights(packed: bytes) -> bytes:
    """The container with the identity of weights that are nowhere."""
    return container.header_bytes(Header(b"nonesuch")) + packed[container.HEADER_BYTES :]


def lone(block: Block) -> Callable[[bytes], bytes]:
    """Makes a container of this block alone, whose checksums hold."""

    def container_of(packed: bytes) -> bytes:
        header = Reader(io.BytesIO(packed)).header
        return assembled(header, [container.block_bytes(block)], Digest())

    return container_of


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
    "UnknownWeights-none-such": of_other_weights,
    # Blocks that break one rule of FORMAT.md, section 1.2, each by as little as it can.
    "Damaged-model-without-payload": lone(Block(Kind.MODEL, 1024, b"")),
    "Damaged-model-payload-too-small": lone(Block(Kind.MODEL, 4097, bytes(4))),
    "Damaged-model-payload-of-half-a-word": lone(Block(Kind.MODEL, 100, bytes(6))),
    "Damaged-model-payload-as-long-as-the-original": lone(Block(Kind.MODEL, 8, bytes(8))),
    "Damaged-model-lane-too-long": lone(Block(Kind.MODEL, (1 << 18) + 1, bytes(260))),
    "Damaged-model-more-lanes-than-bytes": lone(Block(Kind.MODEL, 7, bytes(4), 8)),
    "Damaged-run-of-two-bytes": lone(Block(Kind.RUN, 100, b"ab")),
    "Damaged-raw-of-another-length": lone(Block(Kind.RAW, 3, b"abcd")),
    "Damaged-too-long": lone(Block(Kind.RUN, (1 << 27) + 1, b"a")),
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
