"""Files coded with the transformer baseline decode, and say which weights they need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from baselines import transformer
from baselines.transformer_weights import pack
from compressor.float_codec import main
from data.samples import sample

NANO = transformer.PRESETS["transformer-nano"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("float")
    for seed in (0, 1):
        (folder / f"weights{seed}").write_bytes(pack(NANO, transformer.initialise(NANO, seed)))
    (folder / "text").write_bytes(sample()[:20000])
    assert main(["compress", str(folder / "weights0"), str(folder / "text"), str(folder / "packed")]) == 0
    return folder


def test_another_process_decodes_the_file(folder: Path) -> None:
    command = [sys.executable, "-P", "-m", "compressor.float_codec", "decompress"]
    subprocess.run([*command, folder / "weights0", folder / "packed", folder / "restored"], check=True)
    assert (folder / "restored").read_bytes() == (folder / "text").read_bytes()
    assert (folder / "packed").stat().st_size < 10000


def test_other_weights_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decompress", str(folder / "weights1"), str(folder / "packed"), str(folder / "none")]) == 1
    assert "UnknownWeights" in capsys.readouterr().err
    assert not (folder / "none").exists()


def test_weights_that_are_none_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", str(folder / "text"), str(folder / "text"), str(folder / "none")]) == 1
    assert "WeightsError" in capsys.readouterr().err


def test_a_wrong_call_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress"]) == 2
    assert "WEIGHTS SOURCE TARGET" in capsys.readouterr().err
