"""The command ``kolmozip``. stdout carries payload or results, stderr messages and progress; heavy imports wait for need."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import click

from coding import container
from coding.errors import KolmozipError
from compressor.errors import Interrupted
from compressor.system import files
from compressor.system.progress import bar

SUFFIX = ".kz"
STOPPED = (130, 141, 143)
"""What shells call an end by SIGINT, SIGPIPE and SIGTERM."""


class Refusal(click.ClickException):
    """A named error as one line on stderr, exit code 1."""

    def __init__(self, error: Exception, name: str = "") -> None:
        super().__init__(" ".join(str(error).split()))
        self.name = type(error).__name__
        self.input = name

    def show(self, file: Any = None) -> None:
        """Prints ``kolmozip: INPUT: NAME: text``."""
        where = (
            f"{self.input}: "
            if self.input and not self.message.startswith(f"{self.input}: ")
            else ""
        )
        click.echo(f"kolmozip: {where}{self.name}: {self.message}", err=True)


class Stop(Refusal):
    """The user's interrupt, with the exit code that shells know it by."""

    exit_code = 130


class Commands(click.Group):
    """Turns our named errors, wherever they arise, into refusals."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command line."""
        from data.corpora import CorpusError

        try:
            with files.named_errors("kolmozip"):
                return super().invoke(ctx)
        except (KolmozipError, CorpusError) as error:
            raise Refusal(error) from error
        except BrokenPipeError:
            files.discard_standard_output()
            sys.exit(141)
        except KeyboardInterrupt:
            raise Stop(
                Interrupted("stopped by the user, no unfinished file is left: run it again")
            ) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kolmozip")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Lossless compression by a small language model: any bytes, any machine, the same file every time.

    \b
    Examples:
      kolmozip compress book.txt              writes book.txt.kz, keeps book.txt
      kolmozip decompress book.txt.kz         writes book.txt
      cat log | kolmozip compress - > log.kz  pipes
      kolmozip inspect book.txt.kz            header, ratio, bits/char, model card
      kolmozip demo                           a small table on real text
    """
    if (
        threading.current_thread() is threading.main_thread()
    ):  # a polite kill unwinds, so that no unfinished file stays
        before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        ctx.call_on_close(lambda: signal.signal(signal.SIGTERM, before))


def _options(command: Any) -> Any:
    for option in (
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="Print one JSON object a file (to stderr if stdout is the output).",
        ),
        click.option("--quiet", "-q", is_flag=True, help="No progress, no summary; errors only."),
        click.option("--force", "-f", is_flag=True, help="Replace an output that exists."),
        click.option("--output", "-o", help="Output path, or '-' for standard output."),
    ):
        command = option(command)
    return click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")(command)


def _run(inputs: tuple[str, ...], output: str | None, name_output: Any, work: Any) -> None:
    """Runs work(input, output) for every input; a refusal of one does not stop the others, but the exit code tells."""
    if output is not None and len(inputs) > 1:
        raise click.UsageError(
            "-o takes one input: leave it out, and each output goes beside its input"
        )
    targets = [output or name_output(name) for name in inputs]
    failed = 0
    for name, target in zip(inputs, targets, strict=True):
        try:
            with files.named_errors(name):
                work(name, target)
        except KolmozipError as error:
            Refusal(error, name).show()
            failed += 1
    if failed:
        sys.exit(1)


def _size(name: str) -> int | None:
    return Path(name).stat().st_size if name != files.PIPE and Path(name).is_file() else None


def _report(
    verb: str,
    name: str,
    target: str,
    original: int,
    packed: int,
    seconds: float,
    quiet: bool,
    as_json: bool,
) -> None:
    rate = 8 * packed / original if original else None
    if as_json:
        facts = {
            "input": name,
            "output": target,
            "original_bytes": original,
            "compressed_bytes": packed,
            "bits_per_char": rate,
            "seconds": round(seconds, 3),
        }
        click.echo(json.dumps(facts), err=target == files.PIPE)
    elif not quiet and target != files.PIPE:
        told = f"{rate:.3f} bits/char, " if rate is not None else ""
        click.echo(
            f"{name} -> {target}: {verb} {original:,} / {packed:,} bytes, {told}{seconds:.1f} s, "
            f"{original / 1000 / max(seconds, 1e-9):.0f} KB/s",
            err=True,
        )


@main.command()
@_options
@click.option(
    "--model",
    "-m",
    default=None,
    help="Weights by name, or the path of a .kzw file.  [default: small]",
)
def compress(
    inputs: tuple[str, ...],
    output: str | None,
    force: bool,
    quiet: bool,
    as_json: bool,
    model: str | None,
) -> None:
    """Compress each INPUT ('-' is standard input) to INPUT.kz; inputs are kept.

    \b
    Examples:
      kolmozip compress a.txt b.txt
      kolmozip compress a.txt -o packed.kz --force
      tar c folder | kolmozip compress - -o folder.tar.kz
    """

    def work(name: str, target: str) -> None:
        if target == files.PIPE and sys.stdout and sys.stdout.isatty():
            raise click.UsageError(
                "compressed data is not written to a terminal: redirect it, or name a file with -o"
            )
        files.check_output(target, force)
        begun = time.monotonic()
        with files.open_input(name) as source, files.open_output(target, force) as packed:
            from compressor.codec import model as registry
            from compressor.codec import stream as codec
            from compressor.codec import weights_store

            chosen = registry.by_name(model or weights_store.DEFAULT_MODEL)
            with bar(_size(name), name, quiet) as progress:
                digest = codec.compress_stream(source, packed, chosen, progress)  # type: ignore[arg-type]
        files.copy_rights(name, target)
        _report(
            "compressed",
            name,
            target,
            digest.length,
            packed.count,
            time.monotonic() - begun,
            quiet,
            as_json,
        )

    _run(inputs, output, lambda name: name if name == files.PIPE else name + SUFFIX, work)


def _without_suffix(name: str) -> str:
    if name == files.PIPE:
        return name
    if not name.endswith(SUFFIX) or len(Path(name).name) <= len(SUFFIX):
        raise click.UsageError(f"{name} does not end in {SUFFIX}: name the output with -o")
    return name[: -len(SUFFIX)]


@main.command()
@_options
def decompress(
    inputs: tuple[str, ...], output: str | None, force: bool, quiet: bool, as_json: bool
) -> None:
    """Restore each INPUT.kz ('-' is standard input); the file itself says which model it needs.

    Bytes sent to a pipe are vouched for only by exit code 0; a file appears only when its checksum holds.

    \b
    Examples:
      kolmozip decompress a.txt.kz
      kolmozip decompress a.txt.kz -o - | less
    """

    def work(name: str, target: str) -> None:
        files.check_output(target, force)
        begun = time.monotonic()
        with files.open_input(name) as packed, files.open_output(target, force) as raw:
            from compressor.codec import stream as codec

            with bar(_original_length(name), name, quiet) as progress:
                digest = codec.decompress_stream(packed, raw, progress)  # type: ignore[arg-type]
        files.copy_rights(name, target)
        _report(
            "restored",
            name,
            target,
            digest.length,
            packed.count,
            time.monotonic() - begun,
            quiet,
            as_json,
        )

    _run(inputs, output, _without_suffix, work)


def _original_length(name: str) -> int | None:
    """The original's length as the end mark tells it, for the progress bar alone."""
    size = _size(name)
    if not size or size < container.END_BYTES:
        return None
    with Path(name).open("rb") as source:
        source.seek(size - container.END_BYTES + 4)
        return min(int.from_bytes(source.read(8), "little"), 1 << 50)


@main.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
def inspect(inputs: tuple[str, ...], as_json: bool) -> None:
    """Show header, blocks, ratio, bits/char and model card of each container; every checksum but the original's is checked."""
    from compressor.codec.inspection import inspect_file, show

    def work(name: str, _: str) -> None:
        facts = inspect_file(name)
        click.echo(json.dumps(facts) if as_json else show(facts))

    _run(inputs, None, lambda name: name, work)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def demo(as_json: bool) -> None:
    """Compress the sample of Wikipedia text that comes with the package, restore it, compare, print a table."""
    from compressor.bench.demo import rows, table

    found = rows(quiet=as_json)
    click.echo(json.dumps(found) if as_json else table(found))
    if not all(row["restored"] for row in found):
        raise click.ClickException(
            "a codec did not restore the sample: please report this with the output of --json"
        )


@main.command()
def models() -> None:
    """List the weights at hand: name, identity, parameters, bytes, bits/char as their cards state them."""
    from compressor.codec.inspection import model_lines

    for line in model_lines():
        click.echo(line)


@main.command()
@click.option("--model", "-m", default=None, help="Weights by name or path.  [default: small]")
@click.option("--lanes", default=16, show_default=True, help="Lanes to run.")
@click.option("--steps", default=64, show_default=True, help="Bytes a lane.")
def selftest(model: str | None, lanes: int, steps: int) -> None:
    """Check that this machine's engine (CPU or GPU) computes the integers of the NumPy definition, on real text."""
    from compressor.codec.selftest import selftest as run

    click.echo(run(model, lanes, steps))


def _measuring(command: Any) -> Any:
    """Options of the commands that run the benchmark."""
    for option in (
        click.option("--quiet", "-q", is_flag=True, help="No progress; the table only."),
        click.option(
            "--again", is_flag=True, help="Run what has a verified row on this input already, too."
        ),
        click.option(
            "--jobs",
            "-j",
            default=1,
            show_default=True,
            type=click.IntRange(1),
            help="Codecs at a time, at most one a core; neural ones always run alone. Speeds are cleanest with 1.",
        ),
        click.option(
            "--limit",
            default=3600.0,
            show_default=True,
            type=click.FloatRange(0, min_open=True),
            help="Seconds a codec may take, each way.",
        ),
    ):
        command = option(command)
    return command


def _bench(name: str, codecs: tuple[str, ...], raw: Path, settings: dict[str, Any]) -> bool:
    """Runs the benchmark on the named input and prints its table; returns whether every codec came through."""
    from compressor.bench.inputs import opened
    from compressor.bench.jobs import jobs_named
    from compressor.bench.progress_board import table
    from compressor.bench.runner import bench as run

    todo = jobs_named(codecs)
    with opened(name) as source:
        rows = run(
            todo,
            source,
            raw,
            settings["limit"],
            settings["jobs"],
            settings["again"],
            settings["quiet"],
        )
    click.echo(table(rows))
    return all(row["status"] == "verified" for row in rows)


@main.group(invoke_without_command=True)
@click.option(
    "--corpus",
    default="test5m",
    show_default=True,
    metavar="INPUT",
    help="A slice of enwik8 (enwik8, test5m, head1m, valid ...), its cleaned text (test5m-text8), a file or a folder.",
)
@click.option(
    "--codec",
    "-c",
    "codecs",
    multiple=True,
    help="A codec by name; may be repeated.  [default: all that can run]",
)
@click.option(
    "--list",
    "as_list",
    is_flag=True,
    help="List the codecs with their versions, and how to get those missing here.",
)
@click.option("--results", default="results/raw", show_default=True, help="Folder for the JSON.")
@_measuring
@click.pass_context
def bench(
    ctx: click.Context,
    corpus: str,
    codecs: tuple[str, ...],
    as_list: bool,
    results: str,
    **settings: Any,
) -> None:
    """Run codecs on an input: compress, restore, compare byte for byte, each in fresh processes; one JSON a run.

    What has a verified row on the same input is not run again, so a stopped benchmark goes on where it stopped.
    The exit code is 1 if any codec failed; all the others have run by then.

    \b
    Examples:
      kolmozip bench                                    every codec on enwik8's last 5,000,000 bytes
      kolmozip bench --list                             which there are, here and elsewhere
      kolmozip bench -c "xz -9e" -c "kolmozip small"    two of them
      kolmozip bench --corpus book.txt --jobs 2         on a file of your own
      kolmozip bench --corpus folder                    on a folder, as one tar
      kolmozip bench --corpus test5m-text8              on words a-z and spaces alone
    """
    if ctx.invoked_subcommand:
        return
    if as_list:
        from compressor.bench.jobs import listing

        click.echo("\n".join(listing()))
    elif not _bench(corpus, codecs, Path(results), settings):
        sys.exit(1)


@main.command()
@click.argument("input", default="enwik8", metavar="[INPUT]")
@click.option(
    "--results",
    default="results",
    show_default=True,
    help="Folder of the leaderboard; the JSON goes into raw/ in it.",
)
@_measuring
def leaderboard(input: str, results: str, **settings: Any) -> None:
    """Run every codec that can run here on INPUT (default: all of enwik8), then write the tables and plots.

    Whole enwik8 takes about 75 minutes with --jobs 2 on 2 cores: our own model 28 to 30 each way, the classical codecs 13,
    without lrzip. Strong context mixers such as cmix take far longer.
    A stopped run goes on where it stopped. INPUT is what `kolmozip bench --corpus` takes.

    \b
    Examples:
      kolmozip leaderboard
      kolmozip leaderboard test5m
      kolmozip leaderboard enwik8 --limit 7200
    """
    passed = _bench(input, (), Path(results) / "raw", settings)
    _write_report(Path(results))
    if not passed:
        sys.exit(1)


@main.command()
@click.option(
    "--results",
    default="results",
    show_default=True,
    help="Folder of the leaderboard, with the JSON in raw/.",
)
def report(results: str) -> None:
    """Write the leaderboard, the verdict, the plots, README's tables and the test figures of the shipped cards anew, from
    the JSON of the runs alone.

    \b
    Example:
      kolmozip report
    """
    _write_report(Path(results))


def _write_report(results: Path) -> None:
    from compressor.report.build import build

    readme = results.parent / "README.md"
    weights = results.parent / "models" / "shipped"
    for path in build(
        results / "raw",
        results,
        readme if readme.is_file() else None,
        weights if weights.is_dir() else None,
    ):
        click.echo(f"wrote {path}", err=True)


@bench.command()
@click.argument("input", type=click.Path(exists=True, dir_okay=False))
@click.option("--model", "-m", default=None, help="Weights by name or path.  [default: small]")
@click.option("--results", default="results/raw", show_default=True, help="Folder for the JSON.")
def speed(input: str, model: str | None, results: str) -> None:
    """Compress and restore INPUT in fresh processes: bytes, bits/char, KB/s each way, peak memory, compared byte for byte.

    INPUT is a file; `kolmozip corpus test5m -o test5m` writes the standard test slice.
    """
    from compressor.bench.speed import measure

    facts, path = measure(Path(input), model, Path(results))
    click.echo(json.dumps(facts, indent=1))
    click.echo(f"written to {path}", err=True)
    if not facts["restored"]:
        raise click.ClickException(f"{facts['reason']}: please report this with the JSON above")


@bench.command()
@click.option(
    "--preset", default="small", show_default=True, help="Model shape; see models/config.py."
)
@click.option(
    "--lanes", default=32, show_default=True, type=click.IntRange(1), help="Lanes in a batch."
)
@click.option(
    "--window",
    default=256,
    show_default=True,
    type=click.IntRange(1),
    help="Bytes a lane in one step.",
)
@click.option(
    "--steps", default=20, show_default=True, type=click.IntRange(1), help="Steps to time."
)
@click.option("--results", default="results/raw", show_default=True, help="Folder for the JSON.")
def training(preset: str, steps: int, results: str, **settings: Any) -> None:
    """How many KB of text a second a preset trains on here: the median of single steps, after four to warm up."""
    from compressor.training.command import speed

    facts, path = speed(preset, settings, steps, Path(results))
    click.echo(json.dumps(facts, indent=1))
    click.echo(f"written to {path}", err=True)


@bench.command()
@click.argument("input", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--checkpoint",
    required=True,
    type=click.Path(exists=True, file_okay=False),
    help="Folder of the training run.",
)
@click.option("--results", default="results/raw", show_default=True, help="Folder for the JSON.")
def estimate(input: str, checkpoint: str, results: str) -> None:
    """What the float model of a training run would cost on INPUT, with and without memory: an estimate, not a file."""
    from compressor.bench.estimate import estimate as run

    facts, path = run(Path(input), Path(checkpoint), Path(results))
    click.echo(json.dumps(facts, indent=1))
    click.echo(f"written to {path}", err=True)


_BITS = click.FloatRange(1, 8)


@bench.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--bits",
    "-b",
    multiple=True,
    type=_BITS,
    help="Bits to try, repeatable.  [default: 8, 7, 6, 5, 4.5, 4, 3.5, 3]",
)
@click.option("--results", default="results/raw", show_default=True, help="Folder for the JSON.")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def weights(run: Path, bits: tuple[float, ...], results: str, quiet: bool) -> None:
    """Pack the weights of a training RUN at several precisions: bytes of the file, bits/char of network and memory (estimate).

    On the first 1,048,576 bytes of the validation text, under a minute each. `kolmozip report` draws the curve.

    \b
    Example:
      kolmozip bench weights runs/small
    """
    from compressor.bench.weight_bits import BITS, measure

    facts, path = measure(run, Path(results), bits or BITS, quiet)
    click.echo(json.dumps(facts, indent=1))
    click.echo(f"written to {path}", err=True)


@main.command()
@click.argument(
    "name", type=click.Choice(["enwik8", "train", "valid", "test5m", "test1m", "head1m"])
)
@click.option("--output", "-o", required=True, help="Where to write it.")
@click.option("--force", "-f", is_flag=True, help="Replace an output that exists.")
def corpus(name: str, output: str, force: bool) -> None:
    """Write a standard slice of enwik8; found through KOLMOZIP_CORPORA, or downloaded, and checked by SHA-256."""
    from data.corpora import load
    from data.splits import split

    files.check_output(output, force)
    text = split(load("enwik8"), name)
    with files.open_output(output, force) as target:
        target.write(text.tobytes())


_RUN = click.Path(exists=True, file_okay=False, path_type=Path)


@main.command()
@click.option(
    "--preset", default="small", show_default=True, help="Model shape; see models/config.py."
)
@click.option("--out", "-o", default=None, help="Folder of the run.  [default: runs/PRESET]")
@click.option(
    "--bytes", "total_bytes", default=None, type=click.IntRange(1), help="Budget in bytes of text."
)
@click.option(
    "--minutes",
    default=None,
    type=click.FloatRange(0, min_open=True),
    help="Budget in minutes instead: a few timed steps say how many bytes that is.",
)
@click.option(
    "--stop-after-minutes",
    default=None,
    type=click.FloatRange(0, min_open=True),
    help="Save and leave off after so long, to go on with --resume; the budget stays.",
)
@click.option(
    "--corpus",
    "text",
    default="enwik8",
    show_default=True,
    help="Corpus name, or a file (split 90/5/5).",
)
@click.option(
    "--learning-rate", default=None, type=float, help="Peak learning rate.  [default: 0.003]"
)
@click.option(
    "--decay",
    "decay_fraction",
    default=None,
    type=click.FloatRange(0, 1),
    help="Share of the steps, the last ones, over which the rate falls to 0.  [default: 0.75]",
)
@click.option(
    "--optimiser",
    default=None,
    type=click.Choice(["muon", "adamw"]),
    help="For the matrices.  [default: muon]",
)
@click.option(
    "--average",
    default=None,
    type=click.FloatRange(0, 1, max_open=True),
    help="Keep a moving average of the weights with this decay a step.  [default: 0, none]",
)
@click.option(
    "--lanes",
    default=None,
    type=click.IntRange(1),
    help="Lanes in a batch, shared by all devices.  [default: 32]",
)
@click.option(
    "--window",
    default=None,
    type=click.IntRange(1),
    help="Bytes a lane in one step.  [default: 256]",
)
@click.option(
    "--seed",
    default=None,
    type=int,
    help="Of initial weights, of cold starts, of where lanes begin.  [default: 0]",
)
@click.option(
    "--weight-bits",
    default=None,
    type=click.FloatRange(1, 8),
    help="Finish on a coarser grid: about so many bits a weight once packed.  [default: 8]",
)
@click.option(
    "--finish",
    default=None,
    type=click.FloatRange(0, 1),
    help="Share of the steps on that grid.  [default: 0.15]",
)
@click.option(
    "--from",
    "start",
    default=None,
    type=_RUN,
    help="Begin with the weights of another run; a smaller network grows into this one.",
)
@click.option(
    "--teacher", default=None, type=_RUN, help="A run whose distribution is part of the target."
)
@click.option(
    "--distillation",
    default=None,
    type=click.FloatRange(0, 1),
    help="That part's share.  [default: 0.5]",
)
@click.option(
    "--beside-memory",
    is_flag=True,
    help="Train for the mixture with the memory that files are coded with, which is recorded first; needs --from.",
)
@click.option(
    "--coordinator",
    default=None,
    metavar="HOST:PORT",
    help="Train in several processes that meet here.",
)
@click.option(
    "--processes", default=1, show_default=True, type=click.IntRange(1), help="How many they are."
)
@click.option(
    "--process", default=0, show_default=True, type=click.IntRange(0), help="Which of them this is."
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from the last checkpoint in the folder, exactly, with its settings.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def train(
    preset: str,
    out: str | None,
    text: str,
    start: Path | None,
    teacher: Path | None,
    beside_memory: bool,
    minutes: float | None,
    stop_after_minutes: float | None,
    coordinator: str | None,
    processes: int,
    process: int,
    resume: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Train a preset and write its weights file (.kzw) and card (.json) into the folder of the run.

    Every device that JAX sees is used. On a CPU, `XLA_FLAGS=--xla_force_host_platform_device_count=4` makes four of one.

    \b
    Examples:
      kolmozip train --preset small                     about two hours on two CPU cores
      kolmozip train --preset small --resume            after a kill
      kolmozip train --preset small --minutes 60        what an hour here is good for
      kolmozip train --preset nano --bytes 2000000 --corpus my.txt
      kolmozip train --preset base --from runs/small    grow a trained small
      kolmozip train --preset tiny --teacher runs/base  learn from the text and from another network
      kolmozip train --preset small --from runs/small --out runs/beside --beside-memory --bytes 20000000
      kolmozip train --preset small --coordinator localhost:9911 --processes 2 --process 0   (and --process 1)
    """
    from compressor.training.command import Request, run

    named = {key: value for key, value in settings.items() if value is not None}
    asked = Request(
        preset,
        Path(out or f"runs/{preset}"),
        text,
        named,
        resume,
        quiet,
        start,
        teacher,
        beside_memory,
        minutes,
        stop_after_minutes,
        coordinator,
        processes,
        process,
    )
    click.echo(run(asked), err=True)


@main.command()
@click.option(
    "--only",
    multiple=True,
    metavar="GROUP",
    help="A group or one experiment (see --list); may be repeated.",
)
@click.option(
    "--bytes",
    "total_bytes",
    default=None,
    type=click.IntRange(1),
    help="Bytes of text a run.  [default: 3000000]",
)
@click.option(
    "--seeds",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Seeds of the main comparisons.",
)
@click.option(
    "--learning-rate", default=None, type=float, help="Peak learning rate.  [default: 0.01]"
)
@click.option(
    "--corpus", default="enwik8", show_default=True, help="Corpus name, or a file (split 90/5/5)."
)
@click.option(
    "--results",
    default="results",
    show_default=True,
    help="Folder of the tables; the JSON goes into raw/ in it.",
)
@click.option(
    "--list",
    "as_list",
    is_flag=True,
    help="List the experiments with their parameters, and the time they take.",
)
@click.option(
    "--report-only", is_flag=True, help="Run nothing; write table and plots from the JSON there is."
)
@click.option("--quiet", "-q", is_flag=True, help="No line a run.")
def ablate(
    only: tuple[str, ...],
    seeds: int,
    corpus: str,
    results: str,
    as_list: bool,
    report_only: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Train small networks with one part exchanged, at equal parameters and bytes; table and plots in RESULTS/ablations.

    A run kept under RESULTS/raw is not run again, so a stopped series goes on where it stopped. All of it takes more than an
    hour on two idle cores. The base that everything is held against is always among the runs.

    \b
    Examples:
      kolmozip ablate                                       everything that is missing, then the tables
      kolmozip ablate --list                                which experiments there are
      kolmozip ablate --only mlp --only "kan grid"          two groups
      kolmozip ablate --only base --learning-rate 0.02      one more rate
      kolmozip ablate --corpus my.txt --bytes 300000 --seeds 1 --results try
      kolmozip ablate --report-only                         tables and plots anew
    """
    if not (as_list or report_only):
        from compressor.system.allocator import restart_with_allocator

        restart_with_allocator()
    from compressor.ablation import experiments as ablations
    from compressor.report import ablations as ablation_report

    if as_list:
        click.echo(
            "\n".join(ablations.listing(ablations.chosen(ablations.experiments(), only), seeds))
        )
        return
    if not report_only:
        settings = {key: value for key, value in settings.items() if value is not None}
        ablations.ablate(only, corpus, Path(results), seeds, settings, quiet)
    for path in ablation_report.build(Path(results, "raw"), Path(results, "ablations")):
        click.echo(f"wrote {path}", err=True)


@main.command()
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--bits",
    "-b",
    default=None,
    type=_BITS,
    help="Bits a weight, about.  [default: those the run was trained for]",
)
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to write it, ending in .kzw.",
)
@click.option("--force", "-f", is_flag=True, help="Replace an output that exists.")
def pack(run: Path, bits: float | None, output: Path, force: bool) -> None:
    """Write the weights of a training RUN as a file (.kzw, with its card beside it), on a coarser grid if asked.

    RUN may also be a weights file of an older version: it is written anew, smaller, with the same weights.

    \b
    Examples:
      kolmozip pack runs/small --bits 4 -o weights/small4.kzw
      kolmozip pack old/small.kzw -o new/small.kzw
    """
    from compressor.training.pack import pack as write

    click.echo(write(run, bits, output, force), err=True)


@main.command()
@click.argument("run", type=_RUN)
@click.option("--out", "-o", required=True, type=click.Path(path_type=Path), help="The new folder.")
def slim(run: Path, out: Path) -> None:
    """Copy the folder of a training RUN without its optimiser state, to carry it to another machine.

    The copy serves `train --from`, `train --teacher`, `pack` and `bench estimate`.

    \b
    Example:
      kolmozip slim runs/base -o carried/base
    """
    from compressor.training.checkpoints import slim as copy

    click.echo(f"{out}: {copy(run, out):,} bytes", err=True)


def run() -> NoReturn:
    """The process, whose exit code tells: 130 and 143 where it was stopped, 141 where its reader left.

    Those end it at once. XLA's threads may still be computing then, and they crash when the interpreter is taken down under
    them; nothing is left to unwind.
    """
    try:
        main()
    except SystemExit as end:
        if end.code not in STOPPED:
            raise
        sys.stderr.flush()
        os._exit(end.code)
    raise AssertionError("click ends by SystemExit")
