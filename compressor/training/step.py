"""The jitted optimiser step over devices, and the state it carries."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, PartitionSpec

from compressor.training import devices
from compressor.training.config import TrainConfig
from compressor.training.mixture import Record, Window, mixture_nats
from compressor.training.networks import Lanes, Shape, network
from compressor.training.optimiser import OptimiserState, averaged, optimiser
from models.network.lm import Params
from models.network.precision import FULL_BITS, coarsen


class Teacher(NamedTuple):
    """A trained network whose distribution is part of the target.

    Hinton, Vinyals, Dean 2015, section 2, at temperature 1.
    """

    model: Shape
    params: Params


@dataclasses.dataclass(frozen=True)
class Start:
    """What a run begins with, beside its text and its settings."""

    params: Params | None = None
    """Those of another run; None: fresh ones from the seed."""
    teacher: Teacher | None = None
    record: Record | None = None
    """What the memory said of the text, where the mixture with it is trained."""
    resume: bool = False
    """Whether the run goes on from the last checkpoint in its folder, where there is one."""


FRESH = Start()
"""A run that begins with nothing but its text and settings."""


class TrainState(NamedTuple):
    """All that a resumed run needs; with a teacher, the lanes are a pair: student's, teacher's."""

    params: Params
    optimiser: OptimiserState
    lanes: Lanes
    step: jax.Array


Step = Callable[[TrainState, np.ndarray | Window], tuple[TrainState, jax.Array]]
"""Takes a state and a window, returns the next state and the mean bits/char of the window."""


def byte_bits(logits: jax.Array, came: jax.Array) -> jax.Array:
    """Bits of each byte that came, (t, b), by the logits (t, b, 256) before it."""
    labels = came.astype(jnp.int32)
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels) / math.log(2)


def nats_of(logits: jax.Array, text: jax.Array) -> jax.Array:
    """Mean nats a byte of text[1:] by the logits (t, b, 256) after each byte of text[:-1]."""
    labels = text[1:].astype(jnp.int32)
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))


def cross_entropy(
    model: Shape, params: Params, text: jax.Array, lanes: Lanes
) -> tuple[jax.Array, Lanes]:
    """Mean nats a byte of text[1:] given text[:-1], and the lanes after; text (t + 1, b) uint8."""
    logits, lanes = network(model).sequence(params, text[:-1], lanes)
    return nats_of(logits, text), lanes


def objective(
    model: Shape,
    params: Params,
    text: jax.Array | Window,
    lanes: Lanes,
    teacher: Teacher | None = None,
    share: float = 0.0,
) -> tuple[jax.Array, tuple[jax.Array, Lanes]]:
    """What is minimised, then (mean nats a byte of the text, lanes after the window).

    The nats are those of the network alone or, where the window says what the memory does, of the
    mixture. A teacher's distribution is the given share of the target.
    """
    if isinstance(text, Window):
        logits, lanes = network(model).sequence(params, text.text[:-1], lanes)
        nats = mixture_nats(logits, text)
        return nats, (nats, lanes)
    if teacher is None:
        nats, lanes = cross_entropy(model, params, text, lanes)
        return nats, (nats, lanes)
    own, others = lanes
    logits, own = network(model).sequence(params, text[:-1], own)
    target, others = network(teacher.model).sequence(teacher.params, text[:-1], others)
    nats = nats_of(logits, text)
    distribution = jax.nn.softmax(jax.lax.stop_gradient(target))
    distance = jnp.mean(optax.softmax_cross_entropy(logits, distribution))
    return (1 - share) * nats + share * distance, (nats, (own, others))


def _initial_lanes(model: Shape, lanes: int, teacher: Teacher | None) -> Lanes:
    own = network(model).initial_state(lanes)
    return own if teacher is None else (own, network(teacher.model).initial_state(lanes))


def warm_lanes(config: TrainConfig, step: jax.Array, turns: int | None) -> jax.Array:
    """Which lanes keep their state in this step: (lanes,) bool.

    A lane starts cold at random and, with a record, where other lanes of it have their turn.
    """
    key = jax.random.fold_in(jax.random.key(config.seed), step)
    warm = jax.random.uniform(key, (config.lanes,)) >= config.window / config.cold_start_bytes
    return warm if turns is None else warm & (step % turns != 0)


def forget(lanes: Lanes, warm: jax.Array) -> Lanes:
    """The lanes' state, zero where a lane starts cold."""

    def kept(x: jax.Array) -> jax.Array:
        mask = warm.astype(x.dtype)
        return x * (mask[:, None] if x.ndim > 1 else mask)

    return jax.tree.map(kept, lanes)


def _gradients(
    model: Shape,
    config: TrainConfig,
    mesh: Mesh,
    teacher: Teacher | None,
    bits: float,
    shares: PartitionSpec | Window,
) -> Callable[..., tuple[jax.Array, Params, Lanes]]:
    """(params, teacher's params, text, lanes) -> mean nats, gradients, lanes after the window.

    Each device computes its own lanes, ``shares`` of the text. Means over devices are means over
    lanes, since every device has equally many.
    """

    def of_a_device(
        params: Params, taught: Params, text: jax.Array | Window, lanes: Lanes
    ) -> tuple[jax.Array, Params, Lanes]:
        master = None if teacher is None else Teacher(teacher.model, taught)

        def minimised(params: Params) -> tuple[jax.Array, tuple[jax.Array, Lanes]]:
            coarse = coarsen(params, bits)
            return objective(model, coarse, text, lanes, master, config.distillation)

        (_, (nats, after)), gradients = jax.value_and_grad(minimised, has_aux=True)(params)
        nats, gradients = jax.lax.pmean((nats, gradients), devices.AXIS)
        return nats, gradients, after

    whole = PartitionSpec()
    by_lane = devices.by_lane(jax.eval_shape(lambda: _initial_lanes(model, config.lanes, teacher)))
    return jax.shard_map(
        of_a_device,
        mesh=mesh,
        in_specs=(whole, whole, shares, by_lane),
        out_specs=(whole, whole, by_lane),
        check_vma=False,  # the means above are over devices already
    )


def make_step(
    model: Shape,
    config: TrainConfig,
    mesh: Mesh | None = None,
    start: Start = FRESH,
    bits: float = FULL_BITS,
) -> Step:
    """The jitted optimiser step on a grid of weights; the lanes are shared out over the mesh.

    Its windows are text (t + 1, b) uint8 or, with a record of the memory, those of the record.
    """
    mesh = mesh or devices.mesh(config.lanes)
    transform = optimiser(config)
    record, teacher = start.record, start.teacher
    shares = devices.TEXT if record is None else Window(devices.TEXT, devices.BITS, devices.BITS)
    turns = None if record is None else record.turns(config.window)
    gradients_of = _gradients(model, config, mesh, teacher, bits, shares)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(
        state: TrainState, text: jax.Array | Window, taught: Params
    ) -> tuple[TrainState, jax.Array]:
        lanes = forget(state.lanes, warm_lanes(config, state.step, turns))
        nats, gradients, lanes = gradients_of(state.params, taught, text, lanes)
        updates, after = transform.update(gradients, state.optimiser, state.params)
        params = optax.apply_updates(state.params, updates)
        return TrainState(params, after, lanes, state.step + 1), nats / math.log(2)

    taught: Params = {}
    if teacher is not None:
        taught = devices.put(mesh, teacher.params, devices.everywhere(teacher.params))
    return lambda state, text: step(state, devices.put(mesh, text, shares), taught)


def fresh_state(
    model: Shape, config: TrainConfig, mesh: Mesh | None = None, start: Start = FRESH
) -> TrainState:
    """The state before the first step, with fresh parameters or those given."""
    mesh = mesh or devices.mesh(config.lanes)
    if start.params is None:  # compiled as one: its operations by themselves take far longer
        params = jax.jit(network(model).initialise)(config.seed)
    else:
        params = jax.tree.map(jnp.asarray, start.params)
    after = jax.jit(optimiser(config).init)(params)
    lanes = _initial_lanes(model, config.lanes, start.teacher)
    state = TrainState(params, after, lanes, jnp.zeros((), jnp.int32))
    specs = devices.everywhere(state)._replace(lanes=devices.by_lane(lanes))
    return devices.put(mesh, state, specs)


def result(config: TrainConfig, state: TrainState) -> Params:
    """The parameters that a run is for: averaged where an average is kept, on the finish's grid."""
    average = averaged(state.optimiser)
    params = devices.local(state.params if average is None else average)
    return coarsen(params, config.bits_at(int(devices.local(state.step))))
