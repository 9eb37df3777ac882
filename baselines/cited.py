"""Figures quoted from elsewhere: never measured here, never ranked beside what was.

`cited.json` holds one object a figure:

- codec, family: as in `baselines.codec`, but for codecs this repository may not be able to run
- input: "enwik8", "test5m", or "enwik9" where the source gives no other
- compressed_bytes: size of the file, null where the source only has a rounded figure or never wrote a file
- bits_per_char: 8 x compressed bytes / input bytes, or as the source states it
- total_bytes: file and decompressor together, null where the source does not say
- source: where it was read; note: what to know about it
- file: false where the figure is a cross-entropy and nothing was coded: kept out of plots of sizes
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
    """All quoted figures, in the file's order: by input, then from the fewest bits/char up."""
    rows: list[dict[str, Any]] = json.loads(
        Path(__file__).with_name("cited.json").read_text("utf-8")
    )
    return rows
