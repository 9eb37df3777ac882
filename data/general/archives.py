"""The files inside an archive: wheels, sdists, crates, Debian packages and what lies within them.

Everything is read in memory and nothing is written to disk, so no name inside an archive can lead
outside a folder. Links, devices and folders are passed over.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from data.corpora import CorpusDamaged

Member = tuple[str, bytes]
"""Path inside the archive, with `/` between its parts, and the content."""

Wanted = Callable[[str], bool]
"""Whether the file at this path is to be unpacked."""

DAMAGE = (
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the unpackers raise on damage; RuntimeError stands for an encrypted or unknown zip."""

AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60
"""Bytes of the header of a file in an ar archive, which is what a Debian package is."""

ZIPS = (".whl", ".zip", ".jar")
TARS = (".tar.gz", ".tgz", ".crate", ".tar.bz2", ".tar.xz", ".tar")
PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".dz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}
"""Single packed files by ending; .dz is gzip with an index, as dictionaries use it."""


def members(path: Path, wanted: Wanted) -> Iterator[Member]:
    """The wanted files of the archive, in its order. Raises CorpusDamaged where it is unreadable.

    The first folder of a source archive, which bears the version, is part of the paths.
    """
    try:
        with path.open("rb") as file:
            yield from _opened(path.name, file, wanted)
    except DAMAGE as error:
        reason = str(error).partition("\n")[0].rstrip(":") or type(error).__name__
        raise CorpusDamaged(
            f"{path} cannot be unpacked ({reason}): delete it and run the command again"
        ) from error


def _opened(name: str, file: IO[bytes], wanted: Wanted) -> Iterator[Member]:
    if name.endswith(ZIPS):
        return _zip(file, wanted)
    if name.endswith(".deb"):
        return _deb(file, wanted)
    if name.endswith(TARS):
        return _tar(file, wanted)
    raise OSError("no ending of an archive that is known here")


def _zip(file: IO[bytes], wanted: Wanted) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if not entry.is_dir() and wanted(entry.filename):
                yield entry.filename, archive.read(entry)


def _tar(file: IO[bytes], wanted: Wanted) -> Iterator[Member]:
    with tarfile.open(fileobj=file, mode="r:*") as archive:
        for entry in archive:
            name = str(PurePosixPath(entry.name))
            if entry.isreg() and wanted(name):
                content = archive.extractfile(entry)
                assert content is not None  # a regular file has content
                yield name, content.read()


def _deb(file: IO[bytes], wanted: Wanted) -> Iterator[Member]:
    """The files that a Debian package installs: those of the tar called data.tar.* inside it."""
    if file.read(len(AR_MAGIC)) != AR_MAGIC:
        raise OSError("not a Debian package")
    while header := file.read(AR_HEADER):
        if len(header) != AR_HEADER or header[58:] != b"`\n":
            raise OSError("a header inside it is damaged")
        name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
        if name.startswith("data.tar"):
            yield from _tar(io.BytesIO(file.read(size)), wanted)
            return
        file.seek(size + size % 2, io.SEEK_CUR)
    raise OSError("it holds no files")


def unpacked(name: str, content: bytes) -> Member:
    """A single packed file, such as page.1.gz, as the plain one it holds; others unchanged.

    Raises CorpusDamaged.
    """
    ending = PurePosixPath(name).suffix
    if ending not in PACKED:
        return name, content
    try:
        return name.removesuffix(ending), PACKED[ending](content)
    except DAMAGE as error:
        raise CorpusDamaged(
            f"{name} cannot be unpacked ({error}): the archive that holds it has changed; "
            "pin it again"
        ) from error


def inside(content: bytes, wanted: Wanted) -> Iterator[Member]:
    """The wanted files of a zip that lies inside an archive. Raises CorpusDamaged."""
    try:
        yield from _zip(io.BytesIO(content), wanted)
    except DAMAGE as error:
        raise CorpusDamaged(
            f"a zip inside an archive cannot be unpacked ({error}): pin the archive again"
        ) from error
