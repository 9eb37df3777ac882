"""Training beside the memory: the loss of the mixture, windows of a record, a run that uses it."""

from __future__ import annotations

import math
from pathlib import Path

import jax
import numpy as np
import pytest

from compressor.training.config import TrainingError
from compressor.training.mixture import (
    LOGIT_UNIT,
    WEIGHT_UNIT,
    Record,
    Window,
    mixture_nats,
    open_record,
)
from compressor.training.step import nats_of


def a_window(rng: np.random.Generator) -> tuple[np.ndarray, Window]:
    """Random logits (20, 3, 256) and a window of as many bytes."""
    bits = (20, 8, 3)
    window = Window(
        rng.integers(0, 256, (21, 3), np.uint8),
        rng.integers(-2000, 2000, bits).astype(np.int16),
        rng.integers(0, 256, bits, np.uint8),
    )
    return rng.normal(0, 2, (20, 3, 256)).astype(np.float32), window


def test_a_silent_memory_leaves_the_network_s_own_loss() -> None:
    logits, window = a_window(np.random.default_rng(1))
    silent = window._replace(
        memory_logit=np.zeros_like(window.memory_logit),
        network_weight=np.full_like(window.network_weight, round(1 / WEIGHT_UNIT)),
    )
    mixture, alone = jax.jit(mixture_nats)(logits, silent), nats_of(logits, window.text)
    assert float(mixture) == pytest.approx(float(alone), rel=1e-5)


def test_the_loss_is_that_of_the_bits_of_the_mixture() -> None:
    logits, window = a_window(np.random.default_rng(2))
    total = 0.0
    for t, lane in np.ndindex(20, 3):
        share, byte = np.exp(logits[t, lane].astype(float)), int(window.text[t + 1, lane])
        for k in range(8):
            size = 256 >> k
            first = byte // size * size
            middle, last = first + size // 2, first + size
            logit = math.log2(share[middle:last].sum() / share[first:middle].sum())
            mixture = (
                window.network_weight[t, k, lane] * WEIGHT_UNIT * logit
                + window.memory_logit[t, k, lane] * LOGIT_UNIT
            )
            bit = byte >> (7 - k) & 1
            total += math.log(1 + 2 ** (-mixture if bit else mixture))
    assert float(jax.jit(mixture_nats)(logits, window)) == pytest.approx(total / 60, rel=1e-4)


def test_windows_follow_each_other_and_every_lane_has_its_turn() -> None:
    text = np.arange(13 * 8).reshape(13, 8).astype(np.uint8)
    bits = (text[:, None, :] + np.zeros((1, 8, 1))).astype(np.int16)
    record = Record(text, bits, bits.astype(np.uint8))
    assert record.turns(4) == 3
    read: list[np.ndarray] = []
    for step in range(12):
        window = record.window(2, 4, step)
        assert window.text.shape == (5, 2)
        said = window.text[1:, None, :].repeat(8, axis=1)
        np.testing.assert_array_equal(window.memory_logit, said)
        np.testing.assert_array_equal(window.network_weight, said)
        if step % 3:
            np.testing.assert_array_equal(window.text[0], read[-1][-1])
        read.append(window.text[1:])
    np.testing.assert_array_equal(
        np.sort(np.concatenate(read, axis=None)), np.sort(text[1:], axis=None)
    )
    np.testing.assert_array_equal(record.window(2, 4, 12).text, record.window(2, 4, 0).text)
    for lanes, length in ((3, 4), (2, 13), (16, 4)):
        with pytest.raises(TrainingError, match=r"8 lanes of 13 bytes has no windows of .* train"):
            record.window(lanes, length, 0)


def test_where_nothing_was_recorded_there_is_no_record(tmp_path: Path) -> None:
    assert open_record(tmp_path) is None
