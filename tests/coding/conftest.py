"""What several tests of coding measure with."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def peak_of() -> Callable[[Callable[[], object]], int]:
    """Calls a function, and returns the bytes that Python's objects took in it at their peak."""

    def measure(call: Callable[[], object]) -> int:
        tracemalloc.start()
        try:
            call()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measure
