"""The demonstration: the packaged sample through the classical codecs and through ours, each restored and compared."""

from __future__ import annotations

import io
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from baselines.classical import CLASSICAL, Codec
from compressor import codec, registry
from compressor.progress import bar
from data.samples import sample


class Ours:
    """Our compressor as one of the codecs, with a progress bar."""

    name = "kolmozip"

    def __init__(self, quiet: bool, total: int) -> None:
        self.quiet, self.total = quiet, total
        self.model = registry.by_name(registry.DEFAULT_MODEL)
        self.version = f"model {self.model.name}"

    def compress(self, data: bytes) -> bytes:
        """A container."""
        target = io.BytesIO()
        with bar(self.total, "compress", self.quiet) as progress:
            codec.compress_stream(io.BytesIO(data), target, self.model, progress)
        return target.getvalue()

    def decompress(self, data: bytes) -> bytes:
        """The original."""
        target = io.BytesIO()
        with bar(self.total, "decompress", self.quiet) as progress:
            codec.decompress_stream(io.BytesIO(data), target, progress)
        return target.getvalue()


def _row(which: Codec, data: bytes) -> dict[str, Any]:
    begun = time.monotonic()
    packed = which.compress(data)
    middle = time.monotonic()
    restored = which.decompress(packed) == data
    return {
        "codec": which.name,
        "version": which.version,
        "bytes": len(packed),
        "bits_per_char": 8 * len(packed) / len(data),
        "seconds_compress": middle - begun,
        "seconds_decompress": time.monotonic() - middle,
        "restored": restored,
    }


def rows(quiet: bool) -> list[dict[str, Any]]:
    """One row a codec on the packaged sample."""
    data = sample()
    return [_row(which, data) for which in [*CLASSICAL, Ours(quiet, len(data))]]


def table(found: list[dict[str, Any]]) -> str:
    """The rows as a table for a terminal."""
    shown = Table(title="Sample of enwik8 test text, 262,144 bytes", title_justify="left")
    for heading in ("codec", "bytes", "bits/char", "s compress", "s decompress", "restored"):
        shown.add_column(heading, justify="left" if heading == "codec" else "right")
    for row in found:
        shown.add_row(row["codec"], f"{row['bytes']:,}", f"{row['bits_per_char']:.3f}", f"{row['seconds_compress']:.2f}",
                      f"{row['seconds_decompress']:.2f}", "yes" if row["restored"] else "NO")  # fmt: skip
    console = Console(file=io.StringIO(), width=88)
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip()
