"""Records what the memory says of a training text, with a network that is trained already.

What it says goes through two layers of mixing and then through probability maps. The record holds
what the first two make of a bit: to first order in the network's logit, the final sum is the
network's logit times its *weight*, which is the sum over all sets of rows of the set's weight in
the final row times that of the network in the row, and a rest that is the memory's. A set whose
stretch is at its limit adds nothing to the weight. The maps after that are left out.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from coding.container import MAX_BLOCK
from compressor.codec import engines
from compressor.codec.levels import LEVELS
from compressor.codec.seams import Progress, Recipe
from compressor.system.progress import bar
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.metering import mixed, rates
from compressor.training.mixture import (
    FACTS,
    MEMORY_LOGIT,
    NETWORK_WEIGHT,
    TEXT,
    Record,
    open_record,
)
from compressor.training.networks import Shape
from data.lanes import to_columns
from models.network.lm import Params


def excerpt(text: np.ndarray, config: TrainConfig) -> tuple[np.ndarray, Recipe]:
    """The lanes of a text that are recorded, (steps, lanes) uint8, and the recipe of each block.

    They are ``config.total_bytes`` in all, or a few less; a longer run reads them again. Raises
    TrainingError where there is no text, or not enough of it.
    """
    if text.size == 0:
        raise TrainingError("a text of 0 bytes has nothing to record: train on more text")
    size = min(text.size, config.total_bytes)
    return _short_blocks(text, size, config) if config.record_block else _block(text, size, config)


def _block(text: np.ndarray, size: int, config: TrainConfig) -> tuple[np.ndarray, Recipe]:
    """One block, of a block's most bytes at most: the first bytes of all lanes of the text.

    Lanes are those of the level that is recorded, or of the run where those are more, and begin
    where ``config.seed`` records of as many bytes each have ended.
    """
    level, size = LEVELS[config.record_level], min(size, MAX_BLOCK)
    recipe = level.in_lanes(max(level.lanes, config.lanes)).recipe(size)
    steps = size // recipe.lanes
    rotated = np.roll(text, -config.seed * steps)
    return np.ascontiguousarray(to_columns(rotated, recipe.lanes)[:steps]), recipe


def _short_blocks(text: np.ndarray, size: int, config: TrainConfig) -> tuple[np.ndarray, Recipe]:
    """Blocks of ``config.record_block`` bytes from all over the text, the lanes of all in a row.

    Each begins with a fresh memory, as files of that length do, in its level's lanes. The
    next seed's begin where these have ended.
    """
    recipe = LEVELS[config.record_level].recipe(config.record_block)
    lanes, length = recipe.lanes, config.record_block - config.record_block % recipe.lanes
    together = math.lcm(lanes, config.lanes) // lanes
    count = size // length // together * together
    if count == 0:
        raise TrainingError(
            f"{size:,} bytes are fewer than {together} blocks of {length:,}, whose lanes make "
            f"{config.lanes}: train on more text, or record shorter blocks"
        )
    starts = np.arange(count) * (text.size // count) + config.seed * length
    places = (starts[:, None] + np.arange(length)) % text.size
    columns = [to_columns(text[at], lanes) for at in places]
    return np.concatenate(columns, axis=1), recipe


def record(
    model: Shape,
    params: Params,
    text: np.ndarray,
    config: TrainConfig,
    folder: Path,
    quiet: bool,
) -> Record:
    """Codes an excerpt of a text, and keeps in a folder what the memory said.

    It takes 25 bytes of disk for each byte. What a folder holds already is taken as it is. Raises
    NoEngine and StaleEngine where there is no native engine, and TrainingError.
    """
    if (kept := open_record(folder)) is not None:
        return kept
    engines.chosen("native")
    columns, recipe = excerpt(text, config)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / TEXT, columns)
    shape = (len(columns), 8, columns.shape[1])
    made = Record(
        columns,
        np.lib.format.open_memmap(folder / MEMORY_LOGIT, "w+", np.int16, shape),
        np.lib.format.open_memmap(folder / NETWORK_WEIGHT, "w+", np.uint8, shape),
    )
    mixture = alone = 0.0
    with bar(columns.size, "record", quiet) as progress:
        for first in range(0, columns.shape[1], recipe.lanes):
            lanes = slice(first, first + recipe.lanes)
            bits = _record_block(model, params, made, lanes, recipe, progress)
            mixture, alone = mixture + bits[0], alone + bits[1]
    facts = {"bytes": columns.size, **rates(mixture, alone, columns.size)}
    (folder / FACTS).write_text(json.dumps(facts) + "\n")
    return made


def _record_block(
    model: Shape,
    params: Params,
    made: Record,
    lanes: slice,
    recipe: Recipe,
    progress: Progress,
) -> tuple[float, float]:
    """Fills some lanes of a record, which are a block; returns its bits, mixed and alone."""
    shape = (-1, 8, recipe.lanes)
    done = 0

    def take(count: int, memory_logit: bytes, network_weight: bytes) -> None:
        nonlocal done
        rows = slice(done, done + count // recipe.lanes)
        said = np.frombuffer(memory_logit, "<i2").reshape(shape)
        made.memory_logit[rows, :, lanes] = said
        weights = np.frombuffer(network_weight, np.uint8).reshape(shape)
        made.network_weight[rows, :, lanes] = weights
        done = rows.stop
        progress(count)

    block = np.ascontiguousarray(made.text[:, lanes].T).ravel()
    return mixed(model, params, block, recipe, take)
