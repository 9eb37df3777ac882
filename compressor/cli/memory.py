"""Commands that make and look into prepared memories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compressor.cli import options
from compressor.cli.groups import Commands
from compressor.system import files
from compressor.system.plain_table import plain_table
from compressor.system.progress import bar

if TYPE_CHECKING:
    from compressor.codec.prepared import Memory

name_of_memory = click.argument("name", metavar="MEMORY", type=options.PATH)


@click.group(
    cls=Commands,
    sections={
        "Commands": {
            "build": "memory:build",
            "show": "memory:show",
            "search": "memory:search",
            "refresh": "memory:refresh",
        }
    },
)
def memory() -> None:
    """Make and search memories for many small files.

    A small file is dear because little is known of it. A prepared memory has read files like it:
    with -D, compressing and restoring begin where it ended. As with zstd's dictionaries, the same
    memory is needed to restore; its identity is in each file.

    \b
    Examples:
      kolmozip memory build mails/*.eml -o mails.kzm
      kolmozip -D mails.kzm new.eml                   writes new.eml.kz
      kolmozip -d -D mails.kzm new.eml.kz
      kolmozip memory search mails.kzm "meeting on friday"
    """


@click.command(cls=options.Compressing)
@options.inputs
@click.option("--output", "-o", required=True, type=options.PATH, help="Path of the .kzm.")
@options.force
@options.level_alone
@click.option(
    "--tables",
    type=click.IntRange(1, 4096),
    metavar="MIB",
    help="Size of the hash tables, and so of the file.  [default: 32 times the text]",
)
@click.option(
    "--text-only",
    is_flag=True,
    help="Leave out what was learned: the file is as small as its text, which each run reads anew.",
)
@options.engine
@options.quiet
@options.as_json
def build(
    inputs: tuple[str, ...],
    output: str,
    force: bool,
    level: int,
    model: str | None,
    tables: int | None,
    text_only: bool,
    engine: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Read INPUTs in order and write what was learned.

    A folder stands for all files in it, by name. Some hundred kilobytes of typical files do; what
    comes last counts most. The network is left out where a trial shows that it is no help.

    \b
    Examples:
      kolmozip memory build records/*.json -o records.kzm
      kolmozip memory build -3 logs -o logs.kzm        without a network, faster
    """
    from compressor.codec.prepared import Memory

    files.check_output(output, force)
    sources: dict[str, bytes] = {}
    for name in inputs:
        for path in sorted(Path(name).rglob("*")) if Path(name).is_dir() else [Path(name)]:
            if not path.is_dir():
                with files.open_input(str(path)) as source:
                    sources[str(path)] = source.read()
    with bar(sum(map(len, sources.values())), "reading", quiet) as progress:
        made = Memory.build(
            output,
            sources,
            level,
            model=model,
            tables=tables,
            text_only=text_only,
            engine=engine,
            force=force,
            progress=progress,
        )
    if as_json:
        options.print_json(_facts(made))
    elif not quiet:
        click.echo(
            f"{options.printable(output)}: {made.text_bytes:,} bytes of {len(made.sources):,} "
            f"files, identity {made.identity.hex()}, {made.path.stat().st_size / 1e6:.0f} MB",
            err=True,
        )


@click.command()
@name_of_memory
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show what a memory has read, and check all of it."""
    from compressor.codec.prepared import Memory

    opened = Memory.open(name)
    opened.check()
    options.print_facts(_facts(opened), as_json)


def _facts(made: Memory) -> dict[str, Any]:
    from coding.container import NO_WEIGHTS
    from compressor.codec import weights_store

    network = made.weights_id != NO_WEIGHTS
    path = weights_store.path_of(made.weights_id) if network else None
    return {
        "input": str(made.path),
        "identity": made.identity.hex(),
        "weights": made.weights_id.hex() if network else None,
        "model": path.stem if path else None,
        "design": made.recipe.design.name.lower(),
        "tables_mib": made.recipe.tables,
        "text_bytes": made.text_bytes,
        "file_bytes": made.path.stat().st_size,
        "sources": [{"source": source, "bytes": length} for source, length in made.sources],
    }


@click.command()
@name_of_memory
@click.argument("words")
@click.option(
    "--most", "-n", type=click.IntRange(1), default=5, show_default=True, help="Passages to show."
)
@options.as_json
def search(name: str, words: str, most: int, as_json: bool) -> None:
    """Show the passages of a memory's text that are nearest to WORDS.

    By words, ranked by BM25; quotes around words ask for a phrase, + and - for what must and must
    not be there. Needs the extra `search`.

    \b
    Examples:
      kolmozip memory search mails.kzm "meeting on friday"
      kolmozip memory search mails.kzm '"on friday" -monday' -n 20
    """
    from compressor.codec import passages
    from compressor.codec.prepared import Memory

    found = passages.search(Memory.open(name), words, most)
    if as_json:
        for passage in found:
            options.print_json(vars(passage))
        return
    rows = [
        [f"{passage.score:.2f}", f"{options.printable(passage.source)}:{passage.offset}", shown]
        for passage in found
        if (shown := " ".join(options.printable(" ".join(passage.text.split())).split())[:100])
    ]
    click.echo(plain_table([">score", "source:offset", "passage"], rows) if rows else "none found")


@click.command()
@name_of_memory
@options.engine
@options.quiet
def refresh(name: str, engine: str | None, quiet: bool) -> None:
    """Learn a memory's text, where the file has the text only, or that of another version.

    Its identity stays, and with it every file that needs it.
    """
    from compressor.codec.prepared import Memory

    opened = Memory.open(name)
    with bar(opened.text_bytes, "reading", quiet) as progress:
        opened.refresh(engine, progress)
