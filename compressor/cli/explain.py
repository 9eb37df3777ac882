"""The command that shows what every byte of a file cost, and why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from compressor.cli import options
from compressor.codec import levels
from compressor.system import files
from compressor.system.progress import bar

if TYPE_CHECKING:
    from compressor.explain.figures import Explanation

PAGE_SUFFIX = ".html"


@click.command(cls=options.Compressing)
@click.argument("name", metavar="INPUT", type=options.PATH)
@click.option(
    "--output",
    "-o",
    type=options.PATH,
    metavar="PATH",
    help="Path of the page, or '-' for standard output.  [default: INPUT.html]",
)
@options.force
@options.level_alone
@click.option(
    "--against",
    metavar="LEVEL|MODEL",
    help="Show another level, or another model at this level, side by side.",
)
@click.option(
    "--offset",
    type=options.Size(),
    default=0,
    metavar="SIZE",
    help="Where the bytes that are explained begin.  [default: 0]",
)
@click.option(
    "--bytes",
    "count",
    type=options.Size(),
    default="32Ki",
    metavar="SIZE",
    show_default=True,
    help="How many bytes are explained; those before and after count for the totals alone.",
)
@options.quiet
@options.as_json
def explain(
    name: str,
    output: str | None,
    force: bool,
    level: int,
    model: str | None,
    against: str | None,
    offset: int,
    count: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Show what every byte cost, and why.

    Writes a page that shows of every byte of INPUT what it cost, what else was likely, and who knew
    it: the network, which context of the memory, a match. It opens in any browser, without a
    network. With --json the figures of the bytes are printed instead. Needs the native engine.

    \b
    Examples:
      kolmozip explain book.txt
      kolmozip explain book.txt -9 -o page.html
      kolmozip explain book.txt -6 --against 9       where does the larger model win?
      kolmozip explain big.log --offset 500M --bytes 100K
    """
    target = output or (files.PIPE if name == files.PIPE else name + PAGE_SUFFIX)
    with files.open_input(name) as source:
        files.check_distinct(source, target)
        if not as_json:
            files.check_output(target, force)
        text = source.read(-1)
    from compressor.explain.figures import explain as explained

    coders: list[dict[str, Any]] = [{"level": level, "model": model}]
    if against is not None:
        other = against.isdecimal() and levels.LOWEST <= int(against) <= levels.HIGHEST
        coders.append(
            {"level": int(against), "model": None} if other else {"level": level, "model": against}
        )
    with bar(2 * len(text) * len(coders), name, quiet) as progress:
        made = [
            explained(text, **coder, first=offset, count=count, progress=progress)
            for coder in coders
        ]
    if as_json:
        for explanation in made:
            options.print_json({"input": name, **_facts(explanation)})
        return
    from compressor.explain.page import page

    with files.open_output(target, force) as page_file:
        page_file.write(page(os.path.basename(name), made).encode())
    if not quiet and target != files.PIPE:
        click.echo(f"{options.printable(target)}: written", err=True)


def _facts(of: Explanation) -> dict[str, Any]:
    """An explanation as JSON; a list of each kind of figure has an item a byte."""
    window = slice(of.first, of.first + len(of.likely))
    return {
        "coder": of.coder,
        "original_bytes": len(of.text),
        "compressed_bytes": of.compressed,
        "bits_per_char": options.rate(of.compressed, len(of.text)),
        "offset": of.first,
        "sources": list(of.sources),
        "bytes": list(of.text[window]),
        "bits": [round(float(bits), 4) for bits in of.bits[window]],
        "likely": of.likely.tolist(),
        "probabilities": [[round(float(p), 6) for p in row] for row in of.probabilities],
        "shares": [[round(float(share), 3) for share in row] for row in of.shares],
    }
