"""The command ``kolmozip``.

stdout carries payload or facts, stderr messages and progress. Heavy imports wait until they are
needed: help, version and refusals load neither NumPy nor JAX. Exit codes, the JSON schema and the
environment variables are described in README.md beside this file.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, NoReturn

import click

from compressor.cli import options
from compressor.cli.groups import Commands
from compressor.errors import Interrupted
from compressor.system import files, signals

STOPPED = (130, 141, 143)
"""Exit codes of a process ended by SIGINT, SIGPIPE, SIGTERM: 128 plus the signal's number."""


class Program(Commands):
    """The outermost group: words its own help, and turns named errors into refusals."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """The context of a run, which is called kolmozip however it was started."""
        return super().make_context("kolmozip", args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Prints the help where nothing is asked, and refuses a word that means nothing."""
        if not args and not ctx.resilient_parsing and sys.stdin is not None and sys.stdin.isatty():
            click.echo(ctx.get_help())
            ctx.exit()
        if args and not ctx.resilient_parsing and self._wordless(ctx, args):
            self._check_word(ctx, args[0])
        return super().parse_args(ctx, args)

    def _check_word(self, ctx: click.Context, word: str) -> None:
        """Raises click.UsageError for what looks like a command's name but is no file either."""
        if not re.fullmatch(r"[a-z][a-z-]*", word) or os.path.lexists(word):
            return
        import difflib

        names = [*self.list_commands(ctx), *self.aliases]
        near = difflib.get_close_matches(word, names, n=1)
        meant = f"did you mean {near[0]}?" if near else "`kolmozip --help` lists the commands"
        ctx.fail(f"{word} is neither a command nor a file here: {meant}")

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes both forms of use."""
        formatter.write_usage("kolmozip", "[OPTIONS] [FILE]...")
        formatter.write_usage("kolmozip", "COMMAND [ARGS]...", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the options of the form without a command's word, then the commands."""
        command = self.get_command(ctx, "")
        assert command is not None
        command.format_options(click.Context(command, parent=ctx), formatter)
        self.format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command line; named errors, wherever they arise, become refusals."""
        try:
            with signals.stopping(), options.refusals("kolmozip"):
                return super().invoke(ctx)
        except BrokenPipeError:
            files.discard_standard_output()
            sys.exit(141)
        except KeyboardInterrupt as error:
            stop = Interrupted(options.INTERRUPT)
            raise options.Stop(stop, as_json=options.JSON in ctx.meta) from error
        except Exception as error:
            if not options.is_refusal(error):
                raise
            raise options.Refusal(error, as_json=options.JSON in ctx.meta) from error


@click.group(
    cls=Program,
    sections={
        "Commands of every day": {
            "compress": "code:compress",
            "decompress": "code:decompress",
            "test": "code:test",
            "list": "code:list_",
            "inspect": "code:inspect",
            "explain": "explain:explain",
            "memory": "memory:memory",
            "models": "models:models",
            "demo": "models:demo",
            "completion": "completion:completion",
        },
        "Measuring": {"bench": "bench:bench"},
        "Training": {"train": "train:train", "ladder": "ladder:ladder"},
        "Developing": {"dev": "dev:dev"},
    },
    aliases={
        "report": "report:report",
        "leaderboard": "report:leaderboard",
        "corpus": "corpus:corpus",
        "selftest": "dev:selftest",
    },
    default=("", "code:wordless"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
def main() -> None:
    """Lossless compression by a small language model: any bytes, any machine, the same file.

    Without a command, FILEs are compressed, or with -d restored, as zstd and gzip do; without
    FILEs, standard input is.

    \b
    Examples:
      kolmozip book.txt                       writes book.txt.kz, keeps book.txt
      kolmozip -9 book.txt                    the same, smaller and slower
      kolmozip -d book.txt.kz                 writes book.txt
      cat log | kolmozip > log.kz             pipes
      kolmozip -l book.txt.kz                 sizes and bits/char
      kolmozip demo                           a small table on real text
    """


def run() -> NoReturn:
    """The process, ended with the exit code of the command line.

    A stopped run (130, 141, 143) ends at once. XLA's threads may still be computing then, and they
    crash when the interpreter is taken down under them; nothing is left to unwind.
    """
    try:
        main()
    except SystemExit as end:
        if end.code not in STOPPED:
            raise
        sys.stderr.flush()
        os._exit(end.code)
    raise AssertionError("click ends by SystemExit")
