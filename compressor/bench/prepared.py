"""What a prepared memory is worth: small files of a kind, with it and without, beside zstd's."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import zstandard

from compressor.bench.store import Facts, keep, significant
from compressor.codec import registry, stream
from compressor.codec.levels import LEVELS
from compressor.codec.prepared import Memory
from compressor.errors import UnusableMemory
from compressor.system.machine import environment
from compressor.system.plain_table import plain_table
from compressor.system.progress import bar

MOST = 1000
"""Files that are read beforehand, and files that are coded, at most, where nobody says other."""
DICTIONARY_BYTES = 112_640
"""What `zstd --train` makes where nobody says otherwise."""
ZSTD_LEVEL = 19
STARTED = 5
"""Files that are restored by processes of their own, of whose seconds the median counts."""


def measure(
    folder: Path, levels: tuple[int, ...], results: Path, quiet: bool, most: int = MOST
) -> tuple[Facts, Path]:
    """Codes every second file of a folder, by name, with what the others taught.

    Of each way the bytes of all files together; all are restored and compared. Seconds are those of
    one process that codes them all, a file; and of a process that restores one, start to end.
    Raises UnusableMemory where there are fewer than two files.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    known, coded = files[::2][:most], files[1::2][:most]
    if not coded:
        raise UnusableMemory(f"{folder} has fewer than two files: name a folder of small files")
    texts = {path.name: path.read_bytes() for path in known}
    data = [path.read_bytes() for path in coded]
    rows = _zstd(list(texts.values()), data)
    with tempfile.TemporaryDirectory() as temporary:
        for level in levels:
            coders = registry.coders(LEVELS[level].models)
            rows.append(_row(f"kolmozip -{level}", _ours(data, level, coders=coders), 0))
            path = Path(temporary, f"{level}.kzm")
            with bar(sum(map(len, texts.values())), f"memory -{level}", quiet) as progress:
                memory = Memory.build(path, texts, level, progress=progress)
            ours = _ours(data, level, prepared=memory.coder())
            row = _row(f"kolmozip -{level} -D", ours, path.stat().st_size)
            row["restore_one_s"] = _started(data[:STARTED], memory)
            row["network"] = any(memory.weights_id)
            rows.append(row)
    facts = {
        "kind": "prepared memory",
        "input": folder.name,
        "files_read": len(known),
        "bytes_read": sum(map(len, texts.values())),
        "files_coded": len(data),
        "bytes_coded": sum(map(len, data)),
        "rows": rows,
        **environment(),
    }
    return facts, keep(facts, results, f"memory-{folder.name}")


def _row(
    codec: str, sizes_and_seconds: tuple[int, float, float], memory_bytes: int
) -> dict[str, Any]:
    size, encoding, decoding = sizes_and_seconds
    return {
        "codec": codec,
        "bytes": size,
        "compress_ms": significant(1000 * encoding),
        "restore_ms": significant(1000 * decoding),
        "memory_bytes": memory_bytes,
    }


def _zstd(known: list[bytes], data: list[bytes]) -> list[dict[str, Any]]:
    rows = []
    trained = zstandard.train_dictionary(DICTIONARY_BYTES, list(known), level=ZSTD_LEVEL)
    for name, dictionary in (("", None), (" --train", trained)):
        packer = zstandard.ZstdCompressor(level=ZSTD_LEVEL, dict_data=dictionary)
        opener = zstandard.ZstdDecompressor(dict_data=dictionary)
        begun = time.perf_counter()
        packed = [packer.compress(one) for one in data]
        middle = time.perf_counter()
        restored = [opener.decompress(one) for one in packed]
        seconds = (middle - begun) / len(data), (time.perf_counter() - middle) / len(data)
        assert restored == data, "zstd restores what it was given"
        size = len(dictionary.as_bytes()) if dictionary else 0
        rows.append(_row(f"zstd -{ZSTD_LEVEL}{name}", (sum(map(len, packed)), *seconds), size))
    return rows


def _ours(data: list[bytes], level: int, **how: Any) -> tuple[int, float, float]:
    import io

    begun = time.perf_counter()
    packed = []
    for one in data:
        target = io.BytesIO()
        stream.compress_stream(io.BytesIO(one), target, level, **how)
        packed.append(target.getvalue())
    middle = time.perf_counter()
    how.pop("coders", None)
    for one, original in zip(packed, data, strict=True):
        target = io.BytesIO()
        stream.decompress_stream(io.BytesIO(one), target, **how)
        assert target.getvalue() == original, "a file is restored as it was"
    seconds = (middle - begun) / len(data), (time.perf_counter() - middle) / len(data)
    return sum(map(len, packed)), *seconds


def _started(data: list[bytes], memory: Memory) -> float:
    """Median seconds of commands that restore a file each."""
    seconds = []
    for one in data:
        packed = stream.compress(one, memory=memory)
        command = [sys.executable, "-m", "compressor", "-d", "-c", "-D", str(memory.path)]
        begun = time.perf_counter()
        done = subprocess.run(command, input=packed, capture_output=True, check=True)
        seconds.append(time.perf_counter() - begun)
        assert done.stdout == one, "a command restores a file as it was"
    return significant(statistics.median(seconds))


def table(facts: Facts) -> str:
    """The rows as text."""
    columns = ["codec", ">bytes", ">ms in", ">ms out", ">memory", ">one, s"]
    rows = [
        [
            row["codec"],
            f"{row['bytes']:,}",
            f"{row['compress_ms']:g}",
            f"{row['restore_ms']:g}",
            f"{row['memory_bytes']:,}" if row["memory_bytes"] else "-",
            f"{row['restore_one_s']:g}" if "restore_one_s" in row else "-",
        ]
        for row in facts["rows"]
    ]
    head = (
        f"{facts['files_coded']:,} files of {facts['input']}, {facts['bytes_coded']:,} bytes, "
        f"after {facts['files_read']:,} others, {facts['bytes_read']:,} bytes"
    )
    return f"{head}\n{plain_table(columns, rows)}"
