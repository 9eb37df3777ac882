"""Groups of plain files, one of each kind, as inputs of the benchmark: every file is a row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coding.errors import KolmozipError
from compressor.bench.jobs import catalogue, jobs_named
from compressor.bench.records import GROUPS, Row
from compressor.bench.runner import Elsewhere, bench
from compressor.system.plain_table import plain_table
from data.corpora import VARIABLE, folder_named

CODECS = (
    *("kolmozip -6", "kolmozip -3", "zpaq -m5", "paq8px -8", "xz -9e"),
    "PPMd o16 mem=1g (library)",
)
"""What runs on a group unless other codecs are asked for, as far as it can run here."""
COLUMNS = ("codec", ">files", ">restored", ">bytes in", ">bytes out", ">bits/char")


class MissingFiles(KolmozipError):
    """The files of a group are not at hand."""


def files_of(group: str) -> list[Path]:
    """The files of a group by name, from a folder beside the corpora. Raises MissingFiles."""
    folder = folder_named(group)
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder else []
    if not files:
        raise MissingFiles(
            f"no files in a folder {group} where the corpora are: write them by "
            f"`kolmozip corpus files {GROUPS[group]} -o FOLDER/{group}` and name the FOLDER in "
            f"{VARIABLE}"
        )
    return files


def bench_files(
    group: str,
    codecs: Sequence[str],
    results: Path,
    *,
    limit_s: float | None,
    jobs: int,
    again: bool,
    quiet: bool,
    elsewhere: Elsewhere | None = None,
) -> list[Row]:
    """Runs codecs, or those of CODECS that can run here, on every file of a group, as ``bench``.

    Raises MissingFiles, UnknownCodec, and what ``bench`` raises.
    """
    files = files_of(group)
    here = catalogue()
    todo = jobs_named(codecs or [name for name in CODECS if name in here])
    rows = []
    for source in files:
        rows += bench(
            todo,
            source,
            results,
            limit_s=limit_s,
            jobs=jobs,
            again=again,
            quiet=quiet,
            group=group,
            elsewhere=elsewhere,
        )
    return rows


def table(rows: Sequence[Row]) -> str:
    """The sums of each codec over the files that it restored; below them, what failed and why."""
    lines = []
    for codec in dict.fromkeys(row.codec for row in rows):
        every = [row for row in rows if row.codec == codec]
        good = [row for row in every if row.verified]
        given, made = sum(row.input_bytes for row in good), sum(row.payload for row in good)
        rate = f"{8 * made / given:.3f}" if given else "-"
        lines.append([codec, str(len(every)), str(len(good)), f"{given:,}", f"{made:,}", rate])
    failed = [
        f"failed: {row.codec} on {row.input}: {row.reason}" for row in rows if not row.verified
    ]
    return "\n".join([plain_table(COLUMNS, lines), *failed])
