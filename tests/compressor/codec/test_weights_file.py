"""Weights files: back whole, the same bytes twice, smaller than xz, read from the page alone.

Damage is refused.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.bench.weight_bits import xz_bytes
from compressor.codec import weights_file as packing
from compressor.codec.model import by_name
from compressor.errors import UnusableWeights
from models.integer import weights as wt
from models.integer.config import ModelConfig
from models.integer.weights import IntegerWeights, WeightsError

GOLDEN = Path(__file__).parents[2] / "golden" / "nano.kzw"
SMALL = Path(wt.__file__).parents[1] / "shipped" / "small.kzw"
TINY = ModelConfig(3, 1, 2, 5, 2, 4, ((2, 8), (3, 9)))


def same(one: IntegerWeights, other: IntegerWeights) -> bool:
    return one.config == other.config and all(
        np.array_equal(a, b) and a.dtype == b.dtype
        for a, b in zip(one.arrays.values(), other.arrays.values(), strict=True)
    )


def made(config: ModelConfig, seed: int, spread: float, twos: int, zeros: float) -> IntegerWeights:
    """Valid weights: spread as a share of the bounds, multiples of 2^twos, a share of zero rows."""
    rng, arrays = np.random.default_rng(seed), {}
    for name, dtype, shape in wt.layout(config):
        if name.endswith("exponent"):
            arrays[name] = rng.integers(-23, -1, shape).astype(dtype)
            continue
        kind = name.split(".")[-1]
        limit = wt.LIMITS.get("table" if kind.startswith("table") else kind, 127)
        values = (
            np.clip(rng.normal(0, spread * limit, shape), -limit, limit).astype(np.int64)
            >> twos
            << twos
        )
        values = np.clip(values, -(limit >> twos << twos), limit >> twos << twos)
        values[rng.random(len(values)) < zeros] = 0
        arrays[name] = values.astype(dtype)
    return wt.check(IntegerWeights(config, arrays))


@pytest.mark.slow
@given(
    st.integers(0, 99),
    st.sampled_from([0.0, 0.02, 0.3, 5.0]),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.9]),
)
@settings(max_examples=25)
def test_round_trip_and_the_same_bytes_twice(
    seed: int, spread: float, twos: int, zeros: float
) -> None:
    weights = made(TINY, seed, spread, twos, zeros)
    data = packing.pack(weights)
    assert same(packing.unpack(data), weights)
    assert packing.pack(packing.unpack(data)) == data


def test_round_trip_of_odd_shapes() -> None:
    for config in (
        ModelConfig(1, 1, 1, 1, 1, 1, ((2, 8),)),
        ModelConfig(5, 2, 1, 3, 4, 1, ((8, 11),)),
    ):
        weights = made(config, 1, 0.2, 0, 0.1)
        assert same(packing.unpack(packing.pack(weights)), weights)


def test_the_bytes_are_what_they_were() -> None:
    """Another platform or library version must write the same; a change needs a new version."""
    data = packing.pack(packing.unpack(GOLDEN.read_bytes()))
    assert data == GOLDEN.read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()[:16]) == (36_244, "414dec936b720281")


@pytest.mark.slow
def test_real_weights_weigh_less_than_by_xz() -> None:
    weights = packing.unpack(SMALL.read_bytes())
    data = packing.pack(weights)
    assert same(packing.unpack(data), weights)
    assert len(data) < min(xz_bytes(weights), order_0(weights))


def order_0(weights: IntegerWeights) -> float:
    """Bytes by the entropy of each array, its distribution given for nothing."""
    total = 0.0
    for array in weights.arrays.values():
        _, counts = np.unique(array, return_counts=True)
        total -= float((counts * np.log2(counts / array.size)).sum()) / 8
    return total


def test_empty_rows_cost_next_to_nothing() -> None:
    weights = made(ModelConfig(3, 1, 2, 5, 2, 4, ((2, 16),)), 3, 0.1, 0, 1.0)
    assert len(packing.pack(weights)) < 65536 * 4 / 100


def test_the_page_alone_reads_it(page_decoder: ModuleType) -> None:
    for weights in (packing.unpack(GOLDEN.read_bytes()), made(TINY, 7, 0.3, 2, 0.2)):
        network = page_decoder.read_weights(packing.pack(weights))
        assert list(network.arrays) == list(weights.arrays)
        for name, array in weights.arrays.items():
            assert np.array_equal(network.arrays[name], np.atleast_2d(array)), name


@pytest.fixture(scope="module")
def packed() -> bytes:
    return packing.pack(made(TINY, 5, 0.1, 0, 0.0))


@pytest.mark.parametrize("at", [0, 4, 5, 9, 30, 90, 500, -200, -5, -4, -1])
@pytest.mark.parametrize("bit", [1, 128])
def test_a_flipped_bit_is_refused(
    page_decoder: ModuleType, packed: bytes, at: int, bit: int
) -> None:
    data = bytearray(packed)
    data[at] ^= bit
    with pytest.raises(WeightsError):
        packing.unpack(bytes(data))
    with pytest.raises(ValueError, match=r".+"):
        page_decoder.read_weights(bytes(data))


@pytest.mark.parametrize("size", [0, 3, 6, 60, 200, -4, -1])
def test_a_cut_is_refused(packed: bytes, size: int) -> None:
    with pytest.raises(WeightsError):
        packing.unpack(packed[:size])


def test_bytes_left_over_are_refused(packed: bytes) -> None:
    with pytest.raises(WeightsError, match="checksum"):
        packing.unpack(packed + b"\0\0\0\0")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16", "utf-32-be", "utf-8-sig"])
def test_a_shape_that_is_not_utf_8_is_refused(
    page_decoder: ModuleType, packed: bytes, encoding: str
) -> None:
    """Python's reader of JSON would guess the encoding of bytes; the page and Rust do not."""
    start = 4 + 1 + 2
    length = int.from_bytes(packed[start - 2 : start], "little")
    shape = packed[start : start + length].decode().encode(encoding)
    forged = packed[: start - 2] + struct.pack("<H", len(shape)) + shape
    forged += packed[start + length : -4]
    forged += struct.pack("<I", zlib.crc32(forged))
    with pytest.raises(WeightsError, match="no usable shape"):
        packing.unpack(forged)
    with pytest.raises(ValueError, match=r".+"):
        page_decoder.read_weights(forged)


@pytest.mark.parametrize("version", [0, 1, 3, 255])
def test_another_version_is_named(packed: bytes, version: int) -> None:
    with pytest.raises(WeightsError, match=f"version {version}, this program reads 2"):
        packing.unpack(packed[:4] + bytes([version]) + packed[5:])


@pytest.mark.slow
def test_empty_streams_are_filled_up_to_the_least_size() -> None:
    """What codes far below a bit a weight is filled up, so that its reader's bound holds."""
    weights = made(ModelConfig(3, 1, 2, 5, 2, 64, ((2, 16),)), 3, 0.1, 0, 1.0)
    data = packing.pack(weights)
    least = weights.config.parameters() / packing.PARAMETERS_PER_BYTE
    assert least <= len(data) < 1.1 * least
    assert same(packing.unpack(data), weights)


@pytest.mark.parametrize("seed", range(12))
def test_a_forged_stream_with_its_checksum_ends_in_weights_or_in_a_named_refusal(
    packed: bytes, seed: int
) -> None:
    head = packing.head_bytes(TINY)
    stream = bytearray(packed[len(head) : -4])
    rng = np.random.default_rng(seed)
    for at in rng.integers(0, len(stream), 1 + seed):
        stream[at] = rng.integers(256)
    forged = head + bytes(stream[: len(stream) - 4 * (seed % 3)])
    try:
        packing.unpack(forged + struct.pack("<I", zlib.crc32(forged)))
    except WeightsError as error:
        assert ": " in str(error)


def test_values_beyond_the_bounds_of_the_format_are_refused(packed: bytes) -> None:
    weights = packing.unpack(packed)
    weights.arrays["mixer_0.gate_bias"][:] = 16385
    with pytest.raises(WeightsError, match="exceeds"):
        packing.pack(weights)


def test_what_loads_weights_names_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "good.kzw").write_bytes(GOLDEN.read_bytes())
    (tmp_path / "bad.kzw").write_bytes(GOLDEN.read_bytes()[:-9])
    good = by_name(str(tmp_path / "good.kzw"))
    assert same(good.weights, packing.unpack(GOLDEN.read_bytes()))
    with pytest.raises(UnusableWeights, match="checksum"):
        by_name(str(tmp_path / "bad.kzw"))
