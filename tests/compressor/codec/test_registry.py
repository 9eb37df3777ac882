"""Both engines write the same files, and each reads what the other wrote."""

from __future__ import annotations

import functools
import io
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coding.container import NO_WEIGHTS
from compressor.codec import levels, native, registry, stream
from compressor.codec.blocks import SteppedModel
from compressor.codec.registry import Coders
from data.samples import sample

pytestmark = pytest.mark.skipif(
    native.absent() is not None, reason="the native engine is not built"
)

ELF = Path(sys.executable).resolve().read_bytes()
INPUTS: dict[str, bytes] = {
    "one byte": b"x",
    "text": sample()[:6000],
    "a program": ELF[:2500],
    "noise": random.Random(1).randbytes(5000),
    "a run": bytes(3000),
}


def restored(packed: bytes, engine: str, threads: int = 0) -> bytes:
    target = io.BytesIO()
    find = functools.partial(registry.by_identity, engine=engine, threads=threads)
    stream.decompress_stream(io.BytesIO(packed), target, find=find)
    return target.getvalue()


def packed(original: bytes, coders: Coders, level: int = levels.DEFAULT) -> bytes:
    target = io.BytesIO()
    stream.compress_stream(io.BytesIO(original), target, level, coders=coders)
    return target.getvalue()


@pytest.fixture
def both(quick_compiling: None) -> dict[str, Coders]:
    """The tiny weights, and the memory alone, on each engine."""
    made = {name: registry.coders(["nano"], name) for name in ("native", "jax")}
    for codec in (made["native"].alone, *made["native"].networks):
        assert isinstance(codec, native.NativeCodec)
    for codec in (made["jax"].alone, *made["jax"].networks):
        assert isinstance(codec, SteppedModel)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", INPUTS)
def test_both_engines_write_one_file_and_read_each_others(
    name: str, both: dict[str, Coders], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(levels, "LANE", 64)
    made = {key: packed(INPUTS[name], coders) for key, coders in both.items()}
    assert made["native"] == made["jax"]
    for engine in both:
        assert restored(made["jax"], engine) == INPUTS[name]


@pytest.mark.slow
@pytest.mark.parametrize("level", [level for level in levels.LEVELS if level < 8])
def test_both_engines_write_one_file_at_every_level(
    level: int, monkeypatch: pytest.MonkeyPatch, quick_compiling: None
) -> None:
    """The two levels above have larger weights alone."""
    monkeypatch.setattr(levels, "LANE", 64)
    how = levels.LEVELS[level]
    original = sample()[: 64 * min(how.lanes, 24) + 300]
    made = [
        packed(original, registry.coders(how.models, name), level) for name in ("native", "jax")
    ]
    assert made[0] == made[1]
    assert restored(made[0], "jax") == restored(made[0], "native") == original


@pytest.mark.slow
@pytest.mark.parametrize("instructions", native.instruction_sets() if not native.absent() else [])
@pytest.mark.parametrize("name", ["text", "a program"])
def test_no_file_depends_on_instructions_or_threads(
    name: str,
    instructions: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = packed(INPUTS[name], registry.coders(["nano"], "native"))
    monkeypatch.setenv(native.ISA_VARIABLE, instructions)
    for threads in (1, 2, 3, 8):
        coders = registry.coders(["nano"], "native", threads)
        for codec in (coders.alone, *coders.networks):
            assert isinstance(codec, native.NativeCodec)
            assert (codec.instructions, codec.threads) == (instructions, threads)
        assert packed(INPUTS[name], coders) == wanted
        assert restored(wanted, "native", threads) == INPUTS[name]


def test_zeros_name_the_memory_alone() -> None:
    for engine in ("native", "jax"):
        assert registry.by_identity(NO_WEIGHTS, engine) == registry.without_network(engine)
        assert registry.coders((), engine) == Coders(registry.without_network(engine))
        assert registry.without_network(engine).identity == NO_WEIGHTS


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
