"""The commands for developers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import Result

from compressor.codec import levels, native
from compressor.codec.seams import Progress, Recipe

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
    assert "blocks of 40 bytes, with the network and without, equal the definition's" in (
        result.stdout
    )


@pytest.mark.skipif(native.absent() is not None, reason="the native engine is not built")
@pytest.mark.parametrize("level", [6, 1])
def test_selftest_refuses_an_engine_that_differs(
    cli: Run, refusal: Callable, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    right = native.NativeCodec.encode_block

    def wrong(codec: native.NativeCodec, data: bytes, recipe: Recipe, progress: Progress) -> bytes:
        payload = right(codec, data, recipe, progress)
        return payload + b"more" if recipe.design == levels.LEVELS[level].design else payload

    monkeypatch.setattr(native.NativeCodec, "encode_block", wrong)
    result = cli("selftest", "--engine", "native", "--model", "nano", "--steps", 10)
    assert f"native, {native.instruction_set()}: a block of level {level} is not the" in refusal(
        result, "EngineDiffers"
    )


@pytest.mark.parametrize(
    "arguments",
    [["--lanes", 1000, "--steps", 1000], ["--lanes", 0], ["--steps", 0], ["--lanes", 1025]],
    ids=str,
)
def test_selftest_refuses_more_than_the_sample_holds(cli: Run, arguments: list[object]) -> None:
    result = cli("dev", "selftest", "--model", "nano", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is not in the range" in result.stderr
