"""The kept runs of the ladder: what each states, and which of them are no such run.

One JSON a run lies under results/raw. A run trains one network, of one rung at one scale, and
evaluates it; ``compressor.report.ladder`` makes the page of them. Nothing here needs an extra.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from compressor.bench.store import RESTORE, Facts, MalformedResult, read_json, typed

KIND = "ladder"
"""The kind of JSON, and how its files begin."""
AR = "ar"
"""The rung that all others are held against: one byte a step, as shipped."""
CONTROLS = (AR, "ar-half", "ar-quarter", "ar-fifth")
"""Networks that differ from it in size alone: what fewer multiply-adds cost without any other
change is read off them."""
TAUGHT = "-taught"
"""How the name of a rung ends that is another one, taught by a larger network."""
RUNGS = (
    *CONTROLS,
    f"ar-fifth{TAUGHT}",
    *("sat-2", "sat-2-gate", "nat-2", "nat-4", "fixed-2", "fixed-4"),
    *("space", f"space{TAUGHT}", "surprise"),
    *("order-8", "order-4", "order-2", "order-1", "bpe-4k"),
)
"""The order of tables; a rung of another name comes last."""
SHARED = ("total_bytes", "lanes", "window", "learning_rate")
"""The fields of a setting: with the text, what all runs of one table have in common."""
SCALE = re.compile(r"\d+(\.\d+)?M")
"""How a scale is written: millions of parameters outside the tables of its AR network, about."""


@dataclass(frozen=True)
class Run:
    """What every kept run states. What may be None is null where it was not, or cannot be, had."""

    kind: str
    rung: str
    family: str
    about: str
    scale: str
    seed: int
    setting: dict[str, Any]
    corpus: str
    train_sha256: str
    valid_sha256: str
    valid_bytes: int
    network: str
    model: dict[str, Any]
    parameters: int
    table_parameters: int
    inner_parameters: int
    """Those outside the tables."""
    multiply_adds: float | None
    """Of the network, for a byte of text."""
    backbone_steps: float | None
    """For a byte of text, on the validation text."""
    train_config: dict[str, Any]
    bytes: int
    bits_per_char: float | None
    """Of the float network alone; None where the run diverged, and ``reason`` then says why."""
    mixture_bits_per_char: float | None
    """Of the same network beside the memory of ``mixture_design``."""
    mixture_design: str | None
    file_bytes: int | None
    """Of the same text as a file, where an engine computes this network."""
    file_bits_per_char: float | None
    compress_kb_per_s: float | None
    decompress_kb_per_s: float | None
    reason: str | None
    seconds: float
    step_ms: float | None
    kb_per_s: float | None
    """Of training; all KB/s are of 1000 bytes."""
    device: str
    processor: str
    cores: int
    commit: str
    date: str


FIELDS = tuple(field.name for field in fields(Run))
"""The names of what every kept run states, each of them there even where it is null."""
POSITIVE = ("valid_bytes", "parameters", "inner_parameters")
MEASURED = ("bits_per_char", "multiply_adds", "backbone_steps")
"""What a run has that did not diverge, each above 0."""
FILE = ("file_bytes", "file_bits_per_char", "compress_kb_per_s", "decompress_kb_per_s")
"""What a run has of a file: all of it, or nothing."""


def kept_runs(raw: Path) -> list[Facts]:
    """Facts of every run kept, each with its ``file``, in the order of file names.

    Raises MalformedResult, with the file's name.
    """
    return [kept_run(path) for path in sorted(raw.glob(f"{KIND}-*.json"))]


def kept_run(path: Path) -> Facts:
    """Facts of one run, with its ``file``. Raises MalformedResult, which says what is wrong."""
    facts = read_json(path)
    if wrong := _wrong(facts):
        raise MalformedResult(f"{path}: {wrong}: {RESTORE}")
    run = typed(Run, facts, path)
    if wrong := _contradiction(run):
        raise MalformedResult(f"{path}: {wrong}: {RESTORE}")
    return {**facts, "file": path.name}


def _wrong(facts: Facts) -> str:
    """What keeps an object from being a run of the ladder; empty where nothing does."""
    if facts.get("kind") != KIND:
        return "not a run of the ladder"
    missing = [name for name in FIELDS if name not in facts]
    return f"a run without {', '.join(missing)}" if missing else ""


def _contradiction(run: Run) -> str:
    """What cannot be of a run whose fields are all there; empty where all of it can."""
    if not SCALE.fullmatch(run.scale) or not float(run.scale[:-1]):
        return f"'scale' is {run.scale!r}, and should be like '1M'"
    missing = [name for name in SHARED if name not in run.setting]
    if missing:
        return f"a setting without {', '.join(missing)}"
    diverged = run.bits_per_char is None
    if diverged != (run.reason is not None):
        return "'reason' is given where and only where there is no 'bits_per_char'"
    of_file = {name for name in FILE if getattr(run, name) is not None}
    if of_file and of_file != set(FILE):
        return f"of a file, {', '.join(sorted(of_file))} without the rest"
    least = POSITIVE if diverged else (*POSITIVE, *MEASURED)
    nothing = [name for name in least if not getattr(run, name)]
    return f"{', '.join(nothing)}: nothing, or 0" if nothing else ""


def place(rung: str) -> tuple[int, str]:
    """Sorts rungs as tables have them."""
    return RUNGS.index(rung) if rung in RUNGS else len(RUNGS), rung


def millions(scale: str) -> float:
    """The number in the name of a scale, by which scales are sorted."""
    return float(scale.removesuffix("M"))
