"""Any instruction set, any number of threads: the same file, and each reads what another wrote."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import compressor
from compressor.codec import levels, weights_store
from data.samples import sample

WORK = """
import os, sys
text, model, level, theirs, ours, lane, threads = sys.argv[1:]
level = int(level)
if threads == "1" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import compressor
from compressor.codec import levels
levels.LANE = int(lane)
original = open(text, "rb").read()
restored = compressor.decompress(open(theirs, "rb").read())
assert restored == original, "what another wrote is not read"
packed = compressor.compress(original, level, model=model)
if threads != "1":
    assert compressor.compress(original, level, model=model) == packed, "not as the first time"
open(ours, "wb").write(packed)
"""
"""A fresh process reads the container that another wrote, and writes its own."""

X86 = platform.machine() in ("x86_64", "AMD64")
CPUINFO = Path("/proc/cpuinfo")
AVX512 = X86 and (not CPUINFO.is_file() or " avx512f " in CPUINFO.read_text())
INSTRUCTIONS = (["SSE4_2", "AVX2"] if X86 else []) + (["AVX512"] if AVX512 else []) + [""]
"""The most that XLA may use; '' is all that the processor has, which is AVX2 without AVX512."""

NUMPY_OFF = "X86_V3 X86_V4 AVX512_ICL AVX512_SPR" if X86 else ""
"""What NumPy is told not to use where XLA has the least: its floats may round otherwise then."""

LIGHT = 4
"""A level with a small memory: what may differ between these settings is the network."""

SETTINGS = [(instructions, threads) for instructions in INSTRUCTIONS for threads in (1, 2)]


def run(folder: Path, model: str, lane: int, instructions: str, threads: int) -> bytes:
    """Runs the work under one setting in the folder; returns the container that it wrote."""
    flags = [f"--xla_cpu_max_isa={instructions}"] if instructions else []
    flags += ["--xla_cpu_multi_thread_eigen=false"] if threads == 1 else []
    names = [folder / "text", model, LIGHT, folder / "theirs", folder / "ours", lane, threads]
    environment = {**os.environ, "XLA_FLAGS": " ".join(flags)}
    environment["KOLMOZIP_ENGINE"] = "jax"
    environment["JAX_ENABLE_COMPILATION_CACHE"] = "0"  # it compiles for itself
    if instructions == INSTRUCTIONS[0]:
        environment["NPY_DISABLE_CPU_FEATURES"] = NUMPY_OFF
    done = subprocess.run(
        [sys.executable, "-c", WORK, *map(str, names)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return (folder / "ours").read_bytes()


def relay(
    folder: Path, model: str, original: bytes, lane: int, settings: list[tuple[str, int]]
) -> None:
    """Every setting reads the file of the one before it, and all files are the same.

    The first reads that of this process.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(levels, "LANE", lane)
        packed = compressor.compress(original, LIGHT, model=model)
    assert len(packed) < len(original), "stored raw: then nothing is shown"
    (folder / "text").write_bytes(original)
    (folder / "theirs").write_bytes(packed)
    for instructions, threads in settings:
        ours = run(folder, model, lane, instructions, threads)
        assert ours == packed, f"{instructions or 'default'}, {threads} threads"
        (folder / "theirs").write_bytes(ours)


@pytest.mark.slow
@pytest.mark.parametrize("lane", [64, 128])
def test_tiny_weights_under_every_setting(tmp_path: Path, lane: int) -> None:
    """In 16 lanes, and in two at the extremes."""
    settings, lanes = (SETTINGS, 16) if lane == 64 else ([SETTINGS[0], SETTINGS[-1]], 2)
    relay(tmp_path, "nano", sample()[: lanes * lane], lane, settings)


@pytest.mark.slow
def test_the_default_weights_at_the_two_extremes(tmp_path: Path) -> None:
    relay(tmp_path, weights_store.DEFAULT_MODEL, sample()[:600], 100, [SETTINGS[0], SETTINGS[-1]])
