"""The figures of an explanation: they are those of the file, and sum up to it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import compressor
from compressor.codec import levels, native
from compressor.explain.figures import LIKELY, explain, names
from data.samples import sample

pytestmark = pytest.mark.skipif(native.absent() is not None, reason="needs the native engine")
NANO = str(Path(__file__).parents[2] / "golden" / "nano.kzw")
TEXT = sample()[:20_000]


@pytest.mark.parametrize(("level", "model"), [(1, None), (3, None), (6, NANO)])
def test_bits_sum_up_to_the_file(level: int, model: str | None) -> None:
    told: list[int] = []
    of = explain(TEXT, level, model=model, first=100, count=50, progress=told.append)
    assert of.compressed == len(compressor.compress(TEXT, level, model=model))
    heads = 20 + 28 + 28
    assert abs(of.bits.sum() / 8 - of.compressed) < heads + 8
    assert of.bits.shape == (len(TEXT),)
    assert of.likely.shape == of.probabilities.shape == (50, LIKELY)
    assert of.shares.shape == (50, len(of.sources))
    assert (of.sources, of.sources[0]) == (names(levels.LEVELS[level].design), "network")
    assert np.any(of.shares[:, 0]) == (model is not None)
    assert sum(told) == 2 * len(TEXT)
    assert of.coder == (model or f"level {level}")


def test_what_is_likely_comes_and_is_cheap() -> None:
    of = explain(TEXT, 3, first=5000, count=3000)
    came = np.frombuffer(TEXT, np.uint8)[5000:8000]
    first = of.likely[:, 0] == came
    assert first.mean() > 0.4
    bits = of.bits[5000:8000]
    assert np.median(bits[first]) < 1 < np.median(bits[~first])
    assert np.all(np.diff(of.probabilities, axis=1) <= 0)
    assert np.median(of.shares[first].sum(axis=1)) > np.median(of.shares[~first].sum(axis=1))
    assert len({frozenset(row) for row in of.likely.tolist()}) > 100
    assert all(len(set(row)) == LIKELY for row in of.likely.tolist())


def test_blocks_that_are_not_mixed_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from compressor.codec import pieces

    monkeypatch.setattr(pieces, "GRANULE", 10_000)
    noise = random.Random(1).randbytes(10_000)
    text = TEXT[:10_000] + b"-" * 10_000 + noise + TEXT[10_000:15_000]
    of = explain(text, 1, first=9_990, count=20_020)
    assert set(of.bits[10_000:20_000]) == {0}
    assert set(of.bits[20_000:30_000]) == {8}
    assert of.likely[10:, 0].tolist()[:10_000] == [ord("-")] * 10_000
    assert np.all(of.probabilities[10:10_010, 0] == 1)
    assert not np.any(of.probabilities[10_010:20_010])
    assert np.all(of.probabilities[20_010:, 0] > 0)
    assert len(of.likely) == 20_020


@pytest.mark.parametrize(("first", "count", "told"), [(0, 0, 0), (990, 50, 10), (5000, 9, 0)])
def test_a_window_ends_with_the_text(first: int, count: int, told: int) -> None:
    of = explain(TEXT[:1000], 1, first=first, count=count)
    assert len(of.likely) == len(of.shares) == told
    assert of.first == min(first, 1000)


def test_an_empty_text_has_no_figures() -> None:
    of = explain(b"", 1)
    assert of.bits.size == of.likely.size == 0


def test_the_table_has_a_row_a_byte() -> None:
    pytest.importorskip("pandas")
    of = explain(TEXT, 1, first=7000, count=60)
    frame = of.frame()
    assert frame["offset"].tolist() == list(range(7000, 7060))
    assert bytes(frame["byte"]) == TEXT[7000:7060]
    np.testing.assert_array_equal(frame["bits"], of.bits[7000:7060])
    assert frame["likely_1"].tolist() == of.likely[:, 0].tolist()
    assert frame["probability_5"].tolist() == of.probabilities[:, 4].tolist()
    assert frame["order 3"].tolist() == of.shares[:, of.sources.index("order 3")].tolist()
    assert len(set(frame.columns)) == 3 + 2 * LIKELY + len(of.sources)
