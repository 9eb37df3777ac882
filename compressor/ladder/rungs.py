"""The rungs that are declared: networks that differ in the bytes that a backbone step decodes.

At each scale all have as many parameters (the hidden width pays for what another part takes) but
for those that are shrunk on purpose: the networks without any other change that cost as few
multiply-adds as a rung does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from coding.errors import KolmozipError
from compressor.ladder import tokens
from compressor.ladder.rows import AR, TAUGHT
from compressor.training.config import TrainConfig
from compressor.training.networks import Shape
from models.integer.config import VOCABULARY, ModelConfig
from models.network.anyorder import OrderConfig
from models.network.patches import (
    BLIND,
    BLOCK,
    CHEAP,
    FIXED,
    GATE,
    SURPRISE,
    WORDS,
    PatchConfig,
)
from models.network.variants import matched

SETTING = TrainConfig(lanes=16, window=256, total_bytes=3_000_000, learning_rate=0.008)
"""732 steps of 4,096 bytes."""
TABLES = ((2, 12), (3, 14), (4, 14), (5, 14))
"""n-gram tables of every rung at every scale, 0.43 million parameters."""
WIDTHS = {"0.3M": 96, "1M": 192, "4M": 384}
"""The width of the AR network of a scale, named after its parameters outside the tables."""
TEACHER = "base"
SHARE = 0.5
"""Share of the teacher's distribution in the target."""
THRESHOLD = 5.0
"""Bits of a byte after two others from which it ends a patch: about as many patches as words
make."""
GATE_TARGET = 0.7
"""Share of bytes after which a gate is to start a step; without it half of them do."""

PASSES = (8, 4, 2, 1)
"""In which a window of 8 bytes is evaluated."""

ALL_SCALES = tuple(WIDTHS)
ONE_SCALE = ("1M",)


class UnknownRung(KolmozipError):
    """No rung by this name, or no scale."""


@dataclasses.dataclass(frozen=True)
class Rung:
    """One way to decode several bytes a step, or the same network with less to compute."""

    name: str
    family: str
    about: str
    """What differs, for the reader of the table."""
    shape: Callable[[int], Shape]
    """The network of a scale, by the width of its AR network."""
    scales: tuple[str, ...] = ONE_SCALE
    taught: bool = False

    def config(self, setting: TrainConfig, seed: int) -> TrainConfig:
        """How a run with this seed is trained."""
        config = dataclasses.replace(setting, seed=seed)
        if not self.taught:
            return config
        return dataclasses.replace(config, teacher=TEACHER, distillation=SHARE)


def ar(width: int) -> ModelConfig:
    """The shipped network at a scale: a step a byte."""
    return ModelConfig(width, 3, width, width * 3 // 2, 2, 8, TABLES)


def multiply_adds(shape: ModelConfig) -> float:
    """Multiply-adds a byte in the products of a network that takes a step a byte."""
    d, e = shape.width, shape.ngram_width
    return shape.layers * shape.block_products() + d * VOCABULARY + e * (d + VOCABULARY)


def shrunk(share: float) -> Callable[[int], Shape]:
    """The AR network narrowed, in steps of 4, to about this share of its multiply-adds."""

    def shape(width: int) -> Shape:
        target = share * multiply_adds(ar(width))
        return ar(min(range(4, width, 4), key=lambda d: abs(multiply_adds(ar(d)) - target)))

    return shape


def patched(rule: str, least: int, most: int, fast: str, **more: Any) -> Callable[[int], Shape]:
    """A network by patches with as many parameters as the AR network of the scale."""

    def shape(width: int) -> Shape:
        like = ar(width)
        sizes = {field.name: getattr(like, field.name) for field in dataclasses.fields(like)}
        del sizes["mlp"]
        fast_width = width // 2 if fast == BLOCK else width
        config = PatchConfig(
            **sizes, rule=rule, least=least, most=most, fast=fast, fast_width=fast_width, **more
        )
        return matched(config, like.parameters())

    return shape


def rungs() -> list[Rung]:
    """All rungs, in the order in which they are run."""
    return [
        Rung(AR, "ar", "the shipped network, a step a byte", ar, ALL_SCALES),
        *_patches(),
        *_shrunk(),
        *_orders(),
        Rung(
            "bpe-4k",
            "tokens",
            "4,096 byte-pair tokens, bits a byte",
            lambda width: tokens.shape(ar(width)),
        ),
        *_taught(),
    ]


def _patches() -> Iterator[Rung]:
    words = "a patch ends after the byte that follows a word, gap 2 to 8; a fast block every byte"
    yield Rung("space", "patch", words, patched(WORDS, 2, 8, BLOCK), ALL_SCALES)
    yield Rung(
        "fixed-2",
        "patch",
        "patches of 2 bytes, a fast block every byte",
        patched(FIXED, 2, 2, BLOCK),
        ALL_SCALES,
    )
    yield Rung(
        "sat-2",
        "sat",
        "two bytes a step, the second from a head that sees the first",
        patched(FIXED, 2, 2, CHEAP),
        ALL_SCALES,
    )
    yield Rung(
        "nat-2",
        "nat",
        "two bytes a step, neither seen by the other's head",
        patched(FIXED, 2, 2, BLIND),
        ALL_SCALES,
    )
    yield Rung(
        "fixed-4",
        "patch",
        "patches of 4 bytes, a fast block every byte",
        patched(FIXED, 4, 4, BLOCK),
    )
    yield Rung(
        "nat-4",
        "nat",
        "four bytes a step, none seen by another's head",
        patched(FIXED, 4, 4, BLIND),
    )
    yield Rung(
        "sat-2-gate",
        "sat",
        "as sat-2, and a learned gate may start a step after one byte",
        patched(GATE, 1, 2, CHEAP, target=GATE_TARGET),
    )
    yield Rung(
        "surprise",
        "patch",
        f"a patch ends after a byte that cost {THRESHOLD:g} bits after the two before it, by a "
        "frozen table; gap 2 to 8; a fast block every byte",
        patched(SURPRISE, 2, 8, BLOCK, threshold=THRESHOLD),
    )


def over_tokens(width: int) -> Shape:
    """The network over tokens with as many parameters as the AR network of the scale."""
    return tokens.shape(ar(width))


def any_order(passes: int) -> Callable[[int], Shape]:
    """Windows of 8 bytes in so many passes, in the best order for them."""

    def shape(width: int) -> Shape:
        like = ar(width)
        return matched(OrderConfig.of(like), like.parameters()).evaluated(passes)

    return shape


def _orders() -> Iterator[Rung]:
    for passes in PASSES:
        about = (
            f"windows of 8 bytes, {8 // passes} of them predicted at once; one network for all "
            "of these rungs, trained on any order"
        )
        yield Rung(f"order-{passes}", "order", about, any_order(passes))


SHARES = {"half": 1 / 2, "quarter": 1 / 4, "fifth": 1 / 5}


def _shrunk() -> Iterator[Rung]:
    for name, share in SHARES.items():
        about = f"the shipped network narrowed to a {name} of the multiply-adds"
        yield Rung(f"{AR}-{name}", "shrunk", about, shrunk(share), ALL_SCALES)


def _taught() -> Iterator[Rung]:
    for name, family, shape in (
        ("space", "patch", patched(WORDS, 2, 8, BLOCK)),
        (f"{AR}-fifth", "shrunk", shrunk(SHARES["fifth"])),
    ):
        about = f"as {name}, half of its target the distribution of the shipped {TEACHER}"
        yield Rung(name + TAUGHT, family, about, shape, taught=True)


def chosen(only: Sequence[str], scales: Sequence[str]) -> list[tuple[Rung, str]]:
    """Rungs of these names (all, where none is named), each at its scales among these.

    Smaller scales come first. Raises UnknownRung.
    """
    known = {rung.name: rung for rung in rungs()}
    for name in only:
        if name not in known:
            raise UnknownRung(f"no rung is called {name!r}: choose from {', '.join(known)}")
    for scale in scales:
        if scale not in WIDTHS:
            raise UnknownRung(f"no scale is called {scale!r}: choose from {', '.join(WIDTHS)}")
    wanted = [known[name] for name in only] if only else list(known.values())
    return [
        (rung, scale)
        for scale in WIDTHS
        for rung in wanted
        if scale in (scales or rung.scales) and (scale in rung.scales or rung.name in only)
    ]
