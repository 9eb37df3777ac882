"""Transforms come back, whatever the bytes, and do what they are for."""

from __future__ import annotations

import numpy as np
import pytest

from coding.transforms import undo_x86, x86


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
