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
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from jax.sharding import Mesh, PartitionSpec
from tqdm import tqdm

from baselines import transformer
from baselines.transformer import TransformerConfig
from coding.errors import KolmozipError
from compressor.training import mixture as beside
from compressor.training import devices
from compressor.system import signals
from compressor.training.mixture import Record, Window
from compressor.system.machine import environment
from compressor.training.optimiser import averaged, optimiser
from data.splits import VALID_SLICE_BYTES
from data.windows import window
from models.network import lm
from models.network import variants
from models.integer.config import ModelConfig
from models.network.precision import FULL_BITS, coarsen
from models.network.variants import VariantConfig

Shape = ModelConfig | TransformerConfig | VariantConfig
"""What can be trained: our network, the baseline it is compared with, or a variant that an ablation tries."""


def network(model: Shape) -> Any:
    """The module that has ``sequence``, ``initial_state`` and ``initialise`` for this kind of network."""
    if isinstance(model, VariantConfig):
        return variants
    return lm if isinstance(model, ModelConfig) else transformer


class TrainingError(KolmozipError):
    """Training cannot go on; the text names the remedy."""


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a run is made; together with the text, the seed, the start and the model's shape it fixes the result.

    To the last bit on one machine with as many devices; other devices add up in another order.
    """

    lanes: int = 32
    window: int = 256
    total_bytes: int = 130_000_000
    seed: int = 0
    """Of initial weights and cold starts; it also says where in the text the lanes begin (0: the first at the start)."""
    optimiser: str = "muon"
    learning_rate: float = 3e-3
    warmup_steps: int = 200
    decay_fraction: float = 0.75
    weight_decay: float = 0.1
    clip: float = 1.0
    average: float = 0.0
    """Decay a step of the moving average of the parameters that is kept as the result; 0: the last parameters are."""
    cold_start_bytes: int = 16384
    """A lane forgets everything once in so many bytes on average, as lanes of a coded file start cold."""
    weight_bits: float = 8.0
    """Grid of the weights, see models.network.precision; below 8 the last ``finish`` of the steps train on it."""
    finish: float = 0.15
    distillation: float = 0.0
    """Share of the teacher's distribution in the target."""
    teacher: str = ""
    """Which run taught, for the card."""
    beside: str = ""
    """Which network the memory was recorded with, if the loss is that of the mixture with it."""
    start: str = ""
    """What the run started from, if not from fresh parameters: name of a run and the bytes it had seen."""
    start_bytes: int = 0

    @property
    def step_bytes(self) -> int:
        """Bytes of text in one step."""
        return self.lanes * self.window

    @property
    def steps(self) -> int:
        """Optimiser steps in the whole run."""
        return max(1, self.total_bytes // self.step_bytes)

    def bits_at(self, step: int) -> float:
        """Grid of the weights in this step."""
        return self.weight_bits if step >= round((1 - self.finish) * self.steps) else FULL_BITS


SEED_STRIDE = 1_234_577
"""Bytes by which the text is turned for each seed: a second pass then meets it in other places of the schedule."""

SETTINGS = "train.json"
"""Name of the file in a run's folder that holds its TrainConfig."""
CHECKPOINTS = "checkpoints"
"""Name of the folder in it that Orbax keeps."""


class Teacher(NamedTuple):
    """A trained network whose distribution is part of the target (Hinton, Vinyals, Dean 2015, section 2; temperature 1)."""

    model: Shape
    params: lm.Params


class TrainState(NamedTuple):
    """All that a resumed run needs; with a teacher, ``lanes`` are the pair of student's and teacher's."""

    params: lm.Params
    optimiser: Any
    lanes: Any
    step: jax.Array


def schedule(config: TrainConfig) -> optax.Schedule:
    """Warm-up, plateau, linear decay to zero over the last ``decay_fraction`` of the steps."""
    warm = min(config.warmup_steps, config.steps // 10 + 1)
    decay = max(1, int(config.steps * config.decay_fraction))

    def rate(step: Any) -> jax.Array:
        up = jnp.minimum(1.0, (step + 1) / warm)
        down = jnp.clip((config.steps - step) / decay, 0.0, 1.0)
        return config.learning_rate * up * down

    return rate


def cross_entropy(model: Shape, params: lm.Params, text: jax.Array, lanes: Any) -> tuple[jax.Array, Any]:
    """Mean nats a byte of text[1:] given text[:-1]; text (t + 1, b) uint8."""
    logits, lanes = network(model).sequence(model, params, text[:-1], lanes)
    return _nats(logits, text), lanes


def _nats(logits: jax.Array, text: jax.Array) -> jax.Array:
    """Mean nats a byte of text[1:] by the logits (t, b, 256) after each byte of text[:-1]."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, text[1:].astype(jnp.int32)))


def _objective(
    model: Shape, bits: float, share: float, teacher: Teacher | None, params: lm.Params, text: jax.Array | Window, lanes: Any
) -> tuple[jax.Array, tuple[jax.Array, Any]]:
    """What is minimised, (nats a byte of the text alone or, beside the memory, of the mixture; lanes after the window)."""
    params = coarsen(params, bits)
    if isinstance(text, Window):
        logits, lanes = network(model).sequence(model, params, text.text[:-1], lanes)
        loss = beside.mixture_nats(logits, text)
        return loss, (loss, lanes)
    if teacher is None:
        loss, lanes = cross_entropy(model, params, text, lanes)
        return loss, (loss, lanes)
    logits, student_lanes = network(model).sequence(model, params, text[:-1], lanes[0])
    taught, teacher_lanes = network(teacher.model).sequence(teacher.model, teacher.params, text[:-1], lanes[1])
    loss = _nats(logits, text)
    apart = jnp.mean(optax.softmax_cross_entropy(logits, jax.nn.softmax(jax.lax.stop_gradient(taught))))
    return (1 - share) * loss + share * apart, (loss, (student_lanes, teacher_lanes))


def _forget(state: Any, keep: jax.Array) -> Any:
    """Lanes where keep is 0 return to the initial state."""
    return jax.tree.map(lambda x: x * (keep.astype(x.dtype)[:, None] if x.ndim > 1 else keep.astype(x.dtype)), state)


def _transform(config: TrainConfig) -> optax.GradientTransformation:
    try:
        return optimiser(schedule(config), config.weight_decay, config.clip, config.optimiser, config.average)
    except ValueError as error:
        raise TrainingError(str(error)) from error


def _first_lanes(model: Shape, lanes: int, teacher: Teacher | None) -> Any:
    own = network(model).initial_state(model, lanes)
    return own if teacher is None else (own, network(teacher.model).initial_state(teacher.model, lanes))


Step = Callable[[TrainState, np.ndarray | Window], tuple[TrainState, jax.Array]]


def make_step(
    model: Shape,
    config: TrainConfig,
    mesh: Mesh | None = None,
    teacher: Teacher | None = None,
    bits: float = FULL_BITS,
    record: Record | None = None,
) -> Step:
    """The jitted optimiser step: (TrainState, text (t + 1, b)) -> (TrainState, bits/char); lanes shared out over the mesh.

    Beside the memory, with a record, it takes a Window of that.
    """
    mesh = mesh or devices.mesh(config.lanes)
    transform = _transform(config)
    lane_specs = devices.by_lane(jax.eval_shape(lambda: _first_lanes(model, config.lanes, teacher)))

    def share(params: lm.Params, taught: lm.Params, text: Any, lanes: Any) -> Any:
        """One device's lanes; means over devices are means over lanes, since each device has as many."""
        master = None if teacher is None else Teacher(teacher.model, taught)
        objective = functools.partial(_objective, model, bits, config.distillation, master)
        (_, (loss, lanes)), grads = jax.value_and_grad(objective, has_aux=True)(params, text, lanes)
        return *jax.lax.pmean((loss, grads), devices.AXIS), lanes

    whole = PartitionSpec()
    shares = devices.TEXT if record is None else Window(devices.TEXT, devices.BITS, devices.BITS)
    turns = None if record is None else record.turns(config.window)
    over_devices = jax.shard_map(
        share,
        mesh=mesh,
        in_specs=(whole, whole, shares, lane_specs),
        out_specs=(whole, whole, lane_specs),
        check_vma=False,  # gradients are averaged by hand above
    )

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state: TrainState, text: jax.Array | Window, taught: lm.Params) -> tuple[TrainState, jax.Array]:
        key = jax.random.fold_in(jax.random.key(config.seed), state.step)
        keep = jax.random.uniform(key, (config.lanes,)) >= config.window / config.cold_start_bytes
        if turns is not None:
            keep &= state.step % turns != 0  # other lanes have their turn
        loss, grads, lanes = over_devices(state.params, taught, text, _forget(state.lanes, keep))
        updates, opt = transform.update(grads, state.optimiser, state.params)
        return TrainState(optax.apply_updates(state.params, updates), opt, lanes, state.step + 1), loss / math.log(2)

    taught = {} if teacher is None else devices.put(mesh, teacher.params, devices.everywhere(teacher.params))
    return lambda state, text: step(state, devices.put(mesh, text, shares), taught)


def fresh_state(
    model: Shape,
    config: TrainConfig,
    start: lm.Params | None = None,
    mesh: Mesh | None = None,
    teacher: Teacher | None = None,
) -> TrainState:
    """The state before the first step, with fresh parameters or those given."""
    mesh = mesh or devices.mesh(config.lanes)
    params = network(model).initialise(model, config.seed) if start is None else jax.tree.map(jnp.asarray, start)
    lanes = _first_lanes(model, config.lanes, teacher)
    state = TrainState(params, _transform(config).init(params), lanes, jnp.zeros((), jnp.int32))
    return devices.put(mesh, state, devices.everywhere(state)._replace(lanes=devices.by_lane(lanes)))


def result(config: TrainConfig, state: TrainState) -> lm.Params:
    """The parameters that a run is for: averaged where an average is kept, on the grid of the finish."""
    average = averaged(state.optimiser)
    return coarsen(devices.local(state.params if average is None else average), config.bits_at(int(devices.local(state.step))))


@functools.partial(jax.jit, static_argnums=0)
def _evaluate_window(model: Shape, params: lm.Params, text: jax.Array, lanes: Any) -> tuple[jax.Array, Any]:
    return cross_entropy(model, params, text, lanes)


def evaluate(model: Shape, params: lm.Params, text: np.ndarray, lanes: int = 64, length: int = 256) -> float:
    """Mean bits/char of text by the float model (quantisation simulated), in lanes that each start cold: an estimate."""
    per_lane = min((text.size - 1) // lanes, text.size // lanes - 1)
    columns = text[: lanes * (text.size // lanes)].reshape(lanes, -1).T
    state, total, count = network(model).initial_state(model, lanes), 0.0, 0
    for start in range(0, per_lane - length + 1, length):
        loss, state = _evaluate_window(model, params, jnp.asarray(columns[start : start + length + 1]), state)
        total, count = total + float(loss), count + 1
    return total / max(1, count) / math.log(2)


def checkpoints(folder: Path) -> ocp.CheckpointManager:
    """Of the run in a folder: Orbax keeps the last two, each written whole or not at all."""
    return ocp.CheckpointManager((folder / CHECKPOINTS).absolute(), options=ocp.CheckpointManagerOptions(max_to_keep=2))


def _restore(manager: ocp.CheckpointManager, step: int, like: TrainState) -> tuple[TrainState, float]:
    """State and seconds spent of one checkpoint."""
    args = ocp.args.Composite(state=ocp.args.StandardRestore(like), meta=ocp.args.JsonRestore())
    saved = manager.restore(step, args=args)
    return saved.state, saved.meta["seconds"]


@dataclasses.dataclass(frozen=True)
class Pace:
    """When a run saves, and when it leaves off before its budget is spent, to be resumed."""

    minutes_between_checkpoints: float = 5.0
    stop_after_minutes: float = math.inf
    stop_after_steps: int | None = None


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
            raise TrainingError(f"{error}: train on more bytes, with a power of two of lanes") from error
    folder.mkdir(parents=True, exist_ok=True)
    manager = checkpoints(folder)
    latest = manager.latest_step()
    if latest is not None and not resume:
        raise TrainingError(f"{folder} holds a run at step {latest}: pass --resume to go on, or name another --out")
    if latest is None and config.start and start is None:
        raise TrainingError(f"{folder} holds no checkpoint, and its run begins with {config.start}: name that again by --from")
    if config.teacher and teacher is None:
        raise TrainingError(f"the run in {folder} is taught by {config.teacher}: name that again by --teacher")
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
            if stop or step + 1 == config.steps or self.clock() - saved > 60 * self.pace.minutes_between_checkpoints:
                self._save(step + 1)
                saved = self.clock()
            if stop:
                break

    def _step_on(self, bits: float) -> Step:
        """The step on this grid of weights, compiled once."""
        if bits not in self.takers:
            self.takers[bits] = make_step(self.model, self.config, self.mesh, self.teacher, bits, self.record)
        return self.takers[bits]

    def _save(self, step: int) -> None:
        args = ocp.args.Composite(state=ocp.args.StandardSave(self.state), meta=ocp.args.JsonSave({"seconds": self.clock()}))
        self.manager.save(step, args=args)
        self.manager.wait_until_finished()

    def _tell(self, step: int, recent: list[jax.Array]) -> None:
        """One line of the log. Raises TrainingError where the loss has left the numbers."""
        mean = float(np.mean([devices.local(bits) for bits in recent]))
        if not math.isfinite(mean):
            raise TrainingError(f"the loss is not finite at step {step}: resume with a lower --learning-rate")
        self.log.write(step=step, bytes=step * self.config.step_bytes, seconds=round(self.clock(), 2),
                       train_bits_per_char=round(mean, 5))  # fmt: skip


class _Log:
    """A run's train.json, train.jsonl and progress bar; with several processes the first alone writes."""

    def __init__(self, folder: Path, config: TrainConfig, done: int, quiet: bool) -> None:
        first = jax.process_index() == 0
        if first:
            (folder / SETTINGS).write_text(json.dumps(dataclasses.asdict(config)) + "\n")
        self._file = (folder / "train.jsonl").open("a") if first else None
        self._bar = tqdm(total=config.steps * config.step_bytes, initial=done * config.step_bytes, unit="B",
                         unit_scale=True, disable=quiet, file=sys.stderr, mininterval=2.0)  # fmt: skip

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


def settings_of(folder: Path) -> TrainConfig:
    """How the run in a folder is made. Raises TrainingError where there is none."""
    try:
        return TrainConfig(**json.loads((folder / SETTINGS).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(f"{folder} holds no run that can be read ({error}): name the folder of a training run") from error


def bytes_seen(folder: Path) -> int:
    """Bytes of text that a finished run, and what it started from, were trained on."""
    config = settings_of(folder)
    return config.start_bytes + config.steps * config.step_bytes


def latest_step(folder: Path) -> int | None:
    """Step of the last checkpoint of the run in a folder; None where there is none."""
    if not (folder / CHECKPOINTS).is_dir():
        return None
    manager = checkpoints(folder)
    step = manager.latest_step()
    manager.close()
    return step


def latest_parameters(folder: Path) -> lm.Params:
    """Parameters of the last checkpoint under the folder of a run, as ``result`` has them. Raises TrainingError."""
    params, step = kept_parameters(folder)
    return coarsen(params, settings_of(folder).bits_at(step))


def kept_parameters(folder: Path) -> tuple[lm.Params, int]:
    """The averaged parameters in the last checkpoint of a run (where no average is kept, the parameters), and its step.

    Raises TrainingError where there is none.
    """
    step = latest_step(folder)
    if step is None:
        raise TrainingError(f"{folder} holds no checkpoint: train first")
    manager = checkpoints(folder)
    # Without a target, so that neither optimiser nor lanes have to be built: only their numbers are read.
    saved = manager.restore(step, args=ocp.args.Composite(state=ocp.args.StandardRestore())).state
    manager.close()
    return _average_in(saved.get("optimiser")) or saved["params"], step


def _average_in(node: Any) -> Any:
    """The moving average in a restored optimiser's state, None where it holds none."""
    if isinstance(node, dict):
        return node["average"] if "average" in node else next(filter(None, map(_average_in, node.values())), None)
    if isinstance(node, (list, tuple)):
        return next(filter(None, map(_average_in, node)), None)
    return None


def bytes_in(model: Shape, config: TrainConfig, text: np.ndarray, minutes: float, teacher: Teacher | None = None) -> int:
    """Bytes that a run gets through in so many minutes here: three steps to compile and warm up, then eight timed."""
    begun = time.monotonic()
    take, state = make_step(model, config, teacher=teacher), fresh_state(model, config, teacher=teacher)
    for step in range(11):
        if step == 3:
            timed = time.monotonic()
        state, bits = take(state, window(text, config.lanes, config.window, step))
        bits.block_until_ready()
    rest = 60 * minutes - (time.monotonic() - begun)
    return max(1, round(rest / ((time.monotonic() - timed) / 8))) * config.step_bytes


def card_facts(model: Shape, config: TrainConfig, text: np.ndarray, steps: int, seconds: float) -> dict[str, Any]:
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
