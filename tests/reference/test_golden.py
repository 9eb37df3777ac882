"""Golden files by kind: what must decode, what must be refused, and exact bytes that a change must defend.

They are rebuilt only on purpose: KOLMOZIP_REGENERATE=1 python -m pytest tests/reference/test_golden.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from coding import container, errors
from coding.container import Block, Digest, Header, Kind
from compressor.codec import model as registry
from compressor.codec import stream as codec
from compressor.codec import weights_store
from compressor.codec.blocks import encode_block
from data.samples import sample

GOLDEN = Path(__file__).parents[1] / "golden"
PAGE = Path(__file__).parent / "page_decoder.py"
NANO = GOLDEN / "nano.kzw"
REGENERATE = os.environ.get("KOLMOZIP_REGENERATE") == "1"


@pytest.fixture(autouse=True)
def weights_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights_store.FOLDER_VARIABLE, str(GOLDEN))


def plain(data: bytes, model: str = str(NANO)) -> Callable[[], tuple[bytes, bytes]]:
    return lambda: (data, codec.compress(data, model))


def by_hand(*parts: tuple[bytes, int]) -> Callable[[], tuple[bytes, bytes]]:
    """A container of several blocks with lanes as told (0: whatever type suits), smaller than the program would make."""

    def build() -> tuple[bytes, bytes]:
        model, digest = registry.by_name(str(NANO)), Digest()
        out = container.header_bytes(Header(model.identity))
        for data, lanes in parts:
            digest.update(data)
            block = codec.make_block(model, codec.kind_of(data), data, lambda _: None)
            if lanes:
                stream = encode_block(
                    model.engine(lanes), np.frombuffer(data, np.uint8), lanes, lambda _: None
                )
                block = Block(Kind.MODEL, len(data), stream, lanes)
            out += container.block_bytes(block)
        return b"".join(data for data, _ in parts), out + container.end_bytes(digest)

    return build


TEXT = sample()
CASES: dict[str, Callable[[], tuple[bytes, bytes]]] = {
    "empty": plain(b""),
    "one-byte": plain(b"x"),
    "every-byte": plain(bytes(range(256))),
    "run": plain(b"\0" * 70_000),
    "text": plain(TEXT[:1500]),
    "lanes": by_hand((TEXT[5000:6003], 8)),
    "blocks": by_hand(
        (TEXT[7000:7301], 2), (b"-" * 500, 0), (bytes(range(200)), 0), (TEXT[8000:8200], 1)
    ),
    "repeats": by_hand((TEXT[3000:3200] * 3 + TEXT[3000:3010] * 20, 2)),
    "sentence-small": plain(TEXT[2000:2080], "small"),
}


@pytest.fixture(scope="module")
def built() -> dict[str, tuple[bytes, bytes]]:
    return {}


def case(name: str, built: dict[str, tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    if name not in built:
        built[name] = CASES[name]()
        if REGENERATE:
            (GOLDEN / "decode" / f"{name}.kz").write_bytes(built[name][1])
    return built[name]


@pytest.mark.parametrize("name", CASES)
def test_the_program_writes_exactly_this(name: str, built: dict[str, tuple[bytes, bytes]]) -> None:
    assert case(name, built)[1] == (GOLDEN / "decode" / f"{name}.kz").read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_the_program_decodes_it(name: str, built: dict[str, tuple[bytes, bytes]]) -> None:
    original, _ = case(name, built)
    assert codec.decompress((GOLDEN / "decode" / f"{name}.kz").read_bytes()) == original


@pytest.mark.parametrize("name", CASES)
def test_a_decoder_written_from_the_page_alone_decodes_it(
    name: str, built: dict[str, tuple[bytes, bytes]]
) -> None:
    original = case(name, built)[0]
    weights = [
        str(path) for path in weights_store.weights_files() if path == NANO or path.stem == "small"
    ]
    command = [sys.executable, "-I", str(PAGE), str(GOLDEN / "decode" / f"{name}.kz"), *weights]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == original


def refusals() -> dict[str, bytes]:
    """Name of the error, a dash, what is wrong -> a file."""
    whole = by_hand((TEXT[7000:7301], 2), (b"-" * 500, 0))()[1]
    flipped = bytearray(whole)
    flipped[60] ^= 4
    digest = Digest()
    digest.update(b"other")
    wrong_end = whole[: -container.END_BYTES] + container.end_bytes(digest)
    return {
        "BadMagic-gzip": b"\x1f\x8b" + whole[2:],
        "BadMagic-text": b"plain text, no container",
        "NewerVersion-4": whole[:6] + b"\4" + whole[7:],
        "Truncated-header": whole[:11],
        "Truncated-block": whole[:70],
        "Truncated-no-end-mark": whole[: -container.END_BYTES],
        "Truncated-empty": b"",
        "Damaged-flipped-bit": bytes(flipped),
        "Damaged-header": whole[:9] + b"\xff" + whole[10:],
        "Damaged-other-original": wrong_end,
        "TrailingData-one-byte": whole + b"\n",
        "UnknownWeights-none-such": container.header_bytes(Header(b"nonesuch"))
        + whole[container.HEADER_BYTES :],
    }


@pytest.mark.parametrize("name", refusals())
def test_must_be_refused(name: str) -> None:
    path = GOLDEN / "refuse" / f"{name}.kz"
    if REGENERATE:
        path.write_bytes(refusals()[name])
    with pytest.raises(getattr(errors, name.split("-")[0]), match=r"[:,] \w+"):
        codec.decompress(path.read_bytes())
    command = [sys.executable, "-I", str(PAGE), str(path), str(NANO)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_no_golden_file_is_forgotten() -> None:
    assert {path.stem for path in (GOLDEN / "decode").iterdir()} == set(CASES)
    assert {path.stem for path in (GOLDEN / "refuse").iterdir()} == set(refusals())
