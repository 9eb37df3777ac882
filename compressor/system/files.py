"""Inputs and outputs as a user means them: pipes, named refusals, outputs whole or not at all.

An output is written under a name of its own beside its place and gets its name at the end, in one
step that never replaces another file without leave. It never has more rights than the input that
it was made from: where there is one, the unfinished file belongs to the user alone (mode 0600)
until it is given the input's mode through its descriptor, before it has a name that anyone knows.
Without an input file, the system applies the user's umask as it does to any new file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, TextIO

from coding.errors import KolmozipError
from compressor.errors import (
    DiskFull,
    FolderMissing,
    InputMissing,
    InputOutput,
    NoPermission,
    OutputExists,
    SameFile,
)

if TYPE_CHECKING:
    from coding.container import Source

PIPE = "-"
"""The name of standard input and of standard output."""

PRIVATE = 0o600
"""Mode of an unfinished output that is made from a file."""

PUBLIC = 0o666
"""Mode that a new file asks for; the system takes away what the user's umask holds back."""

NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What a file system without hard links, such as FAT, answers to ``link``."""


def _named(error: OSError, where: str, writing: bool) -> KolmozipError:
    """The system's refusal as one of our named errors, with its remedy."""
    elsewhere = ", or write elsewhere with -o" if writing else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"{where}: no room for the output; free some space{elsewhere}")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return NoPermission(f"{where}: no permission; change the rights{elsewhere}")
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        if writing:
            return FolderMissing(f"{where}: no such folder; create it or use -o")
        return InputMissing(f"{where}: no such file or folder; check the path")
    if isinstance(error, IsADirectoryError):
        return InputMissing(f"{where}: is a folder; name files, or pack it with tar first")
    return InputOutput(f"{where}: {error.strerror or error}; check the medium and try again")


@contextlib.contextmanager
def named_errors(path: str) -> Iterator[None]:
    """Turns an OSError of the body into a named error of ``compressor.errors``.

    The error is about the file that the system names, or else about ``path``. A closed pipe
    (BrokenPipeError) passes unchanged.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _named(error, str(error.filename or path), writing=False) from error


@contextlib.contextmanager
def _output_errors(name: str) -> Iterator[None]:
    """As ``named_errors``, about an output, whose unfinished file has a name nobody knows."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _named(error, name, writing=True) from error


class Target(Protocol):
    """An open file or pipe to write to, which may take less than it is given."""

    def write(self, data: memoryview, /) -> int | None:
        """Returns the number of bytes it took, None where it would have to wait."""


class InputStream:
    """An open input: counts the bytes read and names the system's refusals.

    ``status`` is that of the regular file behind it, None for a pipe or a device.
    """

    def __init__(self, name: str, source: Source, status: os.stat_result | None = None) -> None:
        self.name, self.status, self.count = name, status, 0
        self._source = source

    @property
    def size(self) -> int | None:
        """Bytes of the regular file behind it, None for a pipe or a device."""
        return None if self.status is None else self.status.st_size

    def read(self, size: int = -1, /) -> bytes:
        """Reads as a file does. Raises the named errors."""
        with named_errors(self.name):
            data = self._source.read(size)
        self.count += len(data)
        return data


class OutputStream:
    """An open output: counts the bytes written and names the system's refusals.

    ``warnings`` holds, once the output is finished, what could not be copied from the input.
    """

    def __init__(self, name: str, target: Target) -> None:
        self.name, self.count = name, 0
        self.warnings: list[str] = []
        self._target = target

    def write(self, data: bytes, /) -> int:
        """Writes all of ``data``, through short writes too. Raises the named errors."""
        rest = memoryview(data)
        with _output_errors(self.name):
            while rest:
                written = self._target.write(rest)
                if written is None:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                rest = rest[written:]
        self.count += len(data)
        return len(data)


def _standard(stream: TextIO | None, name: str) -> BinaryIO:
    if stream is None:
        raise InputOutput(f"{name} is closed; name a file instead of '-'")
    return stream.buffer


def discard_standard_output() -> None:
    """Points standard output nowhere once it has failed, so that Python's last flush is silent."""
    with contextlib.suppress(OSError):  # in tests it is no real file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _status(source: BinaryIO) -> os.stat_result | None:
    """Status of the regular file behind a stream, None where there is none."""
    try:
        status = os.fstat(source.fileno())
    except (OSError, ValueError):  # in tests standard input is no real file
        return None
    return status if stat.S_ISREG(status.st_mode) else None


@contextlib.contextmanager
def open_input(name: str) -> Iterator[InputStream]:
    """The input of this name, or standard input for '-'. Raises InputMissing, NoPermission."""
    if name == PIPE:
        source = _standard(sys.stdin, "standard input")
        yield InputStream("standard input", source, _status(source))
        return
    with named_errors(name):
        source = Path(name).open("rb")  # noqa: SIM115 - closed by the with below
    with source:
        yield InputStream(name, source, _status(source))


def check_output(name: str, force: bool) -> None:
    """Refuses an output that exists, before any work is done. Raises OutputExists, NoPermission."""
    if name == PIPE:
        return
    path = Path(name)
    with _output_errors(name):
        if path.is_dir():
            raise OutputExists(f"{name}: is a folder; name a file in it with -o")
        if path.is_file() and not force:
            raise OutputExists(_exists(name))


def _exists(name: str) -> str:
    return f"{name}: exists; pass --force to replace it, or name another output with -o"


def check_distinct(source: InputStream, name: str) -> None:
    """Refuses an output that is the input, by whatever name or link. Raises SameFile."""
    if name == PIPE or source.status is None:
        return
    with contextlib.suppress(OSError):  # an output that is not there yet
        if os.path.samestat(source.status, os.stat(name)):
            raise SameFile(f"{name}: is the input itself; name another output with -o")


def _destination(name: str) -> Path:
    """The file that is written for an output's name: where that is a symbolic link, its target."""
    path = Path(os.path.realpath(name)) if Path(name).is_symlink() else Path(name)
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    return path


@contextlib.contextmanager
def open_output(
    name: str, force: bool, like: os.stat_result | None = None
) -> Iterator[OutputStream]:
    """The output of this name, or standard output for '-'.

    A file gets its name only when the body ends well. On any failure nothing is left behind, and
    a file that was there stays. ``like`` is the status of the input: the output then has its mode,
    group and times, and what could not be set is in ``warnings``. An output that is a symbolic
    link stays one: the file it leads to is written. Devices and named pipes are written directly.
    Raises OutputExists, FolderMissing, NoPermission, DiskFull, InputOutput.
    """
    if name == PIPE:
        with _standard_output() as output:
            yield output
        return
    check_output(name, force)
    with _output_errors(name):
        path = _destination(name)
        device = path.exists() and not path.is_file()
    with _device(path, name) if device else _file(path, name, force, like) as output:
        yield output


@contextlib.contextmanager
def _standard_output() -> Iterator[OutputStream]:
    stream = _standard(sys.stdout, "standard output")
    try:
        yield OutputStream("standard output", stream)
        with _output_errors("standard output"):
            stream.flush()
    except (BrokenPipeError, DiskFull, InputOutput):
        discard_standard_output()
        raise


@contextlib.contextmanager
def _device(path: Path, name: str) -> Iterator[OutputStream]:
    """A device or a named pipe, which is neither created, cut short nor removed."""
    with _output_errors(name):
        stream = open(path, "wb", opener=lambda path, _: os.open(path, os.O_WRONLY))  # noqa: SIM115
    try:
        yield OutputStream(name, stream)
        with _output_errors(name):
            stream.close()
    finally:
        with contextlib.suppress(OSError):  # it may try once more to write what it holds
            stream.close()


@contextlib.contextmanager
def _file(
    path: Path, name: str, force: bool, like: os.stat_result | None
) -> Iterator[OutputStream]:
    """A regular file, unfinished until the body has ended well."""
    mode = PUBLIC if like is None else PRIVATE
    part = path.with_name(f".kolmozip.{os.urandom(8).hex()}.part")
    with _output_errors(name):
        stream = open(part, "xb", opener=lambda path, flags: os.open(path, flags, mode))  # noqa: SIM115
    output = OutputStream(name, stream)
    try:
        yield output
        with _output_errors(name):
            stream.flush()
            if like is not None:
                output.warnings += _resemble(stream.fileno(), like)
            os.fsync(stream.fileno())
            stream.close()
            if force:
                os.replace(part, path)
            else:
                _publish(part, path, name)
    except BaseException:
        with contextlib.suppress(OSError):  # it may try once more to write what it holds
            stream.close()
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
        raise


def _publish(part: Path, path: Path, name: str) -> None:
    """Gives the finished file its name, unless a file of that name has appeared meanwhile."""
    try:
        try:
            os.link(part, path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            path.open("xb").close()  # reserves the name: where it is taken, this fails
            try:
                os.replace(part, path)
            except OSError:
                path.unlink()
                raise
    except FileExistsError as error:
        raise OutputExists(_exists(name)) from error
    with contextlib.suppress(FileNotFoundError):
        part.unlink()


def _resemble(handle: int, like: os.stat_result) -> list[str]:
    """Copies group, mode, owner and times of the input; returns what could not be copied, in words.

    The order is gzip's: with the group set first, the mode never gives rights to a wrong group.
    Where the group cannot be set, the group gets no right that all others do not have. The owner
    changes only where the system allows it, that is for root.
    """
    mode, warnings = like.st_mode & 0o777, []
    own = os.fstat(handle)
    if own.st_gid != like.st_gid and not _done(os.fchown, handle, -1, like.st_gid):
        narrowed = mode & ~(0o070 & ~(mode << 3))
        if narrowed != mode:
            warnings.append("the group could not be kept; its rights are left out")
        mode = narrowed
    if not _done(os.fchmod, handle, mode):
        warnings.append("the rights could not be kept; the output is readable by its owner alone")
    if own.st_uid != like.st_uid:
        _done(os.fchown, handle, like.st_uid, -1)
    try:
        os.utime(handle, ns=(like.st_atime_ns, like.st_mtime_ns))
    except OSError:
        warnings.append("the time could not be kept; the output bears that of its making")
    return warnings


def _done(call: Callable[..., None], *arguments: int) -> bool:
    """Whether a system call came through."""
    try:
        call(*arguments)
    except OSError:
        return False
    return True


def remove_input(name: str, status: os.stat_result | None) -> bool:
    """Removes a regular file that was read, unless it has changed since it had this status.

    Returns whether the file that was read is what is there. A pipe or a device, whose status is
    None, is never removed. Raises NoPermission.
    """
    if status is None:
        return True
    with named_errors(name):
        now = os.stat(name)
        if _state(now) != _state(status):
            return False
        os.unlink(name)
    return True


def _state(status: os.stat_result) -> tuple[int, ...]:
    """What tells a file from another one and from itself once it was written to."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
