"""The decoder written from FORMAT.md alone decodes and refuses what the program does."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from compressor.codec import weights_file
from compressor.codec.weights_store import weights_files
from models.integer.config import PRESETS
from models.integer.weights import WeightsError

GOLDEN = Path(__file__).parents[1] / "golden"
PAGE = Path(__file__).parent / "page_decoder.py"
NANO = GOLDEN / "nano.kzw"
SLOW = {"sentence-small", "text"}
DECODED = [
    pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
    for name in sorted(path.stem for path in (GOLDEN / "decode").iterdir())
]
REFUSED = sorted(path.stem for path in (GOLDEN / "refuse").iterdir())

Decode = Callable[[Path], bytes]


@pytest.fixture(scope="module")
def decode(page_decoder: ModuleType) -> Decode:
    """Decodes a container with the weights it names, which are read once."""
    paths = [path for path in weights_files() if path.stem == "small"] + [NANO]
    files = {page_decoder.identity_of(data): data for data in map(Path.read_bytes, paths)}
    networks: dict[bytes, Any] = {}

    def run(path: Path) -> bytes:
        container = path.read_bytes()
        identity = page_decoder.read_header(container)
        if identity in files and identity not in networks:
            networks[identity] = page_decoder.read_weights(files[identity])
        return page_decoder.decode(container, networks)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODED)
def test_it_decodes_what_the_program_writes(
    decode: Decode, originals: dict[str, bytes], name: str
) -> None:
    assert decode(GOLDEN / "decode" / f"{name}.kz") == originals[name]


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_the_program_refuses(decode: Decode, name: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        decode(GOLDEN / "refuse" / f"{name}.kz")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "code"), [("decode/blocks.kz", 0), ("refuse/Damaged-flipped-bit.kz", 1)]
)
def test_it_works_as_a_script(originals: dict[str, bytes], file: str, code: int) -> None:
    path = GOLDEN / file
    command = [sys.executable, "-I", str(PAGE), str(path), str(NANO)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == code
    assert done.stdout == originals.get(path.stem, b"")
    assert (done.stderr == b"") == (code == 0)


SHAPE: dict[str, Any] = json.loads(json.dumps(PRESETS["nano"].shape()))
SHAPES = {
    "no object": "[]",
    "no JSON": '{"width": 32',
    "deep": "[" * 60_000,
    "missing": json.dumps({k: v for k, v in SHAPE.items() if k != "taps"}),
    "unknown": json.dumps(SHAPE | {"heads": 4}),
    "float": json.dumps(SHAPE | {"width": 32.0}),
    "bool": json.dumps(SHAPE | {"taps": True}),
    "text": json.dumps(SHAPE | {"layers": "2"}),
    "infinite": json.dumps(SHAPE).replace('"width": 32', '"width": 1e400'),
    "too wide": json.dumps(SHAPE | {"width": 1025}),
    "too deep": json.dumps(SHAPE | {"layers": 33}),
    "taps": json.dumps(SHAPE | {"taps": 5}),
    "zero": json.dumps(SHAPE | {"state": 0}),
    "mlp": json.dumps(SHAPE | {"mlp": "swiglu"}),
    "no tables": json.dumps(SHAPE | {"tables": []}),
    "no pair": json.dumps(SHAPE | {"tables": [[2, 8, 1]]}),
    "order 1": json.dumps(SHAPE | {"tables": [[1, 8]]}),
    "25 bits": json.dumps(SHAPE | {"tables": [[2, 25]]}),
    "order twice": json.dumps(SHAPE | {"tables": [[2, 8], [2, 10]]}),
    "entries": json.dumps(SHAPE | {"table_dim": 513}),
    "64 GiB": json.dumps(SHAPE | {"table_dim": 1024, "tables": [[2, 24]]}),
    "too many values": json.dumps(SHAPE | {"table_dim": 5, "tables": [[2, 24]]}),
    "too many for the stream": json.dumps(SHAPE | {"table_dim": 3, "tables": [[2, 24]]}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_both_refuse_a_weights_file_of_this_shape(page_decoder: ModuleType, name: str) -> None:
    original, shape = NANO.read_bytes(), SHAPES[name].encode()
    (size,) = struct.unpack_from("<H", original, 5)
    data = original[:5] + struct.pack("<H", len(shape)) + shape + original[7 + size : -4]
    data += struct.pack("<I", zlib.crc32(data))
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        page_decoder.read_weights(data)
    with pytest.raises(WeightsError, match=": "):
        weights_file.unpack(data)


def test_both_read_it_with_its_own_shape(page_decoder: ModuleType) -> None:
    network = page_decoder.read_weights(NANO.read_bytes())
    weights = weights_file.unpack(NANO.read_bytes())
    assert list(network.arrays) == list(weights.arrays)
    assert network.shape.width == weights.config.width
