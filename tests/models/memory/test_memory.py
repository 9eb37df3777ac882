"""External memory: it learns, its integers hold, concurrent writes follow FORMAT.md's rule."""

from __future__ import annotations

import numpy as np
import pytest

from coding.container import MAX_LANES_LOG2
from data.samples import sample
from models.memory import memory as definition
from models.memory.expected import NONE, WEIGHT_LIMIT
from models.memory.logistic import SQUASH, STRETCH, log2
from models.memory.match import Match
from models.memory.memory import COUNTERS, MATCHES, RUNS, Context, Memory, Prediction

SCALE = 1 << 24
LANES = 1 << MAX_LANES_LOG2


def row_costs(text: np.ndarray, zero: int = SCALE // 2) -> np.ndarray:
    """Bits that a fresh memory spends on each row of a text (steps, lanes).

    The network beside it always gives ``zero`` counts to a 0.
    """
    memory, costs = Memory(text), []
    for row in text:
        costs.append(byte_cost(memory, row, zero))
    return np.array(costs)


def byte_cost(memory: Memory, row: np.ndarray, zero: int) -> float:
    """Bits that the memory spends on a byte of each lane, which it then learns."""
    lanes, total = len(row), 0.0
    contexts = memory.lookup(lanes)
    node = np.ones(lanes, np.int64)
    for shift in range(7, -1, -1):
        bit = (row.astype(np.int64) >> shift) & 1
        prediction = memory.predict(contexts, np.full(lanes, zero, np.int64), node)
        counts = prediction.zero
        assert counts.min() >= 1
        assert counts.max() < SCALE
        total -= np.log2(np.where(bit == 0, counts, SCALE - counts) / SCALE).sum()
        memory.update_bit(contexts, prediction, bit)
        node = 2 * node + bit
    memory.update_byte(contexts, row)
    return float(total)


def lanes_of(text: bytes, lanes: int) -> np.ndarray:
    return np.frombuffer(text, np.uint8)[: len(text) // lanes * lanes].reshape(lanes, -1).T


@pytest.mark.slow
def test_repetition_becomes_cheap() -> None:
    text = lanes_of(sample()[:200], 1)
    costs = row_costs(np.concatenate([text, text]))
    assert costs[200:].sum() < 0.25 * costs[:200].sum()


@pytest.mark.slow
def test_lanes_teach_each_other() -> None:
    text = sample()[:200]
    pair = np.concatenate([lanes_of(text, 1), lanes_of(text[::-1], 1)], axis=1)
    costs = row_costs(np.concatenate([pair, pair[:, ::-1]]))
    assert costs[200:].sum() < 0.4 * costs[:200].sum()


@pytest.mark.slow
def test_a_sure_and_wrong_network_overflows_nothing() -> None:
    for zero in (1, 2, SCALE - 2, SCALE - 1):
        for byte in (0, 255):
            row_costs(np.full((40, 300), byte, np.uint8), zero)
    row_costs(np.random.default_rng(0).integers(0, 256, (60, 64)).astype(np.uint8), 1)


@pytest.mark.slow
def test_matches_carry_long_repetition_further(monkeypatch: pytest.MonkeyPatch) -> None:
    text = lanes_of(sample()[:800], 4)
    twice = np.concatenate([text, text])
    with_matches = row_costs(twice)[200:].sum()

    def expect_nothing(self: Match, active: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full(active, NONE), np.zeros(active, np.int64)

    monkeypatch.setattr(Match, "lookup", expect_nothing)
    assert with_matches < 0.8 * row_costs(twice)[200:].sum()


@pytest.mark.slow
def test_a_lane_learns_what_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """In each lane a random letter is followed by another, by a rule of the lane's own."""
    lanes, letters, pairs = 16, 6, 200
    rng = np.random.default_rng(0)
    rule = np.stack([rng.permutation(letters) for _ in range(lanes)])
    drawn = rng.integers(0, letters, (pairs, lanes))
    rows = np.stack([drawn, letters + rule[np.arange(lanes), drawn]], axis=1)
    text = (97 + rows.reshape(2 * pairs, lanes)).astype(np.uint8)
    with_own = row_costs(text)[pairs:].sum()
    for name in ("COUNTERS", "RUNS", "MATCHES"):
        shared = tuple(Context(context.order) for context in getattr(definition, name))
        monkeypatch.setattr(definition, name, shared)
    assert with_own < 0.8 * row_costs(text)[pairs:].sum()


@pytest.mark.slow
def test_nothing_is_read_that_is_not_yet_known() -> None:
    """What stands in the columns below the current row, as it does for an encoder, is not read."""
    text = lanes_of(sample()[:6000], 3).copy()
    decoder = np.zeros_like(text)
    ahead, behind = Memory(text), Memory(decoder)
    for row, filled in zip(text[:150], decoder, strict=False):
        filled[:] = row
        assert byte_cost(ahead, row, SCALE // 2) == byte_cost(behind, row, SCALE // 2)


def test_much_text_gets_more_slots() -> None:
    memory = Memory(np.zeros((1 << 12, 1 << 9), np.uint8))
    assert memory.slots.size == len(COUNTERS) << 23
    assert memory.runs.slots.size == len(RUNS) << 22


def test_sums_over_all_lanes_stay_within_their_types() -> None:
    """The bounds that NumPy's types rest on, for 1,024 lanes; np.int32 and np.int64 wrap."""
    int32, exact = np.iinfo(np.int32).max, 1 << 53
    stretch, weight = int(np.abs(STRETCH).max()), WEIGHT_LIMIT >> 6
    network = int(np.abs(log2(np.array([SCALE - 1])) - log2(np.array([1]))).max())
    error, bits = 1 << 16, 8
    assert len(COUNTERS) * weight * stretch <= int32, "the counters' part of the memory logit"
    sources = len(MATCHES) + len(RUNS)
    logit = (len(COUNTERS) + sources) * weight * stretch + weight * network
    assert logit < 1 << 62
    assert 2 * (SQUASH.max() >> 2) << 8 <= int32, "two cells of a probability map, interpolated"
    assert 4 * int(SQUASH.max()) <= int32, "the average of the mixture and both maps"
    assert error * stretch <= int32, "slope of one counter"
    assert bits * len(COUNTERS) * LANES * error * stretch < exact, "slopes summed in float64"
    assert LANES * bits * error * network < exact, "slopes of the network's weights"
    assert 65535 * int(definition.RATES.max()) + (1 << 13) <= int32, "step of a counter"
    assert int(SQUASH.max() >> 2) + (1 << 22) + 32 <= int32, "step of a probability map"


def test_the_mixer_stays_within_its_integers_at_the_limits() -> None:
    text = np.zeros((3, 2), np.uint8)
    memory = Memory(text)
    memory.weights[:] = WEIGHT_LIMIT
    memory.network_weights[:] = WEIGHT_LIMIT
    memory.expected.weight[:] = WEIGHT_LIMIT
    for row in text:
        byte_cost(memory, row, SCALE - 1)


def test_counters_of_half_a_byte_share_a_line() -> None:
    """Each tree node below one context and half byte has a slot of its own within 16 neighbours."""
    for first in (1, 16 + 9):
        nodes = [first << known | low for known in range(4) for low in range(1 << known)]
        places = set()
        for node in nodes:
            memory = Memory(np.zeros((2, 1), np.uint8))
            contexts = memory.lookup(1)
            for shift in range(node.bit_length() - 1, -1, -1):
                prediction = memory.predict(
                    contexts, np.full(1, SCALE // 2, np.int64), np.array([node >> shift])
                )
                memory.update_bit(contexts, prediction, np.array([0]))
            places.add(int(prediction.slot[0, 0]))
        assert len(places) == len(nodes)
        assert len({place >> 4 for place in places}) == 1


@pytest.mark.parametrize("leaves", [0, 1])
def test_the_later_lane_stands(leaves: int) -> None:
    """Two lanes read spaces; one leaves with another byte, and the other looks at what remains."""
    space, other = 0x20, 0xA0
    memory = Memory(np.zeros((12, 2), np.uint8))
    for _ in range(9):
        byte_cost(memory, np.array([space, space], np.uint8), SCALE // 2)
    before = first_prediction(memory)
    byte_cost(memory, np.where(np.arange(2) == leaves, other, space).astype(np.uint8), SCALE // 2)
    after = first_prediction(memory)
    shared = [not context.own for context in COUNTERS]
    stays = 1 - leaves
    moved = (after.probability - before.probability)[shared, stays]
    assert ((moved < 0) if stays == 1 else (moved > 0)).all(), "the bit of lane 1 decides"
    assert ((after.weight_cell - before.weight_cell)[shared, stays] == 1).all(), "counted once"


def first_prediction(memory: Memory) -> Prediction:
    """The first bit of the next byte of both lanes."""
    return memory.predict(memory.lookup(2), np.full(2, SCALE // 2, np.int64), np.ones(2, np.int64))
