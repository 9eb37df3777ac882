"""External memory: it learns, it stays inside its bounds, and concurrent writes follow the page's rule."""

from __future__ import annotations

import numpy as np
import pytest

from data.samples import sample
from models.memory.expected import NONE
from models.memory.logistic import SQUASH, STRETCH, STRETCH_LIMIT, log2
from models.memory.match import Match
from models.memory.memory import COUNTERS, RUNS, Context, Memory, slot_bits

SCALE = 1 << 24


def cost(text: np.ndarray, zero: int = SCALE // 2, start: int = 0) -> float:
    """Bits a fresh memory spends on text (steps, lanes), from row ``start`` on, beside a network that always says ``zero``."""
    memory, total = Memory(text), 0.0
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


def test_repetition_becomes_cheap() -> None:
    text = lanes_of(sample()[:300], 1)
    twice = np.concatenate([text, text])
    assert cost(twice, start=300) < 0.25 * cost(text)


def test_lanes_teach_each_other() -> None:
    text = sample()[:400]
    one = np.concatenate([lanes_of(text, 1), lanes_of(text[::-1], 1)], axis=1)
    crossed = np.concatenate([one, one[:, ::-1]])
    assert cost(crossed, start=400) < 0.4 * cost(one)


def test_a_sure_and_wrong_network_overflows_nothing() -> None:
    for zero in (1, 2, SCALE - 2, SCALE - 1):
        for byte in (0, 255):
            cost(np.full((40, 300), byte, np.uint8), zero)
    cost(np.random.default_rng(0).integers(0, 256, (60, 64)).astype(np.uint8), 1)


def test_matches_carry_long_repetition_further(monkeypatch: pytest.MonkeyPatch) -> None:
    text = np.frombuffer(sample(), np.uint8)[:2400].reshape(4, 600).T
    twice = np.concatenate([text, text])
    with_matches = cost(twice, start=600)
    nothing = lambda self, active: (np.full(active, NONE), np.zeros(active, np.int64))  # noqa: E731
    monkeypatch.setattr(Match, "look", nothing)
    assert with_matches < 0.8 * cost(twice, start=600)


def test_a_lane_learns_what_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In each lane a random letter is followed by another by a rule of the lane's own."""
    lanes, letters, pairs = 16, 6, 200
    rng = np.random.default_rng(0)
    rule = np.stack([rng.permutation(letters) for _ in range(lanes)])
    drawn = rng.integers(0, letters, (pairs, lanes))
    rows = np.stack([drawn, letters + rule[np.arange(lanes), drawn]], axis=1)
    text = (97 + rows.reshape(2 * pairs, lanes)).astype(np.uint8)
    with_own = cost(text, start=pairs)
    hashed = Memory._hash
    monkeypatch.setattr(
        Memory, "_hash", lambda self, context, active: hashed(self, Context(context.of), active)
    )
    assert with_own < 0.8 * cost(text, start=pairs)


def test_nothing_is_read_that_is_not_yet_known() -> None:
    """What stands in the columns below the current row, as it does for an encoder, changes nothing."""
    text = np.frombuffer(sample(), np.uint8)[:6000].reshape(3, 2000).T.copy()
    decoder = np.zeros_like(text)
    ahead, behind = Memory(text), Memory(decoder)
    for row, filled in zip(text[:600], decoder, strict=False):
        assert _row_cost(ahead, row, SCALE // 2) == _row_cost(behind, row, SCALE // 2)
        filled[:] = row
        ahead.perceive(row)
        behind.perceive(row)


def test_much_text_gets_more_slots() -> None:
    sizes = (1, 1 << 16, 1 << 17, (1 << 22) - 1, 1 << 22, 1 << 27)
    assert [slot_bits(size) for size in sizes] == [18, 18, 19, 23, 24, 24]
    memory = Memory(np.zeros((1 << 12, 1 << 9), np.uint8))
    assert memory._slots.size == len(COUNTERS) << 23
    assert memory._runs._slots.size == len(RUNS) << 22


def test_the_mixer_stays_within_its_integers() -> None:
    text = np.zeros((3, 2), np.uint8)
    memory = Memory(text)
    memory._weights[:] = 1 << 22
    memory._network_weight[:] = 1 << 22
    memory._expected._weight[:] = 1 << 22
    most = int(np.abs(STRETCH).max()) << 16
    assert len(COUNTERS) * most < 1 << 31, "summed in int32"
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
            memory = Memory(np.zeros((2, 1), np.uint8))
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


def test_the_later_lane_stands() -> None:
    memory = Memory(np.zeros((2, 2), np.uint8))
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
        memory._learn()
    shared = [not context.own for context in COUNTERS]
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
