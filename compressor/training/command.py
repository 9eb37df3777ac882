"""The training command: corpus, environment, run, weights file and card."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from compressor.errors import InputMissing, UnknownModel, UnusableWeights
from compressor.system.allocator import restart_with_allocator
from compressor.training.checkpoints import trained
from models.integer.config import PRESETS, ModelConfig
from models.network.quantise import quantise


def corpus_text(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation bytes of a corpus, or of a file split 90/5/5."""
    from data.corpora import CORPORA, load
    from data.splits import split

    if name in CORPORA:
        text = load(name)
        return split(text, "train"), split(text, "valid")
    if not Path(name).is_file():
        raise InputMissing(
            f"{name} is neither a corpus ({', '.join(CORPORA)}) nor a file: check the name"
        )
    text = np.fromfile(name, np.uint8)
    return text[: text.size * 90 // 100], text[text.size * 90 // 100 : text.size * 95 // 100]


def _start(model: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
    """Parameters to begin with, from a run of the same or a smaller shape, and what the settings say of it."""
    from compressor.training.checkpoints import bytes_seen
    from models.network.grow import grow

    before, params = trained(folder)
    if not isinstance(model, ModelConfig) or not isinstance(before, ModelConfig):
        raise UnusableWeights("only our own network starts from another run: leave --from out")
    seen = bytes_seen(folder)
    try:
        grown = grow(before, params, model)
    except ValueError as error:
        raise UnusableWeights(f"{folder} cannot be the start of this preset: {error}") from error
    return grown, {"start": f"{folder.resolve().name} after {seen:,} bytes", "start_bytes": seen}


@dataclasses.dataclass(frozen=True)
class Request:
    """What ``kolmozip train`` was asked for; ``settings`` are fields of TrainConfig that were named."""

    preset: str
    out: Path
    text: str
    settings: dict[str, Any]
    resume: bool = False
    quiet: bool = False
    start: Path | None = None
    teacher: Path | None = None
    beside_memory: bool = False
    minutes: float | None = None
    stop_after_minutes: float | None = None
    coordinator: str | None = None
    processes: int = 1
    process: int = 0


def run(asked: Request) -> str:
    """Trains, then writes the weights file and its card into the folder, under its own name; returns a line to print."""
    model = _shape(asked.preset)
    restart_with_allocator()
    from compressor.training import devices
    from compressor.training.checkpoints import latest_step, settings_of
    from compressor.training.config import Pace, TrainConfig
    from compressor.training.run import bytes_in, train
    from compressor.training.step import Teacher

    if asked.coordinator is not None:
        devices.join(asked.coordinator, asked.processes, asked.process)
    train_text, valid_text = corpus_text(asked.text)
    asked.out.mkdir(parents=True, exist_ok=True)
    teacher, first, settings = None, None, dict(asked.settings)
    if asked.teacher is not None:
        teacher = Teacher(*trained(asked.teacher))
        settings = {"distillation": 0.5, **settings, "teacher": asked.teacher.resolve().name}
    if asked.resume and (asked.out / "train.json").is_file():
        settings = {**dataclasses.asdict(settings_of(asked.out)), **settings}
    if asked.start is not None and not (asked.resume and latest_step(asked.out) is not None):
        first, told = _start(model, asked.start)
        settings |= told
    config = TrainConfig(**settings)
    record = None
    if asked.beside_memory or config.beside:
        config, record = _record(asked, model, first, config, train_text)
    if asked.minutes is not None and not asked.resume:
        config = dataclasses.replace(
            config, total_bytes=bytes_in(model, config, train_text, asked.minutes, teacher)
        )
    pace = (
        Pace()
        if asked.stop_after_minutes is None
        else Pace(stop_after_minutes=asked.stop_after_minutes)
    )
    (asked.out / "model.json").write_text(json.dumps(dataclasses.asdict(model)) + "\n")
    params, facts = train(
        model,
        config,
        train_text,
        valid_text,
        asked.out,
        start=first,
        teacher=teacher,
        record=record,
        resume=asked.resume,
        pace=pace,
        quiet=asked.quiet,
    )
    if facts["steps"] < config.steps:
        return f"{asked.out}: stopped after step {facts['steps']:,} of {config.steps:,}, go on with --resume"
    if asked.process:
        return f"{asked.out}: done; process 0 writes the weights"
    return _write(asked, model, params, facts)


def _record(
    asked: Request, model: Any, start: Any, config: Any, text: np.ndarray
) -> tuple[Any, Any]:
    """The settings of a run beside the memory, and what the memory says, from the run's folder or recorded now."""
    from compressor.training.mixture import open_record
    from compressor.training.recording import record, turned

    folder = asked.out / "beside"
    if config.beside:  # resumed
        if (kept := open_record(folder)) is None:
            raise InputMissing(
                f"{folder} is gone, without which the run cannot go on: start it anew in another folder"
            )
        return config, kept
    if (
        start is None
        or asked.teacher is not None
        or asked.minutes is not None
        or asked.processes > 1
    ):
        need = "--beside-memory needs the run that --from names and takes its budget from --bytes"
        raise UnusableWeights(f"{need}: it goes neither with --teacher nor with several processes")
    config = dataclasses.replace(config, beside=config.start)
    count = config.total_bytes
    return config, record(
        model, start, turned(text, count, config.seed), count, folder, asked.quiet
    )


def speed(
    preset: str, settings: dict[str, Any], steps: int, results: Path
) -> tuple[dict[str, Any], Path]:
    """Measures how fast a preset trains here, with the allocator set as for training. Raises UnknownModel."""
    model = _shape(preset)
    restart_with_allocator()
    from compressor.bench.training_speed import measure
    from compressor.training.config import TrainConfig

    return measure(preset, model, TrainConfig(**settings), steps, results)


def _shape(preset: str) -> Any:
    """The shape of this name. Raises UnknownModel."""
    from baselines import transformer

    presets: dict[str, Any] = {**PRESETS, **transformer.PRESETS}
    if preset not in presets:
        raise UnknownModel(f"no preset named {preset}: choose one of {', '.join(presets)}")
    return presets[preset]


def _write(asked: Request, model: Any, params: Any, facts: dict[str, Any]) -> str:
    """Weights file and card, named as the folder."""
    from models.integer import weights as wt

    data, suffix = _weights_file(model, params)
    name = asked.out.resolve().name
    target = asked.out / f"{name}{suffix}"
    target.write_bytes(data)
    card = {
        "name": name,
        "preset": asked.preset,
        **wt.file_facts(data),
        "corpus": Path(asked.text).name,
        "weight_bits": facts["train_config"]["weight_bits"],
        **facts,
    }
    target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    return f"{target}: {len(data):,} bytes, validation {facts['valid_bits_per_char_estimate']} bits/char (estimate)"


def _weights_file(model: Any, params: Any) -> tuple[bytes, str]:
    """The file that coding needs, and its suffix."""
    from baselines import transformer_weights
    from compressor.codec import weights_file
    from models.integer import weights as wt

    if not isinstance(model, ModelConfig):
        return transformer_weights.pack(model, params), transformer_weights.SUFFIX
    try:
        return weights_file.pack(quantise(model, params)), ".kzw"
    except wt.WeightsError as error:
        raise UnusableWeights(str(error)) from error
