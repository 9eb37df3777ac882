"""End-to-end measurement of the product in fresh processes, and the float model's estimate it is held against."""

from __future__ import annotations

import filecmp
import hashlib
import json
import math
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
    child = subprocess.Popen([sys.executable, "-m", "compressor.cli", *arguments])
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(child.returncode)
    return seconds, usage.ru_maxrss * 1024


def _keep(facts: dict[str, Any], folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{facts['date'].replace(':', '').replace('-', '')}.json"
    path.write_text(json.dumps(facts, indent=1) + "\n")
    return path


def _subject(source: Path) -> dict[str, Any]:
    data = source.read_bytes()
    return {"input": source.name, "input_bytes": len(data), "input_sha256": hashlib.sha256(data).hexdigest()}


def measure(source: Path, model: str | None, results: Path) -> tuple[dict[str, Any], Path]:
    """Compresses and restores source; start-up of Python and JAX counts in. Returns the facts and where they were kept."""
    from compressor import registry

    chosen = registry.by_name(model or registry.DEFAULT_MODEL)
    with tempfile.TemporaryDirectory() as folder:
        packed, restored = Path(folder) / "packed.kz", Path(folder) / "restored"
        choice = ["--model", model] if model else []
        there, memory_there = _child(["compress", str(source), "-o", str(packed), *choice])
        back, memory_back = _child(["decompress", str(packed), "-o", str(restored)])
        size, same = packed.stat().st_size, filecmp.cmp(source, restored, shallow=False)
    subject = _subject(source)
    facts = {
        "kind": "speed",
        "codec": "kolmozip",
        **subject,
        "model": chosen.name,
        "weights": chosen.identity.hex(),
        "weights_bytes": chosen.file_bytes,
        "compressed_bytes": size,
        "bits_per_char": round(8 * size / max(1, subject["input_bytes"]), 5),
        "restored": same,
        "seconds_compress": round(there, 2),
        "seconds_decompress": round(back, 2),
        "kb_per_s_compress": round(subject["input_bytes"] / 1000 / there, 2),
        "kb_per_s_decompress": round(subject["input_bytes"] / 1000 / back, 2),
        "peak_rss_bytes_compress": memory_there,
        "peak_rss_bytes_decompress": memory_back,
        **environment(),
    }
    return facts, _keep(facts, results, f"speed-{chosen.name}-{source.name}")


def float_estimate(source: Path, checkpoint: Path, results: Path) -> tuple[dict[str, Any], Path]:
    """Cross-entropy of the trained float parameters on source, with the lanes, cold starts and blocks of the coder."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from coding.container import MAX_BLOCK
    from compressor.training_command import trained
    from data.lanes import lane_count, lane_lengths, to_columns
    from models import lm
    from models.reference import FIRST_BYTE

    config, params = trained(checkpoint)
    data, bits, length = np.frombuffer(source.read_bytes(), np.uint8), 0.0, 64

    @jax.jit
    def window(text: Any, mask: Any, state: lm.State) -> tuple[Any, lm.State]:
        logits, state = lm.sequence(config, params, text[:-1], state)
        scores = jax.nn.log_softmax(logits)
        picked = jnp.take_along_axis(scores, text[1:, :, None].astype(jnp.int32), axis=2)[..., 0]
        return -jnp.sum(picked * mask) / math.log(2), state

    for start in range(0, data.size, MAX_BLOCK):
        block = data[start : start + MAX_BLOCK]
        lanes = lane_count(block.size)
        columns = to_columns(block, lanes)
        used = np.arange(len(columns))[:, None] < lane_lengths(block.size, lanes)
        text = np.concatenate([np.full((1, lanes), FIRST_BYTE, np.uint8), columns])
        state = lm.initial_state(config, lanes)
        for at in range(0, len(columns), length):
            some, state = window(jnp.asarray(text[at : at + length + 1]), jnp.asarray(used[at : at + length]), state)
            bits += float(some)
    facts = {
        "kind": "estimate",
        **_subject(source),
        "checkpoint": checkpoint.name,
        "bits": bits,
        "bits_per_char": round(bits / max(1, data.size), 5),
        **environment(),
    }
    return facts, _keep(facts, results, f"estimate-{checkpoint.name}-{source.name}")
