"""Training a preset: seeded, resumable after a kill to the same bits, budget by bytes, quantisation simulated throughout."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from tqdm import tqdm

from baselines import transformer
from baselines.transformer import TransformerConfig
from coding.errors import KolmozipError
from compressor.facts import environment
from compressor.muon import optimiser
from data.windows import window
from models import lm, variants
from models.config import ModelConfig
from models.variants import VariantConfig

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
    """How a run is made; together with the text, the seed and the model's shape it fixes every bit of the result."""

    lanes: int = 32
    window: int = 256
    total_bytes: int = 130_000_000
    seed: int = 0
    """Of initial weights and cold starts; it also says where in the text the first lane begins (0: at the start)."""
    learning_rate: float = 3e-3
    warmup_steps: int = 200
    decay_fraction: float = 0.75
    weight_decay: float = 0.1
    clip: float = 1.0
    cold_start_bytes: int = 16384
    """A lane forgets everything once in so many bytes on average, as lanes of a coded file start cold."""
    start: str = ""
    """What the run started from, if not from fresh parameters: name of a run and the bytes it had seen."""

    @property
    def steps(self) -> int:
        """Optimiser steps in the whole run."""
        return max(1, self.total_bytes // (self.lanes * self.window))


SEED_STRIDE = 1_234_577
"""Bytes by which the text is turned for each seed: a second pass then meets it in other places of the schedule."""

SETTINGS = "train.json"
"""Name of the file in a run's folder that holds its TrainConfig."""


class TrainState(NamedTuple):
    """All that a resumed run needs."""

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
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, text[1:].astype(jnp.int32))
    return jnp.mean(losses), lanes


def _forget(state: Any, keep: jax.Array) -> Any:
    """Lanes where keep is 0 return to the initial state."""
    return jax.tree.map(lambda x: x * (keep.astype(x.dtype)[:, None] if x.ndim > 1 else keep.astype(x.dtype)), state)


def make_step(model: Shape, config: TrainConfig) -> Callable[[TrainState, jax.Array], tuple[TrainState, jax.Array]]:
    """The jitted optimiser step: (TrainState, text (t + 1, b)) -> (TrainState, bits/char)."""
    transform = optimiser(schedule(config), config.weight_decay, config.clip)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state: TrainState, text: jax.Array) -> tuple[TrainState, jax.Array]:
        key = jax.random.fold_in(jax.random.key(config.seed), state.step)
        keep = jax.random.uniform(key, (config.lanes,)) >= config.window / config.cold_start_bytes
        lanes = _forget(state.lanes, keep)
        value_and_grad = jax.value_and_grad(functools.partial(cross_entropy, model), has_aux=True)
        (loss, lanes), grads = value_and_grad(state.params, text, lanes)
        updates, opt = transform.update(grads, state.optimiser, state.params)
        return TrainState(optax.apply_updates(state.params, updates), opt, lanes, state.step + 1), loss / math.log(2)

    return step


def fresh_state(model: Shape, config: TrainConfig, start: lm.Params | None = None) -> TrainState:
    """The state before the first step, with fresh parameters or those given."""
    params = network(model).initialise(model, config.seed) if start is None else jax.tree.map(jnp.asarray, start)
    opt = optimiser(schedule(config), config.weight_decay, config.clip).init(params)
    return TrainState(params, opt, network(model).initial_state(model, config.lanes), jnp.zeros((), jnp.int32))


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
    """Orbax keeps the last two checkpoints, each written whole or not at all."""
    return ocp.CheckpointManager(folder.absolute(), options=ocp.CheckpointManagerOptions(max_to_keep=2))


def _restore(manager: ocp.CheckpointManager, step: int, like: TrainState) -> tuple[TrainState, float]:
    """State and seconds spent of one checkpoint."""
    args = ocp.args.Composite(state=ocp.args.StandardRestore(like), meta=ocp.args.JsonRestore())
    saved = manager.restore(step, args=args)
    return saved.state, saved.meta["seconds"]


def train(
    model: Shape,
    config: TrainConfig,
    text: np.ndarray,
    valid: np.ndarray,
    folder: Path,
    *,
    start: lm.Params | None = None,
    resume: bool = False,
    minutes_between_checkpoints: float = 5.0,
    quiet: bool = False,
    stop_after_steps: int | None = None,
) -> tuple[lm.Params, dict[str, Any]]:
    """Runs to the end of the budget; returns the weights and the facts for their card. Raises TrainingError.

    ``stop_after_steps`` ends early after a checkpoint, as a kill would; ``resume`` goes on from the last checkpoint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manager = checkpoints(folder / "checkpoints")
    latest = manager.latest_step()
    if latest is not None and not resume:
        raise TrainingError(f"{folder} holds a run at step {latest}: pass --resume to go on, or name another --out")
    state, seconds = fresh_state(model, config, start), 0.0
    if latest is not None:
        state, seconds = _restore(manager, latest, state)
    (folder / SETTINGS).write_text(json.dumps(dataclasses.asdict(config)) + "\n")
    take = make_step(model, config)
    log = (folder / "train.jsonl").open("a")
    slice_ = valid[: min(valid.size, 262_144)]
    bar = tqdm(total=config.steps * config.lanes * config.window, initial=int(state.step) * config.lanes * config.window,
               unit="B", unit_scale=True, disable=quiet, file=sys.stderr, mininterval=2.0)  # fmt: skip
    recent: list[jax.Array] = []
    begun = saved_at = time.monotonic()

    def save() -> None:
        elapsed = seconds + time.monotonic() - begun
        args = ocp.args.Composite(state=ocp.args.StandardSave(state), meta=ocp.args.JsonSave({"seconds": elapsed}))
        manager.save(int(state.step), args=args)
        manager.wait_until_finished()

    def report(**facts: float) -> None:
        log.write(json.dumps(facts) + "\n")
        log.flush()

    turned = np.roll(text, -(config.seed * SEED_STRIDE % text.size))
    for step in range(int(state.step), config.steps):
        state, bits = take(state, jnp.asarray(window(turned, config.lanes, config.window, step)))
        recent.append(bits)
        bar.update(config.lanes * config.window)
        if (step + 1) % 50 == 0 or step + 1 == config.steps:
            mean = float(jnp.mean(jnp.stack(recent)))
            recent = []
            if not math.isfinite(mean):
                raise TrainingError(f"the loss is not finite at step {step + 1}: resume with a lower --learning-rate")
            bar.set_postfix_str(f"{mean:.4f} bits/char")
            report(step=step + 1, bytes=(step + 1) * config.lanes * config.window,
                   seconds=round(seconds + time.monotonic() - begun, 2), train_bits_per_char=round(mean, 5))  # fmt: skip
        if (step + 1) % 1000 == 0:
            report(step=step + 1, valid_slice_bits_per_char=round(evaluate(model, state.params, slice_), 5))
        if stop_after_steps is not None and step + 1 >= stop_after_steps:
            save()
            break
        if time.monotonic() - saved_at > minutes_between_checkpoints * 60:
            save()
            saved_at = time.monotonic()
    else:
        if manager.latest_step() != int(state.step):
            save()
    bar.close()
    manager.close()
    facts = card_facts(model, config, text, int(state.step), seconds + time.monotonic() - begun)
    facts["valid_bits_per_char_estimate"] = round(evaluate(model, state.params, valid), 5)
    report(step=int(state.step), valid_bits_per_char=facts["valid_bits_per_char_estimate"])
    log.close()
    return state.params, facts


def latest_parameters(model: Shape, folder: Path) -> lm.Params:
    """Parameters of the last checkpoint under the folder of a run; raises TrainingError if there is none."""
    manager = checkpoints(folder / "checkpoints")
    step = manager.latest_step()
    if step is None:
        raise TrainingError(f"{folder} holds no checkpoint: train first")
    config = TrainConfig(**json.loads((folder / SETTINGS).read_text()))
    return _restore(manager, step, fresh_state(model, config))[0].params


def card_facts(model: Shape, config: TrainConfig, text: np.ndarray, steps: int, seconds: float) -> dict[str, Any]:
    """What a weights card says of how the weights were made."""
    return {
        "parameters": model.parameters(),
        "command": " ".join(["kolmozip", *sys.argv[1:]]),
        "train_config": dataclasses.asdict(config),
        "train_sha256": hashlib.sha256(text.tobytes()).hexdigest(),
        "train_bytes_seen": steps * config.lanes * config.window,
        "steps": steps,
        "wall_seconds": round(seconds),
        "device": jax.devices()[0].device_kind,
        **environment(),
    }
