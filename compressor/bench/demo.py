"""The demonstration: the packaged sample through the classical codecs and ours, there and back.

It runs in this process and needs the core install alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from baselines.classical import CLASSICAL
from compressor.bench.measuring import Outcome, Run, in_this_process, there_and_back
from compressor.bench.store import Facts
from compressor.codec import levels, stream
from compressor.system.plain_table import plain_table
from compressor.system.progress import bar
from data.samples import sample

COLUMNS = ("codec", ">bytes", ">bits/char", ">s compress", ">s decompress", ">restored")


def rows(quiet: bool, model: str | None = None) -> list[Facts]:
    """One row a codec on the packaged sample; ``quiet`` draws no progress of our own.

    Ours codes at the default level; ``model`` takes the place of that level's own. Sizes are in
    bytes, times in seconds. Raises UnknownModel, UnusableWeights, SampleDamaged.
    """
    text = sample()
    codecs: list[tuple[str, str, Run]] = [
        (codec.name, codec.version, in_this_process(codec.compress, codec.decompress))
        for codec in CLASSICAL
    ]
    version = f"level {levels.DEFAULT}" + (f", model {model}" if model else "")
    codecs.append(("kolmozip", version, _ours(model, len(text), quiet)))
    return [_row(name, version, run, text) for name, version, run in codecs]


def _ours(model: str | None, total: int, quiet: bool) -> Run:
    """Our own compressor, with a progress bar over ``total`` bytes."""

    def compress(source: Path, target: Path) -> None:
        with (
            source.open("rb") as read,
            target.open("wb") as write,
            bar(total, "compress", quiet) as progress,
        ):
            stream.compress_stream(read, write, progress=progress, model=model)

    def decompress(source: Path, target: Path) -> None:
        with (
            source.open("rb") as read,
            target.open("wb") as write,
            bar(total, "decompress", quiet) as progress,
        ):
            stream.decompress_stream(read, write, progress)

    return in_this_process(compress, decompress)


def _row(name: str, version: str, run: Run, text: bytes) -> Facts:
    with tempfile.TemporaryDirectory(prefix="kolmozip-demo-") as folder:
        source = Path(folder) / "sample"
        source.write_bytes(text)
        outcome = Outcome(len(text))
        there_and_back(run, source, Path(folder), outcome)
    facts = outcome.facts
    return {
        "codec": name,
        "version": version,
        "bytes": outcome.compressed_bytes,
        "bits_per_char": outcome.bits_per_char,
        "seconds_compress": facts["seconds_compress"],
        "seconds_decompress": facts["seconds_decompress"],
        "restored": outcome.reason is None,
    }


def table(rows: Sequence[Facts]) -> str:
    """The rows as a table for a terminal."""
    title = "Sample of enwik8 test text, 262,144 bytes"
    return f"{title}\n{plain_table(COLUMNS, map(_cells, rows))}"


def _cells(row: Facts) -> list[str]:
    """A row in words; a codec that failed lacks some figures."""
    figures = {"bytes": ",", "bits_per_char": ".3f"}
    figures |= {"seconds_compress": ".2f", "seconds_decompress": ".2f"}
    shown = ["-" if row[name] is None else f"{row[name]:{form}}" for name, form in figures.items()]
    return [row["codec"], *shown, "yes" if row["restored"] else "NO"]
