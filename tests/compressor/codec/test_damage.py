"""Damaged containers: each is refused by name, and no damage passes for the original."""

from __future__ import annotations

import dataclasses
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import compressor
from coding import container
from coding.container import (
    END_BYTES,
    HEADER_BYTES,
    Block,
    Design,
    Head,
    Kind,
    Mixed,
    Transform,
)
from coding.errors import Damaged, FormatError, KolmozipError, Truncated
from compressor.codec import levels, stream
from compressor.codec.levels import Level
from compressor.codec.seams import BlockCodec, Progress
from data.samples import sample

Blocks = Callable[[bytes], list[Block]]
Rebuilt = Callable[[bytes, list[Block]], bytes]


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block is decoded once: what it holds depends on nothing but itself."""
    known: dict[Block, list[bytes]] = {}
    decode = stream.open_block

    def open_block(block: Block, progress: Progress, find: stream.Find) -> Iterator[bytes]:
        if block not in known:
            known[block] = list(decode(block, progress, find))
        return iter(known[block])

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
        head, ends = block.head, [1, 2, 3, 4, 8, 12]
        ends += [14, 16, 24] if isinstance(head, Mixed) else []
        places += [at + n for n in (*ends, ends[-1] + head.size, head.framing + head.size)]
        at = places[-1]
    places += [at + n for n in (1, 4, 12, END_BYTES - 4)]
    assert at + END_BYTES == len(packed)
    return places


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


@pytest.mark.usefixtures("remembered")
@pytest.mark.parametrize("place", [1, 2, 3])
def test_reserved_bits_of_blocks_and_end_mark_are_held_to_zero(
    mixed: tuple[bytes, bytes], place: int
) -> None:
    _, packed = mixed
    run = Head(Kind.RUN, 500, 1)
    end, first = len(packed) - END_BYTES, slice(HEADER_BYTES, HEADER_BYTES + run.framing + 1)
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
    nano_codec: BlockCodec, blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Level, "block_bytes", 32)
    original = bytes(32) + random.Random(8).randbytes(32) + b" in the world of the other, the "
    packed = compressor.compress(original, model=nano_codec)
    assert [block.head.kind for block in blocks(packed)] == [Kind.RUN, Kind.RAW, Kind.MIXED]
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


def spoilt_short(packed: bytes) -> Iterator[bytes]:
    """A container of the short form with each of its bits inverted, cut anywhere, and with more."""
    for bit in range(8 * len(packed)):
        yield flipped(packed, bit)
    for place in range(len(packed)):
        yield packed[:place]
        yield packed[:place] + packed[place + 1 :]
    for more in (b"\0", b"\n", bytes(3), bytes(4), packed, bytes(1 << 16), bytes(1 << 20)):
        yield packed + more


SHORT = {
    "with network": sample()[:100],
    "memory alone": sample()[:100],
    "raw": b"raw text",
    "empty": b"",
}


@pytest.mark.parametrize("kind", SHORT)
def test_damage_to_a_container_of_the_short_form_is_noticed(
    kind: str, nano_codec: BlockCodec
) -> None:
    original, model = SHORT[kind], None if kind == "memory alone" else nano_codec
    packed = compressor.compress(original, 1, model=model)
    forms = {"with network": 2, "memory alone": 3}
    assert packed[:4] == container.SHORT_MAGIC + bytes([forms.get(kind, 4)])
    limits = {"max_output": 1000, "max_memory": 100_000_000}
    assert compressor.decompress(packed, **limits) == original
    for spoilt in spoilt_short(packed):
        with pytest.raises(KolmozipError, match=r"[:,] \w+"):
            compressor.decompress(spoilt, **limits)


def test_a_container_of_the_short_form_does_not_pass_for_another(nano_codec: BlockCodec) -> None:
    """Its check is over all that it says, and not over the original alone."""
    packed = compressor.compress(sample()[:100], model=nano_codec)
    assert packed[11] == 1, "MiB of tables"
    for tables in (2, 3, 100):
        refused(packed[:11] + bytes([tables]) + packed[12:])


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


@pytest.mark.usefixtures("long_form")
def test_damage_under_a_good_block_checksum_is_noticed_by_the_last_one(
    nano_codec: BlockCodec, blocks: Blocks, rebuilt: Rebuilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "LANE", 64)
    packed = compressor.compress(sample()[:512], model=nano_codec)
    (block,), rng = blocks(packed), random.Random(30)
    assert isinstance(block.head, Mixed)
    assert block.head.lanes == 8
    size = block.head.size
    # Not in the last word, of which no decoder needs every bit.
    wrong = [flipped(block.payload, rng.randrange(8 * (size - 4))) for _ in range(12)]
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
        refused(rebuilt(packed, [spoilt_block(block, payload=payload)])) for payload in wrong
    ]
    assert all("damaged, fetch it again" in text for text in messages)
    assert any("original's checksum" in text for text in messages), "it got past the range coder"


def spoilt_block(block: Block, **changes: Any) -> Block:
    """The block with another payload, or other fields in its head; its checksum will hold."""
    payload = changes.pop("payload", block.payload)
    return Block(dataclasses.replace(block.head, size=len(payload), **changes), payload)


@pytest.mark.parametrize(
    "change",
    [
        {"length": 199},
        {"length": 201},
        {"lanes": 2},
        {"design": Design.LIGHT},
        {"transform": Transform.X86},
        {"tables": 4097},
        {"weights_id": container.NO_WEIGHTS},
        {"lanes": 1024},
        {"length": 4 * 2**20},
        {"length": 2**27 + 1},
        {"payload": b""},
    ],
    ids=str,
)
@pytest.mark.usefixtures("long_form")
def test_a_mixed_block_that_lies_about_itself(
    nano_codec: BlockCodec, blocks: Blocks, rebuilt: Rebuilt, change: dict[str, Any]
) -> None:
    original = sample()[:195] + b"\xe8\0\0\0\0"
    packed = compressor.compress(original, model=nano_codec)
    refused(rebuilt(packed, [spoilt_block(blocks(packed)[0], **change)]))


@pytest.mark.usefixtures("long_form")
@pytest.mark.parametrize("kind", [Kind.RAW, Kind.RUN])
def test_a_block_that_lies_about_its_type(
    nano_codec: BlockCodec, blocks: Blocks, rebuilt: Rebuilt, kind: Kind
) -> None:
    packed = compressor.compress(sample()[:200], model=nano_codec)
    (block,) = blocks(packed)
    lie = Block(Head(kind, block.head.length, block.head.size), block.payload)
    refused(rebuilt(packed, [lie]))
