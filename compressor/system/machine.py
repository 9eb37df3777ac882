"""Facts that every measurement states: processor, versions, commit, date."""

from __future__ import annotations

import os
import platform
import subprocess
import tomllib
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from compressor.system.resources import cores

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of the package ``compressor`` that runs."""
PROJECT = "kolmozip"
UNKNOWN = "unknown"
"""The commit of an installed package, which has none."""
OTHERS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
"""Variables by which a git hook would point us at the repository it runs in."""
PACKAGES = (PROJECT, "jax", "jaxlib", "numpy", "constriction")
"""Packages whose versions a measurement states, where they are installed."""


def commit(package: Path = PACKAGE) -> str:
    """Short hash of the checkout whose ``compressor`` this is, with '+' where tracked files differ.

    'unknown' outside a checkout of this project, also where the package was installed into an
    environment that lies in a checkout, of whatever project: its files are not the commit's.
    """
    top = _git(package, "rev-parse", "--show-toplevel")
    if top is None or not _is_ours(Path(top), package):
        return UNKNOWN
    head = _git(package, "rev-parse", "--short=12", "HEAD")
    if head is None:
        return UNKNOWN
    return head + ("+" if _git(package, "status", "--porcelain", "-uno") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints when asked in a folder; None where it fails or is not installed."""
    environment = {name: value for name, value in os.environ.items() if name not in OTHERS}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return None if done.returncode else done.stdout.strip()


def _is_ours(top: Path, package: Path) -> bool:
    """Whether a checkout is one of this project, and the package the one that it holds."""
    if (top / package.name).resolve() != package.resolve():
        return False
    try:
        project = tomllib.loads((top / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return bool(project.get("project", {}).get("name") == PROJECT)


def processor() -> str:
    """Name of the processor as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def environment() -> dict[str, Any]:
    """Machine and software that a figure was measured with, and when (UTC)."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": _versions(),
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
