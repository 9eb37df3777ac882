"""Rows of the benchmark on a Dask cluster: each codec on a worker, which states its machine."""

from __future__ import annotations

import contextlib
import platform
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from coding.errors import KolmozipError
from compressor.bench.jobs import Job, jobs_named
from compressor.bench.records import Input
from compressor.bench.runner import run_job
from compressor.bench.store import Facts
from compressor.codec.cluster import Cluster, Order, connected
from compressor.errors import UnfitWorker
from compressor.system.extras import need

with need("cluster"):
    from distributed import Worker, get_worker
    from distributed.comm.addressing import get_address_host

_ALONE = threading.Lock()
"""Held in a worker while a codec runs there."""


class _Stopped(Exception):
    """Raised in a thread whose row is no longer wanted."""


def _versions(codecs: Sequence[str], dask_worker: Worker) -> list[str | None]:
    """The version of each codec in the worker that this runs in, None where it cannot run."""
    found: list[str | None] = []
    for name in codecs:
        try:
            found.append(jobs_named([name])[0].version)
        except KolmozipError:
            found.append(None)
    return found


def _row(
    order: Order,
    codec: str,
    name: str,
    data: bytes,
    limit_s: float | None,
    at_once: Mapping[str, int],
) -> Facts:
    """A worker's part of ``Workers.row``; ``at_once`` are the workers of each host."""
    order.check()
    (job,) = jobs_named([codec])
    jobs = at_once.get(get_address_host(get_worker().address), 1)
    with _ALONE, tempfile.TemporaryDirectory(prefix="kolmozip-input-") as folder:
        source = Path(folder, name)
        source.write_bytes(data)
        return run_job(job, source, limit_s, jobs=jobs) | {"worker": platform.node()}


class Workers:
    """The workers of a cluster as a ``runner.Elsewhere``."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._at_once = Counter[str]()
        self.width = 1
        """How many workers there are."""

    def prepare(self, todo: Sequence[Job]) -> None:
        """Raises UnfitWorker where a worker lacks a codec or has another version of it."""
        theirs = self._cluster.everywhere(_versions, [job.codec for job in todo])
        self.width = len(theirs)
        self._at_once = Counter(map(get_address_host, theirs))
        for address, versions in theirs.items():
            for job, version in zip(todo, versions, strict=True):
                if version != job.version:
                    has = f"has {job.codec} {version}" if version else f"cannot run {job.codec}"
                    raise UnfitWorker(
                        f"worker {address} {has}, here it is {job.version}: install the same "
                        "there, or name the codecs to run by --codec"
                    )

    def row(
        self,
        job: Job,
        source: Path,
        subject: Input,
        limit_s: float | None,
        stopped: threading.Event,
    ) -> Facts:
        """As ``runner.run_job`` on a worker, with its host's name as ``worker``.

        ``jobs`` says how many workers share the host. A worker that is stopped ends what it runs.
        """

        def go_on(_: int) -> None:
            if stopped.is_set():
                raise _Stopped

        how = (self._cluster.order, job.codec, subject.name, source.read_bytes(), limit_s)
        at_once = dict(self._at_once)
        return self._cluster.done(_row, *how, at_once, length=subject.size, progress=go_on)


@contextlib.contextmanager
def workers(address: str) -> Iterator[Workers]:
    """The workers of the scheduler at this address. Raises as ``codec.cluster.connected``."""
    with connected(address) as cluster:
        yield Workers(cluster)
