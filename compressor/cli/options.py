"""What the commands share: options, sizes, JSON, and the way a refusal is told."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, Any, Protocol, TypeVar

import click

from coding.errors import KolmozipError
from compressor.codec import engines, levels, needs
from compressor.codec.levels import Level
from compressor.errors import FileRefusal, Interrupted, OutOfMemory
from compressor.system import files
from compressor.system.plain_table import plain_table
from compressor.system.progress import aside

SCHEMA = 1
"""Version of the JSON objects that commands print; README.md beside this file describes them."""

JSON = "compressor.json"
"""Key under which click's context notes that the command line asked for JSON."""

INTERRUPTED = 130
"""Exit code of a run that the user stopped: 128 plus the number of SIGINT, as shells have it."""

BITS = click.FloatRange(1, 8)
"""Bits a weight."""

PATH = click.Path(readable=False, allow_dash=True)
"""A path that is not looked at, for the sake of completion; the work names what is wrong."""

RUN = click.Path(exists=True, file_okay=False)
"""The folder of a training run."""

COUNT = click.IntRange(1)
"""A whole number, at least one."""

Facts = Mapping[str, object]
Value = TypeVar("Value")
Command = TypeVar("Command", bound=Callable[..., Any] | click.Command)


class Option(Protocol):
    """A decorator that gives a command an option or an argument."""

    def __call__(self, command: Command, /) -> Command:
        """Returns the command, with the option."""


class Size(click.ParamType):
    """A number of bytes: 500, 500K, 500M, 1G, 1T (powers of 1000), 1Ki, 1Mi, 1Gi (of 1024)."""

    name = "size"
    _UNITS = "KMGT"
    _FORM = re.compile(rf"(\d+(?:\.\d+)?)(?:([{_UNITS}])(i?))?B?", re.IGNORECASE | re.ASCII)

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The bytes that the text stands for."""
        if isinstance(value, int):
            return value
        match = self._FORM.fullmatch(value.strip())
        if match is None:
            self.fail(f"{value!r} is no size: write bytes, or such as 500M, 1G, 64Mi", param, ctx)
        number, unit, binary = match.groups()
        power = 1 + self._UNITS.index(unit.upper()) if unit else 0
        return int(float(number) * (1024 if binary else 1000) ** power)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The options of the commands that code files; a command without an option has its default."""

    mode: str | None = None
    """What is asked of the program without a command's word; None is to compress."""
    output: str | None = None
    stdout: bool = False
    force: bool = False
    remove: bool = False
    quiet: bool = False
    verbose: bool = False
    as_json: bool = False
    engine: str | None = None
    threads: int = 0
    level: int = levels.DEFAULT
    model: str | None = None
    lanes: int | None = None
    unpack: bool = True
    max_output: int | None = None
    max_memory: int | None = None
    prepared: str | None = None
    """Path of a prepared memory."""
    cluster: str | None = None
    """Address of a Dask scheduler."""


Work = Callable[[tuple[str, ...], Settings], None]


def combined(*options: Option) -> Option:
    """One decorator for several options, which the help shows in this order."""

    def decorate(command: Command, /) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _note_json(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    if value:
        ctx.meta[JSON] = True
    return value


as_json = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=_note_json,
    help="Print facts, and refusals too, as JSON, one object a line.",
)
quiet = click.option(
    "--quiet", "-q", is_flag=True, help="No progress, warnings or summary; errors only."
)
force = click.option("--force", "-f", is_flag=True, help="Replace an output that exists.")
model = click.option(
    "--model", "-m", help="Weights by name, or the path of a .kzw file.  [default: small]"
)
level_alone = combined(
    *(
        click.option(f"-{number}", "level", flag_value=number, hidden=True, type=int)
        for number in levels.LEVELS
    ),
    click.option(
        "--level",
        "level",
        type=click.IntRange(levels.LOWEST, levels.HIGHEST),
        default=levels.DEFAULT,
        show_default=True,
        metavar="1-9",
        help="Short -1 to -9: -1 is the fastest, -9 the smallest; below, what each is for.",
    ),
    click.option(
        "--model",
        "-m",
        help="Weights by name, or the path of a .kzw file.  [default: of the level's the best for "
        "each block]",
    ),
)
level = combined(
    level_alone,
    click.option(
        "--lanes",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Lanes that are coded in lock step, a power of two; more of them feed a GPU.",
    ),
)


class Compressing(click.Command):
    """A command that compresses: its help ends with what each level is for."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options, then a row a level: networks, speed, memory, purpose."""
        super().format_options(ctx, formatter)
        table = plain_table(
            ["level", "network", ">KB/s", ">5 MB", ">100 MB", "for"],
            map(_row, levels.LEVELS.values()),
        )
        with formatter.section("Levels"):
            for line in (*table.splitlines(), "", *LEVELS_MEASURED):
                formatter.write(f"{'':{formatter.current_indent}}{line}".rstrip() + "\n")


def _row(level: Level) -> list[str]:
    """A level in words; a block takes one of its networks, or none where none helps."""
    memory = []
    for length in MEASURED:
        block = min(length, level.block_bytes)
        needed = needs.encoding(block, level.recipe(block), len(level.models))
        memory.append(f"{needed / 1e6:.0f} MB")
    models = " or ".join(level.models) or "none"
    return [f"-{level.number}", models, f"{level.speed}", *memory, level.purpose]


MEASURED = 5_000_000, 100_000_000
"""Bytes of the files that memory is stated for."""
LEVELS_MEASURED = (
    "KB/s: 1 MB of English text, 2 cores of an AMD EPYC (Zen 5).",
    "5 MB, 100 MB: the memory that a file of so many bytes takes, either way.",
)


unpack = click.option(
    "--unpack/--no-unpack",
    default=True,
    show_default=True,
    help="Unpack what deflate packed, as in PDF, gzip and zip, and pack it again when the "
    "file is restored: far smaller, but all that was unpacked is coded and takes its time. "
    "Code base64 as what it stands for, predict sound and pictures, turn tables, and tell strings "
    "of PDF apart, too.",
)
results = click.option(
    "--results",
    default="results",
    show_default=True,
    help="Folder of the results; the JSON goes into raw/ in it.",
)
max_memory = click.option(
    "--max-memory",
    type=Size(),
    metavar="SIZE",
    help="Compress with no more memory, by smaller tables and shorter blocks; refuse a file whose "
    "decoding takes more. Such as 500M or 1G.",
)
limits = combined(
    click.option(
        "--max-output",
        type=Size(),
        metavar="SIZE",
        help="Refuse a file that holds more, such as 500M or 1G.",
    ),
    max_memory,
)
engine = click.option(
    "--engine",
    type=click.Choice(engines.NAMES),
    help="What computes; the bytes do not depend on it.  [default: KOLMOZIP_ENGINE, or auto: "
    "native where it is there, else jax]",
)
prepared = click.option(
    "-D",
    "--memory",
    "prepared",
    type=PATH,
    metavar="PATH",
    help="Begin with the prepared memory in this .kzm, which says how to code and is needed to "
    "restore too; `kolmozip memory build` makes one of files like these.",
)
cluster = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Have files and blocks coded by the workers of the Dask scheduler at ADDRESS, such as "
    "tcp://10.0.0.1:8786; the bytes are the same. Each worker needs this version of kolmozip and "
    "its weights.",
)
how = combined(
    prepared,
    engine,
    click.option(
        "--threads",
        "-T",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Threads to compute with, 0 for one a core; the bytes do not depend on it. Where a "
        "block of a long file leaves threads idle, several are coded side by side, each in memory "
        "of its own; with 0 not at levels 1 and 2. Several files are coded at a time.",
    ),
    cluster,
    click.option("--verbose", "-v", is_flag=True, help="Summary for pipes too, with peak memory."),
    quiet,
    as_json,
)
output = combined(
    click.option(
        "--output", "-o", type=PATH, metavar="PATH", help="Output path, or '-' for standard output."
    ),
    click.option("--stdout", "-c", is_flag=True, help="Write to standard output: -o -."),
    force,
    click.option(
        "--rm/--keep",
        " /-k",
        "remove",
        help="Remove each input once its output is complete.  [default: keep]",
    ),
)
inputs = click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=PATH)


def with_settings(work: Work) -> Callable[..., None]:
    """A command's function that takes its options as Settings."""

    @functools.wraps(work)
    def command(inputs: tuple[str, ...], **options: Any) -> None:
        settings = Settings(**options)
        _limit_threads(settings.threads)
        work(inputs, settings)

    return command


def _limit_threads(count: int) -> None:
    """Sets the size of XLA's thread pool, which it reads when JAX is loaded; 0 is every core."""
    if count:
        os.environ["NPROC"] = os.environ["PJRT_NPROC"] = str(count)


def named(values: Mapping[str, Value | None]) -> dict[str, Value]:
    """The options that were given, those without a value left out."""
    return {name: value for name, value in values.items() if value is not None}


def rate(compressed: int, original: int) -> float | None:
    """Bits/char, rounded as everywhere in the program's output; None for an empty original."""
    return round(8 * compressed / original, 4) if original else None


def printable(text: str) -> str:
    """The text on one line, with what a terminal might take for a command written out."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def print_json(facts: Facts, err: bool = False) -> None:
    """Prints the facts as one line of JSON, headed by the schema's version."""
    import json

    click.echo(json.dumps({"schema": SCHEMA, **facts}), err=err)


def print_facts(facts: Facts, as_json: bool) -> None:
    """Prints the facts as JSON, or as aligned lines: single values, then lists of records."""
    if as_json:
        print_json(facts)
        return
    single = {
        key.replace("_", " "): value
        for key, value in facts.items()
        if not isinstance(value, (list, dict))
    }
    width = max(map(len, single))
    for key, value in single.items():
        click.echo(f"{key:{width}}  {'-' if value is None else value}")
    for records in facts.values():
        if isinstance(records, list) and records and isinstance(records[0], dict):
            headings = [f">{key.replace('_', ' ')}" for key in records[0]]
            rows = [[str(value) for value in record.values()] for record in records]
            click.echo(f"\n{plain_table(headings, rows)}")


class Refusal(click.ClickException):
    """A named error as one line on stderr, or as a JSON object where JSON was asked for."""

    def __init__(
        self,
        error: Exception,
        name: str | None = None,
        as_json: bool = False,
        err: bool = False,
    ) -> None:
        super().__init__(" ".join(str(error).split()))
        self.error, self.input = type(error).__name__, name
        self.as_json, self.err = as_json, err
        names_a_file = isinstance(error, FileRefusal) or self.message.startswith(f"{name}: ")
        self.where = "" if name is None or names_a_file else f"{name}: "

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints ``kolmozip: INPUT: TEXT [NAME]`` on stderr, or the JSON object of a failure."""
        with aside():
            if self.as_json:
                error = {"name": self.error, "message": self.message}
                print_json({"input": self.input, "error": error}, err=self.err)
            else:
                line = printable(f"kolmozip: {self.where}{self.message} [{self.error}]")
                click.echo(line, err=True)


class Stop(Refusal):
    """The user's interrupt, with the exit code that shells know it by."""

    exit_code = INTERRUPTED


INTERRUPT = "stopped by the user; no unfinished file is left, run it again"


@contextlib.contextmanager
def refusals(name: str) -> Iterator[None]:
    """Gives the named errors to what the system and XLA raise in the body."""
    try:
        with files.named_errors(name):
            yield
    except MemoryError as error:
        raise OutOfMemory(_MORE_MEMORY) from error
    except RuntimeError as error:
        if "RESOURCE_EXHAUSTED" in str(error):  # XLA's own MemoryError
            raise OutOfMemory(_MORE_MEMORY) from error
        raise


_MORE_MEMORY = (
    "not enough memory: close other programs, or compress at a lower level or with --max-memory; "
    "`kolmozip inspect` says what restoring a file takes"
)


def is_refusal(error: Exception) -> bool:
    """Whether an exception is one of our named errors; a room that is not loaded raised none."""
    corpora = sys.modules.get("data.corpora")
    return isinstance(error, KolmozipError) or (
        corpora is not None and isinstance(error, corpora.CorpusError)
    )


def each(
    names: Iterable[str], work: Callable[[str], None], as_json: bool, err: bool = False
) -> None:
    """Does the work for every input; a refusal of one does not stop the others.

    Exits with code 1 if one was refused. ``err`` sends JSON to stderr, where stdout has the output.
    """
    refused = False
    for name in names:
        try:
            with refusals(name):
                work(name)
        except KeyboardInterrupt:
            Stop(Interrupted(INTERRUPT), name, as_json, err).show()
            sys.exit(INTERRUPTED)
        except Exception as error:
            if not is_refusal(error):
                raise
            Refusal(error, name, as_json, err).show()
            refused = True
    if refused:
        sys.exit(1)
