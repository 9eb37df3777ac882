"""Commands for who works on the program or checks it on a new machine."""

from __future__ import annotations

import click

from compressor.cli import options
from compressor.cli.groups import Commands
from compressor.system.extras import need


@click.group(
    cls=Commands,
    sections={"Commands": {"corpus": "corpus:corpus", "selftest": "dev:selftest"}},
)
def dev() -> None:
    """Check the program itself: corpus, selftest.

    \b
    Example:
      kolmozip dev selftest
    """


@click.command()
@options.model
@options.engine
@click.option(
    "--lanes", default=16, show_default=True, type=click.IntRange(1, 1024), help="Lanes to run."
)
@click.option(
    "--steps", default=64, show_default=True, type=click.IntRange(1, 256), help="Bytes a lane."
)
def selftest(model: str | None, engine: str | None, lanes: int, steps: int) -> None:
    """Check that the engine computes the definition.

    Over real text. JAX runs on whatever device it finds, CPU or GPU, and every count of the network
    is compared with that of the definition in NumPy; of the native engine, the blocks that it
    writes are, with the network and without.
    """
    with need("jax"):
        from compressor.codec.selftest import selftest as check

        click.echo(check(model, lanes, steps, engine))
