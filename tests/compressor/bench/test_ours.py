"""Our own codec as a subject: the size of its program, and the blocks of its files."""

from __future__ import annotations

from pathlib import Path

import compressor
from compressor.bench.ours import FLOAT_MAGIC, PRODUCT, ROOT, TRANSFORMER, blocks, program_bytes
from compressor.codec.model import Model


def test_the_counted_modules_are_there() -> None:
    assert all((ROOT / name).is_file() for name in (*PRODUCT, *TRANSFORMER))
    assert list(PRODUCT) == sorted(set(PRODUCT))


def test_the_program_s_size_is_repeatable_and_grows_with_what_is_beside() -> None:
    size = program_bytes()
    assert size == program_bytes()
    assert program_bytes(TRANSFORMER) > size
    source = sum((ROOT / name).stat().st_size for name in PRODUCT)
    assert source / 10 < size < source / 2


def test_the_blocks_of_a_file(nano: Model, tmp_path: Path) -> None:
    packed = compressor.compress(bytes(1000), nano)
    (tmp_path / "packed").write_bytes(packed)
    (tmp_path / "float").write_bytes(FLOAT_MAGIC + packed)
    [[original, size]] = blocks(tmp_path / "packed")
    assert original == 1000
    assert 0 < size < len(packed)
    assert blocks(tmp_path / "float", len(FLOAT_MAGIC)) == [[1000, size]]
    assert FLOAT_MAGIC[:6] != packed[:6]
