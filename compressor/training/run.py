"""Training a network: seeded, within a budget of bytes, resumable after a kill to the same bits."""

from __future__ import annotations

import csv
import dataclasses
import functools
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Mesh
from tqdm import tqdm

from compressor.system import signals
from compressor.system.machine import environment
from compressor.training import devices, showing
from compressor.training.checkpoints import checkpoints, restore, save
from compressor.training.config import (
    SEED_STRIDE,
    TO_THE_END,
    Pace,
    TrainConfig,
    TrainingError,
)
from compressor.training.evaluation import check_scorable, evaluate
from compressor.training.folder import LOG, TABLE, settings_in, shape_in, write_settings
from compressor.training.mixture import Record, Window
from compressor.training.networks import Shape
from compressor.training.step import (
    FRESH,
    Start,
    Step,
    TrainState,
    fresh_state,
    make_step,
    result,
)
from compressor.training.texts import Texts
from data.splits import VALID_SLICE_BYTES
from data.windows import TextTooShort, window
from models.network.lm import Params

LOG_STEPS = 50
"""Steps between lines of the log."""
EVALUATION_STEPS = 1000
"""Steps between evaluations on a slice of the validation text."""

COLUMNS = (
    *("step", "bytes", "seconds"),
    *("train_bits_per_char", "valid_slice_bits_per_char", "valid_bits_per_char"),
)
"""Columns of the log as a table."""

Windows = Callable[[int], np.ndarray | Window]
"""The window of each step."""


def windows_of(config: TrainConfig, text: np.ndarray, record: Record | None = None) -> Windows:
    """The windows of a run: of its text, rotated by its seed, or of a record of the memory.

    Raises TrainingError where text or record has fewer bytes than a window takes.
    """
    at: Windows
    if record is not None:
        at = functools.partial(record.window, config.lanes, config.window)
    else:
        rotated = np.roll(text, -config.seed * SEED_STRIDE)
        at = functools.partial(window, rotated, config.lanes, config.window)
    try:
        at(0)
    except TextTooShort as error:
        raise TrainingError(f"{error}, or train on more text") from error
    return at


def train(
    model: Shape,
    config: TrainConfig,
    texts: Texts,
    folder: Path,
    start: Start = FRESH,
    pace: Pace = TO_THE_END,
    quiet: bool = False,
) -> tuple[Params, dict[str, Any]]:
    """Trains to the end of the budget, or of the pace; returns parameters and facts for their card.

    A resumed run ends with the same bits as one that never stopped. With a record of the memory its
    windows are trained on, and ``texts.train`` is what the card names. Raises TrainingError.
    """
    windows = windows_of(config, texts.train, start.record)
    check_scorable(texts.valid)
    mesh = devices.mesh(config.lanes)
    folder.mkdir(parents=True, exist_ok=True)
    with checkpoints(folder) as manager:
        latest = manager.latest_step()
        _check_start(folder, config, start, latest)
        if latest is not None:
            _check_resumed(folder, model, config)
        state, seconds = fresh_state(model, config, mesh, start), 0.0
        if latest is not None:
            state, seconds = restore(manager, latest, state)
        if jax.process_index() == 0:
            write_settings(folder, model, config)
        with _Log(folder, config, latest or 0, quiet) as log:
            run = _Run(model, config, start, mesh, manager, pace, log, state, seconds)
            with signals.noted() as stop_signals:
                run.go_on(windows, texts.valid[:VALID_SLICE_BYTES], stop_signals)
            return run.finish(texts)


def _check_start(folder: Path, config: TrainConfig, start: Start, latest: int | None) -> None:
    """Raises TrainingError where a run would be overwritten, or go on without what it needs."""
    if latest is not None and not start.resume:
        raise TrainingError(
            f"{folder} holds a run at step {latest}: "
            "pass --resume to go on, or name another folder with --output"
        )
    if latest is None and config.start and start.params is None:
        raise TrainingError(
            f"{folder} holds no checkpoint, and its run begins with {config.start}: "
            "name that again by --from"
        )
    if config.teacher and start.teacher is None:
        raise TrainingError(
            f"the run in {folder} is taught by {config.teacher}: name that again by --teacher"
        )


def _check_resumed(folder: Path, model: Shape, config: TrainConfig) -> None:
    """Raises TrainingError where the state of the run in a folder is not of these settings."""
    if shape_in(folder) != model:
        raise TrainingError(
            f"the run in {folder} trains another network: "
            "name its preset, or another folder with --output"
        )
    before = settings_in(folder)
    for name in ("lanes", "optimiser", "average", "teacher"):
        value = getattr(before, name)
        same = value == getattr(config, name)
        if not same and not (name == "average" and value and config.average):
            raise TrainingError(
                f"the run in {folder} has {name} {value or 'none'}, not {getattr(config, name)}: "
                "resume it as it is, or name another folder with --output"
            )


@dataclasses.dataclass
class _Run:
    """A run under way: what it is made of, where it stands, how long it has taken."""

    model: Shape
    config: TrainConfig
    start: Start
    mesh: Mesh
    manager: ocp.CheckpointManager
    pace: Pace
    log: _Log
    state: TrainState
    seconds_before: float
    """Seconds spent before this process."""
    begun: float = dataclasses.field(default_factory=time.monotonic)
    steps: dict[float, Step] = dataclasses.field(default_factory=dict)
    """The compiled step for each grid of weights met so far."""

    def clock(self) -> float:
        """Seconds spent in all."""
        return self.seconds_before + time.monotonic() - self.begun

    def go_on(self, windows: Windows, valid: np.ndarray, stop_signals: Sequence[int] = ()) -> None:
        """Takes every step from the state's on, until the budget, the pace or a signal ends it."""
        config, recent = self.config, list[jax.Array]()
        saved = begun = self.clock()
        for step in range(self._done(), config.steps):
            recent.append(self._advance(step, windows))
            done = step + 1
            last = done == config.steps
            if done % LOG_STEPS == 0 or last:
                self._log_loss(done, recent)
                recent = []
            if done % EVALUATION_STEPS == 0:
                params = result(config, self.state)
                bits = evaluate(self.model, params, valid)
                self.log.write(step=done, valid_slice_bits_per_char=round(bits, 5))
                self.log.show(self.model, params, valid, done, bits)
            now = self.clock()
            late = now - begun > 60 * self.pace.stop_after_minutes
            due = now - saved > 60 * self.pace.minutes_between_checkpoints
            stop, due = devices.agreed(done, late or bool(stop_signals), due)
            stop = stop or done == self.pace.stop_after_steps
            if stop or last or due:
                save(self.manager, self.state, done, now)
                saved = self.clock()
            if stop:
                break

    def finish(self, texts: Texts) -> tuple[Params, dict[str, Any]]:
        """The run's parameters, and the facts for their card with an evaluation."""
        params, done = result(self.config, self.state), self._done()
        bits = round(evaluate(self.model, params, texts.valid), 5)
        self.log.write(step=done, valid_bits_per_char=bits)
        facts = _card_facts(self.model, self.config, texts, done, self.clock())
        return params, {**facts, "valid_bits_per_char_estimate": bits}

    def _done(self) -> int:
        """Steps taken so far."""
        return int(devices.local(self.state.step))

    def _advance(self, step: int, windows: Windows) -> jax.Array:
        """Takes a step; returns the mean bits/char of its window."""
        bits = self.config.bits_at(step)
        if bits not in self.steps:
            self.steps[bits] = make_step(self.model, self.config, self.mesh, self.start, bits)
        self.state, loss = self.steps[bits](self.state, windows(step))
        if self.mesh.size > 1 and jax.default_backend() == "cpu":
            # Steps in flight share one pool of threads: a later one may hold what an earlier one's
            # all-reduce waits for.
            jax.block_until_ready(loss)
        self.log.advance(self.config.step_bytes)
        return loss

    def _log_loss(self, done: int, recent: list[jax.Array]) -> None:
        """Writes a line of the log. Raises TrainingError where the loss is not finite."""
        mean = float(np.mean([devices.local(bits) for bits in recent]))
        if not math.isfinite(mean):
            raise TrainingError(
                f"the loss is not finite at step {done}: resume with a lower --learning-rate"
            )
        self.log.write(
            step=done,
            bytes=done * self.config.step_bytes,
            seconds=round(self.clock(), 2),
            train_bits_per_char=round(mean, 5),
        )


class _Log:
    """A run's log and progress bar; of several processes the first alone shows and writes them."""

    def __init__(self, folder: Path, config: TrainConfig, done: int, quiet: bool) -> None:
        first = jax.process_index() == 0
        self._file = (folder / LOG).open("a") if first else None
        self._table = _Table(folder / TABLE) if first else None
        self._shows = first and showing.is_wanted(quiet)
        self._losses: list[float] = []
        self._bar = tqdm(
            total=config.steps * config.step_bytes,
            initial=done * config.step_bytes,
            unit="B",
            unit_scale=True,
            disable=quiet or not first,
            file=sys.stderr,
            mininterval=2.0,
        )

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        if self._file:
            self._file.close()
        if self._table:
            self._table.close()

    def advance(self, count: int) -> None:
        """Moves the progress bar by ``count`` bytes of text."""
        self._bar.update(count)

    def write(self, **facts: float) -> None:
        """Writes the facts as one line of JSON; the bar shows the training loss."""
        if "train_bits_per_char" in facts:
            self._bar.set_postfix_str(f"{facts['train_bits_per_char']:.4f} bits/char")
            self._losses.append(facts["train_bits_per_char"])
        if self._file:
            self._file.write(json.dumps(facts) + "\n")
            self._file.flush()
        if self._table:
            self._table.write(facts)

    def show(self, model: Shape, params: Params, valid: np.ndarray, done: int, bits: float) -> None:
        """Shows a person, on a terminal, how far the run is: its curve, and text by its cost."""
        if self._shows:
            for line in showing.lines(model, params, valid, done, bits, self._losses):
                self._bar.write(line, file=sys.stderr)


class _Table:
    """The log as CSV, for spreadsheets and plotting programs; a resumed run goes on in it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", newline="")
        self._rows = csv.DictWriter(self._file, COLUMNS)
        if self._file.tell() == 0:
            self._rows.writeheader()

    def write(self, facts: Mapping[str, float]) -> None:
        """Writes a line; what it does not know is left empty."""
        self._rows.writerow(facts)
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def bytes_within(
    minutes: float, model: Shape, config: TrainConfig, text: np.ndarray, start: Start = FRESH
) -> int:
    """Bytes that a run gets through in so many minutes on this machine, in whole steps.

    Eight steps are timed, after three that compile and warm up.
    """
    windows = windows_of(config, text, start.record)
    take, state = make_step(model, config, start=start), fresh_state(model, config, start=start)
    marks = [time.monotonic()]
    for step in range(11):
        state, bits = take(state, windows(step))
        bits.block_until_ready()
        marks.append(time.monotonic())
    return config.step_bytes * steps_within(60 * minutes, marks)


def steps_within(seconds: float, marks: Sequence[float], warm_up: int = 3) -> int:
    """Steps that a run takes in so many seconds, by clock readings before and after first steps.

    The first ``warm_up`` steps say nothing of the pace, but their time is spent. At least 1.
    """
    timed = marks[warm_up:]
    a_step = (timed[-1] - timed[0]) / (len(timed) - 1)
    return max(1, round((seconds - (marks[-1] - marks[0])) / max(a_step, 1e-9)))


def _card_facts(
    model: Shape, config: TrainConfig, texts: Texts, steps: int, seconds: float
) -> dict[str, Any]:
    """What a weights card says of how the weights were made."""
    return {
        "parameters": model.parameters(),
        "command": " ".join(["kolmozip", *sys.argv[1:]]),
        "train_config": dataclasses.asdict(config),
        "train_sha256": hashlib.sha256(texts.train.tobytes()).hexdigest(),
        "train_bytes_seen": config.start_bytes + steps * config.step_bytes,
        "steps": steps,
        "wall_seconds": round(seconds),
        "device": jax.devices()[0].device_kind,
        "devices": jax.device_count(),
        **environment(),
    }
