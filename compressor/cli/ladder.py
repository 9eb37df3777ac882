"""The command that compares networks which decode several bytes a step of their backbone."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.cli import options
from compressor.cli.options import COUNT
from compressor.system.allocator import restart_with_allocator
from compressor.system.extras import need


@click.command()
@click.argument("rungs", nargs=-1, metavar="[RUNG]...")
@click.option(
    "--scale",
    "scales",
    multiple=True,
    metavar="SCALE",
    help="0.3M, 1M or 4M parameters outside the tables; may be repeated.  [default: those that "
    "each rung is declared for]",
)
@click.option("--text", default="enwik8", show_default=True, help="A corpus by name, or a file.")
@click.option("--bytes", "total_bytes", type=COUNT, help="Bytes of text a run.  [default: 3000000]")
@click.option("--seeds", default=2, show_default=True, type=COUNT, help="Seeds of every run.")
@click.option("--learning-rate", type=float, help="Peak learning rate.  [default: 0.008]")
@options.results
@click.option("--list", "as_list", is_flag=True, help="List the rungs with their parameters.")
@click.option(
    "--report-only", is_flag=True, help="Run nothing; write page and plots from the JSON there is."
)
@options.quiet
def ladder(
    rungs: tuple[str, ...],
    scales: tuple[str, ...],
    text: str,
    total_bytes: int | None,
    seeds: int,
    learning_rate: float | None,
    results: str,
    as_list: bool,
    report_only: bool,
    quiet: bool,
) -> None:
    """How many bytes may a step of the backbone decode?

    Each RUNG (all of them, where none is named) is a network that decodes several bytes a step in
    its own way, or the shipped one made smaller; it is trained, evaluated alone and beside the
    memory, and where the native engine computes it, measured as a file that was decoded. Page and
    plots go to RESULTS/ladder.md. A run kept under RESULTS/raw is not made again, so a stopped
    series goes on where it stopped.

    \b
    Examples:
      kolmozip ladder                          everything that is missing
      kolmozip ladder --list                   which rungs there are
      kolmozip ladder ar space --scale 1M --seeds 1
      kolmozip ladder --text my.txt --bytes 300000 --results try
      kolmozip ladder --report-only            page and plots anew
    """
    if as_list:
        with need("train"):
            from compressor.ladder.rungs import chosen
            from compressor.ladder.runs import listing

            click.echo("\n".join(listing(chosen(rungs, scales), seeds)))
        return
    if not report_only:
        restart_with_allocator()
        settings = {"total_bytes": total_bytes, "learning_rate": learning_rate}
        with need("train"):
            from compressor.ladder.runs import climb

            climb(rungs, scales, text, Path(results), seeds, options.named(settings), quiet)
    with need("report"):
        from compressor.report import ladder as page

        paths = page.build(Path(results, "raw"), Path(results))
    for path in paths:
        click.echo(f"wrote {path}", err=True)
