"""The classical codecs everybody has, each at its strongest usual setting, from the standard library alone.

Bodies equal those of the command-line tools but for file names and times in headers, so sizes agree within a few bytes.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import platform
import zlib
from dataclasses import dataclass
from typing import Protocol


class Codec(Protocol):
    """A lossless codec: `decompress(compress(data)) == data`, and compressing twice gives the same bytes."""

    @property
    def name(self) -> str:
        """Tool and setting, as typed at a shell."""

    @property
    def version(self) -> str:
        """Version of the library that did the work, as far as it can be known."""

    def compress(self, data: bytes) -> bytes:
        """The packed form of the data, headers included."""

    def decompress(self, packed: bytes) -> bytes:
        """The data again; raises the library's own error where the packed form is damaged."""


def bundled_version() -> str:
    """For libraries that do not tell their own version to Python: which Python brought them."""
    return f"Python {platform.python_version()}"


@dataclass(frozen=True)
class Gzip:
    """DEFLATE at level 9."""

    name: str = "gzip -9"
    version: str = f"zlib {zlib.ZLIB_RUNTIME_VERSION}"

    def compress(self, data: bytes) -> bytes:
        """A gzip file without name or time, so that its size and bytes repeat."""
        return gzip.compress(data, compresslevel=9, mtime=0)

    def decompress(self, packed: bytes) -> bytes:
        """Raises OSError, EOFError or zlib.error on damage."""
        return gzip.decompress(packed)


@dataclass(frozen=True)
class Bzip2:
    """Burrows-Wheeler transform in blocks of 900 kB."""

    name: str = "bzip2 -9"
    version: str = bundled_version()

    def compress(self, data: bytes) -> bytes:
        """A bzip2 file."""
        return bz2.compress(data, compresslevel=9)

    def decompress(self, packed: bytes) -> bytes:
        """Raises OSError or ValueError on damage."""
        return bz2.decompress(packed)


@dataclass(frozen=True)
class Xz:
    """LZMA2 at preset 9, extreme; 64 MiB dictionary."""

    name: str = "xz -9e"
    version: str = bundled_version()

    def compress(self, data: bytes) -> bytes:
        """An xz file with a CRC-64, as the tool writes by default."""
        return lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=9 | lzma.PRESET_EXTREME)

    def decompress(self, packed: bytes) -> bytes:
        """Raises lzma.LZMAError on damage."""
        return lzma.decompress(packed, format=lzma.FORMAT_XZ)


CLASSICAL: tuple[Codec, ...] = (Gzip(), Bzip2(), Xz())
"""All of them, weakest first, in the order tables show them."""
