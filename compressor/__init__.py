"""kolmozip: lossless compression by context models and a small language model, as a library.

>>> import compressor
>>> compressor.decompress(compressor.compress(b"any bytes")) == b"any bytes"
True
>>> compressor.decompress(compressor.compress(b"any bytes", level=1)) == b"any bytes"
True

Level 1 is the fastest and 9 the smallest, as on the command line; 6 is the default. ``Memory`` is
what many small files of a kind may begin with: ``Memory.build("logs.kzm", {"monday": b"..."})``,
then ``compress(data, memory=memory)`` and ``decompress(data, memory=memory)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.codec.prepared import Memory
    from compressor.codec.stream import compress, compress_stream, decompress, decompress_stream

__version__ = "0.2.0"

__all__ = ["Memory", "compress", "compress_stream", "decompress", "decompress_stream"]


def __getattr__(name: str) -> Any:
    """Loads the codec on first use, so that ``kolmozip --help`` need not wait for NumPy."""
    if name in __all__:
        import importlib

        place = "prepared" if name == "Memory" else "stream"
        return getattr(importlib.import_module(f"compressor.codec.{place}"), name)
    raise AttributeError(f"module 'compressor' has no attribute {name!r}")
