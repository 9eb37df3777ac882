"""Ablations: which part of the network earns its place. Declared experiments at one cheap setting, one JSON a run.

Equal parameters (hidden width pays for what another part takes, unless an experiment says otherwise), equal bytes of text, the
same bytes for the same seed. Seeds change initial weights, cold starts and where in the text lanes begin. A run whose JSON is
kept is not run again, so a stopped series goes on where it stopped. Tables and plots are made from the JSON by
``compressor.report.ablations``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from baselines.transformer import TransformerConfig
from coding.errors import KolmozipError
from compressor.bench.records import MalformedResult, keep
from compressor.system.files import named_errors
from compressor.system.machine import environment
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.networks import network
from compressor.training.run import train
from compressor.training.step import fresh_state, make_step
from data.splits import VALID_SLICE_BYTES
from data.windows import window
from models.network.variants import MAX_HIDDEN, VariantConfig, matched

Model = VariantConfig | TransformerConfig

KIND = "ablation"
BASE_NAME = "base"
SEEDS = 3
MINUTES_A_RUN = 1.4
"""On two idle cores; for the plan that --list shows."""

FIELDS = [
    "kind",
    "group",
    "name",
    "about",
    "seed",
    "seeds",
    "setting",
    "corpus",
    "train_sha256",
    "valid_sha256",
    "valid_bytes",
]
FIELDS += [
    "network",
    "model",
    "parameters",
    "table_parameters",
    "state_numbers",
    "train_config",
    "bytes",
    "bits_per_char",
]
FIELDS += [
    "reason",
    "seconds",
    "step_ms",
    "kb_per_s",
    "device",
    "processor",
    "cores",
    "commit",
    "date",
]
"""What every kept run states: parameters and state as counts of numbers, KB/s of 1000 bytes, bits/char of the network alone."""

TABLES = ((2, 12), (3, 14), (4, 14), (5, 14))
BASE = VariantConfig(width=160, layers=3, state=160, hidden=288, taps=2, table_dim=8, tables=TABLES)
"""The shipped network made small: 1.25 million parameters, 0.43 million of them in tables; equal widths as in ``small``."""

SETTING = TrainConfig(lanes=16, window=256, total_bytes=3_000_000, learning_rate=0.01)
"""732 steps of 4,096 bytes. The rate is near the best that sweeps of ``small`` at 1 MB found (DECISIONS, 12)."""


class UnknownExperiment(KolmozipError):
    """No experiment or group by this name."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One network and what differs in its training; ``about`` says it to the reader of the table."""

    group: str
    name: str
    about: str
    model: Model
    settings: tuple[tuple[str, Any], ...] = ()
    """(field of TrainConfig, value)."""
    rate: float = 1.0
    """Times the setting's learning rate."""
    main: bool = False
    """Whether the comparison takes several seeds."""
    as_slow_as: Model | None = None
    """Hidden grows until a training step takes as long as this network's."""

    def config(self, setting: TrainConfig, seed: int) -> TrainConfig:
        """How a run is trained."""
        rate = self.rate * setting.learning_rate
        return dataclasses.replace(setting, seed=seed, learning_rate=rate, **dict(self.settings))


def experiments(base: VariantConfig = BASE, setting: TrainConfig = SETTING) -> list[Experiment]:
    """All that is asked, base first. Raises ValueError where a base is too small for equal parameters."""
    return [
        Experiment("base", BASE_NAME, "the shipped network, smaller", base, main=True),
        *_mixers(base),
        *_mlps(base),
        *_grids(base),
        *_ngrams(base),
        *_depths(base),
        *_states(base),
        *_contexts(base, setting),
        *_optimisers(base),
    ]


def _equal(base: VariantConfig, **changes: Any) -> VariantConfig:
    """The base changed, with hidden such that parameters stay equal."""
    return matched(dataclasses.replace(base, **changes), base.parameters())


def _mixers(base: VariantConfig) -> Iterator[Experiment]:
    heads = max(1, base.width // 32)
    rival = TransformerConfig(
        base.width, base.layers, heads, base.hidden, SETTING.window, base.table_dim, base.tables
    )
    about = f"Mamba-2: heads of {base.head_size}, state {base.ssd_state} x {base.head_size} a head"
    yield Experiment("mixer", "ssd", about, _equal(base, mixer="ssd"), main=True)
    about = f"attention over the last {SETTING.window} bytes, {heads} heads, rotary; SwiGLU (so see mlp: swiglu too)"
    yield Experiment("mixer", "transformer", about, matched(rival, base.parameters()), main=True)


def _mlps(base: VariantConfig) -> Iterator[Experiment]:
    swiglu = _equal(base, mlp="swiglu")
    yield Experiment("mlp", "swiglu", "silu for the learned gate", swiglu, main=True)
    about = "silu for the learned gate; hidden grown until a step takes as long as the base's: more parameters"
    yield Experiment("mlp", "swiglu, equal step time", about, swiglu, main=True, as_slow_as=base)
    yield Experiment(
        "mlp", "relu2", "relu(u)^2, no second branch", _equal(base, mlp="relu2"), main=True
    )
    about = "a learned function a channel, no second branch"
    yield Experiment("mlp", "kan", about, _equal(base, mlp="kan"), main=True)
    yield Experiment(
        "mlp",
        "kan, from relu2",
        f"{about}; starts as relu(u)^2 / 2",
        _equal(base, mlp="kan", start="relu2"),
    )
    yield Experiment("mlp", "kan, 17 knots", about, _equal(base, mlp="kan", knots=17))


def _grids(base: VariantConfig) -> Iterator[Experiment]:
    for knots in (5, 17):
        yield Experiment(
            "kan grid", f"{knots} knots", f"{base.knots} in the base", _equal(base, knots=knots)
        )
    for span in (2.0, 8.0):
        about = f"grid from -{span:g} to {span:g}; -{base.span:g} to {base.span:g} in the base"
        yield Experiment("kan grid", f"span {span:g}", about, _equal(base, span=span))
    yield Experiment(
        "kan grid", "groups of 8", "8 channels share a learned function", _equal(base, kan_group=8)
    )
    yield Experiment(
        "kan grid",
        "groups of 32",
        "32 channels share a learned function",
        _equal(base, kan_group=32),
    )
    yield Experiment(
        "kan grid",
        "from relu2",
        "learned gates start as relu(u)^2 / 2",
        _equal(base, start="relu2"),
    )


def _ngrams(base: VariantConfig) -> Iterator[Experiment]:
    def free(name: str, about: str, tables: tuple[tuple[int, int], ...]) -> Experiment:
        return Experiment(
            "n-grams", name, f"{about}; parameters differ", dataclasses.replace(base, tables=tables)
        )

    bits = base.tables[-1][1]
    yield free("none", "no hashed n-grams, nothing in their place", ())
    yield Experiment(
        "n-grams",
        "none, hidden",
        "no hashed n-grams, hidden grows instead",
        _equal(base, tables=()),
    )
    wide = _widened(dataclasses.replace(base, tables=()), base.parameters())
    yield Experiment(
        "n-grams", "none, width", f"no hashed n-grams, width and state {wide.width} instead", wide
    )
    about = "hidden pays for the difference"
    yield Experiment("n-grams", "orders 2-3", about, _equal(base, tables=base.tables[:2]))
    yield Experiment("n-grams", "orders 2-6", about, _equal(base, tables=(*base.tables, (6, bits))))
    for size in (12, 14, 16):
        tables = tuple((order, size) for order, _ in base.tables)
        yield free(f"2^{size} buckets", "each table", tables)


def _widened(model: VariantConfig, target: int) -> VariantConfig:
    """Width and state grown in steps of 32 as far as parameters allow; hidden pays for the rest."""
    found = model
    while (
        more := dataclasses.replace(found, width=found.width + 32, state=found.state + 32)
    ).parameters() <= target:
        found = more
    return matched(found, target)


def _depths(base: VariantConfig) -> Iterator[Experiment]:
    narrow, wide = base.width - 32, base.width + 32
    for layers, width in ((base.layers + 2, narrow), (base.layers - 1, wide)):
        if layers > 0 and width > 0:
            about = f"{layers} layers of width and state {width}; hidden pays"
            yield Experiment(
                "depth",
                f"{layers} layers",
                about,
                _equal(base, layers=layers, width=width, state=width),
            )


def _states(base: VariantConfig) -> Iterator[Experiment]:
    half, double = base.state // 2, 2 * base.state
    yield Experiment("state", "half", f"{half} a layer; hidden pays", _equal(base, state=half))
    yield Experiment(
        "state", "double", f"{double} a layer; hidden pays", _equal(base, state=double)
    )
    about = f"{double} a layer, nothing shrinks; parameters differ"
    yield Experiment("state", "double, added", about, dataclasses.replace(base, state=double))
    for size in (base.ssd_state // 4, 2 * base.ssd_state):
        about = f"Mamba-2 with {size} entries a channel; {base.ssd_state} in mixer/ssd"
        yield Experiment("state", f"ssd {size}", about, _equal(base, mixer="ssd", ssd_state=size))


def _contexts(base: VariantConfig, setting: TrainConfig) -> Iterator[Experiment]:
    here = setting.lanes * setting.window
    for size in (setting.window // 4, setting.window // 2, 2 * setting.window):
        about = (
            f"{here // size} lanes x {size} bytes a step; gradients reach no further, state does"
        )
        yield Experiment(
            "context", f"window {size}", about, base, (("lanes", here // size), ("window", size))
        )
    about = "lanes start cold in each window of training; evaluated as the others"
    yield Experiment("context", "state reset", about, base, (("cold_start_bytes", setting.window),))


def _optimisers(base: VariantConfig) -> Iterator[Experiment]:
    for rate in (1.0, 0.5, 0.25):
        name = "adamw" if rate == 1.0 else f"adamw, rate x {rate:g}"
        yield Experiment(
            "optimiser", name, "AdamW for matrices too", base, (("optimiser", "adamw"),), rate=rate
        )
    yield Experiment(
        "optimiser", "averaged", "weights averaged, 0.99 a step", base, (("average", 0.99),)
    )


def chosen(found: Sequence[Experiment], only: Sequence[str]) -> list[Experiment]:
    """The experiments of these groups or names, and always the base they are held against. Raises UnknownExperiment."""
    known = {one.group for one in found} | {one.name for one in found}
    for name in only:
        if name not in known:
            groups = ", ".join(dict.fromkeys(one.group for one in found))
            raise UnknownExperiment(
                f"no group or experiment is called {name!r}: choose from {groups}, or see --list"
            )
    return [
        one
        for one in found
        if not only or one.name == BASE_NAME or one.group in only or one.name in only
    ]


@dataclasses.dataclass(frozen=True)
class Texts:
    """What a series is trained and evaluated on."""

    corpus: str
    train: np.ndarray
    valid: np.ndarray

    def facts(self) -> dict[str, Any]:
        """As every run states it."""
        train, valid = (
            hashlib.sha256(text.tobytes()).hexdigest() for text in (self.train, self.valid)
        )
        return {
            "corpus": self.corpus,
            "train_sha256": train,
            "valid_sha256": valid,
            "valid_bytes": int(self.valid.size),
        }


def series(
    todo: Sequence[Experiment],
    setting: TrainConfig,
    texts: Texts,
    raw: Path,
    seeds: int = SEEDS,
    quiet: bool = False,
) -> list[Path]:
    """Runs what has no JSON yet, seed by seed, and says a line a run; returns the paths written.

    The first seed of every experiment comes before the second of any, so that a series stopped early says most.
    """
    about = {**texts.facts(), "setting": _setting(setting)}
    plan = [
        (one, seed) for seed in range(seeds) for one in todo if seed < (seeds if one.main else 1)
    ]
    kept, written = kept_runs(raw), []
    for number, (one, seed) in enumerate(plan, 1):
        where = f"[{number}/{len(plan)}] {one.group}: {one.name}, seed {seed}"
        model = _model(one, setting, texts, about, kept)
        if (old := _find(kept, one, seed, model, setting, about)) is not None:
            _say(f"{where}: kept already ({old['file']})", quiet)
            continue
        facts = run(one, model, one.config(setting, seed), texts)
        facts |= {**about, "seeds": seeds if one.main else 1}
        path = keep({**facts, **environment()}, raw, f"ablation-{_slug(one)}-s{seed}")
        written.append(path)
        kept.append(_facts(path, path.read_bytes()))
        _say(f"{where}: {outcome(facts)}", quiet)
    return written


def _setting(setting: TrainConfig) -> dict[str, Any]:
    """What one table has in common."""
    return {
        name: getattr(setting, name) for name in ("total_bytes", "lanes", "window", "learning_rate")
    }


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        print(line, file=sys.stderr, flush=True)


def _slug(one: Experiment) -> str:
    named = f"{one.group}-{one.name}" if one.group != one.name else one.name
    return "".join(letter if letter.isalnum() else "-" for letter in named.lower()).replace(
        "--", "-"
    )


def outcome(facts: dict[str, Any]) -> str:
    """A run in a line."""
    if facts["bits_per_char"] is None:
        return f"failed: {facts['reason']}"
    pace = f", {facts['step_ms']} ms a step, {facts['kb_per_s']} KB/s" if facts["step_ms"] else ""
    return f"{facts['bits_per_char']:.4f} bits/char, {facts['parameters']:,} parameters, {facts['seconds']:.0f} s{pace}"


def kept_runs(raw: Path) -> list[dict[str, Any]]:
    """Facts of every ablation kept, each with its ``file``, in the order of file names; other kinds are left out."""
    if not raw.is_dir():
        return []
    with named_errors(str(raw)):
        found = [(path, path.read_bytes()) for path in sorted(raw.glob(f"{KIND}-*.json"))]
    return [_facts(path, text) for path, text in found]


def _facts(path: Path, text: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(text)
        missing = [name for name in FIELDS if name not in facts]
    except (ValueError, TypeError) as error:
        raise MalformedResult(
            f"{path}: no JSON object ({error}): restore it from version control, or remove it"
        ) from error
    if missing or facts["kind"] != KIND:
        raise MalformedResult(
            f"{path}: not an ablation, or without {', '.join(missing)}: restore it, or remove it"
        )
    return {**facts, "file": path.name}


def model_of(facts: dict[str, Any]) -> Model:
    """The network of a kept run."""
    cls = TransformerConfig if facts["network"] == "transformer" else VariantConfig
    return cls.from_dict(facts["model"])


def _same_series(facts: dict[str, Any], one: Experiment, about: dict[str, Any]) -> bool:
    shared = ("setting", "corpus", "train_sha256", "valid_sha256")
    return (facts["group"], facts["name"]) == (one.group, one.name) and all(
        facts[key] == about[key] for key in shared
    )


def _find(
    kept: list[dict[str, Any]],
    one: Experiment,
    seed: int,
    model: Model,
    setting: TrainConfig,
    about: dict[str, Any],
) -> dict[str, Any] | None:
    """The kept run of this experiment, seed, network and training; fields added to a shape later stand at their defaults."""
    config = one.config(setting, seed)
    for facts in kept:
        if not _same_series(facts, one, about) or facts["seed"] != seed:
            continue
        if model_of(facts) == model and _config_of(facts) == config:
            return facts
    return None


def _config_of(facts: dict[str, Any]) -> TrainConfig | None:
    """How a kept run was trained; None where it was by a setting that there is no more."""
    try:
        return TrainConfig(**facts["train_config"])
    except TypeError:
        return None


def _model(
    one: Experiment,
    setting: TrainConfig,
    texts: Texts,
    about: dict[str, Any],
    kept: list[dict[str, Any]],
) -> Model:
    """The experiment's network; one of equal step time is measured for the first seed, and the others take the same."""
    if one.as_slow_as is None:
        return one.model
    if known := [facts for facts in kept if _same_series(facts, one, about)]:
        return model_of(known[-1])
    return slowed(one.model, one.as_slow_as, one.config(setting, 0), texts.train)


def run(one: Experiment, model: Model, config: TrainConfig, texts: Texts) -> dict[str, Any]:
    """Trains and evaluates once; returns the facts. Divergence is a result too: no bits/char, and the reason."""
    begun, bits, reason = time.monotonic(), None, None
    with tempfile.TemporaryDirectory() as folder:
        try:
            _, facts = train(model, config, texts.train, texts.valid, Path(folder), quiet=True)
            bits = facts["valid_bits_per_char_estimate"]
        except TrainingError as error:
            reason = str(error).replace(folder, "the run")
        pace = step_ms(Path(folder) / "train.jsonl")
    return {
        "kind": KIND,
        **{name: getattr(one, name) for name in ("group", "name", "about")},
        "seed": config.seed,
        "network": "transformer" if isinstance(model, TransformerConfig) else "variant",
        "model": dataclasses.asdict(model),
        "parameters": model.parameters(),
        "table_parameters": sum(model.table_dim << size for _, size in model.tables),
        "state_numbers": state_numbers(model),
        "train_config": dataclasses.asdict(config),
        "bytes": config.steps * config.step_bytes,
        "bits_per_char": bits,
        "reason": reason,
        "seconds": round(time.monotonic() - begun, 1),
        "step_ms": pace,
        "kb_per_s": round(config.step_bytes / pace, 1) if pace else None,
        "device": jax.devices()[0].device_kind,
    }


def state_numbers(model: Model) -> int:
    """Numbers a lane carries from byte to byte: recurrent state, inputs of the convolution, cached keys and values."""
    state = network(model).initial_state(model, 1)
    return sum(int(leaf.size) for leaf in jax.tree.leaves(state) if leaf.ndim > 1)


def step_ms(log: Path) -> float | None:
    """Median milliseconds a step over the stretches between a training log's lines; the first, which compiles, is left out."""
    lines = (
        [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.is_file() else []
    )
    marks = [(line["step"], line["seconds"]) for line in lines if "train_bits_per_char" in line]
    paces = [(later[1] - one[1]) / (later[0] - one[0]) for one, later in itertools.pairwise(marks)]
    return round(1000 * statistics.median(paces), 2) if paces else None


class _Stepper:
    """A network that can be asked for the time of its training step."""

    def __init__(self, model: Model, config: TrainConfig, text: np.ndarray) -> None:
        self._take, self._state = make_step(model, config), fresh_state(model, config)
        self._text, self.times = window(text, config.lanes, config.window, 0), list[float]()
        self._step()  # compiles

    def _step(self) -> float:
        begun = time.perf_counter()
        self._state, bits = self._take(self._state, self._text)
        bits.block_until_ready()
        return time.perf_counter() - begun

    def measure(self, steps: int = 3) -> None:
        """Takes a few steps and notes their times."""
        self.times += [self._step() for _ in range(steps)]


def slowed(
    model: VariantConfig | TransformerConfig, like: Model, config: TrainConfig, text: np.ndarray
) -> Model:
    """The network with hidden grown, in steps of 8, until its training step takes as long as that of ``like``.

    Three networks are timed in turns (so that a busy moment hits all): like, this one, this one with twice the hidden; hidden
    follows by the line through the last two. A network that is slower already stays as it is.
    """
    twice = dataclasses.replace(model, hidden=min(MAX_HIDDEN, 2 * model.hidden))
    steppers = [_Stepper(one, config, text) for one in (like, model, twice)]
    for _ in range(8):
        for stepper in steppers:
            stepper.measure()
    aim, now, later = (statistics.median(stepper.times) for stepper in steppers)
    more = (aim - now) * (twice.hidden - model.hidden) / max(later - now, 1e-9)
    hidden = 8 * round((model.hidden + max(0.0, more)) / 8) if more > 0 else model.hidden
    return dataclasses.replace(model, hidden=min(MAX_HIDDEN, max(model.hidden, hidden)))


def listing(todo: Sequence[Experiment], seeds: int = SEEDS) -> list[str]:
    """Lines for a reader: every experiment with its group, seeds and parameters, then what all of it takes."""
    width = max(len(f"{one.group}: {one.name}") for one in todo)
    lines = [
        f"{f'{one.group}: {one.name}':{width}}  {seeds if one.main else 1} x {one.model.parameters():>9,}  {one.about}"
        for one in todo
    ]
    runs = sum(seeds if one.main else 1 for one in todo)
    return [
        *lines,
        "",
        f"{runs} runs, about {runs * MINUTES_A_RUN:.0f} minutes on two idle cores at the default setting",
    ]


def ablate(
    only: Sequence[str],
    corpus: str,
    results: Path,
    seeds: int,
    settings: dict[str, Any],
    quiet: bool,
) -> None:
    """Runs what is missing on a corpus or a file. Raises UnknownExperiment, InputMissing and what loading a corpus raises."""
    from compressor.training.command import corpus_text

    setting = dataclasses.replace(SETTING, **settings)
    todo = chosen(experiments(setting=setting), only)
    train_text, valid_text = corpus_text(corpus)
    series(
        todo,
        setting,
        Texts(Path(corpus).name, train_text, valid_text[:VALID_SLICE_BYTES]),
        results / "raw",
        seeds,
        quiet,
    )
