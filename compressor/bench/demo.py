"""The demonstration: the packaged sample through the classical codecs and through ours, each restored and compared."""

from __future__ import annotations

import filecmp
import io
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from baselines.classical import CLASSICAL
from baselines.codec import Codec, Trace, ignore
from compressor.bench.ours import program_bytes
from compressor.codec import model as registry
from compressor.codec import stream as codec
from compressor.codec import weights_store
from compressor.system.progress import bar
from data.samples import sample


class Ours:
    """Our compressor as one of the codecs, with a progress bar."""

    name, family, command = "kolmozip", "neural", "kolmozip compress FILE"
    build = None

    def __init__(self, quiet: bool, total: int) -> None:
        self.quiet, self.total = quiet, total
        self.model = registry.by_name(weights_store.DEFAULT_MODEL)
        self.version = f"model {self.model.name}"

    @property
    def program_bytes(self) -> int:
        """Our own source, packed."""
        return program_bytes()

    def compress(self, source: Path, target: Path, _trace: Trace = ignore) -> None:
        """A container."""
        with (
            source.open("rb") as text,
            target.open("wb") as packed,
            bar(self.total, "compress", self.quiet) as progress,
        ):
            codec.compress_stream(text, packed, self.model, progress)

    def decompress(self, packed: Path, target: Path) -> None:
        """The original."""
        with (
            packed.open("rb") as source,
            target.open("wb") as text,
            bar(self.total, "decompress", self.quiet) as progress,
        ):
            codec.decompress_stream(source, text, progress)


def _row(which: Codec, source: Path) -> dict[str, Any]:
    packed, restored = source.with_name("packed"), source.with_name("restored")
    begun = time.monotonic()
    which.compress(source, packed)
    middle = time.monotonic()
    which.decompress(packed, restored)
    ended = time.monotonic()
    return {
        "codec": which.name,
        "version": which.version,
        "bytes": packed.stat().st_size,
        "bits_per_char": 8 * packed.stat().st_size / source.stat().st_size,
        "seconds_compress": middle - begun,
        "seconds_decompress": ended - middle,
        "restored": filecmp.cmp(source, restored, shallow=False),
    }


def rows(quiet: bool) -> list[dict[str, Any]]:
    """One row a codec on the packaged sample."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "sample"
        source.write_bytes(sample())
        return [_row(which, source) for which in [*CLASSICAL, Ours(quiet, source.stat().st_size)]]


def table(found: list[dict[str, Any]]) -> str:
    """The rows as a table for a terminal."""
    shown = Table(title="Sample of enwik8 test text, 262,144 bytes", title_justify="left")
    for heading in ("codec", "bytes", "bits/char", "s compress", "s decompress", "restored"):
        shown.add_column(heading, justify="left" if heading == "codec" else "right")
    for row in found:
        shown.add_row(
            row["codec"],
            f"{row['bytes']:,}",
            f"{row['bits_per_char']:.3f}",
            f"{row['seconds_compress']:.2f}",
            f"{row['seconds_decompress']:.2f}",
            "yes" if row["restored"] else "NO",
        )
    console = Console(file=io.StringIO(), width=88)
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip()
