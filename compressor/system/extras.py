"""Packages that only some commands need: each belongs to an extra, such as ``kolmozip[train]``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from compressor.errors import MissingExtra

Extra = Literal["jax", "train", "bench", "report", "corpora", "search", "cluster"]

OURS = ("baselines", "coding", "compressor", "data", "models")


@contextlib.contextmanager
def need(extra: Extra) -> Iterator[None]:
    """Imports inside the body come with this extra; raises MissingExtra where a package is absent.

    A module of our own that is absent is a fault of the install, not of the extra, and passes.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package in OURS or not package:
            raise
        raise MissingExtra(
            f"this command needs {package}: install it by `pip install 'kolmozip[{extra}]'`"
        ) from error
