"""Metering: the float network by whole windows is the network byte by byte; the meter adds bits."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from coding.counts import SCALE
from compressor.training.metering import WINDOW, FloatNetwork, Meter, rates
from compressor.training.networks import network
from compressor.training.texts import Texts
from data.lanes import to_columns
from models.integer.config import ModelConfig
from models.integer.fixed_point import FIRST_BYTE
from models.network.lm import Params


@pytest.mark.slow
def test_the_network_predicts_as_it_does_byte_by_byte(
    pico: ModelConfig, whole: tuple[Params, Path], texts: Texts
) -> None:
    length = 3 * (WINDOW + 6) - 1  # lanes of unequal length, a second window
    columns = to_columns(texts.train[:length], 3)
    predictor = FloatNetwork(pico, whole[0], columns, length)
    state = network(pico).initial_state(3)
    take = jax.jit(lambda tokens, state: network(pico).sequence(whole[0], tokens, state))
    read, bits = np.full(3, FIRST_BYTE, np.uint8), 0.0
    for step, column in enumerate(columns):
        logits, state = take(jnp.asarray(read)[None], state)
        shares = np.asarray(jax.nn.softmax(logits[0]), float)
        counts = predictor.predict()
        assert counts.dtype == np.int32
        np.testing.assert_allclose(counts, np.maximum(shares * 2**22, 1), rtol=1e-3, atol=1)
        active = 3 if step < len(columns) - 1 else 2
        bits -= np.log2(shares[np.arange(active), column[:active]]).sum()
        predictor.perceive(column)
        read = column
    assert predictor.bits == pytest.approx(bits, rel=1e-4)


def test_the_meter_adds_up_information() -> None:
    meter = Meter()
    bits = np.array([0, 1, 1])
    assert meter.code(np.array([SCALE // 2, SCALE // 4, SCALE * 3 // 4]), bits) is bits
    assert meter.bits == pytest.approx(1 + np.log2(4 / 3) + 2)


def test_rates_are_a_byte() -> None:
    assert rates(10.0, 20.0, 8) == {"bits_per_char": 1.25, "bits_per_char_network_alone": 2.5}
    assert rates(0.0, 0.0, 0)["bits_per_char"] == 0
