"""Every refusal has a name, one line and a remedy; nothing half done stays behind, and no damage passes for the original."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import compressor
from coding import container
from coding.container import BLOCK_BYTES, END_BYTES, HEADER_BYTES, Block, Kind
from coding.errors import (
    BadMagic,
    Damaged,
    FormatError,
    KolmozipError,
    NewerVersion,
    TrailingData,
    Truncated,
    UnknownWeights,
)
from compressor.codec import model as registry
from compressor.codec import weights_store
from data.samples import sample

Run = Callable[..., Result]
Rebuilt = Callable[[bytes, list[Block]], bytes]
TEXT = sample()[:200]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with a text in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(TEXT)
    return tmp_path


@pytest.fixture(scope="module")
def packed(nano: registry.Model) -> bytes:
    """The text, compressed."""
    return compressor.compress(TEXT, nano)


def contents() -> dict[str, bytes]:
    """All files here; a refusal must leave them as they are."""
    return {name: Path(name).read_bytes() for name in os.listdir() if Path(name).is_file()}


# Files and folders.


def test_a_missing_input(folder: Path, pack: Run, cli: Run, refusal: Callable) -> None:
    before = contents()
    for result in (pack("absent"), cli("decompress", "absent.kz"), cli("inspect", "absent.kz")):
        assert "check the path" in refusal(result, "InputMissing")
    assert contents() == before


def test_a_folder_as_input(folder: Path, pack: Run, cli: Run, refusal: Callable) -> None:
    Path("folder.kz").mkdir()
    before = contents()
    for result in (pack("folder.kz"), cli("decompress", "folder.kz"), cli("inspect", "folder.kz")):
        assert "is a folder: name files, or pack it with tar first" in refusal(
            result, "InputMissing"
        )
    assert contents() == before


def test_an_output_that_exists(
    folder: Path, pack: Run, cli: Run, packed: bytes, refusal: Callable
) -> None:
    Path("b.kz").write_bytes(packed)
    Path("b").write_bytes(b"precious")
    Path("a.kz").write_bytes(b"precious")
    before = contents()
    for result in (
        pack("a"),
        pack("a", "-o", "b"),
        cli("decompress", "b.kz"),
        cli("decompress", "b.kz", "-o", "a"),
    ):
        assert "pass --force to replace it" in refusal(result, "OutputExists")
    assert contents() == before


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_folder_as_output(
    folder: Path, pack: Run, cli: Run, packed: bytes, refusal: Callable, force: list[str]
) -> None:
    Path("a.kz").mkdir()
    Path("b.kz").write_bytes(packed)
    for result in (
        pack("a", *force),
        pack("a", "-o", ".", *force),
        cli("decompress", "b.kz", "-o", "a.kz", *force),
    ):
        assert "is a folder: name a file in it with -o" in refusal(result, "OutputExists")
    assert os.listdir("a.kz") == []


def test_an_output_in_no_folder(folder: Path, pack: Run, refusal: Callable) -> None:
    line = refusal(pack("a", "-o", "absent/a.kz"), "FolderMissing")
    assert line.startswith(
        "kolmozip: a: FolderMissing: absent/a.kz: the folder for it does not exist: make it"
    )


AS_NOBODY = """
import os, sys
import compressor.codec.stream, compressor.codec.inspection, data.corpora
from compressor.cli import main
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
main(sys.argv[1:])
"""
"""The command without root's freedom from permissions; imports come first, the source may be root's alone."""


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["compress", "secret", "-o", "open/out"],
            b"kolmozip: NoPermission: secret: no permission: change the rights",
        ),
        (
            ["compress", "a", "-o", "locked/out"],
            b"kolmozip: a: NoPermission: locked/out: no permission: change the rights",
        ),
        (
            ["decompress", "a.kz", "-o", "locked/out"],
            b"kolmozip: a.kz: NoPermission: locked/out: no permission",
        ),
        (
            ["compress", "closed/a", "-o", "open/out"],
            b"kolmozip: NoPermission: closed/a: no permission",
        ),
        (
            ["compress", "a", "-o", "closed/out"],
            b"kolmozip: a: NoPermission: closed/out: no permission",
        ),
    ],
)
def test_no_permission(
    folder: Path, python: Callable, packed: bytes, arguments: list[str], told: bytes
) -> None:
    folder.chmod(0o755)
    Path("a.kz").write_bytes(packed)
    Path("secret").write_bytes(TEXT)
    Path("secret").chmod(0)
    for name, rights in (("open", 0o777), ("locked", 0o555), ("closed", 0)):
        Path(name).mkdir()
        Path(name).chmod(rights)
    try:
        done = python(AS_NOBODY, *arguments, cwd=folder)
    finally:
        Path("closed").chmod(0o755)
    assert (done.returncode, done.stdout) == (1, b""), done.stderr
    assert done.stderr.startswith(told)
    assert done.stderr.count(b"\n") == 1
    assert [os.listdir(name) for name in ("open", "locked", "closed")] == [[], [], []]


# Models and weights.


def test_an_unknown_model(folder: Path, cli: Run, refusal: Callable) -> None:
    before = contents()
    for name in ("gigantic", "absent.kzw", "./nano"):
        line = refusal(cli("compress", "a", "--model", name), "UnknownModel")
        assert name in line
    assert "at hand: base, nano, " in refusal(
        cli("compress", "a", "--model", "gigantic"), "UnknownModel"
    )
    assert contents() == before


def test_weights_that_are_not_at_hand(
    folder: Path,
    cli: Run,
    packed: bytes,
    refusal: Callable,
    nano: registry.Model,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("b.kz").write_bytes(packed)
    before = contents()
    for value in (None, "absent", "."):
        monkeypatch.delenv(weights_store.FOLDER_VARIABLE) if value is None else monkeypatch.setenv(
            weights_store.FOLDER_VARIABLE, value
        )
        line = refusal(cli("decompress", "b.kz"), "UnknownWeights")
        assert nano.identity.hex() in line
        assert weights_store.FOLDER_VARIABLE in line
        assert contents() == before


def damaged_weights() -> dict[str, bytes]:
    """The tiny weights, spoilt."""
    good = (Path(__file__).parents[2] / "golden" / "nano.kzw").read_bytes()
    return {
        "empty": b"",
        "magic alone": good[:4],
        "cut in the shape": good[:20],
        "cut in the arrays": good[:-100],
        "more at the end": good + b"\0",
        "not ours": b"XZ" + good[2:],
        "newer": good[:4] + b"\2" + good[5:],
        "flipped in the arrays": good[:5000] + bytes([good[5000] ^ 4]) + good[5001:],
        "no shape": good[:7] + b"[]" + good[9:],
    }


@pytest.mark.parametrize("kind", damaged_weights())
def test_damaged_weights(folder: Path, cli: Run, refusal: Callable, kind: str) -> None:
    Path("bad.kzw").write_bytes(damaged_weights()[kind])
    before = contents()
    for command in (["compress", "a", "-m", "bad.kzw"], ["selftest", "-m", "bad.kzw"]):
        assert "bad.kzw: " in refusal(cli(*command), "UnusableWeights")
    assert contents() == before


def test_every_flipped_bit_in_the_shape_of_weights_is_refused_by_name(tmp_path: Path) -> None:
    good = (Path(__file__).parents[2] / "golden" / "nano.kzw").read_bytes()
    shape = int.from_bytes(good[5:7], "little")
    for bit in range(0, 8 * (7 + shape)):
        path = tmp_path / f"{bit}.kzw"
        path.write_bytes(flipped(good, bit))
        with contextlib.suppress(KolmozipError):
            registry.by_name(str(path))  # a letter within the shape may be of no consequence
        path.unlink()


# A full disk, a closed pipe, a stop.


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_device(folder: Path, pack: Run, cli: Run, packed: bytes, refusal: Callable) -> None:
    Path("b.kz").write_bytes(packed)
    before = contents()
    for result in (pack("a", "-o", "/dev/full"), cli("decompress", "b.kz", "-o", "/dev/full")):
        assert "/dev/full: no room for the output: free some space" in refusal(result, "DiskFull")
    assert contents() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_standard_output(folder: Path, command: Callable, packed: bytes) -> None:
    Path("b.kz").write_bytes(packed)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("decompress", "b.kz", "-o", "-"),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    told = b"kolmozip: b.kz: DiskFull: standard output: no room for the output: free some space, or write elsewhere with -o\n"
    assert (done.returncode, done.stderr) == (1, told)


WITH_LIMIT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.dont_write_bytecode = True
from compressor.cli import main
main(sys.argv[1:])
"""
"""The command where no file may grow beyond 2000 bytes: the same way out as a full disk, without filling one."""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit works otherwise")
def test_a_full_disk(folder: Path, python: Callable, cli: Run, pack: Run) -> None:
    Path("noise").write_bytes(random.Random(1).randbytes(50_000))
    Path("zeros").write_bytes(bytes(50_000))
    pack("-q", "zeros")
    Path("zeros").unlink()
    before = contents()
    for line, name in (
        (["compress", "-m", "nano", "noise"], b"noise.kz"),
        (["decompress", "zeros.kz"], b"zeros"),
    ):
        done = python(WITH_LIMIT, *line, cwd=folder)
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"DiskFull: " + name + b": no room for the output: free some space" in done.stderr
        assert done.stderr.count(b"\n") == 1
        assert contents() == before


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_enough(
    folder: Path,
    command: Callable,
    nano: registry.Model,
    monkeypatch: pytest.MonkeyPatch,
    unbuffered: str,
) -> None:
    monkeypatch.setenv(
        "PYTHONUNBUFFERED", unbuffered
    )  # then Python's own standard output writes what it can, no more
    Path("b.kz").write_bytes(compressor.compress(bytes(3_000_000), nano))
    child = subprocess.Popen(
        command("decompress", "b.kz", "-o", "-"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with child:
        assert child.stdout.read(10) == bytes(10)
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 141


@pytest.mark.parametrize(
    "arguments", [["compress", "-m", "nano", "a", "-o", "-"], ["decompress", "b.kz", "-o", "-"]]
)
def test_a_closed_standard_output(
    folder: Path, command: Callable, packed: bytes, arguments: list[str]
) -> None:
    Path("b.kz").write_bytes(packed)
    line = ["sh", "-c", '"$@" >&-', "sh", *command(*arguments)]
    done = subprocess.run(line, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"InputOutput: standard output is closed: name a file instead of '-'\n" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_closed_standard_input(folder: Path, command: Callable) -> None:
    line = ["sh", "-c", '"$@" <&-', "sh", *command("compress", "-m", "nano", "-", "-o", "b")]
    done = subprocess.run(line, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"InputOutput: standard input is closed" in done.stderr
    assert os.listdir() == ["a"]


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="needs a file that refuses to be read"
)
def test_an_input_that_fails_on_the_way(folder: Path, pack: Run, refusal: Callable) -> None:
    before = contents()
    line = refusal(pack("/proc/self/mem", "-o", "b"), "InputOutput")
    assert line.startswith("kolmozip: InputOutput: /proc/self/mem: Input/output error: "), (
        "not of the output, which is well"
    )
    assert contents() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("what", ["while it works", "while it waits"])
@pytest.mark.usefixtures("interrupts")
def test_a_stop_leaves_nothing(
    folder: Path, command: Callable, number: int, code: int, what: str
) -> None:
    Path("long").write_bytes(sample() * 32)
    name = "long" if what == "while it works" else "-"
    line = command("compress", "-m", "nano", name, "-o", "b.kz")
    child = subprocess.Popen(line, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    with child:
        try:
            while not list(folder.glob(".*.part")):
                assert child.poll() is None
                time.sleep(0.02)
            time.sleep(
                2.5
            )  # past its imports: what they call back to may swallow Python's KeyboardInterrupt
            assert child.poll() is None, "it ended before it could be stopped"
            child.send_signal(number)
            child.wait(timeout=30)
        finally:
            child.kill()
        told = child.stderr.read()
    assert child.returncode == code, told
    assert told.count(b"\n") == (number == signal.SIGINT)
    assert b"Traceback" not in told
    assert number != signal.SIGINT or told.startswith(b"kolmozip: Interrupted: ")
    assert sorted(os.listdir()) == ["a", "long"]


# Containers that are not as they should be.


def flipped(data: bytes, bit: int) -> bytes:
    spoilt = bytearray(data)
    spoilt[bit >> 3] ^= 1 << (bit & 7)
    return bytes(spoilt)


def sealed(data: bytes) -> bytes:
    """Data whose last four bytes are made the checksum of those before."""
    import zlib

    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


def boundaries(packed: bytes, blocks: list[Block]) -> list[int]:
    """Where each field of the container ends, the container's own end excepted."""
    found = [0, 6, 7, 8, 16, 20]
    at = HEADER_BYTES
    for block in blocks[:-1]:
        found += [
            at + n
            for n in (1, 2, 4, 8, 12, 12 + len(block.payload), BLOCK_BYTES + len(block.payload))
        ]
        at = found[-1]
    found += [at + n for n in (1, 4, 12, END_BYTES - 4)]
    assert at + END_BYTES == len(packed)
    return found


def test_a_container_cut_at_every_field_and_anywhere(
    folder: Path, mixed: tuple[bytes, bytes], blocks: Callable, cli: Run, refusal: Callable
) -> None:
    _, packed = mixed
    places = {
        *boundaries(packed, blocks(packed)),
        *random.Random(40).sample(range(len(packed)), 40),
    }
    for place in sorted(places):
        with pytest.raises(Truncated):
            compressor.decompress(packed[:place])
    before = contents()
    for place in (0, 3, HEADER_BYTES, len(packed) // 2, len(packed) - 1):
        result = cli("decompress", "-", "-o", "b", stdin=packed[:place])
        assert "it was cut short, fetch it again" in refusal(result, "Truncated")
        assert contents() == before


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        (BadMagic, lambda packed: b"PK\3\4" + packed),
        (BadMagic, lambda packed: packed[1:]),
        (BadMagic, lambda packed: packed.replace(b"\r\n", b"\n")),
        (BadMagic, lambda packed: b"x"),
        (NewerVersion, lambda packed: packed[:6] + bytes([container.VERSION + 1]) + packed[7:]),
        (NewerVersion, lambda packed: packed[:6] + b"\xff"),
        (Damaged, lambda packed: sealed(packed[:6] + b"\0" + packed[7:20]) + packed[20:]),
        (Damaged, lambda packed: sealed(packed[:7] + b"\1" + packed[8:20]) + packed[20:]),
        (UnknownWeights, lambda packed: sealed(packed[:8] + b"\0" + packed[9:20]) + packed[20:]),
        (Damaged, lambda packed: packed[:8] + b"\0" + packed[9:]),
        (TrailingData, lambda packed: packed + b"\0"),
        (TrailingData, lambda packed: packed + packed),
        (Damaged, lambda packed: packed[:-20] + packed[-19:] + b"\0"),
    ],
)
def test_each_kind_of_damage_has_its_name(
    folder: Path,
    cli: Run,
    packed: bytes,
    refusal: Callable,
    name: type,
    spoil: Callable[[bytes], bytes],
) -> None:
    Path("b.kz").write_bytes(spoil(packed))
    before = contents()
    assert refusal(cli("decompress", "b.kz"), name.__name__).startswith("kolmozip: b.kz: ")
    assert contents() == before


@pytest.mark.parametrize("place", [1, 2, 3])
def test_reserved_bits_of_blocks_and_end_mark_are_held_to_zero(
    mixed: tuple[bytes, bytes], place: int
) -> None:
    _, packed = mixed
    end, first = len(packed) - END_BYTES, slice(HEADER_BYTES, HEADER_BYTES + BLOCK_BYTES + 1)
    for bit in range(8):
        with pytest.raises(Damaged):
            compressor.decompress(packed[:end] + sealed(flipped(packed[end:], 8 * place + bit)))
        with pytest.raises(Damaged):  # the first block is a run
            compressor.decompress(
                packed[: first.start]
                + sealed(flipped(packed[first], 8 * place + bit))
                + packed[first.stop :]
            )


def test_every_single_flipped_bit_is_noticed(
    nano: registry.Model, blocks: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MAX_BLOCK", 32)
    original = bytes(32) + random.Random(8).randbytes(32) + b" in the world of the other, the "
    packed = compressor.compress(original, nano)
    assert [block.kind for block in blocks(packed)] == [Kind.RUN, Kind.RAW, Kind.MODEL]
    for bit in range(8 * len(packed)):
        with pytest.raises(FormatError):
            compressor.decompress(flipped(packed, bit))


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """One random corruption: flips, a cut, a swap, an insertion, a deletion, a span said twice, an overwritten span."""
    i, j = sorted(rng.sample(range(len(data) + 1), 2))
    j = min(j, i + 1 + int(rng.expovariate(1 / 40)))
    kind = rng.randrange(7)
    if kind == 0:
        for _ in range(rng.randint(1, 8)):
            data = flipped(data, rng.randrange(8 * len(data)))
        return data
    if kind == 1:
        return data[:i]
    if kind == 2:
        return data[:i] + data[j : j + j - i] + data[i:j] + data[j + j - i :]
    inserted = {
        3: rng.randbytes(j - i) + data[i:j],
        4: b"",
        5: data[i:j] * 2,
        6: rng.randbytes(j - i),
    }
    return data[:i] + inserted[kind] + data[j:]


def test_a_thousand_corruptions_never_give_wrong_bytes(mixed: tuple[bytes, bytes]) -> None:
    original, packed = mixed
    rng, refused = random.Random(1000), 0
    for _ in range(1000):
        try:
            restored = compressor.decompress(spoilt(packed, rng))
        except KolmozipError:
            refused += 1
        else:
            assert restored == original
    assert refused > 950


def test_blocks_out_of_place_are_noticed_by_the_last_checksum(
    mixed: tuple[bytes, bytes], blocks: Callable, rebuilt: Rebuilt
) -> None:
    original, packed = mixed
    good = blocks(packed)
    assert compressor.decompress(rebuilt(packed, good)) == original
    for wrong in (
        good[1:],
        good[:-1],
        [*good, good[0]],
        [good[1], good[0], *good[2:]],
        [good[0], good[2], good[1], good[3]],
    ):
        with pytest.raises(Damaged, match="original's checksum"):
            compressor.decompress(rebuilt(packed, wrong))


def test_damage_under_a_good_block_checksum_is_noticed_by_the_last_one(
    nano: registry.Model, blocks: Callable, rebuilt: Rebuilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    import data.lanes

    monkeypatch.setattr(data.lanes, "LANE_BYTES", 64)
    packed = compressor.compress(sample()[:800], nano)
    (block,), rng = blocks(packed), random.Random(30)
    assert (block.kind, block.lanes) == (Kind.MODEL, 8)
    size = len(block.payload)
    wrong = [flipped(block.payload, rng.randrange(8 * size)) for _ in range(12)]
    wrong += [rng.randbytes(size) for _ in range(12)]
    wrong += [
        b"",
        bytes(size),
        b"\xff" * size,
        block.payload[:-4],
        block.payload[4:],
        block.payload[: size // 8 * 4],
    ]
    told = [
        refused(rebuilt(packed, [dataclasses.replace(block, payload=payload)])) for payload in wrong
    ]
    assert all("damaged, fetch it again" in text for text in told)
    assert any("original's checksum" in text for text in told), "it got past the range coder"


def refused(packed: bytes) -> str:
    """The text with which a container is refused as Damaged."""
    with pytest.raises(Damaged) as caught:
        compressor.decompress(packed)
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"length": 199},
        {"length": 201},
        {"lanes": 2},
        {"kind": Kind.RAW},
        {"kind": Kind.RUN},
        {"lanes": 1024},
        {"length": 4 * 2**20},
        {"length": 2**27 + 1},
        {"payload": b""},
    ],
    ids=str,
)
def test_a_model_block_that_lies_about_itself(
    packed: bytes, blocks: Callable, rebuilt: Rebuilt, change: dict
) -> None:
    refused(rebuilt(packed, [dataclasses.replace(blocks(packed)[0], **change)]))
