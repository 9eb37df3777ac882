"""Outputs appear whole or not at all, and what the system refuses gets a name."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from compressor.errors import (
    DiskFull,
    FolderMissing,
    InputMissing,
    InputOutput,
    NoPermission,
    OutputExists,
)
from compressor.system import files


def written(name: Path, content: bytes, force: bool = False) -> None:
    with files.open_output(str(name), force) as target:
        target.write(content)


def test_a_file_has_its_name_only_when_the_body_has_ended(tmp_path: Path) -> None:
    with files.open_output(str(tmp_path / "out"), False) as target:
        target.write(b"content")
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("force", [False, True])
def test_a_failing_body_leaves_nothing(
    tmp_path: Path, error: type[BaseException], force: bool
) -> None:
    with pytest.raises(error), files.open_output(str(tmp_path / "out"), force) as target:
        target.write(b"content")
        raise error
    assert os.listdir(tmp_path) == []


def test_a_failing_body_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"before")
    with pytest.raises(RuntimeError), files.open_output(str(tmp_path / "out"), True) as target:
        target.write(b"after")
        raise RuntimeError
    assert (tmp_path / "out").read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["out"]


def test_an_output_that_exists_is_replaced_by_force_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"before")
    with pytest.raises(OutputExists, match="--force"):
        written(tmp_path / "out", b"after")
    assert (tmp_path / "out").read_bytes() == b"before"
    written(tmp_path / "out", b"after", force=True)
    assert (tmp_path / "out").read_bytes() == b"after"


def test_an_output_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(OutputExists, match="meanwhile"),
        files.open_output(str(out), False) as target,
    ):
        target.write(b"ours")
        out.write_bytes(b"theirs")
    assert out.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["out"]
    with files.open_output(str(out), True) as target:
        target.write(b"ours")
    assert out.read_bytes() == b"ours"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_is_never_an_output(tmp_path: Path, force: bool) -> None:
    with pytest.raises(OutputExists, match="is a folder: name a file in it"):
        written(tmp_path, b"", force)


@pytest.mark.parametrize("name", ["absent/out", "file/out"])
def test_an_output_without_its_folder_is_named_as_the_user_did(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderMissing) as caught:
        written(tmp_path / name, b"")
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


def test_the_longest_name_that_the_system_takes_is_taken(tmp_path: Path) -> None:
    written(tmp_path / ("n" * 255), b"content")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"content"
    with pytest.raises(InputOutput):
        written(tmp_path / ("n" * 256), b"content")


def test_new_files_have_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        written(tmp_path / "out", b"")
        assert os.umask(0o027) == 0o027, "it is as it was"
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (errno.EACCES, NoPermission),
        (errno.EPERM, NoPermission),
        (errno.EROFS, NoPermission),
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EFBIG, DiskFull),
        (errno.EIO, InputOutput),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failure_at_the_very_end_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, name: type[Exception], call: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), "the-unfinished.part")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(name) as caught:
        written(tmp_path / "out", b"content")
    assert str(caught.value).startswith(f"{tmp_path / 'out'}: ")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("size", [10, 100_000])
def test_a_device_is_written_straight_and_its_refusal_named(size: int) -> None:
    with pytest.raises(DiskFull, match="/dev/full: no room"):
        written(Path("/dev/full"), bytes(size))
    written(Path(os.devnull), b"content")
    assert not Path(os.devnull).is_file()


class Refusing:
    """A file that the system refuses to read on, or to write."""

    def read(self, size: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    def write(self, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_stream_counts_and_names_itself(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"12345")
    with (
        files.open_input(str(tmp_path / "in")) as source,
        files.open_output(str(tmp_path / "out"), False) as target,
    ):
        assert (source.read(2), source.count) == (b"12", 2)
        assert (source.read(), source.count) == (b"345", 5)
        target.write(b"1")
        target.write(b"23")
        assert target.count == 3
    stream = files.Stream("disk", Refusing())  # type: ignore[arg-type]
    with pytest.raises(InputOutput, match="disk: Input/output error"):
        stream.read(1)
    with pytest.raises(DiskFull, match="disk: no room"):
        stream.write(b"1")


class Sluggish:
    """An unbuffered pipe: it takes a few bytes at a time, and at last would make its writer wait."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: memoryview) -> int | None:
        self.taken += bytes(data[:3])
        return min(3, len(data)) if len(self.taken) < 20 else None


def test_short_writes_lose_nothing() -> None:
    target = Sluggish()
    assert files.Stream("pipe", target).write(b"0123456789") == 10  # type: ignore[arg-type]
    assert target.taken == b"0123456789"
    with pytest.raises(InputOutput, match="pipe"):
        files.Stream("pipe", target).write(b"0123456789")  # type: ignore[arg-type]


def test_inputs_that_cannot_be_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, told in (
        ("absent", "check the path"),
        ("file/inside", "check the path"),
        (".", "is a folder"),
    ):
        with pytest.raises(InputMissing, match=told), files.open_input(str(tmp_path / name)):
            raise AssertionError("opened")


def test_a_refusal_within_the_work_is_not_laid_on_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.open_output(str(tmp_path / "out"), False):
        (tmp_path / "absent").read_bytes()
    with pytest.raises(InputMissing, match="absent"), files.named_errors("input"):
        (tmp_path / "absent").read_bytes()


def test_a_closed_pipe_passes_unnamed() -> None:
    with pytest.raises(BrokenPipeError), files.named_errors("x"):
        raise BrokenPipeError


def test_rights_and_times_are_copied_between_files_alone(tmp_path: Path) -> None:
    source, target, fifo = tmp_path / "source", tmp_path / "target", tmp_path / "fifo"
    source.touch()
    target.touch()
    os.mkfifo(fifo, 0o600)
    source.chmod(0o640)
    os.utime(source, (1_000_000_000, 1_000_000_000))
    files.copy_rights(str(source), str(target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert target.stat().st_mtime == 1_000_000_000
    for one, other in ((fifo, target), ("-", target), (source, "-"), (source, tmp_path / "absent")):
        files.copy_rights(str(one), str(other))
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
