"""What README tells a newcomer to type works: its shell lines, its Python, the targets of make."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from compressor.cli import main
from compressor.cli.groups import Commands
from data.samples import sample

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.M | re.S)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("*/*/README.md")]
PAGES += [*ROOT.glob("*/README.md")]


def shell_lines() -> list[str]:
    """README's shell lines without their comments."""
    lines = [
        line for language, text in BLOCKS if language != "python" for line in text.splitlines()
    ]
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell in which `kolmozip` is this checkout's."""
    command = tmp_path / "bin" / "kolmozip"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m compressor "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join([str(command.parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
def test_the_commands_of_the_first_page_run(tmp_path: Path) -> None:
    home, text, variables = tmp_path / "home", sample()[:900], environment(tmp_path)
    home.mkdir()
    (home / "book.txt").write_bytes(text)
    (home / "old").mkdir()
    (home / "old" / "1.json").write_bytes(b'{"number": 1}\n')
    (home / "new.json").write_bytes(b'{"number": 2}\n')
    lines = [line for line in shell_lines() if "kolmozip" in line and not line.startswith("pip")]
    assert len(lines) == 8
    for line in lines:
        if line.startswith("kolmozip -d"):
            (home / ("new.json" if "new" in line else "book.txt")).unlink()
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=home,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert (home / "book.txt").read_bytes() == text, line
    assert (home / "piped.kz").read_bytes() == (home / "book.txt.kz").read_bytes()


@pytest.mark.slow
def test_the_python_of_the_first_page_runs(tmp_path: Path) -> None:
    (code,) = (text for language, text in BLOCKS if language == "python")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def commands() -> list[tuple[str, str]]:
    """(page, command line) for every `kolmozip ...` that the pages show, in blocks or in text."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.M | re.S):
            found += [(page.name, line.split("  #")[0].strip()) for line in block.splitlines()]
        prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        found += [(page.name, " ".join(code.split())) for code in re.findall(r"`([^`]+)`", prose)]
    shown = {(page, line) for page, line in found if re.match(r"(\S+/)?kolmozip \S", line)}
    return sorted(shown)


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_that_a_page_shows_is_one(page: str, line: str) -> None:
    """The words are looked up, not run: commands and options must exist."""
    words = shlex.split(re.split(r"\s[|>]\s?", line)[0])[1:]
    context, command = click.Context(main), main
    options = {option for parameter in main.params for option in parameter.opts}
    while isinstance(command, Commands):
        inner = command.get_command(context, words[0]) if words else None
        if inner is None and command.default is not None:
            inner = command.get_command(context, command.default[0])
        elif inner is not None:
            words = words[1:]
        if inner is None:
            assert not words, f"{page}: {line}"
            break  # a group that is spoken of
        command = inner
    options |= {option for parameter in command.params for option in parameter.opts}
    options |= {"--help", "--version"}
    named = [word.split("=")[0] for word in words if re.match(r"--\w", word)]
    assert [word for word in named if word not in options] == [], f"{page}: {line}"


def test_make_has_every_target_that_a_page_names() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    for page in PAGES:
        named = set(
            re.findall(r"^make ([a-z]+)|`make ([a-z]+)`", page.read_text("utf-8"), flags=re.M)
        )
        assert {one or other for one, other in named} <= targets, page


def test_the_extras_of_the_first_page_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = set(re.findall(r"'\.\[(\w+)\]'", README))
    extras = {"jax", "train", "bench", "report", "corpora", "search", "cluster", "all"}
    assert extras == named
    assert named <= set(project["optional-dependencies"])
