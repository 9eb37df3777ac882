"""What `kolmozip bench report` writes, from the measurements alone: same rows, same bytes."""

from __future__ import annotations

from pathlib import Path

from baselines.cited import cited
from compressor.report import (
    ablation_series,
    engines,
    index,
    ladder,
    ladder_series,
    leaderboard,
    measurements,
    prepared,
    readme,
    scale,
    speculation,
    transformer,
    weight_bits,
)
from compressor.report.pages import write
from compressor.report.plots import leaderboard as plots
from compressor.system.files import named_errors


def build(
    raw: Path, out: Path, readme_path: Path | None, weights: Path | None = None
) -> list[Path]:
    """Writes the report of the measurements in ``raw`` into ``out``; returns the paths written.

    These are index.html, leaderboard.md, leaderboard.csv, transformer.md, phase2.md, memory.md,
    scale.md and speculation.md where engines, prepared memories, much data and drafts were
    measured, ladder.md with ladder/ where the ladder was run, plots/ and ablations/weight-bits.*,
    the generated parts of README where it has markers for them, and, in the cards of the weights in
    a folder, what their models reach on test5m.
    Nothing is written where a measurement is malformed: raises MalformedResult (with the file's
    name), InputMissing, NoPermission, DiskFull.
    """
    kept, points = measurements.load(raw, cited()), weight_bits.load(raw)
    measured, drafts = engines.load(raw), speculation.load(raw)
    ladders = ladder_series.load(raw)
    cards = readme.cards(kept, weights) if weights else []
    with named_errors(str(out)):
        out.mkdir(parents=True, exist_ok=True)
        drawn = plots.write(kept, out / "plots")
        drawn += speculation.draw(drafts[0], out / "plots") if drafts else []
    pages = {
        "leaderboard.csv": leaderboard.as_csv(kept),
        "leaderboard.md": leaderboard.page(kept, {path.stem for path in drawn}),
        "transformer.md": transformer.page(kept),
        index.PAGE: index.page(
            kept, ablation_series.load(raw), measured[0] if measured else None, ladders
        ),
    }
    if memories := prepared.load(raw):
        pages[prepared.PAGE] = prepared.page(memories)
    if much := scale.load(raw):
        pages[scale.PAGE] = scale.page(much)
    if drafts:
        pages[speculation.PAGE] = speculation.page(*drafts)
    if measured:
        pages[engines.PAGE] = engines.page(*measured)
    written = [write(out / name, content) for name, content in pages.items()] + drawn
    written += weight_bits.write_all(points, out / "ablations")
    written += ladder.write_all(ladders, out, kept)
    written += [write(path, card) for path, card in cards]
    if readme_path and (text := readme.with_parts(readme_path, kept)) is not None:
        written.append(write(readme_path, text))
    return written
