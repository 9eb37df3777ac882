"""The range coder against the page's own description of it: counts pass through constriction exactly."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from coding.counts import SCALE
from coding.rangecoder import BitDecoder, BitEncoder


def page_decoder() -> ModuleType:
    """The decoder written from FORMAT.md alone, loaded by path: it is no package of ours."""
    spec = importlib.util.spec_from_file_location("page_decoder", Path(__file__).with_name("page_decoder.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["page_decoder"] = module
    spec.loader.exec_module(module)
    return module


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
def test_round_trip_and_the_pages_decoder(kind: str, size: int) -> None:
    bits, zero = decisions(kind, size)
    encoder = BitEncoder()
    for part in np.array_split(np.arange(size), 3):
        encoder.code(zero[part], bits[part])
    stream = encoder.finish()
    assert np.array_equal(BitDecoder(stream).code(zero, np.zeros(size, np.int32)), bits)
    independent = page_decoder().RangeDecoder(stream)
    assert [independent.bit(int(count)) for count in zero] == bits.tolist()


def test_length_is_the_information_content() -> None:
    bits, zero = decisions("any", 20_000)
    encoder = BitEncoder()
    encoder.code(zero, bits)
    content = -np.log2(np.where(bits == 0, zero, SCALE - zero) / SCALE).sum()
    assert content <= 8 * len(encoder.finish()) < content * 1.0005 + 64


def test_an_empty_stream() -> None:
    assert BitEncoder().finish() == b""
