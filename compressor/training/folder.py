"""The folder of a run: which files stand in it, who may write there, and how a run was made."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from compressor.errors import InputMissing
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.networks import Shape, kind_of, shape_of

SHAPE = "model.json"
"""The network's kind and shape."""
SETTINGS = "train.json"
"""The fields of TrainConfig."""
LOG = "train.jsonl"
"""One JSON object a line: training loss every 50 steps, validation every 1,000 and at the end."""
TABLE = "train.csv"
"""The same as a table: a column a figure, empty where a line has none."""
CHECKPOINTS = "checkpoints"
"""Orbax's folder with the last two checkpoints."""
RECORD = "record"
"""What the memory said of the training text; only where a run trains beside the memory."""
LOCK = "lock"
"""An empty file that the process at work holds locked."""


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Makes the folder of a run and lets no other process claim it while the body runs.

    The lock goes with the process, however that ends. Where the system or the file system knows no
    such locks, nothing is held. Raises TrainingError where another process has claimed the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as file:
        if not _lock(file):
            raise TrainingError(
                f"{folder} is in use by another training run: "
                "wait until it has ended, or name another folder with --output"
            )
        yield


def _lock(file: IO[str]) -> bool:
    """Locks an open file for this process; False where another one holds it."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def write_settings(folder: Path, model: Shape, config: TrainConfig) -> None:
    """Writes what is being trained and how."""
    shape = {"kind": kind_of(model), **dataclasses.asdict(model)}
    (folder / SHAPE).write_text(json.dumps(shape) + "\n")
    (folder / SETTINGS).write_text(json.dumps(dataclasses.asdict(config)) + "\n")


def shape_in(folder: Path) -> Shape:
    """The shape of the network in a run's folder. Raises InputMissing, TrainingError."""
    if not (folder / SHAPE).is_file():
        raise InputMissing(f"{folder} holds no {SHAPE}: name the folder of a training run")
    fields = _fields(folder, SHAPE)
    try:
        return shape_of(fields.pop("kind"), fields)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(folder, SHAPE, error) from error


def settings_in(folder: Path) -> TrainConfig:
    """How the run in a folder is made. Raises TrainingError where there is none."""
    try:
        return TrainConfig(**_fields(folder, SETTINGS))
    except (TypeError, TrainingError) as error:
        raise _unreadable(folder, SETTINGS, error) from error


def _fields(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in a file of the folder. Raises TrainingError."""
    try:
        fields = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(folder, name, error) from error
    if not isinstance(fields, dict):
        raise _unreadable(folder, name, "it is no JSON object")
    return fields


def _unreadable(folder: Path, name: str, reason: object) -> TrainingError:
    return TrainingError(
        f"{folder / name} does not describe a run ({reason}): name the folder of a training run"
    )
