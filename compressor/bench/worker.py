"""One baseline codec in this process, in one direction.

Run as ``python -m compressor.bench.worker compress|decompress CODEC SOURCE TARGET``. Imports are
kept slim, so that the peak memory of the process is the codec's.
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
    """A trace that writes each call as a JSON line: [input bytes taken, output bytes written]."""
    with path.open("w") as lines:
        yield lambda consumed, written: print(f"[{consumed}, {written}]", file=lines)


def compress(codec: Codec, source: Path, target: Path, trace: Path | None) -> None:
    """Compresses source into target, and writes how far it is to the trace file, if any."""
    if trace is None:
        codec.compress(source, target)
        return
    with written_to(trace) as called:
        codec.compress(source, target, called)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m compressor.bench.worker", description="Runs one baseline codec."
    )
    parser.add_argument("verb", choices=("compress", "decompress"))
    parser.add_argument("codec", help="its name, as the list of codecs has it")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--trace", type=Path, help="write how far compressing is, as JSON lines")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0, or 1 after one line on stderr."""
    arguments = _arguments(argv)
    try:
        from baselines.table import by_name

        codec = by_name(arguments.codec)
        if arguments.verb == "compress":
            compress(codec, arguments.source, arguments.target, arguments.trace)
        else:
            codec.decompress(arguments.source, arguments.target)
    # Each library raises its own errors; all of them become the reason of a failed row.
    except Exception as error:
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
