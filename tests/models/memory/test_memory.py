"""External memory: it learns, it stays inside its bounds, and concurrent writes follow the page's rule."""

from __future__ import annotations

import numpy as np
import pytest

from data.samples import sample
from models.memory.logistic import SQUASH, STRETCH, STRETCH_LIMIT, log2
from models.memory.memory import PLANS, Memory, slot_bits

SCALE = 1 << 24


VERSIONS = tuple(PLANS)


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
    text = np.frombuffer(sample(), np.uint8)[:2400].reshape(4, 600).T
    twice = np.concatenate([text, text])
    assert cost(twice, 2, start=600) < 0.8 * cost(twice, 1, start=600)


def test_a_lane_learns_what_is_its_own() -> None:
    """Each lane repeats bytes that follow its own rule, against the rule of all the others."""
    lanes, steps = 32, 400
    rng = np.random.default_rng(0)
    after = np.stack([rng.permutation(16) for _ in range(lanes)])
    rows = [np.zeros(lanes, np.int64)]
    for _ in range(steps):
        rows.append(after[np.arange(lanes), rows[-1]])
    text = (np.stack(rows) + 97).astype(np.uint8)
    assert cost(text, 3, start=300) < 0.8 * cost(text, 2, start=300)


@pytest.mark.parametrize("version", [2, 3])
def test_nothing_is_read_that_is_not_yet_known(version: int) -> None:
    """What stands in the columns below the current row, as it does for an encoder, changes nothing."""
    text = np.frombuffer(sample(), np.uint8)[:6000].reshape(3, 2000).T.copy()
    decoder = np.zeros_like(text)
    ahead, behind = Memory(text, version), Memory(decoder, version)
    for row, filled in zip(text[:600], decoder, strict=False):
        assert _row_cost(ahead, row, SCALE // 2) == _row_cost(behind, row, SCALE // 2)
        filled[:] = row
        ahead.perceive(row)
        behind.perceive(row)


def test_much_text_gets_more_slots() -> None:
    assert [slot_bits(1, size) for size in (1, 1 << 27)] == [22, 22]
    assert [slot_bits(2, size) for size in (1, 1 << 23, (1 << 23) + 1)] == [22, 22, 24]
    assert [
        slot_bits(3, size) for size in (1, 1 << 16, 1 << 17, (1 << 22) - 1, 1 << 22, 1 << 27)
    ] == [18, 18, 19, 23, 24, 24]
    assert Memory(np.zeros((1 << 13, 1 << 10), np.uint8), 2)._slots.size == 7 << 22
    assert Memory(np.zeros(((1 << 13) + 1, 1 << 10), np.uint8), 2)._slots.size == 7 << 24
    assert Memory(np.zeros(((1 << 13) + 1, 1 << 10), np.uint8), 1)._slots.size == 7 << 22
    memory = Memory(np.zeros((1 << 12, 1 << 9), np.uint8), 3)
    assert memory._slots.size == 5 << 23
    assert memory._runs is not None
    assert memory._runs._slots.size == 6 << 22


@pytest.mark.parametrize("version", VERSIONS)
def test_the_mixer_stays_within_its_integers(version: int) -> None:
    text = np.zeros((3, 2), np.uint8)
    memory = Memory(text, version)
    memory._weights[:] = 1 << 22
    memory._network_weight[:] = 1 << 22
    if memory._expected is not None:
        memory._expected._weight[:] = 1 << 22
    most = int(np.abs(STRETCH).max()) << 16
    assert len(PLANS[version].counters) * most < 1 << 31, "summed in int32"
    assert int(log2(np.array([SCALE - 1]))[0]) <= 6144
    for row in text:
        _row_cost(memory, row, SCALE - 1)
        memory.perceive(row)


def test_counters_of_half_a_byte_share_a_line() -> None:
    """Each tree node below one context and half byte has a slot of its own within 16 neighbours."""
    for first in (1, 16 + 9):
        nodes = [first << known | low for known in range(4) for low in range(1 << known)]
        places = set()
        for node in nodes:
            memory = Memory(np.zeros((2, 1), np.uint8), 3)
            memory.look(1)
            for k in range(node.bit_length()):
                memory.predict(
                    np.full(1, SCALE // 2, np.int64),
                    np.array([node >> (node.bit_length() - 1 - k)]),
                )
                place = int(memory._place[0, 0])
                memory.perceive_bit(np.array([0]))
            places.add(place)
        assert len(places) == len(nodes)
        assert len({place >> 4 for place in places}) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_the_later_lane_stands(version: int) -> None:
    memory = Memory(np.zeros((2, 2), np.uint8), version)
    for bits in ([1, 0], [0, 0]):
        memory.look(2)
        node = np.ones(2, np.int64)
        for k in range(8):
            memory.predict(np.full(2, SCALE // 2, np.int64), node)
            if k == 0:
                used = memory._used
            bit = np.array(bits) if k == 0 else np.zeros(2, np.int64)
            memory.perceive_bit(bit)
            node = 2 * node + bit
        if PLANS[version].by_byte:
            memory._learn()
    shared = [not context.own for context in PLANS[version].counters]
    _, _, cell, probability, *_ = used
    assert (cell - memory._row)[shared].tolist() == [[1, 1]] * sum(shared)
    assert (probability[shared] < 32768).all(), "lane 1 saw a 0 and wrote last"


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
