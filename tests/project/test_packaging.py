"""What is installed is what the checkout holds: packages, data files, command.

The lock fits the requirements, and the core requires no more than coding does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, get_args

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from compressor.system.extras import Extra

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("baselines", "coding", "compressor", "data", "models")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    """Canonical name -> locked version."""
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def test_every_package_on_disk_is_listed_and_no_other(project: dict[str, Any]) -> None:
    on_disk = [
        path.parent.relative_to(ROOT)
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    ]
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(
        ".".join(path.parts) for path in on_disk
    )


def test_every_module_is_in_a_package() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert [path for path in files if not (path.parent / "__init__.py").exists()] == []


BUILT = (".py", ".so", ".pyd")
"""What setuptools packs by itself."""


def test_every_data_file_is_shipped(project: dict[str, Any]) -> None:
    shipped = project["tool"]["setuptools"]["package-data"]
    globs = [
        f"{package.replace('.', '/')}/{glob}" for package in shipped for glob in shipped[package]
    ]
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    data = [
        str(path.relative_to(ROOT))
        for path in files
        if path.suffix not in BUILT and "__pycache__" not in path.parts
    ]
    assert [name for name in data if not any(fnmatch(name, glob) for glob in globs)] == []
    assert [glob for glob in globs if not any(fnmatch(name, glob) for name in data)] == []


EXTRAS = ("jax", "train", "bench", "report", "corpora", "cluster", "dev")


@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_the_lock_satisfies_every_requirement(
    project: dict[str, Any], lock: dict[str, str], extra: str
) -> None:
    stated = project["project"]
    for line in stated["optional-dependencies"][extra] if extra else stated["dependencies"]:
        requirement = Requirement(line)
        if requirement.name == "kolmozip":
            continue
        version = lock[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), (
            f"{line} against the lock's {version}: run make lock"
        )


def test_the_core_is_small(project: dict[str, Any]) -> None:
    names = {Requirement(line).name for line in project["project"]["dependencies"]}
    assert names == {"click", "numpy", "tqdm"}


def test_all_is_every_extra_that_a_command_names(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    (line,) = extras["all"]
    assert Requirement(line).extras == {*get_args(Extra)}
    assert get_args(Extra) == (
        "jax",
        "train",
        "bench",
        "report",
        "corpora",
        "search",
        "cluster",
    )


def test_the_build_backend_is_locked_too(project: dict[str, Any], lock: dict[str, str]) -> None:
    for backend in (Requirement(line) for line in project["build-system"]["requires"]):
        assert backend.specifier.contains(lock[canonicalize_name(backend.name)])


def test_the_lock_has_versions_only() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    odd = [
        line
        for line in lines
        if not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.]+", line)
    ]
    assert odd == []


def test_the_coder_is_pinned_exactly(project: dict[str, Any]) -> None:
    assert "constriction==0.5.0" in project["project"]["optional-dependencies"]["jax"]


def test_the_command_starts(project: dict[str, Any]) -> None:
    module, function = project["project"]["scripts"]["kolmozip"].split(":")
    # As the installed script does.
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "decompress" in done.stdout


def test_the_versions_of_both_languages_are_one(project: dict[str, Any]) -> None:
    workspace = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text("utf-8"))
    assert workspace["workspace"]["package"]["version"] == project["project"]["version"]


def test_the_source_distribution_holds_the_whole_workspace() -> None:
    """Cargo reads every member's manifest, also of those that the engine itself does not need."""
    workspace = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text("utf-8"))
    packed = [line.split()[1:] for line in (ROOT / "MANIFEST.in").read_text("utf-8").splitlines()]
    for member in workspace["workspace"]["members"]:
        assert [f"native/{member}", "*.rs", "Cargo.toml"] in packed


def test_every_file_that_a_script_names_is_there() -> None:
    scripts = (ROOT / "tests" / "project").glob("*.sh")
    texts = [path.read_text("utf-8") for path in scripts]
    named = [name for text in texts for name in re.findall(r"\btests/[\w./-]+", text)]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.slow
def test_the_native_engine_may_be_left_out_or_demanded(tmp_path: Path) -> None:
    """What setup.py declares by KOLMOZIP_NATIVE, with and without cargo: None, or optional."""
    code = """
import json, setuptools
def setup(rust_extensions=(), **_):
    print(json.dumps([extension.optional for extension in rust_extensions]))
setuptools.setup = setup
exec(open("setup.py").read())
"""
    declared = {}
    for switch in ("", "0", "1"):
        for cargo in (sys.executable, str(tmp_path / "absent")):
            variables = {**os.environ, "KOLMOZIP_NATIVE": switch, "CARGO": cargo}
            done = subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env=variables,
                capture_output=True,
                text=True,
                check=True,
            )
            declared[switch, cargo == sys.executable] = json.loads(done.stdout)
    assert declared == {
        ("", True): [True],
        ("", False): [],
        ("0", True): [],
        ("0", False): [],
        ("1", True): [False],
        ("1", False): [False],
    }
