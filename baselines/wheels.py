"""Codecs from wheels: families and settings that the standard library lacks.

Each class imports its wheel when it is made, and raises ImportError where that is not installed.
"""

from __future__ import annotations

import importlib
import struct
import zlib
from importlib.metadata import version as wheel_version
from typing import Any, BinaryIO

from baselines.classical import RESTORE_PIECE, press, unpump
from baselines.codec import MIB, Codec, Library, Traced, pump


class Zstd(Library):
    """LZ77 with finite-state entropy coding at its largest level, matches across 128 MiB.

    The parameters are the program's for a file of known length: content size and checksum in the
    frame, one thread. So are the bytes, but for 3 more where the input is a whole number of blocks
    of 128 KiB: the end is told after the last piece, not with it.
    """

    name = "zstd --ultra -22 --long=27 (library)"
    family = "LZ77"
    command = "zstd --ultra -22 --long=27 --single-thread FILE"
    module = "zstandard.backend_c"

    WINDOW_LOG = 27

    def __init__(self) -> None:
        import zstandard

        library = ".".join(map(str, zstandard.ZSTD_VERSION))
        self.version = f"libzstd {library} (zstandard {zstandard.__version__})"
        self.errors = (zstandard.ZstdError, EOFError)

    def pack(self, source: Traced, sink: BinaryIO, size: int) -> None:
        """Writes a zstd frame with content size and checksum (the low 32 bits of XXH64)."""
        import zstandard

        settings = zstandard.ZstdCompressionParameters(
            compression_level=22,
            window_log=self.WINDOW_LOG,
            enable_ldm=True,
            write_checksum=True,
            write_content_size=True,
        )
        encoder = zstandard.ZstdCompressor(compression_params=settings).compressobj(size=size)
        press(source, encoder, sink)

    def unpack(self, packed: BinaryIO, sink: BinaryIO) -> None:
        """As in Library."""
        import zstandard

        decoder = zstandard.ZstdDecompressor(max_window_size=1 << self.WINDOW_LOG).decompressobj()
        unpump(packed, decoder, sink)


class Brotli(Library):
    """LZ77 with context-modelled Huffman codes and a built-in dictionary of web text.

    The window is the format's largest; the large-window variant, up to 1 GiB, is not in the wheel.
    The format has no checksum.
    """

    name = "brotli -q 11 -w 24"
    family = "LZ77"
    command = "brotli -q 11 -w 24 FILE"
    module = "_brotli"

    def __init__(self) -> None:
        import brotli

        self.version = f"brotli {brotli.__version__}"
        self.errors = (brotli.error, EOFError)

    def pack(self, source: Traced, sink: BinaryIO, size: int) -> None:
        """Writes a brotli stream."""
        import brotli

        encoder = brotli.Compressor(quality=11, lgwin=24)
        pump(source.read, encoder.process, sink)
        sink.write(encoder.finish())

    def unpack(self, packed: BinaryIO, sink: BinaryIO) -> None:
        """As in Library."""
        import brotli

        decoder = brotli.Decompressor()
        pump(packed.read, decoder.process, sink, RESTORE_PIECE)
        if not decoder.is_finished():
            raise EOFError("it ends early")


class Ppmd(Library):
    """Prediction by partial matching, variant H (7-Zip's), order 16, 1 GiB of model.

    It gives the family its row where 7-Zip is not installed. Not order 10, as 7-Zip's row has:
    pyppmd 1.1.1 to 1.3.1 then packs test5m and cannot restore it (other bytes from 739,510 on),
    while orders 6, 8 and 16 come back; on enwik8 16 fails as well. 7-Zip has no such trouble.

    The raw stream has neither length nor checksum: ours are 8 bytes of length before it and 4 of
    CRC-32 after it, little-endian.
    """

    name = "PPMd o16 mem=1g (library)"
    family = "PPM"
    command = "7z a -m0=PPMd:o=16:mem=1g FILE.7z FILE"
    module = "pyppmd.c._ppmd"

    ORDER, MEMORY = 16, 1 << 30
    LENGTH, CHECK = struct.Struct("<Q"), struct.Struct("<I")

    def __init__(self) -> None:
        import pyppmd

        self.version = f"pyppmd {pyppmd.__version__}"
        self.errors = (pyppmd.PpmdError, ValueError, EOFError)

    def pack(self, source: Traced, sink: BinaryIO, size: int) -> None:
        """Writes length, stream and checksum."""
        import pyppmd

        encoder, check = pyppmd.Ppmd7Encoder(self.ORDER, self.MEMORY), 0
        sink.write(self.LENGTH.pack(size))
        while data := source.read(MIB):
            check = zlib.crc32(data, check)
            sink.write(encoder.encode(data))
        sink.write(encoder.flush())
        sink.write(self.CHECK.pack(check))

    def unpack(self, packed: BinaryIO, sink: BinaryIO) -> None:
        """As in Library."""
        import pyppmd

        body = packed.seek(0, 2) - self.LENGTH.size - self.CHECK.size
        packed.seek(0)
        if body < 0:
            raise EOFError("it ends early")
        (left,) = self.LENGTH.unpack(packed.read(self.LENGTH.size))
        decoder, check = pyppmd.Ppmd7Decoder(self.ORDER, self.MEMORY), 0
        while left:
            fresh = packed.read(min(body, RESTORE_PIECE)) if decoder.needs_input else b""
            try:
                data = decoder.decode(fresh, min(left, MIB))
            # What the wheel calls a stream that cannot be: it has its memory by now.
            except MemoryError as error:
                raise ValueError("the stream does not decode") from error
            if not data and not fresh:
                raise EOFError("it ends early")
            body, left, check = body - len(fresh), left - len(data), zlib.crc32(data, check)
            sink.write(data)
        if self.CHECK.pack(check) != packed.read()[body:]:
            raise ValueError("its checksum does not hold")


class Bzip3(Library):
    """Burrows-Wheeler transform and context mixing, in blocks of 128 MiB, so that enwik8 is one.

    The wheel takes a file that stops between or inside blocks for a shorter one; the second case is
    caught here.
    """

    name = "bzip3 -b 128 (library)"
    family = "BWT"
    command = "bzip3 -e -b 128 FILE FILE.bz3"
    errors = (ValueError, EOFError)
    module = "bz3.backends.cython._bz3"

    BLOCK = 128 * MIB

    def __init__(self) -> None:
        self._binding: Any = importlib.import_module("bz3")  # has no types, and is rarely installed
        self.version = f"libbzip3 {self._binding.libversion()} (bzip3 {wheel_version('bzip3')})"

    def pack(self, source: Traced, sink: BinaryIO, size: int) -> None:
        """Writes a bzip3 file with a CRC-32 a block."""
        self._binding.compress_file(source, sink, self.BLOCK)

    def unpack(self, packed: BinaryIO, sink: BinaryIO) -> None:
        """As in Library."""
        self._binding.decompress_file(_Exact(packed), sink)


class _Exact:
    """A file whose reads give all that was asked for or, at its end, nothing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.write = file.write  # the binding asks for it

    def read(self, size: int) -> bytes:
        """As a file's. Raises EOFError where the file ends inside what was asked for."""
        data = self._file.read(size)
        if 0 < len(data) < size:
            raise EOFError("it ends early")
        return data


KINDS: tuple[tuple[type[Brotli | Zstd | Bzip3 | Ppmd], str], ...] = (
    (Brotli, "bench"),
    (Zstd, "bench"),
    (Bzip3, "bzip3"),
    (Ppmd, "bench"),
)
"""Every class, with the extra of the install that brings its wheel (bzip3's has none for macOS)."""


def wheels() -> tuple[Codec, ...]:
    """The codecs whose wheels are installed."""
    return tuple(codec for kind, _ in KINDS if (codec := _made(kind)) is not None)


def absent_wheels() -> tuple[str, ...]:
    """The other codecs, each as 'name: how to get it'."""
    return tuple(
        f"{kind.name}: pip install 'kolmozip[{extra}]'"
        for kind, extra in KINDS
        if _made(kind) is None
    )


def _made(kind: type[Brotli | Zstd | Bzip3 | Ppmd]) -> Codec | None:
    """A codec of this class, None where its wheel cannot be imported."""
    try:
        return kind()
    except ImportError:
        return None
