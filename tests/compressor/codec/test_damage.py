"""Damaged containers: each is refused by name, and no damage passes for the original."""

from __future__ import annotations

import dataclasses
import random
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

import compressor
import data.lanes
from coding import container
from coding.container import BLOCK_BYTES, END_BYTES, HEADER_BYTES, Block, Header, Kind
from coding.errors import Damaged, FormatError, KolmozipError, Truncated
from compressor.codec import stream
from compressor.codec.seams import Progress
from data.samples import sample

if TYPE_CHECKING:
    from compressor.codec.model import Model

Blocks = Callable[[bytes], list[Block]]
Rebuilt = Callable[[bytes, list[Block]], bytes]


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block is decoded once: what it holds depends on nothing but the header and itself."""
    known: dict[tuple[Header, Block], list[bytes]] = {}
    decode = stream.open_block

    def open_block(
        header: Header, block: Block, progress: Progress, find: stream.Find
    ) -> Iterator[bytes]:
        key = header, block
        if key not in known:
            known[key] = list(decode(header, block, progress, find))
        return iter(known[key])

    monkeypatch.setattr(stream, "open_block", open_block)


def flipped(data: bytes, bit: int) -> bytes:
    spoilt = bytearray(data)
    spoilt[bit >> 3] ^= 1 << (bit & 7)
    return bytes(spoilt)


def sealed(data: bytes) -> bytes:
    """Data whose last four bytes are made the checksum of those before."""
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


def refused(packed: bytes) -> str:
    """The text with which a container is refused as Damaged."""
    with pytest.raises(Damaged) as caught:
        compressor.decompress(packed)
    return str(caught.value)


def boundaries(packed: bytes, blocks: list[Block]) -> list[int]:
    """Where each field of the container ends, the container's own end excepted."""
    places = [0, 6, 7, 8, 16, 20]
    at = HEADER_BYTES
    for block in blocks:
        size = len(block.payload)
        places += [at + n for n in (1, 2, 4, 8, 12, 12 + size, BLOCK_BYTES + size)]
        at = places[-1]
    places += [at + n for n in (1, 4, 12, END_BYTES - 4)]
    assert at + END_BYTES == len(packed)
    return places


@pytest.mark.slow
@pytest.mark.usefixtures("remembered")
def test_a_container_cut_at_every_field_and_anywhere(
    mixed: tuple[bytes, bytes], blocks: Blocks
) -> None:
    _, packed = mixed
    places = {
        *boundaries(packed, blocks(packed)),
        *random.Random(40).sample(range(len(packed)), 40),
    }
    for place in sorted(places):
        with pytest.raises(Truncated):
            compressor.decompress(packed[:place])


@pytest.mark.slow
@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("place", [1, 2, 3])
def test_reserved_bits_of_blocks_and_end_mark_are_held_to_zero(
    mixed: tuple[bytes, bytes], place: int
) -> None:
    _, packed = mixed
    end, first = len(packed) - END_BYTES, slice(HEADER_BYTES, HEADER_BYTES + BLOCK_BYTES + 1)
    for bit in range(8):
        with pytest.raises(Damaged):
            compressor.decompress(packed[:end] + sealed(flipped(packed[end:], 8 * place + bit)))
        with pytest.raises(Damaged):  # the first block is a run
            compressor.decompress(
                packed[: first.start]
                + sealed(flipped(packed[first], 8 * place + bit))
                + packed[first.stop :]
            )


@pytest.mark.usefixtures("remembered")
def test_every_single_flipped_bit_is_noticed(
    nano: Model, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MAX_BLOCK", 32)
    original = bytes(32) + random.Random(8).randbytes(32) + b" in the world of the other, the "
    packed = compressor.compress(original, nano)
    assert [block.kind for block in blocks(packed)] == [Kind.RUN, Kind.RAW, Kind.MODEL]
    for bit in range(8 * len(packed)):
        with pytest.raises(FormatError):
            compressor.decompress(flipped(packed, bit))


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """One random corruption: bits flipped, or a span cut, swapped, inserted, left out, doubled."""
    i, j = sorted(rng.sample(range(len(data) + 1), 2))
    j = min(j, i + 1 + int(rng.expovariate(1 / 40)))
    kind = rng.randrange(7)
    if kind == 0:
        for _ in range(rng.randint(1, 8)):
            data = flipped(data, rng.randrange(8 * len(data)))
        return data
    if kind == 1:
        return data[:i]
    if kind == 2:
        return data[:i] + data[j : j + j - i] + data[i:j] + data[j + j - i :]
    inserted = {
        3: rng.randbytes(j - i) + data[i:j],
        4: b"",
        5: data[i:j] * 2,
        6: rng.randbytes(j - i),
    }
    return data[:i] + inserted[kind] + data[j:]


@pytest.mark.usefixtures("remembered")
def test_a_thousand_corruptions_never_give_wrong_bytes(mixed: tuple[bytes, bytes]) -> None:
    original, packed = mixed
    rng, refused = random.Random(1000), 0
    for _ in range(1000):
        try:
            restored = compressor.decompress(spoilt(packed, rng))
        except KolmozipError:
            refused += 1
        else:
            assert restored == original
    assert refused > 950


@pytest.mark.usefixtures("remembered")
def test_blocks_out_of_place_are_noticed_by_the_last_checksum(
    mixed: tuple[bytes, bytes], blocks: Blocks, rebuilt: Rebuilt
) -> None:
    original, packed = mixed
    good = blocks(packed)
    assert compressor.decompress(rebuilt(packed, good)) == original
    for wrong in (
        good[1:],
        good[:-1],
        [*good, good[0]],
        [good[1], good[0], *good[2:]],
        [good[0], good[2], good[1], good[3]],
    ):
        with pytest.raises(Damaged, match="original's checksum"):
            compressor.decompress(rebuilt(packed, wrong))


@pytest.mark.slow
def test_damage_under_a_good_block_checksum_is_noticed_by_the_last_one(
    nano: Model, blocks: Blocks, rebuilt: Rebuilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.lanes, "LANE_BYTES", 64)
    packed = compressor.compress(sample()[:512], nano)
    (block,), rng = blocks(packed), random.Random(30)
    assert (block.kind, block.lanes) == (Kind.MODEL, 8)
    size = len(block.payload)
    wrong = [flipped(block.payload, rng.randrange(8 * size)) for _ in range(12)]
    wrong += [rng.randbytes(size) for _ in range(12)]
    wrong += [
        b"",
        bytes(size),
        b"\xff" * size,
        block.payload[:-4],
        block.payload[4:],
        block.payload[: size // 8 * 4],
    ]
    messages = [
        refused(rebuilt(packed, [dataclasses.replace(block, payload=payload)])) for payload in wrong
    ]
    assert all("damaged, fetch it again" in text for text in messages)
    assert any("original's checksum" in text for text in messages), "it got past the range coder"


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"length": 199},
        {"length": 201},
        {"lanes": 2},
        {"kind": Kind.RAW},
        {"kind": Kind.RUN},
        {"lanes": 1024},
        {"length": 4 * 2**20},
        {"length": 2**27 + 1},
        {"payload": b""},
    ],
    ids=str,
)
def test_a_model_block_that_lies_about_itself(
    nano: Model, blocks: Blocks, rebuilt: Rebuilt, change: dict
) -> None:
    packed = compressor.compress(sample()[:200], nano)
    refused(rebuilt(packed, [dataclasses.replace(blocks(packed)[0], **change)]))
