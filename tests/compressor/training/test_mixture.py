"""Training beside the memory: the loss of the mixture, the record of what the memory says, runs that use it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compressor.codec.blocks import code_block
from compressor.training.checkpoints import latest_parameters
from compressor.training.config import Pace, TrainConfig, TrainingError
from compressor.training.metering import FloatNetwork, Meter
from compressor.training.mixture import FACTS, Record, Window, mixture_nats, open_record
from compressor.training.recording import record, turned
from compressor.training.run import train
from compressor.training.step import _nats
from data.lanes import lane_count, to_columns
from data.samples import sample
from models.integer.config import PRESETS
from models.memory.memory import Memory
from models.network import lm

NANO = PRESETS["nano"]
CONFIG = TrainConfig(
    lanes=4,
    window=16,
    total_bytes=4 * 16 * 10,
    warmup_steps=2,
    cold_start_bytes=128,
    beside="itself",
)


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return np.frombuffer(sample(), np.uint8)[:40_000]


@pytest.fixture(scope="module")
def params() -> lm.Params:
    return lm.initialise(NANO, 0)


@pytest.fixture(scope="module")
def made(
    text: np.ndarray, params: lm.Params, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Record, Path]:
    folder = tmp_path_factory.mktemp("record")
    return record(NANO, params, text, 8000, folder, True), folder


def a_window(rng: np.random.Generator) -> tuple[np.ndarray, Window]:
    said = (20, 8, 3)
    window = Window(
        rng.integers(0, 256, (21, 3), np.uint8),
        rng.integers(-2000, 2000, said).astype(np.int16),
        rng.integers(0, 256, said, np.uint8),
    )
    return rng.normal(0, 2, (20, 3, 256)).astype(np.float32), window


def test_a_silent_memory_leaves_the_network_s_own_loss() -> None:
    logits, window = a_window(np.random.default_rng(1))
    silent = window._replace(
        voice=np.zeros_like(window.voice), trust=np.full_like(window.trust, 64)
    )
    assert mixture_nats(jnp.asarray(logits), silent) == pytest.approx(
        float(_nats(jnp.asarray(logits), window.text)), rel=1e-5
    )


def test_the_loss_is_that_of_the_bits_of_the_mixture() -> None:
    logits, window = a_window(np.random.default_rng(2))
    total = 0.0
    for t, lane in np.ndindex(20, 3):
        share, byte = np.exp(logits[t, lane].astype(float)), int(window.text[t + 1, lane])
        for k in range(8):
            size = 256 >> k
            begin = byte // size * size
            zero, one = (
                share[begin : begin + size // 2].sum(),
                share[begin + size // 2 : begin + size].sum(),
            )
            stretch = (
                window.trust[t, k, lane] / 64 * math.log2(one / zero)
                + window.voice[t, k, lane] / 256
            )
            bit = byte >> (7 - k) & 1
            total += math.log(1 + 2 ** (-stretch if bit else stretch))
    assert float(mixture_nats(jnp.asarray(logits), window)) == pytest.approx(total / 60, rel=1e-4)


def test_to_be_listened_to_changes_nothing(
    text: np.ndarray, params: lm.Params, made: tuple[Record, Path]
) -> None:
    columns = np.ascontiguousarray(made[0].text)
    network, meter = FloatNetwork(NANO, params, columns, columns.size), Meter()
    code_block(network, meter, columns, columns.size, lambda _: None, Memory(columns))
    facts = json.loads((made[1] / FACTS).read_text())
    assert facts["bits_per_char"] == round(meter.bits / columns.size, 5)
    assert facts["bits_per_char_network_alone"] == round(network.bits / columns.size, 5)


def test_the_record_is_of_the_text_and_of_its_mixture(
    text: np.ndarray, params: lm.Params, made: tuple[Record, Path]
) -> None:
    kept = open_record(made[1])
    assert kept is not None
    lanes = kept.text.shape[1]
    assert kept.text.size == 8000 // lanes * lanes
    short, extra = divmod(text.size, lanes)
    starts = np.arange(lanes) * short + np.minimum(np.arange(lanes), extra)
    np.testing.assert_array_equal(kept.text, text[starts + np.arange(len(kept.text))[:, None]])
    logits, _ = lm.sequence(
        NANO, params, jnp.asarray(kept.text[:-1]), lm.initial_state(NANO, lanes)
    )
    mixture = float(
        mixture_nats(logits, Window(kept.text, kept.voice[1:], kept.trust[1:]))
    ) / math.log(2)
    told = json.loads((made[1] / FACTS).read_text())
    assert told["bits_per_char"] < told["bits_per_char_network_alone"] - 1, (
        "the memory has something to say"
    )
    assert mixture == pytest.approx(told["bits_per_char"], abs=0.15), (
        "what differs is the ladders and the first row"
    )


def test_the_next_seed_s_record_reads_on_where_this_one_ends(text: np.ndarray) -> None:
    lanes = lane_count(text.size)
    count = 20 * lanes
    first, second = (to_columns(turned(text, count, seed), lanes) for seed in (0, 1))
    np.testing.assert_array_equal(first, to_columns(text, lanes))
    assert text.size % lanes == 0, "lanes of one length, or their ends would differ by a byte"
    np.testing.assert_array_equal(second[:-20], first[20:])


def test_a_record_is_made_once(
    text: np.ndarray, params: lm.Params, made: tuple[Record, Path]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in made[1].iterdir()}
    again = record(NANO, params, text, 8000, made[1], True)
    np.testing.assert_array_equal(again.voice, made[0].voice)
    assert {path: path.stat().st_mtime_ns for path in made[1].iterdir()} == before
    (made[1] / FACTS).rename(made[1] / "away")
    assert open_record(made[1]) is None, "one that was not finished"
    (made[1] / "away").rename(made[1] / FACTS)


def test_windows_follow_each_other_and_every_lane_has_its_turn() -> None:
    text = np.arange(13 * 8).reshape(13, 8).astype(np.uint8)
    said = (text[:, None, :] + np.zeros((1, 8, 1))).astype(np.int16)
    made = Record(text, said, said.astype(np.uint8))
    assert made.turns(4) == 3
    seen = []
    for step in range(12):
        window = made.window(2, 4, step)
        assert window.text.shape == (5, 2)
        np.testing.assert_array_equal(window.voice, window.text[1:, None, :].repeat(8, axis=1))
        np.testing.assert_array_equal(window.trust, window.voice)
        seen.append(window.text[1:])
        if step % 3:
            np.testing.assert_array_equal(window.text[0], seen[-2][-1])
    np.testing.assert_array_equal(
        np.sort(np.concatenate(seen, axis=None)), np.sort(text[1:], axis=None)
    )
    np.testing.assert_array_equal(made.window(2, 4, 12).text, made.window(2, 4, 0).text)
    for lanes, length in ((3, 4), (2, 13), (16, 4)):
        with pytest.raises(ValueError, match="has no windows of"):
            made.window(lanes, length, 0)


def test_a_run_beside_the_memory_learns_and_resumes(
    text: np.ndarray, params: lm.Params, made: tuple[Record, Path], tmp_path: Path
) -> None:
    def run(folder: Path, **how: object) -> lm.Params:
        found, _ = train(
            NANO, CONFIG, text, text[:4096], folder, start=params, record=made[0], quiet=True, **how
        )
        return found

    whole = run(tmp_path / "whole")
    run(tmp_path / "cut", pace=Pace(stop_after_steps=7))
    cut = run(tmp_path / "cut", resume=True)
    jax.tree.map(np.testing.assert_array_equal, whole, cut)
    loss = jax.jit(
        lambda p, w: mixture_nats(
            lm.sequence(NANO, p, w.text[:-1], lm.initial_state(NANO, 4))[0], w
        )
    )
    windows = [made[0].window(4, 16, step) for step in range(10)]
    before, after = (
        np.mean([loss(p, w) for w in windows])
        for p in (params, latest_parameters(tmp_path / "whole"))
    )
    assert after < before
    with pytest.raises(TrainingError, match="windows"):
        train(
            NANO,
            TrainConfig(lanes=3, window=16),
            text,
            text[:4096],
            tmp_path / "odd",
            record=made[0],
            quiet=True,
        )


def test_the_command_records_first_and_refuses_what_cannot_be(
    tmp_path: Path, cli: Callable, text: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")  # no restart of this process
    Path("text").write_bytes(text.tobytes() * 2)
    short = ("--corpus", "text", "--lanes", "4", "--window", "16", "--quiet", "--bytes")
    assert cli("train", "--preset", "nano", "--out", "first", *short, 640).exit_code == 0
    beside = ("train", "--preset", "nano", "--out", "second", "--beside-memory", *short, 1280)
    little = cli(*beside[:-1], 5, "--from", "first", "--out", "little")
    assert (little.exit_code, "TrainingError: a record of (1, " in little.stderr) == (1, True)
    refused = cli(*beside)
    assert (
        refused.exit_code,
        "UnusableWeights: --beside-memory needs the run that --from names" in refused.stderr,
    ) == (
        1,
        True,
    )
    done = cli(*beside, "--from", "first")
    assert done.exit_code == 0, done.stderr
    card = json.loads(Path("second/second.json").read_text())
    assert (
        card["train_config"]["beside"] == card["train_config"]["start"] == "first after 640 bytes"
    )
    assert card["steps"] == 20
    Path("second/beside/record.json").unlink()
    gone = cli(*beside[:-1], 2560, "--resume")
    assert (gone.exit_code, "InputMissing: second/beside is gone" in gone.stderr) == (1, True)
