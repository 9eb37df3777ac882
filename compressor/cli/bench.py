"""Commands that measure: the benchmark, and what speed and weights cost."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from compressor.cli import options
from compressor.cli.groups import Commands
from compressor.codec import levels
from compressor.system.extras import need

INPUT = click.Path(exists=True, dir_okay=False)
"""A file that is measured on."""
LEVEL = click.IntRange(levels.LOWEST, levels.HIGHEST)


def some_levels(default: str) -> options.Option:
    """The option ``--level`` of a command that measures several of them."""
    return click.option(
        "--level",
        "levels_",
        multiple=True,
        type=LEVEL,
        metavar="1-9",
        help=f"A level; may be repeated.  [default: {default}]",
    )


@dataclasses.dataclass(frozen=True)
class Measuring:
    """The options of the commands that run the benchmark."""

    results: str
    limit: float
    jobs: int
    again: bool
    cluster: str | None
    quiet: bool
    as_json: bool


@click.group(
    cls=Commands,
    sections={
        "Commands": {
            "run": "bench:run",
            "list": "bench:list_",
            "speed": "bench:speed",
            "engines": "bench:engines",
            "weights": "bench:weights",
            "estimate": "bench:estimate",
            "memory": "bench:memory",
            "scale": "bench:scale",
            "speculation": "bench:speculation",
            "report": "report:report",
            "leaderboard": "report:leaderboard",
        }
    },
    default=("run", "bench:run"),
    subcommand_metavar="[COMMAND] [ARGS]...",
)
def bench() -> None:
    """Measure codecs, speed, weights; report what was measured.

    Every file is restored and compared. Without a command: run.

    \b
    Examples:
      kolmozip bench                     every codec on enwik8's last 5,000,000 bytes
      kolmozip bench book.txt --jobs 2   on a file of your own; see `bench run --help`
      kolmozip bench list                which codecs there are, here and elsewhere
      kolmozip bench leaderboard         on all of enwik8, then tables and plots
    """


def measuring(work: Callable[..., None]) -> Callable[..., None]:
    """A command that runs the benchmark, with the options of Measuring as ``settings``."""

    @functools.wraps(work)
    def command(
        results: str,
        limit: float,
        jobs: int,
        again: bool,
        cluster: str | None,
        quiet: bool,
        as_json: bool,
        **arguments: Any,
    ) -> None:
        settings = Measuring(results, limit, jobs, again, cluster, quiet, as_json)
        work(**arguments, settings=settings)

    return options.combined(
        options.results,
        click.option(
            "--limit",
            default=3600.0,
            show_default=True,
            type=click.FloatRange(0, min_open=True),
            help="Seconds a codec may take, each way.",
        ),
        click.option(
            "--jobs",
            "-j",
            default=1,
            show_default=True,
            type=click.IntRange(1),
            help="Codecs at a time, at most one a core; our own and neural ones always run alone. "
            "Speeds are cleanest with 1.",
        ),
        click.option(
            "--again", is_flag=True, help="Also run what has a verified row on this input already."
        ),
        click.option(
            "--cluster",
            metavar="ADDRESS",
            help="Run codecs on the workers of the Dask scheduler at ADDRESS, one at a time each; "
            "a row states the worker's machine. In place of --jobs.",
        ),
        options.quiet,
        options.as_json,
    )(command)


def run_codecs(name: str, codecs: tuple[str, ...], settings: Measuring) -> bool:
    """Runs codecs, or all that can run here, on the input of this name, and prints their rows.

    Returns whether every codec came through.
    """
    how: dict[str, Any] = {
        "limit_s": settings.limit,
        "jobs": settings.jobs,
        "again": settings.again,
        "quiet": settings.quiet,
    }
    with need("bench"):
        from compressor.bench import files, progress_board
        from compressor.bench.inputs import opened
        from compressor.bench.jobs import jobs_named
        from compressor.bench.records import GROUPS
        from compressor.bench.runner import bench as measure

        raw, table = Path(settings.results, "raw"), progress_board.table
        with _elsewhere(settings.cluster) as how["elsewhere"]:
            if name in GROUPS:
                rows, table = files.bench_files(name, codecs, raw, **how), files.table
            else:
                todo = jobs_named(codecs)
                with opened(name) as source:
                    rows = measure(todo, source, raw, **how)
    if settings.as_json:
        for row in rows:
            options.print_json(dataclasses.asdict(row))
    else:
        click.echo(table(rows))
    return all(row.verified for row in rows)


@contextlib.contextmanager
def _elsewhere(address: str | None) -> Iterator[Any]:
    """The workers of the scheduler at an address as what runs codecs, None without one."""
    if address is None:
        yield None
        return
    from compressor.bench.cluster import workers

    with workers(address) as elsewhere:
        yield elsewhere


@click.command()
@click.argument("input", default="test5m", metavar="[INPUT]")
@click.option(
    "--codec",
    "codecs",
    multiple=True,
    help='A codec by name, or "kolmozip -9 -m NAME" for other weights than those of a level; may '
    "be repeated.  [default: all that can run]",
)
@measuring
def run(input: str, codecs: tuple[str, ...], settings: Measuring) -> None:
    """Run codecs on INPUT: compress, restore, compare.

    Each in fresh processes, one JSON a run. INPUT is a slice of enwik8 (test5m by default, enwik8,
    head1m, valid ...), its cleaned text (test5m-text8), a file or a folder; or files-test,
    files-known or files-development, which is every file of a folder of that name beside the
    corpora (KOLMOZIP_CORPORA), as `kolmozip corpus files` writes them. What has a verified row on
    the same input is not run again, so a stopped benchmark goes on where it stopped. The exit
    code is 1 if any codec failed; all the others have run by then.

    \b
    Examples:
      kolmozip bench                                       every codec on test5m
      kolmozip bench --codec "xz -9e" --codec "zpaq -m5"   two of them
      kolmozip bench book.txt --jobs 2                     on a file of your own
      kolmozip bench folder                                on a folder, as one tar
      kolmozip bench test5m-text8                          on words a-z and spaces alone
      kolmozip bench files-test                            on one file of each kind
      kolmozip bench --cluster tcp://10.0.0.1:8786         each codec on a worker of a cluster
    """
    if not run_codecs(input, codecs, settings):
        sys.exit(1)


@click.command("list")
def list_() -> None:
    """List the codecs, and how to get the missing ones."""
    with need("bench"):
        from compressor.bench.jobs import listing

        click.echo("\n".join(listing()))


@click.command()
@click.argument("input", type=INPUT)
@click.option("--level", type=LEVEL, metavar="1-9", help=f"The level.  [default: {levels.DEFAULT}]")
@click.option(
    "--model", "-m", help="Weights in place of the default level's: a name, or a .kzw file's path."
)
@options.results
@options.as_json
def speed(input: str, level: int | None, model: str | None, results: str, as_json: bool) -> None:
    """Measure our codec on one file.

    Bytes, bits/char, KB/s each way and peak memory, in fresh processes. The restored file is
    compared byte for byte. INPUT is a file; `kolmozip dev corpus test5m -o test5m` writes the
    standard test slice.
    """
    if level is not None and model is not None:
        raise click.UsageError("--model codes at the default level: leave out --level")
    with need("bench"):
        from compressor.bench.speed import measure

        chosen = levels.DEFAULT if level is None else level
        facts, path = measure(Path(input), Path(results, "raw"), level=chosen, model=model)
    _show(facts, path, as_json)
    if facts["status"] != "verified":
        raise click.ClickException(f"{facts['reason']}: please report this with the facts above")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@some_levels("3, 6")
@click.option(
    "--most",
    default=1000,
    show_default=True,
    type=click.IntRange(1),
    help="Files to read, and files to code, at most.",
)
@options.results
@options.quiet
@options.as_json
def memory(
    folder: Path, levels_: tuple[int, ...], most: int, results: str, quiet: bool, as_json: bool
) -> None:
    """Measure what a prepared memory is worth on FOLDER.

    Every second of its files is read beforehand, a thousand at most, and as many others are coded,
    with and without, beside zstd's trained dictionary; all are restored and compared.

    \b
    Examples:
      kolmozip corpus records json -o records-json
      kolmozip bench memory records-json
    """
    with need("bench"):
        from compressor.bench.prepared import measure, table

        facts, path = measure(folder, levels_ or (3, 6), Path(results, "raw"), quiet, most)
    if as_json:
        options.print_json(facts)
        return
    click.echo(f"{table(facts)}\nwritten to {path}")


@click.command()
@click.argument("source", metavar="INPUT", type=click.Path(exists=True, path_type=Path))
@some_levels("1, 3, 6")
@options.results
@options.quiet
@options.as_json
def scale(source: Path, levels_: tuple[int, ...], results: str, quiet: bool, as_json: bool) -> None:
    """Measure what much data costs.

    INPUT is a file, or a folder of which all files below are taken: a gigabyte tells more than a
    megabyte. At each level all files are coded over all cores, restored and compared. Bytes,
    seconds, peak memory; and what a terabyte takes at that rate. `kolmozip bench report` makes the
    page scale.md of it.

    \b
    Examples:
      kolmozip bench scale enwik9
      kolmozip bench scale logs --level 1 --level 3 --level 6
    """
    with need("bench"):
        from compressor.bench.scale import LEVELS, measure, table

        facts, path = measure(source, levels_ or LEVELS, Path(results, "raw"), quiet)
    if as_json:
        options.print_json(facts)
        return
    click.echo(f"{table(facts)}\nwritten to {path}")


@click.command()
@click.argument("input", default="test5m", metavar="[INPUT]")
@some_levels("3, 4, 6")
@click.option(
    "--rounds",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Runs of the inputs of up to 1 MiB; the median counts.",
)
@click.option("--candle", is_flag=True, help="Also the float network on Candle, built by cargo.")
@options.results
@options.quiet
@options.as_json
def engines(
    input: str,
    levels_: tuple[int, ...],
    rounds: int,
    candle: bool,
    results: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure the native engine beside JAX.

    On INPUT, a slice of enwik8 or a file, and on its first 64 KiB, 10,000 and 1,000 bytes: start to
    end, every instruction set at hand, xz -9e beside them on the whole. JAX, which has the memory's
    definition in NumPy beside it, takes part on up to 10,000 bytes. `kolmozip bench report`
    makes results/phase2.md of it.

    \b
    Examples:
      kolmozip bench engines --candle      on test5m; some twenty minutes
      kolmozip bench engines book.txt --level 4
    """
    with need("bench"), need("jax"):
        from compressor.bench.engines import MEASURED, measure, table

        facts, path = measure(
            input,
            levels_ or MEASURED,
            Path(results, "raw"),
            rounds=rounds,
            candle=candle,
            quiet=quiet,
        )
    _tell(facts, table(facts["rows"]), path, as_json)


def _tell(facts: options.Facts, table: str, path: Path, as_json: bool) -> None:
    """Prints a measurement as JSON or as its table, and where it is kept on stderr."""
    if as_json:
        options.print_json(facts)
    else:
        click.echo(table)
    click.echo(f"written to {path}", err=True)


@click.command()
@click.option(
    "--model",
    "-m",
    "models",
    multiple=True,
    help="Weights by name or path; may be repeated.  [default: small]",
)
@click.option(
    "--rounds",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Runs of each decoder, in turn; the median counts.",
)
@click.option(
    "--most",
    default=262_144,
    show_default=True,
    type=click.IntRange(1_000),
    help="Bytes of the largest piece that is decoded.",
)
@options.results
@options.quiet
@options.as_json
def speculation(
    models: tuple[str, ...], rounds: int, most: int, results: str, quiet: bool, as_json: bool
) -> None:
    """Measure drafts in the decoder.

    The network of the native decoder may read drafted bytes beside the one that came, which
    changes nothing but the time. On pieces of the shipped sample in 1, 2 and 4 lanes: every draft
    and width, and none. `kolmozip bench report` makes results/speculation.md of it.

    \b
    Examples:
      kolmozip bench speculation                     some twenty minutes
      kolmozip bench speculation --model small --model base --most 65536
    """
    with need("bench"):
        from compressor.bench.speculation import MODELS, PIECES, measure, table

        facts, path = measure(
            Path(results, "raw"),
            models=models or MODELS,
            pieces=[piece for piece in PIECES if piece[0] <= most],
            rounds=rounds,
            quiet=quiet,
        )
    _tell(facts, table(facts["rows"]), path, as_json)


@click.command()
@click.argument("input", type=INPUT)
@click.option("--checkpoint", required=True, type=options.RUN, help="Folder of the training run.")
@options.results
@options.as_json
def estimate(input: str, checkpoint: str, results: str, as_json: bool) -> None:
    """Estimate what a run's float model would cost.

    On INPUT, with and without the memory: an estimate, not a file.
    """
    with need("train"):
        from compressor.bench.estimate import estimate as measure

        facts, path = measure(Path(input), Path(checkpoint), Path(results, "raw"))
    _show(facts, path, as_json)


@click.command()
@click.argument("run", type=options.RUN)
@click.option(
    "--bits",
    "-b",
    multiple=True,
    type=options.BITS,
    help="Bits a weight to try; may be repeated.  [default: 8, 7, 6, 5, 4.5, 4, 3.5, 3]",
)
@options.results
@options.quiet
@options.as_json
def weights(run: str, bits: tuple[float, ...], results: str, quiet: bool, as_json: bool) -> None:
    """Pack the weights of a RUN at several precisions.

    Bytes, and bits/char as an estimate: of network and memory on the first 1,048,576 bytes of the
    validation text. `kolmozip bench report` draws the curve.

    \b
    Example:
      kolmozip bench weights runs/small
    """
    with need("train"):
        from compressor.bench.weight_bits import BITS, measure

        facts, path = measure(Path(run), Path(results, "raw"), bits or BITS, quiet)
    _show(facts, path, as_json)


def _show(facts: options.Facts, path: Path, as_json: bool) -> None:
    options.print_facts(facts, as_json)
    click.echo(f"written to {path}", err=True)
