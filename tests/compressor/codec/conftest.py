"""What files of all the types of blocks that hold others are tested with, at level 1."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import compressor
from coding import container, rebuilt
from coding.container import Block, Digest, Head, Kind, Reader
from coding.errors import Damaged, LimitExceeded
from compressor.codec import needs, stream
from compressor.codec.inspection import inspect_file


def _compressed(original: bytes, level: int = 1, **how: Any) -> bytes:
    target = io.BytesIO()
    stream.compress_stream(io.BytesIO(original), target, level, **how)
    return target.getvalue()


@pytest.fixture(scope="session")
def compressed() -> Callable[..., bytes]:
    """Compresses with the options of ``stream.compress_stream``."""
    return _compressed


@pytest.fixture(scope="session")
def told_of() -> Callable[[bytes], bytes]:
    """Checks that progress adds up to the original either way; returns the container."""

    def check(original: bytes) -> bytes:
        there, back = list[int](), list[int]()
        packed = _compressed(original, progress=there.append)
        stream.decompress_stream(io.BytesIO(packed), io.BytesIO(), back.append)
        assert sum(there) == sum(back) == len(original)
        return packed

    return check


@pytest.fixture(scope="session")
def needed_by(blocks: Callable[[bytes], list[Block]]) -> Callable[[bytes, bytes], int]:
    """Checks that a container of one block is restored within what that needs, with no byte less.

    Returns those bytes.
    """

    def check(packed: bytes, original: bytes) -> int:
        (block,) = blocks(packed)
        needed = needs.decoding(block)
        assert compressor.decompress(packed, max_memory=needed) == original
        with pytest.raises(LimitExceeded, match="--max-memory"):
            compressor.decompress(packed, max_memory=needed - 1)
        return needed

    return check


@pytest.fixture(scope="session")
def refused_after_a_memory(blocks: Callable[[bytes], list[Block]]) -> Callable[[bytes], None]:
    """Checks that the one block of a container is refused in one that names a prepared memory."""

    def check(packed: bytes) -> None:
        (block,) = blocks(packed)
        memory = container.header_bytes(b"a memory")
        with pytest.raises(Damaged, match="prepared memory"):
            list(Reader(io.BytesIO(memory + container.block_bytes(block))).blocks())

    return check


@pytest.fixture(scope="session")
def holding() -> Callable[..., bytes]:
    """Makes a container of a block that holds these parts, raw, and further blocks."""

    def make(
        kind: Kind, parts: bytes, length: int, *more: Block, digest: Digest | None = None
    ) -> bytes:
        inner = [Block(Head(Kind.RAW, len(parts), len(parts)), parts), *more]
        block = container.block_bytes(rebuilt.block_of(length, inner, kind))
        end = (digest or Digest()).end_mark()
        return container.header_bytes() + block + container.end_bytes(end)

    return make


@pytest.fixture
def kinds_either_way(
    cli: Callable[..., Result], tmp_path: Path
) -> Callable[[bytes], tuple[dict[str, int], dict[str, int]]]:
    """What ``inspect`` says of the types of blocks of a file, then with ``--no-unpack``."""

    def compare(original: bytes) -> tuple[dict[str, int], dict[str, int]]:
        path = tmp_path / "a"
        path.write_bytes(original)
        assert cli("compress", "-1", path).exit_code == 0
        facts = inspect_file(str(path) + ".kz")
        assert facts["tables_mib"] > 0
        assert cli("compress", "-1", "--no-unpack", "--force", path).exit_code == 0
        return facts["blocks"], inspect_file(str(path) + ".kz")["blocks"]

    return compare
