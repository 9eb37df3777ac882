"""The range coder against a decoder written from FORMAT.md: counts pass exactly."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from coding.counts import SCALE, shares
from coding.errors import Damaged
from coding.rangecoder import BitDecoder, BitEncoder, ByteDecoder, ByteEncoder, Encoder


def decisions(kind: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(bits, counts of a 0) of one kind, from a fixed seed."""
    rng = np.random.default_rng(size)
    zero = {
        "any": rng.integers(1, SCALE, size),
        "sharp": np.clip((rng.beta(0.05, 0.05, size) * SCALE).astype(np.int64), 1, SCALE - 1),
        "sure and wrong": np.full(size, SCALE - 1),
        "least": np.ones(size, np.int64),
    }[kind]
    chance = 0.02 if kind == "sure and wrong" else 1 - zero / SCALE
    return (rng.random(size) < chance).astype(np.int32), zero


@pytest.mark.parametrize("kind", ["any", "sharp", "sure and wrong", "least"])
@pytest.mark.parametrize("size", [1, 2, 50, 3000])
def test_round_trip_here_and_by_the_page_decoder(
    page_decoder: ModuleType, kind: str, size: int
) -> None:
    bits, zero = decisions(kind, size)
    encoder = BitEncoder()
    for part in np.array_split(np.arange(size), 3):
        encoder.code(zero[part], bits[part])
    stream = encoder.finish()
    assert np.array_equal(BitDecoder(stream).code(zero, np.zeros(size, np.int32)), bits)
    independent = page_decoder.RangeDecoder(stream)
    assert [independent.bit(int(count)) for count in zero] == bits.tolist()


def rounded_up(stream: bytes, zeros: int) -> bytes:
    """The stream, as a number whose first word is the uppermost, with zero bits at its end."""
    number = int.from_bytes(np.frombuffer(stream, "<u4").astype(">u4").tobytes(), "big")
    number = (-(-number >> zeros) << zeros) % 256 ** len(stream)
    big = np.frombuffer(number.to_bytes(len(stream), "big"), ">u4")
    return big.astype("<u4").tobytes()


def test_a_stream_ends_in_as_many_zero_bytes_as_it_can() -> None:
    """It is constriction's, rounded up as far as it still decodes; so are carries."""
    found = set()
    for seed in range(400):
        rng = np.random.default_rng(seed)
        zero = rng.integers(1, SCALE, rng.integers(1, 40))
        bits = rng.integers(0, 2, zero.size).astype(np.int32)
        encoder = BitEncoder()
        encoder.code(zero, bits)
        plain = Encoder.finish(encoder)

        def decodes(stream: bytes, zero: np.ndarray = zero, bits: np.ndarray = bits) -> bool:
            try:
                return np.array_equal(BitDecoder(stream).code(zero, np.zeros_like(bits)), bits)
            except Damaged:
                return False

        best = next(zeros for zeros in (24, 16, 8, 0) if decodes(rounded_up(plain, zeros)))
        assert encoder.finish() == rounded_up(plain, best)
        found.add(best)
    assert found == {0, 8, 16, 24}
    assert BitEncoder().finish() == b""


def test_length_is_the_information_content() -> None:
    bits, zero = decisions("any", 20_000)
    encoder = BitEncoder()
    encoder.code(zero, bits)
    content = -np.log2(np.where(bits == 0, zero, SCALE - zero) / SCALE).sum()
    assert content <= 8 * len(encoder.finish()) < content * 1.0005 + 64


@pytest.mark.parametrize("top", [1, 3, 1000, 1 << 22])
def test_bytes_round_trip_here_and_by_the_page_decoder(page_decoder: ModuleType, top: int) -> None:
    rng = np.random.default_rng(top)
    sizes = (1, 7, 900, 0, 300)
    runs = [
        (shares(rng.integers(1, top + 1, 256)), rng.integers(0, 256, size).astype(np.int32))
        for size in sizes
    ]
    encoder = ByteEncoder()
    for share, symbols in runs:
        encoder.code(share, symbols)
    stream = encoder.finish()
    decoder, independent = ByteDecoder(stream), page_decoder.RangeDecoder(stream)
    for share, symbols in runs:
        assert np.array_equal(decoder.code(share, np.zeros_like(symbols)), symbols)
        below = [0, *np.cumsum(share).tolist()]
        assert independent.symbols(below, len(symbols)) == symbols.tolist()


def test_the_length_of_bytes_is_their_information_content() -> None:
    rng = np.random.default_rng(1)
    share = shares(np.maximum(rng.geometric(0.01, 256), 1))
    symbols = rng.choice(256, 20_000, p=share / SCALE).astype(np.int32)
    encoder = ByteEncoder()
    encoder.code(share, symbols)
    content = -np.log2(share[symbols] / SCALE).sum()
    assert content <= 8 * len(encoder.finish()) < content * 1.0005 + 64


def test_an_empty_stream() -> None:
    assert BitEncoder().finish() == b""
