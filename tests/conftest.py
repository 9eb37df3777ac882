"""What every test may count on. Kept small: fixtures live beside the tests that use them."""

from __future__ import annotations

import os

from hypothesis import settings

# On the CPU unless told otherwise, so that a figure or a golden file never depends on what else the machine has:
# `JAX_PLATFORMS=cuda make test` asks for the GPU. Set before any test imports jax.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

# The same examples on every run (a failure must be there again at the next try), and no limit on the time of one
# example: the first call of a jitted function compiles, and takes seconds where the others take microseconds.
settings.register_profile("kolmozip", derandomize=True, deadline=None)
settings.load_profile("kolmozip")
