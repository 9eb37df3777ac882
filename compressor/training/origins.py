"""Networks that are trained already, which a run begins with or learns from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from compressor.codec.model import by_name
from compressor.codec.weights_store import SUFFIX
from compressor.errors import UnknownModel
from compressor.training.checkpoints import trained
from compressor.training.folder import settings_in
from compressor.training.networks import Shape
from models.network.lm import Params
from models.network.quantise import dequantise


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained network."""

    name: str
    shape: Shape
    params: Params
    bytes_seen: int
    """Bytes of text it was trained on; 0 where nothing tells."""


def find(source: str) -> Trained:
    """The network in the folder of a run, or of a weights file by its path or its model's name.

    A run has parameters in full precision, a weights file those of its grid, on which training goes
    on all the same. Raises TrainingError, UnknownModel, AmbiguousModel, UnusableWeights.
    """
    folder = Path(source)
    if folder.is_dir():
        shape, params = trained(folder)
        return Trained(name_of(source), shape, params, settings_in(folder).bytes_seen)
    try:
        model = by_name(source)
    except UnknownModel as error:
        raise UnknownModel(f"{error}, or the folder of a run") from error
    seen = model.card.get("train_bytes_seen")
    count = seen if isinstance(seen, int) else 0
    return Trained(model.name, model.weights.config, dequantise(model.weights), count)


def name_of(source: str) -> str:
    """What a card calls it."""
    return Path(source).resolve().name.removesuffix(SUFFIX)
