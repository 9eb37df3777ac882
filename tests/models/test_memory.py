"""External memory: it learns, it stays inside its bounds, and concurrent writes follow the page's rule."""

from __future__ import annotations

import numpy as np
import pytest

from data.samples import sample
from models.logistic import SQUASH, STRETCH, STRETCH_LIMIT, log2
from models.memory import Memory

SCALE = 1 << 24


VERSIONS = (1, 2)


def cost(text: np.ndarray, version: int, zero: int = SCALE // 2, start: int = 0) -> float:
    """Bits a fresh memory spends on text (steps, lanes), from row ``start`` on, beside a network that always says ``zero``."""
    memory, total = Memory(text, version), 0.0
    for t, row in enumerate(text):
        total = 0.0 if t == start else total
        total += _row_cost(memory, row, zero)
        memory.perceive(row)
    return total


def _row_cost(memory: Memory, row: np.ndarray, zero: int) -> float:
    total = 0.0
    lanes = len(row)
    memory.look(lanes)
    node = np.ones(lanes, np.int64)
    for shift in range(7, -1, -1):
        bit = (row.astype(np.int64) >> shift) & 1
        counts = memory.predict(np.full(lanes, zero, np.int64), node)
        assert counts.min() >= 1
        assert counts.max() < SCALE
        total -= np.log2(np.where(bit == 0, counts, SCALE - counts) / SCALE).sum()
        memory.perceive_bit(bit)
        node = 2 * node + bit
    return total


def lanes_of(text: bytes, lanes: int) -> np.ndarray:
    return np.frombuffer(text, np.uint8)[: len(text) // lanes * lanes].reshape(lanes, -1).T


@pytest.mark.parametrize("version", VERSIONS)
def test_repetition_becomes_cheap(version: int) -> None:
    text = lanes_of(sample()[:300], 1)
    twice = np.concatenate([text, text])
    assert cost(twice, version, start=300) < 0.25 * cost(text, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_lanes_teach_each_other(version: int) -> None:
    text = sample()[:400]
    one = np.concatenate([lanes_of(text, 1), lanes_of(text[::-1], 1)], axis=1)
    crossed = np.concatenate([one, one[:, ::-1]])
    assert cost(crossed, version, start=400) < 0.4 * cost(one, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_sure_and_wrong_network_overflows_nothing(version: int) -> None:
    for zero in (1, 2, SCALE - 2, SCALE - 1):
        for byte in (0, 255):
            cost(np.full((40, 300), byte, np.uint8), version, zero)
    cost(np.random.default_rng(0).integers(0, 256, (60, 64)).astype(np.uint8), version, 1)


def test_the_match_carries_long_repetition_further() -> None:
    text = np.frombuffer(sample(), np.uint8)[:8000].reshape(4, 2000).T
    twice = np.concatenate([text, text])
    assert cost(twice, 2, start=2000) < 0.8 * cost(twice, 1, start=2000)


def test_the_match_reads_nothing_that_is_not_yet_known() -> None:
    """What stands in the columns below the current row, as it does for an encoder, changes nothing."""
    text = np.frombuffer(sample(), np.uint8)[:6000].reshape(3, 2000).T.copy()
    decoder = np.zeros_like(text)
    ahead, behind = Memory(text, 2), Memory(decoder, 2)
    for row, filled in zip(text[:1500], decoder, strict=False):
        assert _row_cost(ahead, row, SCALE // 2) == _row_cost(behind, row, SCALE // 2)
        filled[:] = row
        ahead.perceive(row)
        behind.perceive(row)


def test_much_text_gets_more_slots() -> None:
    assert Memory(np.zeros((1 << 13, 1 << 10), np.uint8), 2)._slots.size == 7 << 22
    assert Memory(np.zeros(((1 << 13) + 1, 1 << 10), np.uint8), 2)._slots.size == 7 << 24
    assert Memory(np.zeros(((1 << 13) + 1, 1 << 10), np.uint8), 1)._slots.size == 7 << 22


def test_the_mixer_cannot_leave_int32() -> None:
    text = np.zeros((3, 2), np.uint8)
    memory = Memory(text, 2)
    memory._weights[:] = 1 << 22
    memory._network_weight = 1 << 22
    assert memory._match is not None
    memory._match._weight[:] = 1 << 22
    greatest = 8 * (1 << 16) * int(np.abs(STRETCH).max()) + (1 << 16) * int(log2(np.array([SCALE - 1]))[0])
    assert greatest + (1 << 13) < 1 << 31
    for row in text:
        _row_cost(memory, row, SCALE - 1)
        memory.perceive(row)


def test_the_later_lane_stands() -> None:
    memory = Memory(np.zeros((2, 2), np.uint8), 2)
    memory.look(2)
    memory.predict(np.full(2, SCALE // 2, np.int64), np.ones(2, np.int64))
    memory.perceive_bit(np.array([1, 0]))
    memory.look(2)
    memory.predict(np.full(2, SCALE // 2, np.int64), np.ones(2, np.int64))
    assert (memory._count == 1).all()
    assert (memory._probability < 32768).all()  # lane 1 saw a 0 and wrote last


def test_stretch_and_squash_are_inverse_and_monotone() -> None:
    assert (np.diff(SQUASH) >= 0).all()
    assert (np.diff(STRETCH) >= 0).all()
    assert SQUASH[0] > 0
    assert SQUASH[-1] < SCALE
    middle = SQUASH[np.clip(STRETCH, -STRETCH_LIMIT, STRETCH_LIMIT) + STRETCH_LIMIT] / SCALE
    assert np.abs(middle - (np.arange(4096) + 0.5) / 4096).max() < 2e-3


def test_log2_of_great_counts() -> None:
    counts = np.unique(np.geomspace(1, SCALE - 1, 5000).astype(np.int64))
    assert np.abs(log2(counts) / 256 - np.log2(counts)).max() < 1 / 256 + 1 / 1024
