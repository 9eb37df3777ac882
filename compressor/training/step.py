"""The jitted optimiser step over devices, and the state it carries."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, PartitionSpec

from compressor.training import devices
from compressor.training import mixture as beside
from compressor.training.config import TrainConfig, TrainingError, schedule
from compressor.training.mixture import Record, Window
from compressor.training.networks import Shape, network
from compressor.training.optimiser import averaged, optimiser
from models.network import lm
from models.network.precision import FULL_BITS, coarsen


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


def cross_entropy(
    model: Shape, params: lm.Params, text: jax.Array, lanes: Any
) -> tuple[jax.Array, Any]:
    """Mean nats a byte of text[1:] given text[:-1]; text (t + 1, b) uint8."""
    logits, lanes = network(model).sequence(model, params, text[:-1], lanes)
    return _nats(logits, text), lanes


def _nats(logits: jax.Array, text: jax.Array) -> jax.Array:
    """Mean nats a byte of text[1:] by the logits (t, b, 256) after each byte of text[:-1]."""
    return jnp.mean(
        optax.softmax_cross_entropy_with_integer_labels(logits, text[1:].astype(jnp.int32))
    )


def _objective(
    model: Shape,
    bits: float,
    share: float,
    teacher: Teacher | None,
    params: lm.Params,
    text: jax.Array | Window,
    lanes: Any,
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
    taught, teacher_lanes = network(teacher.model).sequence(
        teacher.model, teacher.params, text[:-1], lanes[1]
    )
    loss = _nats(logits, text)
    apart = jnp.mean(
        optax.softmax_cross_entropy(logits, jax.nn.softmax(jax.lax.stop_gradient(taught)))
    )
    return (1 - share) * loss + share * apart, (loss, (student_lanes, teacher_lanes))


def _forget(state: Any, keep: jax.Array) -> Any:
    """Lanes where keep is 0 return to the initial state."""
    return jax.tree.map(
        lambda x: x * (keep.astype(x.dtype)[:, None] if x.ndim > 1 else keep.astype(x.dtype)), state
    )


def _transform(config: TrainConfig) -> optax.GradientTransformation:
    try:
        return optimiser(
            schedule(config), config.weight_decay, config.clip, config.optimiser, config.average
        )
    except ValueError as error:
        raise TrainingError(str(error)) from error


def _first_lanes(model: Shape, lanes: int, teacher: Teacher | None) -> Any:
    own = network(model).initial_state(model, lanes)
    return (
        own
        if teacher is None
        else (own, network(teacher.model).initial_state(teacher.model, lanes))
    )


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
    def step(
        state: TrainState, text: jax.Array | Window, taught: lm.Params
    ) -> tuple[TrainState, jax.Array]:
        key = jax.random.fold_in(jax.random.key(config.seed), state.step)
        keep = jax.random.uniform(key, (config.lanes,)) >= config.window / config.cold_start_bytes
        if turns is not None:
            keep &= state.step % turns != 0  # other lanes have their turn
        loss, grads, lanes = over_devices(state.params, taught, text, _forget(state.lanes, keep))
        updates, opt = transform.update(grads, state.optimiser, state.params)
        return TrainState(
            optax.apply_updates(state.params, updates), opt, lanes, state.step + 1
        ), loss / math.log(2)

    taught = (
        {}
        if teacher is None
        else devices.put(mesh, teacher.params, devices.everywhere(teacher.params))
    )
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
    params = (
        network(model).initialise(model, config.seed)
        if start is None
        else jax.tree.map(jnp.asarray, start)
    )
    lanes = _first_lanes(model, config.lanes, teacher)
    state = TrainState(params, _transform(config).init(params), lanes, jnp.zeros((), jnp.int32))
    return devices.put(
        mesh, state, devices.everywhere(state)._replace(lanes=devices.by_lane(lanes))
    )


def result(config: TrainConfig, state: TrainState) -> lm.Params:
    """The parameters that a run is for: averaged where an average is kept, on the grid of the finish."""
    average = averaged(state.optimiser)
    return coarsen(
        devices.local(state.params if average is None else average),
        config.bits_at(int(devices.local(state.step))),
    )
