"""What a person sees of a run: validation text coloured by its cost, and a curve of characters."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
import jax.numpy as jnp
import numpy as np

from compressor.training import step
from compressor.training.networks import Shape, network
from models.network.lm import Params

SHOWN = 240
"""Bytes of validation text that are shown."""
BEFORE = 256
"""Bytes that the network reads before those."""
CURVE = 60
"""Points of a curve at most."""
BLOCKS = "▁▂▃▄▅▆▇█"
CHEAP, DEAR = (60, 160, 90), (220, 60, 40)
"""Colours, as red, green and blue, of a byte that costs nothing and of one of DEAREST bits."""
DEAREST = 8.0


def is_wanted(quiet: bool) -> bool:
    """Whether there is a terminal to show colours in, and nobody asked for less."""
    shows = sys.stderr is not None and sys.stderr.isatty()
    return shows and not quiet and "NO_COLOR" not in os.environ


def byte_bits(model: Shape, params: Params, text: np.ndarray) -> np.ndarray:
    """Bits of each byte of text[1:], by the float network alone in one lane; text (n,) uint8."""
    columns = jnp.asarray(text[:, None])
    state = network(model).initial_state(1)
    logits, _ = network(model).sequence(params, columns[:-1], state)
    return np.asarray(step.byte_bits(logits, columns[1:])[:, 0], np.float64)


def coloured(text: bytes, bits: Sequence[float] | np.ndarray) -> str:
    """The text on one line, each byte in the colour of its bits; what is no ASCII is a dot."""
    parts = []
    for byte, cost in zip(text, bits, strict=True):
        share = min(max(cost / DEAREST, 0.0), 1.0)
        low, high = CHEAP, DEAR
        red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
        shown = chr(byte) if 32 <= byte < 127 else "\N{MIDDLE DOT}"
        parts.append(click.style(shown, fg=(red, green, blue)))
    return "".join(parts)


def curve(values: Sequence[float]) -> str:
    """Values as blocks of a height each, the greatest the highest; means where they are many."""
    if not values:
        return ""
    parts = np.array_split(np.asarray(values, float), min(CURVE, len(values)))
    means = [float(part.mean()) for part in parts]
    least, most = min(means), max(means)
    steps = len(BLOCKS) - 1
    return "".join(
        BLOCKS[round((mean - least) / (most - least) * steps) if most > least else 0]
        for mean in means
    )


def lines(
    model: Shape, params: Params, valid: np.ndarray, done: int, bits: float, losses: Sequence[float]
) -> list[str]:
    """What is shown after an evaluation: figures, the training loss so far, and text.

    ``losses`` are the mean bits/char of the log's lines so far. Of tokens that are no bytes the
    figures alone are shown.
    """
    figures = f"step {done:,}: {bits:.4f} bits/char on validation text; training {curve(losses)}"
    if valid.dtype != np.uint8:
        return [figures]
    part = valid[: BEFORE + SHOWN]
    shown = min(SHOWN, part.size - 1)
    costs = byte_bits(model, params, part)[-shown:]
    return [
        figures,
        coloured(part[-shown:].tobytes(), costs),
    ]
