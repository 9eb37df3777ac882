"""Commands that code files, and the form without a command, as zstd and gzip are used."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compressor.cli import options
from compressor.cli.options import Settings
from compressor.codec import engines
from compressor.codec.seams import BlockCodec
from compressor.system import files
from compressor.system.progress import bar

if TYPE_CHECKING:
    from compressor.codec.prepared import Coder

SUFFIX = ".kz"
"""Ending of a container's file name."""


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """What came of one input: sizes in bytes; ``output`` is None where nothing was written.

    ``status`` is that of the input when it was opened, None for a pipe or a device.
    """

    verb: str
    input: str
    status: os.stat_result | None
    output: str | None
    original: int
    compressed: int
    seconds: float
    warnings: list[str]


class _Nowhere:
    """An output that takes everything and keeps nothing."""

    def write(self, data: bytes, /) -> int:
        return len(data)


@click.command(cls=options.Compressing)
@options.inputs
@options.output
@options.level
@options.max_memory
@options.how
@options.with_settings
def compress(inputs: tuple[str, ...], settings: Settings) -> None:
    """Compress each INPUT to INPUT.kz.

    '-' is standard input. Inputs are kept.

    \b
    Examples:
      kolmozip compress a.txt b.txt
      kolmozip compress a.txt -o packed.kz --force
      kolmozip compress -9 --max-memory 500M a.txt
      kolmozip compress -D logs.kzm today.log
      tar c folder | kolmozip compress - -o folder.tar.kz
    """
    _compress_all(inputs, settings)


@click.command()
@options.inputs
@options.output
@options.limits
@options.how
@options.with_settings
def decompress(inputs: tuple[str, ...], settings: Settings) -> None:
    """Restore each INPUT.kz.

    '-' is standard input. The file itself says which model it needs. Bytes sent to a pipe are
    vouched for only by exit code 0; a file appears only when its checksum holds.

    \b
    Examples:
      kolmozip decompress a.txt.kz
      kolmozip decompress a.txt.kz -c | less
      kolmozip decompress -D logs.kzm today.log.kz
      kolmozip decompress strange.kz --max-output 500M --max-memory 1G
    """
    _decompress_all(inputs, settings)


@click.command()
@options.inputs
@options.limits
@options.how
@options.with_settings
def test(inputs: tuple[str, ...], settings: Settings) -> None:
    """Decode each INPUT and check it; nothing is written.

    \b
    Examples:
      kolmozip test a.txt.kz b.txt.kz
      kolmozip test strange.kz --max-output 1G
    """
    _test_all(inputs, settings)


@click.command()
@options.inputs
@options.as_json
def inspect(inputs: tuple[str, ...], as_json: bool) -> None:
    """Show all that each file tells of itself.

    Header, blocks, ratio, bits/char and model card. Nothing is decoded: every checksum is verified
    but that of the original.
    """
    from compressor.codec.inspection import inspect_file, show

    def work(name: str) -> None:
        facts = inspect_file(name)
        if as_json:
            options.print_json(facts)
        else:
            click.echo(show(facts))

    options.each(inputs, work, as_json)


@click.command("list")
@options.inputs
@options.as_json
@options.with_settings
def list_(inputs: tuple[str, ...], settings: Settings) -> None:
    """Show each file in one line of a table.

    With --json, all that `inspect` tells. Nothing is decoded.
    """
    _list_all(inputs, settings)


def _show_help(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    """Prints the help of the whole program, of which these options are a part."""
    if value:
        click.echo(ctx.find_root().get_help())
        ctx.exit()


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from coding.container import VERSION
        from compressor import __version__

        engine = engines.describe()
        click.echo(f"kolmozip {__version__}, file format {VERSION}, engine: {engine}")
        ctx.exit()


@click.command(cls=options.Compressing, add_help_option=False)
@click.argument("inputs", nargs=-1, metavar="[FILE]...", type=options.PATH)
@click.option("-d", "--decompress", "mode", flag_value="decompress", help="Restore FILEs.")
@click.option("-z", "--compress", "mode", flag_value="compress", help="Compress them, the default.")
@click.option("-t", "--test", "mode", flag_value="test", help="Check them, write nothing.")
@click.option("-l", "--list", "mode", flag_value="list", help="Show them as a table.")
@options.output
@options.level
@options.limits
@options.how
@click.option(
    "-h",
    "--help",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_help,
    help="Show this text and exit.",
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the versions of program and format, and the engine.",
)
@options.with_settings
def wordless(inputs: tuple[str, ...], settings: Settings) -> None:
    """The program without a command's word, used as zstd and gzip are."""
    if not inputs and sys.stdin is not None and sys.stdin.isatty():
        raise click.UsageError("no FILE is named, and standard input is a terminal")
    _check_first(inputs)
    modes = {
        "compress": _compress_all,
        "decompress": _decompress_all,
        "test": _test_all,
        "list": _list_all,
    }
    modes[settings.mode or "compress"](inputs or (files.PIPE,), settings)


def _check_first(inputs: tuple[str, ...]) -> None:
    """Refuses a command's name after options, where it would be taken for a file's."""
    ctx = click.get_current_context().find_root()
    assert isinstance(ctx.command, click.Group)
    if inputs and inputs[0] in ctx.command.list_commands(ctx) and not Path(inputs[0]).exists():
        raise click.UsageError(
            f"no file {inputs[0]} is here, and the command of that name comes before its options: "
            f"kolmozip {inputs[0]} ..."
        )


def _compress_all(inputs: tuple[str, ...], settings: Settings) -> None:
    targets = _targets(inputs, settings, lambda name: name + SUFFIX)
    if settings.stdout and len(inputs) > 1:
        raise click.UsageError("standard output takes one compressed input")
    if files.PIPE in targets.values() and sys.stdout is not None and sys.stdout.isatty():
        raise click.UsageError(
            "compressed data is not written to a terminal: redirect it, or name a file with -o"
        )
    _code_all(inputs, targets, settings, _compress)


def _decompress_all(inputs: tuple[str, ...], settings: Settings) -> None:
    _code_all(inputs, _targets(inputs, settings, _without_suffix), settings, _decompress)


def _without_suffix(name: str) -> str:
    if not name.endswith(SUFFIX) or len(Path(name).name) <= len(SUFFIX):
        raise click.UsageError(f"{name} does not end in {SUFFIX}: name the output with -o")
    return name[: -len(SUFFIX)]


def _targets(
    inputs: tuple[str, ...], settings: Settings, name_output: Callable[[str], str]
) -> dict[str, str]:
    """The output of each input, by their names. Raises click.UsageError."""
    if settings.output is not None and settings.stdout:
        raise click.UsageError("-o and -c name two outputs: leave one of them out")
    output = files.PIPE if settings.stdout else settings.output
    if settings.output is not None and len(inputs) > 1:
        raise click.UsageError(
            "-o takes one input: leave it out, and each output goes beside its input"
        )
    if settings.remove and files.PIPE in (output, *inputs):
        raise click.UsageError("--rm needs files as inputs and outputs: no pipe holds the data")
    return {
        name: output or (files.PIPE if name == files.PIPE else name_output(name)) for name in inputs
    }


def _code_all(
    inputs: tuple[str, ...],
    targets: dict[str, str],
    settings: Settings,
    code: Callable[[str, str, Settings], _Outcome],
) -> None:
    to_stdout = files.PIPE in targets.values()

    def work(name: str) -> None:
        outcome = code(name, targets[name], settings)
        if settings.remove and not files.remove_input(name, outcome.status):
            outcome.warnings.append("it has changed meanwhile and is kept; compress it again")
        _report(outcome, settings, to_stdout)

    options.each(inputs, work, settings.as_json, err=to_stdout)


def _compress(name: str, target: str, settings: Settings) -> _Outcome:
    begun = time.monotonic()
    with files.open_input(name) as source:
        files.check_distinct(source, target)
        with files.open_output(target, settings.force, source.status) as packed:
            from compressor.codec import levels, registry, stream

            prepared = _prepared(settings, compressing=True)
            coders = None
            if prepared is None:
                model = settings.model or levels.LEVELS[settings.level].model
                coders = registry.coders(model, settings.engine, settings.threads)
            with bar(source.size, name, settings.quiet) as progress:
                digest = stream.compress_stream(
                    source,
                    packed,
                    settings.level,
                    progress,
                    coders=coders,
                    lanes=settings.lanes,
                    max_memory=settings.max_memory,
                    prepared=prepared,
                )
    warnings = list(packed.warnings)
    if name.endswith(SUFFIX):
        warnings.append(f"it ended in {SUFFIX} already and is now compressed twice")
    sizes, seconds = (digest.length, packed.count), time.monotonic() - begun
    return _Outcome("compressed", name, source.status, target, *sizes, seconds, warnings)


def _decompress(name: str, target: str, settings: Settings) -> _Outcome:
    begun = time.monotonic()
    with files.open_input(name) as packed:
        files.check_distinct(packed, target)
        with files.open_output(target, settings.force, packed.status) as raw:
            length = _restore(name, packed, raw, settings)
    sizes, seconds = (length, packed.count), time.monotonic() - begun
    return _Outcome("restored", name, packed.status, target, *sizes, seconds, list(raw.warnings))


def _test(name: str, settings: Settings) -> _Outcome:
    begun = time.monotonic()
    with files.open_input(name) as packed:
        length = _restore(name, packed, _Nowhere(), settings)
    sizes, seconds = (length, packed.count), time.monotonic() - begun
    return _Outcome("checked", name, packed.status, None, *sizes, seconds, [])


def _test_all(inputs: tuple[str, ...], settings: Settings) -> None:
    def work(name: str) -> None:
        _report(_test(name, settings), settings)

    options.each(inputs, work, settings.as_json)


def _restore(
    name: str,
    packed: files.InputStream,
    target: files.OutputStream | _Nowhere,
    settings: Settings,
) -> int:
    """Decodes one container within the limits; returns the length of the original in bytes."""
    from compressor.codec import registry, stream

    def find(identity: bytes) -> BlockCodec:
        return registry.by_identity(identity, settings.engine, settings.threads)

    prepared = _prepared(settings, compressing=False)
    with bar(original_length(name), name, settings.quiet) as progress:
        return stream.decompress_stream(
            packed,
            target,
            progress,
            find,
            max_output=settings.max_output,
            max_memory=settings.max_memory,
            prepared=prepared,
        ).length


def _prepared(settings: Settings, compressing: bool) -> Coder | None:
    """The prepared memory that was named, ready to code with; read once for all inputs."""
    if settings.prepared is None:
        return None
    if compressing and (settings.model or settings.lanes):
        raise click.UsageError(
            "a prepared memory says which model and how many lanes: leave out -m and --lanes, "
            "or build another memory with them"
        )
    opened: dict[str, Coder] = click.get_current_context().meta.setdefault(__name__, {})
    if settings.prepared not in opened:
        from compressor.codec.prepared import Memory

        memory = Memory.open(settings.prepared)
        opened[settings.prepared] = memory.coder(settings.engine, settings.threads)
    return opened[settings.prepared]


def original_length(name: str) -> int | None:
    """The original's length as the file states it, unverified: for the progress bar alone."""
    from coding.container import END_BYTES, stated_length

    if name == files.PIPE or not Path(name).is_file():
        return None
    size = Path(name).stat().st_size
    with Path(name).open("rb") as source:
        length = stated_length(source.read(10), size)
        if length is not None or size < END_BYTES:
            return length
        source.seek(size - END_BYTES + 4)
        return min(int.from_bytes(source.read(8), "little"), 1 << 50)


def _list_all(inputs: tuple[str, ...], settings: Settings) -> None:
    from compressor.codec.inspection import inspect_file

    form = "{:>15} {:>15} {:>9}  {:10}  {}"
    if not settings.as_json:
        click.echo(form.format("compressed", "original", "bits/char", "model", "file"))

    def work(name: str) -> None:
        facts = inspect_file(name)
        if settings.as_json:
            options.print_json(facts)
            return
        compressed, original = facts["compressed_bytes"], facts["original_bytes"]
        bits = f"{facts['bits_per_char']:.3f}" if original else "-"
        models = ", ".join(name or "not here" for name in facts["models"]) or "-"
        shown = options.printable(name)
        click.echo(form.format(f"{compressed:,}", f"{original:,}", bits, models, shown))

    options.each(inputs, work, settings.as_json)


def _report(outcome: _Outcome, settings: Settings, to_stdout: bool = False) -> None:
    """Tells what came of one input, as JSON or as a summary on stderr.

    ``to_stdout`` says that standard output carries payload, so that JSON too goes to stderr.
    """
    rate = options.rate(outcome.compressed, outcome.original)
    if settings.as_json:
        facts = {
            "input": outcome.input,
            "output": outcome.output,
            "original_bytes": outcome.original,
            "compressed_bytes": outcome.compressed,
            "bits_per_char": rate,
            "seconds": round(outcome.seconds, 3),
            "warnings": outcome.warnings,
        }
        options.print_json(facts, err=to_stdout)
        return
    if settings.quiet:
        return
    name = options.printable(outcome.input)
    for warning in outcome.warnings:
        click.echo(f"kolmozip: {name}: warning: {warning}", err=True)
    if outcome.output == files.PIPE and not settings.verbose:
        return
    shown = name if outcome.output is None else f"{name} -> {options.printable(outcome.output)}"
    bits = "" if rate is None else f"{rate:.3f} bits/char, "
    speed = outcome.original / 1000 / max(outcome.seconds, 1e-9)
    click.echo(
        f"{shown}: {outcome.verb} {outcome.original:,} / {outcome.compressed:,} bytes, "
        f"{bits}{outcome.seconds:.1f} s, {speed:.0f} KB/s{_peak() if settings.verbose else ''}",
        err=True,
    )


def _peak() -> str:
    """The peak memory of the process so far, for the summary."""
    import resource

    from compressor.system.process import RSS_UNIT

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT
    return f", peak {used / 1e6:,.0f} MB"
