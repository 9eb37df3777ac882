"""Several devices and several processes train as one: the same loss curve, refusals by name."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest

from compressor.training import devices
from compressor.training.folder import LOG
from models.network.lm import Params

Start = Callable[..., subprocess.Popen]


def losses(run: Path, name: str) -> list[float]:
    """The figures of a run's log, "train" or "valid", in bits/char."""
    rows = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    key = f"{name}_bits_per_char"
    return [row[key] for row in rows if key in row]


def assert_alike(run: Path, other: Path, last: int) -> None:
    """The ``last`` training losses in two runs' logs are equal; so is the end on other text."""
    train = losses(run, "train")[-last:], losses(other, "train")[-last:]
    assert len(train[0]) == last
    assert train[0] == pytest.approx(train[1], abs=2e-3)
    assert losses(run, "valid")[-1] == pytest.approx(losses(other, "valid")[-1], abs=1e-2)


@pytest.fixture
def start(options: tuple[object, ...], text_file: Path) -> Start:
    """Starts the command that trains as ``whole`` was, in a process of its own."""

    def popen(output: Path, *more: str, virtual_devices: int = 1) -> subprocess.Popen:
        flags = f"--xla_force_host_platform_device_count={virtual_devices}"
        words = ["train", text_file, "-o", output, *options, *more]
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "compressor", *map(str, words)],
            env={**os.environ, "XLA_FLAGS": flags},
            stderr=subprocess.PIPE,
            text=True,
        )

    return popen


def finish(*processes: subprocess.Popen) -> list[str]:
    """Waits until all have ended, well; returns what they printed. None outlives this."""
    printed = []
    try:
        for process in processes:
            output, messages = process.communicate(timeout=600)
            assert process.returncode == 0, messages
            printed.append(output)
        return printed
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.fixture
def port() -> Iterator[int]:
    """A port that nobody else is given while the test runs.

    It is bound here without being listened on, in the way in which the coordinator's server (gRPC)
    binds it too.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.slow
def test_four_devices_give_the_loss_curve_of_one(
    whole: tuple[Params, Path], start: Start, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    finish(start(run, virtual_devices=4))
    assert json.loads((run / "run.json").read_text())["devices"] == 4
    assert_alike(run, whole[1], last=2)


PROCESS = """
import json, signal, sys
from pathlib import Path
import compressor.training.run as run_module
from compressor.training.command import Origin, Processes, Request, run

output, text, settings, coordinator, number = sys.argv[1:]
windows_of = run_module.windows_of

def end(*_):
    raise KeyboardInterrupt

def interrupted(*arguments):
    windows = windows_of(*arguments)
    def at(step):
        if (step, number) == (5, "1"):
            signal.raise_signal(signal.SIGTERM)
        return windows(step)
    return at

def train(coordinator, origin):
    processes = Processes(coordinator, 2, int(number))
    named = json.loads(settings)
    request = Request("pico", Path(output), text, named, origin, processes=processes, quiet=True)
    print(run(request))

signal.signal(signal.SIGTERM, end)
run_module.windows_of = interrupted
try:
    train(coordinator, Origin())
except KeyboardInterrupt:
    print("interrupted")
run_module.windows_of = windows_of
train(None, Origin(resume=True))
"""


@pytest.mark.slow
def test_two_processes_stop_together_and_give_the_loss_curve_of_one(
    whole: tuple[Params, Path],
    settings: dict[str, int | float | str],
    text_file: Path,
    tmp_path: Path,
    port: int,
) -> None:
    run = tmp_path / "run"
    arguments = [str(run), str(text_file), json.dumps(settings), f"127.0.0.1:{port}"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, *arguments, str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    first, second = finish(*processes)
    assert f"{run}: stopped after step 10 of 60, go on with --resume" in first
    assert "interrupted" in second.splitlines(), "it alone had the signal, and also stopped then"
    assert json.loads((run / "run.json").read_text())["devices"] == 2
    # The first loss is a mean from the start or the stop on.
    assert_alike(run, whole[1], last=1)


def test_lanes_that_devices_cannot_share_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    three = [jax.devices()[0]] * 3
    monkeypatch.setattr(jax, "devices", lambda: three)
    with pytest.raises(devices.DeviceError, match="8 lanes cannot be shared by 3 devices: use a"):
        devices.mesh(8)


def test_a_process_has_a_number_among_them() -> None:
    with pytest.raises(devices.DeviceError, match="number them 0 to 1"):
        devices.join("localhost:1", 2, 2)
