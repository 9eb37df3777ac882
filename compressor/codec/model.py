"""Weights loaded and ready to code with."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

from coding.errors import UnknownWeights
from compressor.codec import weights_file as packing
from compressor.codec.weights_store import FOLDER_VARIABLE, card_of, path_of, weights_files
from compressor.errors import UnknownModel, UnusableWeights
from models.integer import weights as wt
from models.integer.engine import Arrays, Engine, prepare


@dataclasses.dataclass(frozen=True)
class Model:
    """Weights ready to code with."""

    name: str
    identity: bytes
    weights: wt.IntegerWeights
    arrays: Arrays
    file_bytes: int
    card: dict[str, Any]

    def engine(self, lanes: int) -> Engine:
        """Fresh lanes of this model."""
        return Engine(self.weights, self.arrays, lanes)


@functools.lru_cache(maxsize=4)
def _load(path: Path) -> Model:
    data = path.read_bytes()
    try:
        weights = packing.unpack(data)
    except wt.WeightsError as error:
        raise UnusableWeights(f"{path}: {error}") from error
    return Model(path.stem, wt.identity(data), weights, prepare(weights), len(data), card_of(path))


def by_name(name: str) -> Model:
    """A model by the name of its weights file, or by a path that ends in .kzw. Raises UnknownModel, UnusableWeights."""
    if name.endswith(".kzw"):
        if not Path(name).is_file():
            raise UnknownModel(f"no weights file {name}: check the path")
        return _load(Path(name).resolve())
    found = {path.stem: path for path in reversed(weights_files())}
    if name not in found:
        have = ", ".join(sorted(found)) or "none"
        raise UnknownModel(
            f"no model named {name} (at hand: {have}): name one of these, or the path of a .kzw file"
        )
    return _load(found[name])


def by_identity(identity: bytes) -> Model:
    """The model a container was coded with. Raises UnknownWeights."""
    path = path_of(identity)
    if path is None:
        raise UnknownWeights(
            f"the file was coded with weights {identity.hex()}, which are not at hand: "
            f"put their .kzw file into a folder and name it in {FOLDER_VARIABLE}"
        )
    return _load(path)
