"""The benchmark: each codec through fresh processes, there and back, compared, one JSON a run.

``run_job`` makes a row of a job, verified or failed; ``bench`` runs many, skipping those that the
folder of results has verified rows of.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent import futures
from pathlib import Path
from typing import Protocol

from compressor.bench.jobs import INPUT, OUTPUT, TRACE, Job
from compressor.bench.measuring import Outcome, Run, Verb, there_and_back
from compressor.bench.progress_board import Board, console
from compressor.bench.records import Input, Row, load, row_of
from compressor.bench.store import Facts, keep, prepare
from compressor.system.machine import environment
from compressor.system.process import Children, Ending
from compressor.system.resources import cores


class Elsewhere(Protocol):
    """Other machines that run codecs, such as the workers of a cluster."""

    @property
    def width(self) -> int:
        """Codecs that are run at a time, one a machine."""

    def prepare(self, todo: Sequence[Job]) -> None:
        """Checks that every machine can run the jobs."""

    def row(
        self,
        job: Job,
        source: Path,
        subject: Input,
        limit_s: float | None,
        stopped: threading.Event,
    ) -> Facts:
        """As ``run_job``, on one of the machines; waiting for it ends once it is stopped."""


def run_job(
    job: Job,
    source: Path,
    limit_s: float | None = None,
    *,
    subject: Input | None = None,
    jobs: int = 1,
    children: Children | None = None,
    show: bool = False,
) -> Facts:
    """Compresses and restores source in fresh processes and returns the row, verified or failed.

    Whatever the codec does wrong makes a failed row with its reason. ``limit_s`` holds for each
    direction; ``subject`` is ``Input.of(source)`` where the caller has it; ``jobs`` says how many
    run at the same time; ``show`` lets the commands' stderr through. Raises EmptyInput.
    """
    subject = subject or Input.of(source)
    outcome, program_bytes, blocks = Outcome(subject.size), None, None
    recipe: Facts = {}
    try:
        program_bytes = job.program_bytes()
        with tempfile.TemporaryDirectory(
            prefix="kolmozip-bench-", ignore_cleanup_errors=True
        ) as name:
            folder = Path(name)
            trace = folder / "trace"
            run = in_processes(job, trace, children or Children(), limit_s, show)
            there_and_back(run, source, folder, outcome)
            if outcome.reason is None:
                blocks = job.blocks(folder / "packed", trace)
                recipe = job.recipe(folder / "packed")
    # No disk space, a container nobody can read: nothing may cost the rows of other codecs.
    except Exception as error:
        outcome.reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return {
        "kind": "row",
        "codec": job.codec,
        "family": job.family,
        "version": job.version,
        "command": job.command,
        "status": "failed" if outcome.reason else "verified",
        "reason": outcome.reason,
        **subject.facts,
        "weights_bytes": job.weights_bytes,
        "parameters": job.parameters,
        "program_bytes": program_bytes,
        **outcome.facts,
        "training_bytes_within": job.training_bytes_within(subject.name, subject.size),
        "portable": job.portable,
        "blocks": blocks,
        "jobs": jobs,
        **job.extra,
        **recipe,
        **environment(),
    }


def in_processes(
    job: Job, trace: Path, children: Children, limit_s: float | None, show: bool
) -> Run:
    """The commands of a job, each in a fresh process, with temporary files beside their output."""
    commands = {"compress": job.compress, "decompress": job.decompress}

    def run(verb: Verb, source: Path, target: Path) -> Ending:
        paths = {INPUT: str(source.resolve()), OUTPUT: str(target), TRACE: str(trace)}
        command = [paths.get(word, word) for word in commands[verb]]
        return children.run(command, limit_s, show, scratch=target.parent)

    return run


def bench(
    todo: Sequence[Job],
    source: Path,
    results: Path,
    *,
    limit_s: float | None = 3600,
    jobs: int = 1,
    again: bool = False,
    quiet: bool = False,
    group: str | None = None,
    elsewhere: Elsewhere | None = None,
) -> list[Row]:
    """Runs the jobs on source and returns the rows of them all, those kept already first.

    A job with a verified row in the folder for the same input, codec and version is not run, unless
    ``again``; ``group`` is the group of files that the source is one of, if any. Each row is
    written the moment it is there; an interrupt loses only what is running. At most ``jobs`` run at
    a time, no more than there are cores, and those that use every core by themselves. With other
    machines ``elsewhere``, each of them runs one at a time. Raises EmptyInput, MalformedResult,
    InputMissing, NoPermission, DiskFull, and what ``elsewhere`` raises.
    """
    prepare(results)
    subject = Input.of(source)
    kept = [row for row in load(results).rows if row.verified]
    same = [row for row in kept if (row.subject, row.group) == (subject, group)]
    here = [] if again else same
    done = {(row.codec, row.version): row for row in here}
    rows = [done[job.key] for job in todo if job.key in done]
    run = [job for job in todo if job.key not in done]
    name = f"{group}-{subject.name}" if group else subject.name
    screen = console(quiet)
    with Board([job.codec for job in run], _expected(kept, subject.size), screen) as board:
        for row in rows:
            board.say(f"{row.codec}: verified already ({row.file}); --again runs it anew")
        if elsewhere is not None:
            elsewhere.prepare(run)
        for wave, width in [(run, elsewhere.width)] if elsewhere else _waves(run, jobs):
            coming = _run_wave(wave, width, source, subject, limit_s, board, elsewhere)
            with contextlib.closing(coming):
                for measured in coming:
                    facts = {**measured, "group": group} if group else measured
                    path = keep(facts, results, f"row-{facts['codec']}-{name}")
                    rows.append(row_of(facts, path))
                    board.finished(rows[-1])
    return rows


def _expected(kept: Sequence[Row], size: int) -> dict[str, float]:
    """Codec -> seconds it should take there and back, by its newest row on whatever input."""
    return {
        row.codec: size / 1000 / row.kb_per_s_compress + size / 1000 / row.kb_per_s_decompress
        for row in kept
        if row.kb_per_s_compress and row.kb_per_s_decompress
    }


def _waves(run: Sequence[Job], jobs: int) -> Iterator[tuple[list[Job], int]]:
    """The jobs that may run side by side with how many at a time, then the others one by one."""
    together = [job for job in run if not job.alone]
    if together:
        yield together, min(jobs, cores(), len(together))
    if alone := [job for job in run if job.alone]:
        yield alone, 1


def _run_wave(
    wave: Sequence[Job],
    width: int,
    source: Path,
    subject: Input,
    limit_s: float | None,
    board: Board,
    elsewhere: Elsewhere | None,
) -> Generator[Facts]:
    """Rows as they come; when the caller is interrupted, what runs is killed."""
    children, stopped = Children(), threading.Event()

    def work(job: Job) -> Facts:
        board.begun(job.codec)
        if elsewhere is not None:
            return elsewhere.row(job, source, subject, limit_s, stopped)
        return run_job(job, source, limit_s, subject=subject, jobs=width, children=children)

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
            stopped.set()
