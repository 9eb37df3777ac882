"""Spoilt containers and weights files end in a named refusal or in the right bytes, nothing else.

A short run by default; ``make fuzz`` sets KOLMOZIP_FUZZ_EXAMPLES to 100,000. Examples are seeded:
the same on every run. The weights are random; the engine is the native one, or the NumPy definition
where that is not built. The work of an example is bounded by the limits on output and memory.
"""

from __future__ import annotations

import functools
import io
import json
import os
import random
import resource
import struct
import sys
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from coding import container
from coding.container import NO_WEIGHTS, Block, Design, Digest, Head, Kind, Mixed, Transform
from coding.errors import KolmozipError, UnknownWeights
from compressor.codec import native, weights_file
from compressor.codec.blocks import MemoryAlone
from compressor.codec.seams import BlockCodec, Recipe, ignore_progress
from compressor.codec.selftest import Definition
from compressor.codec.stream import decompress_stream
from data.samples import sample
from models.integer import weights as wt
from models.integer.config import ModelConfig
from models.integer.identity import identity_of_bytes

EXAMPLES = int(os.environ.get("KOLMOZIP_FUZZ_EXAMPLES", "600"))
SHARES = {"containers": 0.55, "weights": 0.3, "shapes": 0.15}
"""Of all examples, those of each kind."""
MOST_OUTPUT = 3000
MOST_NEEDED = 1 << 28
"""Bytes of memory that an example may ask for."""
MOST_MEMORY = 1 << 30
"""Bytes by which the process may grow over all examples."""


def shape(**changes: object) -> dict[str, object]:
    fields = {"width": 12, "layers": 1, "state": 8, "hidden": 10, "taps": 2, "table_dim": 3}
    return {**fields, "tables": [[2, 8], [3, 9]], **changes}


def made(seed_: int, **changes: object) -> wt.IntegerWeights:
    """Random weights that keep every bound of the format."""
    config, rng = ModelConfig.from_dict(shape(**changes)), np.random.default_rng(seed_)
    arrays = {}
    for name, dtype, size in wt.layout(config):
        if name.endswith(".exponent"):
            arrays[name] = np.full(size, -6, dtype)
        else:
            spread = 9 if dtype == "int8" else 900
            arrays[name] = np.rint(rng.normal(size=size) * spread).clip(-120, 120).astype(dtype)
    return wt.check(wt.IntegerWeights(config, arrays))


IDENTITY = identity_of_bytes(weights_file.pack(made(1)))


@functools.cache
def codec(network: bool) -> BlockCodec:
    """The random weights, or the memory alone."""
    if native.absent() is not None:
        return Definition(made(1), IDENTITY) if network else MemoryAlone()
    import compressor.codec._native as module

    instructions = native.instruction_set()
    found = module.Network(weights_file.pack(made(1)), instructions) if network else None
    return native.NativeCodec(IDENTITY if network else NO_WEIGHTS, found, 1, instructions)


def find(identity: bytes) -> BlockCodec:
    if identity != NO_WEIGHTS and not IDENTITY.startswith(identity):
        raise UnknownWeights(f"no weights {identity.hex()}: none at all")
    return codec(identity != NO_WEIGHTS)


def stored(raw: bytes) -> Block:
    return Block(Head(Kind.RAW, len(raw), len(raw)), raw)


def run(length: int) -> Block:
    return Block(Head(Kind.RUN, length, 1), b"-")


def mixed(raw: bytes, lanes: int, network: bool = True) -> Block:
    """A mixed block, in the full design with the network and in the light one without."""
    recipe = Recipe(lanes, Design.FULL if network else Design.LIGHT, 1)
    payload = codec(network).encode_block(raw, recipe, ignore_progress)
    how = lanes, recipe.design, Transform.NONE, recipe.tables, codec(network).identity
    return Block(Mixed(len(raw), len(payload), *how), payload)


TEXT = sample()
CONTENTS: list[Callable[[], list[tuple[bytes, Block]]]] = [
    lambda: [],
    lambda: [(TEXT[:100], stored(TEXT[:100])), (b"-" * 900, run(900))],
    lambda: [(b"abracadabra " * 5, mixed(b"abracadabra " * 5, 4))],
    lambda: [
        (b"-" * 70, run(70)),
        (b"la " * 30, mixed(b"la " * 30, 8)),
        (TEXT[:40], stored(TEXT[:40])),
    ],
    lambda: [
        (b"na" * 60, mixed(b"na" * 60, 8, network=False)),
        (b"to " * 9, mixed(b"to " * 9, 1)),
    ],
]
"""The blocks of each container, with their originals."""
SHORTS: list[Callable[[], tuple[bytes, Block]]] = [
    lambda: (TEXT[:30], stored(TEXT[:30])),
    lambda: (b"abracadabra " * 5, mixed(b"abracadabra " * 5, 4)),
    lambda: (b"na" * 60, mixed(b"na" * 60, 8, network=False)),
]
"""The block of each container in the short form, with its original."""
NUMBERS = range(len(CONTENTS) + len(SHORTS))


def digest_of(raw: bytes) -> Digest:
    digest = Digest()
    digest.update(raw)
    return digest


@functools.cache
def original(number: int) -> tuple[bytes, bytes]:
    """(original, container) of the contents of this number; those of the short form come last."""
    if number >= len(CONTENTS):
        raw, block = SHORTS[number - len(CONTENTS)]()
        packed = container.short_bytes(block, digest_of(raw))
        assert packed is not None
        return raw, packed
    digest, whole = Digest(), container.header_bytes()
    raws = []
    for raw, block in CONTENTS[number]():
        digest.update(raw)
        raws.append(raw)
        whole += container.block_bytes(block)
    return b"".join(raws), whole + container.end_bytes(digest.end_mark())


WEIGHTS = [weights_file.pack(made(2)), weights_file.pack(made(3, mlp="kan", tables=[[4, 8]]))]

places = st.integers(0, (1 << 32) - 1)
words = st.sampled_from(
    [0, 1, 2, 3, 255, 256, 1 << 16, (1 << 27) + 1, (1 << 31) - 1, (1 << 32) - 1]
)
mutations = st.lists(
    st.one_of(
        st.tuples(st.just("flip"), places, st.integers(0, 7)),
        st.tuples(st.just("set"), places, st.integers(0, 255)),
        st.tuples(st.just("word"), places, words),
        st.tuples(st.just("cut"), places, st.just(0)),
        st.tuples(st.just("insert"), places, st.integers(0, 255)),
        st.tuples(st.just("delete"), places, st.integers(1, 40)),
        st.tuples(st.just("repeat"), places, st.integers(1, 80)),
    ),
    min_size=1,
    max_size=4,
)


def mutated(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    spoilt = bytearray(data)
    for kind, place, value in changes:
        at = place % (len(spoilt) + 1)
        if kind == "flip" and at < len(spoilt):
            spoilt[at] ^= 1 << value
        elif kind == "set" and at < len(spoilt):
            spoilt[at] = value
        elif kind == "word":
            spoilt[at : at + 4] = struct.pack("<I", value)
        elif kind == "cut":
            del spoilt[at:]
        elif kind == "insert":
            spoilt[at:at] = bytes([value])
        elif kind == "delete":
            del spoilt[at : at + value]
        elif kind == "repeat":
            spoilt[at:at] = spoilt[at : at + value]
    return bytes(spoilt)


def sealed(data: bytes) -> bytes:
    return data + struct.pack("<I", zlib.crc32(data))


def resealed_container(data: bytes, expected: bytes) -> bytes:
    """The container with every checksum made to hold, as far as its framing can be followed.

    In the short form that is the check of this original.
    """
    if data.startswith(container.SHORT_MAGIC):
        rest = data[:4] + data[8:]
        return data[:4] + digest_of(expected).short_mark(rest).check + data[8:]
    out, at = sealed(data[:16]), 20
    while at + 12 <= len(data) and data[at]:
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        head = 24 if data[at] == Kind.MIXED else 12
        end = min(at + head + size, len(data))
        out, at = out + sealed(data[at:end]), end + 4
    return out + (sealed(data[at : at + 24]) if at < len(data) else b"") + data[at + 28 :]


def fuzzed(kind: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    examples = max(20, round(EXAMPLES * SHARES[kind]))

    def wrap(test: Callable[..., None]) -> Callable[..., None]:
        checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
        return seed(20261125)(settings(max_examples=examples, suppress_health_check=checks)(test))

    return wrap


@pytest.fixture(autouse=True, scope="module")
def _memory_stays_bounded() -> Iterator[None]:
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * unit < MOST_MEMORY


def outcome(data: bytes) -> bytes | None:
    """What a container decodes to; None where it is refused by name."""
    target = io.BytesIO()
    try:
        limits = {"max_output": MOST_OUTPUT, "max_memory": MOST_NEEDED}
        decompress_stream(io.BytesIO(data), target, find=find, **limits)
    except KolmozipError as error:
        assert str(error)
        return None
    return target.getvalue()


@pytest.mark.slow
def test_what_is_spoilt_here_is_right_before() -> None:
    for number in NUMBERS:
        expected, whole = original(number)
        assert resealed_container(whole, expected) == whole
        assert outcome(whole) == expected
    for data in WEIGHTS:
        assert weights_file.pack(weights_file.unpack(data)) == data


@pytest.mark.slow
@fuzzed("containers")
@given(st.sampled_from(NUMBERS), mutations, st.booleans())
def test_a_spoilt_container_is_refused_or_decodes_to_the_original(
    number: int, changes: list[tuple[str, int, int]], reseal: bool
) -> None:
    expected, whole = original(number)
    data = mutated(whole, changes)
    found = outcome(resealed_container(data, expected) if reseal else data)
    assert found is None or found == expected


def readable(data: bytes) -> None:
    """Weights are refused by name, or are within every bound and survive being packed again."""
    try:
        weights = weights_file.unpack(data)
    except wt.WeightsError as error:
        assert str(error)
        return
    again = weights_file.unpack(weights_file.pack(weights))
    assert again.config == weights.config
    assert all(np.array_equal(again.arrays[name], weights.arrays[name]) for name in weights.arrays)
    assert weights.config.parameters() <= weights_file.PARAMETERS_PER_BYTE * len(data)


@pytest.mark.slow
@fuzzed("weights")
@given(st.sampled_from(WEIGHTS), mutations, st.booleans())
def test_a_spoilt_weights_file_is_refused_or_kept_within_the_bounds(
    data: bytes, changes: list[tuple[str, int, int]], reseal: bool
) -> None:
    spoilt = mutated(data, changes)
    readable(sealed(spoilt[:-4]) if reseal else spoilt)


hostile = st.one_of(
    st.integers(-(1 << 70), 1 << 70),
    st.sampled_from([0, 1, 64, 1024, 1025, 2.0, 12.0, float("inf"), float("nan"), True, None]),
    st.text(max_size=5),
    st.lists(st.lists(st.integers(-3, 30), max_size=3), max_size=12),
)


@fuzzed("shapes")
@given(
    st.sampled_from([*shape(), "mlp", "unknown"]),
    hostile,
    st.binary(max_size=64),
    st.sampled_from(["replace", "drop", "text"]),
)
def test_a_hostile_shape_is_refused_before_memory_is_taken(
    name: str, value: object, stream: bytes, how: str
) -> None:
    fields = shape(**{name: value})
    if how == "drop":
        del fields[name]
    text = json.dumps(fields).encode() if how != "text" else stream.hex().encode() + b"[{" * 9
    head = weights_file.MAGIC + struct.pack("<BH", weights_file.VERSION, len(text)) + text
    readable(sealed(head + stream[: len(stream) // 4 * 4]))


def refused(text: bytes, stream: bytes = bytes(64), match: str | None = None) -> None:
    head = weights_file.MAGIC + struct.pack("<BH", weights_file.VERSION, len(text)) + text
    with pytest.raises(wt.WeightsError, match=match):
        weights_file.unpack(sealed(head + stream))


def test_150_bytes_that_ask_for_64_gib_are_refused() -> None:
    tables = [[2, 24], [3, 24], [4, 24], [5, 24]]
    refused(json.dumps(shape(table_dim=256, tables=tables)).encode())


def test_more_parameters_than_the_bytes_can_hold_are_refused() -> None:
    refused(json.dumps(shape(tables=[[2, 20]])).encode(), match="more than its 64 bytes can hold")


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 60_000,
        b'{"width":' * 5_000,
        json.dumps(shape()).replace("12", "1e400").encode(),
        json.dumps(shape()).replace("12", "NaN").encode(),
        json.dumps(shape(width=32.0)).encode(),
        json.dumps(shape(width=True)).encode(),
        json.dumps(shape(tables=[[2, 8], [2, 9]])).encode(),
        json.dumps(shape(tables={"2": 8})).encode(),
        json.dumps(shape(tables=[[2, 8, 9]])).encode(),
        json.dumps(shape(tables=5)).encode(),
        json.dumps([shape()]).encode(),
        b"12345",
        b"\xff\xfe{}",
        b'{"width":' + b"9" * 5_000 + b"}",
    ],
    ids=range(14),
)
def test_shapes_that_once_escaped_as_tracebacks_are_refused(text: bytes) -> None:
    refused(text)


def test_noise_is_refused() -> None:
    for number in range(200):
        noise = random.Random(number).randbytes(number)
        assert outcome(noise) is None
        for form in range(6):
            assert outcome(container.SHORT_MAGIC + bytes([form]) + noise) is None
        with pytest.raises(wt.WeightsError):
            weights_file.unpack(noise)
