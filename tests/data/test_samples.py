"""The shipped sample is complete, is what its README says, and is refused where it is damaged."""

from __future__ import annotations

import lzma
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from data import samples
from data.splits import SLICES


def ship(monkeypatch: pytest.MonkeyPatch, folder: Path, packed: bytes) -> None:
    """Replaces the package's resources by a folder that holds this packed sample."""
    (folder / "sample").mkdir()
    (folder / "sample" / "sample.xz").write_bytes(packed)
    monkeypatch.setattr(samples, "resources", SimpleNamespace(files=lambda name: folder))


def test_the_sample_is_wikipedia_text_of_the_stated_length() -> None:
    text = samples.sample()
    assert len(text) == samples.SAMPLE_LENGTH == 262_144
    assert b"<page>" in text
    assert b"[[" in text


def test_it_lies_within_the_test_range() -> None:
    start, stop = SLICES["test"]
    end = samples.SAMPLE_OFFSET + samples.SAMPLE_LENGTH
    assert start <= samples.SAMPLE_OFFSET < end <= stop


def test_the_readme_states_what_the_code_checks_and_the_licence() -> None:
    readme = resources.files("data").joinpath("sample", "README.md").read_text(encoding="utf-8")
    for fact in (
        f"{samples.SAMPLE_OFFSET:,}",
        f"{samples.SAMPLE_LENGTH:,}",
        samples.SAMPLE_SHA256,
        "GFDL",
    ):
        assert fact in readme


def test_a_changed_sample_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = bytearray(samples.sample())
    text[1000] ^= 1
    ship(monkeypatch, tmp_path, lzma.compress(bytes(text), preset=0))
    with pytest.raises(samples.SampleDamaged, match="wrong SHA-256: install kolmozip again"):
        samples.sample()


def test_an_unreadable_sample_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship(monkeypatch, tmp_path, b"not xz at all")
    with pytest.raises(samples.SampleDamaged, match=r"cannot be read .* install kolmozip again"):
        samples.sample()


def test_a_missing_sample_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(samples, "resources", SimpleNamespace(files=lambda name: tmp_path))
    with pytest.raises(samples.SampleDamaged, match="install kolmozip again"):
        samples.sample()
