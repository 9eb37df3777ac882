"""Speculation in the native decoder: with each draft and width, and without, on small real texts.

All runs are decoders of one thread in this process, timed by the processor's clock, so that other
programs count little; every round takes all of them in turn, and ratios are those within a round.
What each restores is compared.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coding.errors import KolmozipError
from compressor.bench.store import Facts, keep, prepare, significant
from compressor.codec import engines, native, weights_store
from compressor.codec.levels import DEFAULT, LEVELS
from compressor.codec.native import NativeCodec, Speculation
from compressor.codec.seams import Recipe, ignore_progress
from compressor.system.machine import environment
from compressor.system.plain_table import plain_table
from compressor.system.progress import bar
from data.samples import sample

SPECULATION = "speculation"
"""The kind of JSON that this writes, and how its files begin."""
MODELS = ("small",)
"""What is measured where nobody says otherwise."""
PIECES = ((1_000, 1), (10_000, 1), (65_536, 1), (262_144, 1), (262_144, 2), (262_144, 4))
"""Bytes of the text's beginning, and the lanes that they are coded in."""
WIDTHS = (1, 2, 4, 8)
"""Bytes that are drafted at most."""
DRAFTS = ("match", "memory", "tiny")
"""What drafts; the last is the name of weights."""
NEVER, USUAL = "never", "usual"
"""No draft at all, and what a decoder does where nobody says otherwise."""


class SpeculationDiffers(KolmozipError):
    """A decoder that drafts gave other bytes than were coded."""


@dataclasses.dataclass(frozen=True)
class Setup:
    """A draft and its width; 0 bytes where a draft has none to choose."""

    draft: str
    width: int
    speculation: Speculation


def setups() -> Iterator[Setup]:
    """The decoder without drafts first, then as it is usual, then every draft and width.

    Raises UnknownModel, UnusableWeights, NoEngine.
    """
    yield Setup(NEVER, 0, Speculation("never"))
    yield Setup(USUAL, 0, Speculation())
    for draft, width in itertools.product(DRAFTS, WIDTHS):
        if draft in ("match", "memory"):
            yield Setup(draft, width, Speculation(draft, width))
        else:
            yield Setup(draft, width, native.drafted_by(draft, width))


def measure(
    results: Path,
    *,
    models: Sequence[str] = MODELS,
    pieces: Sequence[tuple[int, int]] = PIECES,
    rounds: int = 3,
    quiet: bool = False,
) -> tuple[Facts, Path]:
    """Decodes pieces of the shipped sample; returns the facts and where they are kept.

    Raises NoEngine, StaleEngine, UnknownModel, UnusableWeights, SpeculationDiffers.
    """
    engines.chosen("native")
    prepare(results)
    text, todo = sample(), [*itertools.product(models, pieces)]
    total = rounds * len([*setups()]) * sum(size for _, (size, _) in todo)
    rows: list[Facts] = []
    with bar(total, SPECULATION, quiet) as progress:
        for model, (size, lanes) in todo:
            rows += _rows(model, text[:size], lanes, rounds, progress)
    facts = {
        "kind": SPECULATION,
        "input": "sample",
        "input_sha256": hashlib.sha256(text).hexdigest(),
        "rounds": rounds,
        "instructions": native.instruction_set(),
        "rows": rows,
        **environment(),
    }
    return facts, keep(facts, results, SPECULATION)


def _rows(model: str, piece: bytes, lanes: int, rounds: int, progress: Any) -> list[Facts]:
    """A row a setup; speeds are medians, ratios medians of those within a round."""
    path = weights_store.path_by_name(model)
    codec = native.load(path, weights_store.identity_of(path), threads=1)
    recipe = dataclasses.replace(LEVELS[DEFAULT].recipe(len(piece)), lanes=lanes)
    payload = codec.encode_block(piece, recipe, ignore_progress)
    todo = [*setups()]
    seconds: list[list[float]] = [[] for _ in todo]
    tallies: list[native.Tally] = []
    for turn in range(rounds):
        # Every other round goes backwards, so that what changes meanwhile favours nobody.
        order = range(len(todo)) if turn % 2 == 0 else reversed(range(len(todo)))
        for number in order:
            drafting = dataclasses.replace(codec, speculation=todo[number].speculation)
            taken, tally = _run(drafting, payload, piece, recipe)
            seconds[number].append(taken)
            if turn == 0:
                tallies.append(tally)
            progress(len(piece))
    return [
        {
            "model": model,
            "bytes": len(piece),
            "lanes": lanes,
            "payload_bytes": len(payload),
            "draft": setup.draft,
            "width": setup.width,
            "seconds": significant(statistics.median(taken)),
            "kb_per_s": significant(len(piece) / statistics.median(taken) / 1000),
            "times_as_fast": significant(
                statistics.median(w / t for w, t in zip(seconds[0], taken, strict=True))
            ),
            **dataclasses.asdict(tally),
        }
        for setup, taken, tally in zip(todo, seconds, tallies, strict=True)
    ]


def _run(
    codec: NativeCodec, payload: bytes, piece: bytes, recipe: Recipe
) -> tuple[float, native.Tally]:
    """Seconds of the processor that a decoder took, and what it did. Raises SpeculationDiffers."""
    start = time.process_time()
    restored, tally = codec.tallied_block(payload, len(piece), recipe, ignore_progress)
    taken = time.process_time() - start
    if restored != piece:
        drafts = codec.speculation
        raise SpeculationDiffers(
            f"{drafts.draft} {drafts.width} in {recipe.lanes} lanes gave other bytes: please "
            f"report this, and decode with {native.SPECULATION_VARIABLE}=never meanwhile"
        )
    return taken, tally


def bytes_a_pass(row: Facts) -> float | None:
    """Bytes of a lane that an evaluation of the network was good for; None without drafts."""
    return row["steps"] / row["passes"] if row["passes"] else None


def hit_rate(row: Facts) -> float | None:
    """The share of drafted bytes that came; None where none were drafted."""
    return row["hits"] / row["drafted"] if row["drafted"] else None


COLUMNS = (
    *("model", ">bytes", ">lanes", "draft", ">ahead"),
    *(">bytes/pass", ">hits", ">KB/s", ">times as fast"),
)


def table(rows: Sequence[Facts]) -> str:
    """The rows for a terminal."""
    lines = []
    for row in rows:
        passes, hits = bytes_a_pass(row), hit_rate(row)
        lines.append(
            [
                *(row["model"], f"{row['bytes']:,}", str(row["lanes"])),
                *(row["draft"], str(row["width"] or "")),
                "" if passes is None else f"{passes:.2f}",
                "" if hits is None else f"{hits:.0%}",
                *(f"{row['kb_per_s']:.1f}", f"{row['times_as_fast']:.2f}"),
            ]
        )
    return plain_table(COLUMNS, lines)
