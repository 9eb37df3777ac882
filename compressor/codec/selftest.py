"""Is this machine's engine the definition? Runs both over real text and compares every count."""

from __future__ import annotations

import hashlib

import jax
import numpy as np

from coding.errors import KolmozipError
from compressor.codec import model as registry
from compressor.codec import weights_store
from data.samples import sample
from models.integer.reference import Reference


class EngineDiffers(KolmozipError):
    """The engine on this device does not compute the integers of the definition."""


def selftest(model: str | None, lanes: int, steps: int) -> str:
    """Compares engine and NumPy definition; returns a line with device and digest of all counts, or raises EngineDiffers."""
    chosen = registry.by_name(model or weights_store.DEFAULT_MODEL)
    text = np.frombuffer(sample(), np.uint8)[: lanes * steps].reshape(lanes, steps)
    slow, fast = Reference(chosen.weights, lanes), chosen.engine(lanes)
    digest, device = hashlib.sha256(), jax.devices()[0]
    for t in range(steps):
        counts = slow.predict()
        if not np.array_equal(counts, fast.predict()):
            raise EngineDiffers(
                f"{device.device_kind}: counts differ at byte {t}: do not use this device, set JAX_PLATFORMS=cpu"
            )
        digest.update(counts.astype("<i4").tobytes())
        slow.perceive(text[:, t])
        fast.perceive(text[:, t])
    return f"{device.device_kind}: {lanes * steps * 256} counts equal the definition, SHA-256 {digest.hexdigest()}"
