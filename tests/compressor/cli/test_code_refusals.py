"""Every refusal has a name, one line and a remedy, and nothing half done stays behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import compressor
from coding import container
from coding.container import HEADER_BYTES
from coding.errors import (
    BadMagic,
    Damaged,
    KolmozipError,
    NewerBlock,
    NewerVersion,
    OlderVersion,
    TrailingData,
    UnknownMemory,
    UnknownWeights,
)
from compressor.codec import weights_store
from compressor.codec.seams import BlockCodec
from data.samples import sample

Run = Callable[..., Result]
GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, original: bytes) -> Path:
    """An empty folder to work in, with a text in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(original)
    return tmp_path


def sealed(data: bytes) -> bytes:
    """Data whose last four bytes are made the checksum of those before."""
    return data[:-4] + zlib.crc32(data[:-4]).to_bytes(4, "little")


def changed(packed: bytes, at: int, new: bytes) -> bytes:
    """A container of one block with other bytes in the block's head, all checksums made good."""
    block, end = packed[HEADER_BYTES : -container.END_BYTES], packed[-container.END_BYTES :]
    head = packed[:HEADER_BYTES]
    return head + sealed(block[:at] + new + block[at + len(new) :]) + end


def flipped(data: bytes, bit: int) -> bytes:
    spoilt = bytearray(data)
    spoilt[bit >> 3] ^= 1 << (bit & 7)
    return bytes(spoilt)


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
        assert "is a folder; name files, or pack it with tar first" in refusal(
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
        assert "is a folder; name a file in it with -o" in refusal(result, "OutputExists")
    assert os.listdir("a.kz") == []


def test_an_output_in_no_folder(folder: Path, pack: Run, refusal: Callable) -> None:
    assert refusal(pack("a", "-o", "absent/a.kz"), "FolderMissing") == (
        "kolmozip: absent/a.kz: no such folder; create it or use -o [FolderMissing]"
    )


AS_NOBODY = """
import difflib, os, sys  # click loads difflib late
import compressor.cli.code, compressor.codec.stream
from compressor.cli import main
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
main(sys.argv[1:])
"""
"""The command without root's rights; imports come first, since the source may be root's alone."""


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["compress", "secret", "-o", "open/out"], b"secret"),
        (["compress", "a", "-o", "locked/out"], b"locked/out"),
        (["decompress", "a.kz", "-o", "locked/out"], b"locked/out"),
        (["compress", "closed/a", "-o", "open/out"], b"closed/a"),
        (["compress", "a", "-o", "closed/out"], b"closed/out"),
    ],
)
def test_no_permission(
    folder: Path,
    python: Callable,
    original: bytes,
    packed: bytes,
    arguments: list[str],
    name: bytes,
) -> None:
    folder.chmod(0o755)
    Path("a.kz").write_bytes(packed)
    Path("secret").write_bytes(original)
    Path("secret").chmod(0)
    for place, rights in (("open", 0o777), ("locked", 0o555), ("closed", 0)):
        Path(place).mkdir()
        Path(place).chmod(rights)
    try:
        done = python(AS_NOBODY, *arguments, cwd=folder)
    finally:
        Path("closed").chmod(0o755)
    assert (done.returncode, done.stdout) == (1, b""), done.stderr
    assert done.stderr.startswith(b"kolmozip: " + name + b": no permission; change the rights")
    assert done.stderr.endswith(b" [NoPermission]\n")
    assert done.stderr.count(b"\n") == 1
    assert [os.listdir(name) for name in ("open", "locked", "closed")] == [[], [], []]


# Models and weights.


def test_an_unknown_model(folder: Path, cli: Run, refusal: Callable) -> None:
    before = contents()
    for name in ("gigantic", "absent.kzw", "./nano"):
        line = refusal(cli("compress", "a", "--model", name), "UnknownModel")
        assert name in line
    assert "at hand: base, general, nano, " in refusal(
        cli("compress", "a", "--model", "gigantic"), "UnknownModel"
    )
    assert contents() == before


def test_weights_that_are_not_at_hand(
    folder: Path,
    cli: Run,
    packed: bytes,
    refusal: Callable,
    nano_codec: BlockCodec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("b.kz").write_bytes(packed)
    before = contents()
    for value in (None, "absent", "."):
        monkeypatch.delenv(weights_store.FOLDER_VARIABLE) if value is None else monkeypatch.setenv(
            weights_store.FOLDER_VARIABLE, value
        )
        line = refusal(cli("decompress", "b.kz"), "UnknownWeights")
        assert nano_codec.identity[:4].hex() in line
        assert weights_store.FOLDER_VARIABLE in line
        assert contents() == before


def damaged_weights() -> dict[str, bytes]:
    """The tiny weights, spoilt."""
    good = (GOLDEN / "nano.kzw").read_bytes()
    return {
        "empty": b"",
        "magic alone": good[:4],
        "cut in the shape": good[:20],
        "cut in the arrays": good[:-100],
        "more at the end": good + b"\0",
        "not ours": b"XZ" + good[2:],
        "newer": good[:4] + bytes([good[4] + 1]) + good[5:],
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
    from compressor.codec.model import by_name

    good = (GOLDEN / "nano.kzw").read_bytes()
    shape = int.from_bytes(good[5:7], "little")
    for bit in range(0, 8 * (7 + shape)):
        path = tmp_path / f"{bit}.kzw"
        path.write_bytes(flipped(good, bit))
        with contextlib.suppress(KolmozipError):
            by_name(str(path))  # a letter within the shape may be of no consequence
        path.unlink()


# A full disk, a closed pipe, a stop.


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_device(folder: Path, pack: Run, cli: Run, packed: bytes, refusal: Callable) -> None:
    Path("b.kz").write_bytes(packed)
    before = contents()
    for result in (pack("a", "-o", "/dev/full"), cli("decompress", "b.kz", "-o", "/dev/full")):
        assert "/dev/full: no room for the output; free some space" in refusal(result, "DiskFull")
    assert contents() == before


@pytest.mark.slow
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
    message = (
        b"kolmozip: standard output: no room for the output; "
        b"free some space, or write elsewhere with -o [DiskFull]\n"
    )
    assert (done.returncode, done.stderr) == (1, message)


WITH_LIMIT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.dont_write_bytecode = True
from compressor.cli import main
main(sys.argv[1:])
"""
"""The command where no file may grow beyond 2000 bytes: as on a full disk, without filling one."""


@pytest.mark.slow
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
        assert b": " + name + b": no room for the output; free some space" in done.stderr
        assert done.stderr.endswith(b" [DiskFull]\n")
        assert done.stderr.count(b"\n") == 1
        assert contents() == before


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_enough(
    folder: Path,
    command: Callable,
    nano_codec: BlockCodec,
    monkeypatch: pytest.MonkeyPatch,
    unbuffered: str,
) -> None:
    monkeypatch.setenv(
        "PYTHONUNBUFFERED", unbuffered
    )  # then Python's own standard output writes what it can, no more
    Path("b.kz").write_bytes(compressor.compress(bytes(3_000_000), model=nano_codec))
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
    assert b": standard output is closed; name a file instead of '-' [InputOutput]\n" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_closed_standard_input(folder: Path, command: Callable) -> None:
    line = ["sh", "-c", '"$@" <&-', "sh", *command("compress", "-m", "nano", "-", "-o", "b")]
    done = subprocess.run(line, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b": standard input is closed; name a file instead of '-' [InputOutput]" in done.stderr
    assert os.listdir() == ["a"]


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="needs a file that refuses to be read"
)
def test_an_input_that_fails_on_the_way(folder: Path, pack: Run, refusal: Callable) -> None:
    before = contents()
    line = refusal(pack("/proc/self/mem", "-o", "b"), "InputOutput")
    assert line.startswith("kolmozip: /proc/self/mem: Input/output error; "), (
        "not of the output, which is well"
    )
    assert contents() == before


READY = """
import contextlib, sys
from compressor.cli import code, run
from compressor.system import files

def say_once():
    if not said:
        said.append(1)
        print("ready", file=sys.stderr, flush=True)

said, draw, read = [], code.bar, files.InputStream.read

@contextlib.contextmanager
def bar(*arguments):
    with draw(*arguments) as update:
        yield lambda count: (say_once(), update(count))

def say_and_read(stream, size):
    say_once()
    return read(stream, size)

if "-" in sys.argv:
    files.InputStream.read = say_and_read
else:
    code.bar = bar
run()
"""
"""The command, which says on stderr that it works, or that it is about to wait for input."""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", ["long", "-"], ids=["while it works", "while it waits"])
def test_a_stop_leaves_nothing(
    folder: Path, stop: Callable, number: int, code: int, name: str
) -> None:
    Path("long").write_bytes(sample() * 32)
    line = [sys.executable, "-c", READY, "compress", "-m", "nano", name, "-o", "b.kz"]
    returncode, message = stop(line, number, 1)
    assert returncode == code, message
    assert message.count(b"\n") == (number == signal.SIGINT)
    assert b"Traceback" not in message
    assert number != signal.SIGINT or message.startswith(f"kolmozip: {name}: stopped by".encode())
    assert number != signal.SIGINT or message.endswith(b" [Interrupted]\n")
    assert sorted(os.listdir()) == ["a", "long"]


# Containers that are not as they should be


def test_a_container_that_was_cut_short(
    folder: Path, packed: bytes, packed_long: bytes, cli: Run, refusal: Callable
) -> None:
    before = contents()
    places = (0, 3, HEADER_BYTES, len(packed_long) // 2, len(packed_long) - 1)
    for cut in (*(packed_long[:place] for place in places), packed[:3], packed[:9], packed[:15]):
        result = cli("decompress", "-", "-o", "b", stdin=cut)
        assert "it was cut short, fetch it again" in refusal(result, "Truncated")
        assert contents() == before


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        (BadMagic, lambda packed: b"PK\3\4" + packed),
        (BadMagic, lambda packed: packed[1:]),
        (BadMagic, lambda packed: packed.replace(b"\r\n", b"\n")),
        (BadMagic, lambda packed: b"x"),
        (OlderVersion, lambda packed: packed[:6] + b"\2" + packed[7:]),
        (OlderVersion, lambda packed: packed[:6] + b"\3"),
        (NewerVersion, lambda packed: packed[:6] + b"\4" + packed[7:]),
        (NewerVersion, lambda packed: packed[:6] + b"\xff"),
        (Damaged, lambda packed: sealed(packed[:6] + b"\0" + packed[7:20]) + packed[20:]),
        (Damaged, lambda packed: sealed(packed[:7] + b"\1" + packed[8:20]) + packed[20:]),
        (UnknownMemory, lambda packed: sealed(packed[:8] + b"\1" + packed[9:20]) + packed[20:]),
        (Damaged, lambda packed: packed[:8] + b"\1" + packed[9:]),
        (UnknownWeights, lambda packed: changed(packed, 16, b"nonesuch")),
        (NewerBlock, lambda packed: changed(packed, 0, b"\12")),
        (NewerBlock, lambda packed: changed(packed, 2, b"\10")),
        (NewerBlock, lambda packed: changed(packed, 3, b"\7")),
        (Damaged, lambda packed: changed(packed, 2, b"\1")),
        (Damaged, lambda packed: changed(packed, 16, container.NO_WEIGHTS)),
        (Damaged, lambda packed: changed(packed, 12, b"\0")),
        (TrailingData, lambda packed: packed + b"\0"),
        (TrailingData, lambda packed: packed + packed),
        (Damaged, lambda packed: packed[:-20] + packed[-19:] + b"\0"),
    ],
)
def test_each_kind_of_damage_has_its_name(
    folder: Path,
    cli: Run,
    packed_long: bytes,
    refusal: Callable,
    name: type,
    spoil: Callable[[bytes], bytes],
) -> None:
    Path("b.kz").write_bytes(spoil(packed_long))
    before = contents()
    assert refusal(cli("decompress", "b.kz"), name.__name__).startswith("kolmozip: b.kz: ")
    assert contents() == before


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        (BadMagic, lambda packed: packed[:2] + b"y" + packed[3:]),
        (NewerVersion, lambda packed: packed[:3] + b"\5" + packed[4:]),
        (NewerVersion, lambda packed: packed[:3] + b"\r" + packed[4:]),
        (Damaged, lambda packed: packed[:3] + b"\0" + packed[4:]),
        (UnknownMemory, lambda packed: packed[:3] + b"\1" + packed[4:10] + b"none" + packed[16:]),
        (UnknownWeights, lambda packed: packed[:12] + b"none" + packed[16:]),
        (NewerBlock, lambda packed: packed[:10] + b"\10" + packed[11:]),
        (Damaged, lambda packed: packed[:10] + b"\0" + packed[11:]),
        (Damaged, lambda packed: packed[:10] + b"\xb2" + packed[11:]),
        (Damaged, lambda packed: packed[:11] + b"\0" + packed[12:]),
        (Damaged, lambda packed: packed[:8] + b"\0\0" + packed[10:]),
        (Damaged, lambda packed: packed[:5] + b"?" + packed[6:]),
        (Damaged, lambda packed: packed[:-4]),
        (Damaged, lambda packed: packed + b"\n"),
        (Damaged, lambda packed: packed + bytes(4)),
        (Damaged, lambda packed: packed + bytes(1 << 20)),
    ],
)
def test_each_kind_of_damage_to_the_short_form_has_its_name(
    folder: Path,
    cli: Run,
    packed: bytes,
    refusal: Callable,
    name: type,
    spoil: Callable[[bytes], bytes],
) -> None:
    assert packed[:4] == container.SHORT_MAGIC + b"\2"
    Path("b.kz").write_bytes(spoil(packed))
    before = contents()
    assert refusal(cli("decompress", "b.kz"), name.__name__).startswith("kolmozip: b.kz: ")
    assert contents() == before
