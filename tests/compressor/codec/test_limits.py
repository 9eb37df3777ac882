"""Hostile containers: each ends in a named refusal before any work that is out of proportion.

No test looks at a clock. What is forbidden is counted: no network step is made, and no more than
one piece of output is built.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import compressor
from coding import container
from coding.container import Block, Design, Digest, Head, Kind, Mixed, Transform
from coding.errors import Damaged, KolmozipError, LimitExceeded
from compressor.codec import stream
from compressor.codec.blocks import SteppedModel
from compressor.codec.seams import BlockCodec

MIB128 = 1 << 27


class Refusing(SteppedModel):
    """Fails the test as soon as the network is asked for anything."""

    identity = b"whatever"

    def engine(self, lanes: int) -> object:
        raise AssertionError(f"the network was started with {lanes} lanes")


def mixed(length: int, size: int, lanes: int = 1, tables: int = 1) -> Block:
    """A mixed block of zero payload bytes, with a network."""
    head = Mixed(length, size, lanes, Design.FULL, Transform.NONE, tables, b"whatever")
    return Block(head, bytes(size))


def file(*blocks: Block) -> bytes:
    """A container of blocks, with the end mark of an empty original."""
    end = container.end_bytes(Digest().end_mark())
    return container.header_bytes() + b"".join(map(container.block_bytes, blocks)) + end


class Counting(io.RawIOBase):
    """Takes anything and keeps nothing but the sizes."""

    def __init__(self) -> None:
        self.total = self.largest = 0

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self.total += len(data)
        self.largest = max(self.largest, len(data))
        return len(data)


def refused(data: bytes, error: type[KolmozipError], **limits: int) -> Counting:
    target = Counting()
    with pytest.raises(error):
        stream.decompress_stream(io.BytesIO(data), target, find=lambda _: Refusing(), **limits)  # type: ignore[arg-type]
    return target


EMPTY = mixed(MIB128, 0)
RUN = Block(Head(Kind.RUN, MIB128, 1), b"\0")


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("lanes", [1, 512, 1024])
def test_mixed_blocks_of_no_payload_are_refused(count: int, lanes: int) -> None:
    assert refused(file(*[mixed(MIB128, 0, lanes)] * count), Damaged).total == 0


@pytest.mark.parametrize("size", [4, 64, 4096, (1 << 14) - 4])
def test_a_small_mixed_block_may_not_claim_128_mib(size: int) -> None:
    assert refused(file(mixed(MIB128, size, 512)), Damaged).total == 0


def test_a_legal_lie_is_stopped_by_a_limit() -> None:
    """64 bytes may stand for 512 KiB: that is the most that they can ask for."""
    lie = file(mixed(1 << 19, 64))
    assert refused(lie, LimitExceeded, max_output=10_000).total == 0
    assert refused(lie, LimitExceeded, max_memory=50_000_000).total == 0


def test_tables_are_no_larger_than_a_limit_allows() -> None:
    """40 bytes may ask for 4 GiB of tables."""
    greedy = file(mixed(100, 4, tables=4096))
    refused(greedy, LimitExceeded, max_memory=4 << 30)
    with pytest.raises(AssertionError, match="network was started"):
        refused(greedy, LimitExceeded, max_memory=5 << 30)


def test_64_runs_of_128_mib_are_stopped_by_a_limit() -> None:
    assert refused(file(*[RUN] * 64), LimitExceeded, max_output=1_000_000).total == 0
    target = refused(file(*[RUN] * 64), LimitExceeded, max_output=MIB128)
    assert target.total == MIB128, "what the limit allows was written"
    assert target.largest == stream.PIECE, "in pieces"


def test_limits_hold_over_blocks_together() -> None:
    blocks = [Block(Head(Kind.RAW, 600, 600), b"x" * 600), Block(Head(Kind.RUN, 600, 1), b"y")]
    assert refused(file(*blocks), LimitExceeded, max_output=1199).total == 600
    with pytest.raises(Damaged, match="original's checksum"):
        stream.decompress_stream(io.BytesIO(file(*blocks)), Counting(), max_output=1200)


def test_the_library_takes_limits(nano_codec: BlockCodec, text: bytes) -> None:
    packed = compressor.compress(text[:300], model=nano_codec)
    assert compressor.decompress(packed, max_output=300, max_memory=1 << 30) == text[:300]
    with pytest.raises(LimitExceeded, match="--max-output"):
        compressor.decompress(packed, max_output=299)
    with pytest.raises(LimitExceeded, match="--max-memory"):
        compressor.decompress(packed, max_memory=1 << 20)


def test_limits_hold_for_the_short_form() -> None:
    """16 bytes may ask for 255 MiB of tables, and for 32 KiB."""
    digest, head = Digest(), mixed(1 << 15, 4, tables=255)
    greedy = container.short_bytes(head, digest)
    assert greedy is not None
    assert len(greedy) == 17, "of a payload of zeros one byte"
    refused(greedy, LimitExceeded, max_output=(1 << 15) - 1)
    refused(greedy, LimitExceeded, max_memory=255 << 20)
    with pytest.raises(AssertionError, match="network was started"):
        refused(greedy, LimitExceeded, max_output=1 << 15, max_memory=400 << 20)
    raw = container.short_bytes(Block(Head(Kind.RAW, 600, 600), b"x" * 600), digest)
    assert raw is not None
    assert refused(raw, LimitExceeded, max_output=599).total == 0
    for lie in (mixed((1 << 15) + 1, 4), mixed(4, 4), mixed(100, 0), mixed(7, 4, 8)):
        packed = container.short_bytes(lie, digest)
        assert packed is not None
        assert refused(packed, Damaged).total == 0


@pytest.fixture
def bombs(tmp_path: Path) -> Iterator[dict[str, Path]]:
    files = {
        "empty": file(EMPTY),
        "eight-empty": file(*[EMPTY] * 8),
        "runs": file(*[RUN] * 64),
    }
    paths = {name: tmp_path / f"{name}.kz" for name in files}
    for name, path in paths.items():
        path.write_bytes(files[name])
    yield paths


def test_the_command_refuses_bombs_without_jax_or_constriction(bombs: dict[str, Path]) -> None:
    code = """
import sys
from compressor.cli import run
try:
    run()
finally:
    assert not {"jax", "constriction"} & set(sys.modules)
"""
    for path in bombs.values():
        command = [sys.executable, "-c", code, "decompress", str(path), "-o", f"{path}.out"]
        command += ["--max-output", "1000000"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert not Path(f"{path}.out").exists()


@pytest.mark.slow
def test_a_sparse_gigabyte_needs_no_option() -> None:
    """Nothing but the given limits bounds the output: 8 runs of 128 MiB are a file like another."""
    digest, piece = Digest(), bytes(1 << 20)
    for _ in range(1 << 10):
        digest.update(piece)
    whole = (
        container.header_bytes()
        + container.block_bytes(RUN) * 8
        + container.end_bytes(digest.end_mark())
    )
    target = Counting()
    assert stream.decompress_stream(io.BytesIO(whole), target).length == 1 << 30
    assert (target.total, target.largest) == (1 << 30, stream.PIECE)


class Steps(SteppedModel):
    """A network that counts its steps."""

    identity = b"whatever"

    def __init__(self) -> None:
        self.steps = 0

    def engine(self, lanes: int) -> Steps:
        self.evidence = np.ones((lanes, 256), np.int32)
        return self

    def predict(self) -> np.ndarray:
        self.steps += 1
        return self.evidence

    def perceive(self, byte: np.ndarray) -> None:
        assert byte.shape == self.evidence.shape[:1]


def test_no_block_makes_more_steps_than_a_lane_has_bytes(
    blocks: Callable[[bytes], list[Block]],
) -> None:
    model = Steps()
    data = bytes(range(64)) * 2
    packed = compressor.compress(data, model=model)
    (block,) = blocks(packed)
    assert isinstance(block.head, Mixed)
    assert model.steps == -(-len(data) // block.head.lanes)


def test_bad_weights_are_refused_without_jax_or_constriction(tmp_path: Path) -> None:
    (tmp_path / "bad.kzw").write_bytes(b"KZWT\2\5\0[[[[[" + bytes(64))
    (tmp_path / "text").write_bytes(b"some text")
    code = """
import sys
from compressor.cli import run
try:
    run()
finally:
    assert not {"jax", "constriction"} & set(sys.modules)
"""
    command = [sys.executable, "-c", code, "compress", "text", "--model", "bad.kzw"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert "[UnusableWeights]" in done.stderr
