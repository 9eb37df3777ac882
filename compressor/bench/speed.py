"""One run of our own compressor, end to end, kept as a JSON of kind "speed"."""

from __future__ import annotations

from pathlib import Path

from compressor.bench.jobs import model_job
from compressor.bench.runner import run_job
from compressor.bench.store import Facts, keep, prepare
from compressor.codec.weights_store import DEFAULT_MODEL


def measure(source: Path, model: str | None, results: Path) -> tuple[Facts, Path]:
    """Compresses and restores source in fresh processes; start-up of Python and JAX counts in.

    Returns the facts and where they were kept. ``model`` names weights or the path of a .kzw file.
    Raises UnknownModel, AmbiguousModel, EmptyInput, NoPermission, DiskFull.
    """
    job = model_job(model or DEFAULT_MODEL)
    prepare(results)
    row = run_job(job, source, show=True)
    restored = row["status"] == "verified"
    facts = {**row, "kind": "speed", "codec": "kolmozip", "restored": restored}
    return facts, keep(facts, results, f"speed-{row['model']}-{source.name}")
