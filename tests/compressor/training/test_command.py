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

from compressor.training import command
from compressor.training.checkpoints import trained
from compressor.training.command import Budget, Origin, Request, run
from compressor.training.config import TrainConfig
from compressor.training.folder import LOG, RECORD, SETTINGS, claimed, settings_in
from compressor.training.mixture import FACTS
from data.samples import sample

STEP = {"lanes": 8, "window": 32}
SHORT = ("--preset", "nano", "--lanes", 8, "--window", 32, "--quiet", "--bytes", 8 * 32 * 4)

Refusal = Callable[[Result, str], str]
Run = Callable[..., Result]


def first_loss(folder: Path) -> float:
    """The first training loss in a run's log, in bits/char."""
    line = (folder / LOG).read_text().splitlines()[0]
    return float(json.loads(line)["train_bits_per_char"])


# Where a run begins


def test_a_run_begins_with_another_one_s_weights(
    nano_run: Path, text_file: Path, tmp_path: Path
) -> None:
    settings = {**STEP, "total_bytes": 25_600}
    run(
        Request(
            "nano", tmp_path / "run", str(text_file), settings, Origin(run=nano_run), quiet=True
        )
    )
    card = json.loads((tmp_path / "run/run.json").read_text())
    config = settings_in(tmp_path / "run")
    assert card["train_bytes_seen"] == config.bytes_seen == 2 * 25_600
    assert config.start == "nano-run after 25,600 bytes"
    assert first_loss(tmp_path / "run") < first_loss(nano_run) - 0.5


def test_a_run_stopped_before_its_first_checkpoint_begins_again(
    cli: Run, refusal: Refusal, nano_run: Path, text_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    arguments = ("train", text_file, "-o", output, *SHORT, "--learning-rate", 1e-9)
    assert cli(*arguments, "--from", nano_run).exit_code == 0
    shutil.rmtree(output / "checkpoints")
    refused = cli("train", text_file, "-o", output, "--preset", "nano", "--quiet", "--resume")
    assert "holds no checkpoint" in refusal(refused, "TrainingError")
    assert cli(*arguments, "--from", nano_run, "--resume").exit_code == 0
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, atol=1e-3),
        trained(nano_run)[1],
        trained(output)[1],
    )


def test_a_resumed_run_keeps_its_settings(
    nano_run: Path, text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs: list[TrainConfig] = []

    def noted(_: object, config: TrainConfig, *__: object) -> tuple[None, dict[str, Any]]:
        configs.append(config)
        return None, {"steps": 0}

    monkeypatch.setattr(command, "train", noted)
    named = {**STEP, "distillation": 0.3, "total_bytes": 25_600}
    origin = Origin(teacher=nano_run)
    folder = tmp_path / "run"
    folder.mkdir()
    run(Request("nano", folder, str(text_file), named, origin))
    (folder / SETTINGS).write_text(json.dumps(vars(configs[0])))
    resumed = Origin(teacher=nano_run, resume=True)
    run(Request("nano", folder, str(text_file), {"total_bytes": 51_200}, resumed))
    run(Request("nano", tmp_path / "other", str(text_file), {}, origin))
    assert [config.distillation for config in configs] == [0.3, 0.3, 0.5]
    assert [config.teacher for config in configs] == ["nano-run"] * 3
    assert [config.total_bytes for config in configs[:2]] == [25_600, 51_200]


def test_a_budget_in_minutes_becomes_one_in_bytes(
    text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "bytes_within", lambda minutes, *_: round(minutes * 4 * 256))
    settings, budget = {**STEP, "total_bytes": 1}, Budget(minutes=1.0, stop_after_minutes=1e-9)
    line = run(Request("nano", tmp_path, str(text_file), settings, budget=budget, quiet=True))
    assert line == f"{tmp_path}: stopped after step 1 of 4, go on with --resume"
    assert settings_in(tmp_path).total_bytes == 1024
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
    result = cli("train", tmp_path / "text", "--preset", "nano", "-o", run_folder, "-q", *options)
    assert message in refusal(result, "TrainingError")
    assert not list(run_folder.glob("*.json")), "nothing but the lock is left behind"


def test_unknown_names_are_refused(cli: Run, refusal: Refusal, tmp_path: Path) -> None:
    refusal(cli("train", "--preset", "big", "-o", tmp_path / "run"), "UnknownModel")
    refusal(cli("train", tmp_path / "none", "-o", tmp_path / "run"), "InputMissing")


def test_a_window_longer_than_the_sample_has_no_speed(cli: Run, refusal: Refusal) -> None:
    result = cli("train", "speed", "--preset", "nano", "--lanes", 3000)
    assert "is too short for 3000 lanes of 257 bytes" in refusal(result, "TrainingError")


def test_a_network_that_cannot_grow_into_the_preset_is_refused(
    cli: Run, refusal: Refusal, nano_run: Path, text_file: Path, tmp_path: Path
) -> None:
    begin = ("train", text_file, "-o", tmp_path / "run", "-q", "--from", nano_run)
    line = refusal(cli(*begin, "--preset", "tiny"), "UnusableWeights")
    assert "cannot be the start of this preset: " in line
    line = refusal(cli(*begin, "--preset", "transformer-nano"), "UnusableWeights")
    assert "only our own network starts from another run: leave --from out" in line


def test_the_folder_of_no_run_is_refused(
    cli: Run, refusal: Refusal, nano_run: Path, text_file: Path, tmp_path: Path
) -> None:
    begin = ("train", text_file, "-o", tmp_path / "run", "-q", "--preset", "nano")
    refusal(cli(*begin, "--from", tmp_path), "InputMissing")
    shutil.copytree(nano_run, tmp_path / "broken")
    (tmp_path / "broken" / SETTINGS).write_text("{")
    line = refusal(cli(*begin, "--teacher", tmp_path / "broken"), "TrainingError")
    assert "train.json does not describe a run" in line


def test_a_run_goes_on_with_its_own_preset_alone(
    cli: Run, refusal: Refusal, nano_run: Path, text_file: Path
) -> None:
    resume = ("train", text_file, "-o", nano_run, "-q", "--resume", "--preset", "tiny")
    line = refusal(cli(*resume), "TrainingError")
    assert "trains another network: name its preset, or another folder" in line


def test_two_runs_do_not_share_a_folder(
    cli: Run, refusal: Refusal, text_file: Path, tmp_path: Path
) -> None:
    with claimed(tmp_path):
        line = refusal(cli("train", text_file, "-o", tmp_path, *SHORT), "TrainingError")
    assert "is in use by another training run: wait until it has ended" in line
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


# Without constriction


def test_training_needs_no_constriction(
    nano_run: Path,
    text_file: Path,
    tmp_path: Path,
    python: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    code = """
import pkgutil, sys
sys.modules["constriction"] = None
import compressor.training
for module in pkgutil.iter_modules(compressor.training.__path__, "compressor.training."):
    __import__(module.name)
from pathlib import Path
from compressor.training.command import Request, run
settings = {"lanes": 8, "window": 32, "total_bytes": 25600}
print(run(Request("nano", Path(sys.argv[1]), sys.argv[2], settings, quiet=True)))
"""
    done = python(code, tmp_path / "run", text_file)
    assert done.returncode == 0, done.stderr.decode()
    assert b"kolmozip train pack" in done.stdout
    card = json.loads((tmp_path / "run/run.json").read_text())
    assert card["steps"] == 100
    assert not list((tmp_path / "run").glob("*.kzw"))
    jax.tree.map(np.testing.assert_array_equal, trained(tmp_path / "run")[1], trained(nano_run)[1])


# Beside the memory


def test_beside_the_memory_the_command_records_first(
    cli: Run, refusal: Refusal, nano_run: Path, text_file: Path, tmp_path: Path
) -> None:
    options = ("--preset", "nano", "--lanes", 4, "--window", 16, "-q", "--beside-memory")
    beside = ("train", text_file, *options)
    line = refusal(cli(*beside, "-o", tmp_path / "a", "--bytes", 1280), "UnusableWeights")
    assert "--beside-memory needs the run that --from names" in line
    begin = (*beside, "--from", nano_run)
    line = refusal(cli(*begin, "-o", tmp_path / "b", "--bytes", 5), "TrainingError")
    assert "a record of 32 lanes of 1 bytes has no windows of 16 bytes" in line
    output = tmp_path / "run"
    done = cli(*begin, "-o", output, "--bytes", 32 * 80)
    assert done.exit_code == 0, done.stderr
    card = json.loads((output / "run.json").read_text())
    name = "nano-run after 25,600 bytes"
    assert card["train_config"]["beside"] == card["train_config"]["start"] == name
    assert card["steps"] == 32 * 80 // 64
    (output / RECORD / FACTS).unlink()
    line = refusal(cli(*beside, "-o", output, "--bytes", 32 * 160, "--resume"), "TrainingError")
    assert "is gone, without which the run cannot go on" in line
