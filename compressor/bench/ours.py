"""Our own codec as a measured subject: the size of its program, and the blocks of its files."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Sequence
from pathlib import Path

from coding import container

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds our packages."""

PRODUCT: tuple[str, ...] = ()
"""Every module of ours that compressing or decompressing a file loads, as a path below ROOT."""

TRANSFORMER = ("baselines/transformer.py", "baselines/transformer_weights.py")
"""What a file coded with the transformer needs beside them."""
FLOAT_MAGIC = b"kzfloat\x01"
"""The first 8 bytes of a file coded with the transformer; its blocks follow as a container's."""


def program_bytes(beside: Sequence[str] = ()) -> int:
    """Bytes of our own program, which a decoder needs beside the weights.

    That is `xz -9e` of a tar of the Python source of PRODUCT, and of the files named ``beside``,
    sorted, with the same mode, owner and time for all. Not counted are what trains, measures and
    reports, and Python, JAX, NumPy and constriction, as the C library is not in others' rows.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted({*PRODUCT, *beside}):
            content = (ROOT / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return len(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def blocks(packed: Path, start: int = 0) -> list[list[int]]:
    """[original bytes, bytes in the file] of each block of the container at an offset of a file."""
    with packed.open("rb") as source:
        source.seek(start)
        reader = container.Reader(source)
        return [
            [block.length, container.BLOCK_BYTES + len(block.payload)] for block in reader.blocks()
        ]
