"""What the tests of the command line share: a folder to work in, and a small container."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import compressor
from compressor.codec.seams import BlockCodec
from data.samples import sample

Stop = Callable[[list[str], int, int], tuple[int, bytes]]
TEXT = sample()[:160]
InLongForm = Callable[[], contextlib.AbstractContextManager[None]]


@pytest.fixture(scope="session")
def original() -> bytes:
    """A text that the tiny weights shrink by a little, and quickly."""
    return TEXT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with the text in it as a.txt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_bytes(TEXT)
    return tmp_path


@pytest.fixture
def stop(tmp_path: Path, interrupts: None) -> Stop:
    """Sends a signal to a command that has said "ready" with so many outputs begun.

    Returns its exit code, and what else it wrote on stderr.
    """

    def send(line: list[str], number: int, unfinished: int) -> tuple[int, bytes]:
        pipe = subprocess.PIPE
        with subprocess.Popen(line, stdin=pipe, stderr=pipe) as child:
            try:
                assert child.stderr is not None
                assert child.stderr.readline() == b"ready\n"
                assert len(list(tmp_path.glob(".*.part"))) == unfinished
                child.send_signal(number)
                child.wait()
            finally:
                child.kill()
            return child.returncode, child.stderr.read()

    return send


@pytest.fixture(scope="session")
def packed(nano_codec: BlockCodec) -> bytes:
    """The text, compressed."""
    return compressor.compress(TEXT, model=nano_codec)


@pytest.fixture(scope="session")
def packed_long(nano_codec: BlockCodec, in_long_form: InLongForm) -> bytes:
    """The text in a container of the long form."""
    with in_long_form():
        return compressor.compress(TEXT, model=nano_codec)


ZEROS = bytes(1000)


@pytest.fixture(scope="session")
def zeros() -> bytes:
    """An original that takes a run block, which is coded at once."""
    return ZEROS


@pytest.fixture(scope="session")
def packed_zeros(nano_codec: BlockCodec) -> bytes:
    """The zeros, compressed."""
    return compressor.compress(ZEROS, model=nano_codec)
