"""Commands that show what comes with the program: its models, and a demonstration."""

from __future__ import annotations

import click

from compressor.cli import options


@click.command()
@options.as_json
def models(as_json: bool) -> None:
    """List the weights at hand.

    Name, identity, parameters, bytes, bits/char as their cards state them.
    """
    from compressor.codec.inspection import model_facts, model_lines

    if as_json:
        for facts in model_facts():
            options.print_json(facts)
        return
    for line in model_lines():
        click.echo(line)


@click.command()
@options.quiet
@options.as_json
def demo(quiet: bool, as_json: bool) -> None:
    """Code the sample that comes along; print a table.

    It is a text of Wikipedia, through the classical codecs and ours, restored and compared.
    """
    from compressor.bench.demo import rows, table

    measured = rows(quiet=quiet or as_json)
    if as_json:
        for row in measured:
            rate = row["bits_per_char"] and round(row["bits_per_char"], 4)
            options.print_json({**row, "bits_per_char": rate})
    else:
        click.echo(table(measured))
    if not all(row["restored"] for row in measured):
        raise click.ClickException(
            "a codec did not restore the sample: please report this with the output of --json"
        )
