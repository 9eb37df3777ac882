"""Commands around training: a run, its speed, its weights, and the comparison of networks."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from compressor.cli import options
from compressor.cli.groups import Commands
from compressor.cli.options import COUNT
from compressor.codec.levels import DEFAULT, HIGHEST, LOWEST
from compressor.system.allocator import restart_with_allocator
from compressor.system.extras import need

RUN = click.Path(exists=True, file_okay=False, path_type=Path)
"""The folder of a training run."""
SHARE = click.FloatRange(0, 1)
MINUTES = click.FloatRange(0, min_open=True)


@click.group(
    cls=Commands,
    sections={
        "Commands": {
            "run": "train:run",
            "speed": "train:speed",
            "pack": "train:pack",
            "slim": "train:slim",
            "ablate": "train:ablate",
        }
    },
    default=("run", "train:run"),
    subcommand_metavar="[COMMAND] [ARGS]...",
)
def train() -> None:
    """Train: run, speed, pack, slim, ablate.

    Without a command: run.

    \b
    Examples:
      kolmozip train --preset small            about two hours on two CPU cores
      kolmozip train --preset small --resume   after a kill; see `train run --help`
      kolmozip train pack runs/small -o small.kzw
    """


text = click.argument("input", default="enwik8", metavar="[INPUT]")
preset = click.option(
    "--preset", default="small", show_default=True, help="Shape of the network by name."
)


@click.command()
@text
@preset
@click.option("--output", "-o", help="Folder of the run.  [default: runs/PRESET]")
@click.option("--bytes", "total_bytes", type=COUNT, help="Budget in bytes of text.")
@click.option(
    "--minutes",
    type=MINUTES,
    help="Budget in minutes instead: a few timed steps say how many bytes that is.",
)
@click.option(
    "--stop-after-minutes",
    type=MINUTES,
    help="Save and stop after so long, to go on with --resume; the budget stays.",
)
@click.option("--learning-rate", type=float, help="Peak learning rate.  [default: 0.003]")
@click.option(
    "--decay",
    "decay_fraction",
    type=SHARE,
    help="Share of the steps, the last ones, over which the rate falls to 0.  [default: 0.75]",
)
@click.option(
    "--optimiser",
    type=click.Choice(["muon", "adamw"]),
    help="For the matrices.  [default: muon]",
)
@click.option(
    "--average",
    type=click.FloatRange(0, 1, max_open=True),
    help="Keep a moving average of the weights with this decay a step.  [default: 0, none]",
)
@click.option("--lanes", type=COUNT, help="Lanes in a batch, shared by all devices.  [default: 32]")
@click.option("--window", type=COUNT, help="Bytes a lane in one step.  [default: 256]")
@click.option(
    "--seed",
    type=int,
    help="Of initial weights, of cold starts, of where lanes begin.  [default: 0]",
)
@click.option(
    "--bits",
    "weight_bits",
    type=options.BITS,
    help="Finish on a coarser grid: about so many bits a weight once packed.  [default: 8]",
)
@click.option("--finish", type=SHARE, help="Share of the steps on that grid.  [default: 0.15]")
@click.option(
    "--from",
    "start",
    metavar="RUN|MODEL",
    help="Begin with the weights of another run, or of a model by its name or its .kzw file; "
    "a smaller network grows into this one.",
)
@click.option(
    "--teacher",
    metavar="RUN|MODEL",
    help="A network whose distribution is part of the target, named likewise.",
)
@click.option("--distillation", type=SHARE, help="That part's share.  [default: 0.5]")
@click.option(
    "--beside-memory",
    is_flag=True,
    help="Train for the mixture with the memory that files are coded with, which is recorded "
    "first; needs --from.",
)
@click.option(
    "--record-block",
    type=COUNT,
    metavar="BYTES",
    help="Record the memory in blocks of so many bytes, each from a fresh one, as files of that "
    "length have it.  [default: one block]",
)
@click.option(
    "--record-level",
    type=click.IntRange(LOWEST, HIGHEST),
    help=f"Record the memory of this level.  [default: {DEFAULT}]",
)
@click.option(
    "--recipe",
    metavar="NAME",
    help="Make a shipped model anew from nothing, by its recipe or one in a .toml file; goes with "
    "--output (the folder of its stages, runs by default), --stop-after-minutes and --quiet alone.",
)
@click.option(
    "--coordinator",
    metavar="HOST:PORT",
    help="Train in several processes that meet here.",
)
@click.option("--processes", default=1, show_default=True, type=COUNT, help="How many they are.")
@click.option(
    "--process", default=0, show_default=True, type=click.IntRange(0), help="Which of them this is."
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from the last checkpoint in the folder, exactly, with its settings.",
)
@options.quiet
def run(
    input: str,
    preset: str,
    output: str | None,
    start: str | None,
    teacher: str | None,
    beside_memory: bool,
    recipe: str | None,
    minutes: float | None,
    stop_after_minutes: float | None,
    coordinator: str | None,
    processes: int,
    process: int,
    resume: bool,
    quiet: bool,
    **settings: int | float | str | None,
) -> None:
    """Train a network on INPUT.

    Its weights file (.kzw) and card (.json) go into the folder of the run. INPUT is a corpus by
    name (enwik8 by default), or a file, of which 90 % are trained on and 5 % validate. Every device
    that JAX sees is used. On a CPU, XLA_FLAGS=--xla_force_host_platform_device_count=4 makes four
    of one.

    \b
    Examples:
      kolmozip train --preset small                     about two hours on two CPU cores
      kolmozip train --preset small --resume            after a kill
      kolmozip train --preset small --minutes 60        what an hour here is good for
      kolmozip train my.txt --preset nano --bytes 2000000
      kolmozip train --preset base --from runs/small    grow a trained small
      kolmozip train --preset tiny --teacher base       learn from text and a shipped network
      kolmozip train --from small -o runs/beside --beside-memory --bytes 20000000
      kolmozip train --recipe small                     every stage of the default model
      kolmozip train --coordinator localhost:9911 --processes 2 --process 0   (and 1)
    """
    if recipe is not None:
        _refuse_beside_recipe()
    restart_with_allocator()
    with need("train"):
        from compressor.training import command

        if recipe is not None:
            from compressor.training.recipe import follow, read

            folder = Path(output or "runs")
            click.echo(follow(read(recipe), folder, stop_after_minutes, quiet), err=True)
            return
        request = command.Request(
            preset,
            Path(output or f"runs/{preset}"),
            input,
            options.named(settings),
            command.Origin(start, teacher, beside_memory, resume),
            command.Budget(minutes, stop_after_minutes),
            command.Processes(coordinator, processes, process),
            quiet,
        )
        line = command.run(request)
    click.echo(line, err=True)


def _refuse_beside_recipe() -> None:
    """Raises click.UsageError where what the recipe says was named as well."""
    context = click.get_current_context()
    for parameter in context.command.params:
        named = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        if named and parameter.name not in ("recipe", "output", "stop_after_minutes", "quiet"):
            raise click.UsageError(f"the recipe says all else: leave {parameter.opts[0]} out")


@click.command()
@preset
@click.option("--lanes", default=32, show_default=True, type=COUNT, help="Lanes in a batch.")
@click.option(
    "--window", default=256, show_default=True, type=COUNT, help="Bytes a lane in one step."
)
@click.option("--steps", default=20, show_default=True, type=COUNT, help="Steps to time.")
@options.results
@options.as_json
def speed(preset: str, lanes: int, window: int, steps: int, results: str, as_json: bool) -> None:
    """Measure how fast a preset trains here.

    KB of text a second: the median of single steps, after four to warm up.
    """
    restart_with_allocator()
    with need("train"):
        from compressor.bench.training_speed import measure
        from compressor.training.config import TrainConfig

        config = TrainConfig(lanes=lanes, window=window)
        facts, path = measure(preset, config, steps, Path(results, "raw"))
    options.print_facts(facts, as_json)
    click.echo(f"written to {path}", err=True)


@click.command()
@click.argument("run", type=RUN)
@click.option(
    "--bits",
    "-b",
    type=options.BITS,
    help="Bits a weight, about.  [default: those the run was trained for]",
)
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    help="Where to write it, ending in .kzw.",
)
@options.force
def pack(run: Path, bits: float | None, output: Path, force: bool) -> None:
    """Write the weights of a RUN as a file.

    Its card goes beside it. With --bits, the weights are put on a coarser grid.

    \b
    Example:
      kolmozip train pack runs/small --bits 4 -o weights/small4.kzw
    """
    with need("train"):
        from compressor.training.pack import pack as write

        line = write(run, bits, output, force)
    click.echo(line, err=True)


@click.command()
@click.argument("run", type=RUN)
@click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path), help="The new folder."
)
def slim(run: Path, output: Path) -> None:
    """Copy a RUN without its optimiser state.

    The copy is small enough to be carried elsewhere. It serves `train --from`, `train --teacher`,
    `train pack` and `bench estimate`.

    \b
    Example:
      kolmozip train slim runs/base -o carried/base
    """
    with need("train"):
        from compressor.training.checkpoints import slim as copy

        size = copy(run, output)
    click.echo(f"{output}: {size:,} bytes", err=True)


@click.command()
@text
@click.option(
    "--only",
    multiple=True,
    metavar="GROUP",
    help="A group or one experiment (see --list); may be repeated.",
)
@click.option("--bytes", "total_bytes", type=COUNT, help="Bytes of text a run.  [default: 3000000]")
@click.option(
    "--seeds",
    default=3,
    show_default=True,
    type=COUNT,
    help="Seeds of the main comparisons.",
)
@click.option("--learning-rate", type=float, help="Peak learning rate.  [default: 0.01]")
@options.results
@click.option(
    "--list",
    "as_list",
    is_flag=True,
    help="List the experiments with their parameters, and the time they take.",
)
@click.option(
    "--report-only", is_flag=True, help="Run nothing; write table and plots from the JSON there is."
)
@options.quiet
def ablate(
    input: str,
    only: tuple[str, ...],
    seeds: int,
    results: str,
    as_list: bool,
    report_only: bool,
    quiet: bool,
    **settings: int | float | None,
) -> None:
    """Compare networks that differ in one part.

    They are small, and trained at equal parameters and bytes. Table and plots go into
    RESULTS/ablations. A run kept under RESULTS/raw is not run again, so a stopped series goes on
    where it stopped. All of it takes more than an hour on two idle cores. The base that everything
    is compared with is always among the runs. INPUT is what `kolmozip train run` takes.

    \b
    Examples:
      kolmozip train ablate                             everything that is missing
      kolmozip train ablate --list                      which experiments there are
      kolmozip train ablate --only mlp --only "kan grid"
      kolmozip train ablate --only base --learning-rate 0.02
      kolmozip train ablate my.txt --bytes 300000 --seeds 1 --results try
      kolmozip train ablate --report-only               tables and plots anew
    """
    if not (as_list or report_only):
        restart_with_allocator()
    if as_list:
        with need("train"):
            from compressor.ablation.experiments import chosen, experiments
            from compressor.ablation.runs import listing

            click.echo("\n".join(listing(chosen(experiments(), only), seeds)))
        return
    if not report_only:
        with need("train"):
            from compressor.ablation.runs import ablate as train_all

            train_all(only, input, Path(results), seeds, options.named(settings), quiet)
    with need("report"):
        from compressor.report import ablations

        paths = ablations.build(Path(results, "raw"), Path(results, "ablations"))
    for path in paths:
        click.echo(f"wrote {path}", err=True)
