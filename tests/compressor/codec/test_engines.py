"""Which engine is chosen, and what is said where there is none."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable

import pytest

from compressor.codec import engines, native
from compressor.errors import NoEngine, StaleEngine

NATIVE_HERE = native.absent() is None


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes as if the native engine were absent for a reason, and packages were missing."""
    monkeypatch.delenv(engines.VARIABLE, raising=False)
    found = importlib.util.find_spec

    def set_up(absent: str | None = None, missing: tuple[str, ...] = ()) -> None:
        monkeypatch.setattr(native, "absent", lambda: absent)
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name in missing else found(name)
        )

    return set_up


def test_native_comes_first_and_jax_stands_in(machine: Callable[..., None]) -> None:
    machine()
    assert engines.chosen() == engines.chosen("auto") == engines.chosen("native") == "native"
    assert engines.chosen("jax") == "jax"
    machine(absent="it was not built")
    assert engines.chosen() == engines.chosen("auto") == engines.chosen("jax") == "jax"
    assert engines.describe() == "jax (native: it was not built)"
    assert engines.describe("jax") == "jax"


def test_the_variable_is_heeded_where_nobody_else_chooses(
    machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine()
    monkeypatch.setenv(engines.VARIABLE, "jax")
    assert (engines.chosen(), engines.chosen("native"), engines.describe()) == (
        "jax",
        "native",
        "jax",
    )
    monkeypatch.setenv(engines.VARIABLE, "abacus")
    with pytest.raises(NoEngine, match="'abacus': choose from auto, native, jax"):
        engines.chosen()


def test_what_is_missing_is_named_with_its_remedy(machine: Callable[..., None]) -> None:
    machine(absent="it was not built", missing=("constriction",))
    with pytest.raises(NoEngine, match=r"^neither .* cargo .* make, or .*'kolmozip\[jax\]'"):
        engines.chosen()
    with pytest.raises(NoEngine, match=r"the JAX engine needs constriction: .*kolmozip\[jax\]"):
        engines.chosen("jax")
    with pytest.raises(NoEngine, match=r"\(it was not built\): install cargo .* run make"):
        engines.chosen("native")
    assert engines.describe().startswith("none: neither ")


def test_a_stale_build_is_refused_rather_than_passed_over(
    machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine()

    def stale() -> None:
        raise StaleEngine("built from other sources: rebuild with make")

    monkeypatch.setattr(native, "absent", stale)
    for name in (None, "native"):
        with pytest.raises(StaleEngine):
            engines.chosen(name)
    assert engines.chosen("jax") == "jax"
    assert engines.describe() == "none: built from other sources: rebuild with make"


def test_a_module_that_was_not_built_or_does_not_load_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "compressor.codec._native", None)
    native.absent.cache_clear()
    try:
        assert native.absent() == "it was not built"
    finally:
        native.absent.cache_clear()


@pytest.mark.skipif(not NATIVE_HERE, reason="the native engine is not built")
def test_the_native_engine_is_described_with_its_instruction_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(native.ISA_VARIABLE, "portable")
    assert engines.describe("native") == "native, portable"
    monkeypatch.setenv(native.ISA_VARIABLE, "mmx")
    assert engines.describe("native").startswith("none: this processor has no")
