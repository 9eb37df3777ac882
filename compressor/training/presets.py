"""Shapes by the names that ``kolmozip train --preset`` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.errors import UnknownModel
from models.integer.config import PRESETS

if TYPE_CHECKING:
    from compressor.training.networks import Preset


def shape(name: str) -> Preset:
    """The shape of this name, ours or the transformer's. Raises UnknownModel."""
    if name in PRESETS:
        return PRESETS[name]
    from baselines import transformer  # loads JAX, which a shape of ours does not need

    if name in transformer.PRESETS:
        return transformer.PRESETS[name]
    names = ", ".join([*PRESETS, *transformer.PRESETS])
    raise UnknownModel(f"no preset is called {name}: choose one of {names}")
