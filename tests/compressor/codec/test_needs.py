"""Memory: what coding takes is known before, and an encoder makes do with what it is allowed."""

from __future__ import annotations

import dataclasses
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import compressor
from coding import container
from coding.container import NO_WEIGHTS, Block, Design, Head, Kind, Mixed, Transform
from coding.errors import LimitExceeded
from compressor.codec import native, needs
from compressor.codec.levels import LEVELS, MIB, Level
from compressor.codec.needs import Room
from compressor.codec.seams import BlockCodec, Recipe
from data.samples import sample
from models.memory import matches
from models.memory.designs import DESIGNS

MIB128 = 1 << 27
LENGTHS = [1, 1000, 100_000, MIB - 1, MIB, 5_000_000, 1 << 24, MIB128]
LIMITS = [130_000_000, 150_000_000, 300_000_000, 500_000_000, 1 << 30, 3 << 30]
ANY_LEVEL = pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)


def mixed(
    length: int, lanes: int = 1, tables: int = 1, weights_id: bytes = NO_WEIGHTS, **more: Transform
) -> Block:
    how = {"design": Design.FULL, "transform": Transform.NONE, **more}
    return Block(
        Mixed(length, 4, lanes=lanes, tables=tables, weights_id=weights_id, **how), b"1234"
    )


def test_the_matches_are_those_of_the_designs() -> None:
    assert {Design(n): len(design.matches) for n, design in DESIGNS.items()} == needs.MATCHES
    assert needs.match_bits is matches.match_bits


def test_what_decoding_takes_grows_with_all_that_a_head_asks_for() -> None:
    least = needs.decoding(mixed(4096))
    for block in (
        mixed(1 << 20),
        mixed(4096, lanes=32),
        mixed(4096, tables=64),
        mixed(4096, weights_id=b"whatever"),
        mixed(4096, transform=Transform.X86),
    ):
        assert needs.decoding(block) > least
    assert least < 80_000_000
    assert needs.decoding(mixed(4096, tables=4096)) > 4096 * MIB
    assert needs.decoding(mixed(MIB128, 32, 1024, b"whatever")) < 1_600_000_000


def test_a_run_takes_little_and_a_raw_block_itself() -> None:
    run, raw = Head(Kind.RUN, MIB128, 1), Head(Kind.RAW, MIB128, MIB128)
    assert needs.decoding(Block(run, b"x")) < 30_000_000
    assert needs.decoding(Block(raw, b"as many bytes")) >= MIB128


@ANY_LEVEL
def test_without_a_bound_a_level_is_as_it_is(level: Level) -> None:
    room = Room(level, networks=1)
    assert room.block_bytes == level.block_bytes
    assert [room.recipe(length) for length in LENGTHS] == [level.recipe(n) for n in LENGTHS]


@ANY_LEVEL
@pytest.mark.parametrize("limit", LIMITS)
def test_a_bound_is_kept_by_smaller_tables_and_shorter_blocks(level: Level, limit: int) -> None:
    networks = len(level.models)
    room = Room(level, networks, max_memory=limit)
    assert needs.LEAST_BLOCK <= room.block_bytes <= level.block_bytes
    for length in (n for n in (*LENGTHS, room.block_bytes) if n <= room.block_bytes):
        recipe, free = room.recipe(length), level.recipe(length)
        assert (recipe.lanes, recipe.design) == (free.lanes, free.design)
        assert 1 <= recipe.tables <= free.tables
        assert needs.encoding(length, recipe, networks) <= limit
        larger = Recipe(recipe.lanes, recipe.design, recipe.tables + 2)
        assert recipe.tables == free.tables or needs.encoding(length, larger, networks) > limit
    # Whoever restores the file needs no more than who made it.
    block = mixed(room.block_bytes, free.lanes, room.recipe(room.block_bytes).tables)
    assert needs.decoding(block) <= limit


@ANY_LEVEL
def test_more_memory_is_made_use_of(level: Level) -> None:
    rooms = [Room(level, len(level.models), max_memory=limit) for limit in LIMITS]
    lengths = [room.block_bytes for room in rooms]
    tables = [room.recipe(MIB).tables for room in rooms]
    assert lengths == sorted(lengths)
    assert tables == sorted(tables)
    assert lengths[-1] == level.block_bytes
    assert tables[-1] == level.recipe(MIB).tables


@ANY_LEVEL
def test_a_bound_that_cannot_be_kept_is_refused_with_the_least_that_can(level: Level) -> None:
    networks = len(level.models)
    with pytest.raises(LimitExceeded, match=r": allow more with --max-memory, or .*lower") as error:
        Room(level, networks, max_memory=1_000_000)
    least = int(re.search(r"takes ([\d,]+) bytes", str(error.value)).group(1).replace(",", ""))
    assert Room(level, networks, max_memory=least).recipe(MIB).tables == 1
    with pytest.raises(LimitExceeded):
        Room(level, networks, max_memory=least - 1)


def test_many_lanes_count() -> None:
    least = needs.encoding(MIB, Recipe(32, Design.FULL, 1), 1)
    assert Room(LEVELS[6], 1, max_memory=least)
    with pytest.raises(LimitExceeded):
        Room(LEVELS[6].in_lanes(1024), 1, max_memory=least)


def test_the_library_compresses_within_a_bound(
    nano_codec: BlockCodec,
    blocks: Callable[[bytes], list[Block]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(LEVELS, 6, dataclasses.replace(LEVELS[6], table_bytes=MIB // 8))
    original, limit = sample()[:1000], 150_000_000
    (free,) = blocks(compressor.compress(original, model=nano_codec))
    packed = compressor.compress(original, model=nano_codec, max_memory=limit)
    (bound,) = blocks(packed)
    assert isinstance(free.head, Mixed)
    assert isinstance(bound.head, Mixed)
    assert bound.head.tables < free.head.tables
    assert needs.decoding(bound) <= limit < needs.decoding(free)
    assert compressor.decompress(packed, max_memory=limit) == original
    with pytest.raises(LimitExceeded):
        compressor.compress(original, model=nano_codec, max_memory=10_000_000)


def test_blocks_are_shorter_within_a_bound(
    nano_codec: BlockCodec, blocks: Callable[[bytes], list[Block]]
) -> None:
    noise, limit = random.Random(1).randbytes(8 << 20), 140_000_000
    packed = compressor.compress(noise, model=nano_codec, max_memory=limit)
    longest = Room(LEVELS[6], networks=1, max_memory=limit).block_bytes
    assert longest < len(noise)
    lengths = [block.head.length for block in blocks(packed)]
    assert lengths == [longest] * (len(noise) // longest)
    assert compressor.decompress(packed) == noise


def test_nothing_is_held_twice_while_a_block_is_written() -> None:
    payload = bytes(1000)
    head, same, checksum = container.block_parts(Block(Head(Kind.RAW, 1000, 1000), payload))
    assert same is payload
    assert head + payload + checksum == container.block_bytes(
        Block(Head(Kind.RAW, 1000, 1000), payload)
    )


@pytest.fixture
def peak(
    command: Callable[..., list[str]],
    measured: Callable[..., subprocess.Popen[bytes]],
    tmp_path: Path,
) -> Callable[..., int]:
    """The peak memory of the command with these words, in bytes."""

    def run(*words: object) -> int:
        with measured(command("-q", *words), tmp_path) as child:
            _, told = child.communicate()
        assert child.returncode == 0, told
        return int(told)

    return run


@pytest.mark.slow
@pytest.mark.skipif(native.absent() is not None, reason="the estimates are of the native engine")
@pytest.mark.parametrize("level", [1, 3, 6])
def test_the_estimates_are_near_the_truth_and_not_below_it(
    level: int,
    tmp_path: Path,
    peak: Callable[..., int],
    blocks: Callable[[bytes], list[Block]],
) -> None:
    text = sample()[:80_000]
    (tmp_path / "text").write_bytes(text)
    packed, how = tmp_path / "packed", LEVELS[level]
    there = peak(f"-{level}", tmp_path / "text", "-o", packed)
    back = peak("-t", packed)
    (block,) = blocks(packed.read_bytes())
    told = needs.encoding(len(text), how.recipe(len(text)), len(how.models))
    assert 0.5 * told < there <= told
    assert 0.5 * needs.decoding(block) < back <= needs.decoding(block)


@pytest.mark.slow
def test_noise_is_stored_within_the_estimate(
    tmp_path: Path,
    peak: Callable[..., int],
    blocks: Callable[[bytes], list[Block]],
) -> None:
    noise, packed = random.Random(2).randbytes(50_000_000), tmp_path / "packed"
    (tmp_path / "noise").write_bytes(noise)
    recipe = LEVELS[3].recipe(len(noise))
    there = peak("-3", tmp_path / "noise", "-o", packed)
    assert there < needs.encoding(len(noise), recipe, networks=0)
    (block,) = blocks(packed.read_bytes())
    assert block.head.kind == Kind.RAW
    assert peak("-t", packed) <= needs.decoding(block)
