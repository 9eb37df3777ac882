"""Groups that load their commands when they are called, and need no word for one of them."""

from __future__ import annotations

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from compressor.cli import main
from compressor.cli.groups import Commands

Run = Callable[..., Result]


def test_a_command_is_loaded_when_it_is_called(python: Callable) -> None:
    code = "import sys; from compressor.cli import main\n"
    code += "try: main(['models', '--help'])\n"
    code += "except SystemExit: print(*(m for m in sys.modules if m.startswith('compressor.cli')))"
    loaded = python(code).stdout.decode().splitlines()[-1].split()
    assert "compressor.cli.models" in loaded
    assert {"compressor.cli.train", "compressor.cli.bench"} & set(loaded) == set()


@pytest.mark.parametrize(
    ("group", "arguments", "name"),
    [
        ("train", ["--preset", "nonesuch"], "run"),
        ("train", ["speed"], "speed"),
        ("train", ["text"], "run"),
        ("train", ["--", "speed"], "run"),
        ("train", [], "run"),
        ("bench", ["-j", "2", "text"], "run"),
        ("bench", ["list"], "list"),
    ],
)
def test_arguments_without_a_command_go_to_the_default(
    group: str, arguments: list[str], name: str
) -> None:
    # As the program calls it: a command remembers the names of its option for help.
    parent = click.Context(main, **main.context_settings)
    command = main.get_command(parent, group)
    assert isinstance(command, Commands)
    with command.make_context(group, list(arguments), parent) as ctx:
        words = [*ctx._protected_args, *ctx.args]
        assert command.resolve_command(ctx, words)[0] == name


def test_a_group_without_a_default_names_what_it_does_not_know(cli: Run) -> None:
    result = cli("dev", "nonsense")
    assert (result.exit_code, "nonsense" in result.stderr) == (2, True)
    result = cli("dev")
    assert result.exit_code == 2
    assert "selftest" in result.output


def test_headings_and_names_stand_as_they_are_given() -> None:
    group = Commands(
        "tool",
        sections={"Second": {"list": "bench:list_"}, "First": {"speed": "bench:speed"}},
        aliases={"quick": "bench:speed"},
    )
    shown = CliRunner().invoke(group, ["--help"]).stdout
    assert shown.index("Second:\n  list") < shown.index("First:\n  speed")
    assert "quick" not in shown
    assert group.get_command(click.Context(group), "quick") is not None
    assert group.get_command(click.Context(group), "absent") is None
