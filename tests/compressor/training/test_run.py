"""Runs: exact resume, a falling loss, a result on its grid, refusals that leave nothing open."""

from __future__ import annotations

import dataclasses
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

import compressor.training.run as run_module
from compressor.system import signals
from compressor.training.checkpoints import latest_parameters, latest_step
from compressor.training.config import Pace, TrainConfig, TrainingError
from compressor.training.evaluation import evaluate
from compressor.training.folder import LOG, SETTINGS, SHAPE, shape_in
from compressor.training.mixture import Record
from compressor.training.run import bytes_within, steps_within, train, windows_of
from compressor.training.step import FRESH, Start, Teacher
from compressor.training.texts import Texts
from models.integer.config import ModelConfig
from models.network.lm import Params

RESUMED = Start(resume=True)


def assert_equal(one: Params, other: Params) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.fixture
def runs(pico: ModelConfig, texts: Texts) -> Callable[..., tuple[Params, dict[str, Any]]]:
    """Trains the smallest network: settings, folder, start, pace."""

    def run(
        config: TrainConfig, folder: Path, start: Start = FRESH, **pace: Any
    ) -> tuple[Params, dict[str, Any]]:
        return train(pico, config, texts, folder, start, Pace(**pace), quiet=True)

    return run


@pytest.mark.slow
def test_a_resumed_run_is_the_run(
    whole: tuple[Params, Path], runs: Callable, config: TrainConfig, tmp_path: Path
) -> None:
    runs(config, tmp_path, stop_after_steps=5)
    resumed, facts = runs(config, tmp_path, RESUMED)
    assert facts["steps"] == config.steps == 60
    assert_equal(resumed, whole[0])
    assert_equal(resumed, latest_parameters(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_before_it_ends_the_run(
    number: int,
    whole: tuple[Params, Path],
    runs: Callable,
    config: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*arguments: Any) -> Callable[[int], Any]:
        windows = windows_of(*arguments)

        def at(step: int) -> Any:
            if step == 5:
                signal.raise_signal(number)
            return windows(step)

        return at

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, end)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run_module, "windows_of", interrupted)
        runs(config, tmp_path)
    assert signal.getsignal(number) is end
    signal.signal(number, before)
    assert latest_step(tmp_path) == 6
    resumed, _ = runs(config, tmp_path, RESUMED)
    assert_equal(resumed, whole[0])


@pytest.mark.usefixtures("interrupts")
def test_a_second_signal_acts_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), signals.noted() as numbers:
        signal.raise_signal(signal.SIGINT)
        assert numbers == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second one was only noted as well")


@pytest.mark.usefixtures("interrupts")
def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with signals.noted() as numbers:
        signal.raise_signal(signal.SIGINT)
    assert numbers == []
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_the_log_is_json_and_ends_with_the_evaluation_of_the_result(
    whole: tuple[Params, Path], pico: ModelConfig, texts: Texts
) -> None:
    rows = [json.loads(line) for line in (whole[1] / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == [50, 60, 60]
    assert [row["bytes"] for row in rows[:2]] == [50 * 256, 60 * 256]
    bits = evaluate(pico, whole[0], texts.valid)
    assert rows[-1]["valid_bits_per_char"] == pytest.approx(bits, abs=1e-4)
    assert 3 < bits < 8


def test_the_loss_falls(whole: tuple[Params, Path]) -> None:
    rows = [json.loads(line) for line in (whole[1] / LOG).read_text().splitlines()]
    first, last = (row["train_bits_per_char"] for row in rows if "train_bits_per_char" in row)
    assert 3 < last < first - 0.2
    assert first < 8


@pytest.mark.slow
def test_the_average_is_the_result_and_is_resumed(
    whole: tuple[Params, Path], runs: Callable, config: TrainConfig, tmp_path: Path
) -> None:
    averaging = dataclasses.replace(config, average=0.9)
    params, _ = runs(averaging, tmp_path / "one")
    runs(averaging, tmp_path / "two", stop_after_steps=7)
    resumed, _ = runs(averaging, tmp_path / "two", RESUMED)
    assert_equal(params, resumed)
    assert_equal(params, latest_parameters(tmp_path / "one"))
    assert not np.array_equal(params["head"], whole[0]["head"])


@pytest.mark.slow
def test_adamw_trains_other_weights(
    whole: tuple[Params, Path], runs: Callable, config: TrainConfig, tmp_path: Path
) -> None:
    params, facts = runs(dataclasses.replace(config, optimiser="adamw"), tmp_path)
    assert 3 < facts["valid_bits_per_char_estimate"] < 8
    assert not np.array_equal(params["head"], whole[0]["head"])


@pytest.mark.slow
def test_a_student_with_a_teacher_trains_and_resumes(
    whole: tuple[Params, Path],
    pico: ModelConfig,
    runs: Callable,
    config: TrainConfig,
    tmp_path: Path,
) -> None:
    taught = dataclasses.replace(config, distillation=0.5)
    start = Start(teacher=Teacher(pico, whole[0]))
    params, _ = runs(taught, tmp_path / "one", start)
    runs(taught, tmp_path / "two", start, stop_after_steps=5)
    resumed, _ = runs(taught, tmp_path / "two", dataclasses.replace(start, resume=True))
    assert_equal(params, resumed)
    assert not np.array_equal(params["head"], whole[0]["head"])


@pytest.mark.slow
def test_the_finish_is_on_the_coarse_grid(
    whole: tuple[Params, Path], runs: Callable, config: TrainConfig, tmp_path: Path
) -> None:
    params, _ = runs(dataclasses.replace(config, weight_bits=4, finish=0.5), tmp_path)
    few, many = (len(np.unique(np.asarray(tree["table_2"]))) for tree in (params, whole[0]))
    assert few < many / 8
    assert_equal(params, latest_parameters(tmp_path))


def test_a_seed_rotates_the_text_and_seeds_the_weights(config: TrainConfig, texts: Texts) -> None:
    other = dataclasses.replace(config, seed=1)
    first, second = (windows_of(each, texts.train)(3) for each in (config, other))
    assert not np.array_equal(first, second)
    text = np.roll(texts.train, -1_234_577)
    np.testing.assert_array_equal(second, windows_of(config, text)(3))


def test_a_run_is_not_overwritten(
    whole: tuple[Params, Path], pico: ModelConfig, config: TrainConfig, texts: Texts
) -> None:
    before = (whole[1] / SHAPE).read_text()
    wider = dataclasses.replace(pico, hidden=32)
    with pytest.raises(TrainingError, match="holds a run at step 60: pass --resume to go on"):
        train(wider, config, texts, whole[1], quiet=True)
    assert (whole[1] / SHAPE).read_text() == before, "a refused run changes nothing"
    assert shape_in(whole[1]) == pico


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lanes": 4}, "has lanes 8, not 4: resume it as it is"),
        ({"average": 0.5}, "has average none, not 0.5"),
        ({"optimiser": "adamw"}, "has optimiser muon, not adamw"),
        ({"teacher": "a run"}, "has teacher none, not a run"),
        ({"hidden": 32}, "trains another network: name its preset, or another folder"),
    ],
)
def test_a_run_goes_on_with_its_own_state_alone(
    changed: dict[str, Any],
    message: str,
    whole: tuple[Params, Path],
    pico: ModelConfig,
    config: TrainConfig,
    texts: Texts,
) -> None:
    before = (whole[1] / SETTINGS).read_text()
    if "hidden" in changed:
        pico = dataclasses.replace(pico, **changed)
    else:
        config = dataclasses.replace(config, **changed)
    start = Start(teacher=Teacher(pico, whole[0]), resume=True)
    with pytest.raises(TrainingError, match=message):
        train(pico, config, texts, whole[1], start, quiet=True)
    assert (whole[1] / SETTINGS).read_text() == before, "a refused run changes nothing"


@pytest.mark.slow
def test_what_a_run_began_with_is_not_forgotten_before_its_first_checkpoint(
    whole: tuple[Params, Path], runs: Callable, config: TrainConfig, tmp_path: Path
) -> None:
    begun = dataclasses.replace(config, start="another run")
    with pytest.raises(TrainingError, match="begins with another run: name that again by --from"):
        runs(begun, tmp_path, RESUMED)
    runs(begun, tmp_path, Start(params=whole[0], resume=True), stop_after_steps=2)
    runs(begun, tmp_path, RESUMED)
    with pytest.raises(TrainingError, match="is taught by a run: name that again by --teacher"):
        runs(dataclasses.replace(begun, teacher="a run"), tmp_path, RESUMED)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run_with_a_remedy(
    runs: Callable, config: TrainConfig, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="the loss is not finite at step 50: resume with a"):
        runs(dataclasses.replace(config, learning_rate=1e30), tmp_path)


@pytest.mark.parametrize(
    ("changed", "train_bytes", "valid_bytes", "message"),
    [
        ({"window": 500}, 1000, 100, "1,000 bytes is too short for 8 lanes of 501 bytes"),
        ({}, 0, 100, "a text of 0 bytes is too short for 8 lanes .* or train on more text"),
        ({}, 1000, 1, "a validation text of 1 bytes has nothing to score"),
    ],
)
def test_too_short_a_text_is_refused_before_anything_is_written(
    changed: dict[str, int],
    train_bytes: int,
    valid_bytes: int,
    message: str,
    pico: ModelConfig,
    config: TrainConfig,
    texts: Texts,
    tmp_path: Path,
) -> None:
    short = Texts("short", texts.train[:train_bytes], texts.train[:valid_bytes])
    folder = tmp_path / "run"
    with pytest.raises(TrainingError, match=message):
        train(pico, dataclasses.replace(config, **changed), short, folder, quiet=True)
    assert not folder.exists()


def test_a_record_that_has_no_such_windows_is_refused(config: TrainConfig, texts: Texts) -> None:
    rows = np.zeros((20, 12), np.uint8)
    bits = np.zeros((20, 8, 12), np.int16)
    record = Record(rows, bits, bits.astype(np.uint8))
    with pytest.raises(TrainingError, match="has no windows of 32 bytes in 8 lanes: train on more"):
        windows_of(config, texts.train, record)


def test_every_refusal_closes_the_checkpoints(
    whole: tuple[Params, Path],
    runs: Callable,
    config: TrainConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[ocp.CheckpointManager] = []
    closed: list[ocp.CheckpointManager] = []
    init, close = ocp.CheckpointManager.__init__, ocp.CheckpointManager.close

    def opening(manager: ocp.CheckpointManager, *arguments: Any, **named: Any) -> None:
        opened.append(manager)
        init(manager, *arguments, **named)

    def closing(manager: ocp.CheckpointManager) -> None:
        closed.append(manager)
        close(manager)

    monkeypatch.setattr(ocp.CheckpointManager, "__init__", opening)
    monkeypatch.setattr(ocp.CheckpointManager, "close", closing)
    with pytest.raises(TrainingError, match="holds a run"):
        runs(config, whole[1])
    with pytest.raises(TrainingError, match="begins with"):
        runs(dataclasses.replace(config, start="another run"), tmp_path / "one")
    with pytest.raises(TrainingError, match="has average none"):
        runs(dataclasses.replace(config, average=0.5), whole[1], RESUMED)
    latest_step(whole[1])
    assert len(opened) == 4
    assert opened == closed


def test_minutes_become_steps_by_the_pace_of_the_timed_ones() -> None:
    marks = [0.0, 20.0, 21.0, 22.0, 22.5, 23.0, 23.5, 24.0]  # 20 s to compile, then 0.5 s a step
    assert steps_within(60, marks) == (60 - 24) / 0.5
    assert steps_within(10, marks) == 1, "a step at least, also where compiling took longer"
    assert steps_within(10, [0.0] * 8) > 1, "a clock too coarse for the steps"


@pytest.mark.slow
def test_minutes_become_bytes_of_whole_steps(
    pico: ModelConfig, config: TrainConfig, texts: Texts
) -> None:
    count = bytes_within(0.5, pico, config, texts.train)
    assert count >= config.step_bytes
    assert count % config.step_bytes == 0
