"""Files coded with the transformer baseline decode, and say which weights they need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from baselines import transformer
from baselines.codec import UnknownCodec
from baselines.transformer_weights import SUFFIX, pack
from compressor.bench import jobs
from compressor.bench.float_codec import main
from compressor.bench.runner import run_job
from data.samples import sample

NANO = transformer.PRESETS["transformer-nano"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("float")
    for seed in (0, 1):
        (folder / f"weights{seed}").write_bytes(pack(NANO, transformer.initialise(NANO, seed)))
    (folder / "text").write_bytes(sample()[:20000])
    assert (
        main(["compress", str(folder / "weights0"), str(folder / "text"), str(folder / "packed")])
        == 0
    )
    return folder


def test_another_process_decodes_the_file(folder: Path) -> None:
    command = [sys.executable, "-P", "-m", "compressor.bench.float_codec", "decompress"]
    subprocess.run(
        [*command, folder / "weights0", folder / "packed", folder / "restored"], check=True
    )
    assert (folder / "restored").read_bytes() == (folder / "text").read_bytes()
    assert (folder / "packed").stat().st_size < 10000


def test_other_weights_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["decompress", str(folder / "weights1"), str(folder / "packed"), str(folder / "none")])
        == 1
    )
    assert "UnknownWeights" in capsys.readouterr().err
    assert not (folder / "none").exists()


def test_weights_that_are_none_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compress", str(folder / "text"), str(folder / "text"), str(folder / "none")]) == 1
    assert "WeightsError" in capsys.readouterr().err


def test_a_wrong_call_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compress"]) == 2
    assert "WEIGHTS SOURCE TARGET" in capsys.readouterr().err


def test_the_benchmark_takes_the_weights_file_of_a_run(folder: Path) -> None:
    weights, data = folder / f"transformer-nano{SUFFIX}", (folder / "weights0").read_bytes()
    weights.write_bytes(data)
    card = {
        "identity": "00" * 8,
        "file_bytes": len(data),
        "parameters": NANO.parameters(),
        "train_bytes_seen": 0,
    }
    weights.with_suffix(".json").write_text(json.dumps({**card, "corpus": "enwik8"}))
    (job,) = jobs.jobs_named([str(weights)])
    row = run_job(job, folder / "text", 120)
    assert (row["status"], row["reason"]) == ("verified", None)
    assert (row["codec"], row["portable"], row["lanes"], row["weights_bytes"]) == (
        "transformer-nano",
        False,
        4,
        len(data),
    )
    assert row["compressed_bytes"] == (folder / "packed").stat().st_size
    assert row["train_bytes_seen"] == 0


def test_weights_without_a_card_are_no_codec(tmp_path: Path) -> None:
    with pytest.raises(UnknownCodec, match="training run"):
        jobs.jobs_named([str(tmp_path / f"none{SUFFIX}")])


def test_our_own_weights_by_path_are_found_again_for_decoding(tmp_path: Path) -> None:
    golden = Path(__file__).parents[2] / "golden" / "nano.kzw"
    (tmp_path / "nano-other.kzw").write_bytes(golden.read_bytes())
    (tmp_path / "text").write_bytes(sample()[:5000])
    (job,) = jobs.jobs_named([str(tmp_path / "nano-other.kzw")])
    row = run_job(job, tmp_path / "text", 120)
    assert (row["codec"], row["status"], row["reason"]) == ("kolmozip nano-other", "verified", None)
