"""Training a preset: seeded, resumable after a kill to the same bits, budget by bytes, quantisation simulated throughout."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Mesh
from tqdm import tqdm

from compressor.system import signals
from compressor.system.machine import environment
from compressor.training import devices
from compressor.training.checkpoints import SETTINGS, _restore, checkpoints
from compressor.training.config import SEED_STRIDE, Pace, TrainConfig, TrainingError
from compressor.training.evaluation import evaluate
from compressor.training.mixture import Record, Window
from compressor.training.networks import Shape
from compressor.training.step import Step, Teacher, TrainState, fresh_state, make_step, result
from data.splits import VALID_SLICE_BYTES
from data.windows import window
from models.network import lm


def train(
    model: Shape,
    config: TrainConfig,
    text: np.ndarray,
    valid: np.ndarray,
    folder: Path,
    *,
    start: lm.Params | None = None,
    teacher: Teacher | None = None,
    record: Record | None = None,
    resume: bool = False,
    pace: Pace = Pace(),
    quiet: bool = False,
) -> tuple[lm.Params, dict[str, Any]]:
    """Runs to the end of the budget, or of the pace; returns the weights and the facts for their card. Raises TrainingError.

    ``resume`` goes on from the last checkpoint to the same bits as a run that never stopped. With a record of the memory,
    its windows are what is trained on, and ``text`` is what the card names.
    """
    if record is not None:
        try:
            record.window(config.lanes, config.window, 0)
        except ValueError as error:
            raise TrainingError(
                f"{error}: train on more bytes, with a power of two of lanes"
            ) from error
    folder.mkdir(parents=True, exist_ok=True)
    manager = checkpoints(folder)
    latest = manager.latest_step()
    if latest is not None and not resume:
        raise TrainingError(
            f"{folder} holds a run at step {latest}: pass --resume to go on, or name another --out"
        )
    if latest is None and config.start and start is None:
        raise TrainingError(
            f"{folder} holds no checkpoint, and its run begins with {config.start}: name that again by --from"
        )
    if config.teacher and teacher is None:
        raise TrainingError(
            f"the run in {folder} is taught by {config.teacher}: name that again by --teacher"
        )
    mesh = devices.mesh(config.lanes)
    state, before = fresh_state(model, config, start, mesh, teacher), 0.0
    if latest is not None:
        state, before = _restore(manager, latest, state)
    with _Log(folder, config, latest or 0, quiet or jax.process_index() > 0) as log:
        run = _Run(model, config, teacher, record, mesh, manager, pace, log, state, before)
        with signals.noted() as told:
            run.go_on(text, valid, told)
        params, done = result(config, run.state), int(devices.local(run.state.step))
        facts = card_facts(model, config, text, done, run.clock())
        facts["valid_bits_per_char_estimate"] = round(evaluate(model, params, valid), 5)
        log.write(step=done, valid_bits_per_char=facts["valid_bits_per_char_estimate"])
    manager.close()
    return params, facts


@dataclasses.dataclass
class _Run:
    """A run under way: what it is made of, where it stands, how long it has taken."""

    model: Shape
    config: TrainConfig
    teacher: Teacher | None
    record: Record | None
    mesh: Mesh
    manager: ocp.CheckpointManager
    pace: Pace
    log: _Log
    state: TrainState
    before: float
    """Seconds spent before this process."""
    begun: float = dataclasses.field(default_factory=time.monotonic)
    takers: dict[float, Step] = dataclasses.field(default_factory=dict)
    """The compiled step for each grid of weights met so far."""

    def clock(self) -> float:
        """Seconds spent in all."""
        return self.before + time.monotonic() - self.begun

    def go_on(self, text: np.ndarray, valid: np.ndarray, told: Sequence[int] = ()) -> None:
        """Every step from the state's on, with log lines, checkpoints and the end that budget, pace or a signal sets."""
        config = self.config
        source: Callable[[int, int, int], np.ndarray | Window]
        if self.record is None:
            source = functools.partial(window, np.roll(text, -config.seed * SEED_STRIDE))
        else:
            source = self.record.window
        slice_ = valid[:VALID_SLICE_BYTES]
        recent: list[jax.Array] = []
        saved = first = self.clock()
        for step in range(int(devices.local(self.state.step)), config.steps):
            take = self._step_on(config.bits_at(step))
            self.state, bits = take(self.state, source(config.lanes, config.window, step))
            if self.mesh.size > 1 and jax.default_backend() == "cpu":
                # Steps in flight share one pool of threads: a later one may hold what an earlier one's all-reduce waits for.
                jax.block_until_ready(bits)
            recent.append(bits)
            if (step + 1) % 50 == 0 or step + 1 == config.steps:
                self._tell(step + 1, recent)
                recent = []
            self.log.advance(config.step_bytes)
            if (step + 1) % 1000 == 0:
                found = evaluate(self.model, result(config, self.state), slice_)
                self.log.write(step=step + 1, valid_slice_bits_per_char=round(found, 5))
            enough = self.clock() - first > 60 * self.pace.stop_after_minutes
            stop = enough or step + 1 == self.pace.stop_after_steps or bool(told)
            if (
                stop
                or step + 1 == config.steps
                or self.clock() - saved > 60 * self.pace.minutes_between_checkpoints
            ):
                self._save(step + 1)
                saved = self.clock()
            if stop:
                break

    def _step_on(self, bits: float) -> Step:
        """The step on this grid of weights, compiled once."""
        if bits not in self.takers:
            self.takers[bits] = make_step(
                self.model, self.config, self.mesh, self.teacher, bits, self.record
            )
        return self.takers[bits]

    def _save(self, step: int) -> None:
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(self.state),
            meta=ocp.args.JsonSave({"seconds": self.clock()}),
        )
        self.manager.save(step, args=args)
        self.manager.wait_until_finished()

    def _tell(self, step: int, recent: list[jax.Array]) -> None:
        """One line of the log. Raises TrainingError where the loss has left the numbers."""
        mean = float(np.mean([devices.local(bits) for bits in recent]))
        if not math.isfinite(mean):
            raise TrainingError(
                f"the loss is not finite at step {step}: resume with a lower --learning-rate"
            )
        self.log.write(
            step=step,
            bytes=step * self.config.step_bytes,
            seconds=round(self.clock(), 2),
            train_bits_per_char=round(mean, 5),
        )


class _Log:
    """A run's train.json, train.jsonl and progress bar; with several processes the first alone writes."""

    def __init__(self, folder: Path, config: TrainConfig, done: int, quiet: bool) -> None:
        first = jax.process_index() == 0
        if first:
            (folder / SETTINGS).write_text(json.dumps(dataclasses.asdict(config)) + "\n")
        self._file = (folder / "train.jsonl").open("a") if first else None
        self._bar = tqdm(
            total=config.steps * config.step_bytes,
            initial=done * config.step_bytes,
            unit="B",
            unit_scale=True,
            disable=quiet,
            file=sys.stderr,
            mininterval=2.0,
        )

    def __enter__(self) -> _Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        if self._file:
            self._file.close()

    def advance(self, count: int) -> None:
        """So many bytes more are done."""
        self._bar.update(count)

    def write(self, **facts: float) -> None:
        """One line of JSON; the bar shows the loss."""
        if "train_bits_per_char" in facts:
            self._bar.set_postfix_str(f"{facts['train_bits_per_char']:.4f} bits/char")
        if self._file:
            self._file.write(json.dumps(facts) + "\n")
            self._file.flush()


def bytes_in(
    model: Shape,
    config: TrainConfig,
    text: np.ndarray,
    minutes: float,
    teacher: Teacher | None = None,
) -> int:
    """Bytes that a run gets through in so many minutes here: three steps to compile and warm up, then eight timed."""
    begun = time.monotonic()
    take, state = (
        make_step(model, config, teacher=teacher),
        fresh_state(model, config, teacher=teacher),
    )
    for step in range(11):
        if step == 3:
            timed = time.monotonic()
        state, bits = take(state, window(text, config.lanes, config.window, step))
        bits.block_until_ready()
    rest = 60 * minutes - (time.monotonic() - begun)
    return max(1, round(rest / ((time.monotonic() - timed) / 8))) * config.step_bytes


def card_facts(
    model: Shape, config: TrainConfig, text: np.ndarray, steps: int, seconds: float
) -> dict[str, Any]:
    """What a weights card says of how the weights were made."""
    return {
        "parameters": model.parameters(),
        "command": " ".join(["kolmozip", *sys.argv[1:]]),
        "train_config": dataclasses.asdict(config),
        "train_sha256": hashlib.sha256(text.tobytes()).hexdigest(),
        "train_bytes_seen": config.start_bytes + steps * config.step_bytes,
        "steps": steps,
        "wall_seconds": round(seconds),
        "device": jax.devices()[0].device_kind,
        "devices": jax.device_count(),
        **environment(),
    }
