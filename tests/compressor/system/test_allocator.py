"""The allocator's settings: added to the user's own, by a restart of the command line alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from compressor.system import allocator

ROOT = Path(__file__).resolve().parents[3]


def test_what_the_user_has_set_stays() -> None:
    own = {"GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.cpu.x=1", "MALLOC_TOP_PAD_": "5", "A": "b"}
    settings = allocator.with_allocator(own)
    assert settings["GLIBC_TUNABLES"] == "glibc.malloc.check=3:glibc.cpu.x=1:glibc.malloc.hugetlb=1"
    assert settings["MALLOC_TOP_PAD_"] == "5"
    assert settings["A"] == "b"
    assert settings["MALLOC_ARENA_MAX"] == "1"


@pytest.mark.parametrize("before", ["glibc.malloc.hugetlb=0", "a=b:glibc.malloc.hugetlb=2"])
def test_a_tunable_of_the_user_is_not_overruled(before: str) -> None:
    assert allocator.with_allocator({"GLIBC_TUNABLES": before})["GLIBC_TUNABLES"] == before


def test_without_tunables_there_is_the_one() -> None:
    assert allocator.with_allocator({})["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"


def test_the_process_starts_again_once_with_its_own_arguments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    monkeypatch.setattr(allocator.sys, "executable", "/python")
    monkeypatch.setattr(allocator.sys, "orig_argv", ["python", "-P", "-m", "compressor", "train"])
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    allocator.restart_with_allocator()
    [(program, arguments, environment)] = started
    assert program == "/python"
    assert arguments == ["python", "-P", "-m", "compressor", "train"]
    monkeypatch.setenv("MALLOC_ARENA_MAX", environment["MALLOC_ARENA_MAX"])
    allocator.restart_with_allocator()
    assert len(started) == 1


def test_only_the_command_line_restarts_its_process() -> None:
    callers = {
        path.relative_to(ROOT / "compressor").parts[0]
        for path in (ROOT / "compressor").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        and any(alias.name == "restart_with_allocator" for alias in node.names)
    }
    assert callers == {"cli"}


@pytest.mark.skipif(sys.platform != "linux", reason="only there the process starts anew")
def test_the_command_line_starts_anew_before_it_loads_jax(
    python: Callable[..., subprocess.CompletedProcess[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
import os, sys
from compressor.cli import main

def execve(program, arguments, environment):
    print(environment["MALLOC_ARENA_MAX"], "jax" in sys.modules)
    raise SystemExit

os.execve = execve
for arguments in (["train"], ["train", "speed"], ["train", "ablate"]):
    try:
        main(arguments)
    except SystemExit:
        pass
"""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    done = python(code)
    assert done.stdout.decode().splitlines() == ["1 False"] * 3, done.stderr.decode()
