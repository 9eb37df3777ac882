"""Files coded with the transformer baseline decode, say which weights they need, and are no .kz."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import compressor
from baselines import transformer
from baselines.transformer_weights import SUFFIX, pack
from coding.container import Mixed, Reader
from coding.errors import BadMagic
from compressor.bench.float_codec import main
from compressor.bench.jobs import jobs_named
from compressor.bench.ours import FLOAT_MAGIC, PRODUCT, TRANSFORMER, blocks
from compressor.bench.runner import run_job
from compressor.codec import levels
from compressor.codec.seams import BlockCodec
from data.samples import sample

NANO = transformer.PRESETS["transformer-nano"]
SIZE, LANES = 800, 4
ROOMS = {"baselines", "coding", "compressor", "data", "models"}
REPORT = (
    "import sys; from compressor.bench.float_codec import main; code = main(sys.argv[1:]); "
    "print(*sys.modules); sys.exit(code)"
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of two networks, a text, and the text packed with the first in several lanes."""
    folder = tmp_path_factory.mktemp("float")
    initialise = jax.jit(lambda seed: transformer.initialise(NANO, seed))
    for seed in (0, 1):
        (folder / f"weights{seed}").write_bytes(pack(NANO, initialise(seed)))
    (folder / "text").write_bytes(sample()[:SIZE])
    with pytest.MonkeyPatch.context() as patch:
        # As a longer text would have; a file says itself in how many lanes it was coded.
        patch.setattr("compressor.bench.float_codec.LANES", LANES)
        patch.setattr(levels, "LANE", SIZE // LANES)
        assert run("compress", folder / "weights0", folder / "text", folder / "packed") == 0
    return folder


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_another_process_decodes_the_file(folder: Path) -> None:
    command = [sys.executable, "-P", "-c", REPORT, "decompress", folder / "weights0"]
    done = subprocess.run(
        [*command, folder / "packed", folder / "restored"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (folder / "restored").read_bytes() == (folder / "text").read_bytes()
    [[original, size]] = blocks(folder / "packed", len(FLOAT_MAGIC))
    assert original == SIZE
    assert size < SIZE
    assert lanes_in(folder / "packed") == [LANES]
    files = {path.removesuffix(".py").removesuffix("/__init__") for path in PRODUCT + TRANSFORMER}
    loaded = {name.replace(".", "/") for name in done.stdout.split()}
    assert {name for name in loaded if name.split("/")[0] in ROOMS} <= files


def lanes_in(packed: Path) -> list[int]:
    """Lanes of the mixed blocks of a file that was coded with a transformer."""
    with packed.open("rb") as source:
        source.seek(len(FLOAT_MAGIC))
        heads = [block.head for block in Reader(source).blocks()]
    return [head.lanes for head in heads if isinstance(head, Mixed)]


def test_blocks_without_a_network_are_decoded_too(folder: Path) -> None:
    packed = compressor.compress(sample()[:SIZE], level=3)
    (folder / "alone").write_bytes(FLOAT_MAGIC + packed)
    assert run("decompress", folder / "weights0", folder / "alone", folder / "again") == 0
    assert (folder / "again").read_bytes() == sample()[:SIZE]


def test_the_file_is_no_kolmozip_file(folder: Path) -> None:
    packed = (folder / "packed").read_bytes()
    assert packed.startswith(FLOAT_MAGIC)
    with pytest.raises(BadMagic, match="not a kolmozip file"):
        compressor.decompress(packed)


def test_a_kolmozip_file_is_none_of_these(
    folder: Path, nano_codec: BlockCodec, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other.kz").write_bytes(compressor.compress(bytes(100), model=nano_codec))
    assert run("decompress", folder / "weights0", folder / "other.kz", folder / "none") == 1
    assert "BadMagic" in capsys.readouterr().err
    assert not (folder / "none").exists()


def test_other_weights_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("decompress", folder / "weights1", folder / "packed", folder / "none") == 1
    assert "UnknownWeights" in capsys.readouterr().err
    assert not (folder / "none").exists()


def test_weights_that_are_none_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compress", folder / "text", folder / "text", folder / "none") == 1
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
    (job,) = jobs_named([str(weights)])
    short = folder / "short"
    short.write_bytes(sample()[:300])
    row = run_job(job, short)
    assert (row["status"], row["reason"]) == ("verified", None)
    assert (row["codec"], row["portable"], row["lanes"]) == ("transformer-nano", False, 1)
    assert (row["weights_bytes"], row["train_bytes_seen"]) == (len(data), 0)
    assert [original for original, _ in row["blocks"]] == [300]
