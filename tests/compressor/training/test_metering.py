"""Metering: the float network by whole windows is the network byte by byte, bit by bit."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compressor.codec import engines
from compressor.codec.levels import LEVELS
from compressor.errors import NoEngine
from compressor.training.metering import WINDOW, FloatNetwork, metered, rates
from compressor.training.networks import network
from compressor.training.texts import Texts
from data.lanes import to_columns
from models.integer.config import ModelConfig
from models.integer.fixed_point import FIRST_BYTE
from models.network.lm import Params


@pytest.mark.slow
def test_the_network_says_what_it_does_byte_by_byte(
    pico: ModelConfig, whole: tuple[Params, Path], texts: Texts
) -> None:
    length = 3 * (WINDOW + 6) - 1  # lanes of unequal length, a second window
    columns = to_columns(texts.train[:length], 3)
    predictor = FloatNetwork(pico, whole[0], columns, length)
    said = np.concatenate([predictor.said(), predictor.said()])
    assert (said.shape, said.dtype) == ((len(columns), 8, 3), np.int16)
    state = network(pico).initial_state(3)
    take = jax.jit(lambda tokens, state: network(pico).sequence(whole[0], tokens, state))
    read, bits = np.full(3, FIRST_BYTE, np.uint8), 0.0
    for step, column in enumerate(columns):
        logits, state = take(jnp.asarray(read)[None], state)
        shares = np.asarray(jax.nn.softmax(logits[0]), float)
        counts = np.maximum(np.rint(shares * 2**22), 1)
        active = 3 if step < len(columns) - 1 else 2
        bits -= np.log2(shares[np.arange(active), column[:active]]).sum()
        for lane, byte in enumerate(column):
            for k in range(8):
                half = 128 >> k
                first = int(byte) // (2 * half) * 2 * half
                zero = counts[lane, first : first + half].sum()
                one = counts[lane, first + half : first + 2 * half].sum()
                wanted = 256 * np.log2(one / zero)
                assert said[step, k, lane] == pytest.approx(wanted, abs=1.5)
        read = column
    assert predictor.bits == pytest.approx(bits, rel=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("native_engine")
def test_the_memory_makes_a_network_s_bits_fewer_and_all_bytes_are_told(
    pico: ModelConfig, whole: tuple[Params, Path], texts: Texts
) -> None:
    text, told = texts.train[:9001], list[int]()
    mixture, alone = metered(pico, whole[0], text, LEVELS[6].recipe(text.size), told.append)
    assert sum(told) == text.size
    assert len(told) > 2, "once a window"
    assert 2 * text.size < mixture < alone - text.size / 2


def test_without_the_native_engine_there_is_no_figure(
    pico: ModelConfig, fresh: Params, texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(engine: str | None = None) -> str:
        raise NoEngine(f"no {engine}")

    monkeypatch.setattr(engines, "chosen", absent)
    text = texts.train[:100]
    with pytest.raises(NoEngine, match="no native"):
        metered(pico, fresh, text, LEVELS[6].recipe(text.size), lambda _: None)


def test_rates_are_a_byte() -> None:
    assert rates(10.0, 20.0, 8) == {"bits_per_char": 1.25, "bits_per_char_network_alone": 2.5}
    assert rates(0.0, 0.0, 0)["bits_per_char"] == 0
