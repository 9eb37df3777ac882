"""The memory as a whole: it learns, leaks nothing, and its probabilities hold their bounds."""

from __future__ import annotations

import numpy as np
import pytest

from data.lanes import lane_lengths
from models.memory.designs import DESIGNS, FULL, LIGHT, Design
from models.memory.memory import Memory

SCALE = 1 << 24


def costs(
    text: bytes, lanes: int, design: Design = LIGHT, zero: int | None = None
) -> tuple[np.ndarray, Memory]:
    """Bits that a fresh memory of 1 MiB spends on each step of a text, and the memory after it.

    The network beside it, if any, always gives ``zero`` counts to a 0.
    """
    data, lengths = np.frombuffer(text, np.uint8), lane_lengths(len(text), lanes)
    starts = np.cumsum(lengths) - lengths
    memory, bits = Memory(design, 1 << 20, len(text), lanes, zero is not None), []
    for step in range(lengths[0]):
        byte = data[starts[lengths > step] + step].astype(np.int64)
        bits.append(0.0)
        for shift in range(7, -1, -1):
            bit = (byte >> shift) & 1
            counts = memory.predict(None if zero is None else np.full(byte.size, zero))
            assert counts.shape == byte.shape
            assert counts.min() >= 1
            assert counts.max() < SCALE
            bits[-1] -= np.log2(np.where(bit == 0, counts, SCALE - counts) / SCALE).sum()
            memory.update(bit)
    return np.array(bits), memory


@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS.keys())
@pytest.mark.parametrize(("length", "lanes"), [(1, 1), (5, 1), (7, 3), (16, 16), (31, 16)])
def test_any_lanes_hold_any_length(design: Design, length: int, lanes: int) -> None:
    text = bytes(range(200, 200 + length))
    bits, memory = costs(text, lanes, design)
    assert bytes(memory.text) == text
    assert bits.size == -(-length // lanes)


def test_random_text_costs_its_entropy(texts: dict[str, bytes]) -> None:
    """Sixteen symbols take 4 bits each, whoever has seen what: less would be a leak."""
    text = texts["sixteen"]
    bits, _ = costs(text, 25, FULL)
    assert bits.sum() > 4 * len(text)
    assert bits[60:].sum() < 1.1 * 4 * 25 * bits[60:].size


def test_repetition_becomes_cheap(texts: dict[str, bytes]) -> None:
    text = texts["text"][:100]
    bits, _ = costs(text * 2, 1)
    assert bits[100:].sum() < 0.3 * bits[:100].sum()


def test_lanes_teach_each_other(texts: dict[str, bytes]) -> None:
    """Two lanes read two texts, then each reads what the other has read."""
    one, other = texts["text"][:80], texts["text"][300:380]
    bits, _ = costs(one + other + other + one, 2)
    assert bits[80:].sum() < 0.4 * bits[:80].sum()


def test_a_sure_and_wrong_network_overflows_nothing() -> None:
    for zero in (1, SCALE - 1):
        for byte in (b"\0", b"\xff"):
            costs(byte * 300, 40, FULL, zero)
    bits, _ = costs(b"\xff" * 3000, 50, LIGHT, SCALE - 1)
    assert bits[-1] < 0.02 * bits[0], "what the network says is not believed for long"


def test_a_lane_learns_what_is_its_own() -> None:
    """In each lane a letter is followed by another, by a rule of the lane's own."""
    lanes, letters, pairs = 16, 6, 40
    rng = np.random.default_rng(0)
    rule = np.stack([rng.permutation(letters) for _ in range(lanes)])
    drawn = rng.integers(0, letters, (lanes, pairs))
    rows = np.stack([drawn, letters + rule[np.arange(lanes)[:, None], drawn]], axis=2)
    text = (97 + rows).astype(np.uint8).tobytes()
    own = LIGHT._replace(contexts=tuple(c._replace(own=True) for c in LIGHT.contexts))
    with_own, without = (costs(text, lanes, design)[0] for design in (own, LIGHT))
    assert with_own[pairs:].sum() < 0.9 * without[pairs:].sum()
