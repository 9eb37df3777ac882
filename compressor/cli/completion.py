"""The command that prints the script by which a shell completes our commands, options and files."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script for completion in a shell.

    \b
    How to install it, once, and then open a new shell:
      kolmozip completion bash >> ~/.bashrc
      kolmozip completion zsh  >> ~/.zshrc        below compinit
      kolmozip completion fish > ~/.config/fish/completions/kolmozip.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    script = found(ctx.find_root().command, {}, "kolmozip", "_KOLMOZIP_COMPLETE")
    click.echo(ShellComplete.source(script))  # that of bash would first ask for bash's version
