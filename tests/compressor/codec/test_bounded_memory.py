"""Memory does not grow with the input: a gigabyte goes through in blocks."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SIZE = 10**9
LIMIT = int(1.5 * 2**30)


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "wait4"), reason="the system does not tell a child's peak memory"
)
def test_a_gigabyte_of_zeros_in_bounded_memory(
    tmp_path: Path,
    command: Callable[..., list[str]],
    measured: Callable[..., subprocess.Popen[bytes]],
) -> None:
    with (tmp_path / "zeros").open("wb") as sparse:
        sparse.truncate(SIZE)
    with measured(command("compress", "-q", "-m", "nano", "zeros"), tmp_path) as there:
        told = there.stderr.read()
    assert there.returncode == 0, told
    assert (tmp_path / "zeros.kz").stat().st_size < 10_000
    assert int(told) < LIMIT

    digest, length = hashlib.sha256(), 0
    with measured(command("decompress", "-q", "zeros.kz", "-o", "-"), tmp_path) as back:
        while piece := back.stdout.read(1 << 20):
            digest.update(piece)
            length += len(piece)
        told = back.stderr.read()
    assert back.returncode == 0, told
    assert int(told) < LIMIT
    assert length == SIZE
    expected = hashlib.sha256()
    for _ in range(SIZE // 10**6):
        expected.update(bytes(10**6))
    assert digest.digest() == expected.digest()
