"""What every codec here offers, the frame of those that are libraries, and how large a program is.

A codec goes from file to file, so that its memory is its own and not that of a whole corpus held
twice in Python.
"""

from __future__ import annotations

import functools
import lzma
import os
import re
import struct
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Protocol

from coding.errors import KolmozipError

FAMILIES = ("LZ77", "BWT", "PPM", "context mixing", "neural")
"""How a codec predicts, the weaker idea first: the order of tables."""

MIB = 1 << 20

Trace = Callable[[int, int], None]
"""Called now and then with (bytes of input consumed so far, bytes of output written so far)."""


def ignore(_consumed: int, _written: int) -> None:
    """The trace of whoever wants none."""


class CodecError(KolmozipError):
    """Base of what a codec refuses; each text is one line that ends with the remedy."""


class CodecFailed(CodecError):
    """A library could not pack, or the packed file is damaged."""


class UnknownCodec(CodecError):
    """No codec by this name."""


class ProgramMissing(CodecError):
    """An external program is not on PATH."""


class ProgramFailed(CodecError):
    """An external program ended with an error, or without the file it was asked for."""


class Codec(Protocol):
    """A lossless codec: restores what it packed, and writes the same bytes every time."""

    @property
    def name(self) -> str:
        """Tool and setting as typed at a shell, unique; '(library)' where a program exists too."""

    @property
    def family(self) -> str:
        """One of FAMILIES."""

    @property
    def version(self) -> str:
        """Version of what did the work, as far as it can be known."""

    @property
    def command(self) -> str:
        """How to get the same at a shell."""

    @property
    def program_bytes(self) -> int | None:
        """`packed_size` of the codec's own program files; None where they cannot be told."""

    @property
    def build(self) -> str | None:
        """Commit, compiler, flags and repairs of a program built by hand, in one line, or None."""

    def compress(self, source: Path, target: Path, trace: Trace = ignore) -> None:
        """Packs a file; the target appears whole or not at all. Raises CodecError, OSError."""

    def decompress(self, packed: Path, target: Path) -> None:
        """Restores a file; the target appears whole or not at all. Raises CodecError, OSError."""


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A path to write to: it takes the target's name when the body ends well, else it goes."""
    part = target.with_name(f".{target.name}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


class Traced:
    """An input file that calls the trace whenever more is read: what came before is consumed."""

    def __init__(self, source: BinaryIO, sink: BinaryIO, trace: Trace) -> None:
        self._source, self._sink, self._trace, self.consumed = source, sink, trace, 0

    def read(self, size: int = -1) -> bytes:
        """Reads as a file does."""
        if self.consumed:
            self._trace(self.consumed, self._sink.tell())
        data = self._source.read(size)
        self.consumed += len(data)
        return data

    def write(self, data: bytes) -> int:
        """Raises OSError; the bzip3 binding asks every file for this attribute."""
        raise OSError("an input is not written to")


class Library(ABC):
    """A codec that is a library.

    A subclass says how to ``pack`` and ``unpack`` streams; this class handles the files.
    """

    name: str
    family: str
    version: str
    command: str
    errors: tuple[type[Exception], ...]
    """What the library raises on damaged data."""
    module: str
    """The extension module that does the work."""
    shared: str = ""
    """Start of the name of the shared library that the module may only call, as in 'libz.so'."""
    build: str | None = None
    """As in Codec; what comes from a package index has none."""

    @abstractmethod
    def pack(self, source: Traced, sink: BinaryIO, size: int) -> None:
        """Packs all of source, which has ``size`` bytes."""

    @abstractmethod
    def unpack(self, packed: BinaryIO, sink: BinaryIO) -> None:
        """Restores a packed stream. Raises one of ``errors`` on damage."""

    @property
    def program_bytes(self) -> int | None:
        """As in Codec, of the shared library if the module calls one, else of the module itself."""
        files = module_program(self.module, self.shared)
        return packed_size(files) if files else None

    def compress(self, source: Path, target: Path, trace: Trace = ignore) -> None:
        """As in Codec."""
        with (
            self._named("pack", source),
            appearing(target) as part,
            source.open("rb") as text,
            part.open("wb") as sink,
        ):
            read = Traced(text, sink, trace)
            self.pack(read, sink, source.stat().st_size)
            trace(read.consumed, sink.tell())

    def decompress(self, packed: Path, target: Path) -> None:
        """As in Codec."""
        with (
            self._named("restore", packed),
            appearing(target) as part,
            packed.open("rb") as text,
            part.open("wb") as sink,
        ):
            self.unpack(text, sink)

    @contextmanager
    def _named(self, doing: str, path: Path) -> Iterator[None]:
        """Gives the library's errors our name; the system's (a full disk) have one, and pass."""
        try:
            yield
        except self.errors as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = str(error) or type(error).__name__
            raise CodecFailed(
                f"{self.name} could not {doing} {path.name}: {reason}: check that the file is whole"
            ) from error


def pump(
    read: Callable[[int], bytes], step: Callable[[bytes], bytes], sink: BinaryIO, piece: int = MIB
) -> None:
    """Writes all that ``read`` gives, each piece through ``step``, to sink."""
    while data := read(piece):
        sink.write(step(data))


RUNTIME = re.compile(
    r"(linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|gomp|python\d.*))(-[\w.]+)?\.so|ld-linux"
)
"""Shared libraries that belong to the system and its compilers, not to a codec."""

LOADED = 1
"""PT_LOAD of the ELF format: a segment of the file that is mapped into memory."""


def shared_libraries(program: Path) -> tuple[Path, ...]:
    """The shared libraries that an executable or a library loads, the system's left out.

    An empty tuple where ``ldd`` cannot tell.
    """
    command = ["ldd", str(program)]
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ()
    lines = re.findall(r"^\s*(\S+) => (/.*) \(0x", output, re.MULTILINE)
    return tuple(Path(path) for name, path in lines if not RUNTIME.match(name))


def module_program(module: str, shared: str) -> tuple[Path, ...]:
    """Files of the codec behind a Python module.

    That is its shared library, by the start of its name, else the module's own file; nothing for a
    codec built into Python itself.
    """
    spec = find_spec(module)
    origin = spec.origin if spec else None
    own = Path(origin) if origin and os.path.isfile(origin) else None
    called = [
        path
        for path in shared_libraries(own or Path(sys.executable))
        if shared and path.name.startswith(shared)
    ]
    return tuple(called) or ((own,) if own else ())


@functools.cache
def packed_size(files: tuple[Path, ...]) -> int | None:
    """Bytes of the programs in ``files``, packed by `xz -9e`.

    None where one is not an ELF file: a script, or another system's.
    """
    parts = [part for path in files if (part := loaded_part(path.read_bytes())) is not None]
    if not parts or len(parts) < len(files):
        return None
    return len(lzma.compress(b"".join(parts), preset=9 | lzma.PRESET_EXTREME))


def loaded_part(program: bytes) -> bytes | None:
    """What of a 64-bit little-endian ELF file is loaded when it runs; None for any other file.

    Some wheels carry ten times as much in debugging notes, which no decoder needs. Source: the
    ELF-64 object file format, program header table.
    """
    if program[:6] != b"\x7fELF\x02\x01":
        return None
    (table,) = struct.unpack_from("<Q", program, 32)
    width, count = struct.unpack_from("<HH", program, 54)
    heads = [
        struct.unpack_from("<IIQQQQ", program, table + width * number) for number in range(count)
    ]
    return b"".join(
        program[start : start + size] for kind, _, start, _, _, size in heads if kind == LOADED
    )
