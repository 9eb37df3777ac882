"""Inputs and outputs as a user means them: pipes, refusals by name, and outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from coding.errors import KolmozipError
from compressor.errors import (
    DiskFull,
    FolderMissing,
    InputMissing,
    InputOutput,
    NoPermission,
    OutputExists,
)

PIPE = "-"


def _named(error: OSError, where: str, writing: bool) -> KolmozipError:
    """The system's refusal under our name, with its remedy."""
    elsewhere = ", or write elsewhere with -o" if writing else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            f"{where}: no room for the output: free some space, or write elsewhere with -o"
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return NoPermission(f"{where}: no permission: change the rights{elsewhere}")
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        if writing:
            return FolderMissing(f"{where}: the folder for it does not exist: make it{elsewhere}")
        return InputMissing(f"{where}: no such file or folder: check the path")
    if isinstance(error, IsADirectoryError):
        return InputMissing(f"{where}: is a folder: name files, or pack it with tar first")
    return InputOutput(f"{where}: {error.strerror or error}: check the medium and try again")


@contextlib.contextmanager
def named_errors(path: str) -> Iterator[None]:
    """Turns OSError inside into the named errors of ``compressor.errors``, about the file the system names, else ``path``;
    a closed pipe passes."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _named(error, str(error.filename or path), writing=False) from error


@contextlib.contextmanager
def _output_errors(name: str) -> Iterator[None]:
    """Likewise for work on the output: the user knows it by its own name, not by that of the unfinished file."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _named(error, name, writing=True) from error


class Stream:
    """An open file or pipe; counts the bytes that pass, and puts its own name on the system's refusals."""

    def __init__(self, name: str, stream: BinaryIO) -> None:
        self.name, self.count, self._stream = name, 0, stream

    def read(self, size: int = -1) -> bytes:
        """As a file's; raises the named errors."""
        with named_errors(self.name):
            data = self._stream.read(size)
        self.count += len(data)
        return data

    def write(self, data: bytes) -> int:
        """All of data, through the short writes of an unbuffered pipe too; raises the named errors."""
        rest = memoryview(data)
        with _output_errors(self.name):
            while rest:
                written = self._stream.write(rest)
                if written is None:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                rest = rest[written:]
        self.count += len(data)
        return len(data)


def _standard(stream: TextIO | None, name: str) -> BinaryIO:
    if stream is None:
        raise InputOutput(f"{name} is closed: name a file instead of '-'")
    return stream.buffer


def discard_standard_output() -> None:
    """Points standard output nowhere once it has failed, so that the interpreter's last flush does not fail again."""
    with contextlib.suppress(OSError):  # in tests it is no real file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def open_input(name: str) -> Iterator[Stream]:
    """The input by name, or standard input for '-'. Raises InputMissing, NoPermission."""
    if name == PIPE:
        yield Stream("standard input", _standard(sys.stdin, "standard input"))
        return
    with named_errors(name):
        source = Path(name).open("rb")  # noqa: SIM115 - closed by the with below
    with source:
        yield Stream(name, source)


def check_output(name: str, force: bool) -> None:
    """Refuses an output that exists, before any work is done. Raises OutputExists, NoPermission."""
    path = Path(name)
    with _output_errors(name):
        if name == PIPE:
            return
        if path.is_dir():
            raise OutputExists(f"{name} is a folder: name a file in it with -o")
        if path.is_file() and not force:
            raise OutputExists(
                f"{name} exists: pass --force to replace it, or name another output with -o"
            )


@contextlib.contextmanager
def open_output(name: str, force: bool) -> Iterator[Stream]:
    """The output by name, or standard output for '-'.

    A file appears under its name only when the body ends well, by rename; on any failure nothing is left behind and a
    file that was there stays. Devices and named pipes are written straight. Raises OutputExists, FolderMissing,
    NoPermission, DiskFull.
    """
    if name == PIPE:
        with _standard_output() as target:
            yield target
        return
    check_output(name, force)
    path = Path(name)
    straight, part = path.exists() and not path.is_file(), ""
    with _output_errors(name):
        if straight:
            handle = os.open(path, os.O_WRONLY)
        else:
            handle, part = tempfile.mkstemp(prefix=".kolmozip.", suffix=".part", dir=path.parent)
    unfinished = os.fdopen(handle, "wb")
    try:
        yield Stream(name, unfinished)
        with _output_errors(name):
            unfinished.flush()
            if part:
                os.fsync(handle)
            unfinished.close()
            if part:
                _publish(part, path, force)
    except BaseException:
        with contextlib.suppress(OSError):  # it may try once more to write what it holds
            unfinished.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


@contextlib.contextmanager
def _standard_output() -> Iterator[Stream]:
    stream = _standard(sys.stdout, "standard output")
    try:
        yield Stream("standard output", stream)
        with _output_errors("standard output"):
            stream.flush()
    except (BrokenPipeError, DiskFull, InputOutput):
        discard_standard_output()
        raise


def _publish(part: str, path: Path, force: bool) -> None:
    """Gives the finished file its name; without force, a file that appeared meanwhile is not replaced."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(part, 0o666 & ~mask)
    if not force and path.exists():
        raise OutputExists(
            f"{path} appeared meanwhile: pass --force to replace it, or name another output with -o"
        )
    os.replace(part, path)


def copy_rights(source: str, target: str) -> None:
    """Mode and times of the input onto the output, where both are files; best effort."""
    if PIPE not in (source, target) and Path(source).is_file() and Path(target).is_file():
        with contextlib.suppress(OSError):
            shutil.copystat(source, target)
