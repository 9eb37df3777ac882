"""A run's folder without what only its own continuation needs: small enough to carry to another machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import orbax.checkpoint as ocp

from compressor.train import SETTINGS, TrainingError, checkpoints, kept_parameters

KEPT = ("model.json", SETTINGS, "train.jsonl")


def slim(run: Path, out: Path) -> int:
    """Copies a run with the parameters of its last checkpoint alone; returns bytes written. Raises TrainingError.

    The averaged parameters, where the run keeps an average. The copy serves --from, --teacher, pack and estimate; --resume
    needs the whole run.
    """
    manager = checkpoints(run / "checkpoints")
    step = manager.latest_step()
    if step is None:
        raise TrainingError(f"{run} holds no checkpoint: train first")
    if out.exists():
        raise TrainingError(f"{out} exists: name another folder")
    args = ocp.args.Composite(state=ocp.args.StandardSave({"params": kept_parameters(manager, step)}))
    out.mkdir(parents=True)
    copy = checkpoints(out / "checkpoints")
    copy.save(step, args=args)
    copy.close()
    manager.close()
    for path in [run / name for name in KEPT] + sorted(run.glob("*.kzw")) + sorted(run.glob("*.json")):
        if path.is_file():
            shutil.copy2(path, out / path.name)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
