"""Tools of these tests: the tiny weights, the command in this process and in a fresh one."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

import compressor
from coding import container
from compressor.cli import main
from compressor.codec import native, registry, weights_store
from compressor.codec.levels import Level
from compressor.codec.seams import BlockCodec
from data.samples import sample

if TYPE_CHECKING:
    from compressor.codec.model import Model

ROOT = Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "golden"
NANO = str(GOLDEN / "nano.kzw")


@pytest.fixture(scope="module", autouse=True)
def _weights_at_hand() -> Iterator[None]:
    """Every test, and every process it starts, finds the tiny weights by identity."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(weights_store.FOLDER_VARIABLE, str(GOLDEN))
        patch.setenv(
            "PYTHONPATH",
            os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        )
        yield


@contextlib.contextmanager
def _quickly() -> Iterator[None]:
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
        jax.config.update("jax_disable_most_optimizations", True)
        try:
            yield
        finally:
            jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="session")
def quickly() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """A context in which XLA leaves out its optimisations, here and in processes started here.

    They take longer than most tests compute. Two results that are to be equal bit for bit are both
    compiled within, or neither.
    """
    return _quickly


@pytest.fixture(scope="module")
def quick_compiling() -> Iterator[None]:
    """The tests of a module run within ``quickly``."""
    with _quickly():
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, where it and playwright are; else the test is left out."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium")
    with sync_api.sync_playwright() as playwright:
        # Without its sandbox, which containers often do not allow; the pages are our own.
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["desktop", "phone"])
def look_at(request: pytest.FixtureRequest, browser: Any) -> Callable[[Path], Iterator[Any]]:
    """Opens a page as wide as a desktop and as a phone.

    What it prints, what fails and what it fetches beside itself end the test.
    """
    width, scheme = request.param

    def opened(path: Path) -> Iterator[Any]:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page, troubles, fetched = context.new_page(), list[str](), list[str]()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda made: fetched.append(made.url))
        page.goto(path.as_uri())
        yield page
        assert troubles == []
        assert fetched == [path.as_uri()]
        context.close()

    return opened


@pytest.fixture
def picture() -> Callable[[Any, str], None]:
    """Keeps what a page looks like on a desktop in results/pictures, if KOLMOZIP_PICTURES is 1."""

    def keep(page: Any, name: str) -> None:
        if os.environ.get("KOLMOZIP_PICTURES") == "1" and page.viewport_size["width"] > 1000:
            page.screenshot(path=ROOT / "results" / "pictures" / f"{name}.png")

    return keep


@pytest.fixture(scope="session")
def nano() -> Model:
    """The tiny weights, loaded, on JAX."""
    from compressor.codec.model import by_name  # loads JAX, which few tests need

    return by_name(NANO)


@pytest.fixture(scope="session")
def nano_codec() -> BlockCodec:
    """The tiny weights on the engine that users have, or in NumPy where that is not built."""
    if native.absent() is None:
        return registry.by_name(NANO, "native")
    from compressor.codec import weights_file
    from compressor.codec.selftest import Definition

    weights = weights_file.unpack(Path(NANO).read_bytes())
    return Definition(weights, weights_store.identity_of(Path(NANO)))


@pytest.fixture(scope="session")
def text() -> bytes:
    """Real text that the tiny weights shrink well."""
    return sample()[:3000]


@pytest.fixture(scope="session")
def cli() -> Callable[..., Result]:
    """Runs the command in this process; an exception that is no exit fails the test."""

    def run(*arguments: object, stdin: bytes | None = None) -> Result:
        result = CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="session")
def pack(cli: Callable[..., Result]) -> Callable[..., Result]:
    """`kolmozip compress` with the tiny weights."""
    return lambda *arguments, **more: cli("compress", "--model", NANO, *arguments, **more)


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "compressor", *map(str, arguments)]


@pytest.fixture(scope="session")
def command() -> Callable[..., list[str]]:
    """The command line of a fresh process."""
    return _command


@pytest.fixture(scope="session")
def process() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs the command as its own process, with real pipes."""

    def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            _command(*arguments), input=stdin, capture_output=True, check=False, timeout=600
        )

    return run


MEASURED = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), file=sys.stderr)
os._exit(os.waitstatus_to_exitcode(status))
"""
"""Starts the command and tells its peak memory.

It is a small process of its own, since a child's peak counts in what its parent had.
"""


def _measured(line: list[str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", MEASURED, *line],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    )


@pytest.fixture(scope="session")
def measured() -> Callable[..., subprocess.Popen[bytes]]:
    """Starts a command line in a folder; its peak memory in bytes comes last on stderr."""
    return _measured


@pytest.fixture(scope="session")
def python() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs Python code in a fresh process; its arguments are sys.argv[1:]."""

    def run(
        code: str, *arguments: object, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        line = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(line, capture_output=True, check=False, timeout=600, cwd=cwd)

    return run


def blocks_of(packed: bytes) -> list[container.Block]:
    """The blocks of a container."""
    import io

    source = io.BytesIO(packed)
    return list(container.Reader(source).blocks())


@pytest.fixture(scope="session")
def blocks() -> Callable[[bytes], list[container.Block]]:
    """Reads a container's blocks."""
    return blocks_of


@pytest.fixture(scope="session")
def rebuilt() -> Callable[[bytes, list[container.Block]], bytes]:
    """A container of the same header and end mark around other blocks, its checksums valid.

    It is one of the long form.
    """

    def rebuild(packed: bytes, blocks: list[container.Block]) -> bytes:
        assert packed.startswith(container.MAGIC)
        head, end = packed[: container.HEADER_BYTES], packed[-container.END_BYTES :]
        return head + b"".join(map(container.block_bytes, blocks)) + end

    return rebuild


@contextlib.contextmanager
def _long_form() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "SHORT_MOST", -1)
        yield


@pytest.fixture
def long_form() -> Iterator[None]:
    """Containers are written in the long form, whatever they hold."""
    with _long_form():
        yield


@pytest.fixture(scope="session")
def in_long_form() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """A context for the same."""
    return _long_form


@pytest.fixture(scope="session")
def mixed(nano_codec: BlockCodec) -> tuple[bytes, bytes]:
    """(original, container) with run, raw and mixed blocks of 500 bytes, the mixed block last."""
    original = bytes(500) + random.Random(1).randbytes(1000) + sample()[:200]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Level, "block_bytes", 500)
        packed = compressor.compress(original, model=nano_codec)
    kinds = [block.head.kind.name for block in blocks_of(packed)]
    assert kinds == ["RUN", "RAW", "RAW", "MIXED"]
    return original, packed


@pytest.fixture(scope="session")
def refusal() -> Callable[[Result, str], str]:
    """Checks that a run was refused: exit code 1, and one line on stderr that ends with the name.

    Returns the line, ``kolmozip: TEXT; REMEDY [NAME]``.
    """

    def check(result: Result, name: str) -> str:
        lines = result.stderr.splitlines()
        assert (result.exit_code, len(lines)) == (1, 1), result.output
        assert lines[0].startswith("kolmozip: ")
        assert lines[0].endswith(f" [{name}]")
        text = re.sub(r"^\S+: ", "", lines[0].removeprefix("kolmozip: "))  # a file's name first
        assert re.search(r"[:;] ", text), "the remedy follows"
        return lines[0]

    return check


@pytest.fixture(scope="session")
def patient_dask() -> Iterator[None]:
    """Dask waits for workers that take minutes to answer, as they may on a busy machine."""
    import dask

    names = ("connect", "tcp")
    with dask.config.set({f"distributed.comm.timeouts.{name}": "300s" for name in names}):
        yield


@pytest.fixture
def interrupts() -> Iterator[None]:
    """SIGINT acts as in a terminal, here and in processes started here.

    Where tests run in the background it is ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """An empty folder of results."""
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def facts() -> Callable[[str], list[dict]]:
    """Reads one JSON object a line."""
    return lambda lines: [json.loads(line) for line in lines.splitlines()]
