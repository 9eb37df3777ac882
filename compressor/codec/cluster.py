"""Blocks on a Dask cluster: workers make and open them, and files are read and written here.

A block travels with its task, so that Dask gives the block of a worker that has died to another
one. Workers have kolmozip, engine and weights of their own, which must be the same as ours; that is
looked at before any block is sent. The scheduler and its workers are trusted: Dask runs what it is
sent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import compressor
from coding.container import NO_WEIGHTS, VERSION, Block, Kind, Mixed
from coding.errors import KolmozipError
from compressor.codec import engines, native, registry, stream, weights_store
from compressor.codec.levels import Level
from compressor.codec.registry import Coders
from compressor.codec.seams import Progress, Recipe, ignore_progress
from compressor.codec.shares import Means
from compressor.errors import NoCluster, OutOfMemory, UnfitWorker, WorkersDied
from compressor.system import resources, signals
from compressor.system.extras import need

with need("cluster"):
    import dask
    from distributed import CancelledError, Client, Future, KilledWorker, Worker
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.core import CommClosedError

Result = TypeVar("Result")

CONNECT_S = 10.0
"""Seconds in which a scheduler answers and has a worker."""
DESERTED_S = 60.0
"""Seconds that blocks wait for a worker, once all of them have gone."""
LOOK_S = 5.0
"""Seconds between two looks at whether there are workers."""
INTERVAL = 0.1
"""Seconds between two points at which waiting for a block can be stopped."""
OF_MEMORY = 0.6
"""Part of a worker's memory that blocks may take; at some more than this Dask begins to spill."""

SCHEMES = ("tcp", "tls")
"""How the scheduler is spoken to."""
START = "start one by `dask scheduler`, and workers by `dask worker ADDRESS`"


@dataclasses.dataclass(frozen=True)
class Program:
    """What must be the same wherever blocks of a file are coded."""

    version: str
    file_format: int
    engine: str

    @classmethod
    def here(cls, engine: str | None) -> Program:
        """This process's. Raises NoEngine, StaleEngine."""
        name: str = engines.chosen(engine)
        if name == "native":
            name = f"native, built from {native.build()}"
        return cls(compressor.__version__, VERSION, name)


@dataclasses.dataclass(frozen=True)
class Order:
    """How workers are to code."""

    program: Program
    engine: str | None
    threads: int = 1

    def check(self) -> None:
        """Raises UnfitWorker in a process that would code otherwise, NoEngine, StaleEngine."""
        here = Program.here(self.engine)
        for field in dataclasses.fields(Program):
            theirs, ours = getattr(here, field.name), getattr(self.program, field.name)
            if theirs != ours:
                what = field.name.replace("_", " ")
                other = ", or name an engine with --engine" if what == "engine" else ""
                raise UnfitWorker(
                    f"{what} {theirs!r} on a worker, {ours!r} here: install the same kolmozip "
                    f"there{other}"
                )


_ONE = threading.Lock()
"""Held while a block is coded by an engine that codes one at a time."""


def _one_at_a_time(order: Order) -> contextlib.AbstractContextManager[object]:
    return contextlib.nullcontext() if engines.chosen(order.engine) == "native" else _ONE


def _make(
    order: Order,
    networks: tuple[bytes, ...],
    level: Level,
    kind: Kind,
    raw: bytes,
    recipe: Recipe,
) -> Block:
    """A worker's part of ``Share.make_block``."""
    order.check()
    alone = registry.without_network(order.engine, order.threads)
    beside = (registry.by_identity(name, order.engine, order.threads) for name in networks)
    coders = Coders(alone, tuple(beside))
    with _one_at_a_time(order):
        return stream.make_block(coders, level, kind, raw, recipe, ignore_progress)


def _open(order: Order, block: Block) -> list[bytes]:
    """A worker's part of ``Share.open_block``."""
    order.check()
    with _one_at_a_time(order):
        return list(
            stream.open_block(
                block,
                ignore_progress,
                lambda identity: registry.by_identity(identity, order.engine, order.threads),
            )
        )


def _look(order: Order, dask_worker: Worker) -> tuple[int, int]:
    """Threads and bytes of memory of the worker that this runs in, once it is found fit."""
    order.check()
    limit = dask_worker.memory_manager.memory_limit
    return dask_worker.state.nthreads, limit or resources.memory()


def _has_weights(identity: bytes) -> bool:
    return weights_store.path_of(identity) is not None


class Cluster:
    """A connection to a scheduler whose workers were found fit; ``connected`` makes one."""

    def __init__(self, client: Client, order: Order) -> None:
        self._client = client
        self.order = order
        """How workers are to code, which each task that is sent here brings along."""
        workers = self.everywhere(_look, order).values()
        self._most_threads = max(threads for threads, _ in workers)
        self.means = Means(
            sum(threads for threads, _ in workers),
            min(int(OF_MEMORY * sum(memory for _, memory in workers)), resources.memory()),
        )
        """What all workers have together, no more than this machine can keep supplied."""
        self._known: set[bytes] = {NO_WEIGHTS}
        self._lock, self._seen = threading.Lock(), time.monotonic()
        self._looked = self._seen

    def expect(self, blocks: int) -> None:
        """Has each of the blocks coded with its part of the workers' threads, where they are few.

        ``blocks`` is how many there are to come, 0 where that is not known.
        """
        threads = self.means.cores // blocks if blocks else 1
        threads = max(min(threads, self._most_threads), 1)
        self.order = dataclasses.replace(self.order, threads=threads)

    def require(self, identity: bytes) -> None:
        """Raises UnfitWorker where a worker lacks weights, UnknownWeights where we do."""
        with self._lock:
            if identity in self._known:
                return
            name = weights_store.path_by_identity(identity).name
            for address, there in self.everywhere(_has_weights, identity).items():
                if not there:
                    raise UnfitWorker(
                        f"worker {address} has not the weights {identity.hex()}: put {name} into "
                        f"a folder there and name it in its {weights_store.FOLDER_VARIABLE}"
                    )
            self._known.add(identity)

    def everywhere(self, function: Callable[..., Result], *arguments: object) -> dict[str, Result]:
        """What the function returns on each worker. Raises UnfitWorker, NoCluster."""
        with _reached():
            told: dict[str, Any] = self._client.run(function, *arguments, on_error="return")
        for address, result in told.items():
            if isinstance(result, KolmozipError):
                raise UnfitWorker(f"worker {address}: {result}") from result
            if isinstance(result, BaseException):  # what is not installed there comes as a text
                raise UnfitWorker(
                    f"worker {address} cannot run kolmozip ({result}): install kolmozip "
                    f"{compressor.__version__} there, in the environment of its Dask"
                ) from result
        return told

    def done(
        self,
        function: Callable[..., Result],
        *arguments: object,
        length: int,
        progress: Progress,
    ) -> Result:
        """What a worker makes of a task on so many bytes; ``progress`` may stop the waiting.

        Raises what the function raises, NoCluster, WorkersDied, OutOfMemory.
        """
        with _reached():
            # Not pure: else Dask would hash the block, and keep results of equal blocks as one.
            future: Future[Result] = self._client.submit(function, *arguments, pure=False)
        try:
            with _named():
                result = self._awaited(future, progress)
        except BaseException:
            with contextlib.suppress(Exception):
                future.cancel()
            raise
        progress(length)
        return result

    def _awaited(self, future: Future[Result], progress: Progress) -> Result:
        done = threading.Event()
        # Not a result with a time limit: that of Dask fails where both come at the same moment.
        future.add_done_callback(lambda _: done.set())
        while not done.wait(INTERVAL):
            progress(0)
            self._check_workers()
        result: Result = future.result()
        return result

    def _check_workers(self) -> None:
        """Raises NoCluster where there has been no worker for long, or no scheduler is left."""
        with self._lock:
            now = time.monotonic()
            if now < self._looked + LOOK_S:
                return
            self._looked = now
            with _reached():
                if self._client.nthreads():
                    self._seen = now
            if now > self._seen + DESERTED_S:
                raise NoCluster("all workers of the cluster have gone: start some and run it again")


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    """Gives a name to what is raised where the scheduler cannot be spoken to."""
    try:
        yield
    except (CommClosedError, OSError) as error:
        raise NoCluster(f"the scheduler has gone ({error}): start it and run this again") from error


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Gives names to what Dask raises in the place of a result."""
    try:
        yield
    except KilledWorker as error:
        raise WorkersDied(
            f"{error.allowed_failures + 1} workers have died of one block: give them more memory "
            "or fewer threads, or choose a lower level or --max-memory"
        ) from error
    except CancelledError as error:
        raise NoCluster("the scheduler has gone: start it and run this again") from error
    except MemoryError as error:
        raise OutOfMemory(
            "a worker has not enough memory: give it more, or fewer threads"
        ) from error


@dataclasses.dataclass(frozen=True)
class Share:
    """A cluster as a file uses it, with so many blocks at a time: a ``stream.Elsewhere``."""

    cluster: Cluster
    at_once: int

    def make_block(
        self,
        coders: Coders,
        level: Level,
        kind: Kind,
        raw: bytes,
        recipe: Recipe,
        progress: Progress,
    ) -> Block:
        """As ``stream.make_block``; what needs no engine is made here.

        Raises UnfitWorker, NoCluster, WorkersDied, OutOfMemory.
        """
        if kind != Kind.MIXED:
            return stream.make_block(coders, level, kind, raw, recipe, progress)
        networks = tuple(network.identity for network in coders.networks)
        for network in networks:
            self.cluster.require(network)
        how = (self.cluster.order, networks, level, kind)
        return self.cluster.done(_make, *how, raw, recipe, length=len(raw), progress=progress)

    def open_block(self, block: Block, progress: Progress) -> list[bytes]:
        """As ``stream.open_block`` for a mixed block. Raises as ``make_block``, FormatError."""
        assert isinstance(block.head, Mixed)
        self.cluster.require(block.head.weights_id)
        length = block.head.length
        return self.cluster.done(_open, self.cluster.order, block, length=length, progress=progress)


@contextlib.contextmanager
def connected(address: str, engine: str | None = None) -> Iterator[Cluster]:
    """The cluster of the scheduler at this address, whose workers were all found fit.

    Raises NoCluster where none answers within CONNECT_S or there is no worker, UnfitWorker,
    NoEngine, StaleEngine.
    """
    program = Program.here(engine)
    # What goes wrong is said once, by an error of ours.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
        try:
            _answers(address)
            client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise NoCluster(f"no Dask scheduler answers at {address} ({error}): {START}") from error
        with contextlib.closing(client):
            try:
                client.wait_for_workers(1, timeout=CONNECT_S)
            except TimeoutError as error:
                raise NoCluster(
                    f"the Dask scheduler at {address} has no workers: "
                    f"start some by `dask worker {address}`"
                ) from error
            yield Cluster(client, Order(program, engine))


def _answers(address: str) -> None:
    """Raises ValueError for what is no address, and OSError where nobody listens for CONNECT_S.

    This is found out by hand, since a client of Dask that has failed to connect is not always shut
    down for good.
    """
    scheme, place = parse_address(address)
    if scheme not in SCHEMES:
        raise ValueError(f"an address begins with one of {', '.join(SCHEMES)}")
    host, port = parse_host_port(place)
    last = time.monotonic() + CONNECT_S
    while True:
        try:
            socket.create_connection((host, port), timeout=CONNECT_S).close()
            return
        except OSError:
            if time.monotonic() > last:
                raise
        signals.check()
        time.sleep(INTERVAL)
