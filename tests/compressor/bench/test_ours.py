"""Our own codec as a subject: the size of its program, and the blocks of its files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import compressor
from coding.container import END_BYTES, HEADER_BYTES, MAGIC, SHORT_MAGIC
from compressor.bench.ours import FLOAT_MAGIC, PRODUCT, ROOT, TRANSFORMER, blocks, program_bytes
from compressor.codec import native
from compressor.codec.seams import BlockCodec
from data.samples import sample

ROOMS = {"baselines", "coding", "compressor", "data", "models"}
REPORT = """
import sys
from compressor.cli import main
try: main(sys.argv[1:])
finally: print(*sys.modules)
"""
"""The command, which tells at its end which modules it has loaded."""


def test_the_counted_modules_are_there() -> None:
    assert all((ROOT / name).is_file() for name in (*PRODUCT, *TRANSFORMER))
    assert list(PRODUCT) == sorted(set(PRODUCT))


def test_the_program_s_size_is_repeatable_and_grows_with_what_is_beside() -> None:
    size = program_bytes()
    assert size == program_bytes()
    assert program_bytes(TRANSFORMER) > size
    source = sum((ROOT / name).stat().st_size for name in PRODUCT)
    assert source / 10 < size < source / 2


def test_the_blocks_of_a_file(nano_codec: BlockCodec, tmp_path: Path) -> None:
    for original in (bytes(1000), sample()[:1000]):
        packed = compressor.compress(original, model=nano_codec)
        (tmp_path / "packed").write_bytes(packed)
        (tmp_path / "float").write_bytes(FLOAT_MAGIC + packed)
        size = len(packed) - (0 if packed.startswith(SHORT_MAGIC) else HEADER_BYTES + END_BYTES)
        assert blocks(tmp_path / "packed") == [[1000, size]]
        assert blocks(tmp_path / "float", len(FLOAT_MAGIC)) == [[1000, size]]
    assert FLOAT_MAGIC[:3] not in (packed[:3], MAGIC[:3])


@pytest.mark.parametrize("engine", ["native", "jax"])
def test_coding_loads_no_module_that_is_not_counted(
    python: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path, engine: str
) -> None:
    if engine == "native" and native.absent():
        pytest.skip("the native engine is not built")
    (tmp_path / "text").write_bytes(sample()[:60])
    loaded = set()
    for words in (["-6", "-m", "nano", "text"], ["-d", "-f", "text.kz"]):
        done = python(REPORT, *words, "--engine", engine, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        loaded |= set(done.stdout.decode().split())
    counted = {name.removesuffix(".py").removesuffix("/__init__") for name in PRODUCT}
    loaded -= {"compressor.codec._native"}  # compiled: no Python that could be counted
    names = {name.replace(".", "/") for name in loaded if name.split(".")[0] in ROOMS}
    assert names - counted == set()
