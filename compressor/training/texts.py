"""What a run reads: training and validation text."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np

from compressor.errors import InputMissing
from data.corpora import CORPORA, folder_named, load
from data.general.blend import blend
from data.splits import load_slice, split

GENERAL = "general"
"""The corpus that ``kolmozip corpus general`` gathers, with enwik8's training part in between."""

VALID_BYTES = 5_000_000
"""Bytes of its development part that validate: documents stand in the order of chance there."""


@dataclasses.dataclass(frozen=True)
class Texts:
    """Bytes to train on and bytes to evaluate on, uint8; ``corpus`` is the name for the card.

    Networks over a larger vocabulary take tokens, uint16, in their place.
    """

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
    if name == GENERAL:
        return _general()
    if not Path(name).is_file():
        raise InputMissing(
            f"{name} is neither a corpus ({', '.join([*CORPORA, GENERAL])}) nor a file: "
            "check the name"
        )
    text = np.fromfile(name, np.uint8)
    first, second = text.size * 90 // 100, text.size * 95 // 100
    return Texts(Path(name).name, text[:first], text[first:second])


def _general() -> Texts:
    """The parts `train`, with enwik8 in between, and `development` of the gathered corpus.

    Raises InputMissing where it is not there.
    """
    folder = folder_named(GENERAL)
    text, index, valid = (
        f"general-{part}" for part in ("train.bin", "train.tsv", "development.bin")
    )
    if folder is None or not all((folder / part).is_file() for part in (text, index, valid)):
        raise InputMissing(
            f"the corpus {GENERAL} is not at hand: run `kolmozip corpus {GENERAL} "
            f"-o FOLDER/{GENERAL}` and set KOLMOZIP_CORPORA to FOLDER"
        )
    with io.StringIO((folder / index).read_text()) as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        starts = np.array([int(row["offset"]) for row in rows], np.int64)
    documents = np.fromfile(folder / text, np.uint8)
    train = blend(documents, starts, load_slice("train"))
    return Texts(GENERAL, train, np.fromfile(folder / valid, np.uint8, VALID_BYTES))
