"""Recording: what the memory says, written down without changing it, once."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import jax
import numpy as np
import pytest

from coding.container import Design
from coding.counts import tree, zero_count
from compressor.codec import engines, native, weights_file
from compressor.codec.blocks import memory_of
from compressor.codec.seams import Recipe
from compressor.errors import NoEngine
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.metering import metered, rates
from compressor.training.mixture import (
    FACTS,
    LOGIT_UNIT,
    WEIGHT_UNIT,
    Record,
    Window,
    mixture_nats,
    open_record,
)
from compressor.training.networks import network
from compressor.training.recording import excerpt, record
from data.lanes import to_columns
from data.samples import sample
from models.integer.config import ModelConfig
from models.integer.fixed_point import clip
from models.integer.reference import Reference
from models.memory.logistic import SQUASH, STRETCH_LIMIT, log2
from models.network.lm import Params

CONFIG = TrainConfig(lanes=8, total_bytes=4096)
"""A run on as many bytes, which are recorded in 8 lanes."""
NANO = Path(__file__).parents[2] / "golden" / "nano.kzw"


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return np.frombuffer(sample(), np.uint8)[:40_000]


@pytest.fixture(scope="module")
def made(
    native_engine: None,
    pico: ModelConfig,
    whole: tuple[Params, Path],
    text: np.ndarray,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Record, Path]:
    """A record of the text, and its folder."""
    folder = tmp_path_factory.mktemp("record")
    return record(pico, whole[0], text, CONFIG, folder, quiet=True), folder


# What is recorded


@pytest.mark.slow
def test_to_be_recorded_changes_nothing(
    pico: ModelConfig, whole: tuple[Params, Path], text: np.ndarray, made: tuple[Record, Path]
) -> None:
    columns, recipe = excerpt(text, CONFIG)
    bits = metered(pico, whole[0], columns.T.ravel(), recipe, lambda _: None)
    facts = json.loads((made[1] / FACTS).read_text())
    assert facts == {"bytes": 4096, **rates(*bits, 4096)}


@pytest.mark.slow
def test_the_record_is_of_the_text_and_of_its_mixture(
    pico: ModelConfig, whole: tuple[Params, Path], text: np.ndarray, made: tuple[Record, Path]
) -> None:
    kept = open_record(made[1])
    assert kept is not None
    assert kept.text.shape == (512, 8)
    assert kept.memory_logit.shape == kept.network_weight.shape == (512, 8, 8)
    np.testing.assert_array_equal(kept.text, text.reshape(8, 5000).T[:512])

    @jax.jit
    def nats(window: Window) -> jax.Array:
        state = network(pico).initial_state(8)
        logits, _ = network(pico).sequence(whole[0], window.text[:-1], state)
        return mixture_nats(logits, window)

    window = Window(kept.text, kept.memory_logit[1:], kept.network_weight[1:])
    mixture = float(nats(window)) / math.log(2)
    facts = json.loads((made[1] / FACTS).read_text())
    assert facts["bits_per_char"] < facts["bits_per_char_network_alone"] - 0.7, (
        "the memory has something to say"
    )
    assert mixture == pytest.approx(facts["bits_per_char"], abs=0.15), (
        "what differs is the adaptive probability maps and the first row"
    )


@pytest.mark.usefixtures("native_engine")
@pytest.mark.parametrize("design", Design)
def test_both_numbers_and_the_network_s_logit_make_the_mixer_s_probability(design: Design) -> None:
    text, recipe = np.frombuffer(sample()[:3000], np.uint8), Recipe(8, design, 1)
    predictor = Reference(weights_file.unpack(NANO.read_bytes()), recipe.lanes)
    memory = memory_of(recipe, text.size, network=True)
    columns, shape = to_columns(text, recipe.lanes), (375, 8, recipe.lanes)
    stretches, finals, weights = (np.empty(shape, np.int64) for _ in range(3))
    lane = np.arange(recipe.lanes)
    for step, column in enumerate(columns):
        sums, node = tree(predictor.predict()), np.ones(recipe.lanes, np.int64)
        for k in range(8):
            zero, bit = zero_count(sums, lane, node), (column.astype(np.int64) >> (7 - k)) & 1
            memory.predict(zero)
            stretches[step, k] = clip(log2((1 << 24) - zero) - log2(zero), STRETCH_LIMIT)
            # The definition's two layers: sets with their rows (input 1 is the network's), then
            # the final row over what the sets say.
            sets, last = memory._sets, memory._last._mixer
            said, final = last._inputs.T, last.weights[0].astype(np.int64)
            of_network = sets.weights[sets._row][..., 1] * (np.abs(said) < STRETCH_LIMIT)
            weights[step, k] = final @ of_network
            finals[step, k] = clip((final @ said + (1 << 13)) >> 14, STRETCH_LIMIT)
            np.testing.assert_array_equal(
                SQUASH[finals[step, k] + STRETCH_LIMIT] >> 8, last._one[0], "the definition's own"
            )
            node = 2 * node + bit
            memory.update(bit)
        predictor.perceive(column)
    logits, shares = [], []

    def take(_: int, memory_logit: bytes, network_weight: bytes) -> None:
        logits.append(np.frombuffer(memory_logit, "<i2"))
        shares.append(np.frombuffer(network_weight, np.uint8))

    windows = iter(np.array_split(stretches.astype("<i2"), 7))
    native.record_block(text.tobytes(), recipe, lambda: next(windows).tobytes(), take)
    share = np.concatenate(shares).reshape(shape) * WEIGHT_UNIT
    np.testing.assert_allclose(share, np.clip(weights / 2**28, 0, 255 / 64), atol=0.51 / 64)
    assert np.quantile(share, 0.9) > 0.3, "the network is listened to"
    logit = np.concatenate(logits).reshape(shape) * LOGIT_UNIT + share * stretches / 256
    np.testing.assert_allclose(logit, finals / 256, atol=0.51 / 256)
    probability = SQUASH[finals + STRETCH_LIMIT] / 2**24
    np.testing.assert_allclose(1 / (1 + 2**-logit), probability, atol=4e-4)


# Which text is recorded


def test_the_next_seed_s_record_reads_on_where_this_one_ends(text: np.ndarray) -> None:
    first, recipe = excerpt(text, CONFIG)
    second, _ = excerpt(text, TrainConfig(lanes=8, total_bytes=4096, seed=1))
    columns = to_columns(text, recipe.lanes)
    np.testing.assert_array_equal(first, columns[:512])
    assert text.size % recipe.lanes == 0, "lanes of one length, or their ends would differ"
    np.testing.assert_array_equal(second, columns[512:1024])


@pytest.mark.parametrize(
    ("size", "count", "lanes", "shape"),
    [
        (40_000, 100_000, 4, (1250, 32)),
        (40_000, 39_999, 64, (624, 64)),
        (40_000, 1000, 8, (1000, 1)),
        (300, 1, 8, (1, 1)),
    ],
)
def test_lanes_are_those_of_a_file_or_of_the_run_where_these_are_more(
    size: int, count: int, lanes: int, shape: tuple[int, int], text: np.ndarray
) -> None:
    columns, recipe = excerpt(text[:size], TrainConfig(lanes=lanes, total_bytes=count))
    assert columns.shape == shape
    assert (recipe.lanes, recipe.design) == (shape[1], Design.BESIDE)


@pytest.mark.parametrize("block", [0, 1000])
def test_the_memory_that_is_recorded_is_that_of_a_level(block: int, text: np.ndarray) -> None:
    config = TrainConfig(lanes=2, total_bytes=10_000, record_block=block, record_level=4)
    assert excerpt(text, config)[1].design == Design.LIGHT


def test_short_blocks_are_from_all_over_the_text_and_the_next_seed_s_follow_them(
    text: np.ndarray,
) -> None:
    config = TrainConfig(lanes=8, total_bytes=10_000, record_block=1027)
    first, recipe = excerpt(text, config)
    assert recipe.lanes == 2
    assert first.shape == (513, 16), "eight blocks of 1026 bytes, whose lanes make two groups"
    for block in range(8):
        at = block * 5000
        columns = first[:, 2 * block : 2 * block + 2]
        np.testing.assert_array_equal(columns.T.ravel(), text[at : at + 1026])
    second, _ = excerpt(text, dataclasses.replace(config, seed=1))
    np.testing.assert_array_equal(second[:, :2].T.ravel(), text[1026 : 2 * 1026])


def test_short_blocks_too_few_for_a_window_s_lanes_are_refused(text: np.ndarray) -> None:
    config = TrainConfig(lanes=8, total_bytes=4 * 1026 - 1, record_block=1027)
    with pytest.raises(TrainingError, match=r"fewer than 4 blocks of 1,026.*shorter blocks"):
        excerpt(text, config)


@pytest.mark.slow
@pytest.mark.usefixtures("native_engine")
def test_each_short_block_is_recorded_from_a_fresh_memory(
    pico: ModelConfig, whole: tuple[Params, Path], text: np.ndarray, tmp_path: Path
) -> None:
    config = TrainConfig(lanes=8, total_bytes=5000, record_block=1027)
    made = record(pico, whole[0], text, config, tmp_path / "blocks", quiet=True)
    assert made.memory_logit.shape == (513, 8, 8)
    for block in range(4):
        own = text[block * 10_000 :][:1026]
        one = dataclasses.replace(config, record_block=0, lanes=2, total_bytes=1026)
        alone = record(pico, whole[0], own, one, tmp_path / str(block), quiet=True)
        lanes = slice(2 * block, 2 * block + 2)
        np.testing.assert_array_equal(made.text[:, lanes], alone.text)
        np.testing.assert_array_equal(made.memory_logit[:, :, lanes], alone.memory_logit)
        np.testing.assert_array_equal(made.network_weight[:, :, lanes], alone.network_weight)


def test_without_text_or_engine_nothing_is_recorded(
    pico: ModelConfig,
    fresh: Params,
    text: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "record"
    monkeypatch.setattr(engines, "chosen", lambda engine: engine)
    with pytest.raises(TrainingError, match="has nothing to record: train on more text"):
        record(pico, fresh, text[:0], CONFIG, folder, quiet=True)

    def absent(engine: str) -> str:
        raise NoEngine(f"no {engine}")

    monkeypatch.setattr(engines, "chosen", absent)
    with pytest.raises(NoEngine, match="no native"):
        record(pico, fresh, text, CONFIG, folder, quiet=True)
    assert not folder.exists()


# Where it is kept


def test_a_record_is_made_once(
    pico: ModelConfig, whole: tuple[Params, Path], text: np.ndarray, made: tuple[Record, Path]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in made[1].iterdir()}
    again = record(pico, whole[0], text, CONFIG, made[1], quiet=True)
    np.testing.assert_array_equal(again.memory_logit, made[0].memory_logit)
    assert {path: path.stat().st_mtime_ns for path in made[1].iterdir()} == before


def test_an_unfinished_record_is_none(made: tuple[Record, Path]) -> None:
    (made[1] / FACTS).rename(made[1] / "away")
    assert open_record(made[1]) is None
    (made[1] / "away").rename(made[1] / FACTS)


# The engine's part


@pytest.mark.usefixtures("native_engine")
def test_what_callers_raise_or_return_wrongly_ends_the_work() -> None:
    recipe = Recipe(4, Design.LIGHT, 1)
    row = bytes(2 * 8 * 4)

    def fails(*_: object) -> bytes:
        raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        native.record_block(bytes(100), recipe, fails, lambda *_: None)
    with pytest.raises(RuntimeError, match="the caller's own"):
        native.record_block(bytes(100), recipe, lambda: row, fails)
    for said in (b"", row[:-1]):
        with pytest.raises(ValueError, match=f"{len(said)} bytes are no steps of 64 bytes each"):
            native.record_block(bytes(100), recipe, lambda said=said: said, lambda *_: None)
