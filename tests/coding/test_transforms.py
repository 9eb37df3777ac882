"""Transforms come back, whatever the bytes, and do what they are for."""

from __future__ import annotations

import numpy as np
import pytest

from coding.container import Transform
from coding.transforms import DIFFERENCES, apply, undo, undo_x86, x86


def test_calls_of_one_place_look_alike() -> None:
    code = bytes.fromhex("90 E8 0A000000 E8 05000000 90")
    assert x86(code) == bytes.fromhex("90 E8 0B000000 E8 0B000000 90")


def test_distances_beyond_24_bits_stay() -> None:
    code = bytes.fromhex("E8 0A000001 E9 0A00007F")
    assert x86(code) == code


@pytest.mark.parametrize("length", [0, 1, 4, 5, 6, 9, 100, 3000])
def test_whatever_is_changed_comes_back(length: int) -> None:
    random = np.random.default_rng(length)
    values = np.array([0xE8, 0xE9, 0, 0xFF, 0x90, 1], np.uint8)
    for _ in range(50):
        block = random.choice(values, length).tobytes()
        assert undo_x86(x86(block)) == block


def test_backward_distances_wrap() -> None:
    code = bytes.fromhex("E8 FFFFFFFF 00 E8 F9FFFFFF")
    assert x86(code) == bytes.fromhex("E8 FFFFFFFF 00 E8 FFFFFFFF")
    assert undo_x86(x86(code)) == code


@pytest.mark.parametrize(
    ("transform", "block", "changed"),
    [
        (Transform.NONE, [1, 2, 3], [1, 2, 3]),
        (Transform.BYTES, [250, 253, 0, 3], [250, 3, 3, 3]),
        (Transform.BYTES_OF_3, [9, 5, 1, 10, 7, 4, 11], [9, 5, 1, 1, 2, 3, 1]),
        (Transform.BYTES_OF_4, [1, 2, 3, 4, 2, 4], [1, 2, 3, 4, 1, 2]),
        (Transform.WORDS, [255, 0, 1, 1, 3, 2, 7], [255, 0, 2, 0, 2, 1, 7]),
        (Transform.WORDS_OF_2, [0, 0, 1, 0, 255, 255, 2, 0, 9], [0, 0, 1, 0, 255, 255, 1, 0, 9]),
    ],
)
def test_what_grows_steadily_has_equal_differences(
    transform: Transform, block: list[int], changed: list[int]
) -> None:
    assert list(apply(transform, bytes(block))) == changed
    assert list(undo(transform, bytes(changed))) == block


@pytest.mark.parametrize("transform", Transform)
@pytest.mark.parametrize("length", [*range(10), 1000])
def test_every_transform_is_undone(transform: Transform, length: int) -> None:
    block = np.random.default_rng(length).integers(0, 256, length, np.uint8).tobytes()
    assert undo(transform, apply(transform, block)) == block
    if transform in DIFFERENCES and length > 8:
        assert apply(transform, block) != block
