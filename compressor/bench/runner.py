"""The benchmark: each codec through fresh processes, there and back, compared byte for byte, one JSON a run.

`run_job` makes a row of a job, verified or failed; `bench` runs many, skipping what the results folder has already.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import tempfile
from collections.abc import Generator, Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

from rich.console import Console

from compressor.bench.jobs import INPUT, OUTPUT, TRACE, Job
from compressor.bench.progress_board import Board, say
from compressor.bench.records import Row as Kept
from compressor.bench.records import keep, load, subject
from compressor.system.machine import environment
from compressor.system.process import Children, Ending

Row = dict[str, Any]

CHUNK = 1 << 20


def difference(original: Path, restored: Path) -> str | None:
    """What tells the restored file from the original; None where they are equal, byte for byte."""
    sizes = original.stat().st_size, restored.stat().st_size
    if sizes[0] != sizes[1]:
        return f"decoded bytes differ: {sizes[1]} of them where the input has {sizes[0]}"
    with original.open("rb") as left, restored.open("rb") as right:
        at = 0
        while ours := left.read(CHUNK):
            theirs = right.read(CHUNK)
            if ours != theirs:
                first = next(
                    i for i, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]
                )
                return f"decoded bytes differ: the first at offset {at + first}"
            at += len(ours)
    return None


def run_job(
    job: Job,
    source: Path,
    limit_s: float | None,
    *,
    about: Row | None = None,
    jobs: int = 1,
    children: Children | None = None,
    show: bool = False,
) -> Row:
    """Compresses and restores source, and returns the row: verified only where the restored bytes equal the source's.

    Whatever the codec does wrong makes a failed row with its reason. `limit_s` holds for each direction; `about` is
    `subject(source)` where the caller has it; `jobs` says how many run at the same time; `show` lets stderr through.
    """
    row = _blank(job, about or subject(source), jobs)
    try:
        reason = _there_and_back(job, source, limit_s, children or Children(), show, row)
    except (
        Exception
    ) as error:  # no disk space, a container nobody can read: nothing may cost the other rows
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    extra = {
        name: fact(row["input_bytes"]) if callable(fact) else fact
        for name, fact in job.extra.items()
    }
    return {
        **row,
        "status": "failed" if reason else "verified",
        "reason": reason,
        **extra,
        **environment(),
    }


def _blank(job: Job, about: Row, jobs: int) -> Row:
    """A row before its run: what is not known yet is None."""
    return {
        "kind": "row",
        "codec": job.codec,
        "family": job.family,
        "version": job.version,
        "command": job.command,
        "status": "failed",
        "reason": None,
        **about,
        "compressed_bytes": None,
        "weights_bytes": job.weights_bytes,
        "parameters": job.parameters,
        "program_bytes": None,
        "bits_per_char": None,
        **_costs("compress", 0, Ending(None)),
        **_costs("decompress", 0, Ending(None)),
        "training_bytes_within": job.training_bytes_within(about["input"], about["input_bytes"]),
        "portable": job.portable,
        "blocks": None,
        "jobs": jobs,
    }


def _there_and_back(
    job: Job, source: Path, limit_s: float | None, children: Children, show: bool, row: Row
) -> str | None:
    """Runs both directions and puts into the row what becomes known; returns why it failed, or None."""
    row["program_bytes"] = job.program_bytes()
    with tempfile.TemporaryDirectory(prefix="kolmozip-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        packed, restored, trace = folder / "packed", folder / "restored", folder / "trace"
        for verb, argv, given, made in (
            ("compress", job.compress, source, packed),
            ("decompress", job.decompress, packed, restored),
        ):
            paths = {INPUT: str(given.resolve()), OUTPUT: str(made), TRACE: str(trace)}
            ending = children.run([paths.get(word, word) for word in argv], limit_s, show, folder)
            row |= _costs(verb, row["input_bytes"], ending)
            if ending.reason:
                return f"{verb}: {ending.reason}"
            if not made.is_file() or not made.stat().st_size:
                return f"{verb}: wrote no output"
            row["compressed_bytes"] = packed.stat().st_size
        row["bits_per_char"] = round(8 * row["compressed_bytes"] / row["input_bytes"], 5)
        row["blocks"] = job.blocks(packed, trace)
        return difference(source, restored)


def _costs(verb: str, size: int, ending: Ending) -> Row:
    seconds = ending.seconds
    return {
        f"seconds_{verb}": None if seconds is None else round(seconds, 2),
        f"kb_per_s_{verb}": None if not seconds else round(size / 1000 / seconds, 2),
        f"peak_rss_bytes_{verb}": ending.peak_rss_bytes,
    }


def slug(name: str) -> str:
    """A codec's name as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _expected(kept: Sequence[Kept], size: int) -> dict[str, float]:
    """Codec -> seconds it should take there and back, by its newest speeds on whatever input."""
    return {
        row.codec: size / 1000 / row.kb_per_s_compress + size / 1000 / row.kb_per_s_decompress
        for row in sorted(kept, key=lambda row: row.age)
        if row.kb_per_s_compress and row.kb_per_s_decompress
    }


def _done(kept: Sequence[Kept], about: Row) -> dict[tuple[str, str | None], Kept]:
    """(codec, version) -> its verified row on this very input, name and bytes."""
    wanted = about["input"], about["input_sha256"]
    return {
        (row.codec, row.version): row for row in kept if (row.input, row.input_sha256) == wanted
    }


def bench(
    todo: Sequence[Job],
    source: Path,
    results: Path,
    limit_s: float | None = 3600,
    jobs: int = 1,
    again: bool = False,
    quiet: bool = False,
) -> list[Row]:
    """Runs the jobs on source and returns the rows of them all, those taken from the folder first.

    A job with a verified row in the folder for the same input, codec and version is not run, unless `again`. Each row is
    written the moment it is there; an interrupt loses only what is running. At most `jobs` run at a time, no more than
    there are cores, and neural ones by themselves. Raises EmptyInput, `rows.MalformedResult`, OSError.
    """
    results.mkdir(parents=True, exist_ok=True)
    about, console, kept = (
        subject(source),
        Console(stderr=True, quiet=quiet, highlight=False),
        load(results).rows,
    )
    done = {} if again else _done(kept, about)
    run = [job for job in todo if (job.codec, job.version) not in done]
    found = [
        dataclasses.asdict(done[job.codec, job.version])
        for job in todo
        if (job.codec, job.version) in done
    ]
    for row in found:
        say(console, f"{row['codec']}: verified already ({row['file']}); --again runs it anew")
    with Board([job.codec for job in run], _expected(kept, about["input_bytes"]), console) as board:
        for wave, width in _waves(run, jobs):
            with contextlib.closing(
                _run_wave(wave, width, source, about, limit_s, board)
            ) as coming:
                for row in coming:
                    board.finished(
                        row, keep(row, results, f"row-{slug(row['codec'])}-{source.name}")
                    )
                    found.append(row)
    return found


def _waves(run: Sequence[Job], jobs: int) -> Iterator[tuple[list[Job], int]]:
    """The jobs that may run side by side with how many at a time, then the others, one at a time."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    together = [job for job in run if not job.alone]
    if together:
        yield together, max(1, min(jobs, cores, len(together)))
    if len(together) < len(run):
        yield [job for job in run if job.alone], 1


def _run_wave(
    wave: Sequence[Job], width: int, source: Path, about: Row, limit_s: float | None, board: Board
) -> Generator[Row]:
    """Rows as they come; when the caller is interrupted, what runs is killed."""
    children = Children()

    def work(job: Job) -> Row:
        board.begun(job.codec)
        return run_job(job, source, limit_s, about=about, jobs=width, children=children)

    with futures.ThreadPoolExecutor(width) as pool:
        pending = {pool.submit(work, job) for job in wave}
        try:
            while pending:
                done, pending = futures.wait(
                    pending, timeout=1, return_when=futures.FIRST_COMPLETED
                )
                board.tick()
                yield from (future.result() for future in done)
        finally:  # at an interrupt, or when the caller closes this generator before its end
            for future in pending:
                future.cancel()
            children.stop()
