"""Settings of the C library's allocator, which training needs to be fast."""

from __future__ import annotations

import os
import sys

MALLOC = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "1000000000",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""Keep glibc from mapping every large temporary afresh: 19.9 KB/s with all of these, 13.0 with none but ARENA_MAX missing
(`small`, forward and backward, 2 cores). glibc reads them when the process starts."""


def restart_with_allocator() -> None:
    """Starts this process again with the allocator's settings, once; only glibc heeds them, elsewhere they do nothing."""
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        os.execve(
            sys.executable,
            [sys.executable, "-P", "-m", "compressor", *sys.argv[1:]],
            {**os.environ, **MALLOC},
        )
