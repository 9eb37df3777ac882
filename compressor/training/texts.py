"""What a run reads: training and validation text."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from compressor.errors import InputMissing
from data.corpora import CORPORA, load
from data.splits import split


@dataclasses.dataclass(frozen=True)
class Texts:
    """Bytes to train on and bytes to evaluate on, uint8; ``corpus`` is the name for the card."""

    corpus: str
    train: np.ndarray
    valid: np.ndarray


def load_texts(name: str) -> Texts:
    """The texts of a corpus by name, or of a file.

    Of a file the first 90 % are trained on, the next 5 % validate; the rest is left for tests.
    Raises InputMissing, and what loading a corpus raises.
    """
    if name in CORPORA:
        text = load(name)
        return Texts(name, split(text, "train"), split(text, "valid"))
    if not Path(name).is_file():
        raise InputMissing(
            f"{name} is neither a corpus ({', '.join(CORPORA)}) nor a file: check the name"
        )
    text = np.fromfile(name, np.uint8)
    first, second = text.size * 90 // 100, text.size * 95 // 100
    return Texts(Path(name).name, text[:first], text[first:second])
