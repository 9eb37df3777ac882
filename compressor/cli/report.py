"""Commands that turn kept measurements into tables, plots and pages."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from compressor.cli import options
from compressor.cli.bench import Measuring, measuring, run_codecs
from compressor.system.extras import need


@click.command()
@click.argument("input", default="enwik8", metavar="[INPUT]")
@measuring
def leaderboard(input: str, settings: Measuring) -> None:
    """Run every codec, then write tables and plots.

    INPUT is all of enwik8 where none is named, or what `kolmozip bench run` takes. Whole enwik8
    takes more than an hour on two cores, most of it for our own model; strong context mixers such
    as cmix take far longer. A stopped run goes on where it stopped.

    \b
    Examples:
      kolmozip bench leaderboard
      kolmozip bench leaderboard test5m
      kolmozip bench leaderboard enwik8 --limit 7200
    """
    passed = run_codecs(input, (), settings)
    _write(Path(settings.results))
    if not passed:
        sys.exit(1)


@click.command()
@options.results
def report(results: str) -> None:
    """Write tables and plots anew from kept runs.

    Leaderboard, verdict, plots and README's tables. The test figures in the cards of the shipped
    weights are written too.

    \b
    Example:
      kolmozip bench report
    """
    _write(Path(results))


def _write(results: Path) -> None:
    with need("report"):
        from compressor.report.build import build

        readme = results.parent / "README.md"
        weights = results.parent / "models" / "shipped"
        paths = build(
            results / "raw",
            results,
            readme if readme.is_file() else None,
            weights if weights.is_dir() else None,
        )
    for path in paths:
        click.echo(f"wrote {path}", err=True)
