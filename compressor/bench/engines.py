"""The engines side by side: the native one by each instruction set, JAX, and floats on Candle.

Every run is a whole command in a fresh process, start-up included, and what it restores is
compared. The runs of one measurement follow one another on one machine, so that their ratios hold
where their seconds do not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from coding.errors import KolmozipError
from compressor.bench.inputs import opened
from compressor.bench.jobs import Job, baseline_job, level_job
from compressor.bench.measuring import VERBS, Outcome, there_and_back
from compressor.bench.ours import ROOT
from compressor.bench.records import ENGINES, Input
from compressor.bench.runner import in_processes
from compressor.bench.store import Facts, keep, prepare, significant
from compressor.codec import engines, native, weights_file, weights_store
from compressor.codec.levels import LEVELS
from compressor.system.machine import environment
from compressor.system.plain_table import plain_table
from compressor.system.process import Children
from compressor.system.progress import bar
from compressor.system.resources import cores
from models.integer.weights import IntegerWeights, dense_inputs

MEASURED = (3, 4, 6)
"""Levels that are measured unless others are asked for: those of a single lane take minutes in
NumPy."""
PEER = "xz -9e"
"""What the speed on the whole input is a ratio to."""
SIZES = (64 << 10, 10_000, 1_000)
"""Bytes of the beginnings of the input that are measured too."""
OFTEN = 1 << 20
"""Bytes of an input up to which every run is repeated."""
SLOW_BYTES = 10_000
"""What is there for correctness computes no more than this: the portable instruction set, and the
memory's definition in NumPy, which JAX has beside it."""
CANDLE_LANES, CANDLE_BYTES = 64, 51_200
"""Candle steps through the beginning of the input, one byte in each lane at a time."""
CANDLE = ROOT / "native" / "candle" / "Cargo.toml"
PEAK = ROOT / "native" / "Cargo.toml"


class CargoFailed(KolmozipError):
    """A program in Rust that a measurement needs cannot be built or run."""


@dataclasses.dataclass(frozen=True)
class Setup:
    """What computes: an engine by one instruction set, or a whole codec of the benchmark."""

    engine: str
    job: Job
    level: int | None = None
    instructions: str | None = None

    @property
    def facts(self) -> Facts:
        """As a row states it."""
        model = LEVELS[self.level].model if self.level else None
        return {
            "engine": self.engine,
            "instructions": self.instructions,
            "level": self.level,
            "model": model,
        }


def of_level(level: int, engine: str, instructions: str | None = None) -> Setup:
    """Our own compressor on one engine, chosen by the variables that a user has too."""
    job = level_job(level)
    chosen = [f"{engines.VARIABLE}={engine}"]
    chosen += [f"{native.ISA_VARIABLE}={instructions}"] if instructions else []
    command = ["env", *chosen]
    job = dataclasses.replace(
        job, compress=[*command, *job.compress], decompress=[*command, *job.decompress]
    )
    return Setup(engine, job, level, instructions)


def setups(levels: Sequence[int], size: int, whole: bool) -> Iterator[Setup]:
    """What runs on an input of so many bytes.

    On the whole input that is the peer and, of the instruction sets, the fastest one alone.
    """
    if whole:
        from baselines import table

        yield from (
            Setup("peer", baseline_job(codec)) for codec in table.codecs() if codec.name == PEER
        )
    names = native.instruction_sets()
    usable = [name for name in names if name != "portable" or size <= SLOW_BYTES]
    for level in levels:
        for instructions in usable[-1:] if whole else usable:
            yield of_level(level, "native", instructions)
        if size <= SLOW_BYTES:
            yield of_level(level, "jax")


def measure(
    name: str,
    levels: Sequence[int],
    results: Path,
    *,
    rounds: int = 3,
    candle: bool = False,
    quiet: bool = False,
) -> tuple[Facts, Path]:
    """Measures every engine on an input and on its beginning; returns facts and where they are.

    Inputs of up to a MiB run ``rounds`` times, taking turns, and of the seconds the median counts.
    Raises NoEngine, StaleEngine, UnknownModel, UnknownInput, EmptyInput, CargoFailed.
    """
    engines.chosen("native")
    engines.chosen("jax")
    models = dict.fromkeys(model for level in levels for model in LEVELS[level].models)
    weights = {model: _weights(model) for model in models}
    prepare(results)
    with tempfile.TemporaryDirectory(prefix="kolmozip-engines-") as folder, opened(name) as source:
        subject = Input.of(source)
        inputs = [(source, True)]
        for size in SIZES:
            if size < subject.size:
                part = Path(folder, f"{subject.name}-{size}")
                with source.open("rb") as whole:
                    part.write_bytes(whole.read(size))
                inputs.append((part, False))
        rows = _rows(inputs, levels, rounds, quiet)
        facts = {
            "kind": ENGINES,
            **subject.facts,
            "rounds": rounds,
            "rows": rows,
            "products_per_byte": {model: products(weights[model]) for model in models},
            "peak_products_per_s": _peak(),
            "candle": [
                _candle(model, source, threads)
                for model in models
                for threads in sorted({1, cores()})
                if candle
            ],
            **environment(),
        }
    return facts, keep(facts, results, f"{ENGINES}-{subject.name}")


def products(weights: IntegerWeights) -> int:
    """Products of 8-bit integers that the network takes a byte."""
    return sum(math.prod(weights.arrays[name].shape) for name, _, _ in dense_inputs(weights.config))


def _weights(model: str) -> IntegerWeights:
    return weights_file.unpack(weights_store.path_by_name(model).read_bytes())


def _rows(
    inputs: Sequence[tuple[Path, bool]], levels: Sequence[int], rounds: int, quiet: bool
) -> list[Facts]:
    """A row a setup and input, in the order in which they first ran."""
    todo = []
    for source, whole in inputs:
        subject = Input.of(source)
        times = rounds if subject.size <= OFTEN else 1
        todo.append((source, subject, times, [*setups(levels, subject.size, whole)]))
    total = sum(subject.size * times * len(here) for _, subject, times, here in todo)
    rows: list[Facts] = []
    with bar(total, "engines", quiet) as progress:
        for source, subject, times, here in todo:
            runs: list[list[Facts]] = [[] for _ in here]
            for _ in range(times):
                for setup, kept in zip(here, runs, strict=True):
                    kept.append(run(setup, source, subject))
                    progress(subject.size)
            rows += map(median, runs)
    return rows


def run(setup: Setup, source: Path, subject: Input) -> Facts:
    """One run there and back as a row: bytes, hash of the packed file, seconds, peak memory.

    ``subject`` is the source's ``Input``. A run that fails has its reason in ``reason``.
    """
    outcome, digest = Outcome(subject.size), None
    recipe: Facts = {}
    with tempfile.TemporaryDirectory(prefix="kolmozip-engines-") as name:
        folder = Path(name)
        commands = in_processes(setup.job, folder / "trace", Children(), None, False)
        there_and_back(commands, source, folder, outcome)
        if outcome.compressed_bytes is not None:
            digest = hashlib.sha256((folder / "packed").read_bytes()).hexdigest()
        if outcome.reason is None:
            recipe = setup.job.recipe(folder / "packed")
    return {
        **setup.facts,
        "codec": setup.job.codec,
        **subject.facts,
        "packed_sha256": digest,
        "reason": outcome.reason,
        **outcome.facts,
        **recipe,
    }


def median(runs: Sequence[Facts]) -> Facts:
    """One row of several runs of one setup: the median of what varies from run to run."""
    row = dict(next((run for run in runs if run["reason"]), runs[0]))
    for name, value in row.items():
        if value is not None and name.startswith(("seconds_", "kb_per_s_", "peak_rss_bytes_")):
            values = [run[name] for run in runs if run[name] is not None]
            row[name] = significant(statistics.median(values))
    row["same_bytes"] = len({run["packed_sha256"] for run in runs}) == 1
    return {**row, "runs": len(runs)}


def _cargo_path() -> str | None:
    return shutil.which(os.environ.get("CARGO", "cargo"))


def cargo(manifest: Path, *arguments: str) -> str:
    """What a program of a Cargo manifest prints, built in release mode. Raises CargoFailed."""
    path = _cargo_path()
    if path is None:
        raise CargoFailed("cargo is not found, which this measurement builds with: install it")
    command = [path, "run", "--quiet", "--release", "--locked", "--manifest-path", str(manifest)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise CargoFailed(f"{manifest}: {reason}: run cargo there to see why")
    return done.stdout


def _peak() -> dict[str, float]:
    """Products a second of one core, by instruction set, in a loop of nothing else.

    Empty where there is no cargo, or no sources.
    """
    if _cargo_path() is None or not PEAK.is_file():
        return {}
    peak: dict[str, float] = json.loads(cargo(PEAK, "-p", "kolmozip-core", "--example", "peak"))
    return peak


def _candle(model: str, source: Path, threads: int) -> Facts:
    """The float network on Candle over the beginning of an input."""
    size = min(CANDLE_BYTES, source.stat().st_size)
    facts: dict[str, Any] = json.loads(
        cargo(
            CANDLE,
            "--",
            *("--weights", str(weights_store.path_by_name(model))),
            *("--text", str(source), "--bytes", str(size)),
            *("--lanes", str(min(CANDLE_LANES, size)), "--threads", str(threads)),
        )
    )
    return facts


COLUMNS = (
    "input",
    "codec",
    "engine",
    ">bytes",
    ">s in",
    ">s out",
    ">KB/s in",
    ">KB/s out",
    ">MB in",
    ">MB out",
)
"""In and out: compressing and restoring; MB is peak memory."""


def table(rows: Sequence[Facts]) -> str:
    """The rows for a terminal; a failed one ends in its reason."""
    return plain_table(COLUMNS, [_cells(row) for row in rows])


def _cells(row: Facts) -> list[str]:
    named = [row["input"], row["codec"], row["instructions"] or row["engine"]]
    if row["reason"]:
        return [*named, "failed:", row["reason"], *[""] * (len(COLUMNS) - len(named) - 2)]
    pairs = [
        [f"{row[f'{name}_{verb}'] / unit:.3g}" for verb in VERBS]
        for name, unit in (("seconds", 1), ("kb_per_s", 1), ("peak_rss_bytes", 1e6))
    ]
    return [*named, f"{row['compressed_bytes']:,}", *(cell for pair in pairs for cell in pair)]
