"""What coding much data costs: a file, or all files of a folder, at some levels, and a terabyte.

Each direction is one fresh process that codes all files over all cores, as people would do it; all
are restored and compared. What a terabyte takes is no measurement: the figures of what was coded
times how often it goes into a terabyte, which the page says beside each of them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coding.errors import KolmozipError
from compressor.bench.measuring import VERBS, difference
from compressor.bench.store import Facts, keep, prepare, significant
from compressor.errors import InputMissing
from compressor.system.files import named_errors
from compressor.system.machine import environment
from compressor.system.plain_table import plain_table
from compressor.system.process import Children, Ending
from compressor.system.progress import bar

TERABYTE = 10**12
"""Bytes that costs are stated for."""
LEVELS = (1, 3, 6)
"""What is measured where nobody says otherwise."""
PROGRAM = """
import runpy, sys
names, *arguments = sys.argv[1:]
with open(names) as listed:
    sys.argv = ["kolmozip", *arguments, "--", *listed.read().split("\\0")]
runpy.run_module("compressor", run_name="__main__")
"""
"""The program on files whose names are in a file, which may be more than a command line takes."""


class ScaleFailed(KolmozipError):
    """A direction did not end well, or a file did not come back as it was."""


def files_of(source: Path) -> list[Path]:
    """The file, or all regular files below the folder, without those of no bytes.

    Raises InputMissing where there is none.
    """
    with named_errors(str(source)):
        paths = [source] if source.is_file() else sorted(source.rglob("*"))
        files = [path for path in paths if path.is_file() and not path.is_symlink()]
        files = [path for path in files if path.stat().st_size]
    if not files:
        raise InputMissing(f"{source}: no file with bytes in it; name a file or a folder of files")
    return files


def measure(
    source: Path, levels: Sequence[int], results: Path, quiet: bool = True
) -> tuple[Facts, Path]:
    """Codes all files there and back at each level; returns the facts and where they were kept.

    Raises InputMissing, ScaleFailed, NoPermission, DiskFull.
    """
    files = files_of(source)
    prepare(results)
    total = sum(path.stat().st_size for path in files)
    with bar(2 * len(levels) * total, "scale", quiet) as progress:
        rows = [_row(files, level, lambda: progress(total)) for level in levels]
    facts = {
        "kind": "scale",
        "input": source.resolve().name,
        "input_bytes": total,
        "files": len(files),
        "rows": rows,
        **environment(),
    }
    return facts, keep(facts, results, f"scale-{facts['input']}")


def _row(files: Sequence[Path], level: int, progress: Callable[[], None]) -> dict[str, Any]:
    """Bytes, seconds and peak memory of a level; ``progress`` is called after each direction."""
    with tempfile.TemporaryDirectory(prefix="kolmozip-scale-") as name:
        folder = Path(name)
        copies = [folder / f"{number:07}" for number in range(len(files))]
        for copy, path in zip(copies, files, strict=True):
            copy.symlink_to(path.resolve())
        packing = _run(["compress", f"-{level}"], copies, folder)
        progress()
        for copy in copies:
            copy.unlink()  # else the original would be written to
        packed = [copy.with_name(f"{copy.name}.kz") for copy in copies]
        restoring = _run(["decompress"], packed, folder)
        progress()
        for copy, path in zip(copies, files, strict=True):
            if (reason := difference(path, copy)) is not None:
                raise ScaleFailed(f"{path} at level {level}: {reason}; please report this")
        size = sum(path.stat().st_size for path in packed)
    row: dict[str, Any] = {"level": level, "compressed_bytes": size}
    for verb, ending in (("compress", packing), ("decompress", restoring)):
        row[f"seconds_{verb}"] = significant(ending.seconds or 0)
        row[f"peak_rss_bytes_{verb}"] = ending.peak_rss_bytes
    return row


def _run(how: Sequence[str], files: Sequence[Path], folder: Path) -> Ending:
    """The program on these files in a fresh process. Raises ScaleFailed."""
    names = folder / "names"
    names.write_text("\0".join(map(str, files)))
    command = [sys.executable, "-P", "-c", PROGRAM, str(names), *how, "-q"]
    ending = Children().run(command, scratch=folder)
    if ending.reason is not None:
        raise ScaleFailed(f"{' '.join(how)}: {ending.reason}")
    return ending


def terabyte(facts: Facts, row: Mapping[str, Any]) -> dict[str, float]:
    """What a terabyte takes at the rate of a row: bytes, and core-hours each way.

    A core counts for as long as it was there to be used, whether or not it was.
    """
    factor = TERABYTE / facts["input_bytes"]
    hours = factor * facts["cores"] / 3600
    return {
        "factor": factor,
        "compressed_bytes": factor * row["compressed_bytes"],
        "core_hours_compress": hours * row["seconds_compress"],
        "core_hours_decompress": hours * row["seconds_decompress"],
    }


def counted(files: int) -> str:
    """So many files, in words."""
    return f"{files:,} file{'s' * (files != 1)}"


def table(facts: Facts) -> str:
    """The rows as text, with core-hours for a terabyte."""
    columns = [">level", ">bytes", ">s in", ">s out", ">MB in", ">MB out", ">TB in", ">TB out"]
    lines = []
    for row in facts["rows"]:
        costs = terabyte(facts, row)
        lines.append(
            [
                f"-{row['level']}",
                f"{row['compressed_bytes']:,}",
                *(f"{row[f'seconds_{verb}']:g}" for verb in VERBS),
                *(f"{row[f'peak_rss_bytes_{verb}'] / 1e6:,.0f}" for verb in VERBS),
                *(f"{costs[f'core_hours_{verb}']:,.0f}" for verb in VERBS),
            ]
        )
    head = (
        f"{counted(facts['files'])}, {facts['input']}: {facts['input_bytes']:,} bytes, on "
        f"{facts['cores']} cores; TB: core-hours for a terabyte, this times "
        f"{TERABYTE / facts['input_bytes']:,.0f}"
    )
    return f"{head}\n{plain_table(columns, lines)}"
