"""The classical codecs of the standard library, each at its strongest usual setting."""

from __future__ import annotations

import bz2
import lzma
import platform
import zlib
from typing import BinaryIO, Protocol

from baselines.codec import Codec, Library, Traced, pump

RESTORE_PIECE = 1 << 16
"""Bytes of a packed file that a decoder gets at a time: few, as runs may grow a thousandfold."""


class Decoder(Protocol):
    """What the standard library's decoders have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream's own end was reached, and its checksum held."""

    def decompress(self, data: bytes, /) -> bytes:
        """The next piece of the original."""


class Encoder(Protocol):
    """What the encoders of Python's compression modules share."""

    def compress(self, data: bytes, /) -> bytes:
        """What can be written of the packed data so far."""

    def flush(self) -> bytes:
        """The rest."""


def press(source: Traced, encoder: Encoder, sink: BinaryIO) -> None:
    """Writes a whole input, packed by an encoder, to sink."""
    pump(source.read, encoder.compress, sink)
    sink.write(encoder.flush())


def unpump(packed: BinaryIO, decoder: Decoder, sink: BinaryIO) -> None:
    """Writes a whole packed stream, restored, to sink. Raises EOFError where it is cut short."""
    pump(packed.read, decoder.decompress, sink, RESTORE_PIECE)
    if not decoder.eof:
        raise EOFError("it ends early")


def bundled_version() -> str:
    """For libraries that do not tell their own version to Python: which Python brought them."""
    return f"Python {platform.python_version()}"


class Gzip(Library):
    """DEFLATE at level 9, in a gzip file without name or time.

    zlib is not the code of the gzip program: it chooses other ends of blocks, and its files are
    some 0.1 to 0.3 % larger.
    """

    name = "gzip -9 (library)"
    family = "LZ77"
    version = f"zlib {zlib.ZLIB_RUNTIME_VERSION}"
    command = "python -m gzip --best FILE"
    errors = (zlib.error, EOFError)
    module, shared = "zlib", "libz.so"

    GZIP_WINDOW = 31
    """zlib's way to ask for a window of 2^15 bytes, and a gzip header and trailer around it."""

    def pack(self, source: Traced, sink: BinaryIO, size: int) -> None:
        """Writes a gzip file with a CRC-32."""
        press(source, zlib.compressobj(9, zlib.DEFLATED, self.GZIP_WINDOW), sink)

    def unpack(self, packed: BinaryIO, sink: BinaryIO) -> None:
        """As in Library."""
        unpump(packed, zlib.decompressobj(self.GZIP_WINDOW), sink)


class Bzip2(Library):
    """Burrows-Wheeler transform in blocks of 900,000 bytes; the same bytes as the program's."""

    name = "bzip2 -9"
    command = "bzip2 -9 FILE"
    family = "BWT"
    version = bundled_version()
    errors = (OSError, ValueError, EOFError)
    module, shared = "_bz2", "libbz2.so"

    def pack(self, source: Traced, sink: BinaryIO, size: int) -> None:
        """Writes a bzip2 file with a CRC-32 a block."""
        press(source, bz2.BZ2Compressor(9), sink)

    def unpack(self, packed: BinaryIO, sink: BinaryIO) -> None:
        """As in Library."""
        unpump(packed, bz2.BZ2Decompressor(), sink)


class Xz(Library):
    """LZMA2 at preset 9, extreme: a dictionary of 64 MiB, one block.

    The same bytes as the program's with one thread.
    """

    name = "xz -9e"
    command = "xz -9e -T1 FILE"
    family = "LZ77"
    version = bundled_version()
    errors = (lzma.LZMAError, EOFError)
    module, shared = "_lzma", "liblzma.so"

    def pack(self, source: Traced, sink: BinaryIO, size: int) -> None:
        """Writes an xz file with a CRC-64, as the program does by default."""
        preset = 9 | lzma.PRESET_EXTREME
        press(source, lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_CRC64, preset=preset), sink)

    def unpack(self, packed: BinaryIO, sink: BinaryIO) -> None:
        """As in Library."""
        unpump(packed, lzma.LZMADecompressor(lzma.FORMAT_XZ), sink)


CLASSICAL: tuple[Codec, ...] = (Gzip(), Bzip2(), Xz())
"""All of them, weakest first, in the order tables show them."""
