"""Inputs and outputs as a user means them: pipes, refusals by name, and outputs that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from coding.errors import KolmozipError
from compressor.errors import DiskFull, InputMissing, InputOutput, NoPermission, OutputExists

PIPE = "-"


def _named(error: OSError, path: str) -> KolmozipError:
    """The system's refusal under our name, with its remedy."""
    where = error.filename or path
    if isinstance(error, FileNotFoundError):
        return InputMissing(f"{where}: no such file or folder: check the path")
    if isinstance(error, IsADirectoryError):
        return InputMissing(f"{where} is a folder: name files, or pack it with tar first")
    if isinstance(error, PermissionError):
        return NoPermission(f"{where}: no permission: change the rights, or write elsewhere with -o")
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"{path}: no room for the output: free some space, or write elsewhere with -o")
    return InputOutput(f"{where}: {error.strerror or error}: check the medium and try again")


@contextlib.contextmanager
def named_errors(path: str) -> Iterator[None]:
    """Turns OSError inside into the named errors of ``compressor.errors``; a closed pipe passes."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _named(error, path) from error


@contextlib.contextmanager
def open_input(name: str) -> Iterator[BinaryIO]:
    """The input by name, or standard input for '-'."""
    if name == PIPE:
        yield sys.stdin.buffer
        return
    with named_errors(name):
        source = Path(name).open("rb")  # noqa: SIM115 - closed by the with below
        if stat.S_ISDIR(os.fstat(source.fileno()).st_mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder", name)
    with source:
        yield source


def check_output(name: str, force: bool) -> None:
    """Refuses an output that exists, before any work is done. Raises OutputExists."""
    path = Path(name)
    if name != PIPE and path.exists() and not force and (path.is_file() or path.is_dir()):
        raise OutputExists(f"{name} exists: pass --force to replace it, or name another output with -o")


@contextlib.contextmanager
def open_output(name: str, force: bool) -> Iterator[BinaryIO]:
    """The output by name, or standard output for '-'.

    A file appears under its name only when the body ends well, by rename; on any failure nothing is left behind and a
    file that was there stays. Devices and named pipes are written straight. Raises OutputExists, NoPermission, DiskFull.
    """
    if name == PIPE:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    check_output(name, force)
    path = Path(name)
    if path.exists() and not path.is_file():
        with named_errors(name), path.open("wb") as target:
            yield target
        return
    with named_errors(name):
        handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with named_errors(name):
            with os.fdopen(handle, "wb") as target:
                yield target
                target.flush()
                os.fsync(handle)
            _publish(part, path, force)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise


def _publish(part: str, path: Path, force: bool) -> None:
    """Gives the finished file its name; without force, a file that appeared meanwhile is not replaced."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(part, 0o666 & ~mask)
    if not force and path.exists():
        raise OutputExists(f"{path} appeared meanwhile: pass --force to replace it, or name another output with -o")
    os.replace(part, path)


def copy_rights(source: str, target: str) -> None:
    """Mode and times of the input onto the output, where both are files; best effort."""
    if PIPE not in (source, target) and Path(target).is_file():
        with contextlib.suppress(OSError):
            shutil.copystat(source, target)
