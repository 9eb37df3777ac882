"""Commands that code files, and the form without a command, as zstd and gzip are used."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coding.errors import KolmozipError
from compressor.cli import many, options
from compressor.cli.options import Settings
from compressor.codec import engines, shares
from compressor.codec.seams import BlockCodec, Progress
from compressor.codec.shares import Need
from compressor.system import files
from compressor.system.progress import aside, bar

if TYPE_CHECKING:
    from compressor.codec.cluster import Cluster, Share
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
@options.unpack
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
      kolmozip compress logs/*.log --cluster tcp://10.0.0.1:8786
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
      kolmozip decompress logs/*.kz --cluster tcp://10.0.0.1:8786
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
      kolmozip test logs/*.kz --cluster tcp://10.0.0.1:8786
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
    if settings.prepared and (settings.model or settings.lanes):
        raise click.UsageError(
            "a prepared memory says which model and how many lanes: leave out -m and --lanes, "
            "or build another memory with them"
        )
    _code_all(inputs, targets, settings, _Compressing(settings))


def _decompress_all(inputs: tuple[str, ...], settings: Settings) -> None:
    targets = _targets(inputs, settings, _without_suffix)
    _code_all(inputs, targets, settings, _Decompressing(settings))


def _test_all(inputs: tuple[str, ...], settings: Settings) -> None:
    _code_all(inputs, dict.fromkeys(inputs), settings, _Testing(settings))


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


class _Way(abc.ABC):
    """One of the ways to code inputs, in whatever threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._prepared: Coder | None = None
        self.cluster: Cluster | None = None

    def elsewhere(self, threads: int) -> Share | None:
        """The cluster, if any, for a file that has so many blocks coded at a time."""
        if self.cluster is None:
            return None
        from compressor.codec.cluster import Share

        return Share(self.cluster, threads)

    def needed(self, name: str) -> Need:
        """As ``need``; what is coded by a cluster has a thread a block here, which waits for it."""
        need = self.need(name)
        return need if self.cluster is None else dataclasses.replace(need, block_threads=1)

    @abc.abstractmethod
    def code(self, name: str, target: str | None, threads: int, progress: Progress) -> _Outcome:
        """Codes an input with so many threads, 0 for one a core."""

    @abc.abstractmethod
    def size(self, name: str) -> int | None:
        """Bytes of original in a file, for the progress bar; None where that is not known."""

    @abc.abstractmethod
    def need(self, name: str) -> Need:
        """What coding a file can use, and what it takes."""

    def prepared(self) -> Coder | None:
        """The prepared memory that was named, ready to code with; read once for all inputs."""
        settings = self.settings
        if settings.prepared is None:
            return None
        with self._lock:
            if self._prepared is None:
                from compressor.codec.prepared import Memory

                memory = Memory.open(settings.prepared)
                self._prepared = memory.coder(settings.engine, settings.threads)
            return self._prepared

    def expected(self) -> Coder | None:
        """The same, or None where it cannot be read, for which each input is refused."""
        with contextlib.suppress(KolmozipError):
            return self.prepared()
        return None


class _Compressing(_Way):
    def code(self, name: str, target: str | None, threads: int, progress: Progress) -> _Outcome:
        assert target is not None
        begun, settings = time.monotonic(), self.settings
        with files.open_input(name) as source:
            files.check_distinct(source, target)
            with files.open_output(target, settings.force, source.status) as packed:
                from compressor.codec import levels, registry, stream

                prepared = self.prepared()
                coders = None
                if prepared is None:
                    level, model = levels.LEVELS[settings.level], settings.model or None
                    coders = registry.of_level(level, model, settings.engine, threads)
                digest = stream.compress_stream(
                    source,
                    packed,
                    settings.level,
                    progress,
                    coders=coders,
                    lanes=settings.lanes,
                    max_memory=settings.max_memory,
                    prepared=prepared,
                    elsewhere=self.elsewhere(threads),
                    unpack=settings.unpack,
                )
        warnings = list(packed.warnings)
        if name.endswith(SUFFIX):
            warnings.append(f"it ended in {SUFFIX} already and is now compressed twice")
        sizes, seconds = (digest.length, packed.count), time.monotonic() - begun
        return _Outcome("compressed", name, source.status, target, *sizes, seconds, warnings)

    def size(self, name: str) -> int | None:
        return many.size_of(name)

    def need(self, name: str) -> Need:
        return many.to_compress(name, self.settings, self.expected())


class _Restoring(_Way):
    """What decompressing and testing share."""

    def size(self, name: str) -> int | None:
        return original_length(name)

    def need(self, name: str) -> Need:
        return many.to_restore(name, original_length(name) or 0, self.expected())

    def restore(
        self,
        packed: files.InputStream,
        target: files.OutputStream | _Nowhere,
        threads: int,
        progress: Progress,
    ) -> int:
        """Decodes one container within the limits; returns the length of the original in bytes."""
        from compressor.codec import registry, stream

        settings = self.settings

        def find(identity: bytes) -> BlockCodec:
            return registry.by_identity(identity, settings.engine, threads)

        return stream.decompress_stream(
            packed,
            target,
            progress,
            find,
            max_output=settings.max_output,
            max_memory=settings.max_memory,
            prepared=self.prepared(),
            elsewhere=self.elsewhere(threads),
        ).length


class _Decompressing(_Restoring):
    def code(self, name: str, target: str | None, threads: int, progress: Progress) -> _Outcome:
        assert target is not None
        begun = time.monotonic()
        with files.open_input(name) as packed:
            files.check_distinct(packed, target)
            with files.open_output(target, self.settings.force, packed.status) as raw:
                length = self.restore(packed, raw, threads, progress)
        sizes, seconds = (length, packed.count), time.monotonic() - begun
        warnings = list(raw.warnings)
        return _Outcome("restored", name, packed.status, target, *sizes, seconds, warnings)


class _Testing(_Restoring):
    def code(self, name: str, target: str | None, threads: int, progress: Progress) -> _Outcome:
        begun = time.monotonic()
        with files.open_input(name) as packed:
            length = self.restore(packed, _Nowhere(), threads, progress)
        sizes, seconds = (length, packed.count), time.monotonic() - begun
        return _Outcome("checked", name, packed.status, None, *sizes, seconds, [])


def _code_all(
    inputs: tuple[str, ...], targets: Mapping[str, str | None], settings: Settings, way: _Way
) -> None:
    """Codes the inputs, several at a time where that may be, and tells of each in its turn."""
    to_stdout = files.PIPE in targets.values()
    sizes = [way.size(name) for name in inputs]
    total = many.total(inputs, sizes)
    label = inputs[0] if len(inputs) == 1 else f"{len(inputs)} files"

    def code(name: str, threads: int, progress: Progress) -> _Outcome:
        outcome = way.code(name, targets[name], threads, progress)
        if settings.remove and not files.remove_input(name, outcome.status):
            outcome.warnings.append("it has changed meanwhile and is kept; compress it again")
        return outcome

    def begin(progress: Progress) -> shares.Coming[_Outcome]:
        means = way.cluster.means if way.cluster else many.means(settings)
        if len(inputs) > 1 and means.cores > 1 and many.apart(targets, inputs):
            weights = [size or 0 for size in sizes]
            return shares.side_by_side(inputs, weights, way.needed, code, means, progress)

        def alone(name: str, progress: Progress) -> _Outcome:
            threads = means.part(way.needed(name), 1, 1) if way.cluster else settings.threads
            return code(name, threads, progress)

        return shares.one_by_one(inputs, sizes, alone, progress)

    def report(_: str) -> None:
        outcome = next(coming)()
        with aside():
            _report(outcome, settings, to_stdout)

    with (
        _cluster(settings, sizes) as way.cluster,
        bar(total, label, settings.quiet) as progress,
        contextlib.closing(begin(progress)) as coming,
    ):
        options.each(inputs, report, settings.as_json, err=to_stdout)


@contextlib.contextmanager
def _cluster(settings: Settings, sizes: Iterable[int | None]) -> Iterator[Cluster | None]:
    """The cluster that is to code inputs of these sizes, if any."""
    if settings.cluster is None:
        yield None
        return
    if settings.prepared is not None:
        raise click.UsageError(
            "a prepared memory is not sent to a cluster: leave out -D or --cluster"
        )
    from compressor.codec.cluster import connected

    with connected(settings.cluster, settings.engine) as cluster:
        cluster.expect(many.blocks_of(sizes))
        yield cluster


def original_length(name: str) -> int | None:
    """The original's length as the file states it, unverified: for the progress bar alone."""
    from coding.container import END_BYTES, stated_length

    size = many.size_of(name)
    if size is None:
        return None
    try:
        with Path(name).open("rb") as source:
            length = stated_length(source.read(10), size)
            if length is not None or size < END_BYTES:
                return length
            source.seek(size - END_BYTES + 4)
            return min(int.from_bytes(source.read(8), "little"), 1 << 50)
    except OSError:  # it is refused in its turn
        return None


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
