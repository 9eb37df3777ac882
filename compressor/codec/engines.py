"""Which engine codes: the native one where it is there, else JAX; both give the same bytes."""

from __future__ import annotations

import importlib.util
import os
from typing import Literal, TypeAlias, get_args

from compressor.errors import NoEngine, StaleEngine

Engine: TypeAlias = Literal["auto", "native", "jax"]
NAMES: tuple[str, ...] = get_args(Engine)
VARIABLE = "KOLMOZIP_ENGINE"
"""Names the engine where nobody else does."""

JAX_PACKAGES = ("jax", "constriction")
GET_JAX = "install the extra by `pip install 'kolmozip[jax]'`"
GET_NATIVE = "install cargo (https://rustup.rs) and run make"


def chosen(engine: str | None = None) -> Engine:
    """The engine of this name, "native" or "jax"; None stands for KOLMOZIP_ENGINE, or else "auto".

    Raises NoEngine, StaleEngine.
    """
    name = engine or os.environ.get(VARIABLE) or "auto"
    if name not in NAMES:
        raise NoEngine(f"no engine is called {name!r}: choose from {', '.join(NAMES)}")
    if name != "jax":
        from compressor.codec import native

        if (reason := native.absent()) is None:
            return "native"
        if name == "native":
            raise NoEngine(f"the native engine is not here ({reason}): {GET_NATIVE}")
    if missing := [name for name in JAX_PACKAGES if importlib.util.find_spec(name) is None]:
        if name == "jax":
            raise NoEngine(f"the JAX engine needs {missing[0]}: {GET_JAX}")
        raise NoEngine(
            f"neither the native engine nor JAX is here: {GET_NATIVE}, or {GET_JAX} for JAX"
        )
    return "jax"


def describe(engine: str | None = None) -> str:
    """The engine that would code, with its instruction set, in a few words; or why none would."""
    from compressor.codec import native

    try:
        if chosen(engine) == "native":
            return f"native, {native.instruction_set()}"
        wanted = engine or os.environ.get(VARIABLE)
        return "jax" if wanted == "jax" else f"jax (native: {native.absent()})"
    except (NoEngine, StaleEngine) as error:
        return f"none: {error}"
