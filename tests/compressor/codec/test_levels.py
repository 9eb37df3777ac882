"""Levels: what each makes of an input, and that each restores it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

import compressor
from coding import container
from coding.container import NO_WEIGHTS, Block, Design, Mixed
from compressor.codec import native, weights_store
from compressor.codec.levels import DEFAULT, HIGHEST, LANE, LEVELS, LOWEST, Level, lanes_of
from compressor.codec.seams import Recipe
from data.samples import sample

MIB = 1 << 20
LENGTHS = [1, 511, 512, 1023, 1024, 5000, 100_000, MIB, 5_000_000, container.MAX_BLOCK]


def test_there_are_nine_and_their_models_are_at_hand() -> None:
    assert list(LEVELS) == list(range(LOWEST, HIGHEST + 1)) == list(range(1, 10))
    assert DEFAULT in LEVELS
    for number, level in LEVELS.items():
        assert level.number == number
        assert level.purpose
        assert all(weights_store.path_by_name(name) for name in level.models)
        assert level.model == next(iter(level.models), None)


def single(level: int) -> Design:
    """The design of a level for one lane beside a network, where it has one."""
    return Design.WIDE if level == 9 else Design.ALONE


@pytest.mark.parametrize("level", LEVELS.values(), ids=str)
def test_recipes_keep_the_format_and_grow_with_the_block(level: Level) -> None:
    recipes = [level.recipe(length) for length in LENGTHS]
    for length, recipe in zip(LENGTHS, recipes, strict=True):
        design = level.design
        if level.number in (3, 5, 7, 8, 9):
            design = single(level.number) if recipe.lanes == 1 else Design.LAYOUT
            design = Design.BESIDE if level.models and length < 32768 else design
        assert recipe.design == design
        most = level.tables_mib + length * level.more_bytes // MIB
        assert 1 <= recipe.tables <= most <= container.MAX_TABLES
        assert 1 <= recipe.lanes <= min(level.lanes, length, 1 << container.MAX_LANES_LOG2)
        assert recipe.lanes & (recipe.lanes - 1) == 0, "a power of two"
        assert recipe.lanes == 1 or recipe.lanes * LANE <= length
    assert recipes == sorted(recipes, key=lambda recipe: (recipe.tables, recipe.lanes))
    assert (recipes[0].tables, recipes[0].lanes) == (1, 1)
    assert (recipes[-1].tables, recipes[-1].lanes) == (most, level.lanes)
    assert level.block_bytes <= container.MAX_BLOCK


MADE_UP = Level(6, "small", Design.LAYOUT, 448, 128, 0, 32, 16, 128, 1, "trying things out")


def test_tables_are_as_the_block_needs_them() -> None:
    level = MADE_UP
    for length, tables in [
        (1, 1),
        (8192, 1),
        (8193, 2),
        (MIB, 128),
        (3 * MIB, 384),
        (9 * MIB, 448),
    ]:
        assert level.recipe(length).tables == tables
    growing = dataclasses.replace(level, more_bytes=2)
    assert growing.recipe(9 * MIB).tables == 448 + 18


@pytest.mark.parametrize(
    ("level", "little", "short", "long"),
    [
        (5, Design.BESIDE, Design.LAYOUT, Design.LAYOUT),
        (6, Design.BESIDE, Design.BESIDE, Design.BESIDE),
        (7, Design.BESIDE, Design.LAYOUT, Design.LAYOUT),
        (8, Design.BESIDE, Design.LAYOUT, Design.LAYOUT),
        (9, Design.BESIDE, Design.WIDE, Design.LAYOUT),
    ],
)
def test_beside_a_network_the_design_is_that_for_the_length_and_the_lanes(
    level: int, little: Design, short: Design, long: Design
) -> None:
    for lengths, design in [
        ((1, 5000, 32767), little),
        ((32768, 2 * MIB - 1), short),
        ((2 * MIB, 100 * MIB), long),
    ]:
        assert {LEVELS[level].recipe(length).design for length in lengths} == {design}


def test_lanes_that_are_asked_for_are_had_where_there_are_bytes_for_them() -> None:
    level = MADE_UP
    assert level.recipe(2 * MIB).lanes == 32
    assert level.recipe(2 * MIB - 1).lanes == 16
    assert level.in_lanes(None) == level
    assert level.in_lanes(1).recipe(MIB).lanes == 1
    assert level.in_lanes(512).recipe(MIB).lanes == 512
    assert level.in_lanes(512).recipe(100 * LANE).lanes == 64
    assert [lanes_of(LANE * n, 16) for n in (0, 1, 2, 3, 4, 16, 99)] == [1, 1, 2, 2, 4, 16, 16]


def test_without_a_network_a_block_has_one_lane_but_those_that_are_asked_for() -> None:
    recipe = MADE_UP.recipe(MIB)
    alone = dataclasses.replace(recipe, lanes=1, design=Design.ALONE)
    assert MADE_UP.without_network(recipe) == alone
    assert LEVELS[1].without_network(LEVELS[1].recipe(MIB)) == LEVELS[1].recipe(MIB)
    asked = MADE_UP.in_lanes(8)
    assert asked.without_network(asked.recipe(MIB)).lanes == asked.recipe(MIB).lanes == 8


@pytest.mark.parametrize("number", LEVELS)
def test_the_design_for_one_lane_is_not_taken_for_more(number: int) -> None:
    def design_in(lanes: int | None) -> Design:
        level = LEVELS[number].in_lanes(lanes)
        return level.without_network(level.recipe(MIB)).design

    if number in (1, 2, 4):
        assert {design_in(None), design_in(1), design_in(2)} == {Design.LIGHT}
    else:
        alone = Design.LAGS if number == 9 else Design.ALONE
        assert [design_in(None), design_in(1)] == [alone, alone]
        assert design_in(2) == Design.LAYOUT


@pytest.mark.skipif(native.absent() is not None, reason="takes minutes without the native engine")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("length", [1, 300, 3000])
def test_every_level_restores_real_text(
    level: int, length: int, blocks: Callable[[bytes], list[Block]]
) -> None:
    original = sample()[:length]
    packed = compressor.compress(original, level)
    assert compressor.decompress(packed) == original
    if length > 1:
        (block,) = blocks(packed)
        head, how = block.head, LEVELS[level]
        assert isinstance(head, Mixed)
        assert Recipe(head.lanes, head.design, head.tables) == how.recipe(length)
        assert (head.weights_id == NO_WEIGHTS) == (how.model is None)
        assert len(packed) < length


@pytest.mark.slow
@pytest.mark.skipif(native.absent() is not None, reason="takes minutes without the native engine")
def test_higher_levels_are_for_smaller_files() -> None:
    text, data = sample()[:40_000], records(4000)
    of_text = {level: len(compressor.compress(text, level)) for level in (1, 3, 6, 8)}
    assert of_text[8] < of_text[6] < of_text[3] < of_text[1]
    of_data = {level: len(compressor.compress(data, level)) for level in (1, 3)}
    assert of_data[3] < of_data[1]


def records(number: int) -> bytes:
    """Lines of JSON, as programs write them."""
    items = ({"id": n, "square": n * n % 997, "even": n % 2 == 0} for n in range(number))
    return "\n".join(map(json.dumps, items)).encode()
