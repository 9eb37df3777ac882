"""The rooms and who may import whom: the table of the design as a test.
    "models.memory.strings",

    "models.memory.strings",
Modules are read, not run, so a lazy import inside a function counts like one at the top. What a
    "models.memory.strings",
process really loads is then checked by starting one.
    "models.memory.strings",
"""
    "models.memory.strings",

    "models.memory.strings",
from __future__ import annotations
    "models.memory.strings",

    "models.memory.strings",
import ast
    "models.memory.strings",
import json
    "models.memory.strings",
import os
    "models.memory.strings",
import subprocess
    "models.memory.strings",
import sys
    "models.memory.strings",
from collections.abc import Iterator
    "models.memory.strings",
from pathlib import Path
    "models.memory.strings",

    "models.memory.strings",
import pytest
    "models.memory.strings",

    "models.memory.strings",
from compressor.codec import native
    "models.memory.strings",
from data.samples import sample
    "models.memory.strings",

    "models.memory.strings",
ROOT = Path(__file__).resolve().parents[2]
    "models.memory.strings",

    "models.memory.strings",
MAY_IMPORT: dict[str, set[str]] = {
    "models.memory.strings",
    "coding": set(),
    "models.memory.strings",
    "data": set(),
    "models.memory.strings",
    "models": set(),
    "models.memory.strings",
    "baselines": {"coding", "data", "models"},
    "models.memory.strings",
    "compressor": {"coding", "data", "models", "baselines"},
    "models.memory.strings",
}
    "models.memory.strings",
"""Room -> the other rooms it may import. `tests` and `results` are nobody's to import."""
    "models.memory.strings",

    "models.memory.strings",
NEVER: dict[str, set[str]] = {
    "models.memory.strings",
    "coding": {"jax", "jaxlib", "flax", "flaxlib", "optax", "orbax"},
    "models.memory.strings",
    "data": {"jax", "jaxlib", "flax", "flaxlib", "optax", "orbax"},
    "models.memory.strings",
    "models": {"constriction", "optax"},
    "models.memory.strings",
    "baselines": set(),
    "models.memory.strings",
    "compressor": set(),
    "models.memory.strings",
}
    "models.memory.strings",
"""Room -> packages of others that it must never import."""
    "models.memory.strings",

    "models.memory.strings",
OURS = {*MAY_IMPORT, "tests", "results"}
    "models.memory.strings",
ROOM = pytest.mark.parametrize("room", MAY_IMPORT)
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def modules(room: str, root: Path = ROOT) -> list[Path]:
    "models.memory.strings",
    """Every Python file of the room."""
    "models.memory.strings",
    return sorted((root / room).rglob("*.py"))
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def imports(path: Path, room: str) -> set[str]:
    "models.memory.strings",
    """Top-level names of all that the file imports, wherever in the file.
    "models.memory.strings",

    "models.memory.strings",
    A relative import is of the file's own room.
    "models.memory.strings",
    """
    "models.memory.strings",
    return {
    "models.memory.strings",
        name.split(".")[0]
    "models.memory.strings",
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    "models.memory.strings",
        for name in names(node, room)
    "models.memory.strings",
    }
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def names(node: ast.AST, room: str) -> Iterator[str]:
    "models.memory.strings",
    """Modules that a node of the syntax tree imports, by statement or by a literal name."""
    "models.memory.strings",
    if isinstance(node, ast.Import):
    "models.memory.strings",
        yield from (alias.name for alias in node.names)
    "models.memory.strings",
    elif isinstance(node, ast.ImportFrom):
    "models.memory.strings",
        yield room if node.level else node.module or ""
    "models.memory.strings",
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
    "models.memory.strings",
        called = (
    "models.memory.strings",
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    "models.memory.strings",
        )
    "models.memory.strings",
        if called in ("import_module", "__import__"):
    "models.memory.strings",
            yield str(node.args[0].value)
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def violations(room: str, root: Path = ROOT) -> list[str]:
    "models.memory.strings",
    """Each forbidden import of the room as 'file: name'."""
    "models.memory.strings",
    forbidden = (OURS - MAY_IMPORT[room] - {room}) | NEVER[room]
    "models.memory.strings",
    return [
    "models.memory.strings",
        f"{path.relative_to(root)}: {name}"
    "models.memory.strings",
        for path in modules(room, root)
    "models.memory.strings",
        for name in sorted(imports(path, room) & forbidden)
    "models.memory.strings",
    ]
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def loaded_by(code: str) -> set[str]:
    "models.memory.strings",
    """Top-level names in `sys.modules` after a fresh Python in the repository's root ran the code.
    "models.memory.strings",

    "models.memory.strings",
    Fails with the process's error text where the code fails.
    "models.memory.strings",
    """
    "models.memory.strings",
    return {name.split(".")[0] for name in modules_of(code)}
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def modules_of(code: str) -> set[str]:
    "models.memory.strings",
    """All names in `sys.modules` after the code ran in a fresh Python, which must end well."""
    "models.memory.strings",
    report = "\nimport sys as _s, json as _j; print('\\n' + _j.dumps(sorted(_s.modules)))"
    "models.memory.strings",
    done = subprocess.run(
    "models.memory.strings",
        [sys.executable, "-c", code + report],
    "models.memory.strings",
        cwd=ROOT,
    "models.memory.strings",
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    "models.memory.strings",
        capture_output=True,
    "models.memory.strings",
        text=True,
    "models.memory.strings",
        check=False,
    "models.memory.strings",
    )
    "models.memory.strings",
    assert done.returncode == 0, f"the process failed:\n{done.stderr}"
    "models.memory.strings",
    return set(json.loads(done.stdout.splitlines()[-1]))
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def dotted(path: Path) -> str:
    "models.memory.strings",
    """The import name of a module's file."""
    "models.memory.strings",
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@ROOM
    "models.memory.strings",
def test_the_room_has_modules_to_check(room: str) -> None:
    "models.memory.strings",
    assert (ROOT / room / "__init__.py") in modules(room)
    "models.memory.strings",
    assert len(modules(room)) > 1
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@ROOM
    "models.memory.strings",
def test_the_room_imports_only_what_it_may(room: str) -> None:
    "models.memory.strings",
    assert violations(room) == []
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def test_constriction_is_imported_by_one_module_of_coding_and_no_other() -> None:
    "models.memory.strings",
    importers = [
    "models.memory.strings",
        path
    "models.memory.strings",
        for room in MAY_IMPORT
    "models.memory.strings",
        for path in modules(room)
    "models.memory.strings",
        if "constriction" in imports(path, room)
    "models.memory.strings",
    ]
    "models.memory.strings",
    assert [path.relative_to(ROOT).parts[0] for path in importers] == ["coding"], importers
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def test_the_native_engine_is_imported_by_one_module_and_no_other() -> None:
    "models.memory.strings",
    importers = {
    "models.memory.strings",
        str(path.relative_to(ROOT))
    "models.memory.strings",
        for room in MAY_IMPORT
    "models.memory.strings",
        for path in modules(room)
    "models.memory.strings",
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    "models.memory.strings",
        if any(name.split(".")[-1] == "_native" for name in whole_names(node))
    "models.memory.strings",
    }
    "models.memory.strings",
    assert importers == {"compressor/codec/native.py"}
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def whole_names(node: ast.AST) -> Iterator[str]:
    "models.memory.strings",
    """Dotted names of all that a node imports, members of modules among them."""
    "models.memory.strings",
    if isinstance(node, ast.ImportFrom):
    "models.memory.strings",
        yield node.module or ""
    "models.memory.strings",
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    "models.memory.strings",
    else:
    "models.memory.strings",
        yield from names(node, "")
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def test_results_hold_no_code() -> None:
    "models.memory.strings",
    assert modules("results") == []
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.parametrize(
    "models.memory.strings",
    ("room", "source", "found"),
    "models.memory.strings",
    [
    "models.memory.strings",
        ("coding", "import jax.numpy as jnp", "jax"),
    "models.memory.strings",
        ("coding", "from data.windows import window", "data"),
    "models.memory.strings",
        ("data", "def f():\n    from jax import numpy", "jax"),
    "models.memory.strings",
        ("data", "import tests.conftest", "tests"),
    "models.memory.strings",
        ("models", "if True:\n    import optax", "optax"),
    "models.memory.strings",
        ("models", "from data import splits", "data"),
    "models.memory.strings",
        (
    "models.memory.strings",
            "models",
    "models.memory.strings",
            "import importlib\nimportlib.import_module('constriction.stream')",
    "models.memory.strings",
            "constriction",
    "models.memory.strings",
        ),
    "models.memory.strings",
        ("baselines", "from compressor import codec", "compressor"),
    "models.memory.strings",
        ("compressor", "__import__('results')", "results"),
    "models.memory.strings",
    ],
    "models.memory.strings",
)
    "models.memory.strings",
def test_the_check_itself_finds_a_forbidden_import(
    "models.memory.strings",
    tmp_path: Path, room: str, source: str, found: str
    "models.memory.strings",
) -> None:
    "models.memory.strings",
    (tmp_path / room / "deep").mkdir(parents=True)
    "models.memory.strings",
    (tmp_path / room / "deep" / "module.py").write_text(source)
    "models.memory.strings",
    assert violations(room, tmp_path) == [f"{Path(room, 'deep', 'module.py')}: {found}"]
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.parametrize(
    "models.memory.strings",
    ("room", "source"),
    "models.memory.strings",
    [
    "models.memory.strings",
        (
    "models.memory.strings",
            "coding",
    "models.memory.strings",
            "from . import counts\nimport coding.counts, numpy, constriction",
    "models.memory.strings",
        ),
    "models.memory.strings",
        (
    "models.memory.strings",
            "baselines",
    "models.memory.strings",
            "import jax, optax\nfrom models import lm\nfrom data import splits\nimport coding",
    "models.memory.strings",
        ),
    "models.memory.strings",
        (
    "models.memory.strings",
            "compressor",
    "models.memory.strings",
            "from baselines import classical\nimport optax, models.network.lm, data.splits",
    "models.memory.strings",
        ),
    "models.memory.strings",
        ("data", "# import jax\ntext = 'import jax'\nprint('jax')"),
    "models.memory.strings",
    ],
    "models.memory.strings",
)
    "models.memory.strings",
def test_the_check_itself_lets_the_rest_pass(tmp_path: Path, room: str, source: str) -> None:
    "models.memory.strings",
    (tmp_path / room).mkdir()
    "models.memory.strings",
    (tmp_path / room / "module.py").write_text(source)
    "models.memory.strings",
    assert violations(room, tmp_path) == []
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.parametrize("room", ["coding", "data"])
    "models.memory.strings",
def test_loading_the_whole_room_loads_no_jax(room: str) -> None:
    "models.memory.strings",
    loaded = loaded_by("\n".join(f"import {dotted(path)}" for path in modules(room)))
    "models.memory.strings",
    assert room in loaded
    "models.memory.strings",
    assert not loaded & {"jax", "jaxlib", "flax", "optax"}
    "models.memory.strings",
    assert loaded & OURS == {room}
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.slow
    "models.memory.strings",
def test_training_imports_without_constriction() -> None:
    "models.memory.strings",
    code = "import sys\nsys.modules['constriction'] = None\nimport compressor.training.command\n"
    "models.memory.strings",
    loaded = loaded_by(code + "import compressor.training.run")
    "models.memory.strings",
    assert {"compressor", "optax"} <= loaded
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
HEAVY = {"jax", "jaxlib", "scipy", "constriction", "optax", "orbax", "matplotlib", "pandas"}
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.parametrize(
    "models.memory.strings",
    "arguments",
    "models.memory.strings",
    [["--help"], ["--version"], ["compress", "--help"], ["bench", "--help"], ["train", "--help"]],
    "models.memory.strings",
    ids=" ".join,
    "models.memory.strings",
)
    "models.memory.strings",
def test_help_and_version_load_no_library_of_ours(arguments: list[str]) -> None:
    "models.memory.strings",
    loaded = loaded_by(ended_well(*arguments))
    "models.memory.strings",
    assert not loaded & {*HEAVY, "numpy", "flax"}
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.slow
    "models.memory.strings",
@pytest.mark.parametrize("command", ["inspect", "list"])
    "models.memory.strings",
def test_looking_into_a_file_loads_neither_jax_nor_constriction(
    "models.memory.strings",
    command: str, packed: tuple[Path, Path]
    "models.memory.strings",
) -> None:
    "models.memory.strings",
    assert not loaded_by(ended_well(command, str(packed[1]))) & HEAVY
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def test_listing_the_models_loads_neither_jax_nor_constriction() -> None:
    "models.memory.strings",
    assert not loaded_by(ended_well("models")) & HEAVY
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.parametrize("command", ["decompress", "test"])
    "models.memory.strings",
def test_a_refused_file_loads_neither_jax_nor_constriction(command: str, tmp_path: Path) -> None:
    "models.memory.strings",
    (tmp_path / "plain.kz").write_text("this is no container")
    "models.memory.strings",
    code = ended_well(command, str(tmp_path / "plain.kz"), code=1)
    "models.memory.strings",
    assert not loaded_by(code) & HEAVY
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.fixture(scope="module")
    "models.memory.strings",
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    "models.memory.strings",
    """(text, container of it) where the container holds a model block."""
    "models.memory.strings",
    folder = tmp_path_factory.mktemp("packed")
    "models.memory.strings",
    text, packed = folder / "text", folder / "packed.kz"
    "models.memory.strings",
    text.write_bytes(sample()[:3000])
    "models.memory.strings",
    loaded_by(ended_well("compress", "-m", "tiny", str(text), "-o", str(packed)))
    "models.memory.strings",
    assert packed.stat().st_size < 1800, "stored raw: then decompressing would prove little"
    "models.memory.strings",
    return text, packed
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.slow
    "models.memory.strings",
def test_coding_loads_nothing_of_training_reporting_or_baselines(
    "models.memory.strings",
    packed: tuple[Path, Path], tmp_path: Path
    "models.memory.strings",
) -> None:
    "models.memory.strings",
    loaded = loaded_by(ended_well("decompress", str(packed[1]), "-o", str(tmp_path / "restored")))
    "models.memory.strings",
    assert (tmp_path / "restored").read_bytes() == packed[0].read_bytes()
    "models.memory.strings",
    assert {"compressor", "coding", "models"} <= loaded
    "models.memory.strings",
    assert not loaded & {"flax", "optax", "orbax", "matplotlib", "pandas", "baselines", "pooch"}
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.skipif(native.absent() is not None, reason="the native engine is not built")
    "models.memory.strings",
def test_the_native_engine_does_without_jax_constriction_and_numpy(
    "models.memory.strings",
    packed: tuple[Path, Path], tmp_path: Path
    "models.memory.strings",
) -> None:
    "models.memory.strings",
    choice = ["-q", "--engine", "native"]
    "models.memory.strings",
    for arguments in (
    "models.memory.strings",
        ["compress", *choice, "-m", "tiny", str(packed[0]), "-o", str(tmp_path / "packed")],
    "models.memory.strings",
        ["decompress", *choice, str(packed[1]), "-o", str(tmp_path / "restored")],
    "models.memory.strings",
        ["test", *choice, str(packed[1])],
    "models.memory.strings",
    ):
    "models.memory.strings",
        loaded = modules_of(ended_well(*arguments))
    "models.memory.strings",
        assert "compressor.codec._native" in loaded
    "models.memory.strings",
        assert not {name.split(".")[0] for name in loaded} & {*HEAVY, "numpy"}
    "models.memory.strings",
        assert not loaded & {"compressor.codec.weights_file", "compressor.codec.blocks"}
    "models.memory.strings",
    assert (tmp_path / "packed").read_bytes() == packed[1].read_bytes()
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
@pytest.mark.slow
    "models.memory.strings",
def test_the_counted_program_is_what_compresses_and_decompresses(
    "models.memory.strings",
    packed: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    "models.memory.strings",
) -> None:
    "models.memory.strings",
    """Every module of ours that either direction loads is counted, and no other."""
    "models.memory.strings",
    from compressor.bench.ours import PRODUCT, program_bytes
    "models.memory.strings",

    "models.memory.strings",
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    "models.memory.strings",
    used, choice = set[str](), ["-q", "--engine", "jax"]
    "models.memory.strings",
    for arguments in (
    "models.memory.strings",
        ["compress", *choice, "-m", "tiny", str(packed[0]), "-o", str(tmp_path / "packed")],
    "models.memory.strings",
        ["decompress", *choice, str(packed[1]), "-o", str(tmp_path / "restored")],
    "models.memory.strings",
    ):
    "models.memory.strings",
        used |= {name for name in modules_of(ended_well(*arguments)) if name.split(".")[0] in OURS}
    "models.memory.strings",
    # What unpacks, rebuilds and codes numbers where the native engine does not, and colours.
    "models.memory.strings",
    others = "import coding.deflate, coding.colours, models.signals.model"
    "models.memory.strings",
    used |= {name for name in modules_of(others) if name.split(".")[0] in OURS}
    "models.memory.strings",
    files = {path: dotted(ROOT / path) for path in PRODUCT}
    "models.memory.strings",
    used.discard("compressor.codec._native")  # it tries transforms, where it is at hand
    "models.memory.strings",
    assert sorted(files.values()) == sorted(used)
    "models.memory.strings",
    assert 15_000 < program_bytes() < 112_000
    "models.memory.strings",

    "models.memory.strings",

    "models.memory.strings",
def ended_well(*arguments: str, code: int = 0) -> str:
    "models.memory.strings",
    """Code that runs the command and fails where its exit code is another than this."""
    "models.memory.strings",
    return (
    "models.memory.strings",
        "import sys\nfrom compressor.cli import main\n"
    "models.memory.strings",
        f"try:\n    main({list(arguments)!r})\n"
    "models.memory.strings",
        f"except SystemExit as end:\n    assert (end.code or 0) == {code}, end.code\n"
    "models.memory.strings",
    )
    "models.memory.strings",
