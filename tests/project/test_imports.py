"""The rooms and who may import whom: the table of the design as a test.

Modules are read, not run, so a lazy import inside a function counts like one at the top. What a
process really loads is then checked by starting one.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compressor.codec import native
from data.samples import sample

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT: dict[str, set[str]] = {
    "coding": set(),
    "data": set(),
    "models": set(),
    "baselines": {"coding", "data", "models"},
    "compressor": {"coding", "data", "models", "baselines"},
}
"""Room -> the other rooms it may import. `tests` and `results` are nobody's to import."""

NEVER: dict[str, set[str]] = {
    "coding": {"jax", "jaxlib", "flax", "flaxlib", "optax", "orbax"},
    "data": {"jax", "jaxlib", "flax", "flaxlib", "optax", "orbax"},
    "models": {"constriction", "optax"},
    "baselines": set(),
    "compressor": set(),
}
"""Room -> packages of others that it must never import."""

OURS = {*MAY_IMPORT, "tests", "results"}
ROOM = pytest.mark.parametrize("room", MAY_IMPORT)


def modules(room: str, root: Path = ROOT) -> list[Path]:
    """Every Python file of the room."""
    return sorted((root / room).rglob("*.py"))


def imports(path: Path, room: str) -> set[str]:
    """Top-level names of all that the file imports, wherever in the file.

    A relative import is of the file's own room.
    """
    return {
        name.split(".")[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in names(node, room)
    }


def names(node: ast.AST, room: str) -> Iterator[str]:
    """Modules that a node of the syntax tree imports, by statement or by a literal name."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield room if node.level else node.module or ""
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if called in ("import_module", "__import__"):
            yield str(node.args[0].value)


def violations(room: str, root: Path = ROOT) -> list[str]:
    """Each forbidden import of the room as 'file: name'."""
    forbidden = (OURS - MAY_IMPORT[room] - {room}) | NEVER[room]
    return [
        f"{path.relative_to(root)}: {name}"
        for path in modules(room, root)
        for name in sorted(imports(path, room) & forbidden)
    ]


def loaded_by(code: str) -> set[str]:
    """Top-level names in `sys.modules` after a fresh Python in the repository's root ran the code.

    Fails with the process's error text where the code fails.
    """
    return {name.split(".")[0] for name in modules_of(code)}


def modules_of(code: str) -> set[str]:
    """All names in `sys.modules` after the code ran in a fresh Python, which must end well."""
    report = "\nimport sys as _s, json as _j; print('\\n' + _j.dumps(sorted(_s.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + report],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"the process failed:\n{done.stderr}"
    return set(json.loads(done.stdout.splitlines()[-1]))


def dotted(path: Path) -> str:
    """The import name of a module's file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@ROOM
def test_the_room_has_modules_to_check(room: str) -> None:
    assert (ROOT / room / "__init__.py") in modules(room)
    assert len(modules(room)) > 1


@ROOM
def test_the_room_imports_only_what_it_may(room: str) -> None:
    assert violations(room) == []


def test_constriction_is_imported_by_one_module_of_coding_and_no_other() -> None:
    importers = [
        path
        for room in MAY_IMPORT
        for path in modules(room)
        if "constriction" in imports(path, room)
    ]
    assert [path.relative_to(ROOT).parts[0] for path in importers] == ["coding"], importers


def test_the_native_engine_is_imported_by_one_module_and_no_other() -> None:
    importers = {
        str(path.relative_to(ROOT))
        for room in MAY_IMPORT
        for path in modules(room)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if any(name.split(".")[-1] == "_native" for name in whole_names(node))
    }
    assert importers == {"compressor/codec/native.py"}


def whole_names(node: ast.AST) -> Iterator[str]:
    """Dotted names of all that a node imports, members of modules among them."""
    if isinstance(node, ast.ImportFrom):
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    else:
        yield from names(node, "")


def test_results_hold_no_code() -> None:
    assert modules("results") == []


@pytest.mark.parametrize(
    ("room", "source", "found"),
    [
        ("coding", "import jax.numpy as jnp", "jax"),
        ("coding", "from data.windows import window", "data"),
        ("data", "def f():\n    from jax import numpy", "jax"),
        ("data", "import tests.conftest", "tests"),
        ("models", "if True:\n    import optax", "optax"),
        ("models", "from data import splits", "data"),
        (
            "models",
            "import importlib\nimportlib.import_module('constriction.stream')",
            "constriction",
        ),
        ("baselines", "from compressor import codec", "compressor"),
        ("compressor", "__import__('results')", "results"),
    ],
)
def test_the_check_itself_finds_a_forbidden_import(
    tmp_path: Path, room: str, source: str, found: str
) -> None:
    (tmp_path / room / "deep").mkdir(parents=True)
    (tmp_path / room / "deep" / "module.py").write_text(source)
    assert violations(room, tmp_path) == [f"{Path(room, 'deep', 'module.py')}: {found}"]


@pytest.mark.parametrize(
    ("room", "source"),
    [
        (
            "coding",
            "from . import counts\nimport coding.counts, numpy, constriction",
        ),
        (
            "baselines",
            "import jax, optax\nfrom models import lm\nfrom data import splits\nimport coding",
        ),
        (
            "compressor",
            "from baselines import classical\nimport optax, models.network.lm, data.splits",
        ),
        ("data", "# import jax\ntext = 'import jax'\nprint('jax')"),
    ],
)
def test_the_check_itself_lets_the_rest_pass(tmp_path: Path, room: str, source: str) -> None:
    (tmp_path / room).mkdir()
    (tmp_path / room / "module.py").write_text(source)
    assert violations(room, tmp_path) == []


@pytest.mark.parametrize("room", ["coding", "data"])
def test_loading_the_whole_room_loads_no_jax(room: str) -> None:
    loaded = loaded_by("\n".join(f"import {dotted(path)}" for path in modules(room)))
    assert room in loaded
    assert not loaded & {"jax", "jaxlib", "flax", "optax"}
    assert loaded & OURS == {room}


@pytest.mark.slow
def test_training_imports_without_constriction() -> None:
    code = "import sys\nsys.modules['constriction'] = None\nimport compressor.training.command\n"
    loaded = loaded_by(code + "import compressor.training.run")
    assert {"compressor", "optax"} <= loaded


HEAVY = {"jax", "jaxlib", "scipy", "constriction", "optax", "orbax", "matplotlib", "pandas"}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["compress", "--help"], ["bench", "--help"], ["train", "--help"]],
    ids=" ".join,
)
def test_help_and_version_load_no_library_of_ours(arguments: list[str]) -> None:
    loaded = loaded_by(ended_well(*arguments))
    assert not loaded & {*HEAVY, "numpy", "flax"}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["inspect", "list"])
def test_looking_into_a_file_loads_neither_jax_nor_constriction(
    command: str, packed: tuple[Path, Path]
) -> None:
    assert not loaded_by(ended_well(command, str(packed[1]))) & HEAVY


def test_listing_the_models_loads_neither_jax_nor_constriction() -> None:
    assert not loaded_by(ended_well("models")) & HEAVY


@pytest.mark.parametrize("command", ["decompress", "test"])
def test_a_refused_file_loads_neither_jax_nor_constriction(command: str, tmp_path: Path) -> None:
    (tmp_path / "plain.kz").write_text("this is no container")
    code = ended_well(command, str(tmp_path / "plain.kz"), code=1)
    assert not loaded_by(code) & HEAVY


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(text, container of it) where the container holds a model block."""
    folder = tmp_path_factory.mktemp("packed")
    text, packed = folder / "text", folder / "packed.kz"
    text.write_bytes(sample()[:3000])
    loaded_by(ended_well("compress", "-m", "tiny", str(text), "-o", str(packed)))
    assert packed.stat().st_size < 1800, "stored raw: then decompressing would prove little"
    return text, packed


@pytest.mark.slow
def test_coding_loads_nothing_of_training_reporting_or_baselines(
    packed: tuple[Path, Path], tmp_path: Path
) -> None:
    loaded = loaded_by(ended_well("decompress", str(packed[1]), "-o", str(tmp_path / "restored")))
    assert (tmp_path / "restored").read_bytes() == packed[0].read_bytes()
    assert {"compressor", "coding", "models"} <= loaded
    assert not loaded & {"flax", "optax", "orbax", "matplotlib", "pandas", "baselines", "pooch"}


@pytest.mark.skipif(native.absent() is not None, reason="the native engine is not built")
def test_the_native_engine_does_without_jax_constriction_and_numpy(
    packed: tuple[Path, Path], tmp_path: Path
) -> None:
    choice = ["-q", "--engine", "native"]
    for arguments in (
        ["compress", *choice, "-m", "tiny", str(packed[0]), "-o", str(tmp_path / "packed")],
        ["decompress", *choice, str(packed[1]), "-o", str(tmp_path / "restored")],
        ["test", *choice, str(packed[1])],
    ):
        loaded = modules_of(ended_well(*arguments))
        assert "compressor.codec._native" in loaded
        assert not {name.split(".")[0] for name in loaded} & {*HEAVY, "numpy"}
        assert not loaded & {"compressor.codec.weights_file", "compressor.codec.blocks"}
    assert (tmp_path / "packed").read_bytes() == packed[1].read_bytes()


@pytest.mark.slow
def test_the_counted_program_is_what_compresses_and_decompresses(
    packed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every module of ours that either direction loads is counted, and no other."""
    from compressor.bench.ours import PRODUCT, program_bytes

    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    used, choice = set[str](), ["-q", "--engine", "jax"]
    for arguments in (
        ["compress", *choice, "-m", "tiny", str(packed[0]), "-o", str(tmp_path / "packed")],
        ["decompress", *choice, str(packed[1]), "-o", str(tmp_path / "restored")],
    ):
        used |= {name for name in modules_of(ended_well(*arguments)) if name.split(".")[0] in OURS}
    # What unpacks, rebuilds and codes numbers where the native engine does not, and colours.
    others = "import coding.deflate, coding.colours, models.signals.model"
    used |= {name for name in modules_of(others) if name.split(".")[0] in OURS}
    files = {path: dotted(ROOT / path) for path in PRODUCT}
    used.discard("compressor.codec._native")  # it tries transforms, where it is at hand
    assert sorted(files.values()) == sorted(used)
    assert 15_000 < program_bytes() < 119_000


def ended_well(*arguments: str, code: int = 0) -> str:
    """Code that runs the command and fails where its exit code is another than this."""
    return (
        "import sys\nfrom compressor.cli import main\n"
        f"try:\n    main({list(arguments)!r})\n"
        f"except SystemExit as end:\n    assert (end.code or 0) == {code}, end.code\n"
    )
