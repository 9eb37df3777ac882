"""Training beside the memory: the loss is that of the mixture which files are coded with.

What the memory says of a text hardly depends on the network, so it is recorded once, with a network
that is trained already (``recording``), and held fixed: the network then learns what the memory
leaves open. Products of experts trained one after the other, as in boosting (Friedman, Hastie,
Tibshirani 2000, section 4: additive terms of a logistic model).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from compressor.training.config import TrainingError

LOGIT_UNIT = 1 / 256
"""Unit of recorded memory logits, in bits."""
WEIGHT_UNIT = 1 / 64
"""Unit of recorded network weights."""
LOGIT_LIMIT = 15.0
"""Clip of the network's logit in nats: counts of 2^22 cannot express more (22 ln 2 = 15.2)."""

FACTS = "record.json"
"""Size and bits/char of a record, written last: without it the record is not finished."""
TEXT, MEMORY_LOGIT, NETWORK_WEIGHT = "text.npy", "memory_logit.npy", "network_weight.npy"
"""The arrays of a record."""


class Window(NamedTuple):
    """A training window with what the memory says of each bit of its bytes but the first.

    Arrays of NumPy or JAX, or what stands for them in JAX's trees.
    """

    text: Any
    """(t + 1, b) uint8"""
    memory_logit: Any
    """(t, 8, b) int16: the memory's part of the mixture's logit, in LOGIT_UNIT; high bit first."""
    network_weight: Any
    """(t, 8, b) uint8: the weight of the network's logit in the mixture, in WEIGHT_UNIT."""


class Record(NamedTuple):
    """Text in the lanes of a coded file, and what its memory said of each bit, as in Window."""

    text: np.ndarray
    """(steps, lanes) uint8"""
    memory_logit: np.ndarray
    """(steps, 8, lanes) int16"""
    network_weight: np.ndarray
    """(steps, 8, lanes) uint8"""

    def turns(self, length: int) -> int:
        """Windows of ``length`` bytes that a group of lanes reads in a turn, from a cold start."""
        return (len(self.text) - 1) // length

    def window(self, lanes: int, length: int, step: int) -> Window:
        """The step-th window, a function of the step alone; every (all / lanes)-th lane is in it.

        Raises TrainingError where the record is shorter than a window, or its lanes do not fall
        into groups of ``lanes``.
        """
        turns, groups = self.turns(length), self.text.shape[1] // lanes
        if turns == 0 or self.text.shape[1] % lanes:
            rows, columns = self.text.shape
            raise TrainingError(
                f"a record of {columns} lanes of {rows} bytes has no windows of {length} bytes "
                f"in {lanes} lanes: train on more bytes, with a power of two of lanes"
            )
        chosen = slice(step // turns % groups, None, groups)
        first = step % turns * length
        rows_said = slice(first + 1, first + length + 1)
        return Window(
            self.text[first : first + length + 1, chosen],
            self.memory_logit[rows_said, :, chosen],
            self.network_weight[rows_said, :, chosen],
        )


def open_record(folder: Path) -> Record | None:
    """The record in a folder, read as it is needed; None where there is none that was finished."""
    if not (folder / FACTS).is_file():
        return None
    names = (TEXT, MEMORY_LOGIT, NETWORK_WEIGHT)
    return Record(*(np.load(folder / name, mmap_mode="r") for name in names))


def mixture_nats(logits: jax.Array, window: Window) -> jax.Array:
    """Mean nats a byte by the mixture of the logits (t, b, 256) with the memory, bit by bit.

    The mixture's logit is memory_logit + network_weight * logit of the network, as ``recording``
    has it; the adaptive probability maps after that are left out.
    """
    symbol = window.text[1:].astype(jnp.int32)
    total = jnp.zeros(symbol.shape, jnp.float32)
    for k, pair in enumerate(at_nodes(logits, symbol, jnp.logaddexp)):
        logit = jnp.clip(pair[..., 1] - pair[..., 0], -LOGIT_LIMIT, LOGIT_LIMIT)
        mixture = window.network_weight[:, k] * WEIGHT_UNIT * logit + window.memory_logit[
            :, k
        ] * LOGIT_UNIT * math.log(2)
        bit = (symbol >> (7 - k)) & 1
        total += jax.nn.softplus(mixture * (1 - 2 * bit))
    return jnp.mean(total)


def at_nodes(
    values: jax.Array, symbol: jax.Array, join: Callable[[jax.Array, jax.Array], jax.Array]
) -> list[jax.Array]:
    """For each bit of the symbols, high bit first: what a 0 and a 1 have there, (t, b, 2).

    ``values`` (t, b, 256) are those of all bytes, of which ``join`` makes the value of two
    together; ``symbol`` (t, b) int32.
    """
    pairs = []
    for k in range(7, -1, -1):
        pair = values.reshape(*values.shape[:-1], -1, 2)
        place = (symbol >> (8 - k))[..., None, None]
        pairs.append(jnp.take_along_axis(pair, place, axis=-2)[..., 0, :])
        values = join(pair[..., 0], pair[..., 1])
    return pairs[::-1]
