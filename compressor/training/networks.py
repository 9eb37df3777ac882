"""What can be trained: our network, the baseline it is compared with, variants of experiments."""

from __future__ import annotations

import dataclasses
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import jax

from baselines import transformer
from baselines.transformer import TransformerConfig
from models.integer.config import ModelConfig
from models.network import anyorder, lm, variants
from models.network.anyorder import OrderConfig
from models.network.lm import Params
from models.network.variants import VariantConfig

Preset: TypeAlias = ModelConfig | TransformerConfig
"""The shape of a network that has presets."""
Shape: TypeAlias = Preset | VariantConfig | OrderConfig
"""The shape of a network: a frozen dataclass that tells its number of ``parameters()``."""

Lanes: TypeAlias = Any
"""State of all lanes: a tree of arrays, each kind of network its own, that JAX types no further.

Lanes are the only axis of a vector and the last axis but one of everything else.
"""


class Network(Protocol):
    """A network of one shape: all that training, evaluation and metering ask of it."""

    def initialise(self, seed: int) -> Params:
        """A fresh parameter tree."""

    def initial_state(self, lanes: int) -> Lanes:
        """The state of the lanes before their first byte."""

    def sequence(self, params: Params, tokens: jax.Array, state: Lanes) -> tuple[jax.Array, Lanes]:
        """Tokens (t, b) uint8 -> logits (t, b, 256) in nats, the state after the window."""


C = TypeVar("C")
C_contra = TypeVar("C_contra", contravariant=True)
S = TypeVar("S")


class _Functions(Protocol[C_contra, S]):
    """A module that defines a kind of network by functions of its shape."""

    def initialise(self, config: C_contra, seed: int) -> Params: ...

    def initial_state(self, config: C_contra, lanes: int) -> S: ...

    def sequence(
        self, config: C_contra, params: Params, tokens: jax.Array, state: S
    ) -> tuple[jax.Array, S]: ...


@dataclasses.dataclass(frozen=True)
class _Bound(Generic[C, S]):
    """The functions of a module with the shape filled in."""

    config: C
    functions: _Functions[C, S]

    def initialise(self, seed: int) -> Params:
        return self.functions.initialise(self.config, seed)

    def initial_state(self, lanes: int) -> S:
        return self.functions.initial_state(self.config, lanes)

    def sequence(self, params: Params, tokens: jax.Array, state: S) -> tuple[jax.Array, S]:
        return self.functions.sequence(self.config, params, tokens, state)


def network(shape: Shape) -> Network:
    """The network of this shape."""
    match shape:
        case ModelConfig():
            return _Bound(shape, lm)
        case TransformerConfig():
            return _Bound(shape, transformer)
        case VariantConfig():
            return _Bound(shape, variants)
        case OrderConfig():
            return _Bound(shape, anyorder)


KINDS: dict[str, type[Shape]] = {
    "network": ModelConfig,
    "transformer": TransformerConfig,
    "variant": VariantConfig,
    "order": OrderConfig,
}
"""Names of the kinds of network in files, which never change."""


def kind_of(shape: Shape) -> str:
    """The name of a shape's kind."""
    return next(name for name, kind in KINDS.items() if isinstance(shape, kind))


def shape_of(kind: str, fields: dict[str, Any]) -> Shape:
    """The shape with these fields, as ``dataclasses.asdict`` and JSON leave them.

    Raises KeyError, TypeError or ValueError where there is no such kind or shape.
    """
    return KINDS[kind].from_dict(fields)
