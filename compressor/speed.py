"""End-to-end measurement of the product in fresh processes."""

from __future__ import annotations

import filecmp
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from compressor.facts import environment


def _child(arguments: list[str]) -> tuple[float, int]:
    """Runs the command line in a fresh process; returns seconds and its peak resident bytes."""
    begun = time.monotonic()
    child = subprocess.Popen([sys.executable, "-P", "-m", "compressor.cli", *arguments])
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(child.returncode)
    return seconds, usage.ru_maxrss * 1024


def keep(facts: dict[str, Any], folder: Path, name: str) -> Path:
    """Writes the facts of one run under results/raw; returns the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{facts['date'].replace(':', '').replace('-', '')}.json"
    path.write_text(json.dumps(facts, indent=1) + "\n")
    return path


def subject(source: Path) -> dict[str, Any]:
    """What was measured on: name, bytes, SHA-256."""
    data = source.read_bytes()
    return {"input": source.name, "input_bytes": len(data), "input_sha256": hashlib.sha256(data).hexdigest()}


def measure(source: Path, model: str | None, results: Path) -> tuple[dict[str, Any], Path]:
    """Compresses and restores source; start-up of Python and JAX counts in. Returns the facts and where they were kept."""
    with tempfile.TemporaryDirectory() as folder:
        packed, restored = Path(folder) / "packed.kz", Path(folder) / "restored"
        choice = ["--model", model] if model else []
        there, memory_there = _child(["compress", str(source), "-o", str(packed), *choice])
        back, memory_back = _child(["decompress", str(packed), "-o", str(restored)])
        size, same = packed.stat().st_size, filecmp.cmp(source, restored, shallow=False)
    from compressor import registry  # after the children: their peak memory would count ours in, before they start

    chosen = registry.by_name(model or registry.DEFAULT_MODEL)
    about = subject(source)
    facts = {
        "kind": "speed",
        "codec": "kolmozip",
        **about,
        "model": chosen.name,
        "weights": chosen.identity.hex(),
        "weights_bytes": chosen.file_bytes,
        "compressed_bytes": size,
        "bits_per_char": round(8 * size / max(1, about["input_bytes"]), 5),
        "restored": same,
        "seconds_compress": round(there, 2),
        "seconds_decompress": round(back, 2),
        "kb_per_s_compress": round(about["input_bytes"] / 1000 / there, 2),
        "kb_per_s_decompress": round(about["input_bytes"] / 1000 / back, 2),
        "peak_rss_bytes_compress": memory_there,
        "peak_rss_bytes_decompress": memory_back,
        **environment(),
    }
    return facts, keep(facts, results, f"speed-{chosen.name}-{source.name}")
