"""Training: exact resume, a falling loss, an optimiser that does what its paper says."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import data.windows
from compressor.bench.training_speed import measure
from compressor.system import signals
from compressor.training import devices
from compressor.training.checkpoints import (
    bytes_seen,
    latest_parameters,
    latest_step,
    settings_of,
    slim,
    trained,
)
from compressor.training.config import Pace, TrainConfig, TrainingError, schedule
from compressor.training.evaluation import evaluate
from compressor.training.optimiser import average_parameters, orthogonalise
from compressor.training.run import bytes_in, train
from compressor.training.step import Teacher, _objective
from data.samples import sample
from models.integer.config import PRESETS
from models.network import lm

NANO = PRESETS["nano"]
CONFIG = TrainConfig(
    lanes=8, window=32, total_bytes=8 * 32 * 12, warmup_steps=2, cold_start_bytes=128
)


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return np.frombuffer(sample(), np.uint8)


@pytest.fixture(scope="module")
def whole(text: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    folder = tmp_path_factory.mktemp("whole")
    params, _ = train(NANO, CONFIG, text, text[:4096], folder, quiet=True)
    return params, folder


def test_a_resumed_run_is_the_run(
    whole: tuple[dict, Path], text: np.ndarray, tmp_path: Path
) -> None:
    train(NANO, CONFIG, text, text[:4096], tmp_path, quiet=True, pace=Pace(stop_after_steps=5))
    resumed, facts = train(NANO, CONFIG, text, text[:4096], tmp_path, quiet=True, resume=True)
    assert facts["steps"] == CONFIG.steps == 12
    for one, other in zip(jax.tree.leaves(whole[0]), jax.tree.leaves(resumed), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_before_it_ends_the_run(
    number: int,
    whole: tuple[dict, Path],
    text: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def window(*given: Any) -> np.ndarray:
        if given[-1] == 5:
            signal.raise_signal(number)
        return data.windows.window(*given)

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, end)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("compressor.training.run.window", window)
        train(NANO, CONFIG, text, text[:4096], tmp_path, quiet=True)
    assert signal.getsignal(number) is end
    signal.signal(number, before)
    assert latest_step(tmp_path) == 6
    resumed, _ = train(NANO, CONFIG, text, text[:4096], tmp_path, quiet=True, resume=True)
    assert all(map(np.array_equal, jax.tree.leaves(whole[0]), jax.tree.leaves(resumed)))


@pytest.mark.usefixtures("interrupts")
def test_a_second_signal_acts_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), signals.noted() as told:
        signal.raise_signal(signal.SIGINT)
        assert told == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second one was only noted as well")


@pytest.mark.usefixtures("interrupts")
def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with signals.noted() as told:
        signal.raise_signal(signal.SIGINT)
    assert told == []
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_run_is_not_overwritten(whole: tuple[dict, Path], text: np.ndarray) -> None:
    with pytest.raises(TrainingError, match="--resume"):
        train(NANO, CONFIG, text, text[:4096], whole[1], quiet=True)


def test_the_checkpoint_holds_the_parameters(whole: tuple[dict, Path]) -> None:
    for one, other in zip(
        jax.tree.leaves(whole[0]), jax.tree.leaves(latest_parameters(whole[1])), strict=True
    ):
        assert np.array_equal(one, other)


def test_the_log_is_json_and_the_loss_falls(whole: tuple[dict, Path], text: np.ndarray) -> None:
    rows = [json.loads(line) for line in (whole[1] / "train.jsonl").read_text().splitlines()]
    assert rows[0]["step"] == 12
    assert rows[-1]["valid_bits_per_char"] < 7
    assert evaluate(NANO, whole[0], text[:4096]) == pytest.approx(
        rows[-1]["valid_bits_per_char"], abs=1e-4
    )


def test_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no checkpoint"):
        latest_parameters(tmp_path)


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (32, 32)])
def test_orthogonalise_brings_singular_values_near_one(shape: tuple[int, int]) -> None:
    g = jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)
    values = np.linalg.svd(np.asarray(orthogonalise(g)), compute_uv=False)
    assert 0.3 < values.min() <= values.max() < 1.4


def test_schedule_warms_up_and_ends_at_zero() -> None:
    config = TrainConfig(total_bytes=32 * 256 * 1000)
    rate = schedule(config)
    values = [float(rate(jnp.asarray(step))) for step in (0, 99, 150, 600, 1000)]
    assert values[0] < values[1] <= values[2] == pytest.approx(config.learning_rate)
    assert values[3] == pytest.approx(config.learning_rate * 400 / 750)
    assert values[4] == 0


def _curve(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    return [row["train_bits_per_char"] for row in rows if "train_bits_per_char" in row]


ARGUMENTS = [
    "train",
    "--preset",
    "nano",
    "--lanes",
    "8",
    "--window",
    "32",
    "--bytes",
    str(8 * 32 * 100),
    "-q",
]


def _kolmozip(arguments: list[str], text: Path, virtual_devices: int = 1) -> subprocess.Popen:
    flags = f"--xla_force_host_platform_device_count={virtual_devices}"
    command = [
        sys.executable,
        "-P",
        "-m",
        "compressor",
        *ARGUMENTS,
        "--corpus",
        str(text),
        *arguments,
    ]
    return subprocess.Popen(
        command, env={**os.environ, "XLA_FLAGS": flags}, stderr=subprocess.PIPE, text=True
    )


def _finish(*processes: subprocess.Popen) -> None:
    for process in processes:
        _, told = process.communicate(timeout=600)
        assert process.returncode == 0, told


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A run of 100 steps on one device: its text, its loss curve."""
    folder = tmp_path_factory.mktemp("alone")
    file = folder / "text"
    file.write_bytes(sample())
    _finish(_kolmozip(["-o", str(folder / "run")], file))
    curve = _curve(folder / "run")
    assert len(curve) == 2 and curve[1] < curve[0]
    return file, curve


def test_four_devices_give_the_loss_curve_of_one(
    alone: tuple[Path, list[float]], tmp_path: Path
) -> None:
    _finish(_kolmozip(["-o", str(tmp_path / "run")], alone[0], virtual_devices=4))
    assert json.loads((tmp_path / "run/run.json").read_text())["devices"] == 4
    assert _curve(tmp_path / "run") == pytest.approx(alone[1], abs=2e-3)


def test_two_processes_give_the_loss_curve_of_one(
    alone: tuple[Path, list[float]], tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    together = [
        "--coordinator",
        f"127.0.0.1:{port}",
        "--processes",
        "2",
        "-o",
        str(tmp_path / "run"),
    ]
    _finish(*(_kolmozip([*together, "--process", str(i)], alone[0]) for i in range(2)))
    assert json.loads((tmp_path / "run/run.json").read_text())["devices"] == 2
    assert _curve(tmp_path / "run") == pytest.approx(alone[1], abs=2e-3)


def test_lanes_that_devices_cannot_share_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_bytes(sample())
    process = _kolmozip(["-o", str(tmp_path / "run")], file, virtual_devices=3)
    _, told = process.communicate(timeout=600)
    assert process.returncode == 1 and "8 lanes cannot be shared by 3 devices" in told


def test_a_process_has_a_number_among_them() -> None:
    with pytest.raises(devices.DeviceError, match="number them 0 to 1"):
        devices.join("localhost:1", 2, 2)


def test_the_average_is_the_exponential_average() -> None:
    transform = average_parameters(0.5)
    params = {"w": jnp.zeros(2)}
    state = transform.init(params)
    expected = np.zeros(2)
    for step in range(5):
        updates = {"w": jnp.full(2, float(step))}
        _, state = transform.update(updates, state, params)
        params = {"w": params["w"] + updates["w"]}
        kept = min(0.5, (1 + step) / (10 + step))
        expected = kept * expected + (1 - kept) * np.asarray(params["w"])
    assert np.allclose(state.average["w"], expected)


def test_the_average_is_the_result_and_is_resumed(text: np.ndarray, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, average=0.9)
    params, _ = train(NANO, config, text, text[:4096], tmp_path / "one", quiet=True)
    train(
        NANO, config, text, text[:4096], tmp_path / "two", quiet=True, pace=Pace(stop_after_steps=7)
    )
    resumed, _ = train(NANO, config, text, text[:4096], tmp_path / "two", quiet=True, resume=True)
    last, _ = train(NANO, CONFIG, text, text[:4096], tmp_path / "three", quiet=True)
    assert all(map(np.array_equal, jax.tree.leaves(params), jax.tree.leaves(resumed)))
    assert all(
        map(
            np.array_equal,
            jax.tree.leaves(params),
            jax.tree.leaves(latest_parameters(tmp_path / "one")),
        )
    )
    assert not np.array_equal(params["head"], last["head"])


def test_adamw_trains_other_weights(
    whole: tuple[dict, Path], text: np.ndarray, tmp_path: Path
) -> None:
    config = dataclasses.replace(CONFIG, optimiser="adamw")
    params, facts = train(NANO, config, text, text[:4096], tmp_path, quiet=True)
    assert facts["valid_bits_per_char_estimate"] < 7.5
    assert not np.array_equal(params["head"], whole[0]["head"])


def test_an_unknown_optimiser_is_named(text: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no optimiser named sgd"):
        train(
            NANO,
            dataclasses.replace(CONFIG, optimiser="sgd"),
            text,
            text[:4096],
            tmp_path,
            quiet=True,
        )


def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it(text: np.ndarray) -> None:
    params = lm.initialise(NANO, 0)
    rows = jnp.asarray(text[:66].reshape(33, 2))
    state = lm.initial_state(NANO, 2)

    def loss(params: dict, share: float) -> jax.Array:
        return _objective(
            NANO, 8, share, Teacher(NANO, lm.initialise(NANO, 0)), params, rows, (state, state)
        )[0]

    def size(tree: dict) -> float:
        return math.sqrt(sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(tree)))

    assert size(jax.grad(loss)(params, 1.0)) < 1e-2 * size(jax.grad(loss)(params, 0.0))


def test_a_student_with_a_teacher_trains_and_resumes(
    whole: tuple[dict, Path], text: np.ndarray, tmp_path: Path
) -> None:
    config = dataclasses.replace(CONFIG, distillation=0.5)
    teacher = Teacher(NANO, whole[0])
    params, _ = train(
        NANO, config, text, text[:4096], tmp_path / "one", teacher=teacher, quiet=True
    )
    stop = Pace(stop_after_steps=5)
    train(NANO, config, text, text[:4096], tmp_path / "two", teacher=teacher, quiet=True, pace=stop)
    resumed, _ = train(
        NANO, config, text, text[:4096], tmp_path / "two", teacher=teacher, quiet=True, resume=True
    )
    assert all(map(np.array_equal, jax.tree.leaves(params), jax.tree.leaves(resumed)))
    assert not np.array_equal(params["head"], whole[0]["head"])


def test_what_a_run_began_with_is_not_forgotten_before_its_first_checkpoint(
    whole: tuple[dict, Path], text: np.ndarray, tmp_path: Path
) -> None:
    config = dataclasses.replace(CONFIG, start="another run")
    with pytest.raises(TrainingError, match="begins with another run: name that again by --from"):
        train(NANO, config, text, text[:4096], tmp_path, quiet=True, resume=True)
    train(
        NANO,
        config,
        text,
        text[:4096],
        tmp_path,
        start=whole[0],
        quiet=True,
        resume=True,
        pace=Pace(stop_after_steps=2),
    )
    train(NANO, config, text, text[:4096], tmp_path, quiet=True, resume=True)
    with pytest.raises(TrainingError, match="is taught by a run: name that again by --teacher"):
        train(
            NANO,
            dataclasses.replace(config, teacher="a run"),
            text,
            text[:4096],
            tmp_path,
            quiet=True,
            resume=True,
        )


def test_the_finish_is_on_the_coarse_grid(text: np.ndarray, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, weight_bits=4, finish=0.5)
    assert [config.bits_at(step) for step in (0, 5, 6, 11)] == [8, 8, 4, 4]
    params, _ = train(NANO, config, text, text[:4096], tmp_path, quiet=True)
    few, many = (
        len(np.unique(np.asarray(tree["table_3"]))) for tree in (params, lm.initialise(NANO, 0))
    )
    assert few < many / 8
    assert all(
        map(np.array_equal, jax.tree.leaves(params), jax.tree.leaves(latest_parameters(tmp_path)))
    )


def test_a_seed_turns_the_text(text: np.ndarray, tmp_path: Path) -> None:
    start = lm.initialise(NANO, 0)
    one, _ = train(NANO, CONFIG, text, text[:4096], tmp_path / "one", start=start, quiet=True)
    two, _ = train(
        NANO,
        dataclasses.replace(CONFIG, seed=1),
        text,
        text[:4096],
        tmp_path / "two",
        start=start,
        quiet=True,
    )
    assert not np.array_equal(one["head"], two["head"])


def test_minutes_become_bytes(text: np.ndarray) -> None:
    found = bytes_in(NANO, CONFIG, text, 0.5)
    assert found % CONFIG.step_bytes == 0 and found > CONFIG.step_bytes


def test_a_run_begins_with_another_ones_weights(
    alone: tuple[Path, list[float]], tmp_path: Path
) -> None:
    _finish(
        _kolmozip(["-o", str(tmp_path / "run"), "--from", str(alone[0].parent / "run")], alone[0])
    )
    card = json.loads((tmp_path / "run/run.json").read_text())
    assert card["train_bytes_seen"] == bytes_seen(tmp_path / "run") == 2 * 8 * 32 * 100
    assert settings_of(tmp_path / "run").start == "run after 25,600 bytes"
    assert _curve(tmp_path / "run")[0] < alone[1][1]


def test_a_run_stopped_before_its_first_checkpoint_begins_again(
    cli: Callable, alone: tuple[Path, list[float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")  # no restart of this process
    first = alone[0].parent / "run"
    settings = (
        "--lanes",
        8,
        "--window",
        32,
        "--learning-rate",
        1e-9,
        "--bytes",
        8 * 32 * 4,
        "--quiet",
        "--corpus",
        alone[0],
    )
    out = tmp_path / "run"
    train_it = ("train", "--preset", "nano", "--out", out, *settings, "--from", first)
    assert cli(*train_it).exit_code == 0
    shutil.rmtree(out / "checkpoints")
    refused = cli(
        "train", "--preset", "nano", "--out", out, "--corpus", alone[0], "--quiet", "--resume"
    )
    assert (refused.exit_code, "holds no checkpoint" in refused.stderr) == (1, True)
    assert cli(*train_it, "--resume").exit_code == 0
    for one, other in zip(
        *(jax.tree.leaves(trained(folder)[1]) for folder in (first, out)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_slim_copy_holds_the_parameters(alone: tuple[Path, list[float]], tmp_path: Path) -> None:
    run = alone[0].parent / "run"
    size = slim(run, tmp_path / "slim")
    assert size < sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    for one, other in zip(
        *(jax.tree.leaves(trained(folder)[1]) for folder in (run, tmp_path / "slim")), strict=True
    ):
        assert np.array_equal(one, other)
    with pytest.raises(TrainingError, match="name another folder"):
        slim(run, tmp_path / "slim")
    with pytest.raises(TrainingError, match="no checkpoint"):
        slim(tmp_path, tmp_path / "other")


def test_the_gpu_script_trains_in_legs_and_brings_back_the_weights(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    file = tmp_path / "corpora" / "text"
    file.parent.mkdir()
    file.write_bytes(sample())
    work = tmp_path / "work"
    work.mkdir()
    settings = "--lanes 8 --window 32"
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "PYTHON": sys.executable,
        "PRESET": "nano",
        "SETTINGS": settings,
        "BUDGET": "--bytes 25600",
        "LEG": "0.001",
        "TEXT": str(file),
        "KOLMOZIP_CORPORA": str(file.parent),
        "WEIGHTS": str(root / "tests/golden/nano.kzw"),
    }
    command = ["sh", str(root / "compressor/training/train_base_gpu.sh"), "out"]
    first = subprocess.run(
        command, cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert first.returncode == 0, first.stderr
    assert "selftest.txt" in os.listdir(work / "out") and not (work / "runs/nano/nano.kzw").exists()
    second = subprocess.run(
        command,
        cwd=work,
        env={**environment, "LEG": "10"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 0, second.stderr
    assert settings_of(work / "runs/nano").total_bytes == 25600  # without being told again
    pieces = sorted((work / "out").glob("nano.tar.??"))
    assert pieces and all(piece.stat().st_size <= 15_000_000 for piece in pieces)
    (work / "home").mkdir()
    whole = b"".join(piece.read_bytes() for piece in pieces)
    subprocess.run(["tar", "x", "-C", "home"], cwd=work, input=whole, check=True)
    for one, other in zip(
        *(jax.tree.leaves(trained(work / f)[1]) for f in ("runs/nano", "home/nano")), strict=True
    ):
        assert np.array_equal(one, other)


def test_training_speed_is_measured_and_kept(tmp_path: Path) -> None:
    facts, path = measure("nano", NANO, CONFIG, 3, tmp_path)
    assert json.loads(path.read_text()) == facts
    assert facts["parameters"] == NANO.parameters()
    assert facts["kb_per_s"] == pytest.approx(CONFIG.step_bytes / facts["step_ms"], rel=0.02)
    assert facts["fastest_step_ms"] <= facts["step_ms"]
