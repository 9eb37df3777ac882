"""Training beside the memory: the loss of the mixture that a file is coded with, not of the network alone.

What the memory says of a text hardly depends on the network, so it is recorded once, with a network that is trained already
(compressor/recording.py), and held fixed: the network then learns what the memory leaves open. Products of experts trained one
after the other, as in boosting (Friedman, Hastie, Tibshirani 2000, section 4: additive terms of a logistic model).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

VOICE_UNIT = 1 / 256
"""Of a recorded voice, in bits."""
TRUST_UNIT = 1 / 64
SURE = 15.0
"""Nats; no further does the coded network go, whose counts are of 2^22."""
FACTS, TEXT, VOICE, TRUST = "record.json", "text.npy", "voice.npy", "trust.npy"
"""Files of a record's folder; the first is written last."""


class Window(NamedTuple):
    """A training window with what the memory says of each bit of its bytes but the first: arrays of NumPy or JAX."""

    text: Any
    """(t + 1, b) uint8"""
    voice: Any
    """(t, 8, b) int16: the memory's part of the mixture's stretch, in VOICE_UNIT, most significant bit first."""
    trust: Any
    """(t, 8, b) uint8: weight of the network's stretch, in TRUST_UNIT."""


class Record(NamedTuple):
    """Text in the lanes of a coded file, (steps, lanes), and what its memory said, (steps, 8, lanes); units as in Window."""

    text: np.ndarray
    voice: np.ndarray
    trust: np.ndarray

    def turns(self, length: int) -> int:
        """Windows of so many bytes that follow each other before other lanes have their turn, from a cold start."""
        return (len(self.text) - 1) // length

    def window(self, lanes: int, length: int, step: int) -> Window:
        """The step-th window, a function of the step alone; every (all / lanes)-th lane is in it.

        Raises ValueError where the record is shorter than a window or its lanes cannot be shared out so.
        """
        turns, groups = self.turns(length), self.text.shape[1] // lanes
        if turns == 0 or self.text.shape[1] % lanes:
            raise ValueError(
                f"a record of {self.text.shape} bytes has no windows of {length} bytes in {lanes} lanes"
            )
        chosen = slice(step // turns % groups, None, groups)
        first = step % turns * length
        said = slice(first + 1, first + length + 1)
        return Window(
            self.text[first : first + length + 1, chosen],
            self.voice[said, :, chosen],
            self.trust[said, :, chosen],
        )


def open_record(folder: Path) -> Record | None:
    """The record in a folder, read as it is needed; None where there is none that was finished."""
    if not (folder / FACTS).is_file():
        return None
    return Record(*(np.load(folder / name, mmap_mode="r") for name in (TEXT, VOICE, TRUST)))


def mixture_nats(logits: jax.Array, window: Window) -> jax.Array:
    """Mean nats a byte by the mixture of the logits (t, b, 256) with the memory's voice, over the eight bits of each byte.

    The mixture's stretch is voice + trust * stretch of the network, as in ``models.memory.memory``; its refinement after that
    (the ladders) is left out.
    """
    symbol = window.text[1:].astype(jnp.int32)
    level, pairs = logits, []
    for _ in range(8):
        pair = level.reshape(*level.shape[:-1], -1, 2)
        pairs.append(pair)
        level = jnp.logaddexp(pair[..., 0], pair[..., 1])
    total = jnp.zeros(symbol.shape, jnp.float32)
    for k, pair in enumerate(reversed(pairs)):
        zero, one = jnp.moveaxis(
            jnp.take_along_axis(pair, (symbol >> (8 - k))[..., None, None], axis=-2)[..., 0, :],
            -1,
            0,
        )
        network = jnp.clip(one - zero, -SURE, SURE)
        stretch = window.trust[:, k] * TRUST_UNIT * network + window.voice[:, k] * (
            VOICE_UNIT * math.log(2)
        )
        total += jax.nn.softplus(stretch * (1 - 2 * ((symbol >> (7 - k)) & 1)))
    return jnp.mean(total)
