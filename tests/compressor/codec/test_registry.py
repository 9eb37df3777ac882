"""Both engines write the same files, and each reads what the other wrote."""

from __future__ import annotations

import functools
import io
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import data.lanes
from compressor.codec import native, registry, stream
from compressor.codec.blocks import SteppedModel
from data.samples import sample

pytestmark = pytest.mark.skipif(
    native.absent() is not None, reason="the native engine is not built"
)

ELF = Path(sys.executable).resolve().read_bytes()
INPUTS: dict[str, bytes] = {
    "one byte": b"x",
    "text": sample()[:20_000],
    "a program": ELF[:5000],
    "noise": random.Random(1).randbytes(5000),
    "a run": bytes(3000),
}


def restored(packed: bytes, engine: str, threads: int = 0) -> bytes:
    target = io.BytesIO()
    find = functools.partial(registry.by_identity, engine=engine, threads=threads)
    stream.decompress_stream(io.BytesIO(packed), target, find=find)
    return target.getvalue()


@pytest.fixture
def engines(quick_compiling: None) -> dict[str, registry.BlockCodec]:
    """The tiny weights on each engine."""
    made = {name: registry.by_name("nano", name) for name in ("native", "jax")}
    assert isinstance(made["native"], native.NativeModel)
    assert isinstance(made["jax"], SteppedModel)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", INPUTS)
def test_both_engines_write_one_file_and_read_each_others(
    name: str,
    engines: dict[str, registry.BlockCodec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data.lanes, "LANE_BYTES", 256)
    packed = {key: stream.compress(INPUTS[name], model) for key, model in engines.items()}
    assert packed["native"] == packed["jax"]
    for engine in engines:
        assert restored(packed["jax"], engine) == INPUTS[name]


@pytest.mark.slow
def test_both_engines_write_one_file_with_the_default_weights(
    quick_compiling: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.lanes, "LANE_BYTES", 128)
    packed = stream.compress(sample()[:4096], registry.by_name(engine="native"))
    assert packed == stream.compress(sample()[:4096], registry.by_name(engine="jax"))
    assert restored(packed, "jax") == restored(packed, "native") == sample()[:4096]


@pytest.mark.slow
@pytest.mark.parametrize("instructions", native.instruction_sets() if not native.absent() else [])
@pytest.mark.parametrize("name", ["text", "a program"])
def test_no_file_depends_on_instructions_or_threads(
    name: str,
    instructions: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = stream.compress(INPUTS[name], registry.by_name("nano", "native"))
    monkeypatch.setenv(native.ISA_VARIABLE, instructions)
    for threads in (1, 2, 3, 8):
        model = registry.by_name("nano", "native", threads)
        assert isinstance(model, native.NativeModel)
        assert (model.network.instruction_set, model.threads) == (instructions, threads)
        assert stream.compress(INPUTS[name], model) == wanted
        assert restored(wanted, "native", threads) == INPUTS[name]


def test_no_engine_is_loaded_before_the_weights_were_found(
    monkeypatch: pytest.MonkeyPatch, refused: Callable[..., None]
) -> None:
    monkeypatch.setattr(registry, "chosen", lambda _: pytest.fail("an engine was asked for"))
    refused(registry.by_name, "none-such")
    refused(registry.by_identity, b"nonesuch")


@pytest.fixture
def refused() -> Callable[..., None]:
    """Checks that a call is refused by one of the named errors."""
    from coding.errors import KolmozipError

    def check(call: Callable[..., object], *arguments: object) -> None:
        with pytest.raises(KolmozipError):
            call(*arguments)

    return check
