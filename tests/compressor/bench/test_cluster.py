"""Rows on a Dask cluster of two workers: kept as rows of here are, and they state their machine."""

from __future__ import annotations

import dataclasses
import json
import platform
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from compressor.bench.jobs import Job, jobs_named
from compressor.bench.records import Input
from compressor.bench.runner import bench
from compressor.errors import UnfitWorker
from compressor.system.machine import environment

pytest.importorskip("distributed", reason="the extra cluster is not installed")
from distributed import LocalCluster

from compressor.bench.cluster import workers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(patient_dask: None) -> Iterator[str]:
    """The scheduler of two workers in processes of their own."""
    how = {"threads_per_worker": 2, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=2, **how) as local:
        yield local.scheduler_address


def test_codecs_run_on_workers_and_rows_say_where(
    address: str, source: Path, raw: Path, cli: Callable[..., Result]
) -> None:
    names = ["gzip -9 (library)", "xz -9e"]
    choice = [word for name in names for word in ("--codec", name)]
    results = ["--results", raw.parent, "--json", "-q"]
    done = cli("bench", "run", source, *choice, *results, "--cluster", address)
    assert done.exit_code == 0, done.output
    rows = [json.loads(path.read_text()) for path in raw.iterdir()]
    assert sorted(row["codec"] for row in rows) == names
    here = environment()
    (alone, _) = bench(jobs_named(names), source, raw.parent / "here", quiet=True)
    for row in rows:
        assert (row["status"], row["worker"], row["jobs"]) == ("verified", platform.node(), 2)
        assert (row["processor"], row["cores"]) == (here["processor"], here["cores"])
        assert (row["input"], row["input_sha256"]) == (source.name, Input.of(source).sha256)
        if row["codec"] == alone.codec:
            assert row["compressed_bytes"] == alone.compressed_bytes
    again = cli("bench", "run", source, *choice, *results, "--cluster", address)
    assert (again.exit_code, len(list(raw.iterdir()))) == (0, 2), "verified rows are not run anew"


def test_a_codec_that_workers_lack_is_refused_by_name(
    address: str, source: Path, raw: Path, toy: Callable[..., Job]
) -> None:
    (older,) = (dataclasses.replace(job, version="0") for job in jobs_named(["xz -9e"]))
    with workers(address) as there:
        with pytest.raises(UnfitWorker, match="cannot run toy, here it is 1"):
            bench([toy()], source, raw, quiet=True, elsewhere=there)
        with pytest.raises(UnfitWorker, match=r"has xz -9e .*, here it is 0"):
            bench([older], source, raw, quiet=True, elsewhere=there)
    assert list(raw.iterdir()) == []


def test_waiting_for_a_row_ends_when_the_benchmark_is_stopped(
    address: str, source: Path, raw: Path
) -> None:
    stopped = threading.Event()
    stopped.set()
    with workers(address) as there:
        (job,) = jobs_named(["xz -9e"])
        there.prepare([job])
        # Much slower than the first look at whether it is still wanted.
        source.write_bytes(source.read_bytes() * 400)
        with pytest.raises(Exception) as raised:
            there.row(job, source, Input.of(source), None, stopped)
    assert type(raised.value).__name__ == "_Stopped"
