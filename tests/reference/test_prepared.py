"""Golden files of prepared memories: two memories, and a container that begins with each.

They are rebuilt only on purpose, with the others: see test_golden.py.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from types import ModuleType

import pytest

from coding import container
from coding.errors import Damaged, UnknownMemory
from compressor.codec import native, stream, weights_store
from compressor.codec.prepared import Memory
from compressor.errors import KolmozipError
from data.samples import sample

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDER = GOLDEN / "prepared"
REGENERATE = os.environ.get("KOLMOZIP_REGENERATE") == "1"
TEXT, ORIGINAL = sample()[1000:1250], sample()[1180:1290]
"""A part of the original is in the memory's text."""
NAMES = {"memory-alone": 1, "network": 3}
"""The level of each memory; that of the network has the tiny weights."""


@pytest.fixture(autouse=True)
def _weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights_store.FOLDER_VARIABLE, str(GOLDEN))


def built(path: Path, name: str) -> Memory:
    """The memory of this name, which holds its text alone."""
    sources = {"first": TEXT[:100], "second \N{BULLET}": TEXT[100:]}
    model = "nano" if name == "network" else None
    how = {"model": model, "tables": 3, "text_only": True}
    return Memory.build(path, sources, NAMES[name], **how)


@pytest.mark.parametrize("name", NAMES)
def test_the_program_writes_exactly_this(name: str, tmp_path: Path) -> None:
    memory = built(tmp_path / "a.kzm", name)
    packed = stream.compress(ORIGINAL, memory=memory)
    files = {".kzm": memory.path.read_bytes(), ".kz": packed}
    for suffix, data in files.items():
        path = FOLDER / f"{name}{suffix}"
        if REGENERATE:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        assert data == path.read_bytes()
    assert stream.decompress(packed, memory=memory) == ORIGINAL


@pytest.mark.parametrize("name", NAMES)
def test_the_page_alone_restores_it(name: str, page_decoder: ModuleType) -> None:
    weights = (GOLDEN / "nano.kzw").read_bytes()
    networks = {page_decoder.identity_of(weights): page_decoder.read_weights(weights)}
    memories = [page_decoder.read_prepared(path.read_bytes()) for path in FOLDER.glob("*.kzm")]
    packed = (FOLDER / f"{name}.kz").read_bytes()
    assert page_decoder.decode(packed, networks, memories) == ORIGINAL
    with pytest.raises(ValueError, match="no prepared memory"):
        page_decoder.decode(packed, networks)


@pytest.mark.parametrize("name", NAMES)
def test_every_engine_restores_it(name: str) -> None:
    memory, packed = Memory.open(FOLDER / f"{name}.kzm"), (FOLDER / f"{name}.kz").read_bytes()
    for engine in ("native", "jax") if native.absent() is None else ("jax",):
        coder = memory.coder(engine)
        block = coder.codec.encode_block(ORIGINAL, memory.recipe, lambda _: None)
        assert block.rstrip(b"\0")[:-4] in packed, "the short form shortens its end"
        assert coder.codec.decode_block(block, len(ORIGINAL), memory.recipe, lambda _: None) == (
            ORIGINAL
        )


def test_another_memory_and_other_blocks_are_refused() -> None:
    alone, network = (earlier_memory(name) for name in NAMES)
    packed = earlier("network")
    refused: list[tuple[Memory | None, type[KolmozipError]]] = [
        (None, UnknownMemory),
        (alone, UnknownMemory),
    ]
    for memory, error in refused:
        with pytest.raises(error, match=network.identity.hex()[:8]):
            stream.decompress(packed, memory=memory)
    # A block of another memory, in a container that names this one.
    other = earlier("memory-alone")
    with pytest.raises(Damaged, match="prepared memory"):
        stream.decompress(packed[:20] + other[20:], memory=network)


@pytest.mark.parametrize("name", NAMES)
def test_containers_of_the_long_form_are_restored_too(name: str, page_decoder: ModuleType) -> None:
    """As earlier programs wrote them, and as this one does where the short form cannot hold it."""
    memory, packed = earlier_memory(name), earlier(name)
    assert packed[8:16] == memory.identity
    assert stream.decompress(packed, memory=memory) == ORIGINAL
    weights = (GOLDEN / "nano.kzw").read_bytes()
    networks = {page_decoder.identity_of(weights): page_decoder.read_weights(weights)}
    memories = [page_decoder.read_prepared(memory.path.read_bytes())]
    assert page_decoder.decode(packed, networks, memories) == ORIGINAL
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(container, "SHORT_MOST", -1)
        again = stream.compress(ORIGINAL, memory=memory)
    assert again[:20] == packed[:20]
    assert len(again) == len(packed)


@pytest.mark.parametrize("name", NAMES)
def test_damage_to_the_short_form_is_noticed(name: str) -> None:
    memory, packed = Memory.open(FOLDER / f"{name}.kzm"), (FOLDER / f"{name}.kz").read_bytes()
    assert packed[:4] == container.SHORT_MAGIC + b"\1"
    assert packed[8:14] == struct.pack("<H", len(ORIGINAL)) + memory.identity[:4]
    coder = memory.coder()
    # The definition reads the text anew for each.
    for bit in range(0, 8 * len(packed), 1 if native.absent() is None else 131):
        spoilt = bytearray(packed)
        spoilt[bit >> 3] ^= 1 << (bit & 7)
        with pytest.raises(KolmozipError, match=r"[:,] \w+"):
            stream.decompress_stream(
                io.BytesIO(spoilt), io.BytesIO(), prepared=coder, max_output=500
            )


def earlier(name: str) -> bytes:
    """What an earlier program wrote, in the long form."""
    return (GOLDEN / "earlier" / "prepared" / f"{name}.kz").read_bytes()


def earlier_memory(name: str) -> Memory:
    """The memory that an earlier program made for it."""
    return Memory.open(GOLDEN / "earlier" / "prepared" / f"{name}.kzm")


def test_no_golden_file_is_forgotten() -> None:
    wanted = {f"{name}{suffix}" for name in NAMES for suffix in (".kz", ".kzm")}
    assert {path.name for path in FOLDER.iterdir()} == wanted
