"""What every test may count on. Kept small: fixtures live beside the tests that use them."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

# On the CPU unless told otherwise, so that no figure or golden file depends on what else the
# machine has: `JAX_PLATFORMS=cuda make test` asks for the GPU. Set before any test imports jax.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

# What XLA has compiled is kept between runs, for all processes: compiling the same training and
# coding steps over and over was nearly half of the work. Its key holds the program, the versions
# and the processor, so a stale entry is never taken. Tests of the machine code itself do without
# (tests/compressor/codec/test_exactness.py).
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(__file__).parents[1] / "build" / "jax-cache")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

# The same examples on every run, since a failure must be there again at the next try, and no limit
# on the time of one example: the first call of a jitted function compiles, and takes seconds where
# the others take microseconds.
settings.register_profile("kolmozip", derandomize=True, deadline=None)
settings.load_profile("kolmozip")


@pytest.fixture(scope="session")
def page_decoder() -> ModuleType:
    """The decoder written from FORMAT.md alone, loaded by path: it is no package of ours."""
    spec = importlib.util.spec_from_file_location(
        "page_decoder", Path(__file__).parent / "reference" / "page_decoder.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["page_decoder"] = module
    spec.loader.exec_module(module)
    return module
