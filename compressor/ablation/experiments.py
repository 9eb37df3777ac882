"""The ablations that are declared: one part of the network exchanged at a time, at one setting.

Parameters are equal (the hidden width pays for what another part takes, unless an experiment says
otherwise), and so are the bytes of text that a run reads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from baselines.transformer import TransformerConfig
from coding.errors import KolmozipError
from compressor.training.config import TrainConfig
from models.network.variants import VariantConfig, matched

Model = VariantConfig | TransformerConfig

BASE_NAME = "base"
SEEDS = 3
"""Of the main comparisons; other experiments have one."""

TABLES = ((2, 12), (3, 14), (4, 14), (5, 14))
BASE = VariantConfig(width=160, layers=3, state=160, hidden=288, taps=2, table_dim=8, tables=TABLES)
"""The shipped network made small: 1.25 million parameters, 0.43 million of them in tables.

Width and state are equal, as in ``small``.
"""

SETTING = TrainConfig(lanes=16, window=256, total_bytes=3_000_000, learning_rate=0.01)
"""732 steps of 4,096 bytes; the rate is near the best for so little text."""


class UnknownExperiment(KolmozipError):
    """No experiment or group by this name."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One network and what differs in its training."""

    group: str
    name: str
    about: str
    """What differs, for the reader of the table."""
    model: Model
    settings: tuple[tuple[str, int | float | str], ...] = ()
    """Pairs of a field of TrainConfig and its value."""
    rate: float = 1.0
    """Factor on the setting's learning rate."""
    main: bool = False
    """Whether the comparison takes several seeds."""
    as_slow_as: Model | None = None
    """The hidden width grows until a training step takes as long as this network's."""

    def config(self, setting: TrainConfig, seed: int) -> TrainConfig:
        """How a run with this seed is trained."""
        own = dict(self.settings)
        rate = self.rate * setting.learning_rate
        return dataclasses.replace(setting, seed=seed, learning_rate=rate, **own)  # type: ignore[arg-type]

    @property
    def key(self) -> tuple[str, str]:
        """Group and name, which no other experiment has."""
        return self.group, self.name

    @property
    def title(self) -> str:
        """Group and name for a reader."""
        return f"{self.group}: {self.name}"

    def seeds(self, seeds: int) -> int:
        """How many of the seeds it is run with."""
        return seeds if self.main else 1


def experiments(base: VariantConfig = BASE, setting: TrainConfig = SETTING) -> list[Experiment]:
    """All experiments, the base first.

    Raises ValueError where the base is too small for others with as many parameters.
    """
    return [
        Experiment("base", BASE_NAME, "the shipped network, smaller", base, main=True),
        *_mixers(base),
        *_mlps(base),
        *_grids(base),
        *_ngrams(base),
        *_depths(base),
        *_states(base),
        *_contexts(base, setting),
        *_optimisers(base),
    ]


def equal_parameters(base: VariantConfig, **changes: Any) -> VariantConfig:
    """The base changed, with a hidden width that keeps the number of parameters."""
    return matched(dataclasses.replace(base, **changes), base.parameters())


def _mixers(base: VariantConfig) -> Iterator[Experiment]:
    heads = max(1, base.width // 32)
    rival = TransformerConfig(
        base.width, base.layers, heads, base.hidden, SETTING.window, base.table_dim, base.tables
    )
    about = f"Mamba-2: heads of {base.head_size}, state {base.ssd_state} x {base.head_size} a head"
    yield Experiment("mixer", "ssd", about, equal_parameters(base, mixer="ssd"), main=True)
    about = (
        f"attention over the last {SETTING.window} bytes, {heads} heads, rotary; "
        "SwiGLU (so see mlp: swiglu too)"
    )
    yield Experiment("mixer", "transformer", about, matched(rival, base.parameters()), main=True)


def _mlps(base: VariantConfig) -> Iterator[Experiment]:
    swiglu = equal_parameters(base, mlp="swiglu")
    yield Experiment("mlp", "swiglu", "silu for the learned gate", swiglu, main=True)
    about = (
        "silu for the learned gate; hidden grown until a step takes as long as the base's: "
        "more parameters"
    )
    yield Experiment("mlp", "swiglu, equal step time", about, swiglu, main=True, as_slow_as=base)
    yield Experiment(
        "mlp",
        "relu2",
        "relu(u)^2, no second branch",
        equal_parameters(base, mlp="relu2"),
        main=True,
    )
    about = "a learned function a channel, no second branch"
    yield Experiment("mlp", "kan", about, equal_parameters(base, mlp="kan"), main=True)
    yield Experiment(
        "mlp",
        "kan, from relu2",
        f"{about}; starts as relu(u)^2 / 2",
        equal_parameters(base, mlp="kan", start="relu2"),
    )
    yield Experiment("mlp", "kan, 17 knots", about, equal_parameters(base, mlp="kan", knots=17))


def _grids(base: VariantConfig) -> Iterator[Experiment]:
    for knots in (5, 17):
        yield Experiment(
            "kan grid",
            f"{knots} knots",
            f"{base.knots} in the base",
            equal_parameters(base, knots=knots),
        )
    for span in (2.0, 8.0):
        about = f"grid from -{span:g} to {span:g}; -{base.span:g} to {base.span:g} in the base"
        yield Experiment("kan grid", f"span {span:g}", about, equal_parameters(base, span=span))
    yield Experiment(
        "kan grid",
        "groups of 8",
        "8 channels share a learned function",
        equal_parameters(base, kan_group=8),
    )
    yield Experiment(
        "kan grid",
        "groups of 32",
        "32 channels share a learned function",
        equal_parameters(base, kan_group=32),
    )
    yield Experiment(
        "kan grid",
        "from relu2",
        "learned gates start as relu(u)^2 / 2",
        equal_parameters(base, start="relu2"),
    )


def _ngrams(base: VariantConfig) -> Iterator[Experiment]:
    def free(name: str, about: str, tables: tuple[tuple[int, int], ...]) -> Experiment:
        return Experiment(
            "n-grams", name, f"{about}; parameters differ", dataclasses.replace(base, tables=tables)
        )

    bits = base.tables[-1][1]
    yield free("none", "no hashed n-grams, nothing in their place", ())
    yield Experiment(
        "n-grams",
        "none, hidden",
        "no hashed n-grams, hidden grows instead",
        equal_parameters(base, tables=()),
    )
    wide = _widened(dataclasses.replace(base, tables=()), base.parameters())
    yield Experiment(
        "n-grams", "none, width", f"no hashed n-grams, width and state {wide.width} instead", wide
    )
    about = "hidden pays for the difference"
    yield Experiment("n-grams", "orders 2-3", about, equal_parameters(base, tables=base.tables[:2]))
    yield Experiment(
        "n-grams", "orders 2-6", about, equal_parameters(base, tables=(*base.tables, (6, bits)))
    )
    for size in (12, 14, 16):
        tables = tuple((order, size) for order, _ in base.tables)
        yield free(f"2^{size} buckets", "each table", tables)


def _widened(model: VariantConfig, target: int) -> VariantConfig:
    """Width and state grown in steps of 32 as far as parameters allow; hidden pays for the rest."""
    wider = model
    while wider.parameters() <= target:
        model = wider
        wider = dataclasses.replace(model, width=model.width + 32, state=model.state + 32)
    return matched(model, target)


def _depths(base: VariantConfig) -> Iterator[Experiment]:
    narrow, wide = base.width - 32, base.width + 32
    for layers, width in ((base.layers + 2, narrow), (base.layers - 1, wide)):
        if layers > 0 and width > 0:
            about = f"{layers} layers of width and state {width}; hidden pays"
            yield Experiment(
                "depth",
                f"{layers} layers",
                about,
                equal_parameters(base, layers=layers, width=width, state=width),
            )


def _states(base: VariantConfig) -> Iterator[Experiment]:
    half, double = base.state // 2, 2 * base.state
    yield Experiment(
        "state", "half", f"{half} a layer; hidden pays", equal_parameters(base, state=half)
    )
    yield Experiment(
        "state", "double", f"{double} a layer; hidden pays", equal_parameters(base, state=double)
    )
    about = f"{double} a layer, nothing shrinks; parameters differ"
    yield Experiment("state", "double, added", about, dataclasses.replace(base, state=double))
    for size in (base.ssd_state // 4, 2 * base.ssd_state):
        about = f"Mamba-2 with {size} entries a channel; {base.ssd_state} in mixer/ssd"
        yield Experiment(
            "state", f"ssd {size}", about, equal_parameters(base, mixer="ssd", ssd_state=size)
        )


def _contexts(base: VariantConfig, setting: TrainConfig) -> Iterator[Experiment]:
    here = setting.lanes * setting.window
    for size in (setting.window // 4, setting.window // 2, 2 * setting.window):
        about = (
            f"{here // size} lanes x {size} bytes a step; gradients reach no further, state does"
        )
        yield Experiment(
            "context", f"window {size}", about, base, (("lanes", here // size), ("window", size))
        )
    about = "lanes start cold in each window of training; evaluated as the others"
    yield Experiment("context", "state reset", about, base, (("cold_start_bytes", setting.window),))


def _optimisers(base: VariantConfig) -> Iterator[Experiment]:
    for rate in (1.0, 0.5, 0.25):
        name = "adamw" if rate == 1.0 else f"adamw, rate x {rate:g}"
        yield Experiment(
            "optimiser", name, "AdamW for matrices too", base, (("optimiser", "adamw"),), rate=rate
        )
    yield Experiment(
        "optimiser", "averaged", "weights averaged, 0.99 a step", base, (("average", 0.99),)
    )


def chosen(declared: Sequence[Experiment], only: Sequence[str]) -> list[Experiment]:
    """The experiments of these groups or names (all, where none is named), and always the base.

    Raises UnknownExperiment.
    """
    known = {name for experiment in declared for name in experiment.key}
    for name in only:
        if name not in known:
            groups = ", ".join(dict.fromkeys(experiment.group for experiment in declared))
            raise UnknownExperiment(
                f"no group or experiment is called {name!r}: choose from {groups}, or see --list"
            )
    wanted = {BASE_NAME, *only}
    return [
        experiment for experiment in declared if not only or wanted.intersection(experiment.key)
    ]
