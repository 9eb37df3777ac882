"""The engine against the definition, bit for bit, with ordinary and with extreme weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data.samples import sample
from models.integer import fixed_point
from models.integer import weights as wt
from models.integer.config import MLPS, PRESETS, ModelConfig
from models.integer.engine import Engine, _learned, prepare
from models.integer.fixed_point import FIRST_BYTE
from models.integer.reference import Reference
from models.network import lm
from models.network.quantise import quantise

NANO = Path(__file__).parents[2] / "golden" / "nano.kzw"


def extreme(config: ModelConfig, seed: int, size: int) -> wt.IntegerWeights:
    """Weights at the bounds of the format: every value at +-limit (or 0), shifts at both ends."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, dtype, shape in wt.layout(config):
        kind = (
            name.split(".")[-1].split("_")[0] if name.startswith("table") else name.split(".")[-1]
        )
        if kind == "exponent":
            arrays[name] = rng.choice(np.array([-12, -10, -8], np.int8), shape)
        else:
            limit = min(wt.LIMITS.get(kind, 127), size)
            arrays[name] = (rng.integers(-1, 2, shape) * limit).astype(dtype)
    return wt.check(wt.IntegerWeights(config, arrays))


def agree(weights: wt.IntegerWeights, columns: np.ndarray) -> None:
    slow, fast = (
        Reference(weights, columns.shape[1]),
        Engine(weights, prepare(weights), columns.shape[1]),
    )
    for row in columns:
        counts = slow.predict()
        assert np.array_equal(counts, fast.predict())
        assert counts.min() >= 1
        assert counts.sum(axis=1, dtype=np.int64).max() < 1 << 31
        slow.perceive(row)
        fast.perceive(row)


@pytest.mark.parametrize("lanes", [1, 3, 32])
def test_trained_weights_on_text(lanes: int) -> None:
    columns = np.frombuffer(sample(), np.uint8)[: 60 * lanes].reshape(lanes, 60).T
    agree(wt.from_bytes(NANO.read_bytes()), columns)


@pytest.mark.parametrize("mlp", MLPS)
@pytest.mark.parametrize("seed", range(6))
def test_extreme_weights_on_noise(seed: int, mlp: str) -> None:
    columns = np.random.default_rng(seed).integers(0, 256, (40, 4)).astype(np.uint8)
    agree(
        extreme(dataclasses.replace(PRESETS["nano"], mlp=mlp), seed, 1 << 15 if seed % 2 else 100),
        columns,
    )


@pytest.mark.parametrize("mlp", MLPS)
def test_the_integers_are_the_float_network(mlp: str) -> None:
    """On text the twin's cross-entropy is the float network's, up to what 16-bit states and whole numbers lose."""
    config = dataclasses.replace(PRESETS["nano"], mlp=mlp)
    params = lm.initialise(config, 3)
    columns = np.frombuffer(sample(), np.uint8)[:2048].reshape(8, -1).T
    twin, bits = Reference(quantise(config, params), 8), []
    read = np.concatenate([np.full((1, 8), FIRST_BYTE, np.uint8), columns[:-1]])
    logits, _ = lm.sequence(config, params, jnp.asarray(read), lm.initial_state(config, 8))
    shares = np.asarray(jax.nn.softmax(logits))
    for row, share in zip(columns, shares, strict=True):
        counts = twin.predict()
        bits.append(
            np.log2(share[np.arange(8), row] * counts.sum(axis=1) / counts[np.arange(8), row])
        )
        twin.perceive(row)
    assert abs(np.mean(bits)) < 0.005


@pytest.mark.parametrize("mlp", MLPS)
def test_the_page_alone_makes_the_same_step(page_decoder: ModuleType, mlp: str) -> None:
    config = dataclasses.replace(PRESETS["nano"], mlp=mlp)
    weights = quantise(config, lm.initialise(config, 3))
    lane, definition = (
        page_decoder.Lane(page_decoder.read_weights(wt.to_bytes(weights))),
        Reference(weights, 1),
    )
    assert lane.step(FIRST_BYTE) == definition.predict()[0].tolist()
    for byte in b"The page":
        definition.perceive(np.array([byte], np.uint8))
        assert lane.step(byte) == definition.predict()[0].tolist()


def test_widest_format_allows() -> None:
    config = ModelConfig(1024, 1, 1024, 1024, 4, 8, ((2, 8), (6, 8), (8, 9)))
    columns = np.random.default_rng(1).integers(0, 256, (6, 2)).astype(np.uint8)
    agree(extreme(config, 5, 1 << 15), columns)


def test_a_lane_does_not_know_its_neighbours() -> None:
    weights = wt.from_bytes(NANO.read_bytes())
    columns = np.frombuffer(sample(), np.uint8)[:320].reshape(8, 40).T
    together, alone = Engine(weights, prepare(weights), 8), Engine(weights, prepare(weights), 1)
    for row in columns:
        together.perceive(row)
        alone.perceive(row[5:6])
        assert np.array_equal(together.predict()[5:6], alone.predict())


def test_learned_functions_without_a_table() -> None:
    knots = np.random.default_rng(2).integers(-32767, 32768, (9, 7)).astype(np.int16)
    index = np.arange(1, 256)
    fast = np.asarray(
        _learned(knots.astype(np.int32), np.repeat(index[:, None], 7, axis=1).astype(np.int32))
    )
    assert np.array_equal(fast.T, fixed_point.kan_table(knots)[:, 1:])


def test_tables_of_constants() -> None:
    exponential = fixed_point.exponential_table()
    assert np.abs(exponential - 2.0 ** (22 - np.arange(256) / 256)).max() <= 1
    root = fixed_point.root_table(320)
    assert np.abs(root / (np.sqrt(2.0**39 * 320 / (2 * np.arange(3072) + 2049))) - 1).max() < 1e-4
