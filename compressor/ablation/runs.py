"""Runs of ablations: each trains and evaluates once and is kept as one JSON under results/raw.

Seeds change initial weights, cold starts and where in the text lanes begin. A run that is kept is
not run again, so a stopped series goes on where it stopped. ``compressor.report.ablations`` makes
tables and plots from the JSON.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import jax

from compressor.ablation.experiments import (
    SEEDS,
    SETTING,
    Experiment,
    Model,
    chosen,
    experiments,
)
from compressor.ablation.timing import slowed, step_ms
from compressor.bench.store import RESTORE, Facts, MalformedResult, keep, read_json
from compressor.system.machine import environment
from compressor.system.plain_table import plain_table
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.folder import LOG
from compressor.training.networks import Shape, kind_of, network, shape_of
from compressor.training.run import train
from compressor.training.texts import Texts, load_texts
from data.splits import VALID_SLICE_BYTES

KIND = "ablation"
MINUTES_A_RUN = 1.4
"""On two idle cores, for the plan that ``--list`` shows."""
SHARED = ("total_bytes", "lanes", "window", "learning_rate")
"""Settings that all runs of one table have in common."""

FIELDS = (
    *("kind", "group", "name", "about", "seed", "seeds", "setting"),
    *("corpus", "train_sha256", "valid_sha256", "valid_bytes"),
    *("network", "model", "parameters", "table_parameters", "state_numbers"),
    *("train_config", "bytes", "bits_per_char", "reason", "seconds", "step_ms", "kb_per_s"),
    *("device", "processor", "cores", "commit", "date"),
)
"""What every kept run states.

Parameters and state are counts of numbers, KB/s are of 1000 bytes, bits/char are those of the
network alone.
"""


@dataclasses.dataclass(frozen=True)
class Series:
    """What all runs of a series share: the setting and the text."""

    setting: TrainConfig
    texts: Texts

    def facts(self) -> Facts:
        """What every run states of it."""
        texts = self.texts
        return {
            "corpus": texts.corpus,
            "train_sha256": hashlib.sha256(texts.train.tobytes()).hexdigest(),
            "valid_sha256": hashlib.sha256(texts.valid.tobytes()).hexdigest(),
            "valid_bytes": int(texts.valid.size),
            "setting": {name: getattr(self.setting, name) for name in SHARED},
        }


def run_series(
    todo: Sequence[Experiment], series: Series, raw: Path, seeds: int = SEEDS, quiet: bool = False
) -> list[Path]:
    """Runs what is not kept yet, seed by seed, with a line on stderr for each; returns new paths.

    The first seed of every experiment comes before the second of any, so that a series stopped
    early says most.
    """
    shared, kept, written = series.facts(), kept_runs(raw), []
    plan = [
        (experiment, seed)
        for seed in range(seeds)
        for experiment in todo
        if seed < experiment.seeds(seeds)
    ]
    for number, (experiment, seed) in enumerate(plan, 1):
        place = f"[{number}/{len(plan)}] {experiment.title}, seed {seed}"
        alike = [facts for facts in kept if _same_series(facts, experiment, shared)]
        model, config = _model(experiment, series, alike), experiment.config(series.setting, seed)
        if (old := _find(alike, model, config)) is not None:
            _say(f"{place}: kept already ({old['file']})", quiet)
            continue
        facts = run(experiment, model, config, series.texts)
        facts |= {**shared, "seeds": experiment.seeds(seeds)}
        path = keep({**facts, **environment()}, raw, name_of(experiment, seed))
        written.append(path)
        kept.append(_kept(path))
        _say(f"{place}: {outcome(facts)}", quiet)
    return written


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        print(line, file=sys.stderr, flush=True)


def name_of(experiment: Experiment, seed: int) -> str:
    """The name under which a run is kept: its kind, the experiment and the seed."""
    return "-".join([KIND, *dict.fromkeys(experiment.key), f"s{seed}"])


def outcome(facts: Facts) -> str:
    """The result of a run in a line."""
    if facts["bits_per_char"] is None:
        return f"failed: {facts['reason']}"
    pace = f", {facts['step_ms']} ms a step, {facts['kb_per_s']} KB/s" if facts["step_ms"] else ""
    return (
        f"{facts['bits_per_char']:.4f} bits/char, {facts['parameters']:,} parameters, "
        f"{facts['seconds']:.0f} s{pace}"
    )


def kept_runs(raw: Path) -> list[Facts]:
    """Facts of every ablation kept, each with its ``file``, in the order of file names.

    Raises MalformedResult, with the file's name.
    """
    return [_kept(path) for path in sorted(raw.glob(f"{KIND}-*.json"))]


def _kept(path: Path) -> Facts:
    facts = read_json(path)
    missing = [name for name in FIELDS if name not in facts]
    if missing or facts["kind"] != KIND:
        raise MalformedResult(
            f"{path}: not an ablation, or without {', '.join(missing)}: {RESTORE}"
        )
    return {**facts, "file": path.name}


def model_of(facts: Facts) -> Model:
    """The network of a kept run."""
    return cast("Model", shape_of(facts["network"], facts["model"]))


def _same_series(facts: Facts, experiment: Experiment, shared: Facts) -> bool:
    names = ("setting", "corpus", "train_sha256", "valid_sha256")
    same_text = all(facts[name] == shared[name] for name in names)
    return same_text and (facts["group"], facts["name"]) == experiment.key


def _find(alike: Iterable[Facts], model: Model, config: TrainConfig) -> Facts | None:
    """The kept run of this network and training among those of the same experiment and series.

    Fields that a shape or the settings got later stand at their defaults.
    """
    for facts in alike:
        if model_of(facts) == model and _config_of(facts) == config:
            return facts
    return None


def _config_of(facts: Facts) -> TrainConfig | None:
    """How a kept run was trained; None where it was by a setting that there is no more."""
    try:
        return TrainConfig(**facts["train_config"])
    except (TypeError, TrainingError):
        return None


def _model(experiment: Experiment, series: Series, alike: Sequence[Facts]) -> Model:
    """The experiment's network.

    One of equal step time is measured for the first seed, and the other seeds take the same.
    """
    if experiment.as_slow_as is None:
        return experiment.model
    if alike:
        return model_of(alike[-1])
    config = experiment.config(series.setting, 0)
    return slowed(experiment.model, experiment.as_slow_as, config, series.texts.train)


def run(experiment: Experiment, model: Model, config: TrainConfig, texts: Texts) -> Facts:
    """Trains and evaluates once; returns the facts.

    Divergence is a result too: its bits/char are None, and the reason is stated.
    """
    begun, bits, reason = time.monotonic(), None, None
    with tempfile.TemporaryDirectory() as folder:
        try:
            _, facts = train(model, config, texts, Path(folder), quiet=True)
            bits = facts["valid_bits_per_char_estimate"]
        except TrainingError as error:
            reason = str(error).replace(folder, "the run")
        pace = step_ms(Path(folder) / LOG)
    return {
        "kind": KIND,
        "group": experiment.group,
        "name": experiment.name,
        "about": experiment.about,
        "seed": config.seed,
        **network_facts(model),
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


def network_facts(model: Shape) -> Facts:
    """What a kept run states of its network."""
    return {
        "network": kind_of(model),
        "model": dataclasses.asdict(model),
        "parameters": model.parameters(),
        "table_parameters": model.table_parameters(),
    }


def state_numbers(model: Model) -> int:
    """Numbers that a lane carries from byte to byte.

    Recurrent state, inputs of the convolution, cached keys and values.
    """
    state = network(model).initial_state(1)
    return sum(int(leaf.size) for leaf in jax.tree.leaves(state) if leaf.ndim > 1)


def listing(todo: Sequence[Experiment], seeds: int = SEEDS) -> list[str]:
    """Lines for a reader: every experiment with its seeds and parameters, then the time of all."""
    rows = [
        [
            experiment.title,
            str(experiment.seeds(seeds)),
            f"{experiment.model.parameters():,}",
            experiment.about,
        ]
        for experiment in todo
    ]
    table = plain_table(("experiment", ">seeds", ">parameters", "what differs"), rows)
    runs = sum(experiment.seeds(seeds) for experiment in todo)
    minutes = f"about {runs * MINUTES_A_RUN:.0f} minutes on two idle cores at the default setting"
    return [*table.splitlines(), "", f"{runs} runs, {minutes}"]


def ablate(
    only: Sequence[str],
    corpus: str,
    results: Path,
    seeds: int,
    settings: Mapping[str, int | float],
    quiet: bool,
) -> None:
    """Runs what is missing on a corpus or a file, with these fields of the setting changed.

    Raises UnknownExperiment, InputMissing, TrainingError and what loading a corpus raises.
    """
    setting = dataclasses.replace(SETTING, **settings)  # type: ignore[arg-type]
    todo = chosen(experiments(setting=setting), only)
    texts = load_texts(corpus)
    texts = dataclasses.replace(texts, valid=texts.valid[:VALID_SLICE_BYTES])
    run_series(todo, Series(setting, texts), results / "raw", seeds, quiet)
