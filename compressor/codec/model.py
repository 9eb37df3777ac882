"""Weights loaded and ready to code with on JAX.

JAX is imported once the weights are known to be good, so that bad ones are refused without it.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.codec import weights_file, weights_store
from compressor.codec.blocks import SteppedModel
from compressor.errors import UnusableWeights
from models.integer import weights as wt

if TYPE_CHECKING:
    from models.integer.engine import Arrays, Engine


@dataclasses.dataclass(frozen=True)
class Model(SteppedModel):
    """A network with its weights on the device."""

    name: str
    identity: bytes
    weights: wt.IntegerWeights
    arrays: Arrays
    file_bytes: int
    card: dict[str, Any]

    def engine(self, lanes: int) -> Engine:
        """The network with every lane in its initial state."""
        from models.integer.engine import Engine

        return Engine(self.weights, self.arrays, lanes)


@functools.lru_cache(maxsize=4)
def _load(path: Path, identity: bytes) -> Model:
    data = path.read_bytes()
    try:
        weights = weights_file.unpack(data)
    except wt.WeightsError as error:
        raise UnusableWeights(f"{path}: {error}") from error
    from models.integer.engine import prepare

    card = weights_store.card_of(path)
    return Model(path.stem, identity, weights, prepare(weights), len(data), card)


def by_name(name: str = weights_store.DEFAULT_MODEL) -> Model:
    """A model by the name of its weights file, or by a path that ends in .kzw.

    Raises UnknownModel, AmbiguousModel, UnusableWeights.
    """
    path = weights_store.path_by_name(name)
    return _load(path, weights_store.identity_of(path))


def by_identity(identity: bytes) -> Model:
    """The model a container was coded with, by its identity or the first bytes of it.

    Raises UnknownWeights, AmbiguousModel, UnusableWeights.
    """
    path = weights_store.path_by_identity(identity)
    return _load(path, weights_store.identity_of(path))
