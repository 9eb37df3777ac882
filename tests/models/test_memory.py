"""External memory: it learns, it stays inside its bounds, and concurrent writes follow the page's rule."""

from __future__ import annotations

import numpy as np

from data.samples import sample
from models.memory import SQUASH, STRETCH, STRETCH_LIMIT, Memory, _log2

SCALE = 1 << 24


def cost(memory: Memory, text: np.ndarray, zero: int = SCALE // 2) -> float:
    """Bits the memory spends on text (steps, lanes) beside a network that always says ``zero``."""
    total = 0.0
    for row in text:
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
        memory.perceive(row)
    return total


def lanes_of(text: bytes, lanes: int) -> np.ndarray:
    return np.frombuffer(text, np.uint8)[: len(text) // lanes * lanes].reshape(lanes, -1).T


def test_repetition_becomes_cheap() -> None:
    memory = Memory(1)
    text = lanes_of(sample()[:300], 1)
    first = cost(memory, text)
    again = cost(memory, text)
    assert again < 0.25 * first


def test_lanes_teach_each_other() -> None:
    text = sample()[:400]
    one = np.concatenate([lanes_of(text, 1), lanes_of(text[::-1], 1)], axis=1)
    memory = Memory(2)
    cost(memory, one)
    crossed = cost(memory, one[:, ::-1])
    assert crossed < 0.4 * cost(Memory(2), one)


def test_a_sure_and_wrong_network_overflows_nothing() -> None:
    for zero in (1, 2, SCALE - 2, SCALE - 1):
        for byte in (0, 255):
            cost(Memory(300), np.full((40, 300), byte, np.uint8), zero)
    cost(Memory(64), np.random.default_rng(0).integers(0, 256, (60, 64)).astype(np.uint8), 1)


def test_the_mixer_cannot_leave_int32() -> None:
    memory = Memory(2)
    memory._weights[:] = 1 << 22
    memory._network_weight = 1 << 22
    memory._slots[:] = 0  # counts of 0 still have an opinion of 0; now give every slot a certain one
    greatest = 7 * (1 << 16) * int(np.abs(STRETCH).max()) + (1 << 16) * int(_log2(np.array([SCALE - 1]))[0])
    assert greatest + (1 << 13) < 1 << 31
    cost(memory, np.zeros((3, 2), np.uint8), SCALE - 1)


def test_the_later_lane_stands() -> None:
    memory = Memory(2)
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
    assert np.abs(_log2(counts) / 256 - np.log2(counts)).max() < 1 / 256 + 1 / 1024
