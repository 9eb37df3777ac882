"""Runs of the ladder: each trains and evaluates once and is kept as one JSON under results/raw.

A run that is kept is not made again, so a stopped series goes on where it stopped. Rungs that
differ in how one network is evaluated share its training. ``compressor.report.ladder`` makes page
and plots of the JSON.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from compressor.ablation.runs import Series, network_facts
from compressor.ablation.timing import step_ms
from compressor.bench.store import Facts, keep, prepare, significant
from compressor.codec import registry, stream
from compressor.codec.engines import chosen as chosen_engine
from compressor.codec.levels import LEVELS
from compressor.codec.seams import ignore_progress
from compressor.ladder import rungs as declared
from compressor.ladder import tokens
from compressor.ladder.rows import FILE, KIND, kept_runs
from compressor.ladder.rungs import SETTING, TEACHER, WIDTHS, Rung, multiply_adds
from compressor.ladder.tokens import facts_of, run_tokens
from compressor.system.machine import environment
from compressor.system.plain_table import plain_table
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.folder import LOG
from compressor.training.metering import metered
from compressor.training.networks import Shape, network, shape_of
from compressor.training.origins import find
from compressor.training.pack import SUFFIX, write_run
from compressor.training.run import train
from compressor.training.step import Start, Teacher
from compressor.training.texts import Texts, load_texts
from data.lanes import to_columns
from data.splits import VALID_SLICE_BYTES
from models.integer.config import ModelConfig
from models.network import patches
from models.network.anyorder import PLACES, OrderConfig
from models.network.lm import Params
from models.network.patches import SURPRISE, PatchConfig
from models.network.tokens import TokenConfig

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
    """Of training."""
    packed: bytes | None
    """The weights file, where the native engine computes the network."""


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
        self.shared = Series(setting, texts).facts()
        self.kept = kept_runs(raw)
        self.written: list[Path] = []
        self._last: tuple[tuple[Shape, TrainConfig], Trained] | None = None

    def run(self, rung: Rung, scale: str, seed: int, place: str) -> None:
        """Makes a run unless it is kept, and says how it went, on stderr."""
        model, config = rung.shape(WIDTHS[scale]), rung.config(self.setting, seed)
        if (old := self._find(rung, scale, seed, model)) is not None:
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
            **self._measured(scale, model, config),
            **environment(),
        }
        path = keep(facts, self.raw, f"{KIND}-{rung.name}-{scale}-s{seed}")
        self.kept.append({**facts, "file": path.name})
        self.written.append(path)
        self._say(f"{place}: {outcome(facts)}")

    def _find(self, rung: Rung, scale: str, seed: int, model: Shape) -> Facts | None:
        own = {"rung": rung.name, "scale": scale, "seed": seed, **self.shared}
        alike = (
            facts
            for facts in self.kept
            if all(facts[name] == value for name, value in own.items())
            and shape_of(facts["network"], facts["model"]) == model
        )
        return next(alike, None)

    def _measured(self, scale: str, model: Shape, config: TrainConfig) -> Facts:
        """Trains and evaluates; rungs that follow one another may share what is trained."""
        begun = time.monotonic()
        if isinstance(model, TokenConfig):
            with tempfile.TemporaryDirectory() as folder:
                base = declared.ar(WIDTHS[scale])
                facts = over_tokens(base, config, self.texts, Path(folder) / MODEL)
        else:
            key = (trained_shape(model), config)
            if self._last is None or self._last[0] != key:
                self._last = key, train_once(*key, self.texts)
            facts = measured(model, config, self._last[1], self.texts.valid)
        return {**facts, "seconds": round(time.monotonic() - begun, 1)}

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


def trained_shape(model: Shape) -> Shape:
    """The network that is trained for one: of any order, that of random masks."""
    return model.evaluated(0) if isinstance(model, OrderConfig) else model


def train_once(model: Shape, config: TrainConfig, texts: Texts) -> Trained:
    """Trains a network and, where the native engine computes it, packs its weights.

    Divergence is a result too: there are no parameters then, and the reason is stated.
    """
    with tempfile.TemporaryDirectory() as parent:
        folder, packed = Path(parent) / MODEL, None
        start = _start(model, config, texts)
        try:
            params, card = train(model, config, texts, folder, start, quiet=True)
        except TrainingError as error:
            return Trained(None, str(error), step_ms(folder / LOG), None)
        if isinstance(model, ModelConfig):
            write_run(folder, model, params, card)
            packed = (folder / f"{MODEL}{SUFFIX}").read_bytes()
        return Trained(params, None, step_ms(folder / LOG), packed)


def measured(model: Shape, config: TrainConfig, trained: Trained, text: np.ndarray) -> Facts:
    """What a row states of a trained network, evaluated on a text."""
    return {
        **network_facts(model),
        "inner_parameters": model.parameters() - model.table_parameters(),
        **_figures(model, trained, text),
        "train_config": dataclasses.asdict(config),
        "bytes": config.steps * config.step_bytes,
        "reason": trained.reason,
        "step_ms": trained.step_ms,
        "kb_per_s": trained.step_ms and significant(config.step_bytes / trained.step_ms),
        "device": jax.devices()[0].device_kind,
    }


def over_tokens(base: ModelConfig, config: TrainConfig, texts: Texts, folder: Path) -> Facts:
    """What a row states of the network over tokens that stands for a byte network.

    The memory knows bytes alone, so there is no mixture.
    """
    nothing = dict.fromkeys(("mixture_bits_per_char", "mixture_design", *FILE))
    device = jax.devices()[0].device_kind
    try:
        _, facts = run_tokens(base, config, texts, folder)
    except TrainingError as error:
        model, run = tokens.shape(base), tokens.tokenised(config, texts)
        facts = facts_of(model, run) | dict.fromkeys(("bits_per_char", "step_ms", "kb_per_s"))
        return {**nothing, **facts, "reason": str(error), "device": device}
    return {**nothing, **facts, "reason": None, "device": device}


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
    facts: Facts = dict.fromkeys(
        (
            *("bits_per_char", "mixture_bits_per_char", "mixture_design"),
            *("backbone_steps", "multiply_adds", *FILE),
        )
    )
    if trained.params is None:
        return facts
    recipe = LEVELS[LEVEL].recipe(text.size)
    mixture, alone = metered(model, trained.params, text, recipe, ignore_progress)
    steps = _steps(model, trained.params, to_columns(text, recipe.lanes))
    if _in_order(model):
        facts["mixture_bits_per_char"] = round(mixture / text.size, 5)
        facts["mixture_design"] = recipe.design.name.lower()
    facts |= {
        "bits_per_char": round(alone / text.size, 5),
        "backbone_steps": round(steps, 4),
        "multiply_adds": round(_multiply_adds(model, steps), 1),
    }
    if isinstance(model, ModelConfig):
        facts |= dict(zip(FILE, _as_file(trained, text), strict=True))
    return facts


def _in_order(model: Shape) -> bool:
    """Whether no byte is predicted from later ones, so that the memory can follow byte by byte."""
    return not isinstance(model, OrderConfig) or model.passes in (PLACES, 1)


def _steps(model: Shape, params: Params, columns: np.ndarray) -> float:
    """Steps of the backbone for a byte of a text (steps, lanes) in lanes that start cold."""
    if isinstance(model, OrderConfig):
        return 1 / PLACES
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
    if isinstance(model, OrderConfig):
        return model.multiply_adds()
    assert isinstance(model, ModelConfig)
    return multiply_adds(model)


def _as_file(trained: Trained, text: np.ndarray) -> tuple[int, float, float, float]:
    """The text as a file of the native engine, decoded and compared.

    Returns its bytes, bits/char, and KB/s to compress and to decompress.
    """
    assert trained.packed is not None
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / f"{MODEL}{SUFFIX}"
        weights.write_bytes(trained.packed)
        coders = registry.coders([str(weights)])
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
