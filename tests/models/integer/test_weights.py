"""The integers of a network: bounds, smaller integers of the same function, identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compressor.codec.weights_file import unpack
from models.integer import weights as wt
from models.integer.reference import Reference

NANO = Path(__file__).parents[2] / "golden" / "nano.kzw"


def test_bounds_are_checked() -> None:
    weights = unpack(NANO.read_bytes())
    weights.arrays["head.exponent"][:] = 10
    with pytest.raises(wt.WeightsError, match="scale"):
        wt.check(weights)


@pytest.mark.parametrize("name", ["head", "mlp_0.w_in"])
def test_shifts_end_where_the_page_says(name: str) -> None:
    """FORMAT.md, section 4: from -6 to 19, counted with 10 bits for both halves of w_in."""
    assert (wt.MIN_SHIFT, wt.MAX_SHIFT, wt.KAN_EXTRA_SHIFT) == (-6, 19, 5)
    weights = unpack(NANO.read_bytes())
    exponent = weights.arrays[f"{name}.exponent"]
    for shift, allowed in ((-7, False), (-6, True), (19, True), (20, False)):
        exponent[:] = wt.EXPONENTS["norm"] - wt.SIGNAL_BITS - shift
        if allowed:
            assert wt.check(weights) is weights
        else:
            with pytest.raises(wt.WeightsError, match=f"scale of {name}"):
                wt.check(weights)


def test_no_shift_leaves_int32() -> None:
    largest = 1024 * 127 * 127
    assert largest < 1 << 24
    assert largest << -wt.MIN_SHIFT < 1 << 30
    assert largest + (1 << (wt.MAX_SHIFT + wt.KAN_EXTRA_SHIFT - 1)) < 1 << 31


def test_arrays_of_another_shape_are_refused() -> None:
    weights = unpack(NANO.read_bytes())
    weights.arrays["head"] = weights.arrays["head"][:-1]
    with pytest.raises(wt.WeightsError, match="array head is int8"):
        wt.check(weights)


def evidence(weights: wt.IntegerWeights) -> list[np.ndarray]:
    """The counts of a few steps on three lanes, by the definition."""
    network, counts = Reference(weights, 3), []
    for byte in np.random.default_rng(8).integers(0, 256, (12, 3)).astype(np.uint8):
        network.perceive(byte)
        counts.append(network.predict())
    return counts


@pytest.mark.parametrize("twos", [0, 1, 3, 6])
def test_stripping_common_factors_of_two_changes_no_evidence(twos: int) -> None:
    weights, rng = unpack(NANO.read_bytes()), np.random.default_rng(twos)
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
    weights = unpack(NANO.read_bytes())
    weights.arrays["head"][:] = 64
    weights.arrays["head.exponent"][:] = -2
    small = wt.strip(weights)
    assert (wt.shift(small, "head", "norm", wt.SIGNAL_BITS) == wt.MIN_SHIFT).all()
    assert (small.arrays["head"] == 16).all()
    assert wt.check(small) is small
