"""Ablation runs as series: which runs count, and what they are held against."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from compressor.bench.store import MalformedResult
from compressor.report.ablation_series import Series, declared, load


def only(keep: Any) -> Series:
    [series] = load(keep.raw)
    return series


def test_each_seed_is_held_against_the_base_of_that_seed(keep: Any) -> None:
    keep.ablations()
    series = only(keep)
    assert list(series.experiments["name"]) == ["base", "swiglu", "none"], "as they are declared"
    base, swiglu, none = series.experiments.itertuples()
    assert series.base == pytest.approx(2.0)
    assert (base.seeds, base.seeds_missing, swiglu.seeds_missing) == (3, "", "1")
    assert (swiglu.bits_per_char, swiglu.lowest, swiglu.highest) == pytest.approx(
        (2.015, 2.01, 2.02)
    )
    changes = (swiglu.against_base_lowest, swiglu.against_base_percent, swiglu.against_base_highest)
    assert changes == pytest.approx((1.0, 1.0025, 1.00503), abs=1e-4)
    assert (swiglu.step_ms, swiglu.compared, none.compared) == (71.0, 2, 1)
    assert (base.equal, swiglu.equal, none.equal) == (True, True, False)
    assert series.noise == pytest.approx(0.00503, abs=1e-4)


def test_the_newest_run_of_a_seed_counts(keep: Any) -> None:
    keep.ablation(bits_per_char=2.5)
    keep.ablation(bits_per_char=2.2, date="2020-02-02T00:00:00Z")
    keep.ablation(seed=1, bits_per_char=2.4)
    assert only(keep).base == pytest.approx(2.3)


def test_runs_of_another_network_under_the_same_name_are_not_mixed_in(keep: Any) -> None:
    keep.ablation(model={**keep.ABLATION["model"], "hidden": 96}, bits_per_char=3.0, seed=1)
    keep.ablation(date="2020-02-02T00:00:00Z")
    assert only(keep).base == 2.0


def test_other_settings_are_series_of_their_own_and_the_longest_comes_first(keep: Any) -> None:
    setting = keep.ABLATION["setting"]
    keep.ablation(setting={**setting, "learning_rate": 0.02}, bits_per_char=1.5)
    keep.ablation(setting={**setting, "total_bytes": 9_000_000}, bits_per_char=1.4)
    for seed in (0, 1):
        keep.ablation(seed=seed)
    assert [(series.base, len(series.runs)) for series in load(keep.raw)] == [
        (2.0, 2),
        (1.4, 1),
        (1.5, 1),
    ]


def test_a_run_that_diverged_is_kept_without_a_figure(keep: Any) -> None:
    keep.ablation()
    nothing = {"bits_per_char": None, "step_ms": None, "kb_per_s": None}
    keep.ablation(seed=1, reason="the loss is not finite", **nothing)
    series = only(keep)
    [base] = series.experiments.itertuples()
    assert (base.seeds, base.seeds_missing, base.seeds_failed) == (1, "2", "1")
    assert (series.base, base.step_ms, series.noise) == (2.0, 90.0, None)


def test_without_the_base_nothing_is_held_against_it(keep: Any) -> None:
    keep.ablation(group="mlp", name="swiglu")
    series = only(keep)
    assert series.base is None
    assert pd.isna(series.experiments["against_base_percent"][0])
    assert not series.experiments["equal"][0]


def test_an_experiment_that_is_declared_no_more_comes_last(keep: Any) -> None:
    keep.ablation(group="a", name="gone")
    keep.ablation()
    assert list(only(keep).experiments["name"]) == ["base", "gone"]
    assert declared()[0] == ("base", "base")


@pytest.mark.parametrize("text", ["{", "[1]", '{"kind": "ablation"}'])
def test_a_damaged_run_is_named(keep: Any, text: str) -> None:
    (keep.raw / "ablation-x.json").write_text(text)
    with pytest.raises(MalformedResult, match=r"ablation-x\.json"):
        load(keep.raw)
