"""What weights were trained on, in words and tables, from the card of a part."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data.general.gather import BENCHMARK

FACTS = """\
# What `{corpus}` weights have read

`kolmozip corpus {corpus}` gathers this text from pinned packages; the repository holds none of it.

| part | `{part}` |
| --- | --- |
| bytes | {bytes:,} |
| documents | {documents:,} |
| packages | {packages} |
| SHA-256 | `{sha256}` |
| of the manifest | `{manifest_sha256}` |
"""

POINTS = (
    "Between its documents stand pieces of the training part of enwik8 (English Wikipedia, GFDL), "
    "one byte in {one_in} of what is trained on.",
    "**Kept out**: {kept_out} packages that codecs are developed and tested on, among them files "
    "that people know from benchmarks, and the last 10,000,000 bytes of enwik8. No document holds "
    "a passage of 64 bytes of them, common phrases apart.",
    "**Not to be claimed**: figures on text of the packages below, or of other versions of them, "
    "are no figures on unseen text.",
    "**Licences** are those below. The weights hold no text as such; short frequent strings, such "
    "as heads of licences, are in them. Whether weights are a work derived from texts under the "
    "GPL or CC BY-SA is not settled, and nothing here says it is. With `--permissive` the packages "
    "that are marked so are gathered alone, {marked:,} bytes of this part.",
    "**Personal data**: addresses in letters are masked; names of authors stand in licences, "
    "comments and documents as they were published.",
)


def statement(card: Mapping[str, Any], one_in: int) -> str:
    """A page in Markdown on a part with this card, one byte in ``one_in`` being of enwik8."""
    packages = card["packages"]
    counts = {
        "packages": len(packages),
        "kept_out": sum(name != BENCHMARK for name in card["kept_out"]),
        "marked": sum(package["bytes"] for package in packages if package["permissive"]),
    }
    said = {**card, **counts, "one_in": one_in}
    points = (
        textwrap.fill(f"- {point.format(**said)}", 100, subsequent_indent="  ") + "\n"
        for point in POINTS
    )
    licences: Counter[str] = Counter()
    for package in packages:
        licences[package["licence"]] += package["bytes"]
    rows = [
        (
            *(package["name"], package["version"], package["registry"], package["licence"]),
            *(f"{package['bytes']:,}", f"`{package['sha256'][:16]}`"),
        )
        for package in packages
    ]
    heads = ("package", "version", "registry", "licence", "bytes read", "SHA-256 begins")
    parts = (
        FACTS.format(**said),
        "".join(points),
        "## By licence\n",
        _table(("licence", "bytes"), _largest_first(licences)),
        "## By kind\n",
        _table(("kind", "bytes"), _largest_first(card["bytes_by_kind"])),
        "## By package\n",
        _table(heads, rows),
    )
    return "\n".join(parts)


def _largest_first(sizes: Mapping[str, int]) -> list[tuple[str, str]]:
    """Names with their bytes, those with most bytes first."""
    return [(name, f"{sizes[name]:,}") for name in sorted(sizes, key=lambda n: (-sizes[n], n))]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = (heads, ["---"] * len(heads), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
