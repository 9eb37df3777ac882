"""The kept runs of the ladder as series: what one table may hold against each other, by seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from compressor.bench.store import Facts
from compressor.ladder.rows import AR, CONTROLS, SHARED, kept_runs, millions, place
from compressor.report.measurements import AGE
from compressor.system.extras import need

with need("report"):
    import pandas as pd

TEXT = ["corpus", "train_sha256", "valid_sha256", "valid_bytes"]
KEY = ["scale", "rung"]
ALONE, MIXTURE = "alone", "mixture"
RATES = {ALONE: "bits_per_char", MIXTURE: "mixture_bits_per_char"}
"""What bits/char are of -> the field that has them."""
NUMBERS = (
    *RATES.values(),
    *("multiply_adds", "backbone_steps", "kb_per_s"),
    *("file_bits_per_char", "compress_kb_per_s", "decompress_kb_per_s"),
)
"""Fields that may be null."""


@dataclass(frozen=True)
class Sample:
    """A figure of several seeds: their mean, and half the distance from the least to the greatest.

    The spread of one seed is not known, and None.
    """

    mean: float
    spread: float | None
    seeds: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Sample | None:
        """The sample of the figures that are there; None where none is."""
        known = [float(value) for value in values if not pd.isna(value)]
        if not known:
            return None
        spread = (max(known) - min(known)) / 2 if len(known) > 1 else None
        return cls(sum(known) / len(known), spread, len(known))

    @property
    def sign(self) -> int:
        """1 or -1 where the mean is further from 0 than the spread reaches, else 0."""
        told = self.spread is not None and abs(self.mean) > self.spread
        return (1 if self.mean > 0 else -1) if told else 0


@dataclass(frozen=True)
class Rung:
    """All seeds of one rung at one scale.

    Samples of bits/char and of changes in per cent are by what they are of: ``alone`` or
    ``mixture``; what cannot be had is not among them. Steps and multiply-adds are means over
    seeds, KB/s medians.
    """

    name: str
    scale: str
    family: str
    about: str
    seeds: list[int]
    failed: list[int]
    parameters: int
    inner_parameters: int
    steps: float | None
    multiply_adds: float | None
    rates: dict[str, Sample]
    against_ar: dict[str, Sample]
    against_shrunk: dict[str, Sample]
    """Against an AR network of as many multiply-adds, interpolated between those that were run."""
    file: Sample | None
    compress: float | None
    decompress: float | None
    trained: float | None


@dataclass(frozen=True)
class Slope:
    """How a rung's change against AR goes with the size of the networks.

    ``gaps`` has the change in per cent at each scale that has one, the smallest scale first.
    ``slope`` is in percentage points a doubling of the parameters outside tables: least squares
    over the binary logarithm of those of the AR network of each scale, seed by seed.
    """

    rung: str
    family: str
    of: str
    gaps: dict[str, Sample]
    slope: Sample
    seeds: list[int]
    paired: bool
    """Whether the same seeds were run at all of these scales."""
    least: int
    most: int
    """Parameters outside tables, of the AR networks of the smallest and the largest scale."""


@dataclass(frozen=True)
class Ladder:
    """The runs of one text, budget and learning rate.

    ``runs`` has the newest run of each seed, of each rung's newest network and training at a scale.
    It states what the runs state, and in per cent the changes ``alone_against_ar``,
    ``mixture_against_ar``, ``alone_against_shrunk`` and ``mixture_against_shrunk``, each against
    runs of the same scale and seed; ``ar_parameters`` are those of that AR network, outside tables.
    """

    about: Facts
    runs: pd.DataFrame

    @cached_property
    def rungs(self) -> list[Rung]:
        """Every rung at every scale, scale by scale, in the order of tables."""
        return [_rung(runs) for _, runs in self.runs.groupby(KEY, sort=False)]

    @property
    def scales(self) -> list[str]:
        """The smallest first."""
        return list(dict.fromkeys(self.runs["scale"]))

    def at(self, scale: str) -> list[Rung]:
        """The rungs of a scale."""
        return [rung for rung in self.rungs if rung.scale == scale]

    def named(self, name: str, scale: str) -> Rung | None:
        """One rung at a scale; None where it was not run there."""
        return next((rung for rung in self.at(scale) if rung.name == name), None)

    def change(self, name: str, other: str, scale: str, of: str) -> Sample | None:
        """By how many per cent one rung's bits/char differ from another's of the same seed."""
        runs = self.runs[self.runs["scale"] == scale].set_index("seed")
        rates = [runs[runs["rung"] == rung][RATES[of]] for rung in (name, other)]
        return Sample.of(100 * (rates[0] / rates[1] - 1))

    @cached_property
    def slopes(self) -> list[Slope]:
        """Of every rung but AR that has a change at two scales or more in one seed."""
        runs = self.runs[self.runs["rung"] != AR]
        names = sorted(set(runs["rung"]), key=place)
        found = [_slope(runs[runs["rung"] == name], of) for name in names for of in RATES]
        return [slope for slope in found if slope]


def load(raw: Path) -> list[Ladder]:
    """Every series kept: that with most runs first, then the longest, then the lowest rate.

    Raises MalformedResult.
    """
    runs = pd.DataFrame(kept_runs(raw))
    if runs.empty:
        return []
    settings = [{name: setting[name] for name in SHARED} for setting in runs["setting"]]
    runs = runs.assign(setting=settings)
    series = [_text(facts) for facts in runs[[*TEXT, "setting"]].to_dict("records")]
    parts = sorted(
        runs.groupby(series),
        key=lambda part: (-len(part[1]), -part[1]["setting"].iloc[0]["total_bytes"], part[0]),
    )
    return [_ladder(part) for _, part in parts]


def _text(facts: Any) -> str:
    """Facts in a form that is equal where they are."""
    return json.dumps(facts, sort_keys=True)


def _ladder(runs: pd.DataFrame) -> Ladder:
    about = {**runs[TEXT].iloc[0].to_dict(), **runs["setting"].iloc[0]}
    runs = _newest(runs.assign(**{name: runs[name].astype(float) for name in NUMBERS}))
    runs = runs.assign(
        millions=runs["scale"].map(millions), place=runs["rung"].map(place)
    ).sort_values(["millions", "place", "seed"], ignore_index=True)
    return Ladder(about, _compared(runs))


def _newest(runs: pd.DataFrame) -> pd.DataFrame:
    """The newest run of each seed, of each rung's newest network and training at a scale."""
    training = [
        _text([model, {**config, "seed": None}])
        for model, config in zip(runs["model"], runs["train_config"], strict=True)
    ]
    runs = runs.assign(training=training).sort_values(AGE)
    runs = runs[runs["training"] == runs.groupby(KEY)["training"].transform("last")]
    return runs.drop_duplicates([*KEY, "seed"], keep="last")


def _compared(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with their changes against AR, and against AR of as many multiply-adds."""
    lines = []
    for _, together in runs.groupby(["scale", "seed"], sort=False):
        ar = together[together["rung"] == AR]
        controls = together[together["rung"].isin(CONTROLS)]
        found: dict[str, Any] = {"ar_parameters": ar["inner_parameters"].max()}
        for of, field in RATES.items():
            change = 100 * (together[field] / ar[field].max() - 1)
            found[f"{of}_against_ar"] = change.where(together["rung"] != AR)
            expected = _interpolated(controls, field, together["multiply_adds"])
            change = 100 * (together[field] / expected - 1)
            found[f"{of}_against_shrunk"] = change.where(~together["rung"].isin(CONTROLS))
        lines.append(together.assign(**found))
    return pd.concat(lines).sort_index()


def _interpolated(controls: pd.DataFrame, field: str, work: pd.Series) -> pd.Series:
    """bits/char of AR networks of so many multiply-adds: linear in their logarithm.

    Missing outside the multiply-adds of those that were run, and where fewer than two were.
    """
    known = controls.dropna(subset=[field, "multiply_adds"]).sort_values("multiply_adds")
    if len(known) < 2:
        return pd.Series(np.nan, work.index)
    at, rates = np.log(known["multiply_adds"]), known[field]
    found = np.interp(np.log(work), at, rates, left=np.nan, right=np.nan)
    return pd.Series(found, work.index)


def _rung(runs: pd.DataFrame) -> Rung:
    last, good = runs.iloc[-1], runs[runs["bits_per_char"].notna()]
    return Rung(
        name=last["rung"],
        scale=last["scale"],
        family=last["family"],
        about=last["about"],
        seeds=list(good["seed"]),
        failed=list(runs["seed"][runs["bits_per_char"].isna()]),
        parameters=int(last["parameters"]),
        inner_parameters=int(last["inner_parameters"]),
        steps=_known(good["backbone_steps"].mean()),
        multiply_adds=_known(good["multiply_adds"].mean()),
        rates=_samples({of: good[field] for of, field in RATES.items()}),
        against_ar=_samples({of: good[f"{of}_against_ar"] for of in RATES}),
        against_shrunk=_samples({of: good[f"{of}_against_shrunk"] for of in RATES}),
        file=Sample.of(good["file_bits_per_char"]),
        compress=_known(good["compress_kb_per_s"].median()),
        decompress=_known(good["decompress_kb_per_s"].median()),
        trained=_known(good["kb_per_s"].median()),
    )


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _samples(values: dict[str, pd.Series]) -> dict[str, Sample]:
    samples = {of: Sample.of(figures) for of, figures in values.items()}
    return {of: sample for of, sample in samples.items() if sample}


def _slope(runs: pd.DataFrame, of: str) -> Slope | None:
    """Of one rung's runs at all scales; None where no seed has changes at two sizes."""
    field = f"{of}_against_ar"
    runs = runs.dropna(subset=[field])
    fitted = {
        int(seed): one
        for seed, own in runs.groupby("seed")
        if (one := _fitted(own["ar_parameters"].to_list(), own[field].to_list())) is not None
    }
    slope, seeds = Sample.of(fitted.values()), list(fitted)
    if slope is None:
        return None
    runs = runs[runs["seed"].isin(seeds)]
    counts = runs.groupby("scale")["seed"].nunique()
    gaps = {str(scale): own[field] for scale, own in runs.groupby("scale", sort=False)}
    return Slope(
        rung=runs["rung"].iloc[0],
        family=runs["family"].iloc[-1],
        of=of,
        gaps=_samples(gaps),
        slope=slope,
        seeds=seeds,
        paired=bool((counts == len(seeds)).all()),
        least=int(runs["ar_parameters"].min()),
        most=int(runs["ar_parameters"].max()),
    )


def _fitted(sizes: Sequence[float], gaps: Sequence[float]) -> float | None:
    """The least-squares slope over the binary logarithm of sizes; None of fewer than two sizes."""
    if len(set(sizes)) < 2:
        return None
    return float(np.polyfit(np.log2(sizes), gaps, 1)[0])
