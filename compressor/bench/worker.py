"""One baseline codec in this process, one direction: `python -m compressor.bench.worker compress|decompress CODEC SOURCE TARGET`.

Imports are kept slim, so that the peak memory of the process is the codec's.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baselines.codec import Codec, Trace


@contextlib.contextmanager
def written_to(path: Path) -> Iterator[Trace]:
    """A trace that writes each call as a JSON line: [input bytes consumed so far, output bytes written so far]."""
    with path.open("w") as lines:
        yield lambda consumed, written: print(f"[{consumed}, {written}]", file=lines)


def compress(codec: Codec, source: Path, target: Path, trace: Path | None) -> None:
    """Compresses source into target, and tells the trace file, where there is one, how far it is."""
    if trace is None:
        codec.compress(source, target)
        return
    with written_to(trace) as told:
        codec.compress(source, target, told)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m compressor.bench.worker", description="Runs one baseline codec."
    )
    parser.add_argument("verb", choices=("compress", "decompress"))
    parser.add_argument("codec", help="its name, as `kolmozip bench --list` prints it")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument(
        "--trace", type=Path, help="write progress of compression here, as JSON lines"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0, or 1 after one line on stderr."""
    told = _arguments(argv)
    try:
        from baselines.table import by_name

        codec = by_name(told.codec)
        if told.verb == "compress":
            compress(codec, told.source, told.target, told.trace)
        else:
            codec.decompress(told.source, told.target)
    except (
        Exception
    ) as error:  # each library raises its own; all of them become the reason of a failed row
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
