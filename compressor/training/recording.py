"""Records what the memory says of a training text, with a network that is trained already."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from compressor.system.progress import bar
from compressor.training.metering import metered, rates
from compressor.training.mixture import (
    FACTS,
    LOGIT_UNIT,
    MEMORY_LOGIT,
    NETWORK_WEIGHT,
    TEXT,
    WEIGHT_UNIT,
    Record,
    open_record,
)
from compressor.training.networks import Shape
from data.lanes import lane_count, to_columns
from models.memory.memory import Contexts, Memory, Prediction
from models.network.lm import Params


class _Recorded(Memory):
    """A memory that writes into a record what it says of each bit."""

    def __init__(self, columns: np.ndarray, record: Record) -> None:
        super().__init__(columns)
        self._record, self._bits = record, 0

    def predict(self, contexts: Contexts, zero: np.ndarray, node: np.ndarray) -> Prediction:
        """As ``Memory.predict``."""
        prediction = super().predict(contexts, zero, node)
        at = divmod(self._bits, 8)
        logit = np.rint(prediction.memory_logit * (2.0**-22 / LOGIT_UNIT))
        weight = np.rint(prediction.network_weight * (2.0**-14 / WEIGHT_UNIT))
        self._record.memory_logit[at] = np.clip(logit, -(1 << 15), (1 << 15) - 1)
        self._record.network_weight[at] = np.clip(weight, 0, 255)
        self._bits += 1
        return prediction


def rotated(text: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The text with lanes that begin where ``seed`` records of ``count`` bytes each have ended."""
    return np.roll(text, -seed * (count // lane_count(text.size)))


def record(
    model: Shape, params: Params, text: np.ndarray, count: int, folder: Path, quiet: bool
) -> Record:
    """Codes the first bytes of all lanes of a text, and keeps in a folder what the memory said.

    ``count`` bytes in all, or a few less; 24 bytes of disk for each. What a folder holds already is
    taken as it is.
    """
    if (kept := open_record(folder)) is not None:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    lanes = lane_count(text.size)
    rows = max(1, min(text.size, count) // lanes)
    columns = np.ascontiguousarray(to_columns(text, lanes)[:rows])
    np.save(folder / TEXT, columns)
    shape = (len(columns), 8, lanes)
    made = Record(
        columns,
        np.lib.format.open_memmap(folder / MEMORY_LOGIT, "w+", np.int16, shape),
        np.lib.format.open_memmap(folder / NETWORK_WEIGHT, "w+", np.uint8, shape),
    )
    with bar(columns.size, "record", quiet) as progress:
        memory = _Recorded(columns, made)
        mixture, alone = metered(model, params, columns, columns.size, progress, memory)
    facts = {"bytes": columns.size, **rates(mixture, alone, columns.size)}
    (folder / FACTS).write_text(json.dumps(facts) + "\n")
    return made
