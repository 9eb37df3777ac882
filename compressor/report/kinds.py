"""The section on files of many kinds: what each codec makes of each of them, and of all."""

from __future__ import annotations

from typing import Any

from compressor.bench.records import GROUPS
from compressor.report.measurements import Measurements, machines
from compressor.report.pages import bullet, prose, sections
from compressor.report.tables import (
    NOT_RECORDED,
    Write,
    bits,
    markdown,
    speed,
    whole,
)
from compressor.system.extras import need

with need("report"):
    import pandas as pd

ABOUT = (
    "One file of each kind, coded by itself, as `kolmozip corpus files` writes them from pinned "
    "packages that no model was trained on. bits/char of the payload; the smallest of a row is "
    "bold. Weights come once with the program and are not in these figures."
)
PARTS = {
    "development": "Settings of our codec were chosen on these files.",
    "known": "Files that people know from other benchmarks: four texts of the Canterbury corpus, "
    "and those of snappy's. Nothing was trained on them.",
    "test": "Nothing was trained, tuned or selected on these files.",
}


def section(kept: Measurements) -> str:
    """The section; empty where no group of files was measured."""
    groups = [_group(str(name), rows) for name, rows in kept.grouped.groupby("group")]
    return sections("## Kinds of files", prose(ABOUT), *groups) if groups else ""


def _group(name: str, rows: pd.DataFrame) -> str:
    good, failed = rows[rows["verified"]], rows[~rows["verified"]]
    sizes = rows.groupby("input")["input_bytes"].first()
    packed = good.pivot_table(index="input", columns="codec", values="payload_bytes", sort=False)
    packed = packed.reindex(sizes.index)
    totals = packed.sum(skipna=False)
    order = sorted(totals.index, key=lambda codec: (pd.isna(totals[codec]), totals[codec], codec))
    points = [bullet(f"{row.codec} on {row.input}: {row.reason}") for row in failed.itertuples()]
    return sections(
        f"### {name}: {len(sizes)} files, {whole(int(sizes.sum()))} bytes",
        prose(f"{PARTS[GROUPS[name]]} Measured on {'; '.join(machines(rows))}."),
        _sums(good, packed[order], int(sizes.sum())) if order else "No verified row yet.",
        _kinds(packed[order], sizes) if order else "",
        sections("Failed, not counted:", "\n".join(points)) if points else "",
    )


def _sums(rows: pd.DataFrame, packed: pd.DataFrame, size: int) -> str:
    """A line a codec over all files; one that has not restored all of them has no sums."""
    least = packed.min(axis="columns")
    lines = []
    for codec in packed.columns:
        own = rows[rows["codec"] == codec]
        whole_group = bool(packed[codec].notna().all())
        total = packed[codec].sum() if whole_group else pd.NA
        seconds = {verb: own[f"seconds_{verb}"].sum() for verb in ("compress", "decompress")}
        speeds = {
            f"{verb} KB/s": size / 1000 / taken if whole_group and taken else pd.NA
            for verb, taken in seconds.items()
        }
        lines.append(
            {
                "codec": codec,
                "files restored": len(own),
                "payload bytes": total if pd.isna(total) else int(total),
                "bits/char": pd.NA if pd.isna(total) else 8 * total / size,
                "smallest on": int((packed[codec] == least).sum()),
                "weights bytes": _weights(own),
                **speeds,
                "version": ", ".join(sorted(set(own["version"].dropna()))),
            }
        )
    figures: dict[str, Write] = {
        "files restored": whole,
        "payload bytes": whole,
        "bits/char": bits,
        "smallest on": whole,
        "weights bytes": whole,
        "compress KB/s": speed,
        "decompress KB/s": speed,
    }
    return markdown(pd.DataFrame(lines, dtype=object), figures)


def _weights(rows: pd.DataFrame) -> Any:
    """Bytes of all the weights that a codec's files name; of the most of one file, if unclear."""
    sizes = rows["weights_bytes"]
    named = rows["weights"].dropna().str.split(", ")
    alone = {names[0]: sizes[at] for at, names in named.items() if len(names) == 1}
    together = {name for names in named for name in names}
    return sum(alone.values()) if together and together == set(alone) else sizes.max()


def _kinds(packed: pd.DataFrame, sizes: pd.Series) -> str:
    """bits/char of each file, a line a file; the last line is of all that a codec restored."""
    lines = []
    for name, of_file in packed.iterrows():
        least = of_file.min()
        cells = {
            codec: _rate(value, sizes[name], value == least) for codec, value in of_file.items()
        }
        lines.append({"file": name, "bytes": int(sizes[name]), **cells})
    totals = packed.sum(skipna=False)
    cells = {codec: _rate(total, sizes.sum(), False) for codec, total in totals.items()}
    lines.append({"file": "all", "bytes": int(sizes.sum()), **cells})
    figures: dict[str, Write] = {"bytes": whole, **dict.fromkeys(packed.columns, str)}
    return markdown(pd.DataFrame(lines, dtype=object), figures)


def _rate(packed: float, size: int, bold: bool) -> str:
    if pd.isna(packed):
        return NOT_RECORDED
    rate = bits(8 * packed / size)
    return f"**{rate}**" if bold else rate
