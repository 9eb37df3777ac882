"""The worker: one codec in a process of its own, slim, and a refusal in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from compressor.bench.worker import main

HEAVY = {
    "jax",
    "numpy",
    "pandas",
    "matplotlib",
    "rich",
    "click",
    "compressor.codec.stream",
    "compressor.bench.runner",
}
REPORT = (
    "import sys; from compressor.bench.worker import main; code = main(sys.argv[1:]); "
    "print(*sys.modules); sys.exit(code)"
)
GZIP = "gzip -9 (library)"


def test_there_and_back_with_a_trace(source: Path, tmp_path: Path, text: bytes) -> None:
    packed, restored, trace = (tmp_path / name for name in ("packed", "restored", "trace"))
    assert main(["compress", GZIP, str(source), str(packed), "--trace", str(trace)]) == 0
    assert json.loads(trace.read_text().splitlines()[-1]) == [len(text), packed.stat().st_size]
    assert main(["decompress", GZIP, str(packed), str(restored)]) == 0
    assert restored.read_bytes() == text


def test_its_process_loads_nothing_heavy(source: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-P", "-c", REPORT, "compress", GZIP, str(source)]
    done = subprocess.run(
        [*line, str(tmp_path / "packed")], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "baselines.table" in loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize(
    ("verb", "codec", "given"),
    [
        ("compress", "nonesuch", "text"),
        ("decompress", GZIP, "text"),
        ("compress", GZIP, "missing"),
    ],
)
def test_a_refusal_is_one_line(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    codec: str,
    given: str,
) -> None:
    assert main([verb, codec, str(source.with_name(given)), str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert not (tmp_path / "out").exists()


def test_the_module_runs_as_a_command(source: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-P", "-m", "compressor.bench.worker", "compress", "nonesuch"]
    done = subprocess.run(
        [*line, source, tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("UnknownCodec: ")
