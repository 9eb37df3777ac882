"""Records what the memory says of a training text, with a network that is trained already.

What it says goes through two layers of mixing and then through probability maps. The record holds
what the first two make of a bit: to first order in the network's logit, the final sum is the
network's logit times its *weight*, which is the sum over all sets of rows of the set's weight in
the final row times that of the network in the row, and a rest that is the memory's. A set whose
stretch is at its limit adds nothing to the weight. The maps after that are left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from coding.container import MAX_BLOCK
from compressor.codec import engines
from compressor.codec.levels import DEFAULT, LEVELS
from compressor.codec.seams import Recipe
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
    """The first bytes of all lanes of a text, and the recipe that they are a block of.

    They are ``config.total_bytes`` in all, or a few less, and a block's at most; a longer run reads
    them again. Lanes are those of the default level, or of the run where those are more, and begin
    where ``config.seed`` records of as many bytes each have ended. (steps, lanes) uint8. Raises
    TrainingError where there is no text.
    """
    if text.size == 0:
        raise TrainingError("a text of 0 bytes has nothing to record: train on more text")
    level = LEVELS[DEFAULT]
    size = min(text.size, config.total_bytes, MAX_BLOCK)
    recipe = level.in_lanes(max(level.lanes, config.lanes)).recipe(size)
    steps = size // recipe.lanes
    rotated = np.roll(text, -config.seed * steps)
    return np.ascontiguousarray(to_columns(rotated, recipe.lanes)[:steps]), recipe


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
    shape = (len(columns), 8, recipe.lanes)
    made = Record(
        columns,
        np.lib.format.open_memmap(folder / MEMORY_LOGIT, "w+", np.int16, shape),
        np.lib.format.open_memmap(folder / NETWORK_WEIGHT, "w+", np.uint8, shape),
    )
    done = 0
    with bar(columns.size, "record", quiet) as progress:

        def take(count: int, memory_logit: bytes, network_weight: bytes) -> None:
            nonlocal done
            rows = slice(done, done + count // recipe.lanes)
            made.memory_logit[rows] = np.frombuffer(memory_logit, "<i2").reshape(-1, *shape[1:])
            made.network_weight[rows] = np.frombuffer(network_weight, np.uint8).reshape(
                -1, *shape[1:]
            )
            done = rows.stop
            progress(count)

        block = np.ascontiguousarray(columns.T).ravel()
        mixture, alone = mixed(model, params, block, recipe, take)
    facts = {"bytes": columns.size, **rates(mixture, alone, columns.size)}
    (folder / FACTS).write_text(json.dumps(facts) + "\n")
    return made
