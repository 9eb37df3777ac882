"""The commands for developers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from compressor.codec import native

Run = Callable[..., Result]


def test_selftest_compares_engine_and_definition(cli: Run) -> None:
    small = ["--model", "nano", "--lanes", 4, "--steps", 10]
    result = cli("selftest", "--engine", "jax", *small)
    assert result.exit_code == 0
    assert "10240 counts equal the definition" in result.stdout
    if native.absent():
        pytest.skip("the native engine is not built")
    result = cli("selftest", "--engine", "native", *small)
    assert result.exit_code == 0
    assert "a block of 40 bytes equals the definition's" in result.stdout


@pytest.mark.skipif(native.absent() is not None, reason="the native engine is not built")
def test_selftest_refuses_an_engine_that_differs(
    cli: Run, refusal: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native.NativeModel, "encode_block", lambda *_: b"other")
    result = cli("selftest", "--engine", "native", "--model", "nano", "--steps", 10)
    assert "native" in refusal(result, "EngineDiffers")


@pytest.mark.parametrize(
    "arguments",
    [["--lanes", 1000, "--steps", 1000], ["--lanes", 0], ["--steps", 0], ["--lanes", 1025]],
    ids=str,
)
def test_selftest_refuses_more_than_the_sample_holds(cli: Run, arguments: list[object]) -> None:
    result = cli("dev", "selftest", "--model", "nano", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is not in the range" in result.stderr


def test_corpus_writes_a_slice(
    cli: Run, refusal: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("data.corpora.load", lambda name: np.arange(100, dtype=np.uint8))
    monkeypatch.setattr("data.splits.split", lambda text, name: text[:10])
    for command in (["dev", "corpus"], ["corpus", "--force"]):
        assert cli(*command, "valid", "-o", "slice").exit_code == 0
        assert Path("slice").read_bytes() == bytes(range(10))
    refusal(cli("dev", "corpus", "valid", "-o", "slice"), "OutputExists")
    assert cli("dev", "corpus", "nonsense", "-o", "x").exit_code == 2


def test_a_corpus_that_cannot_be_had_is_refused_by_name(
    cli: Run, refusal: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOLMOZIP_CORPORA", str(tmp_path / "enwik8"))
    (tmp_path / "enwik8").write_bytes(b"too short")
    refusal(cli("dev", "corpus", "valid", "-o", tmp_path / "out"), "CorpusLengthError")
