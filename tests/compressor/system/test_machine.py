"""The commit that a measurement states is that of this checkout, or none at all."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from compressor.system.machine import UNKNOWN, commit, environment

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="asks git")

WHO = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]


def git(folder: Path, *arguments: str) -> str:
    line = ["git", "-C", str(folder), *WHO, *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path, project: str = "kolmozip", package: str = "compressor") -> Path:
    """A checkout with one commit of a project that has a package of this name; the package."""
    (folder / package / "system").mkdir(parents=True)
    (folder / package / "system" / "machine.py").write_text("")
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{project}"\n')
    (folder / ".gitignore").write_text(".venv\n")
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder / package


def installed(folder: Path) -> Path:
    """The package as an environment in a checkout has it."""
    package = folder / ".venv" / "lib" / "site-packages" / "compressor"
    (package / "system").mkdir(parents=True)
    return package


def test_the_commit_is_that_of_our_checkout(tmp_path: Path) -> None:
    package = repository(tmp_path / "ours")
    head = git(tmp_path / "ours", "rev-parse", "--short=12", "HEAD")
    assert commit(package) == head
    (tmp_path / "ours" / "notes").write_text("not tracked")
    assert commit(package) == head
    (package / "system" / "machine.py").write_text("changed")
    assert commit(package) == f"{head}+"


def test_an_environment_inside_another_repository_has_not_its_commit(tmp_path: Path) -> None:
    repository(tmp_path / "theirs", "thesis", "chapters")
    assert commit(installed(tmp_path / "theirs")) == UNKNOWN


def test_an_environment_inside_our_checkout_is_not_the_checkout(tmp_path: Path) -> None:
    repository(tmp_path / "ours")
    assert commit(installed(tmp_path / "ours")) == UNKNOWN


def test_a_project_that_copied_the_package_is_not_ours(tmp_path: Path) -> None:
    assert commit(repository(tmp_path / "theirs", "fork")) == UNKNOWN
    bare = repository(tmp_path / "bare")
    (tmp_path / "bare" / "pyproject.toml").write_text("not TOML")
    assert commit(bare) == UNKNOWN
    (tmp_path / "bare" / "pyproject.toml").unlink()
    assert commit(bare) == UNKNOWN


def test_outside_a_repository_or_without_git_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = repository(tmp_path / "ours")
    (tmp_path / "alone" / "compressor").mkdir(parents=True)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert commit(tmp_path / "alone" / "compressor") == UNKNOWN
    monkeypatch.setenv("PATH", "")
    assert commit(package) == UNKNOWN


def test_a_git_hook_does_not_point_us_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = repository(tmp_path / "ours")
    mine = commit(package)
    (tmp_path / "theirs").mkdir()
    repository(tmp_path / "theirs" / "thesis", "thesis", "chapters")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "theirs" / "thesis" / ".git"))
    assert commit(package) == mine != UNKNOWN


def test_a_measurement_states_machine_versions_commit_and_date() -> None:
    facts = environment()
    assert set(facts) == {
        "processor",
        "cores",
        "system",
        "python",
        "versions",
        "commit",
        "date",
    }
    assert re.fullmatch(r"unknown|[0-9a-f]{12}\+?", facts["commit"])
    assert facts["versions"]["numpy"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", facts["date"])
