"""Hashed contexts: the order says which bytes count, and NumPy and JAX give the same buckets."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from models.integer.ngram import context_index, push


def history(text: bytes) -> tuple[np.ndarray, np.ndarray]:
    low = high = np.zeros(1, np.uint32)
    for byte in text:
        low, high = push(low, high, np.array([byte], np.uint32))
    return low, high


def test_push_keeps_eight_bytes() -> None:
    low, high = history(b"0123456789")
    assert low[0] == int.from_bytes(b"6789", "big")
    assert high[0] == int.from_bytes(b"2345", "big")


@pytest.mark.parametrize("order", range(2, 9))
def test_only_the_last_n_bytes_count(order: int) -> None:
    text = bytearray(b"abcdefghij")
    bucket = context_index(*history(bytes(text)), order, 20)
    far, near = bytearray(text), bytearray(text)
    far[-order - 1] ^= 1
    near[-order] ^= 1
    assert context_index(*history(bytes(far)), order, 20) == bucket
    assert context_index(*history(bytes(near)), order, 20) != bucket


def test_jax_and_numpy_agree() -> None:
    words = np.random.default_rng(0).integers(0, 1 << 32, (2, 1000), dtype=np.uint32)
    for order in range(2, 9):
        by_numpy = context_index(words[0], words[1], order, 16)
        assert np.array_equal(
            context_index(jnp.asarray(words[0]), jnp.asarray(words[1]), order, 16), by_numpy
        )
        assert by_numpy.max() < 1 << 16
        assert len(np.unique(by_numpy)) > (250 if order == 2 else 900)
