"""The training command: where a run begins, what it leaves, named refusals of what cannot be."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from click.testing import Result

from compressor.errors import UnknownModel
from compressor.training import command, presets
from compressor.training.checkpoints import trained
from compressor.training.command import Budget, Origin, Request, run
from compressor.training.config import TrainConfig
from compressor.training.folder import (
    LOG,
    RECORD,
    SETTINGS,
    claimed,
    settings_in,
    write_settings,
)
from compressor.training.mixture import FACTS, Window, open_record
from compressor.training.networks import network
from compressor.training.origins import find, name_of
from compressor.training.step import objective
from data.samples import sample
from models.integer.config import ModelConfig
from models.network.lm import Params

Refusal = Callable[[Result, str], str]
Run = Callable[..., Result]
Settings = dict[str, int | float | str]


def assert_equal(one: Params, other: Params) -> None:
    jax.tree.map(np.testing.assert_array_equal, one, other)


def first_loss(folder: Path) -> float:
    """The first training loss in a run's log, in bits/char."""
    line = (folder / LOG).read_text().splitlines()[0]
    return float(json.loads(line)["train_bits_per_char"])


# Where a run begins


@pytest.mark.slow
def test_a_run_begins_with_another_one_s_weights_also_after_it_was_stopped_too_early(
    cli: Run,
    refusal: Refusal,
    whole: tuple[Params, Path],
    options: tuple[object, ...],
    text_file: Path,
    tmp_path: Path,
) -> None:
    output = tmp_path / "run"
    again = ("train", text_file, "-o", output, *options)
    assert cli(*again, "--from", whole[1]).exit_code == 0
    card, config = json.loads((output / "run.json").read_text()), settings_in(output)
    assert card["train_bytes_seen"] == config.bytes_seen == 2 * 15_360
    assert config.start == "whole after 15,360 bytes"
    assert first_loss(output) < first_loss(whole[1]) - 0.2
    params = trained(output)[1]
    shutil.rmtree(output / "checkpoints")
    refused = cli("train", text_file, "-o", output, "--preset", "pico", "--quiet", "--resume")
    assert "holds no checkpoint" in refusal(refused, "TrainingError")
    assert cli(*again, "--from", whole[1], "--resume").exit_code == 0
    assert_equal(params, trained(output)[1])


@pytest.mark.slow
def test_a_run_begins_with_a_weights_file_as_with_the_run_that_wrote_it(
    cli: Run,
    whole: tuple[Params, Path],
    options: tuple[object, ...],
    text_file: Path,
    tmp_path: Path,
) -> None:
    folders = {"run": whole[1], "file": whole[1] / "whole.kzw"}
    for name, source in folders.items():
        run = ("train", text_file, "-o", tmp_path / name, *options, "--from", source)
        assert cli(*run).exit_code == 0
    first, again = (first_loss(tmp_path / name) for name in folders)
    assert first == pytest.approx(again, abs=0.01)
    settings = settings_in(tmp_path / "file")
    assert settings.start == "whole after 15,360 bytes"


def test_a_shipped_model_is_a_start_and_a_teacher_by_its_name(tmp_path: Path) -> None:
    small = find("small")
    assert small.shape == presets.shape("small")
    assert small.bytes_seen > 1e8
    assert name_of("small") == name_of("models/shipped/small.kzw") == "small"
    with pytest.raises(UnknownModel, match="folder of a run"):
        find(str(tmp_path / "absent"))


def test_a_resumed_run_keeps_its_settings(
    whole: tuple[Params, Path],
    settings: Settings,
    text_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configs: list[TrainConfig] = []

    def noted(_: object, config: TrainConfig, *__: object) -> tuple[None, dict[str, Any]]:
        configs.append(config)
        return None, {"steps": 0}

    monkeypatch.setattr(command, "train", noted)
    origin, folder = Origin(teacher=str(whole[1])), tmp_path / "run"
    folder.mkdir()
    run(Request("pico", folder, str(text_file), {**settings, "distillation": 0.3}, origin))
    (folder / SETTINGS).write_text(json.dumps(vars(configs[0])))
    resumed = Origin(teacher=str(whole[1]), resume=True)
    run(Request("pico", folder, str(text_file), {"total_bytes": 51_200}, resumed))
    run(Request("pico", tmp_path / "other", str(text_file), {}, origin))
    assert [config.distillation for config in configs] == [0.3, 0.3, 0.5]
    assert [config.teacher for config in configs] == ["whole"] * 3
    assert [config.total_bytes for config in configs[:2]] == [15_360, 51_200]
    assert [config.lanes for config in configs] == [8, 8, 32]


@pytest.mark.slow
def test_a_budget_in_minutes_becomes_one_in_bytes(
    settings: Settings, text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "bytes_within", lambda minutes, *_: round(minutes * 256))
    budget = Budget(minutes=60.0, stop_after_minutes=1e-9)
    named = {**settings, "total_bytes": 1}
    line = run(Request("pico", tmp_path, str(text_file), named, budget=budget, quiet=True))
    assert line == f"{tmp_path}: stopped after step 1 of 60, go on with --resume"
    assert settings_in(tmp_path).total_bytes == 15_360
    assert not list(tmp_path.glob("*.kzw"))


# What cannot be


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        (0, (), "a text of 0 bytes is too short for 32 lanes of 257 bytes, which take 8,224"),
        (9000, (), "use fewer lanes or a shorter window, or train on more text"),
        (20, ("--lanes", 1, "--window", 4), "a validation text of 1 bytes has nothing to score"),
        (9000, ("--minutes", 1), "is too short for 32 lanes of 257 bytes"),
        (9000, ("--learning-rate", "nan"), "learning_rate is nan: it must be above 0"),
        (9000, ("--learning-rate", -1), "learning_rate is -1.0: it must be above 0"),
        (9000, ("--seed", 1 << 40), "seed is 1099511627776: it must be nearer to 0 than"),
    ],
)
def test_texts_and_settings_that_cannot_be_are_refused_in_one_line(
    size: int,
    options: tuple[object, ...],
    message: str,
    cli: Run,
    refusal: Refusal,
    tmp_path: Path,
) -> None:
    (tmp_path / "text").write_bytes(sample()[:size])
    run_folder = tmp_path / "run"
    result = cli("train", tmp_path / "text", "--preset", "pico", "-o", run_folder, "-q", *options)
    assert message in refusal(result, "TrainingError")
    assert not list(run_folder.glob("*.json")), "nothing but the lock is left behind"


def test_unknown_names_are_refused(cli: Run, refusal: Refusal, tmp_path: Path) -> None:
    refusal(cli("train", "--preset", "big", "-o", tmp_path / "run"), "UnknownModel")
    refusal(cli("train", tmp_path / "none", "-o", tmp_path / "run"), "InputMissing")


def test_a_window_longer_than_the_sample_has_no_speed(cli: Run, refusal: Refusal) -> None:
    result = cli("train", "speed", "--preset", "pico", "--lanes", 3000)
    assert "is too short for 3000 lanes of 257 bytes" in refusal(result, "TrainingError")


def test_a_network_that_cannot_grow_into_the_preset_is_refused(
    cli: Run, refusal: Refusal, whole: tuple[Params, Path], text_file: Path, tmp_path: Path
) -> None:
    begin = ("train", text_file, "-o", tmp_path / "run", "-q", "--from", whole[1])
    line = refusal(cli(*begin, "--preset", "tiny"), "UnusableWeights")
    assert "cannot be the start of this preset: " in line
    line = refusal(cli(*begin, "--preset", "transformer-nano"), "UnusableWeights")
    assert "only our own network starts from another one: leave --from out" in line


def test_the_folder_of_no_run_is_refused(
    cli: Run, refusal: Refusal, whole: tuple[Params, Path], text_file: Path, tmp_path: Path
) -> None:
    begin = ("train", text_file, "-o", tmp_path / "run", "-q", "--preset", "pico")
    refusal(cli(*begin, "--from", tmp_path), "InputMissing")
    shutil.copytree(whole[1], tmp_path / "broken")
    (tmp_path / "broken" / SETTINGS).write_text("{")
    line = refusal(cli(*begin, "--teacher", tmp_path / "broken"), "TrainingError")
    assert "train.json does not describe a run" in line


def test_a_run_goes_on_with_its_own_preset_alone(
    cli: Run, refusal: Refusal, whole: tuple[Params, Path], text_file: Path
) -> None:
    resume = ("train", text_file, "-o", whole[1], "-q", "--resume", "--preset", "tiny")
    line = refusal(cli(*resume), "TrainingError")
    assert "trains another network: name its preset, or another folder" in line


def test_two_runs_do_not_share_a_folder(
    cli: Run, refusal: Refusal, options: tuple[object, ...], text_file: Path, tmp_path: Path
) -> None:
    with claimed(tmp_path):
        line = refusal(cli("train", text_file, "-o", tmp_path, *options), "TrainingError")
    assert "is in use by another training run: wait until it has ended" in line
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


# Without constriction


@pytest.mark.slow
def test_training_needs_no_constriction(
    whole: tuple[Params, Path],
    settings: Settings,
    text_file: Path,
    tmp_path: Path,
    python: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    code = """
import json, pkgutil, sys
sys.modules["constriction"] = None
import compressor.training
for module in pkgutil.iter_modules(compressor.training.__path__, "compressor.training."):
    __import__(module.name)
from pathlib import Path
from compressor.training.command import Request, run
print(run(Request("pico", Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), quiet=True)))
"""
    done = python(code, tmp_path / "run", text_file, json.dumps(settings))
    assert done.returncode == 0, done.stderr.decode()
    assert b"kolmozip train pack" in done.stdout
    card = json.loads((tmp_path / "run/run.json").read_text())
    assert card["steps"] == 60
    assert not list((tmp_path / "run").glob("*.kzw"))
    assert_equal(trained(tmp_path / "run")[1], whole[0])


# Beside the memory


@pytest.mark.slow
@pytest.mark.usefixtures("native_engine")
def test_beside_the_memory_a_run_records_first_learns_and_resumes(
    pico: ModelConfig, whole: tuple[Params, Path], text_file: Path, tmp_path: Path
) -> None:
    def trained_in(folder: Path, origin: Origin, budget: Budget = Budget()) -> Params:  # noqa: B008
        named = {"lanes": 4, "window": 8, "total_bytes": 4 * 8 * 100}
        run(Request("pico", folder, str(text_file), named, origin, budget, quiet=True))
        return trained(folder)[1]

    beside = Origin(str(whole[1]), beside_memory=True)
    params = trained_in(tmp_path / "one", beside)
    card = json.loads((tmp_path / "one/one.json").read_text())["train_config"]
    assert card["beside"] == card["start"] == "whole after 15,360 bytes"
    trained_in(tmp_path / "two", beside, Budget(stop_after_minutes=1e-9))
    assert_equal(trained_in(tmp_path / "two", Origin(resume=True)), params)
    record = open_record(tmp_path / "one" / RECORD)
    assert record is not None
    assert record.text.shape == (800, 4)
    windows = [record.window(4, 8, step) for step in range(16)]
    state = network(pico).initial_state(4)

    @jax.jit
    def nats(params: Params, window: Window) -> jax.Array:
        return objective(pico, params, window, state)[0]

    before, after = (
        np.mean([nats(each, window) for window in windows]) for each in (whole[0], params)
    )
    assert after < before - 0.01


@pytest.mark.slow
@pytest.mark.usefixtures("native_engine")
def test_beside_the_memory_needs_a_run_a_budget_in_bytes_and_its_record(
    cli: Run,
    refusal: Refusal,
    pico: ModelConfig,
    whole: tuple[Params, Path],
    text_file: Path,
    tmp_path: Path,
) -> None:
    options = ("--preset", "pico", "--lanes", 4, "--window", 16, "-q", "--beside-memory")
    beside = ("train", text_file, "-o", tmp_path / "run", *options)
    for more in ((), ("--from", whole[1], "--minutes", 1)):
        line = refusal(cli(*beside, "--bytes", 1280, *more), "UnusableWeights")
        assert "--beside-memory needs the run that --from names" in line
    line = refusal(cli(*beside, "--bytes", 5, "--from", whole[1]), "TrainingError")
    assert "a record of 1 lanes of 5 bytes has no windows of 16 bytes in 4 lanes" in line
    gone = TrainConfig(beside="another run")
    write_settings(tmp_path / "run", pico, gone)
    (tmp_path / "run" / RECORD / FACTS).unlink()
    line = refusal(cli(*beside, "--bytes", 1280, "--resume"), "TrainingError")
    assert "is gone, without which the run cannot go on" in line
