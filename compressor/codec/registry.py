"""Models to code with, by name or identity, on the engine that is chosen.

No engine is loaded before the weights were found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from coding.container import NO_WEIGHTS
from compressor.codec import weights_store
from compressor.codec.engines import chosen
from compressor.codec.levels import Level
from compressor.codec.seams import BlockCodec


@dataclasses.dataclass(frozen=True)
class Coders:
    """What blocks may be coded with: the memory alone, and networks beside it, if any."""

    alone: BlockCodec
    networks: tuple[BlockCodec, ...] = ()

    @property
    def first(self) -> BlockCodec:
        """The first network, or the memory alone where there is none."""
        return (*self.networks, self.alone)[0]

    def of(self, identity: bytes) -> BlockCodec:
        """The one of them that a block names, by its identity or the first bytes of it."""
        every = (self.alone, *self.networks)
        return next(codec for codec in every if codec.identity.startswith(identity))


def coders(
    models: Sequence[str | BlockCodec], engine: str | None = None, threads: int = 0
) -> Coders:
    """The memory alone, and beside it the models of these names.

    Raises UnknownModel, AmbiguousModel, UnusableWeights, NoEngine, StaleEngine.
    """
    networks = (
        by_name(model, engine, threads) if isinstance(model, str) else model for model in models
    )
    return Coders(without_network(engine, threads), tuple(networks))


def of_level(
    level: Level, model: str | BlockCodec | None, engine: str | None = None, threads: int = 0
) -> Coders:
    """The coders of a level; a ``model`` takes the place of its networks. Raises as ``coders``."""
    return coders(level.models if model is None else (model,), engine, threads)


def by_name(
    name: str = weights_store.DEFAULT_MODEL, engine: str | None = None, threads: int = 0
) -> BlockCodec:
    """A model by the name of its weights file, or by a path that ends in .kzw.

    The native engine computes with so many ``threads``, 0 for one a core. Raises UnknownModel,
    AmbiguousModel, UnusableWeights, NoEngine, StaleEngine.
    """
    path = weights_store.path_by_name(name)
    if chosen(engine) == "native":
        from compressor.codec import native

        return native.load(path, weights_store.identity_of(path), threads)
    from compressor.codec import model

    return model.by_name(name)


def without_network(engine: str | None = None, threads: int = 0) -> BlockCodec:
    """The memory alone, on the engine that is chosen. Raises NoEngine, StaleEngine."""
    if chosen(engine) == "native":
        from compressor.codec import native

        return native.without_network(threads)
    from compressor.codec.blocks import MemoryAlone

    return MemoryAlone()


def by_identity(identity: bytes, engine: str | None = None, threads: int = 0) -> BlockCodec:
    """The codec that a block names, as ``by_name``; zeros stand for the memory alone.

    Raises UnknownWeights, AmbiguousModel, UnusableWeights, NoEngine, StaleEngine.
    """
    if identity == NO_WEIGHTS:
        return without_network(engine, threads)
    path = weights_store.path_by_identity(identity)
    if chosen(engine) == "native":
        from compressor.codec import native

        return native.load(path, weights_store.identity_of(path), threads)
    from compressor.codec import model

    return model.by_identity(identity)
