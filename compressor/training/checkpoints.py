"""What a run keeps in its folder, and reading it back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import orbax.checkpoint as ocp

from compressor.errors import InputMissing
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.step import TrainState
from models.integer.config import ModelConfig
from models.network import lm
from models.network.precision import coarsen

SETTINGS = "train.json"
"""Name of the file in a run's folder that holds its TrainConfig."""
CHECKPOINTS = "checkpoints"
"""Name of the folder in it that Orbax keeps."""


def checkpoints(folder: Path) -> ocp.CheckpointManager:
    """Of the run in a folder: Orbax keeps the last two, each written whole or not at all."""
    return ocp.CheckpointManager(
        (folder / CHECKPOINTS).absolute(), options=ocp.CheckpointManagerOptions(max_to_keep=2)
    )


def _restore(
    manager: ocp.CheckpointManager, step: int, like: TrainState
) -> tuple[TrainState, float]:
    """State and seconds spent of one checkpoint."""
    args = ocp.args.Composite(state=ocp.args.StandardRestore(like), meta=ocp.args.JsonRestore())
    saved = manager.restore(step, args=args)
    return saved.state, saved.meta["seconds"]


def settings_of(folder: Path) -> TrainConfig:
    """How the run in a folder is made. Raises TrainingError where there is none."""
    try:
        return TrainConfig(**json.loads((folder / SETTINGS).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"{folder} holds no run that can be read ({error}): name the folder of a training run"
        ) from error


def bytes_seen(folder: Path) -> int:
    """Bytes of text that a finished run, and what it started from, were trained on."""
    config = settings_of(folder)
    return config.start_bytes + config.steps * config.step_bytes


def latest_step(folder: Path) -> int | None:
    """Step of the last checkpoint of the run in a folder; None where there is none."""
    if not (folder / CHECKPOINTS).is_dir():
        return None
    manager = checkpoints(folder)
    step = manager.latest_step()
    manager.close()
    return step


def latest_parameters(folder: Path) -> lm.Params:
    """Parameters of the last checkpoint under the folder of a run, as ``result`` has them. Raises TrainingError."""
    params, step = kept_parameters(folder)
    return coarsen(params, settings_of(folder).bits_at(step))


def kept_parameters(folder: Path) -> tuple[lm.Params, int]:
    """The averaged parameters in the last checkpoint of a run (where no average is kept, the parameters), and its step.

    Raises TrainingError where there is none.
    """
    step = latest_step(folder)
    if step is None:
        raise TrainingError(f"{folder} holds no checkpoint: train first")
    manager = checkpoints(folder)
    # Without a target, so that neither optimiser nor lanes have to be built: only their numbers are read.
    saved = manager.restore(step, args=ocp.args.Composite(state=ocp.args.StandardRestore())).state
    manager.close()
    return _average_in(saved.get("optimiser")) or saved["params"], step


def _average_in(node: Any) -> Any:
    """The moving average in a restored optimiser's state, None where it holds none."""
    if isinstance(node, dict):
        return (
            node["average"]
            if "average" in node
            else next(filter(None, map(_average_in, node.values())), None)
        )
    if isinstance(node, (list, tuple)):
        return next(filter(None, map(_average_in, node)), None)
    return None


def trained(folder: Path) -> tuple[Any, Any]:
    """Shape and float parameters of the last checkpoint in the folder of a run."""
    from baselines.transformer import TransformerConfig
    from compressor.training.checkpoints import latest_parameters

    shape = folder / "model.json"
    if not shape.is_file():
        raise InputMissing(f"{folder} holds no model.json: name the folder of a training run")
    fields = json.loads(shape.read_text())
    model = (
        TransformerConfig.from_dict(fields) if "heads" in fields else ModelConfig.from_dict(fields)
    )
    return model, latest_parameters(folder)


KEPT = (".json", ".jsonl", ".kzw")
"""Kinds of file that are copied: shape, settings, log, weights and card."""


def slim(run: Path, out: Path) -> int:
    """Copies a run with the parameters of its last checkpoint alone; returns bytes written. Raises TrainingError.

    The averaged parameters, where the run keeps an average. The copy serves --from, --teacher, pack and estimate; --resume
    needs the whole run.
    """
    params, step = kept_parameters(run)
    if out.exists():
        raise TrainingError(f"{out} exists: name another folder")
    args = ocp.args.Composite(state=ocp.args.StandardSave({"params": params}))
    out.mkdir(parents=True)
    copy = checkpoints(out)
    copy.save(step, args=args)
    copy.close()
    for path in run.iterdir():
        if path.suffix in KEPT:
            shutil.copy2(path, out / path.name)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
