"""Records what the memory says of a training text, beside a network that is trained already (compressor/beside.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from compressor.system.progress import bar
from compressor.training.metering import metered, rates
from compressor.training.mixture import (
    FACTS,
    TEXT,
    TRUST,
    TRUST_UNIT,
    VOICE,
    VOICE_UNIT,
    Record,
    open_record,
)
from data.lanes import lane_count, to_columns
from models.memory.memory import Memory


class _Listened(Memory):
    """A memory that writes down what it says."""

    def __init__(self, columns: np.ndarray, record: Record) -> None:
        super().__init__(columns)
        self._record, self._at = record, 0

    def predict(self, zero: np.ndarray, node: np.ndarray) -> np.ndarray:
        """As ever."""
        refined = super().predict(zero, node)
        step, bit = divmod(self._at, 8)
        in_units = np.rint(self.voice * (2.0**-22 / VOICE_UNIT))
        self._record.voice[step, bit] = np.clip(in_units, -(1 << 15), (1 << 15) - 1)
        self._record.trust[step, bit] = np.clip(
            np.rint(self.trust * (2.0**-14 / TRUST_UNIT)), 0, 255
        )
        self._at += 1
        return refined


def turned(text: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The text turned so that lanes begin where ``seed`` records of ``count`` bytes each end: each seed has its own text."""
    return np.roll(text, -seed * (count // lane_count(text.size)))


def record(
    model: Any, params: Any, text: np.ndarray, count: int, folder: Path, quiet: bool
) -> Record:
    """Codes the first bytes of all lanes of a text, ``count`` in all or a few less, and keeps what the memory said in a folder.

    Takes 24 bytes of disk for each byte. What a folder holds already is taken as it is.
    """
    if (kept := open_record(folder)) is not None:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    lanes = lane_count(text.size)
    columns = np.ascontiguousarray(
        to_columns(text, lanes)[: max(1, min(text.size, count) // lanes)]
    )
    np.save(folder / TEXT, columns)
    shape = (len(columns), 8, lanes)
    made = Record(
        columns,
        np.lib.format.open_memmap(folder / VOICE, "w+", np.int16, shape),
        np.lib.format.open_memmap(folder / TRUST, "w+", np.uint8, shape),
    )
    with bar(columns.size, "record", quiet) as progress:
        mixture, alone = metered(
            model, params, columns, columns.size, progress, _Listened(columns, made)
        )
    facts = {"bytes": columns.size, **rates(mixture, alone, columns.size)}
    (folder / FACTS).write_text(json.dumps(facts) + "\n")
    return made
