"""What the bytes of a block tell of it: in whole numbers, and alike by every engine."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding.container import Kind
from compressor.codec import kinds, native
from compressor.codec.kinds import kind_of
from data.samples import sample


def test_entropy_is_that_of_the_shares() -> None:
    """Whole numbers decide a block's type; they follow the float within 1/128 bit a byte."""
    for values in ([0.5, 0.5], [0.9, 0.05, 0.05], np.ones(256) / 256, np.arange(1, 200)):
        share = np.asarray(values, float) / np.sum(values)
        raw = np.repeat(np.arange(share.size), np.rint(share * 100_000).astype(int)).astype(
            np.uint8
        )
        exact = np.bincount(raw) / raw.size
        exact = -np.sum(exact[exact > 0] * np.log2(exact[exact > 0]))
        assert abs(kinds.entropy(raw.tobytes()) / 256 / raw.size - exact) < 1 / 128
    assert kinds.entropy(bytes(5000)) == kinds.entropy(b"") == 0


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(range(256)) * 3, random.Random(2).randbytes(999)]
)
def test_few_and_many_bytes_are_counted_alike(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    few = sorted(kinds.counts(data))
    monkeypatch.setattr(kinds, "LITTLE", 0)
    assert sorted(kinds.counts(data)) == few == sorted(Counter(data).values())
    monkeypatch.setattr(native, "at_hand", lambda: False)
    assert sorted(kinds.counts(data)) == few


def repeats_by_definition(data: bytes) -> int:
    places = [int.from_bytes(data[at : at + 6]) for at in range(len(data) - 5)]
    chosen = [key for key in places if (key * kinds.CHOSEN_BY % 2**64) < 2**61]
    return len(chosen) - len(set(chosen))


@given(st.binary(max_size=400) | st.text("ab", max_size=400).map(str.encode))
def test_both_engines_count_the_same_repeats(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        counted = kinds.repeats(data)
        patch.setattr(native, "at_hand", lambda: False)
        assert counted == kinds.repeats(data) == repeats_by_definition(data)


def test_about_one_place_in_eight_is_looked_at() -> None:
    text = sample()[:100_000]
    assert 0.9 < 8 * (kinds.repeats(text * 2) - kinds.repeats(text)) / len(text) < 1.1
    assert kinds.repeats(random.Random(3).randbytes(100_000)) == 0


def test_noise_is_raw_unless_a_hundredth_of_it_came_before() -> None:
    noise = random.Random(4).randbytes(200_000)
    assert kind_of(noise) == Kind.RAW
    assert kind_of(noise + noise[:1000]) == Kind.RAW
    assert kind_of(noise + noise[:3000]) == Kind.MIXED
    assert kind_of(b"e" * 100) == Kind.RUN
    assert kind_of(sample()[:1000]) == Kind.MIXED
