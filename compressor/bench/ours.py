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

MODULES = {
    "coding": "__init__ base64_text colours columns container counts errors fields prediction"
    " rangecoder rebuilt strings transforms",
    "coding/deflate": "__init__ bits codes corrections find inflate parts stream tokens",
    "compressor": "__init__ errors",
    "compressor/cli": "__init__ code groups many options",
    "compressor/codec": "__init__ blocks engines kinds levels media model native needs pages"
    " pieces registry seams shares side_by_side signals stream tables trials weights_file"
    " weights_store",
    "compressor/system": "__init__ files plain_table progress resources signals",
    "data": "__init__ lanes",
    "models": "__init__",
    "models/integer": "__init__ config engine fixed_point identity logarithm ngram weights",
    "models/memory": "__init__ choosers contexts designs histories lags last logistic maps matches"
    " memory mixer order part readers sizes strings",
    "models/signals": "__init__ chains cuts expectations means model past situation squares",
}
"""Folder -> the modules in it that compressing or decompressing a file loads."""
PRODUCT = tuple(
    sorted(f"{folder}/{name}.py" for folder, names in MODULES.items() for name in names.split())
)
"""The same as paths below ROOT: our program, and no more than it."""

TRANSFORMER = (
    "baselines/__init__.py",
    "baselines/transformer.py",
    "baselines/transformer_weights.py",
    "compressor/bench/__init__.py",
    "compressor/bench/float_codec.py",
    "compressor/bench/ours.py",
    "models/network/__init__.py",
    "models/network/layers.py",
    "models/network/lm.py",
)
"""What decoding a file coded with the transformer loads beside modules of PRODUCT."""
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
    """[original bytes, bytes in the file] of each block of the container at an offset of a file.

    In the short form that is the whole container.
    """
    with packed.open("rb") as source:
        source.seek(start)
        reader = container.Reader(source)
        heads = [block.head for block in reader.blocks()]
    if reader.short:
        return [[head.length, packed.stat().st_size - start] for head in heads]
    return [[head.length, head.framing + head.size] for head in heads]
