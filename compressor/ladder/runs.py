"""Runs of the ladder: each trains and evaluates once and is kept as one JSON under results/raw.

A run that is kept is not made again, so a stopped series goes on where it stopped. Rungs that
differ in how one network is evaluated share its training. ``compressor.report.ladder`` makes page
and plots of the JSON.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compressor.ablation.timing import step_ms
from compressor.bench.store import Facts, keep, prepare, significant
from compressor.codec import registry, stream
from compressor.codec.engines import chosen as chosen_engine
from compressor.codec.levels import LEVELS
from compressor.codec.seams import ignore_progress
from compressor.ladder import rungs as declared
from compressor.ladder.rows import KIND, SHARED, kept_runs
from compressor.ladder.rungs import SETTING, TEACHER, WIDTHS, Rung, multiply_adds
from compressor.system.machine import environment
from compressor.system.plain_table import plain_table
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.folder import LOG
from compressor.training.metering import metered
from compressor.training.networks import Shape, kind_of, network, shape_of
from compressor.training.origins import find
from compressor.training.pack import write_run
from compressor.training.run import train
from compressor.training.step import Start, Teacher
from compressor.training.texts import Texts, load_texts
from data.lanes import to_columns
from data.splits import VALID_SLICE_BYTES
from models.integer.config import ModelConfig
from models.network import patches
from models.network.lm import Params
from models.network.patches import SURPRISE, PatchConfig

SEEDS = 2
LEVEL = 4
"""The level whose memory and lanes the mixtures have: the fast one, which a rung may replace."""
MODEL = "rung"
"""The name of a run's folder, and of the weights file in it."""
WINDOW = 256
"""Bytes of each lane in which patches are counted at a time."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """A network that was trained for one rung or several, and how that went."""

    params: Params | None
    """None where the run diverged."""
    reason: str | None
    step_ms: float | None
    seconds: float
    folder: Path
    card: Mapping[str, Any]


def climb(
    only: Sequence[str],
    scales: Sequence[str],
    corpus: str,
    results: Path,
    seeds: int,
    settings: Mapping[str, int | float],
    quiet: bool,
) -> list[Path]:
    """Makes the runs that are missing; returns the paths of the new ones.

    Seed by seed, so that a series stopped early says most. Raises UnknownRung, InputMissing,
    TrainingError, NoEngine and what loading a corpus raises.
    """
    todo = declared.chosen(only, scales)
    chosen_engine("native")
    texts = load_texts(corpus)
    texts = dataclasses.replace(texts, valid=texts.valid[:VALID_SLICE_BYTES])
    setting = dataclasses.replace(SETTING, **settings)  # type: ignore[arg-type]
    raw = results / "raw"
    prepare(raw)
    series = _Series(setting, texts, raw, quiet)
    plan = [(rung, scale, seed) for seed in range(seeds) for rung, scale in todo]
    for number, (rung, scale, seed) in enumerate(plan, 1):
        series.run(rung, scale, seed, f"[{number}/{len(plan)}] {rung.name}, {scale}, seed {seed}")
    return series.written


class _Series:
    """Runs of one setting on one text."""

    def __init__(self, setting: TrainConfig, texts: Texts, raw: Path, quiet: bool) -> None:
        self.setting, self.texts, self.raw, self.quiet = setting, texts, raw, quiet
        self.shared: Facts = {
            "corpus": texts.corpus,
            "train_sha256": hashlib.sha256(texts.train.tobytes()).hexdigest(),
            "valid_sha256": hashlib.sha256(texts.valid.tobytes()).hexdigest(),
            "valid_bytes": int(texts.valid.size),
            "setting": {name: getattr(setting, name) for name in SHARED},
        }
        self.kept = kept_runs(raw)
        self.written: list[Path] = []

    def run(self, rung: Rung, scale: str, seed: int, place: str) -> None:
        """Makes a run unless it is kept, and says how it went, on stderr."""
        model, config = rung.shape(WIDTHS[scale]), rung.config(self.setting, seed)
        if (old := self._find(rung, scale, model, config)) is not None:
            self._say(f"{place}: kept already ({old['file']})")
            return
        facts = {
            "kind": KIND,
            "rung": rung.name,
            "family": rung.family,
            "about": rung.about,
            "scale": scale,
            "seed": seed,
            **self.shared,
            **measured(rung, model, config, self.texts),
            **environment(),
        }
        path = keep(facts, self.raw, f"{KIND}-{rung.name}-{scale}-s{seed}")
        self.kept.append({**facts, "file": path.name})
        self.written.append(path)
        self._say(f"{place}: {outcome(facts)}")

    def _find(self, rung: Rung, scale: str, model: Shape, config: TrainConfig) -> Facts | None:
        own = {"rung": rung.name, "scale": scale, **self.shared}
        for facts in self.kept:
            if all(facts[name] == value for name, value in own.items()):
                same = shape_of(facts["network"], facts["model"]) == model
                if same and facts["train_config"] == dataclasses.asdict(config):
                    return facts
        return None

    def _say(self, line: str) -> None:
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)


def outcome(facts: Facts) -> str:
    """The result of a run in a line."""
    if facts["bits_per_char"] is None:
        return f"failed: {facts['reason']}"
    mixture = facts["mixture_bits_per_char"]
    beside = f", {mixture:.4f} beside the memory" if mixture else ""
    return (
        f"{facts['bits_per_char']:.4f} bits/char alone{beside}, "
        f"{facts['backbone_steps']:.3f} steps a byte, {facts['multiply_adds'] / 1e6:.3f}M "
        f"multiply-adds a byte, {facts['seconds']:.0f} s"
    )


def measured(rung: Rung, model: Shape, config: TrainConfig, texts: Texts) -> Facts:
    """Trains and evaluates; returns what a row states of it.

    Divergence is a result too: its bits/char are None, and the reason is stated.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trained = _train(model, config, texts, Path(folder) / MODEL)
        facts = _figures(model, trained, texts.valid)
        tables = sum(model.table_dim << bits for _, bits in model.tables)
        return {
            "network": kind_of(model),
            "model": dataclasses.asdict(model),
            "parameters": model.parameters(),
            "table_parameters": tables,
            "inner_parameters": model.parameters() - tables,
            **facts,
            "train_config": dataclasses.asdict(config),
            "bytes": config.steps * config.step_bytes,
            "reason": trained.reason,
            "seconds": round(time.monotonic() - begun, 1),
            "step_ms": trained.step_ms,
            "kb_per_s": trained.step_ms and significant(config.step_bytes / trained.step_ms),
            "device": jax.devices()[0].device_kind,
        }


def _train(model: Shape, config: TrainConfig, texts: Texts, folder: Path) -> Trained:
    begun = time.monotonic()
    params, reason = None, None
    card: Mapping[str, Any] = {}
    try:
        params, card = train(model, config, texts, folder, _start(model, config, texts), quiet=True)
    except TrainingError as error:
        reason = str(error)
    pace = step_ms(folder / LOG)
    return Trained(params, reason, pace, time.monotonic() - begun, folder, card)


def _start(model: Shape, config: TrainConfig, texts: Texts) -> Start:
    """What a run begins with: a frozen table of costs, or a teacher, where it needs one."""
    if isinstance(model, PatchConfig) and model.rule == SURPRISE:
        params = jax.jit(network(model).initialise, static_argnums=0)(config.seed)
        table = patches.costs(texts.train[: config.total_bytes])
        return Start(params={**params, "costs": jnp.asarray(table)})
    if config.teacher:
        teacher = find(TEACHER)
        return Start(teacher=Teacher(teacher.shape, teacher.params))
    return Start()


def _figures(model: Shape, trained: Trained, text: np.ndarray) -> Facts:
    """What a trained network reaches on a text: alone, beside the memory, and as a file."""
    names = ("file_bytes", "file_bits_per_char", "compress_kb_per_s", "decompress_kb_per_s")
    facts: Facts = dict.fromkeys(
        (
            *("bits_per_char", "mixture_bits_per_char", "mixture_design"),
            *("backbone_steps", "multiply_adds", *names),
        )
    )
    if trained.params is None:
        return facts
    recipe = LEVELS[LEVEL].recipe(text.size)
    mixture, alone = metered(model, trained.params, text, recipe, ignore_progress)
    steps = _steps(model, trained.params, to_columns(text, recipe.lanes))
    facts |= {
        "bits_per_char": round(alone / text.size, 5),
        "mixture_bits_per_char": round(mixture / text.size, 5),
        "mixture_design": recipe.design.name.lower(),
        "backbone_steps": round(steps, 4),
        "multiply_adds": round(_multiply_adds(model, steps), 1),
    }
    if isinstance(model, ModelConfig):
        facts |= dict(zip(names, _as_file(model, trained, text), strict=True))
    return facts


def _steps(model: Shape, params: Params, columns: np.ndarray) -> float:
    """Steps of the backbone for a byte of a text (steps, lanes) in lanes that start cold."""
    if not isinstance(model, PatchConfig):
        return 1.0
    counted = jax.jit(patches.ends_of, static_argnums=0)
    state, count = patches.initial_state(model, columns.shape[1]), 0
    for first in range(0, len(columns), WINDOW):
        ends, state = counted(model, params, jnp.asarray(columns[first : first + WINDOW]), state)
        count += int(ends.sum())
    return count / columns.size


def _multiply_adds(model: Shape, steps: float) -> float:
    if isinstance(model, PatchConfig):
        return model.multiply_adds(steps)
    assert isinstance(model, ModelConfig)
    return multiply_adds(model)


def _as_file(
    model: ModelConfig, trained: Trained, text: np.ndarray
) -> tuple[int, float, float, float]:
    """The text as a file of the native engine, decoded and compared.

    Returns its bytes, bits/char, and KB/s to compress and to decompress.
    """
    assert trained.params is not None
    write_run(trained.folder, model, trained.params, dict(trained.card))
    coders = registry.coders([str(trained.folder / f"{MODEL}.kzw")])
    data, packed, restored = text.tobytes(), io.BytesIO(), io.BytesIO()
    marks = [time.monotonic()]
    stream.compress_stream(io.BytesIO(data), packed, LEVEL, coders=coders)
    marks.append(time.monotonic())
    size = packed.tell()
    packed.seek(0)
    stream.decompress_stream(packed, restored, find=coders.of)
    marks.append(time.monotonic())
    if restored.getvalue() != data:
        raise AssertionError("the decoded text differs from the original")
    there, back = (len(data) / 1000 / (b - a) for a, b in itertools.pairwise(marks))
    return size, round(8 * size / len(data), 5), significant(there), significant(back)


def listing(todo: Iterable[tuple[Rung, str]], seeds: int) -> list[str]:
    """Lines for a reader: every rung at every scale with its parameters and what differs."""
    rows = []
    for rung, scale in todo:
        model = rung.shape(WIDTHS[scale])
        rows.append([rung.name, scale, f"{model.parameters():,}", rung.about])
    table = plain_table(("rung", "scale", ">parameters", "what differs"), rows)
    return [*table.splitlines(), "", f"{seeds * len(rows)} runs with {seeds} seeds each"]
