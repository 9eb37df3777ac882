"""The kept ablation runs as series: what one table may hold against each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from compressor.bench.store import Facts
from compressor.report.measurements import AGE
from compressor.system.extras import need

with need("train"):
    from compressor.ablation.experiments import BASE_NAME, experiments
    from compressor.ablation.runs import kept_runs
with need("report"):
    import pandas as pd

KEY = ["group", "name"]
"""What identifies an experiment."""
TEXT = ["corpus", "train_sha256", "valid_sha256", "valid_bytes"]
SETTING = ["total_bytes", "lanes", "window", "learning_rate"]
"""With the text, what all runs of a series share."""
STATED = ["about", "parameters", "table_parameters", "state_numbers", "network", "model"]
"""What all seeds of an experiment share."""
MEASURED = ["step_ms", "kb_per_s", "seconds"]
EQUAL = 0.01
"""How far parameters may be from those of the base and still be called equal."""


@dataclass(frozen=True)
class Series:
    """The runs of one text, budget and learning rate, as two tables in the order of declaration.

    ``runs`` has the newest run of each seed, of each experiment's newest network and training. It
    states what the runs state, and

    - against_base_percent: the change of bits/char against the base's run of the same seed, which
      read the same bytes; missing where there is none, as are bits_per_char of runs that diverged

    ``experiments`` has a line an experiment: what all its seeds share, the medians of what was
    measured, the names of its files, and

    - seeds, seeds_planned: the numbers of seeds that gave a figure and of all that were planned
    - seeds_missing, seeds_failed: those that have no run, and those that diverged, as text
    - bits_per_char, lowest, highest: the mean over seeds, the least and the greatest
    - against_base_percent, against_base_lowest, against_base_highest: the same of the changes
    - compared: how many seeds can be held against the base
    - base, equal: bool, whether it is the base, and whether it has as many parameters
    """

    about: Facts
    runs: pd.DataFrame
    experiments: pd.DataFrame

    @cached_property
    def base(self) -> float | None:
        """bits/char of the base, the mean over its seeds; None where it has no figure."""
        rates = self.experiments[self.experiments["base"]]["bits_per_char"].dropna()
        return float(rates.iloc[0]) if len(rates) else None

    @cached_property
    def noise(self) -> float | None:
        """How far the seeds of an experiment usually lie apart, in per cent of bits/char.

        The median over experiments; None where none but the base has several.
        """
        several = self.experiments[(self.experiments["compared"] > 1) & ~self.experiments["base"]]
        reaches = several["against_base_highest"] - several["against_base_lowest"]
        return float(reaches.median()) if len(reaches) else None

    def groups(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """The experiments of each group."""
        yield from self.experiments.groupby("group", sort=False)


def load(raw: Path) -> list[Series]:
    """Every series kept: that with most runs first, then the longest, then the lowest rate.

    Raises MalformedResult.
    """
    runs = pd.DataFrame(kept_runs(raw))
    if runs.empty:
        return []
    shared = [*TEXT, "setting"]
    series = [_text(facts) for facts in runs[shared].to_dict("records")]
    parts = sorted(
        runs.groupby(series),
        key=lambda part: (-len(part[1]), -part[1]["setting"].iloc[0]["total_bytes"], part[0]),
    )
    return [_series(part) for _, part in parts]


def declared() -> list[tuple[str, str]]:
    """Group and name of each experiment that there is to run, in their order."""
    return [experiment.key for experiment in experiments()]


def _text(facts: Any) -> str:
    """Facts in a form that is equal where they are."""
    return json.dumps(facts, sort_keys=True)


def _series(runs: pd.DataFrame) -> Series:
    about = {**runs[TEXT].iloc[0].to_dict(), **runs["setting"].iloc[0]}
    runs = _newest(runs)
    order = declared()
    keys = list(zip(runs["group"], runs["name"], strict=True))
    runs = runs.assign(
        place=[order.index(key) if key in order else len(order) for key in keys],
        base=[key == (BASE_NAME, BASE_NAME) for key in keys],
        model=[json.dumps(model) for model in runs["model"]],
    ).sort_values(["place", *KEY, "seed"], ignore_index=True)
    base = runs[runs["base"]].set_index("seed")["bits_per_char"].astype(float)
    change = 100 * (runs["bits_per_char"] / runs["seed"].map(base) - 1)
    runs = runs.assign(against_base_percent=change.astype(float))
    return Series(about, runs, _experiments(runs))


def _newest(runs: pd.DataFrame) -> pd.DataFrame:
    """The newest run of each seed, of each experiment's newest network and training."""
    training = [
        _text([model, {**config, "seed": None}])
        for model, config in zip(runs["model"], runs["train_config"], strict=True)
    ]
    runs = runs.assign(training=training, bits_per_char=runs["bits_per_char"].astype(float))
    runs = runs.sort_values(AGE)
    runs = runs[runs["training"] == runs.groupby(KEY)["training"].transform("last")]
    runs = runs.assign(seeds=runs.groupby(KEY)["seeds"].transform("max"))
    return runs.drop_duplicates([*KEY, "seed"], keep="last")


def _experiments(runs: pd.DataFrame) -> pd.DataFrame:
    """A line an experiment, from the runs of one series."""
    good = runs["bits_per_char"].notna()
    measured = {name: runs[name].astype(float).where(good) for name in MEASURED}
    groups = runs.assign(**measured).groupby(KEY, sort=False)
    lines = groups.agg(
        base=("base", "last"),
        seeds=("bits_per_char", "count"),
        seeds_planned=("seeds", "last"),
        bits_per_char=("bits_per_char", "mean"),
        lowest=("bits_per_char", "min"),
        highest=("bits_per_char", "max"),
        against_base_percent=("against_base_percent", "mean"),
        against_base_lowest=("against_base_percent", "min"),
        against_base_highest=("against_base_percent", "max"),
        compared=("against_base_percent", "count"),
        files=("file", " ".join),
        **{name: (name, "last") for name in STATED},
        **{name: (name, "median") for name in MEASURED},
    ).reset_index()
    parameters = lines["parameters"].where(lines["base"]).max()
    return lines.assign(
        seeds_missing=[_missing(group) for _, group in groups],
        seeds_failed=[
            _numbers(group["seed"][group["bits_per_char"].isna()]) for _, group in groups
        ],
        equal=(lines["parameters"] / parameters - 1).abs() <= EQUAL,
        **{name: lines[name].round(2) for name in MEASURED},
    )


def _missing(runs: pd.DataFrame) -> str:
    """Numbers of the seeds of an experiment that were planned and have no run."""
    return _numbers(sorted(set(range(runs["seeds"].iloc[0])) - set(runs["seed"])))


def _numbers(seeds: Iterable[int]) -> str:
    return " ".join(map(str, seeds))
