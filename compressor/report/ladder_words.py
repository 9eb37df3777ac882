"""The ladder in sentences: what its runs say of size, and of what is claimed for fast decoding.

Every number and every word that compares is computed, so that a sentence is true of whatever the
runs hold; one whose runs are not there is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compressor.ladder.rows import AR, TAUGHT
from compressor.report.ladder_series import ALONE, MIXTURE, RATES, Ladder, Rung, Sample, Slope
from compressor.report.pages import NO_BREAK, bullet, prose, sections
from compressor.report.tables import whole

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
SHRINKS = "Does the gap shrink?"
"""The heading of what is said of size."""
SIZED = (AR, "shrunk")
"""Families of networks that decode a byte a step, as AR does."""
SAT, ORDERS, UNSEEN, TOKENS = (
    ("sat-2", "sat-2-gate"),
    ("order-8", "order-4", "order-2", "order-1"),
    ("nat-2", "nat-4"),
    ("bpe-4k",),
)
"""Rungs by the claim that they answer."""
CLAIMED = (1.5, 2.0)
"""By how much several symbols a step are claimed to be faster."""
SPECULATION = "speculation.md"
"""The page on drafts that are verified, beside that of the ladder."""
SHORT = {ALONE: "alone", MIXTURE: "beside the memory"}


def percent(sample: Sample) -> str:
    """A change in per cent, with its spread where that is known."""
    return f"{sample.mean:+.2f} %{spread(sample, '.2f')}"


def spread(sample: Sample, digits: str) -> str:
    """The spread of a figure as it stands after the figure; empty where it is not known."""
    return "" if sample.spread is None else f" {PLUS_MINUS} {sample.spread:{digits}}"


def names(rungs: Iterable[str]) -> str:
    """Names of rungs in running text."""
    return ", ".join(f"`{rung}`" for rung in rungs)


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence, 'and' before the last."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def heading(scale: str) -> str:
    """The heading of a scale's table."""
    return f"Scale {scale}"


def anchor(title: str) -> str:
    """What a link to a heading names: '## Scale 0.3M' is '#scale-03m'."""
    return "".join(sign for sign in title.lower() if sign.isalnum() or sign in " -").replace(
        " ", "-"
    )


def link(title: str) -> str:
    """A link to a heading of the page."""
    return f"[{title}](#{anchor(title)})"


def row(rung: Rung) -> str:
    """Where the row of a rung stands, and of how many seeds it is."""
    seeds = f"{len(rung.seeds)} seed{'s' if len(rung.seeds) > 1 else ''}"
    return f"row `{rung.name}` of {link(heading(rung.scale))}, {seeds}"


def against_shrunk(rungs: Sequence[Rung], of: str) -> str:
    """Which rungs of a scale lie below, above or about at AR of as many multiply-adds."""
    groups: dict[str, list[str]] = {"smaller in": [], "larger in": [], "within the spread in": []}
    alone = "of one seed, so not to be told, in"
    words = dict(zip((-1, 1, 0), groups, strict=True))
    for rung in rungs:
        if sample := rung.against_shrunk.get(of):
            word = alone if sample.spread is None else words[sample.sign]
            groups.setdefault(word, []).append(rung.name)
    parts = [f"{word} {names(found)}" for word, found in groups.items() if found]
    if not parts:
        return ""
    return (
        "Against the AR network shrunk to the same multiply-adds, bits/char "
        f"{SHORT[of]} are {'; '.join(parts)}."
    )


def with_size(slope: Slope) -> str:
    """What becomes of a rung's distance from AR as networks grow.

    A gap is a distance above AR at every scale, and a lead one below.
    """
    if slope.slope.spread is None:
        return "one seed does not tell whether the gap shrinks or grows"
    if not slope.slope.sign:
        return "whether the gap shrinks or grows is not distinguishable from the spread of seeds"
    falls = slope.slope.sign < 0
    if all(gap.mean > 0 for gap in slope.gaps.values()):
        return f"the gap to AR {'shrinks' if falls else 'grows'}"
    if all(gap.mean < 0 for gap in slope.gaps.values()):
        return f"the lead over AR {'grows' if falls else 'shrinks'}"
    return f"the change against AR, a gap at some sizes only, {'falls' if falls else 'rises'}"


def sizes(slopes: Sequence[Slope]) -> str:
    """For which networks slopes speak."""
    least, most = min(slope.least for slope in slopes), max(slope.most for slope in slopes)
    return f"{whole(least)} to {whole(most)} parameters outside tables"


def of_size(ladder: Ladder) -> str:
    """A point a rung on its slopes; empty where no rung has one."""
    if not ladder.slopes:
        return ""
    rungs = dict.fromkeys(slope.rung for slope in ladder.slopes)
    points = [_point([one for one in ladder.slopes if one.rung == rung]) for rung in rungs]
    end = (
        f"The slopes speak for AR networks of {sizes(ladder.slopes)}, after "
        f"{whole(ladder.about['total_bytes'])} bytes of text, and say nothing of other sizes."
    )
    return sections("\n".join(points), prose(end))


def _point(slopes: Sequence[Slope]) -> str:
    """What becomes of one rung's gaps, and which runs say so."""
    runs = list(dict.fromkeys(map(_runs, slopes)))
    parts = []
    for slope in slopes:
        figure = f"{slope.slope.mean:+.2f}{spread(slope.slope, '.2f')} points a doubling"
        own = f"; {_runs(slope)}" if len(runs) > 1 else ""
        parts.append(f"{SHORT[slope.of]}, {with_size(slope)} ({figure}{own})")
    end = f". {runs[0]}" if len(runs) == 1 else ""
    return bullet(f"`{slopes[0].rung}`: {'; '.join(parts)}{end}.")


def _runs(slope: Slope) -> str:
    """The sizes and seeds of a slope."""
    many = "s" if len(slope.seeds) > 1 else ""
    gaps = "" if slope.paired else ", not all of them at every size"
    return f"{sizes([slope])}, seed{many} {listed([str(seed) for seed in slope.seeds])}{gaps}"


def claims(ladder: Ladder, speculation: bool) -> str:
    """A heading a claim that the runs answer, with points below it.

    ``speculation`` says whether its page is there.
    """
    draft = f"Measured apart: [drafts of several bytes, verified]({SPECULATION})."
    answers = {
        "The gap shrinks with scale": list(_scale(ladder)),
        "Two bytes a step make it 1.5 to 2 times as fast": list(_several(ladder)),
        "A whole string is evaluated in parallel": list(_parallel(ladder)),
        "Bigger tokens": [_cost(ladder, rung) for rung in _most(ladder, TOKENS)],
        "Draft and verify": [draft] if speculation else [],
        "Distillation": list(_taught(ladder)),
    }
    parts = [
        f"### {claim}\n\n" + "\n".join(map(bullet, answer))
        for claim, answer in answers.items()
        if answer
    ]
    return sections(*parts) if parts else ""


def _scale(ladder: Ladder) -> Iterator[str]:
    """How many rungs come nearer to AR as networks grow."""
    slopes = [slope for slope in ladder.slopes if slope.family not in SIZED]
    for of in RATES:
        own = [slope for slope in slopes if slope.of == of]
        groups: dict[str, list[str]] = {}
        for slope in own:
            groups.setdefault(with_size(slope), []).append(slope.rung)
        told_first = sorted(groups, key=lambda phrase: (not phrase.startswith("the "), phrase))
        parts = [f"{said} in {len(groups[said])} ({names(groups[said])})" for said in told_first]
        if parts:
            count = f"{len(own)} rung{'s' if len(own) > 1 else ''}"
            yield (
                f"{SHORT[of].capitalize()}, of {count} with two sizes or more: "
                f"{'; '.join(parts)}. That is of {sizes(own)}: {link(SHRINKS)}"
            )


def _several(ladder: Ladder) -> Iterator[str]:
    """What two bytes a step save and cost."""
    for rung in _most(ladder, SAT):
        ar = ladder.named(AR, rung.scale)
        if ar:
            steps = _saved(ar.steps, rung.steps)
            work = _saved(ar.multiply_adds, rung.multiply_adds)
            yield (
                f"`{rung.name}` divides the backbone steps of AR by {steps} and its multiply-adds "
                f"by {work}{_faster(ar, rung)}, and {_change(rung)} ({row(rung)})."
            )


def _saved(ours: float | None, theirs: float | None) -> str:
    """By what factor one number is smaller than another, and where that lies to the claim."""
    assert ours and theirs, "runs with bits/char have both"
    factor, (low, high) = round(ours / theirs, 2), CLAIMED
    place = "below" if factor < low else "above" if factor > high else "within"
    return f"{factor:.2f} ({place} the claim)"


def _faster(ar: Rung, rung: Rung) -> str:
    """The speed of files, where an engine computes both."""
    if not (ar.decompress and rung.decompress):
        return ""
    return f", restores files at {rung.decompress / ar.decompress:.2f} times its KB/s"


def _cost(ladder: Ladder, rung: Rung) -> str:
    """What a rung takes and what that does to bits/char."""
    ar = ladder.named(AR, rung.scale)
    work = ""
    if ar and ar.multiply_adds and rung.multiply_adds:
        work = f" and {rung.multiply_adds / ar.multiply_adds:.2f} times the multiply-adds of AR"
    return (
        f"`{rung.name}`, at {rung.steps:.3f} backbone steps a byte{work}, {_change(rung)} "
        f"({row(rung)})."
    )


def _change(rung: Rung) -> str:
    """What a rung does to bits/char against AR, and against AR of as many multiply-adds."""
    parts = [f"{_said(sample)} {SHORT[of]}" for of, sample in rung.against_ar.items()]
    shrunk = [f"{_said(sample)} {SHORT[of]}" for of, sample in rung.against_shrunk.items()]
    text = f"changes bits/char by {listed(parts)}"
    return f"{text}; against AR of as many multiply-adds by {listed(shrunk)}" if shrunk else text


def _said(sample: Sample) -> str:
    """A change in per cent that stands in one line."""
    return percent(sample).replace(" ", NO_BREAK)


def _parallel(ladder: Ladder) -> Iterator[str]:
    """What it costs to evaluate a window in fewer passes, or bytes that do not see each other."""
    for wanted in (ORDERS, UNSEEN):
        rungs = _most(ladder, wanted)
        yield from (_cost(ladder, rung) for rung in rungs)
        if len(rungs) > 1:
            first, last = rungs[0], rungs[-1]
            change = ladder.change(last.name, first.name, first.scale, ALONE)
            if change:
                yield f"From `{first.name}` to `{last.name}` bits/char alone {_moved(change)}."


def _moved(change: Sample) -> str:
    """A change in words that say its direction where that can be told."""
    if change.spread is None:
        return f"change by {_said(change)}, in one seed"
    if not change.sign:
        return f"change by {_said(change)}, not distinguishable from the spread of seeds"
    amount = f"{abs(change.mean):.2f} %{spread(change, '.2f')}"
    return f"{'rise' if change.sign > 0 else 'fall'} by {amount}"


def _taught(ladder: Ladder) -> Iterator[str]:
    """What networks gain that a larger one teaches, against the same networks untaught."""
    names = dict.fromkeys(rung.name for rung in ladder.rungs if rung.name.endswith(TAUGHT))
    for name in names:
        twin = name.removesuffix(TAUGHT)
        for scale in reversed(ladder.scales):
            rung = ladder.named(name, scale)
            changes = {of: ladder.change(name, twin, scale, of) for of in RATES}
            parts = [f"{SHORT[of]} {_moved(found)}" for of, found in changes.items() if found]
            if rung and parts:
                yield f"From `{twin}` to `{name}` bits/char {listed(parts)} ({row(rung)})."
                break


def _most(ladder: Ladder, wanted: Sequence[str]) -> list[Rung]:
    """Those of some rungs that have a change against AR, at the scale where most of them have.

    Of several such scales, the largest.
    """
    found: list[Rung] = []
    for scale in ladder.scales:
        rungs = [ladder.named(name, scale) for name in wanted]
        compared = [rung for rung in rungs if rung and rung.against_ar]
        found = compared if len(compared) >= len(found) else found
    return found
