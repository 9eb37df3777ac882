"""Recording: what the memory says, written down without changing it, once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest

from compressor.training.metering import metered, rates
from compressor.training.mixture import FACTS, Record, Window, mixture_nats, open_record
from compressor.training.networks import network
from compressor.training.recording import record, rotated
from data.lanes import lane_count, to_columns
from data.samples import sample
from models.integer.config import ModelConfig
from models.network.lm import Params

COUNT = 4096
"""Bytes that are recorded, in 8 lanes."""


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return np.frombuffer(sample(), np.uint8)[:40_000]


@pytest.fixture(scope="module")
def made(
    pico: ModelConfig,
    whole: tuple[Params, Path],
    text: np.ndarray,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Record, Path]:
    """A record of the text, and its folder."""
    folder = tmp_path_factory.mktemp("record")
    return record(pico, whole[0], text, COUNT, folder, quiet=True), folder


@pytest.mark.slow
def test_to_be_recorded_changes_nothing(
    pico: ModelConfig, whole: tuple[Params, Path], made: tuple[Record, Path]
) -> None:
    columns = np.ascontiguousarray(made[0].text)
    bits = metered(pico, whole[0], columns, columns.size, lambda _: None)
    facts = json.loads((made[1] / FACTS).read_text())
    assert facts == {"bytes": COUNT, **rates(*bits, COUNT)}


@pytest.mark.slow
def test_the_record_is_of_the_text_and_of_its_mixture(
    pico: ModelConfig, whole: tuple[Params, Path], text: np.ndarray, made: tuple[Record, Path]
) -> None:
    kept = open_record(made[1])
    assert kept is not None
    lanes = kept.text.shape[1]
    assert (lanes, kept.text.size) == (8, COUNT)
    short, extra = divmod(text.size, lanes)
    starts = np.arange(lanes) * short + np.minimum(np.arange(lanes), extra)
    np.testing.assert_array_equal(kept.text, text[starts + np.arange(len(kept.text))[:, None]])

    @jax.jit
    def nats(window: Window) -> jax.Array:
        state = network(pico).initial_state(lanes)
        logits, _ = network(pico).sequence(whole[0], window.text[:-1], state)
        return mixture_nats(logits, window)

    window = Window(kept.text, kept.memory_logit[1:], kept.network_weight[1:])
    mixture = float(nats(window)) / math.log(2)
    facts = json.loads((made[1] / FACTS).read_text())
    assert facts["bits_per_char"] < facts["bits_per_char_network_alone"] - 1, (
        "the memory has something to say"
    )
    assert mixture == pytest.approx(facts["bits_per_char"], abs=0.15), (
        "what differs is the adaptive probability maps and the first row"
    )


def test_the_next_seed_s_record_reads_on_where_this_one_ends(text: np.ndarray) -> None:
    lanes = lane_count(text.size)
    count = 20 * lanes
    first, second = (to_columns(rotated(text, count, seed), lanes) for seed in (0, 1))
    np.testing.assert_array_equal(first, to_columns(text, lanes))
    assert text.size % lanes == 0, "lanes of one length, or their ends would differ by a byte"
    np.testing.assert_array_equal(second[:-20], first[20:])


def test_a_record_is_made_once(
    pico: ModelConfig, whole: tuple[Params, Path], text: np.ndarray, made: tuple[Record, Path]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in made[1].iterdir()}
    again = record(pico, whole[0], text, COUNT, made[1], quiet=True)
    np.testing.assert_array_equal(again.memory_logit, made[0].memory_logit)
    assert {path: path.stat().st_mtime_ns for path in made[1].iterdir()} == before


def test_an_unfinished_record_is_none(made: tuple[Record, Path]) -> None:
    (made[1] / FACTS).rename(made[1] / "away")
    assert open_record(made[1]) is None
    (made[1] / "away").rename(made[1] / FACTS)
