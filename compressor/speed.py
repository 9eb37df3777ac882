"""End-to-end measurement of the product in fresh processes."""

from __future__ import annotations

import filecmp
import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from coding import container
from compressor.facts import environment
from data.splits import SLICES

ROOMS = ("coding", "compressor", "data", "models")
"""Whose source a decoder of our files consists of."""


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


def program_bytes() -> int:
    """Size of our own source (xz -9e of a tar of the rooms that compress and decompress): what a decoder needs beside
    the weights. Python, JAX, NumPy and constriction are not counted, as the C library is not in the rows of other codecs."""
    root, packed = Path(__file__).resolve().parent.parent, io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(path for room in ROOMS for path in (root / room).glob("*.py")):
            member = tarfile.TarInfo(str(path.relative_to(root)))
            member.size = path.stat().st_size
            archive.addfile(member, io.BytesIO(path.read_bytes()))
    return len(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def training_bytes_within(name: str, size: int) -> int | None:
    """How many bytes of a slice of enwik8 belong to the training split; None for any other input: not known."""
    start, stop = SLICES.get(name, (0, -1))
    if stop - start != size:
        return None
    return max(0, min(stop, SLICES["train"][1]) - max(start, SLICES["train"][0]))


def _blocks(packed: Path) -> list[list[int]]:
    """(original bytes, bytes in the file) of each block: bits/char along the file."""
    with packed.open("rb") as source:
        container.read_header(source)
        found = [[block.length, container.BLOCK_BYTES + len(block.payload)] for block in container.read_blocks(source)]
    return found[:-1]


def measure(source: Path, model: str | None, results: Path) -> tuple[dict[str, Any], Path]:
    """Compresses and restores source; start-up of Python and JAX counts in. Returns the facts and where they were kept."""
    with tempfile.TemporaryDirectory() as folder:
        packed, restored = Path(folder) / "packed.kz", Path(folder) / "restored"
        choice = ["--model", model] if model else []
        there, memory_there = _child(["compress", str(source), "-o", str(packed), *choice])
        back, memory_back = _child(["decompress", str(packed), "-o", str(restored)])
        blocks = _blocks(packed)
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
        "program_bytes": program_bytes(),
        "training_bytes_within": training_bytes_within(source.name, about["input_bytes"]),
        "compressed_bytes": size,
        "bits_per_char": round(8 * size / max(1, about["input_bytes"]), 5),
        "restored": same,
        "seconds_compress": round(there, 2),
        "seconds_decompress": round(back, 2),
        "kb_per_s_compress": round(about["input_bytes"] / 1000 / there, 2),
        "kb_per_s_decompress": round(about["input_bytes"] / 1000 / back, 2),
        "peak_rss_bytes_compress": memory_there,
        "peak_rss_bytes_decompress": memory_back,
        "blocks": blocks,
        **environment(),
    }
    return facts, keep(facts, results, f"speed-{chosen.name}-{source.name}")
