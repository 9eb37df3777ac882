"""Our levels as tables: what each is, and which peers are in front of it, and behind."""

from __future__ import annotations

import re
from typing import Any

from compressor.bench.measuring import VERBS
from compressor.bench.records import OURS
from compressor.report.measurements import machines, without_libraries
from compressor.report.pages import bullet, prose, sections
from compressor.report.tables import (
    NOT_RECORDED,
    Write,
    bits,
    markdown,
    megabytes,
    speed,
    whole,
)
from compressor.system.extras import need

with need("report"):
    import pandas as pd

NONE = "none"
COLUMNS = {
    "codec": "level",
    "model": "network",
    "design": "design",
    "tables_mib": "tables, MiB",
    "lanes": "lanes",
    "payload_bytes": "payload bytes",
    "bits_per_char": "bits/char",
    "weights_bytes": "weights bytes",
    "kb_per_s_compress": "compress KB/s",
    "kb_per_s_decompress": "decompress KB/s",
    "peak_rss_bytes_compress": "peak MB compress",
    "peak_rss_bytes_decompress": "peak MB decompress",
}
FIGURES: dict[str, Write] = {
    "tables, MiB": whole,
    "lanes": whole,
    "payload bytes": whole,
    "bits/char": bits,
    "weights bytes": whole,
    "compress KB/s": speed,
    "decompress KB/s": speed,
    "peak MB compress": megabytes,
    "peak MB decompress": megabytes,
}
METHOD = (
    "A level is in front of a peer where it is smaller and at least as fast, or faster and at most "
    "as large; and a peer of a level likewise. Sizes are compared as codecs are ranked above."
)


def levels_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of our levels, the fastest first.

    A model that was named codes at a level too, and is none.
    """
    numbers = rows["codec"].str.fullmatch(rf"{re.escape(OURS)}-\d")
    return rows[rows["level"].notna() & numbers].sort_values(["level", "codec"])


def table(rows: pd.DataFrame) -> str:
    """What our levels are and do on an input, of its verified rows; empty where there are none.

    Design, tables and lanes are those of the file's first mixed block.
    """
    shown = levels_of(rows)
    if shown.empty:
        return ""
    shown = shown.assign(model=shown["model"].fillna(NONE))
    return markdown(shown[[*COLUMNS]].rename(columns=COLUMNS), FIGURES)


def beside_peers(rows: pd.DataFrame) -> str:
    """Who is in front of whom on an input, of its verified rows; empty without levels or peers."""
    rows = without_libraries(rows[rows["competes"]])
    ours = levels_of(rows)
    peers = rows[~rows["contained"]].sort_values(["compared", "codec"])
    if ours.empty or peers.empty:
        return ""
    lines = [_peer(peer, ours) for peer in peers.itertuples()]
    figures: dict[str, Write] = {"bits/char": bits}
    figures |= {f"{verb}, KB/s": speed for verb in VERBS}
    behind = [_level(level, peers) for level in ours.itertuples()]
    return sections(
        "### No peer in front?",
        prose(METHOD),
        "\n".join(
            bullet(f"{verb.capitalize()}ing: {_counted(verb, lines, behind)}") for verb in VERBS
        ),
        "Which of our levels is in front of a peer:",
        markdown(pd.DataFrame(lines), figures),
        "Which peers are in front of a level:",
        markdown(pd.DataFrame(behind), figures),
        _machines(pd.concat([ours, peers])),
    )


def _counted(verb: str, lines: list[dict[str, Any]], behind: list[dict[str, Any]]) -> str:
    beaten = sum(line[_smaller(verb)] != NONE or line[_faster(verb)] != NONE for line in lines)
    free = sum(line[_in_front(verb)] == NONE for line in behind)
    return (
        f"of {len(lines)} peers {beaten} have a level in front of them; of {len(behind)} levels "
        f"{free} have no peer in front."
    )


def _smaller(verb: str) -> str:
    return f"{verb}: smaller at its speed"


def _faster(verb: str) -> str:
    return f"{verb}: faster at its size"


def _in_front(verb: str) -> str:
    return f"{verb}: peers in front"


def _facts(row: Any) -> dict[str, Any]:
    speeds = {f"{verb}, KB/s": getattr(row, f"kb_per_s_{verb}") for verb in VERBS}
    return {"codec": row.codec, "bits/char": row.compared, **speeds}


def _peer(peer: Any, ours: pd.DataFrame) -> dict[str, Any]:
    """A line of the table of peers: the best of our levels at the speed and at the size of one."""
    line = _facts(peer)
    for verb in VERBS:
        fact = f"kb_per_s_{verb}"
        pace = getattr(peer, fact)
        line[_smaller(verb)] = line[_faster(verb)] = NOT_RECORDED
        if pd.isna(pace):
            continue
        as_fast = ours[(ours[fact] >= pace).fillna(False)]
        smaller = as_fast[as_fast["compared"] < peer.compared].sort_values("compared").head(1)
        as_small = ours[(ours["compared"] <= peer.compared).fillna(False)]
        faster = as_small[(as_small[fact] > pace).fillna(False)].sort_values(fact).tail(1)
        line[_smaller(verb)] = line[_faster(verb)] = NONE
        for level in smaller.itertuples():
            share = 1 - level.compared / peer.compared
            line[_smaller(verb)] = f"-{level.level}, by {share:.1%}"
        for level in faster.to_dict("records"):
            line[_faster(verb)] = f"-{level['level']}, {level[fact] / pace:.2g} times"
    return line


def _level(level: Any, peers: pd.DataFrame) -> dict[str, Any]:
    """A line of the table of levels: the peers that are in front of one."""
    line = _facts(level)
    for verb in VERBS:
        pace, size = peers[f"kb_per_s_{verb}"], peers["compared"]
        own = getattr(level, f"kb_per_s_{verb}")
        no_worse = (pace >= own) & (size <= level.compared)
        better = (pace > own) | (size < level.compared)
        names = peers["codec"][(no_worse & better).fillna(False)]
        line[_in_front(verb)] = NOT_RECORDED if pd.isna(own) else ", ".join(names) or NONE
    return line


def _machines(rows: pd.DataFrame) -> str:
    """A warning where the speeds are of several machines; empty where they are of one."""
    names = machines(rows)
    if len(names) < 2:
        return ""
    return prose(
        f"**These speeds are of {len(names)} machines** ({'; '.join(names)}), so that they "
        "compare badly: measure all on one."
    )
