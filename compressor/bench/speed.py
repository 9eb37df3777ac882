"""Our codec as a measured subject: what its decoder weighs, what it was trained on, and one measurement end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compressor.bench.jobs import model_job
from compressor.bench.records import keep
from compressor.bench.runner import run_job


def measure(source: Path, model: str | None, results: Path) -> tuple[dict[str, Any], Path]:
    """Compresses and restores source in fresh processes; start-up of Python and JAX counts in. Returns the facts and
    where they were kept. Raises UnknownModel, UnusableWeights, EmptyInput."""

    job = model_job(model)
    row = run_job(job, source, None, show=True)
    facts = {**row, "kind": "speed", "codec": "kolmozip", "restored": row["status"] == "verified"}
    return facts, keep(facts, results, f"speed-{row['model']}-{source.name}")
