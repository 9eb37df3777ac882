"""The import graph has no cycle, and the packages of `compressor` stand in layers.

Modules are read, not run, so a lazy import inside a function counts like one at the top.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("baselines", "coding", "compressor", "data", "models")
LAYERS = (
    *(
        "errors",
        "system",
        "codec",
        "explain",
        "training",
        "bench",
        "ablation",
        "ladder",
        "report",
        "cli",
        "__main__",
    ),
)
"""Modules and packages of `compressor`: each may import only itself and those to its left."""
CODING = (
    "errors",
    "counts",
    "fields",
    "container",
    "rebuilt",
    "rangecoder",
    "transforms",
    "prediction",
    "base64_text",
    "columns",
    "strings",
    "colours",
    "deflate",
)
"""Modules and packages of `coding`, likewise."""
INTEGER_FIRST = ("integer", "memory", "signals", "network")
"""Packages of `models`, likewise."""

LAYERED = [("coding", CODING), ("compressor", LAYERS), ("models", INTEGER_FIRST)]

Graph = dict[str, set[str]]


def name_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.AST, modules: set[str]) -> Iterator[str]:
    """The modules of ours that a syntax tree imports, by any form of import statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield from (name for name in [whole if whole in modules else node.module])


def graph(root: Path = ROOT) -> Graph:
    """Module -> the modules of ours that it imports."""
    files = {name_of(path, root): path for room in ROOMS for path in (root / room).rglob("*.py")}
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in files.items()}
    return {
        name: {other for other in imported(tree, set(files)) if other in files} - {name}
        for name, tree in trees.items()
    }


def cycles(edges: Graph) -> list[list[str]]:
    """Every cycle that a depth-first walk closes, as the modules on it."""
    found, done = [], set[str]()

    def walk(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name) :], name])
        elif name not in done:
            for other in sorted(edges.get(name, ())):
                walk(other, [*path, name])
            done.add(name)

    for name in sorted(edges):
        walk(name, [])
    return found


def upward(edges: Graph, room: str, layers: tuple[str, ...]) -> list[str]:
    """Imports of a room from one of its layers into one to the right, as 'module -> module'."""

    def layer(name: str) -> int | None:
        parts = name.split(".")
        return layers.index(parts[1]) if parts[0] == room and len(parts) > 1 else None

    return [
        f"{name} -> {other}"
        for name, others in edges.items()
        for other in sorted(others)
        if (here := layer(name)) is not None
        and (there := layer(other)) is not None
        and there > here
    ]


@pytest.mark.slow
def test_there_is_no_cycle() -> None:
    assert cycles(graph()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("room", "layers"), LAYERED)
def test_imports_go_one_way(room: str, layers: tuple[str, ...]) -> None:
    assert upward(graph(), room, layers) == []


@pytest.mark.parametrize(("room", "layers"), LAYERED)
def test_every_package_has_a_layer(room: str, layers: tuple[str, ...]) -> None:
    entries = {
        path.stem
        for path in (ROOT / room).iterdir()
        if (path / "__init__.py").is_file() or (path.suffix == ".py" and path.stem != "__init__")
    }
    assert entries == set(layers)


def test_the_checks_themselves_find_what_they_look_for() -> None:
    edges = {"m.a": {"m.b"}, "m.b": {"m.c"}, "m.c": {"m.a"}, "m.d": {"m.a"}}
    assert cycles(edges) == [["m.a", "m.b", "m.c", "m.a"]]
    assert upward(edges, "m", ("a", "b", "c", "d")) == ["m.a -> m.b", "m.b -> m.c"]
    assert cycles({"m.a": {"m.b"}, "m.b": set()}) == []


def test_lazy_and_aliased_imports_are_seen(tmp_path: Path) -> None:
    (tmp_path / "coding").mkdir()
    for name, text in {
        "__init__": "",
        "a": "def f():\n    from coding import b as other",
        "b": "import coding.c",
        "c": "from coding.a import f",
    }.items():
        (tmp_path / "coding" / f"{name}.py").write_text(text)
    assert cycles(graph(tmp_path)) == [["coding.a", "coding.b", "coding.c", "coding.a"]]
