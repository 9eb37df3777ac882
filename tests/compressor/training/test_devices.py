"""Several devices and several processes train as one: the same loss curve, refusals by name."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from compressor.training import devices
from compressor.training.folder import LOG

ARGUMENTS = ("--preset", "nano", "--lanes", "8", "--window", "32", "--bytes", str(8 * 32 * 100))


def curve(run: Path) -> list[float]:
    """The training losses in a run's log, in bits/char."""
    rows = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    return [row["train_bits_per_char"] for row in rows if "train_bits_per_char" in row]


def start(output: Path, text: Path, *arguments: str, virtual_devices: int = 1) -> subprocess.Popen:
    """The command that trains as ``nano_run`` was, in a process of its own."""
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={virtual_devices}",
    }
    files = (str(text), "-o", str(output), "-q")
    command = [sys.executable, "-P", "-m", "compressor", "train", *ARGUMENTS, *files, *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(*processes: subprocess.Popen) -> None:
    """Waits until all have ended, well."""
    for process in processes:
        _, messages = process.communicate(timeout=600)
        assert process.returncode == 0, messages


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


def test_four_devices_give_the_loss_curve_of_one(
    nano_run: Path, text_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    finish(start(run, text_file, virtual_devices=4))
    assert json.loads((run / "run.json").read_text())["devices"] == 4
    assert curve(run) == pytest.approx(curve(nano_run), abs=2e-3)


def test_two_processes_give_the_loss_curve_of_one(
    nano_run: Path, text_file: Path, tmp_path: Path, port: int
) -> None:
    run = tmp_path / "run"
    together = ("--coordinator", f"127.0.0.1:{port}", "--processes", "2", "--process")
    finish(*(start(run, text_file, *together, str(number)) for number in range(2)))
    assert json.loads((run / "run.json").read_text())["devices"] == 2
    assert curve(run) == pytest.approx(curve(nano_run), abs=2e-3)


def test_lanes_that_devices_cannot_share_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    three = [jax.devices()[0]] * 3
    monkeypatch.setattr(jax, "devices", lambda: three)
    with pytest.raises(devices.DeviceError, match="8 lanes cannot be shared by 3 devices: use a"):
        devices.mesh(8)


def test_a_process_has_a_number_among_them() -> None:
    with pytest.raises(devices.DeviceError, match="number them 0 to 1"):
        devices.join("localhost:1", 2, 2)
