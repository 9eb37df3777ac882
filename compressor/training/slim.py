"""A run's folder without what only its own continuation needs: small enough to carry to another machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import orbax.checkpoint as ocp

from compressor.training.run import TrainingError, checkpoints, kept_parameters

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
