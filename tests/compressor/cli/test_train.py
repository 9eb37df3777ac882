"""The commands around training: what they hand on, and what they refuse before anything loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from compressor.training import command
from compressor.training.config import TrainConfig

Run = Callable[..., Result]


@pytest.fixture
def requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[command.Request]:
    """What the training command was asked for; nothing is trained."""
    seen: list[command.Request] = []

    def run(request: command.Request) -> str:
        seen.append(request)
        return "done"

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")  # no restart of this process
    monkeypatch.setattr(command, "run", run)
    return seen


def test_defaults_are_those_of_the_configuration(cli: Run, requests: list) -> None:
    for words in (["train"], ["train", "run"], ["train", "enwik8"], ["train", "run", "enwik8"]):
        result = cli(*words)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "done\n")
    assert requests == [command.Request("small", Path("runs/small"), "enwik8")] * 4


def test_options_are_handed_on(cli: Run, requests: list) -> None:
    Path("first").mkdir()
    options: dict[str, Any] = {
        "total_bytes": 5000,
        "learning_rate": 0.01,
        "decay_fraction": 0.5,
        "optimiser": "adamw",
        "average": 0.9,
        "lanes": 8,
        "window": 16,
        "seed": 3,
        "weight_bits": 4.0,
        "finish": 0.25,
        "distillation": 0.75,
    }
    names = {"total_bytes": "bytes", "decay_fraction": "decay", "weight_bits": "bits"}
    line = [
        word
        for name, value in options.items()
        for word in (f"--{names.get(name, name).replace('_', '-')}", value)
    ]
    more = ["--from", "first", "--teacher", "first", "--beside-memory", "--resume", "--quiet"]
    more += ["--minutes", 2, "--stop-after-minutes", 1, "--output", "out", "--preset", "nano"]
    more += ["--coordinator", "localhost:1", "--processes", 2, "--process", 1]
    assert cli("train", "my.txt", *line, *more).exit_code == 0
    assert requests == [
        command.Request(
            "nano",
            Path("out"),
            "my.txt",
            options,
            command.Origin("first", "first", True, True),
            command.Budget(2.0, 1.0),
            command.Processes("localhost:1", 2, 1),
            True,
        )
    ]
    TrainConfig(**options)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bits", 9],
        ["--lanes", 0],
        ["--finish", 2],
        ["--minutes", 0],
        ["--optimiser", "none"],
        ["--out", "x"],
        ["one", "two"],
    ],
    ids=str,
)
def test_values_out_of_range_are_told_before_any_work(
    cli: Run, requests: list, arguments: list[object]
) -> None:
    assert cli("train", *arguments).exit_code == 2
    assert requests == []


WITHOUT = """
import sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
from compressor.cli import run
del sys.argv[1]
run()
"""
"""The command where these packages are not installed."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("optax", ["train", "--preset", "nano"], "train"),
        ("orbax,orbax.checkpoint", ["train", "slim", ".", "-o", "x"], "train"),
        ("orbax,orbax.checkpoint", ["train", "pack", ".", "-o", "x.kzw"], "train"),
        ("flax", ["bench", "estimate", "a.txt", "--checkpoint", "."], "train"),
        ("matplotlib", ["bench", "report", "--results", "x"], "report"),
        ("pandas", ["train", "ablate", "--report-only", "--results", "x"], "report"),
        ("rich", ["bench", "run", "a.txt", "--codec", "gzip -9 (library)"], "bench"),
        ("pooch", ["dev", "corpus", "valid", "-o", "x"], "corpora"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(
    python: Callable,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    arguments: list[str],
    extra: str,
) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")  # no restart, which would find the packages
    monkeypatch.delenv("KOLMOZIP_CORPORA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    done = python(WITHOUT, missing, *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (1, b""), done.stderr
    assert done.stderr.count(b"\n") == 1, done.stderr
    assert b"kolmozip[" + extra.encode() + b"]" in done.stderr
