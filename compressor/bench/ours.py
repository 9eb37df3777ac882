"""Our codec as a measured subject: what its decoder weighs, and the blocks of a file."""

from __future__ import annotations

import io
import lzma
import tarfile
from pathlib import Path

from coding import container

ROOT = Path(__file__).resolve().parents[2]

PRODUCT = (
    *(
        "coding/__init__.py",
        "coding/container.py",
        "coding/counts.py",
        "coding/errors.py",
        "coding/rangecoder.py",
    ),
    *("data/__init__.py", "data/lanes.py"),
)
"""The modules that compress and decompress: the rest trains, measures and reports."""


def program_bytes(beside: tuple[str, ...] = ()) -> int:
    """Size of our own source, and of the files named ``beside``: xz -9e of a tar of what compresses and decompresses, which
    a decoder needs beside the weights. Python, JAX, NumPy and constriction are not counted, as the C library is not in the
    rows of other codecs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted({*PRODUCT, *beside}):
            content = (ROOT / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return len(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def blocks(packed: Path) -> list[list[int]]:
    """(original bytes, bytes in the file) of each block: bits/char along the file."""
    with packed.open("rb") as source:
        return [
            [block.length, container.BLOCK_BYTES + len(block.payload)]
            for block in container.Reader(source).blocks()
        ]
