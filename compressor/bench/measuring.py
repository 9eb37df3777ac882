"""One codec on one input, there and back: sizes, times, memory, and whether the bytes came back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from compressor.bench.store import Facts, significant
from compressor.system.process import Ending

Verb: TypeAlias = Literal["compress", "decompress"]
VERBS: tuple[Verb, Verb] = ("compress", "decompress")

Run: TypeAlias = Callable[[Verb, Path, Path], Ending]
"""Takes a codec in one direction from a file to another, and says how that ended."""

CHUNK = 1 << 20
"""Bytes that are compared at a time."""


@dataclass
class Outcome:
    """What is known of a codec on an input; it grows while the codec runs."""

    input_bytes: int
    endings: dict[Verb, Ending] = field(default_factory=dict)
    compressed_bytes: int | None = None
    reason: str | None = "not run"
    """Why it failed; None where the restored bytes were compared with the input and were equal."""

    @property
    def bits_per_char(self) -> float | None:
        """8 x compressed bytes / input bytes."""
        return (
            None if self.compressed_bytes is None else 8 * self.compressed_bytes / self.input_bytes
        )

    @property
    def facts(self) -> Facts:
        """As a row states it: bytes, bits/char, seconds, KB/s, bytes of peak memory."""
        facts: Facts = {"compressed_bytes": self.compressed_bytes}
        facts["bits_per_char"] = self.bits_per_char and round(self.bits_per_char, 5)
        for verb in VERBS:
            ending = self.endings.get(verb, Ending(None))
            speed = self.input_bytes / 1000 / ending.seconds if ending.seconds else None
            facts[f"seconds_{verb}"] = ending.seconds and significant(ending.seconds)
            facts[f"kb_per_s_{verb}"] = speed and significant(speed)
            facts[f"peak_rss_bytes_{verb}"] = ending.peak_rss_bytes
        return facts


def there_and_back(run: Run, source: Path, folder: Path, outcome: Outcome) -> None:
    """Compresses source to ``packed`` in a folder and that to ``restored``, and compares.

    What becomes known goes into the outcome; ``run`` may raise, and what is known by then stands.
    """
    packed, restored = folder / "packed", folder / "restored"
    for verb, given, made in zip(VERBS, (source, packed), (packed, restored), strict=True):
        ending = outcome.endings[verb] = run(verb, given, made)
        if (failure := _failure(ending, made)) is not None:
            outcome.reason = f"{verb}: {failure}"
            return
        outcome.compressed_bytes = packed.stat().st_size
    outcome.reason = difference(source, restored)


def _failure(ending: Ending, made: Path) -> str | None:
    """Why one direction failed, None where it ended well and wrote something."""
    if ending.reason is None and not (made.is_file() and made.stat().st_size):
        return "wrote no output"
    return ending.reason


def difference(original: Path, restored: Path) -> str | None:
    """What tells the restored file from the original; None where they are equal, byte for byte."""
    sizes = original.stat().st_size, restored.stat().st_size
    if sizes[0] != sizes[1]:
        return f"decoded bytes differ: {sizes[1]} of them where the input has {sizes[0]}"
    with original.open("rb") as left, restored.open("rb") as right:
        offset = 0
        while wanted := left.read(CHUNK):
            decoded = right.read(CHUNK)
            if wanted != decoded:
                pairs = enumerate(zip(wanted, decoded, strict=True))
                first = next(at for at, (byte, other) in pairs if byte != other)
                return f"decoded bytes differ: the first at offset {offset + first}"
            offset += len(wanted)
    return None


def in_this_process(
    compress: Callable[[Path, Path], None], decompress: Callable[[Path, Path], None]
) -> Run:
    """A codec given as two functions from file to file: seconds are taken, peak memory is not.

    What the functions raise passes.
    """
    work = {"compress": compress, "decompress": decompress}

    def run(verb: Verb, source: Path, target: Path) -> Ending:
        begun = time.monotonic()
        work[verb](source, target)
        return Ending(None, time.monotonic() - begun)

    return run
