"""What ``kolmozip train`` does: corpus, starting point, run, weights file and card."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path

from compressor.errors import UnusableWeights
from compressor.training import devices, presets
from compressor.training.checkpoints import latest_step
from compressor.training.config import Pace, TrainConfig, TrainingError
from compressor.training.folder import RECORD, SETTINGS, claimed, settings_in
from compressor.training.mixture import Record, open_record
from compressor.training.networks import Preset
from compressor.training.origins import Trained, find, name_of
from compressor.training.pack import write_run
from compressor.training.recording import record
from compressor.training.run import bytes_within, train
from compressor.training.step import Start, Teacher
from compressor.training.texts import Texts, load_texts
from models.integer.config import ModelConfig
from models.network.grow import grow
from models.network.lm import Params


@dataclasses.dataclass(frozen=True)
class Origin:
    """What the run begins with, as named on the command line."""

    network: str | None = None
    """Whose parameters it takes (``--from``), as ``origins.find`` reads it."""
    teacher: str | None = None
    """Likewise."""
    beside_memory: bool = False
    resume: bool = False


@dataclasses.dataclass(frozen=True)
class Budget:
    """How long the run may take; a budget in bytes is a setting."""

    minutes: float | None = None
    """Budget in minutes, turned into bytes by a few timed steps."""
    stop_after_minutes: float | None = None
    """When to save and stop, to be resumed; the budget stays."""


@dataclasses.dataclass(frozen=True)
class Processes:
    """The processes that train together, of which this is one."""

    coordinator: str | None = None
    """HOST:PORT at which they meet."""
    count: int = 1
    index: int = 0


@dataclasses.dataclass(frozen=True)
class Request:
    """What ``kolmozip train`` was asked for."""

    preset: str
    output: Path
    """The folder of the run."""
    corpus: str
    """Name of a corpus, or of a file."""
    settings: Mapping[str, int | float | str] = dataclasses.field(default_factory=dict)
    """The fields of TrainConfig that were named."""
    origin: Origin = Origin()
    budget: Budget = Budget()
    processes: Processes = Processes()
    quiet: bool = False


def run(request: Request) -> str:
    """Trains, then writes weights file and card into the run's folder; returns a line to print.

    Raises TrainingError, and the named errors of corpora, devices and files.
    """
    model = presets.shape(request.preset)
    processes = request.processes
    if processes.coordinator is not None:
        devices.join(processes.coordinator, processes.count, processes.index)
    texts = load_texts(request.corpus)
    with contextlib.ExitStack() as stack:
        if processes.index == 0:
            stack.enter_context(claimed(request.output))
        config, start = _prepare(request, model, texts)
        stop = request.budget.stop_after_minutes
        pace = Pace() if stop is None else Pace(stop_after_minutes=stop)
        params, facts = train(model, config, texts, request.output, start, pace, request.quiet)
        if facts["steps"] < config.steps:
            where = f"step {facts['steps']:,} of {config.steps:,}"
            return f"{request.output}: stopped after {where}, go on with --resume"
        if processes.index:
            return f"{request.output}: done; process 0 writes the weights"
        card = {"preset": request.preset, "corpus": texts.corpus, **facts}
        return write_run(request.output, model, params, card)


def _prepare(request: Request, model: Preset, texts: Texts) -> tuple[TrainConfig, Start]:
    """Settings and starting point of the run."""
    origin, folder = request.origin, request.output
    teacher = None
    if origin.teacher is not None:
        taught_by = find(origin.teacher)
        teacher = Teacher(taught_by.shape, taught_by.params)
    params, settings = None, _settings(request)
    if origin.network is not None and not (origin.resume and latest_step(folder) is not None):
        params, began_with = _parameters(model, find(origin.network))
        settings |= began_with
    config = TrainConfig(**settings)  # type: ignore[arg-type]
    start = Start(params, teacher, resume=origin.resume)
    if origin.beside_memory or config.beside:
        config, record = _recorded(request, model, config, start, texts)
        start = dataclasses.replace(start, record=record)
    if request.budget.minutes is not None and not origin.resume:
        count = bytes_within(request.budget.minutes, model, config, texts.train, start)
        config = dataclasses.replace(config, total_bytes=count)
    return config, start


def _settings(request: Request) -> dict[str, int | float | str]:
    """The settings that were named, over those of a resumed run or the defaults."""
    origin, folder = request.origin, request.output
    named = dict(request.settings)
    if origin.teacher is not None:
        named["teacher"] = name_of(origin.teacher)
    if origin.resume and (folder / SETTINGS).is_file():
        return {**dataclasses.asdict(settings_in(folder)), **named}
    return {"distillation": 0.5, **named} if origin.teacher is not None else named


def _parameters(model: Preset, before: Trained) -> tuple[Params, dict[str, int | float | str]]:
    """Parameters of a network of the same or a smaller shape, and the settings that name it.

    Raises UnusableWeights where that network cannot become this one.
    """
    if not isinstance(model, ModelConfig) or not isinstance(before.shape, ModelConfig):
        raise UnusableWeights("only our own network starts from another one: leave --from out")
    try:
        grown = grow(before.shape, before.params, model)
    except ValueError as error:
        raise UnusableWeights(
            f"{before.name} cannot be the start of this preset: {error}"
        ) from error
    start = f"{before.name} after {before.bytes_seen:,} bytes"
    return grown, {"start": start, "start_bytes": before.bytes_seen}


def _recorded(
    request: Request, model: Preset, config: TrainConfig, start: Start, texts: Texts
) -> tuple[TrainConfig, Record]:
    """The settings of a run beside the memory, and what the memory said of its text.

    A resumed run finds that in its folder; otherwise it is recorded now. Raises TrainingError,
    UnusableWeights, NoEngine, StaleEngine.
    """
    folder = request.output / RECORD
    if config.beside:
        kept = open_record(folder)
        if kept is None:
            raise TrainingError(
                f"{folder} is gone, without which the run cannot go on: "
                "start it anew in another folder"
            )
        return config, kept
    alone = request.processes.count == 1 and start.teacher is None
    if start.params is None or request.budget.minutes is not None or not alone:
        raise UnusableWeights(
            "--beside-memory needs the run that --from names and takes its budget from --bytes: "
            "it goes neither with --teacher nor with several processes"
        )
    made = record(model, start.params, texts.train, config, folder, request.quiet)
    return dataclasses.replace(config, beside=config.start), made
