"""Models to code with, by name or identity, on the engine that is chosen.

No engine is loaded before the weights were found.
"""

from __future__ import annotations

from compressor.codec import weights_store
from compressor.codec.engines import chosen
from compressor.codec.seams import BlockCodec


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


def by_identity(identity: bytes, engine: str | None = None, threads: int = 0) -> BlockCodec:
    """The model a container was coded with, as ``by_name``.

    Raises UnknownWeights, UnusableWeights, NoEngine, StaleEngine.
    """
    path = weights_store.path_by_identity(identity)
    if chosen(engine) == "native":
        from compressor.codec import native

        return native.load(path, identity, threads)
    from compressor.codec import model

    return model.by_identity(identity)
