"""The program as a whole: help, versions, what it loads, how its process ends."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

import compressor
from coding import container
from compressor.cli import main
from compressor.codec import engines
from compressor.codec.levels import LEVELS

ROOT = Path(__file__).resolve().parents[3]

Run = Callable[..., Result]


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command and group that the help shows, by the words that call it."""
    ctx, found = click.Context(group), [path]
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        inside = isinstance(command, click.Group)
        found += commands(command, (*path, name)) if inside else [(*path, name)]
    return found


@pytest.mark.parametrize("path", commands(main), ids=" ".join)
def test_every_command_explains_itself(cli: Run, path: tuple[str, ...]) -> None:
    for option in ("--help", "-h"):
        result = cli(*path, option)
        assert (result.exit_code, result.stderr) == (0, "")
        assert " ".join(["Usage: kolmozip", *path]) in result.stdout
    assert len(result.stdout.splitlines()) > 4
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    "path",
    [(), ("compress",), ("decompress",), ("test",), ("bench",), ("bench", "run"), ("train",)],
    ids=" ".join,
)
def test_the_commands_of_every_day_show_examples(cli: Run, path: tuple[str, ...]) -> None:
    shown = cli(*path, "--help").stdout
    assert "Examples:" in shown
    assert " ".join(["kolmozip", *path]).removesuffix(" run") in shown.split("Examples:")[1]


def test_the_help_is_grouped_by_reader(cli: Run) -> None:
    shown = cli("--help").stdout
    headings = ("Options:", "Levels:", "Commands of every day:", "Measuring:")
    headings += ("Training:", "Developing:")
    places = [shown.index(f"\n{heading}\n") for heading in headings]
    assert places == sorted(places)
    every_day = shown[places[2] : places[3]]
    for name in ("compress", "decompress", "test", "list", "inspect", "models", "demo"):
        assert f"\n  {name} " in every_day
    assert "..." not in shown[places[1] :], "each command in a line of its own"
    assert shown == cli("-d", "-h").stdout


@pytest.mark.parametrize("path", [(), ("compress",)], ids=str)
def test_the_help_says_what_each_level_is_for(cli: Run, path: tuple[str, ...]) -> None:
    shown = cli(*path, "--help").stdout.split("\nLevels:\n")[1]
    _, *rows = [re.split(r"  +", line.strip()) for line in shown.splitlines()[: 1 + len(LEVELS)]]
    assert rows == [
        [
            *(f"-{number}", " or ".join(level.models) or "none", f"{level.speed}"),
            *(*row[3:5], level.purpose),
        ]
        for (number, level), row in zip(LEVELS.items(), rows, strict=True)
    ]
    for row in rows:
        little, much = (re.fullmatch(r"(\d{2,4}) MB", memory)[1] for memory in row[3:5])
        assert int(little) < int(much)
    assert "Levels:" not in cli("decompress", "--help").stdout


def test_earlier_names_of_commands_still_work(cli: Run) -> None:
    for name in ("report", "leaderboard", "corpus", "selftest"):
        assert f"Usage: kolmozip {name} " in cli(name, "--help").stdout
        assert f"\n  {name} " not in cli("--help").stdout


def test_version(cli: Run) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    stated = project.get("version", compressor.__version__)
    assert compressor.__version__ == stated
    engine = engines.describe()
    line = f"kolmozip {stated}, file format {container.VERSION}, engine: {engine}\n"
    for option in ("--version", "-V", "-qV"):
        result = cli(option)
        assert (result.exit_code, result.stdout, result.stderr) == (0, line, "")


HEAVY = {"jax", "numpy", "constriction", "tqdm", "importlib.metadata", "unittest", "asyncio"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["compress", "--help"], 0), (["--help"], 0), (["-V"], 0), (["absent.txt"], 1), (["-0"], 2)],
    ids=str,
)
def test_help_version_and_refusals_load_nothing_heavy(
    python: Callable, tmp_path: Path, arguments: list[str], code: int
) -> None:
    script = (
        "import sys; from compressor.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: code = end.code\n"
        "print('\\n' + ' '.join(sys.modules)); sys.exit(code)"
    )
    done = python(script, *arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert HEAVY & set(done.stdout.decode().splitlines()[-1].split()) == set()


def test_a_refusal_in_a_real_process_is_one_line_and_exit_code_1(
    tmp_path: Path, process: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = process("decompress", "absent.kz")
    assert (done.returncode, done.stdout) == (1, b"")
    assert (
        done.stderr
        == b"kolmozip: absent.kz: no such file or folder; check the path [InputMissing]\n"
    )


@pytest.mark.parametrize("code", [130, 141, 143])
def test_a_stop_does_not_take_the_interpreter_down_under_working_threads(
    python: Callable, code: int
) -> None:
    script = (
        "import atexit, sys\nfrom compressor import cli\natexit.register(print, 'taken down')\n"
    )
    script += f"cli.main = lambda: sys.exit({code})\ncli.run()"
    done = python(script)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")


def test_the_installed_command_and_the_module_are_one(command: Callable) -> None:
    done = subprocess.run(command("-V"), capture_output=True, check=True)
    assert done.stdout.startswith(b"kolmozip ")


def test_a_named_error_outside_the_files_has_its_line_and_its_json(
    cli: Run, refusal: Callable, facts: Callable[[str], list[dict]]
) -> None:
    refusal(cli("bench", "run", "nonesuch"), "UnknownInput")
    result = cli("bench", "run", "nonesuch", "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    (told,) = facts(result.stdout)
    assert (told["schema"], told["input"], told["error"]["name"]) == (1, None, "UnknownInput")


def test_an_error_without_a_name_is_a_fault_and_shows_itself(
    cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("a fault")

    monkeypatch.setattr("compressor.codec.inspection.model_lines", fail)
    with pytest.raises(LookupError, match="a fault"):
        cli("models")
