"""Runs this machine's engine and the definition on real text, and compares every count."""

from __future__ import annotations

import hashlib

import jax
import numpy as np

from coding.errors import KolmozipError
from compressor.codec import weights_store
from compressor.codec.model import by_name
from data.samples import SAMPLE_LENGTH, sample
from models.integer.reference import Reference


class EngineDiffers(KolmozipError):
    """The engine on this device does not compute the integers of the definition."""


class SampleTooShort(KolmozipError):
    """The self-test was asked for more text than the sample has."""


def selftest(model: str | None, lanes: int, steps: int) -> str:
    """Compares engine and NumPy definition over ``lanes`` lanes of ``steps`` bytes.

    Returns a line with the device and a digest of all counts. Raises EngineDiffers,
    SampleTooShort, UnknownModel.
    """
    if lanes * steps > SAMPLE_LENGTH:
        raise SampleTooShort(
            f"{lanes} lanes of {steps} bytes are more than the sample's {SAMPLE_LENGTH:,}: "
            "ask for fewer"
        )
    chosen = by_name(model or weights_store.DEFAULT_MODEL)
    text = np.frombuffer(sample(), np.uint8)[: lanes * steps].reshape(lanes, steps)
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
