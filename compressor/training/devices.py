"""Training over every device: lanes are shared out, parameters are copied, gradients are averaged.

One mesh axis, over all devices of all processes; JAX's own sharding does the rest. A lane lives on
one device for the whole run, since its state carries from window to window.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from coding.errors import KolmozipError

AXIS = "lanes"
"""The mesh's one axis."""

Tree: TypeAlias = Any
"""Nested arrays or partition specs: what JAX calls a pytree and types no further."""


class DeviceError(KolmozipError):
    """The devices cannot do what was asked; the text names the remedy."""


def join(coordinator: str, processes: int, process: int) -> None:
    """Makes this process one of several that train together, before JAX sees its devices.

    Raises DeviceError where its number is none of theirs, or the others cannot be reached.
    """
    if not 0 <= process < processes:
        raise DeviceError(f"--process {process} of {processes}: number them 0 to {processes - 1}")
    try:
        jax.distributed.initialize(coordinator, processes, process)
    except (RuntimeError, ValueError) as error:
        raise DeviceError(
            f"no connection to the other processes at {coordinator} ({error}): "
            "check address and port"
        ) from error


def mesh(lanes: int) -> Mesh:
    """All devices in a row. Raises DeviceError where they cannot share the lanes evenly."""
    devices = jax.devices()
    if lanes % len(devices):
        raise DeviceError(
            f"{lanes} lanes cannot be shared by {len(devices)} devices: use a multiple with --lanes"
        )
    return Mesh(np.array(devices), (AXIS,))


def everywhere(tree: Tree) -> Tree:
    """Partition specs of what each device holds whole."""
    return jax.tree.map(lambda _: PartitionSpec(), tree)


def by_lane(tree: Tree) -> Tree:
    """Partition specs of what is shared out by lanes.

    Lanes are the only axis of a vector and the last axis but one of everything else.
    """
    return jax.tree.map(lambda x: PartitionSpec(*[None] * max(0, x.ndim - 2), AXIS), tree)


TEXT = PartitionSpec(None, AXIS)
"""A window of text is (t + 1, lanes)."""
BITS = PartitionSpec(None, None, AXIS)
"""What the memory says of the bits of a window is (t, 8, lanes)."""


def put(mesh: Mesh, tree: Tree, specs: Tree) -> Tree:
    """Arrays that every process holds whole -> global arrays, each device with its part."""

    def place(x: np.ndarray | jax.Array, spec: PartitionSpec) -> jax.Array:
        whole = np.asarray(x)
        return jax.make_array_from_callback(
            whole.shape, NamedSharding(mesh, spec), lambda index: whole[index]
        )

    return jax.tree.map(place, tree, specs)


def local(tree: Tree) -> Tree:
    """Copies of arrays that every device holds whole, to compute with in this process alone."""
    return jax.tree.map(lambda x: x.addressable_data(0) if isinstance(x, jax.Array) else x, tree)


AGREEMENT_STEPS = 10
"""Steps after which several processes agree on what to do; doing so holds up their devices."""


def agreed(step: int, *wishes: bool) -> list[bool]:
    """For each wish whether some process has it; every process gets the same answer.

    Clocks and signals are a process's own, but none can stop or save without the others: one that
    did would wait for them in a checkpoint, and they for it in a step. Between the steps at which
    several processes agree, all wishes are refused.
    """
    if jax.process_count() == 1:
        return list(wishes)
    if step % AGREEMENT_STEPS:
        return [False] * len(wishes)
    everyone = multihost_utils.process_allgather(np.array(wishes))
    return [bool(wish) for wish in np.any(everyone, axis=0)]
