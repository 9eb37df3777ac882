"""One codec there and back: what is known of it when it ends well, lies, fails or raises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from compressor.bench.measuring import (
    CHUNK,
    Outcome,
    Verb,
    difference,
    in_this_process,
    there_and_back,
)
from compressor.system.process import Ending

COSTS = [
    f"{fact}_{verb}" for fact in ("seconds", "kb_per_s") for verb in ("compress", "decompress")
]


def halve(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes()[::2])


def double(source: Path, target: Path) -> None:
    data = source.read_bytes()
    target.write_bytes(bytes(byte for byte in data for _ in range(2)))


@pytest.fixture
def doubled(tmp_path: Path) -> Path:
    """A file in which every byte stands twice."""
    path = tmp_path / "doubled"
    path.write_bytes(b"aabbcc" * 500)
    return path


def test_a_codec_in_this_process_has_sizes_and_times_and_no_memory(
    doubled: Path, tmp_path: Path
) -> None:
    outcome = Outcome(3000)
    there_and_back(in_this_process(halve, double), doubled, tmp_path, outcome)
    assert outcome.reason is None
    assert (outcome.compressed_bytes, outcome.bits_per_char) == (1500, 4.0)
    facts = outcome.facts
    assert (facts["compressed_bytes"], facts["bits_per_char"]) == (1500, 4.0)
    assert facts["peak_rss_bytes_compress"] is facts["peak_rss_bytes_decompress"] is None
    assert all(facts[name] is not None for name in COSTS)


def test_a_codec_that_restores_something_else_is_failed(doubled: Path, tmp_path: Path) -> None:
    outcome = Outcome(3000)
    there_and_back(in_this_process(halve, halve), doubled, tmp_path, outcome)
    assert outcome.reason == "decoded bytes differ: 750 of them where the input has 3000"
    assert outcome.compressed_bytes == 1500


@pytest.mark.parametrize("verb", ["compress", "decompress"])
def test_a_direction_that_fails_or_writes_nothing_is_named(
    doubled: Path, tmp_path: Path, verb: Verb
) -> None:
    def crash(now: Verb, source: Path, target: Path) -> Ending:
        target.write_bytes(b"x")
        return Ending("crash" if now == verb else None, 2.0, 5)

    def forget(now: Verb, source: Path, target: Path) -> Ending:
        target.write_bytes(b"" if now == verb else b"x")
        return Ending(None, 2.0, 5)

    for run, reason in ((crash, "crash"), (forget, "wrote no output")):
        outcome = Outcome(3000)
        there_and_back(run, doubled, tmp_path, outcome)
        assert outcome.reason == f"{verb}: {reason}"
        assert outcome.facts[f"seconds_{verb}"] == 2.0
        assert outcome.facts[f"peak_rss_bytes_{verb}"] == 5
        assert (outcome.compressed_bytes is None) == (verb == "compress")


def test_what_was_known_before_an_error_stands(doubled: Path, tmp_path: Path) -> None:
    def broken(source: Path, target: Path) -> None:
        raise ValueError("lost")

    outcome = Outcome(3000)
    with pytest.raises(ValueError, match="lost"):
        there_and_back(in_this_process(halve, broken), doubled, tmp_path, outcome)
    assert outcome.reason is not None
    assert outcome.compressed_bytes == 1500


def test_nothing_is_known_before_a_run() -> None:
    outcome = Outcome(3000)
    assert outcome.reason == "not run"
    assert set(outcome.facts.values()) == {None}


def test_figures_of_a_quick_codec_are_not_rounded_away() -> None:
    outcome = Outcome(20, {"compress": Ending(None, 0.00123456), "decompress": Ending(None, 1.0)})
    assert outcome.facts["seconds_compress"] == 0.001235
    assert outcome.facts["kb_per_s_decompress"] == 0.02


def cut(data: bytes) -> bytes:
    return data[:-1]


def longer(data: bytes) -> bytes:
    return data + b"."


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


SIZE = CHUNK + 20


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (bytes, None),
        (cut, f"{SIZE - 1} of them where the input has {SIZE}"),
        (longer, f"{SIZE + 1} of them where the input has {SIZE}"),
        (flipped(0), "the first at offset 0"),
        (flipped(CHUNK - 1), f"the first at offset {CHUNK - 1}"),
        (flipped(SIZE - 1), f"the first at offset {SIZE - 1}"),
    ],
)
def test_files_are_compared_byte_for_byte(
    tmp_path: Path, spoil: Callable[[bytes], bytes], expected: str | None
) -> None:
    data = bytes(range(256)) * (SIZE // 256) + bytes(SIZE % 256)
    (tmp_path / "original").write_bytes(data)
    (tmp_path / "restored").write_bytes(spoil(data))
    found = difference(tmp_path / "original", tmp_path / "restored")
    assert found == (expected and f"decoded bytes differ: {expected}")
