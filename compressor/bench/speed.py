"""One run of our own compressor, end to end, kept as a row."""

from __future__ import annotations

from pathlib import Path

from compressor.bench.jobs import level_job, model_job
from compressor.bench.runner import run_job
from compressor.bench.store import Facts, keep, prepare
from compressor.codec import levels


def measure(
    source: Path, results: Path, *, level: int = levels.DEFAULT, model: str | None = None
) -> tuple[Facts, Path]:
    """Compresses and restores source in fresh processes; their start-up counts in.

    Returns the facts and where they were kept. ``model`` names weights or the path of a .kzw file,
    which code at the default level. Raises UnknownModel, AmbiguousModel, EmptyInput, NoPermission,
    DiskFull.
    """
    job = level_job(level) if model is None else model_job(model)
    prepare(results)
    facts = run_job(job, source, show=True)
    return facts, keep(facts, results, f"row-{job.codec}-{source.name}")
