"""The script for a lent GPU: trains in legs, with the real command, and brings back the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from compressor.training.checkpoints import trained
from compressor.training.folder import settings_in
from models.network.lm import Params

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_the_script_trains_in_legs_and_brings_back_the_weights(
    text_file: Path, whole: tuple[Params, Path], tmp_path: Path
) -> None:
    settings = {
        "PYTHON": sys.executable,
        "PRESET": "pico",
        "SETTINGS": "--lanes 8 --window 32",
        "BUDGET": "--bytes 15360",
        "TEXT": str(text_file),
        "KOLMOZIP_CORPORA": str(text_file.parent),
        "WEIGHTS": str(ROOT / "tests/golden/nano.kzw"),
    }

    def leg(minutes: str) -> None:
        done = subprocess.run(
            ["sh", str(ROOT / "compressor/training/train_large_gpu.sh"), "out"],
            cwd=tmp_path,
            env={**os.environ, **settings, "LEG": minutes},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    leg("0.000001")
    assert "counts equal the definition" in (tmp_path / "out" / "selftest.txt").read_text()
    assert not (tmp_path / "runs/pico/pico.kzw").exists()
    leg("600")
    assert settings_in(tmp_path / "runs/pico").total_bytes == 15360  # without being told again
    pieces = sorted((tmp_path / "out").glob("pico.tar.??"))
    assert pieces
    assert all(piece.stat().st_size <= 15_000_000 for piece in pieces)
    assert {"pico.json", "train.jsonl"} <= set(os.listdir(tmp_path / "out"))
    (tmp_path / "home").mkdir()
    packed = b"".join(piece.read_bytes() for piece in pieces)
    subprocess.run(["tar", "x", "-C", "home"], cwd=tmp_path, input=packed, check=True)
    for run in (tmp_path / "home/pico", whole[1]):
        jax.tree.map(
            np.testing.assert_array_equal, trained(tmp_path / "runs/pico")[1], trained(run)[1]
        )
