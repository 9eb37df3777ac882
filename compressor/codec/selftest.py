"""Does this machine's engine compute the definition? Runs both on real text and compares them."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from coding.errors import KolmozipError
from compressor.codec import engines, levels, native, weights_file, weights_store
from compressor.codec.blocks import MemoryAlone, SteppedModel
from compressor.codec.levels import LEVELS
from compressor.codec.native import NativeCodec
from compressor.codec.seams import ignore_progress
from data.samples import SAMPLE_LENGTH, sample
from models.integer.reference import Reference
from models.integer.weights import IntegerWeights


class EngineDiffers(KolmozipError):
    """The engine on this device does not compute the integers of the definition."""


class SampleTooShort(KolmozipError):
    """The self-test was asked for more text than the sample has."""


class Definition(SteppedModel):
    """A model that the NumPy definition runs."""

    def __init__(self, weights: IntegerWeights, identity: bytes) -> None:
        self.weights, self.identity = weights, identity

    def engine(self, lanes: int) -> Reference:
        """The network with every lane in its initial state."""
        return Reference(self.weights, lanes)


def selftest(model: str | None, lanes: int, steps: int, engine: str | None = None) -> str:
    """Compares an engine and the NumPy definition over ``lanes`` lanes of ``steps`` bytes.

    JAX is compared by the counts of its network; the native engine by the blocks that it writes at
    the default level and at the fastest one, memory and coder included. Returns a line with the
    device and a digest of what is equal. Raises EngineDiffers, SampleTooShort, UnknownModel,
    NoEngine, StaleEngine.
    """
    if lanes * steps > SAMPLE_LENGTH:
        raise SampleTooShort(
            f"{lanes} lanes of {steps} bytes are more than the sample's {SAMPLE_LENGTH:,}: "
            "ask for fewer"
        )
    text, name = sample()[: lanes * steps], model or weights_store.DEFAULT_MODEL
    if engines.chosen(engine) == "native":
        return _native_blocks(name, text, lanes)
    return _jax_counts(name, np.frombuffer(text, np.uint8).reshape(lanes, steps))


def _native_blocks(name: str, text: bytes, lanes: int) -> str:
    """Compares the payloads of two blocks, one with the network and one without."""
    path = weights_store.path_by_name(name)
    ours = native.load(path, weights_store.identity_of(path))
    definition = Definition(weights_file.unpack(path.read_bytes()), ours.identity)
    payloads = (
        _payload(ours, definition, text, lanes, levels.DEFAULT),
        _payload(native.without_network(), MemoryAlone(), text, lanes, levels.LOWEST),
    )
    return (
        f"native, {native.instruction_set()}: blocks of {len(text)} bytes, with the network and "
        f"without, equal the definition's, SHA-256 {hashlib.sha256(b''.join(payloads)).hexdigest()}"
    )


def _payload(
    ours: NativeCodec, definition: SteppedModel, text: bytes, lanes: int, level: int
) -> bytes:
    """The payload of a block by the recipe of a level, but in these lanes. Raises EngineDiffers."""
    recipe = dataclasses.replace(LEVELS[level].recipe(len(text)), lanes=lanes)
    payload = ours.encode_block(text, recipe, ignore_progress)
    if payload != definition.encode_block(text, recipe, ignore_progress):
        raise EngineDiffers(
            f"native, {native.instruction_set()}: a block of level {level} is not the "
            f"definition's: choose --engine jax, or {native.ISA_VARIABLE}=portable, "
            "and please report it"
        )
    return payload


def _jax_counts(name: str, text: np.ndarray) -> str:
    """Compares all counts of the network over the text, (lanes, steps) uint8."""
    import jax

    from compressor.codec.model import by_name

    lanes, steps = text.shape
    chosen = by_name(name)
    definition, engine = Reference(chosen.weights, lanes), chosen.engine(lanes)
    digest, device = hashlib.sha256(), jax.devices()[0].device_kind
    for t in range(steps):
        counts = definition.predict()
        if not np.array_equal(counts, engine.predict()):
            raise EngineDiffers(
                f"{device}: counts differ at byte {t}: "
                "do not use this device, set JAX_PLATFORMS=cpu"
            )
        digest.update(counts.astype("<i4").tobytes())
        definition.perceive(text[:, t])
        engine.perceive(text[:, t])
    total = lanes * steps * 256
    return f"{device}: {total} counts equal the definition, SHA-256 {digest.hexdigest()}"
