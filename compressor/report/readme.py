"""The generated parts of README.md, and the figures on the cards of the shipped models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compressor.bench.records import OURS
from compressor.bench.store import read_json
from compressor.codec.levels import DEFAULT, LEVELS
from compressor.report import levels
from compressor.report.measurements import Measurements, on_slice
from compressor.report.pages import bullet, prose, sections
from compressor.report.tables import (
    Write,
    bits,
    markdown,
    megabytes,
    percent,
    speed,
    whole,
    written,
)
from compressor.system.extras import need
from compressor.system.files import named_errors

with need("report"):
    import pandas as pd

HEADLINE, FIGURES, LEADERBOARD = "headline", "figures", "leaderboard"
"""Names of the generated parts: each stands between `<!-- name -->` and `<!-- /name -->`."""

PEERS = ("xz -9e", "zpaq -m5")
"""The codecs that the headline holds our default level against."""
DAGGER, DOUBLE_DAGGER = "\N{DAGGER}", "\N{DOUBLE DAGGER}"

INPUTS = ("test5m", "enwik8")
"""The inputs of README's leaderboard."""
COLUMNS: dict[str, tuple[str, Write]] = {
    "bits_per_char": ("file, bits/char", bits),
    "total_bits_per_char": ("file + weights + program, bits/char", bits),
    "kb_per_s_decompress": ("decompress, KB/s", speed),
}
"""Fact -> what its column is called after the name of the input, and how it is written."""


def with_parts(readme: Path, kept: Measurements) -> str | None:
    """README's text with its generated parts made anew; None where it has no markers for them.

    A part of which nothing was measured stays as it is. Raises InputMissing, NoPermission.
    """
    with named_errors(str(readme)):
        old = readme.read_text("utf-8")
    parts = {HEADLINE: headline(kept), FIGURES: figures(kept), LEADERBOARD: leaderboard(kept)}
    text = old
    for name, part in parts.items():
        text = _between(text, f"<!-- {name} -->", part, f"<!-- /{name} -->")
    return text if any(f"<!-- {name} -->" in old for name in parts) else None


def _between(text: str, start: str, part: str, end: str) -> str:
    """The text with ``part`` between two markers; unchanged where it lacks one, or has no part."""
    before, _, rest = text.partition(start)
    _, marker, after = rest.partition(end)
    return f"{before}{start}\n{part}{end}{after}" if marker and part else text


def headline(kept: Measurements) -> str:
    """Three figures of the default level on test5m, with what they are measured against."""
    rows = on_slice(kept.verified, "test5m").set_index("codec", drop=False)
    if f"{OURS}-{DEFAULT}" not in rows.index:
        return ""
    ours = rows.loc[f"{OURS}-{DEFAULT}"]
    peers = [rows.loc[name] for name in PEERS if name in rows.index]
    rates = ", ".join(f"`{peer.codec}` {bits(peer.bits_per_char)}" for peer in peers)
    speeds = ", ".join(f"`{peer.codec}` {_both_ways(peer)}" for peer in peers)
    unseen = "unseen " if ours.trained == "no" else ""
    share = percent(ours.payload_bytes / ours.input_bytes)
    points = [
        f"**{bits(ours.bits_per_char)} bits/char** on {whole(ours.input_bytes)} bytes of {unseen}"
        f"Wikipedia text: {whole(ours.payload_bytes)} bytes, {share} of them ({rates}).",
        f"**{_both_ways(ours)} KB/s** to compress and to decompress on {_device(ours)} ({speeds}), "
        "the start of the program included.",
        f"**{written(ours.weights_bytes, _finer_megabytes)} MB of weights**, installed with the "
        f"program, and {written(_peak(ours), megabytes)} MB of memory at the peak.",
    ]
    return "\n".join(map(bullet, points)) + "\n"


def _finer_megabytes(size: int) -> str:
    return f"{size / 1e6:.2f}"


def _both_ways(row: Any) -> str:
    speeds = row.kb_per_s_compress, row.kb_per_s_decompress
    return " and ".join(written(value, speed) for value in speeds)


def _device(row: Any) -> str:
    return f"{written(row.cores, whole)} cores, {written(row.processor, str)}"


def _peak(row: Any) -> int | None:
    """Bytes of memory at the peak, of both directions; None where neither is recorded."""
    peaks = row.peak_rss_bytes_compress, row.peak_rss_bytes_decompress
    return max((peak for peak in peaks if not pd.isna(peak)), default=None)


def figures(kept: Measurements) -> str:
    """Our levels on test5m: what each is for, the newest verified file, what it costs."""
    rows = levels.levels_of(on_slice(kept.verified, "test5m"))
    if rows.empty:
        return ""
    numbers: dict[str, Write] = {
        "file, bytes": whole,
        "bits/char": str,
        "weights, bytes": whole,
        "compress, KB/s": speed,
        "decompress, KB/s": speed,
        "peak MB": megabytes,
    }
    table = pd.DataFrame([_figures(row) for row in rows.itertuples()], dtype=object)
    devices = "; ".join(sorted({_device(row) for row in rows.itertuples()}))
    return sections(markdown(table, numbers), prose(f"Start-up included; {devices}."))


def _figures(row: Any) -> dict[str, Any]:
    """A line of the table of our levels."""
    return {
        "level": f"`-{row.level}`",
        "for": LEVELS[row.level].purpose,
        "network": levels.NONE if pd.isna(row.model) else f"`{row.model}`",
        "file, bytes": row.payload_bytes,
        "bits/char": f"**{bits(row.bits_per_char)}**",
        "weights, bytes": row.weights_bytes,
        "compress, KB/s": row.kb_per_s_compress,
        "decompress, KB/s": row.kb_per_s_decompress,
        "peak MB": _peak(row),
    }


def leaderboard(kept: Measurements) -> str:
    """test5m and enwik8 side by side, best on test5m first.

    A dagger stands where the model was trained on the bytes coded, a double one where the two rows
    of a codec are of different versions or weights.
    """
    wide = _side_by_side(pd.concat([on_slice(kept.verified, name) for name in INPUTS]))
    seen = {name: wide["trained_share", name].fillna(0) > 0 for name in INPUTS}
    version, rates = wide["version"].astype(str), wide["bits_per_char"]
    apart = rates.notna().all(axis="columns") & (version["test5m"] != version["enwik8"])
    table = {"codec": list(wide.index)}
    for name in INPUTS:
        for fact, (title, write) in COLUMNS.items():
            marks = [""] * len(wide)
            if fact == "bits_per_char":
                other = apart & (name == "enwik8")
                marks = [_marks(*pair) for pair in zip(seen[name], other, strict=True)]
            values = zip(wide[fact, name], marks, strict=True)
            table[f"{name}: {title}"] = [written(value, write) + mark for value, mark in values]
    numbers = dict.fromkeys([name for name in table if name != "codec"], str)
    shares = wide["trained_share", "enwik8"][seen["enwik8"]]
    return sections(markdown(pd.DataFrame(table), numbers), *_notes(shares, bool(apart.any())))


def _side_by_side(rows: pd.DataFrame) -> pd.DataFrame:
    """A line a codec, with columns (fact, input); best on the first input first."""
    facts = [*COLUMNS, "version", "trained_share"]
    objects = rows.astype(dict.fromkeys(facts, object))
    wide = objects.pivot(index="codec", columns="input", values=facts)
    wide = wide.reindex(columns=pd.MultiIndex.from_product([facts, INPUTS]))
    first, second = (wide["bits_per_char", name] for name in INPUTS)
    rate = first.where(first.notna(), second)
    order = sorted(wide.index, key=lambda codec: (pd.isna(first[codec]), rate[codec], codec))
    return wide.loc[order]


def _marks(seen: bool, apart: bool) -> str:
    return f" {DAGGER}" * seen + f" {DOUBLE_DAGGER}" * apart


def _notes(shares: pd.Series, apart: bool) -> list[str]:
    """What stands below README's leaderboard; ``shares`` of enwik8 are what was trained on."""
    notes = [
        "File + weights + program is all that somebody who has nothing would have to be sent: on 5 "
        "MB the weights weigh more than the text."
    ]
    if len(shares):
        words = " or ".join(sorted(set(map(percent, shares))))
        notes.append(
            f"{DAGGER} The model was trained on {words} of these bytes: only file + weights + "
            "program compares there."
        )
    if apart:
        notes.append(
            f"{DOUBLE_DAGGER} Measured with another version or other weights than on test5m: the "
            "whole table names them."
        )
    return [prose(note) for note in notes]


def cards(kept: Measurements, weights: Path) -> list[tuple[Path, str]]:
    """The cards of the weights in a folder, with the figures on test5m of these very weights.

    Of several levels that have them the smallest file counts. Returns path and text of each card
    whose weights have been measured. Raises MalformedResult.
    """
    rows = on_slice(kept.verified, "test5m")
    rows = rows[rows["ours"] & rows["weights"].notna()].sort_values("payload_bytes")
    rows = rows.drop_duplicates("weights").set_index("weights")
    texts = []
    for path in sorted(weights.glob("*.json")):
        card = read_json(path)
        if (identity := card.get("identity")) in rows.index:
            row = rows.loc[identity]
            card["test5m_bits_per_char"] = round(row.bits_per_char, 5)
            card["test5m_bytes"] = int(row.payload_bytes)
            if not pd.isna(row.level):
                card["test5m_level"] = int(row.level)
            texts.append((path, json.dumps(card, indent=1) + "\n"))
    return texts
