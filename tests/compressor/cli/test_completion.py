"""Completion in a shell: the scripts, and what they are given to offer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import CompletionItem, ShellComplete
from click.testing import Result

from compressor.cli import main

Run = Callable[..., Result]


def offered(*arguments: str, incomplete: str = "") -> list[CompletionItem]:
    shell = ShellComplete(main, {}, "kolmozip", "_KOLMOZIP_COMPLETE")
    return shell.get_completions(list(arguments), incomplete)


def words(*arguments: str, incomplete: str = "") -> set[str]:
    return {item.value for item in offered(*arguments, incomplete=incomplete)}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(cli: Run, shell: str) -> None:
    result = cli("completion", shell)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"_KOLMOZIP_COMPLETE={shell}_complete" in result.stdout
    assert "kolmozip" in "".join(result.stdout.splitlines()[-4:]), "it names the program"
    if program := shutil.which(shell):
        checked = subprocess.run(
            [program, "-n"], input=result.stdout, text=True, capture_output=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def test_how_to_install_it_stands_in_the_help(cli: Run) -> None:
    shown = cli("completion", "--help").stdout
    for place in ("~/.bashrc", "~/.zshrc", "~/.config/fish/completions/kolmozip.fish"):
        assert place in shown
    assert cli("completion", "tcsh").exit_code == 2


def test_the_script_asks_the_program(
    command: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = "import sys; sys.argv[0] = 'kolmozip'; from compressor.cli import run; run()"
    variables = {
        "_KOLMOZIP_COMPLETE": "bash_complete",
        "COMP_WORDS": "kolmozip de",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [command()[0], "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "plain,decompress" in done.stdout.splitlines()


def test_commands_and_files_come_first() -> None:
    items = offered()
    assert {"compress", "decompress", "test", "bench", "train", "dev"} <= {i.value for i in items}
    assert any(item.type == "file" for item in items)
    assert words(incomplete="in") >= {"inspect"}


def test_options_are_those_of_the_form_without_a_command() -> None:
    assert {"--decompress", "--stdout", "--threads", "--version"} <= words(incomplete="--")
    assert {"--lanes", "--resume"} <= words("train", incomplete="--")
    assert {"--max-output"} == words("-d", incomplete="--max-o")


def test_inner_commands_options_and_files_are_offered() -> None:
    assert {"run", "list", "leaderboard"} <= words("bench")
    assert words("bench", incomplete="sp") >= {"speed"}
    assert {"--again", "--jobs"} <= words("bench", "leaderboard", incomplete="--")
    assert words("completion") == {"bash", "zsh", "fish"}
    for arguments in (["-d"], ["compress"], ["bench", "speed"], ["compress", "--model"]):
        assert offered(*arguments) == [] or offered(*arguments)[0].type in ("file", "plain")
    assert [item.type for item in offered("-dc")] == ["file"]
    assert [item.type for item in offered("compress", "a")] == ["file"]
