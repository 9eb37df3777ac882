"""What can be trained: our network, the baseline it is compared with, and the variants of an ablation."""

from __future__ import annotations

from typing import Any

from baselines import transformer
from baselines.transformer import TransformerConfig
from models.integer.config import ModelConfig
from models.network import lm, variants
from models.network.variants import VariantConfig

Shape = ModelConfig | TransformerConfig | VariantConfig
"""What can be trained: our network, the baseline it is compared with, or a variant that an ablation tries."""


def network(model: Shape) -> Any:
    """The module that has ``sequence``, ``initial_state`` and ``initialise`` for this kind of network."""
    if isinstance(model, VariantConfig):
        return variants
    return lm if isinstance(model, ModelConfig) else transformer
