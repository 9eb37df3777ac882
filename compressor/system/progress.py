"""One progress bar for every long work: on stderr, bytes, KB/s, time left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from tqdm import tqdm


@contextlib.contextmanager
def bar(total: int | None, label: str, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Yields a function that takes bytes done since its last call; nothing is drawn when quiet or stderr is no terminal."""
    with tqdm(
        total=total,
        desc=label,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=quiet or None,
        delay=0.5,
    ) as shown:
        yield shown.update
