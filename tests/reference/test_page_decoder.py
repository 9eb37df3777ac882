"""The decoder written from FORMAT.md alone decodes and refuses what the program does."""

from __future__ import annotations

import io
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
from hypothesis import example, given
from hypothesis import strategies as st

from coding import container
from coding.container import Block, Digest, Head, Kind, Reader
from coding.errors import FormatError
from compressor.codec import weights_file
from compressor.codec.weights_store import weights_files
from models.integer.config import PRESETS
from models.integer.weights import WeightsError

GOLDEN = Path(__file__).parents[1] / "golden"
PAGE = Path(__file__).parent / "page_decoder.py"
NANO = GOLDEN / "nano.kzw"
EARLIER = sorted(path.stem for path in (GOLDEN / "earlier").glob("*.kz"))
REFUSED = sorted(path.stem for path in (GOLDEN / "refuse").iterdir())

Decode = Callable[[Path], bytes]


@pytest.fixture(scope="module")
def decode(page_decoder: ModuleType) -> Decode:
    """Decodes a container with the weights it names, which are read once."""
    paths = [*weights_files(), NANO]
    files = {page_decoder.identity_of(data): data for data in map(Path.read_bytes, paths)}
    networks: dict[bytes, Any] = {}

    def run(path: Path) -> bytes:
        packed = path.read_bytes()
        wanted = tuple(page_decoder.weights_named(packed))
        for identity in set(files) - set(networks):
            if identity.startswith(wanted):
                networks[identity] = page_decoder.read_weights(files[identity])
        return page_decoder.decode(packed, networks)

    return run


@pytest.mark.slow
def test_it_decodes_what_the_program_writes(
    decode: Decode, originals: dict[str, bytes], golden_name: str
) -> None:
    assert decode(GOLDEN / "decode" / f"{golden_name}.kz") == originals[golden_name]


@pytest.mark.slow
@pytest.mark.parametrize("name", EARLIER)
def test_it_decodes_what_earlier_programs_wrote(
    decode: Decode, originals: dict[str, bytes], name: str
) -> None:
    assert decode(GOLDEN / "earlier" / f"{name}.kz") == originals[name]


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_the_program_refuses(decode: Decode, name: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        decode(GOLDEN / "refuse" / f"{name}.kz")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("decode/blocks.kz", 0),
        ("decode/short-network.kz", 0),
        ("refuse/Damaged-flipped-bit.kz", 1),
    ],
)
def test_it_works_as_a_script(originals: dict[str, bytes], file: str, code: int) -> None:
    path = GOLDEN / file
    command = [sys.executable, "-I", str(PAGE), str(path), str(NANO)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == code
    assert done.stdout == originals.get(path.stem, b"")
    assert (done.stderr == b"") == (code == 0)


def test_it_decodes_raw_blocks_and_runs(page_decoder: ModuleType) -> None:
    digest = Digest()
    digest.update(b"hello" + b"x" * 1000)
    blocks = [Block(Head(Kind.RAW, 5, 5), b"hello"), Block(Head(Kind.RUN, 1000, 1), b"x")]
    packed = container.header_bytes() + b"".join(map(container.block_bytes, blocks))
    packed += container.end_bytes(digest.end_mark())
    assert page_decoder.decode(packed, {}) == b"hello" + b"x" * 1000


@pytest.mark.parametrize("kind", [6, 10, 255])
def test_it_refuses_a_type_that_it_does_not_know(page_decoder: ModuleType, kind: int) -> None:
    block = bytes([kind]) + struct.pack("<3xII", 400, 4) + bytes(4)
    packed = container.header_bytes() + block + struct.pack("<I", zlib.crc32(block))
    with pytest.raises(ValueError, match=f"block type {kind} needs a newer decoder"):
        page_decoder.read_blocks(packed)


def accepts(read: Callable[[], object], error: type[ValueError] | type[FormatError]) -> bool:
    """Whether something is read without this error."""
    try:
        read()
    except error:
        return False
    return True


def heads() -> st.SearchStrategy[bytes]:
    """Headers of blocks whose fields are at the format's bounds or just beyond them.

    Of blocks that hold others there are none: the program reads what they hold only later.
    """
    lengths = st.sampled_from(
        [0, 1, 4, 5, 8, 9, 1024, 1 << 15, (1 << 15) + 1, 1 << 27, (1 << 27) + 1]
    )
    fields = [
        st.sampled_from([1, 2, 3, 10]),
        st.integers(0, 11),
        st.integers(0, 3),
        st.integers(0, 2),
    ]
    plain = st.tuples(*fields, lengths, st.sampled_from([0, 1, 4, 5, 6, 8, 1024]))
    mixed = st.tuples(
        st.sampled_from([0, 1, 4096, 4097]), st.sampled_from([0, 0, 0, 1]), st.binary(max_size=8)
    )
    return st.builds(
        lambda start, more: (
            struct.pack("<BBBBII", *start) + (struct.pack("<HH8s", *more) if start[0] == 3 else b"")
        ),
        plain,
        mixed,
    )


@given(heads())
@example(struct.pack("<BBBBIIHH8s", 3, 3, 1, 1, 9, 8, 4096, 0, b"any"))
@example(struct.pack("<BBBBII", 1, 0, 0, 0, 8, 8))
def test_both_accept_the_same_heads_of_blocks(page_decoder: ModuleType, head: bytes) -> None:
    (size,) = struct.unpack_from("<I", head, 8)
    block = head + bytes(size)
    packed = container.header_bytes() + block + struct.pack("<I", zlib.crc32(block))
    packed += container.end_bytes(Digest().end_mark())
    ours = accepts(lambda: list(Reader(io.BytesIO(packed)).blocks()), FormatError)
    assert accepts(lambda: page_decoder.read_blocks(packed), ValueError) == ours


def shorts() -> st.SearchStrategy[bytes]:
    """Containers in the short form whose fields are at the format's bounds or just beyond them."""
    lengths = st.sampled_from([0, 1, 4, 5, 8, 9, 1024, 1 << 15, (1 << 15) + 1, (1 << 16) - 1])
    sizes = st.sampled_from([0, 1, 3, 4, 5, 7, 8, 9, 1024, (1 << 16) - 1, 1 << 16, (1 << 16) + 8])
    return st.builds(
        lambda form, length, how, tables, more, size: (
            container.SHORT_MAGIC
            + bytes([form, *b"chck"])
            + (struct.pack("<HBB", length, how, tables) + more + bytes(size))
        ),
        st.integers(0, 6),
        lengths,
        st.sampled_from([0x00, 0x01, 0x02, 0x03, 0x0F, 0x31, 0x32, 0xA2, 0xB2, 0xF1]),
        st.sampled_from([0, 1, 255]),
        st.binary(max_size=4),
        sizes,
    )


@given(shorts(), st.integers(0, 30))
def test_both_accept_the_same_short_forms(
    page_decoder: ModuleType, packed: bytes, cut: int
) -> None:
    for data in (packed, packed[:cut]):
        ours = accepts(lambda data=data: Reader(io.BytesIO(data)), FormatError)  # type: ignore[misc]
        theirs = accepts(lambda data=data: page_decoder.read_container(data), ValueError)  # type: ignore[misc]
        assert theirs == ours


def test_there_are_as_many_bit_histories_as_the_page_says(page_decoder: ModuleType) -> None:
    counts = [(z, o) for z in range(50) for o in range(50) if page_decoder.fits(z, o)]
    assert len(counts) + sum(z > 0 and o > 0 and z + o <= 17 for z, o in counts) == 255
    reached, new = set(), {page_decoder.EMPTY}
    while new:
        reached |= new
        new = {page_decoder.after(history, bit) for history in new for bit in (0, 1)} - reached
    assert len(reached) <= 255
    assert all(page_decoder.fits(history.z, history.o) for history in reached)


CODE = st.lists(st.sampled_from([0xE8, 0xE9, 0x00, 0xFF]) | st.integers(0, 255), max_size=60).map(
    bytes
)


def with_targets_made_absolute(original: bytes) -> bytes:
    """What FORMAT.md, section 2.9, has an encoder do."""
    b = bytearray(original)
    for i in range(len(b) - 5, -1, -1):
        if b[i] in (0xE8, 0xE9) and b[i + 4] in (0x00, 0xFF):
            a = int.from_bytes(b[i + 1 : i + 4], "little")
            b[i + 1 : i + 4] = ((a + i) % 2**24).to_bytes(3, "little")
    return bytes(b)


@given(CODE)
def test_the_transform_is_undone_and_the_undoing_too(page_decoder: ModuleType, code: bytes) -> None:
    assert page_decoder.undo_x86(with_targets_made_absolute(code)) == code
    assert with_targets_made_absolute(page_decoder.undo_x86(code)) == code


def test_equal_targets_look_alike_after_the_transform() -> None:
    calls = b"".join(b"\xe8" + (5000 - i).to_bytes(4, "little") + b"??" for i in (0, 7, 14))
    assert with_targets_made_absolute(calls) == (b"\xe8" + (5000).to_bytes(4, "little") + b"??") * 3


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
