"""Figures quoted from public sources: never measured here, never ranked beside what was.

`cited.json` holds one object for each figure:

- codec, family: as in `baselines.codec`, but for codecs this repository may not be able to run
- input: "enwik8" or "test5m"
- compressed_bytes: size of the file; null where the source wrote none
- bits_per_char: 8 x compressed bytes / input bytes; without a file, what the source states
- total_bytes: file and decompressor together; null where the source does not say
- source: the page or paper where it was read; note: what to know about it
- file: false where the figure is a cross-entropy and nothing was coded; plots of sizes leave it out
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FIELDS = (
    "codec",
    "family",
    "input",
    "compressed_bytes",
    "bits_per_char",
    "total_bytes",
    "source",
    "note",
    "file",
)


def cited() -> list[dict[str, Any]]:
    """All quoted figures in the file's order: by input, then from the fewest bits/char up."""
    rows: list[dict[str, Any]] = json.loads(
        Path(__file__).with_name("cited.json").read_text("utf-8")
    )
    return rows
