"""The engine and the definition: equal bit for bit, with ordinary and with extreme weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compressor.codec.weights_file import pack, unpack
from data.samples import sample
from models.integer import fixed_point
from models.integer import weights as wt
from models.integer.config import MLPS, PRESETS, ModelConfig
from models.integer.engine import Engine, learned, prepare
from models.integer.fixed_point import FIRST_BYTE
from models.integer.reference import Reference
from models.network import lm
from models.network.quantise import quantise

NANO = Path(__file__).parents[2] / "golden" / "nano.kzw"

sequence = jax.jit(lm.sequence, static_argnums=0)
fresh = jax.jit(lm.initialise, static_argnums=(0, 1))


def extreme(config: ModelConfig, seed: int, size: int) -> wt.IntegerWeights:
    """Weights at the bounds of the format: values at +-limit or 0, shifts at both ends or ordinary.

    ``size`` lowers the limits of int16 arrays.
    """
    rng = np.random.default_rng(seed)
    arrays = {}
    inputs = {name: wt.EXPONENTS[kind] - bits for name, kind, bits in wt.dense_inputs(config)}
    for name, dtype, shape in wt.layout(config):
        if name.endswith(".exponent"):
            shift = rng.choice([wt.MIN_SHIFT, 2, 4, 6, wt.MAX_SHIFT], shape)
            arrays[name] = (inputs[name.removesuffix(".exponent")] - shift).astype(dtype)
        else:
            limit = min(wt.LIMITS.get(wt.kind_of(name), 127), size)
            arrays[name] = (rng.integers(-1, 2, shape) * limit).astype(dtype)
    return wt.check(wt.IntegerWeights(config, arrays))


def agree(weights: wt.IntegerWeights, columns: np.ndarray) -> None:
    """Both see the columns (steps, lanes) and give the same evidence for every byte."""
    lanes = columns.shape[1]
    slow, fast = Reference(weights, lanes), Engine(weights, prepare(weights), lanes)
    for row in columns:
        counts = slow.predict()
        assert np.array_equal(counts, fast.predict())
        assert counts.min() >= 1
        assert counts.sum(axis=1, dtype=np.int64).max() < 1 << 31
        slow.perceive(row)
        fast.perceive(row)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 3, 32])
def test_trained_weights_on_text(lanes: int) -> None:
    columns = np.frombuffer(sample(), np.uint8)[: 60 * lanes].reshape(lanes, 60).T
    agree(unpack(NANO.read_bytes()), columns)


@pytest.mark.parametrize("mlp", MLPS)
@pytest.mark.parametrize("seed", range(6))
def test_extreme_weights_on_noise(seed: int, mlp: str) -> None:
    columns = np.random.default_rng(seed).integers(0, 256, (40, 4)).astype(np.uint8)
    config = dataclasses.replace(PRESETS["nano"], mlp=mlp)
    agree(extreme(config, seed, 1 << 15 if seed % 2 else 100), columns)


@pytest.mark.slow
@pytest.mark.parametrize("mlp", MLPS)
def test_the_integers_are_the_float_network(mlp: str) -> None:
    """Their cross-entropies on text differ by what 16-bit states and whole numbers lose alone."""
    config = dataclasses.replace(PRESETS["nano"], mlp=mlp)
    params = fresh(config, 3)
    columns = np.frombuffer(sample(), np.uint8)[:2048].reshape(8, -1).T
    twin, bits = Reference(quantise(config, params), 8), []
    read = np.concatenate([np.full((1, 8), FIRST_BYTE, np.uint8), columns[:-1]])
    logits, _ = sequence(config, params, jnp.asarray(read), lm.initial_state(config, 8))
    shares = np.asarray(jax.nn.softmax(logits))
    for row, share in zip(columns, shares, strict=True):
        counts = twin.predict()
        bits.append(
            np.log2(share[np.arange(8), row] * counts.sum(axis=1) / counts[np.arange(8), row])
        )
        twin.perceive(row)
    assert abs(np.mean(bits)) < 0.005


@pytest.mark.slow
@pytest.mark.parametrize("mlp", MLPS)
def test_the_page_alone_makes_the_same_step(page_decoder: ModuleType, mlp: str) -> None:
    config = dataclasses.replace(PRESETS["nano"], mlp=mlp)
    weights = quantise(config, fresh(config, 3))
    lane = page_decoder.Lane(page_decoder.read_weights(pack(weights)))
    definition = Reference(weights, 1)
    assert lane.step(FIRST_BYTE) == definition.predict()[0].tolist()
    for byte in b"The page":
        definition.perceive(np.array([byte], np.uint8))
        assert lane.step(byte) == definition.predict()[0].tolist()


@pytest.mark.slow
def test_widest_format_allows() -> None:
    config = ModelConfig(1024, 1, 1024, 1024, 4, 8, ((2, 8), (6, 8), (8, 9)))
    columns = np.random.default_rng(1).integers(0, 256, (6, 2)).astype(np.uint8)
    agree(extreme(config, 5, 1 << 15), columns)


def test_a_lane_does_not_know_its_neighbours() -> None:
    weights = unpack(NANO.read_bytes())
    columns = np.frombuffer(sample(), np.uint8)[:320].reshape(8, 40).T
    together, alone = Engine(weights, prepare(weights), 8), Engine(weights, prepare(weights), 1)
    for row in columns:
        together.perceive(row)
        alone.perceive(row[5:6])
        assert np.array_equal(together.predict()[5:6], alone.predict())


def test_learned_functions_without_a_table() -> None:
    knots = np.random.default_rng(2).integers(-32767, 32768, (9, 7)).astype(np.int16)
    index = np.arange(1, 256)
    every = np.repeat(index[:, None], 7, axis=1).astype(np.int32)
    fast = np.asarray(learned(knots.astype(np.int32), every))
    assert np.array_equal(fast.T, fixed_point.kan_table(knots)[:, 1:])
