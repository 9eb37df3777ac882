"""Our codec as a measured subject: what its decoder weighs, what it was trained on, and one measurement end to end."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import lzma
import tarfile
from pathlib import Path
from typing import Any

from coding import container
from coding.errors import KolmozipError
from compressor.system import files
from compressor.bench.inputs import CLEANED
from data.splits import SLICES

ROOMS = ("coding", "data", "models")
PRODUCT = ("__init__", "cli", "codec", "errors", "files", "packing", "progress", "registry")
"""Rooms, and modules of this one, whose source compresses and decompresses: the rest trains, measures and reports."""


class EmptyInput(KolmozipError):
    """No figure can be had from no bytes."""


def keep(facts: dict[str, Any], folder: Path, name: str) -> Path:
    """Writes the facts of one run under results/raw, whole or not at all; returns the path, which no other run has had."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{facts['date'].replace(':', '').replace('-', '')}"
    names = itertools.chain([f"{stem}.json"], (f"{stem}-{count}.json" for count in itertools.count(2)))
    path = next(path for path in map(folder.joinpath, names) if not path.exists())
    with files.open_output(str(path), force=False) as target:
        target.write((json.dumps(facts, indent=1) + "\n").encode())
    return path


def subject(source: Path) -> dict[str, Any]:
    """What was measured on: name, bytes, SHA-256. Raises EmptyInput."""
    with source.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256")
        size = data.tell()
    if not size:
        raise EmptyInput(f"{source} is empty, so there is nothing to measure: name another input")
    return {"input": source.name, "input_bytes": size, "input_sha256": digest.hexdigest()}


def program_bytes(beside: tuple[str, ...] = ()) -> int:
    """Size of our own source, and of the files named ``beside``: xz -9e of a tar of what compresses and decompresses, which
    a decoder needs beside the weights. Python, JAX, NumPy and constriction are not counted, as the C library is not in the
    rows of other codecs."""
    root, packed = Path(__file__).resolve().parent.parent, io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        own = [root / "compressor" / f"{name}.py" for name in PRODUCT]
        for path in sorted(
            [*own, *map(root.joinpath, beside), *(path for room in ROOMS for path in (root / room).glob("*.py"))]
        ):
            member = tarfile.TarInfo(str(path.relative_to(root)))
            member.size = path.stat().st_size
            archive.addfile(member, io.BytesIO(path.read_bytes()))
    return len(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def training_bytes_within(name: str, size: int) -> int | None:
    """How many bytes of a slice of enwik8 belong to the training split; 0 for the cleaned text of a slice that holds
    none of them; None for any other input: not known."""
    start, stop = SLICES.get(name.removesuffix(CLEANED), (0, -1))
    shared = max(0, min(stop, SLICES["train"][1]) - max(start, SLICES["train"][0]))
    if name in SLICES:
        return shared if stop - start == size else None
    return 0 if not shared and size < stop - start else None


def blocks(packed: Path) -> list[list[int]]:
    """(original bytes, bytes in the file) of each block: bits/char along the file."""
    with packed.open("rb") as source:
        blocks = container.read_blocks(source, container.read_header(source).version)
        found = [[block.length, container.BLOCK_BYTES + len(block.payload)] for block in blocks]
    return found[:-1]


def measure(source: Path, model: str | None, results: Path) -> tuple[dict[str, Any], Path]:
    """Compresses and restores source in fresh processes; start-up of Python and JAX counts in. Returns the facts and
    where they were kept. Raises UnknownModel, UnusableWeights, EmptyInput."""
    from compressor.bench.runner import run_job  # both build on this module
    from compressor.bench.jobs import model_job

    job = model_job(model)
    row = run_job(job, source, None, show=True)
    facts = {**row, "kind": "speed", "codec": "kolmozip", "restored": row["status"] == "verified"}
    return facts, keep(facts, results, f"speed-{row['model']}-{source.name}")
