"""kolmozip: lossless compression by a small language model, in the form of a library.

>>> import compressor
>>> compressor.decompress(compressor.compress(b"any bytes")) == b"any bytes"
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.codec.stream import compress, compress_stream, decompress, decompress_stream

__version__ = "0.1.0"

__all__ = ["compress", "compress_stream", "decompress", "decompress_stream"]


def __getattr__(name: str) -> Any:
    """Loads the codec on first use, so that ``kolmozip --help`` need not wait for NumPy."""
    if name in __all__:
        from compressor.codec import stream

        return getattr(stream, name)
    raise AttributeError(f"module 'compressor' has no attribute {name!r}")
