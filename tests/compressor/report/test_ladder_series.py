"""Runs of the ladder as series: which runs count, what they are held against, and their slopes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from compressor.bench.store import MalformedResult
from compressor.report.ladder_series import ALONE, MIXTURE, Ladder, Rung, Sample, load


def only(keep: Any) -> Ladder:
    [ladder] = load(keep.raw)
    return ladder


def rung(keep: Any, name: str, scale: str = "1M") -> Rung:
    found = only(keep).named(name, scale)
    assert found
    return found


def sample(mean: float, spread: float | None, seeds: int) -> Any:
    return pytest.approx((mean, spread, seeds))


def parts(of: Sample) -> tuple[float, float | None, int]:
    return of.mean, of.spread, of.seeds


def test_a_sample_is_mean_and_half_the_range() -> None:
    assert Sample.of([1.0, 4.0, 2.5, math.nan]) == Sample(2.5, 1.5, 3)
    assert Sample.of([2.0]) == Sample(2.0, None, 1)
    assert Sample.of([math.nan]) is None
    signs = [of.sign for of in (Sample(-2, 1.9, 2), Sample(2, 2, 2), Sample(2, 1, 2))]
    assert signs == [-1, 0, 1]
    assert Sample(2, None, 1).sign == 0, "one seed tells nothing"


def test_each_seed_is_held_against_ar_of_its_scale_and_seed(keep: Any) -> None:
    keep.controls()
    keep.controls("4M")
    keep.gaps("sat-2", "sat", {"1M": (4, 2), "4M": (3,)})
    found = rung(keep, "sat-2")
    assert parts(found.rates[ALONE]) == sample((2.08 + 2.244) / 2, (2.244 - 2.08) / 2, 2)
    assert parts(found.against_ar[ALONE]) == sample(3, 1, 2)
    assert parts(found.against_ar[MIXTURE]) == sample(3, 1, 2)
    assert parts(rung(keep, "sat-2", "4M").against_ar[ALONE]) == (pytest.approx(3), None, 1)
    assert rung(keep, "ar").against_ar == {}


@pytest.mark.parametrize(
    ("share", "gap", "expected"),
    [
        (1 / 2, 5, 5),  # as much work as a control
        (math.sqrt(1 / 2), 5, 2.5),  # half way in the logarithm
        (math.sqrt(1 / 8), 5, 7.5),
        (1 / 5, 5, 12),
        (1, 5, 0),
    ],
)
def test_the_control_is_interpolated_in_the_logarithm_of_work(
    keep: Any, share: float, gap: float, expected: float
) -> None:
    keep.controls(seeds=1)
    keep.rung("sat-2", family="sat", gap=gap, multiply_adds=1_000_000 * share)
    against = rung(keep, "sat-2").against_shrunk
    change = 100 * ((100 + gap) / (100 + expected) - 1)
    assert [of.mean for of in against.values()] == pytest.approx([change, change])
    assert set(against) == {ALONE, MIXTURE}


def test_nothing_is_said_beyond_the_controls_nor_of_them(keep: Any) -> None:
    keep.controls(seeds=1)
    keep.rung("order-8", multiply_adds=8_000_000.0)
    keep.rung("nat-4", multiply_adds=199_999.0)
    keep.rung("sat-2", "4M", multiply_adds=2_000_000.0)
    keep.rung("ar", "4M")
    named = {(one.name, one.scale): one for one in only(keep).rungs}
    assert [key for key, one in named.items() if one.against_shrunk] == []
    assert named["sat-2", "4M"].against_ar, "one control is none, but AR is there"


def test_a_rung_without_a_mixture_has_figures_of_the_network_alone(keep: Any) -> None:
    keep.controls(seeds=1)
    keep.rung("bpe-4k", mixture_bits_per_char=None, mixture_design=None, gap=-2)
    found = rung(keep, "bpe-4k")
    assert (set(found.rates), set(found.against_ar)) == ({ALONE}, {ALONE})


def test_a_run_that_diverged_is_kept_without_a_figure(keep: Any) -> None:
    keep.controls()
    nothing = dict.fromkeys(("bits_per_char", "mixture_bits_per_char", "multiply_adds"))
    keep.rung("sat-2", gap=1, backbone_steps=0.5)
    keep.rung("sat-2", seed=1, reason="the loss is not finite", backbone_steps=None, **nothing)
    found = rung(keep, "sat-2")
    assert (found.seeds, found.failed, found.steps) == ([0], [1], 0.5)
    assert parts(found.against_ar[ALONE]) == (pytest.approx(1), None, 1)


def test_ar_that_diverged_is_no_measure(keep: Any) -> None:
    keep.rung(bits_per_char=None, mixture_bits_per_char=None, reason="the loss is not finite")
    keep.rung("sat-2")
    assert rung(keep, "sat-2").against_ar == {}


def test_files_and_speeds_are_means_and_medians(keep: Any) -> None:
    keep.controls(seeds=3)
    found = rung(keep, "ar-half")
    assert (found.compress, found.decompress, found.trained) == (40, 51, 81.9)
    assert found.file
    assert found.file.mean == pytest.approx(1.6 * 1.05 * 1.1)
    assert rung(keep, "ar").family == "ar"


def test_the_newest_run_of_a_seed_counts_and_only_of_the_newest_network(keep: Any) -> None:
    keep.rung(bits_per_char=2.5)
    keep.rung(bits_per_char=2.2, date="2020-02-02T00:00:00Z")
    keep.rung(seed=1, bits_per_char=3.0, model={"width": 999})
    found = rung(keep, "ar")
    assert parts(found.rates[ALONE]) == (2.2, None, 1)


def test_other_settings_are_series_of_their_own_and_the_fullest_comes_first(keep: Any) -> None:
    setting = {**keep.RUNG["setting"], "total_bytes": 30_000_000}
    keep.rung(setting=setting)
    keep.controls(seeds=1)
    keep.rung(setting={**keep.RUNG["setting"], "learning_rate": 0.02})
    ladders = load(keep.raw)
    assert [len(ladder.runs) for ladder in ladders] == [4, 1, 1]
    assert [ladder.about["total_bytes"] for ladder in ladders][:2] == [4_000_000, 30_000_000]


def test_rungs_stand_scale_by_scale_as_they_are_declared(keep: Any) -> None:
    for name, scale in (("zoo", "1M"), ("sat-2", "1M"), ("ar", "4M"), ("ar", "0.3M"), ("ar", "1M")):
        keep.rung(name, scale)
    names = [(one.scale, one.name) for one in only(keep).rungs]
    assert names == [("0.3M", "ar"), ("1M", "ar"), ("1M", "sat-2"), ("1M", "zoo"), ("4M", "ar")]
    assert only(keep).scales == ["0.3M", "1M", "4M"]


def test_a_slope_is_fitted_seed_by_seed_over_doublings(keep: Any) -> None:
    for scale in keep.SCALES:
        keep.controls(scale)
    keep.gaps("sat-2", "sat", {"0.3M": (6, 5), "1M": (4, 2), "4M": (2, -1)}, inner_parameters=7)
    slopes = {(slope.rung, slope.of): slope for slope in only(keep).slopes}
    slope = slopes["sat-2", ALONE]
    assert parts(slope.slope) == sample(-1.25, 0.25, 2), "-2 and -3 points in two doublings"
    assert {scale: gap.mean for scale, gap in slope.gaps.items()} == pytest.approx(
        {"0.3M": 5.5, "1M": 3, "4M": 0.5}
    )
    assert (slope.least, slope.most) == (250_000, 4_000_000), "sizes are those of AR"
    assert (slope.seeds, slope.paired) == ([0, 1], True)
    assert slopes["ar-half", MIXTURE].slope.mean == pytest.approx(0)
    assert "ar" not in {rung for rung, _ in slopes}


def test_a_slope_takes_the_seeds_that_have_two_sizes(keep: Any) -> None:
    for scale in ("0.3M", "1M"):
        keep.controls(scale, seeds=3)
    keep.controls("4M", seeds=1)
    keep.gaps("sat-2", "sat", {"0.3M": (6, 5), "1M": (4, 2, 99), "4M": (2,)})
    [alone, _] = [slope for slope in only(keep).slopes if slope.rung == "sat-2"]
    assert (alone.seeds, alone.paired) == ([0, 1], False)
    assert parts(alone.slope) == sample(-1.25, 0.25, 2)
    assert alone.gaps["1M"].mean == pytest.approx(3), "a seed of one size does not count"


def test_one_size_makes_no_slope(keep: Any) -> None:
    keep.controls()
    keep.gaps("sat-2", "sat", {"1M": (1, 2), "4M": (3,)})
    assert only(keep).slopes == []


def test_rungs_are_compared_with_each_other_by_seed(keep: Any) -> None:
    keep.gaps("space", "patch", {"1M": (0, 0, 0)})
    keep.gaps("space-taught", "patch", {"1M": (-2, -3)})
    change = only(keep).change("space-taught", "space", "1M", ALONE)
    assert change
    assert parts(change) == sample(-2.5, 0.5, 2)
    assert only(keep).change("space-taught", "ar", "1M", ALONE) is None


def test_without_runs_there_is_no_series_and_a_damaged_one_is_named(keep: Any) -> None:
    assert load(keep.raw) == []
    (keep.raw / "ladder-x.json").write_text('{"kind": "ladder"}')
    with pytest.raises(MalformedResult, match=r"ladder-x\.json"):
        load(keep.raw)
