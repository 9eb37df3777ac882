"""The demonstration: every codec restores the sample, and the core install is enough for it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from compressor.bench import demo
from data.samples import sample

ROOT = Path(__file__).resolve().parents[3]
NANO = str(ROOT / "tests" / "golden" / "nano.kzw")
SIZE = 300

BEYOND_THE_CORE = (
    *("flax", "optax", "orbax", "brotli", "pyppmd", "rich", "zstandard"),
    *("matplotlib", "pandas", "pooch"),
)


FIELDS = {
    "codec",
    "version",
    "bytes",
    "bits_per_char",
    "seconds_compress",
    "seconds_decompress",
    "restored",
}


def test_a_row_a_codec_and_those_that_do_not_restore_the_sample_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    liar, forgetful, *_ = map(type, demo.CLASSICAL)
    monkeypatch.setattr(demo, "sample", lambda: sample()[:SIZE])
    monkeypatch.setattr(liar, "decompress", lambda _, packed, out: out.write_bytes(b"x"))
    monkeypatch.setattr(forgetful, "compress", lambda _, source, out: out.touch())
    rows = demo.rows(quiet=True, model=NANO)
    names = ["gzip -9 (library)", "bzip2 -9", "xz -9e", "kolmozip"]
    assert [row["codec"] for row in rows] == names
    assert [row["restored"] for row in rows] == [False, False, True, True]
    assert {frozenset(row) for row in rows} == {frozenset(FIELDS)}
    assert rows[3]["version"] == f"level 6, model {NANO}"
    assert rows[3]["bits_per_char"] == 8 * rows[3]["bytes"] / SIZE
    lines = [re.split(r"  +", line) for line in demo.table(rows).splitlines()]
    assert lines[0] == ["Sample of enwik8 test text, 262,144 bytes"]
    assert lines[1] == ["codec", "bytes", "bits/char", "s compress", "s decompress", "restored"]
    assert [line[0] for line in lines[2:]] == names
    assert [line[-1] for line in lines[2:]] == ["NO", "NO", "yes", "yes"]
    assert (lines[3][1:3], lines[3][4]) == (["-", "-"], "-")


CODE = f"""
import sys
sys.modules.update(dict.fromkeys({BEYOND_THE_CORE!r}))
from compressor.bench import demo
text = demo.sample()[:{SIZE}]
demo.sample = lambda: text
print(demo.table(demo.rows(quiet=True, model={NANO!r})))
"""


@pytest.mark.slow
def test_the_core_install_is_enough(
    python: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    done = python(CODE, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"yes") == 4


def test_the_benchmark_names_the_extra_that_it_needs(
    python: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    code = "import sys; sys.modules['rich'] = None; import compressor.bench.runner"
    done = python(code, cwd=ROOT)
    assert done.returncode == 1
    assert b"MissingExtra" in done.stderr.splitlines()[-1]
    assert b"kolmozip[bench]" in done.stderr.splitlines()[-1]


def test_absent_wheels_cost_their_rows_alone(
    python: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    code = """
import sys
sys.modules.update(dict.fromkeys(('brotli', 'pyppmd', 'zstandard', 'bz3')))
from baselines.table import absent, codecs
print(*(codec.name for codec in codecs()), sep='\\n')
print(*absent(), sep='\\n', file=sys.stderr)
"""
    done = python(code, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert {b"xz -9e", b"bzip2 -9"} <= set(done.stdout.splitlines())
    assert b"brotli" not in done.stdout
    assert b"brotli -q 11 -w 24: pip install 'kolmozip[bench]'" in done.stderr.splitlines()
