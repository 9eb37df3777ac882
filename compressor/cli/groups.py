"""Groups of commands: each command is loaded when it is called, and one needs no word."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem


class Commands(click.Group):
    """A group whose commands stand under headings in the help, in the order they are given."""

    def __init__(
        self,
        name: str | None = None,
        *,
        sections: Mapping[str, Mapping[str, str]],
        aliases: Mapping[str, str] | None = None,
        default: tuple[str, str] | None = None,
        **attributes: Any,
    ) -> None:
        """Makes a group of commands, each given as 'module:attribute' within ``compressor.cli``.

        ``sections`` holds the commands by heading and name, ``aliases`` further names that the help
        does not show. ``default`` is the name and the place of the command that takes arguments
        which begin with no command's name. ``attributes`` are those of click.Group.
        """
        super().__init__(name, **attributes)
        self.sections, self.aliases, self.default = sections, aliases or {}, default

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, those that the help does not show left out."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Loads a command; None where there is none of that name."""
        places = dict(self.aliases)
        for commands in self.sections.values():
            places |= commands
        if self.default is not None:
            places |= [self.default]
        if cmd_name not in places:
            return None
        module, attribute = places[cmd_name].split(":")
        command = getattr(importlib.import_module(f"compressor.cli.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the name of the default command before arguments that name none."""
        if self.default is not None and self._wordless(ctx, args):
            args = [self.default[0], *args]
        return super().parse_args(ctx, args)

    def _wordless(self, ctx: click.Context, args: list[str]) -> bool:
        if not args:
            return not ctx.resilient_parsing  # completion then lists the commands
        named = {*self.list_commands(ctx), *self.aliases, *self.get_help_option_names(ctx)}
        return args[0] not in named

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands under their headings."""
        width = max(map(len, self.list_commands(ctx)))
        room = formatter.width - width - 4
        for heading, names in self.sections.items():
            rows = []
            for name in names:
                command = self.get_command(ctx, name)
                assert command is not None
                rows.append((name.ljust(width), command.get_short_help_str(room)))
            with formatter.section(heading):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and own options, then the options or the files of the default command."""
        items = super().shell_complete(ctx, incomplete)
        if self.default is None:
            return items
        command = self.get_command(ctx, self.default[0])
        assert command is not None
        if not incomplete.startswith("-"):
            return [*items, CompletionItem(incomplete, type="file")]
        inner = click.Context(command, parent=ctx, resilient_parsing=True)
        seen = {item.value for item in items}
        more = command.shell_complete(inner, incomplete)
        return [*items, *(item for item in more if item.value not in seen)]
