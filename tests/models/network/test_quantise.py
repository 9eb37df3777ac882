"""Quantised weights stand for the trained ones."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from models.integer.config import PRESETS
from models.network import lm
from models.network.precision import coarsen
from models.network.quantise import dequantise, quantise

NANO = PRESETS["nano"]
fresh = jax.jit(lm.initialise, static_argnums=(0, 1))


def test_quantised_weights_stand_for_the_trained_ones() -> None:
    params = fresh(NANO, 4)
    weights = quantise(NANO, params)
    value = weights.arrays["head"] * np.exp2(weights.arrays["head.exponent"].astype(float))
    step = np.exp2(weights.arrays["head.exponent"].astype(float))
    assert (np.abs(value - np.asarray(params["head"])) <= step / 2 + 1e-9).all()


def test_channels_without_any_weight_are_no_error() -> None:
    params = fresh(NANO, 4)
    params["head"] = params["head"].at[:, 7].set(0)
    assert not quantise(NANO, params).arrays["head"][:, 7].any()


@pytest.mark.parametrize("bits", [3.5, 8])
def test_weights_come_back_from_the_parameters_they_stand_for(bits: float) -> None:
    weights = quantise(NANO, coarsen(fresh(NANO, 4), bits))
    again = quantise(NANO, dequantise(weights))
    assert {name: array.tolist() for name, array in again.arrays.items()} == {
        name: array.tolist() for name, array in weights.arrays.items()
    }


def test_the_parameters_of_weights_are_a_networks() -> None:
    params = fresh(NANO, 4)
    back = dequantise(quantise(NANO, params))
    shapes = jax.tree_util.tree_map(lambda leaf: (leaf.shape, leaf.dtype), params)
    assert jax.tree_util.tree_map(lambda leaf: (leaf.shape, leaf.dtype), back) == shapes
