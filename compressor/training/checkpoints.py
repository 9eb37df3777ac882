"""Checkpoints of a run: written whole or not at all, read back to the last bit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import orbax.checkpoint as ocp

from compressor.training.config import TrainingError
from compressor.training.folder import CHECKPOINTS, settings_in, shape_in
from compressor.training.networks import Shape
from compressor.training.step import TrainState
from models.network.lm import Params
from models.network.precision import coarsen


def checkpoints(folder: Path) -> ocp.CheckpointManager:
    """Those of the run in a folder, of which Orbax keeps the last two; a context manager."""
    return ocp.CheckpointManager(
        (folder / CHECKPOINTS).absolute(), options=ocp.CheckpointManagerOptions(max_to_keep=2)
    )


def save(manager: ocp.CheckpointManager, state: TrainState, step: int, seconds: float) -> None:
    """Writes a checkpoint of a state and of the seconds spent, and waits until it is there."""
    args = ocp.args.Composite(
        state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave({"seconds": seconds})
    )
    manager.save(step, args=args)
    manager.wait_until_finished()


def restore(
    manager: ocp.CheckpointManager, step: int, like: TrainState
) -> tuple[TrainState, float]:
    """State and seconds spent of one checkpoint, whose state has the shapes of ``like``."""
    args = ocp.args.Composite(state=ocp.args.StandardRestore(like), meta=ocp.args.JsonRestore())
    saved = manager.restore(step, args=args)
    return saved.state, saved.meta["seconds"]


def latest_step(folder: Path) -> int | None:
    """Step of the last checkpoint of the run in a folder; None where there is none."""
    if not (folder / CHECKPOINTS).is_dir():
        return None
    with checkpoints(folder) as manager:
        return cast("int | None", manager.latest_step())


def latest_parameters(folder: Path) -> Params:
    """Parameters of the last checkpoint of a run, as ``step.result`` has them.

    Raises TrainingError where there is none.
    """
    params, step = kept_parameters(folder)
    return coarsen(params, settings_in(folder).bits_at(step))


def kept_parameters(folder: Path) -> tuple[Params, int]:
    """The averaged parameters in the last checkpoint of a run, and its step.

    Where no average is kept, the parameters. Raises TrainingError where there is no checkpoint.
    """
    step = latest_step(folder)
    if step is None:
        raise TrainingError(f"{folder} holds no checkpoint: train first")
    # No target, so that neither optimiser nor lanes need building: their numbers alone are read.
    args = ocp.args.Composite(state=ocp.args.StandardRestore())
    with checkpoints(folder) as manager:
        saved = manager.restore(step, args=args).state
    return _average_in(saved.get("optimiser")) or saved["params"], step


def _average_in(node: Any) -> Params | None:
    """The moving average in a restored optimiser's state; None where it holds none."""
    if isinstance(node, dict):
        if "average" in node:
            return cast("Params", node["average"])
        return _average_in(list(node.values()))
    if isinstance(node, (list, tuple)):
        return next(filter(None, map(_average_in, node)), None)
    return None


def trained(folder: Path) -> tuple[Shape, Params]:
    """Shape and float parameters of the last checkpoint of a run.

    Raises InputMissing, TrainingError.
    """
    return shape_in(folder), latest_parameters(folder)


COPIED = (".json", ".jsonl", ".kzw")
"""Kinds of file that a slim copy takes along: shape, settings, log, weights and card."""


def slim(run: Path, output: Path) -> int:
    """Copies a run with the parameters of its last checkpoint alone; returns bytes written.

    Those are the averaged ones where the run keeps an average. The copy serves to start other runs,
    to teach, to pack and to estimate; to resume takes the whole run. Raises TrainingError.
    """
    params, step = kept_parameters(run)
    if output.exists():
        raise TrainingError(f"{output} exists: name another folder with --output")
    output.mkdir(parents=True)
    args = ocp.args.Composite(state=ocp.args.StandardSave({"params": params}))
    with checkpoints(output) as manager:
        manager.save(step, args=args)
    for path in run.iterdir():
        if path.suffix in COPIED:
            shutil.copy2(path, output / path.name)
    return sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
