"""What is said of the ladder is computed: other runs, other words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compressor.report import ladder_words as words
from compressor.report.ladder_series import ALONE, MIXTURE, Ladder, load

Flat = Callable[[str], str]


@pytest.fixture
def ladder(keep: Any) -> Callable[[], Ladder]:
    """The ladder of what has been kept."""

    def made() -> Ladder:
        [ladder] = load(keep.raw)
        return ladder

    return made


@pytest.fixture
def sized(keep: Any, ladder: Callable[[], Ladder]) -> Callable[..., dict[str, str]]:
    """What is said of a rung with these gaps, alone and of the mixture."""

    def made(**gaps: tuple[float, ...]) -> dict[str, str]:
        names = dict(zip(gaps, keep.SCALES, strict=False))
        for scale in names.values():
            keep.controls(scale)
        keep.gaps("sat-2", "sat", {names[name]: own for name, own in gaps.items()})
        return {
            slope.of: words.with_size(slope) for slope in ladder().slopes if slope.rung == "sat-2"
        }

    return made


@pytest.mark.parametrize(
    ("small", "middle", "large", "said"),
    [
        ((6, 5), (4, 3), (2, 1), "the gap to AR shrinks"),
        ((1, 2), (3, 4), (5, 6), "the gap to AR grows"),
        ((-6, -5), (-4, -3), (-2, -1), "the lead over AR shrinks"),
        ((-1, -2), (-3, -4), (-5, -6), "the lead over AR grows"),
        ((3, 4), (1, 2), (-2, -1), "the change against AR, a gap at some sizes only, falls"),
        ((-3, -4), (1, 2), (2, 1), "the change against AR, a gap at some sizes only, rises"),
        (
            (3, 2),
            (3, 3),
            (2, 3),
            "whether the gap shrinks or grows is not distinguishable from the spread of seeds",
        ),
        ((3,), (2,), (1,), "one seed does not tell whether the gap shrinks or grows"),
    ],
)
def test_what_becomes_of_a_gap_is_said_as_the_runs_have_it(
    sized: Callable[..., dict[str, str]],
    small: tuple[float, ...],
    middle: tuple[float, ...],
    large: tuple[float, ...],
    said: str,
) -> None:
    assert sized(small=small, middle=middle, large=large) == {ALONE: said, MIXTURE: said}


def test_each_rung_says_for_which_sizes_and_seeds_it_speaks(
    keep: Any, ladder: Callable[[], Ladder], flat: Flat
) -> None:
    keep.controls("0.3M")
    keep.controls("1M")
    keep.controls("4M", seeds=1)
    keep.gaps("sat-2", "sat", {"0.3M": (6, 5), "1M": (4, 2)})
    keep.gaps("nat-2", "nat", {"0.3M": (20, 22), "4M": (18,)}, mixture_bits_per_char=None)
    text = flat(words.of_size(ladder()))
    assert (
        "- `sat-2`: alone, the gap to AR shrinks (-1.25 ± 0.25 points a doubling); beside the "
        "memory, the gap to AR shrinks (-1.25 ± 0.25 points a doubling). 250,000 to 1,000,000 "
        "parameters outside tables, seeds 0 and 1."
    ) in text
    assert (
        "- `nat-2`: alone, one seed does not tell whether the gap shrinks or grows (-0.50 points a "
        "doubling). 250,000 to 4,000,000 parameters outside tables, seed 0."
    ) in text
    assert "seeds 0 and 1, not all of them at every size" in text, "of the smaller AR networks"
    assert text.endswith("after 4,000,000 bytes of text, and say nothing of other sizes.")


def test_alone_and_mixture_name_their_seeds_apart_where_they_differ(
    keep: Any, ladder: Callable[[], Ladder], flat: Flat
) -> None:
    for scale in ("0.3M", "1M"):
        keep.controls(scale)
        keep.rung("sat-2", scale, gap=1)
        keep.rung("sat-2", scale, seed=1, mixture_bits_per_char=None)
    text = flat(words.of_size(ladder()))
    sizes = "250,000 to 1,000,000 parameters outside tables"
    assert f"points a doubling; {sizes}, seeds 0 and 1); beside the memory" in text
    assert f"points a doubling; {sizes}, seed 0).\n" in words.of_size(ladder()).replace("\n  ", " ")


def test_the_control_decides_by_the_spread(
    keep: Any, ladder: Callable[[], Ladder], flat: Flat
) -> None:
    keep.controls()
    for name, gaps in {
        "sat-2": (1, 2),
        "nat-2": (20, 21),
        "fixed-2": (4, 6),
        "space": (1,),
    }.items():
        keep.gaps(name, "other", {"1M": gaps}, multiply_adds=500_000.0)
    said = flat(words.against_shrunk(ladder().at("1M"), MIXTURE))
    assert said == (
        "Against the AR network shrunk to the same multiply-adds, bits/char beside the memory are "
        "smaller in `sat-2`; larger in `nat-2`; within the spread in `fixed-2`; of one seed, so "
        "not to be told, in `space`."
    )
    assert words.against_shrunk([], ALONE) == ""


@pytest.fixture
def claims(ladder: Callable[[], Ladder], flat: Flat) -> Callable[[], dict[str, str]]:
    """Claim -> what is said of it."""

    def made() -> dict[str, str]:
        parts = words.claims(ladder(), False).split("### ")[1:]
        return {part.split("\n")[0]: flat(part.split("\n", 1)[1]) for part in parts}

    return made


SAT = "Two bytes a step make it 1.5 to 2 times as fast"


def test_a_claim_without_runs_is_left_out(keep: Any, claims: Callable[[], dict[str, str]]) -> None:
    keep.controls()
    keep.rung("sat-2", "4M")
    assert claims() == {}, "of sat-2 there is no AR to hold it against"


def test_the_page_on_drafts_is_linked_where_it_is(keep: Any, ladder: Callable[[], Ladder]) -> None:
    keep.rung()
    assert words.claims(ladder(), True).startswith("### Draft and verify\n\n- ")
    assert "(speculation.md)" in words.claims(ladder(), True)


def test_the_claim_on_scale_counts_rungs_by_what_becomes_of_them(
    keep: Any, claims: Callable[[], dict[str, str]]
) -> None:
    for scale in ("0.3M", "1M"):
        keep.controls(scale)
    keep.gaps("sat-2", "sat", {"0.3M": (6, 5), "1M": (4, 2)})
    keep.gaps("nat-2", "nat", {"0.3M": (20, 19), "1M": (21, 22)}, mixture_bits_per_char=None)
    said = claims()["The gap shrinks with scale"]
    sizes = (
        "That is of 250,000 to 1,000,000 parameters outside tables: "
        "[Does the gap shrink?](#does-the-gap-shrink)"
    )
    assert said == (
        "- Alone, of 2 rungs with two sizes or more: the gap to AR grows in 1 (`nat-2`); the gap "
        f"to AR shrinks in 1 (`sat-2`). {sizes} "
        "- Beside the memory, of 1 rung with two sizes or more: the gap to AR shrinks in 1 "
        f"(`sat-2`). {sizes}"
    )


@pytest.mark.parametrize(
    ("steps", "work", "said"),
    [
        (
            0.5,
            600_000.0,
            "2.00 (within the claim) and its multiply-adds by 1.67 (within the claim)",
        ),
        (0.4, 800_000.0, "2.50 (above the claim) and its multiply-adds by 1.25 (below the claim)"),
        (
            1.0,
            2_000_000.0,
            "1.00 (below the claim) and its multiply-adds by 0.50 (below the claim)",
        ),
    ],
)
def test_the_claim_on_two_bytes_a_step_is_held_against_what_was_measured(
    keep: Any, claims: Callable[[], dict[str, str]], steps: float, work: float, said: str
) -> None:
    keep.controls()
    keep.gaps("sat-2", "sat", {"1M": (2, 3)}, backbone_steps=steps, multiply_adds=work)
    text = claims()[SAT]
    assert text.startswith(
        f"- `sat-2` divides the backbone steps of AR by {said}, and changes bits/char by +2.50 % ± "
    )
    assert "(row `sat-2` of [Scale 1M](#scale-1m), 2 seeds)" in text
    assert ("against AR of as many multiply-adds" in text) == (work <= 1_000_000)


def test_speed_counts_where_an_engine_computes_both(
    keep: Any, claims: Callable[[], dict[str, str]]
) -> None:
    keep.controls(seeds=1)
    file = {"file_bytes": 1, "file_bits_per_char": 1.6, "compress_kb_per_s": 40.0}
    keep.rung("sat-2", backbone_steps=0.5, decompress_kb_per_s=40.0, **file)
    assert "the claim), restores files at 1.60 times its KB/s, and changes" in claims()[SAT]


def test_passes_over_a_window_are_named_at_the_scale_that_has_most_of_them(
    keep: Any, claims: Callable[[], dict[str, str]]
) -> None:
    for scale in ("1M", "4M"):
        keep.controls(scale)
        keep.gaps("order-8", "order", {scale: (5, 6)}, multiply_adds=8_000_000.0)
    keep.gaps("order-1", "order", {"1M": (30, 29)}, backbone_steps=0.125)
    keep.gaps("nat-2", "nat", {"4M": (20, 21)}, backbone_steps=0.5)
    said = claims()["A whole string is evaluated in parallel"]
    assert (
        "`order-8`, at 1.000 backbone steps a byte and 8.00 times the multiply-adds of AR, "
        "changes bits/char by +5.50 % ± 0.50 alone"
    ) in said
    assert "row `order-8` of [Scale 1M](#scale-1m), 2 seeds" in said
    assert "From `order-8` to `order-1` bits/char alone rise by 22.75 % ± 1.06." in said
    assert "row `nat-2` of [Scale 4M](#scale-4m), 2 seeds" in said
    assert "From `nat-2`" not in said


def test_tokens_have_no_mixture(keep: Any, claims: Callable[[], dict[str, str]]) -> None:
    keep.controls(seeds=1)
    keep.rung("bpe-4k", gap=-3, mixture_bits_per_char=None, backbone_steps=0.41)
    said = claims()["Bigger tokens"]
    assert "at 0.410 backbone steps a byte and 1.00 times the multiply-adds of AR" in said
    assert "changes bits/char by -3.00 % alone; against AR" in said
    assert "memory" not in said


@pytest.mark.parametrize(
    ("gaps", "said"),
    [
        ((-2, -4), "fall by 3.00 % ± 1.00"),
        ((2, 4), "rise by 3.00 % ± 1.00"),
        ((-1, 2), "change by +0.50 % ± 1.50, not distinguishable from the spread of seeds"),
        ((-2,), "change by -2.00 %, in one seed"),
    ],
)
def test_teaching_is_held_against_the_same_network_untaught(
    keep: Any, claims: Callable[[], dict[str, str]], gaps: tuple[float, ...], said: str
) -> None:
    keep.gaps("space", "patch", {"1M": (0, 0), "4M": (0, 0)})
    keep.gaps("space-taught", "patch", {"1M": gaps})
    keep.gaps("ar-fifth-taught", "shrunk", {"1M": gaps})
    seeds = f"{len(gaps)} seed{'s' if len(gaps) > 1 else ''}"
    assert claims()["Distillation"] == (
        f"- From `space` to `space-taught` bits/char alone {said} and beside the memory {said} "
        f"(row `space-taught` of [Scale 1M](#scale-1m), {seeds})."
    )


def test_anchors_are_those_of_markdown() -> None:
    assert words.link(words.heading("0.3M")) == "[Scale 0.3M](#scale-03m)"
    assert words.anchor(words.SHRINKS) == "does-the-gap-shrink"
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
