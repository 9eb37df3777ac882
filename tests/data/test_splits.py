"""The parts of the split are where the benchmark says, cover enwik8, and come of enwik8 alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from data import splits


@pytest.fixture(scope="module")
def blank() -> np.ndarray:
    """Zeros, as many as enwik8 has bytes; the system maps them without writing to memory."""
    return np.zeros(splits.ENWIK8_LENGTH, dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "start", "stop"),
    [
        ("train", 0, 90_000_000),
        ("valid", 90_000_000, 95_000_000),
        ("test", 95_000_000, 100_000_000),
        ("enwik8", 0, 100_000_000),
        ("head1m", 0, 1_000_000),
        ("test1m", 95_000_000, 96_000_000),
        ("test5m", 95_000_000, 100_000_000),
        ("tail256k", 99_737_856, 100_000_000),
    ],
)
def test_each_slice_is_the_stated_range(
    blank: np.ndarray, name: str, start: int, stop: int
) -> None:
    part = splits.split(blank, name)
    assert part.shape == (stop - start,)
    assert part.ctypes.data - blank.ctypes.data == start  # a view of the right bytes


def test_train_valid_and_test_follow_each_other_without_gap_or_overlap() -> None:
    parts = [splits.SLICES[name] for name in ("train", "valid", "test")]
    assert parts[0][0] == 0
    assert parts[-1][1] == splits.ENWIK8_LENGTH
    assert all(before[1] == after[0] for before, after in pairwise(parts))


def test_test5m_is_the_last_five_million_bytes() -> None:
    marked = np.zeros(splits.ENWIK8_LENGTH, dtype=np.uint8)
    marked[-5_000_000:] = 1
    assert splits.split(marked, "test5m").all()
    assert not splits.split(marked, "train").any()


def test_bytes_yield_bytes() -> None:
    head = splits.split(bytes(splits.ENWIK8_LENGTH), "head1m")
    assert isinstance(head, bytes)
    assert len(head) == 1_000_000


def test_an_unknown_slice_is_refused_with_the_known_ones(blank: np.ndarray) -> None:
    with pytest.raises(ValueError, match="'dev': choose from train, valid, test"):
        splits.split(blank, "dev")


@pytest.mark.parametrize("length", [0, 5_000_000, splits.ENWIK8_LENGTH - 1])
def test_a_part_of_the_corpus_cannot_be_split_again(blank: np.ndarray, length: int) -> None:
    with pytest.raises(ValueError, match=f"{length} bytes are not enwik8's"):
        splits.split(blank[:length], "train")


def test_load_slice_is_the_split_of_the_loaded_corpus(
    blank: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def load(name: str) -> np.ndarray:
        names.append(name)
        return blank

    monkeypatch.setattr(splits, "load", load)
    assert splits.load_slice("valid").shape == (5_000_000,)
    assert names == ["enwik8"]
