"""The weights file: comes back whole, refuses damage by name, and its identity is its bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.integer import weights as wt
from models.integer.config import PRESETS
from models.integer.reference import Reference
from models.network import lm
from models.network.quantise import quantise

NANO = Path(__file__).parents[2] / "golden" / "nano.kzw"


def test_round_trip() -> None:
    weights = quantise(PRESETS["nano"], lm.initialise(PRESETS["nano"], 4))
    again = wt.from_bytes(wt.to_bytes(weights))
    assert again.config == weights.config
    assert list(again.arrays) == list(weights.arrays)
    for name, array in weights.arrays.items():
        assert array.dtype == again.arrays[name].dtype
        assert np.array_equal(array, again.arrays[name])


def test_quantised_weights_stand_for_the_trained_ones() -> None:
    params = lm.initialise(PRESETS["nano"], 4)
    weights = quantise(PRESETS["nano"], params)
    value = weights.arrays["head"] * np.exp2(weights.arrays["head.exponent"].astype(float))
    step = np.exp2(weights.arrays["head.exponent"].astype(float))
    assert (np.abs(value - np.asarray(params["head"])) <= step / 2 + 1e-9).all()


@pytest.mark.parametrize("damage", ["magic", "version", "shape", "cut", "flip", "empty"])
def test_damage_is_refused_by_name(damage: str) -> None:
    data = bytearray(NANO.read_bytes())
    if damage == "magic":
        data[0] ^= 1
    elif damage == "version":
        data[4] = 9
    elif damage == "shape":
        data[12] ^= 255
    elif damage == "cut":
        del data[-100:]
    elif damage == "flip":
        data[len(data) // 2] ^= 16
    else:
        data.clear()
    with pytest.raises(wt.WeightsError):
        wt.from_bytes(bytes(data))


def test_bounds_are_checked() -> None:
    weights = wt.from_bytes(NANO.read_bytes())
    weights.arrays["head.exponent"][:] = 10
    with pytest.raises(wt.WeightsError, match="scale"):
        wt.check(weights)


def test_identity_is_the_hash_of_the_bytes() -> None:
    data = NANO.read_bytes()
    assert wt.identity(data) != wt.identity(data[:-1])
    assert len(wt.identity(data)) == 8


def evidence(weights: wt.IntegerWeights) -> list[np.ndarray]:
    """Of a few steps on three lanes, by the definition."""
    network, found = Reference(weights, 3), []
    for byte in np.random.default_rng(8).integers(0, 256, (12, 3)).astype(np.uint8):
        network.perceive(byte)
        found.append(network.predict())
    return found


@pytest.mark.parametrize("twos", [0, 1, 3, 6])
def test_stripping_common_factors_of_two_changes_no_evidence(twos: int) -> None:
    weights, rng = wt.from_bytes(NANO.read_bytes()), np.random.default_rng(twos)
    for name, _, _ in wt.dense_inputs(weights.config):
        weights.arrays[name] = weights.arrays[name] >> twos << twos
        weights.arrays[name][:, rng.integers(0, weights.arrays[name].shape[1], 3)] = 0
    small = wt.check(wt.strip(weights))
    for before, after in zip(evidence(weights), evidence(small), strict=True):
        assert np.array_equal(before, after)
    if twos:
        assert all(
            np.abs(small.arrays[name]).max() <= 128 >> twos
            for name, _, _ in wt.dense_inputs(weights.config)
        )


def test_stripping_goes_no_further_than_the_bounds_allow() -> None:
    weights = wt.from_bytes(NANO.read_bytes())
    weights.arrays["head"][:] = 64
    weights.arrays["head.exponent"][:] = -2
    small = wt.strip(weights)
    assert (wt.shift(small, "head", "norm", wt.SIGNAL_BITS) == wt.MIN_SHIFT).all()
    assert (small.arrays["head"] == 16).all()
    assert wt.check(small) is small


def test_channels_without_any_weight_are_no_error() -> None:
    params = lm.initialise(PRESETS["nano"], 4)
    params["head"] = params["head"].at[:, 7].set(0)
    assert not quantise(PRESETS["nano"], params).arrays["head"][:, 7].any()
