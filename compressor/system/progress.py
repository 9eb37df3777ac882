"""One progress bar for every long work, on stderr: bytes done, their rate, the time left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from compressor.system import signals


@contextlib.contextmanager
def bar(total: int | None, label: str, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Yields a function that takes the number of bytes done since its last call.

    ``total`` is in bytes, None where it is not known. Nothing is drawn where ``quiet`` is set or
    stderr is no terminal. Each call is also a point at which a stop by the user takes effect.
    """
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: signals.check()
        return
    from tqdm import tqdm

    with tqdm(
        total=total,
        desc=label,
        unit="B",
        unit_scale=True,
        leave=False,
        delay=0.5,
    ) as drawn:

        def update(count: int) -> None:
            signals.check()
            drawn.update(count)

        yield update


@contextlib.contextmanager
def aside() -> Iterator[None]:
    """Takes bars that are drawn out of the way of what the body prints."""
    tqdm = sys.modules.get("tqdm")
    with tqdm.tqdm.external_write_mode(sys.stderr) if tqdm else contextlib.nullcontext():
        yield
