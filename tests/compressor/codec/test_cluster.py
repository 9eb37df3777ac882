"""Files through a Dask cluster of two workers: the same bytes, also where a worker is killed.

Workers that lack something are refused before a block is sent, and a cluster that is not there, or
is there no longer, has its error.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from coding.container import Kind
from compressor.codec import levels, native, pieces, registry
from compressor.codec.seams import BlockCodec
from data.samples import sample

pytest.importorskip("distributed", reason="the extra cluster is not installed")
from distributed import Client, LocalCluster

from compressor.codec import cluster as ours

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(native.absent() is not None, reason="JAX takes minutes"),
]

Run = Callable[..., Result]

TEXTS = {
    "long.txt": sample()[:30_000],
    "mixed.bin": bytes(9000) + sample()[50_000:53_000] + bytes(range(256)) * 40,
    **{f"{number}.txt": sample()[number * 700 :][: 300 + 500 * number] for number in range(4)},
    "empty": b"",
}


@pytest.fixture
def local(_weights_at_hand: None, patient_dask: None) -> Iterator[LocalCluster]:
    """Two workers in processes of their own, which a test may spoil."""
    how = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=2, **how) as local:
        yield local


@pytest.fixture
def everywhere(local: LocalCluster) -> Iterator[Callable[..., dict[str, Any]]]:
    """Runs a function on both workers."""
    with Client(local.scheduler_address, set_as_default=False) as client:
        yield client.run


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files in the folder to work in, whose blocks have 8,000 bytes at most."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(levels.Level, "block_bytes", 8000)
    monkeypatch.setattr(pieces, "GRANULE", 4000)
    monkeypatch.setattr(ours, "CONNECT_S", 300.0)  # no verdict here rests on it
    for name, text in TEXTS.items():
        Path(name).write_bytes(text)
    return [*TEXTS]


def contents(suffix: str = "") -> dict[str, bytes]:
    return {name: Path(name).read_bytes() for name in os.listdir() if name.endswith(suffix)}


def hold_once(folder: str, name: str) -> None:
    """On a worker: the first block of all that a function is given is never done.

    The file "pid" in the folder then names the worker's process.
    """
    import os
    import threading
    from pathlib import Path

    from compressor.codec import stream

    real = getattr(stream, name)

    def held(*arguments: Any) -> Any:
        mine = Path(folder, f"{os.getpid()}")
        mine.write_text(mine.name)
        try:
            os.link(mine, Path(folder, "pid"))
        except FileExistsError:
            return real(*arguments)
        threading.Event().wait()

    setattr(stream, name, held)


@contextlib.contextmanager
def one_killed(folder: Path, everywhere: Callable[..., Any], name: str) -> Iterator[None]:
    """In the body a worker is killed while it is at work on a block; that one was, is asserted."""
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    folder.mkdir()
    everywhere(hold_once, str(folder), name)
    ended, killed = threading.Event(), list[int]()

    def kill() -> None:
        while not ended.wait(0.01):
            if (folder / "pid").exists():
                killed.append(int((folder / "pid").read_text()))
                os.kill(killed[0], signal.SIGKILL)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert killed


def test_a_killed_worker_costs_no_byte(
    names: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    local: LocalCluster,
    everywhere: Callable[..., Any],
    cli: Run,
    pack: Run,
) -> None:
    assert pack(*names).exit_code == 0
    alone, here = contents(".kz"), ("--cluster", local.scheduler_address)
    folder = tmp_path_factory.mktemp("killed")
    with one_killed(folder / "packing", everywhere, "make_block"):
        result = pack("-f", *here, *names)
    assert (result.exit_code, contents(".kz")) == (0, alone), result.output
    told = [line.split(" ->")[0] for line in result.stderr.splitlines()]
    assert told == names, "in their order"
    for name in names:
        Path(name).unlink()
    with one_killed(folder / "opening", everywhere, "open_block"):
        result = cli("decompress", *here, *alone)
    assert (result.exit_code, contents()) == (0, alone | TEXTS), result.output


def test_one_file_a_pipe_and_a_check_go_through_the_cluster(
    names: list[str], local: LocalCluster, cli: Run
) -> None:
    here = ("--cluster", local.scheduler_address)
    text = TEXTS["long.txt"]
    for level in ("-1", "-6"):
        alone = cli(level, "-c", "long.txt").stdout_bytes
        assert cli(level, "-c", *here, "long.txt").stdout_bytes == alone
        assert cli(level, *here, stdin=text).stdout_bytes == alone
        assert cli("-d", *here, stdin=alone).stdout_bytes == text
    Path("long.kz").write_bytes(alone)
    assert cli("test", *here, "long.kz").exit_code == 0
    Path("long.kz").write_bytes(alone[:400] + b"\0" + alone[401:])
    result = cli("test", *here, "long.kz", "absent.kz")
    assert [line.rsplit("[")[-1] for line in result.stderr.splitlines()] == [
        "Damaged]",
        "InputMissing]",
    ]


def test_a_bound_on_memory_and_other_options_write_the_same(
    names: list[str], local: LocalCluster, cli: Run
) -> None:
    for how in (["-3", "--max-memory", "300M"], ["-6", "--lanes", "2"], ["-m", "nano"]):
        alone = cli("-c", *how, "long.txt").stdout_bytes
        result = cli("-c", *how, "--cluster", local.scheduler_address, "long.txt")
        assert result.stdout_bytes == alone


def spoil(what: str) -> None:
    """On a worker: makes it another one than it should be."""
    import os
    import sys

    import compressor

    if what == "version":
        compressor.__version__ = "0.0.1"
    elif what == "engine":
        os.environ["KOLMOZIP_ENGINE"] = "jax"
    elif what == "weights":
        del os.environ["KOLMOZIP_WEIGHTS"]
    else:
        sys.modules["compressor.codec.cluster"] = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("version", ": version '0.0.1' on a worker, "),
        ("engine", ": engine 'jax' on a worker, 'native, "),
        ("weights", "put nano.kzw into a folder there"),
        ("module", " cannot run kolmozip (ModuleNotFoundError("),
    ],
)
def test_a_worker_that_is_not_as_we_are_is_refused_by_name(
    names: list[str],
    local: LocalCluster,
    everywhere: Callable[..., Any],
    pack: Run,
    cli: Run,
    refusal: Callable,
    what: str,
    message: str,
) -> None:
    import cloudpickle

    pack("-q", "1.txt")
    before = contents()
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    (address, *_) = everywhere(lambda: None)
    everywhere(spoil, what, workers=[address])
    cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    for arguments in (["-m", "nano", "2.txt"], ["-t", "1.txt.kz"]):
        line = refusal(cli("--cluster", local.scheduler_address, *arguments), "UnfitWorker")
        assert message in line
        assert address in line
    assert contents() == before


def test_a_block_that_kills_its_workers_is_told(
    names: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    local: LocalCluster,
    everywhere: Callable[..., Any],
    pack: Run,
    refusal: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local.scheduler, "allowed_failures", 0)
    with one_killed(tmp_path_factory.mktemp("killed") / "one", everywhere, "make_block"):
        line = refusal(pack("3.txt", "--cluster", local.scheduler_address), "WorkersDied")
    assert "1 workers have died of one block" in line
    assert not Path("3.txt.kz").exists()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "pigeon://127.0.0.1:1"])
def test_a_scheduler_that_is_not_there_is_told_by_its_address(
    names: list[str], pack: Run, refusal: Callable, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(ours, "CONNECT_S", 0.3)
    line = refusal(pack("3.txt", "--cluster", address), "NoCluster")
    assert line.startswith(f"kolmozip: no Dask scheduler answers at {address} ")


def test_a_cluster_without_workers_is_told_and_one_that_loses_them_too(
    names: list[str],
    tmp_path_factory: pytest.TempPathFactory,
    pack: Run,
    refusal: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with LocalCluster(n_workers=0, dashboard_address=None) as empty:
        address = empty.scheduler_address
        monkeypatch.setattr(ours, "CONNECT_S", 0.3)
        line = refusal(pack("3.txt", "--cluster", address), "NoCluster")
        assert f"the Dask scheduler at {address} has no workers" in line

        monkeypatch.setattr(ours, "LOOK_S", 0)
        monkeypatch.setattr(ours, "DESERTED_S", 0)
        # Without a nanny, which would start it again.
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--no-nanny"]
        with (
            subprocess.Popen(
                [*worker, "--nthreads", "1", "--no-dashboard", address], stderr=subprocess.DEVNULL
            ) as child,
            Client(address, set_as_default=False) as client,
        ):
            client.wait_for_workers(1, timeout=60)
            try:
                with one_killed(
                    tmp_path_factory.mktemp("killed") / "only", client.run, "make_block"
                ):
                    line = refusal(pack("3.txt", "--cluster", address), "NoCluster")
            finally:
                child.kill()
        assert "all workers of the cluster have gone" in line


@pytest.mark.parametrize(("blocks", "threads"), [(0, 1), (1, 4), (2, 2), (3, 1), (100, 1)])
def test_few_blocks_are_coded_with_more_threads_each(
    names: list[str], monkeypatch: pytest.MonkeyPatch, blocks: int, threads: int
) -> None:
    asked = list[int]()
    real = registry.without_network

    def noted(engine: str | None = None, threads: int = 0) -> BlockCodec:
        asked.append(threads)
        return real(engine, threads)

    coders, level = registry.coders(()), levels.LEVELS[1]
    monkeypatch.setattr(registry, "without_network", noted)
    how = {"threads_per_worker": 4, "processes": False, "protocol": "tcp"}
    with (
        LocalCluster(n_workers=1, dashboard_address=None, **how) as local,
        ours.connected(local.scheduler_address) as here,
    ):
        assert here.means.cores == 4
        here.expect(blocks)
        done, text = list[int](), TEXTS["long.txt"]
        share = ours.Share(here, 1)
        block = share.make_block(
            coders, level, Kind.MIXED, text, level.recipe(len(text)), done.append
        )
        assert asked == [threads]
        assert b"".join(share.open_block(block, done.append)) == text
    assert asked == [threads] * 2
    assert sum(done) == 2 * len(text)


def test_a_prepared_memory_stays_at_home(names: list[str], cli: Run) -> None:
    result = cli("-D", "known.kzm", "3.txt", "--cluster", "tcp://127.0.0.1:1")
    assert result.exit_code == 2
    assert "leave out -D or --cluster" in result.stderr
