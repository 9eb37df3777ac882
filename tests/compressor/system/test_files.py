"""Outputs appear whole or not at all, and what the system refuses gets a name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compressor.errors import (
    DiskFull,
    FolderMissing,
    InputMissing,
    InputOutput,
    NoPermission,
    OutputExists,
    SameFile,
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
        pytest.raises(OutputExists, match="out: exists; pass --force"),
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
    with pytest.raises(OutputExists, match="is a folder; name a file in it"):
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
@pytest.mark.parametrize("calls", [["fsync"], ["replace"], ["link", "replace"]], ids=" ".join)
def test_a_failure_at_the_very_end_is_named_and_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    name: type[Exception],
    calls: list[str],
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number), "the-unfinished.part")

    for call in calls:
        monkeypatch.setattr(os, call, refuse)
    with pytest.raises(name) as caught:
        written(tmp_path / "out", b"content", force=calls == ["replace"])
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

    def read(self, size: int, /) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    def write(self, data: memoryview, /) -> int:
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
    with pytest.raises(InputOutput, match="disk: Input/output error"):
        files.InputStream("disk", Refusing()).read(1)
    with pytest.raises(DiskFull, match="disk: no room"):
        files.OutputStream("disk", Refusing()).write(b"1")


class Sluggish:
    """An unbuffered pipe: takes a few bytes at a time, and at last would make its writer wait."""

    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: memoryview, /) -> int | None:
        self.taken += bytes(data[:3])
        return min(3, len(data)) if len(self.taken) < 20 else None


def test_short_writes_lose_nothing() -> None:
    target = Sluggish()
    assert files.OutputStream("pipe", target).write(b"0123456789") == 10
    assert target.taken == b"0123456789"
    with pytest.raises(InputOutput, match="pipe"):
        files.OutputStream("pipe", target).write(b"0123456789")


def test_inputs_that_cannot_be_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, words in (
        ("absent", "check the path"),
        ("file/inside", "check the path"),
        (".", "is a folder"),
    ):
        with pytest.raises(InputMissing, match=words), files.open_input(str(tmp_path / name)):
            raise AssertionError("opened")


def test_a_refusal_within_the_work_is_not_laid_on_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), files.open_output(str(tmp_path / "out"), False):
        (tmp_path / "absent").read_bytes()
    with pytest.raises(InputMissing, match="absent"), files.named_errors("input"):
        (tmp_path / "absent").read_bytes()


def test_a_closed_pipe_passes_unnamed() -> None:
    with pytest.raises(BrokenPipeError), files.named_errors("x"):
        raise BrokenPipeError


# An output that is made from a file


@pytest.fixture
def umask() -> Iterator[None]:
    """Others may read what is not held back."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def source(tmp_path: Path, umask: None) -> Path:
    """A private file from the past."""
    path = tmp_path / "source"
    path.write_bytes(b"secret")
    path.chmod(0o600)
    os.utime(path, ns=(1_000_000_001, 1_500_000_000_123_456_789))
    return path


def copied(source: Path, target: Path, force: bool = False) -> list[str]:
    """Writes the content of source to target; returns the warnings."""
    with (
        files.open_input(str(source)) as read,
        files.open_output(str(target), force, read.status) as write,
    ):
        write.write(read.read())
    return write.warnings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize(
    "rights", [0o600, 0o640, 0o644, 0o444, 0o755, 0o000, 0o4755, 0o2775, 0o1777]
)
def test_rights_and_times_are_those_of_the_input(source: Path, rights: int) -> None:
    source.chmod(rights)
    if not os.access(source, os.R_OK):
        pytest.skip("only root reads it then")
    target = source.with_name("target")
    assert copied(source, target) == []
    assert mode(target) == rights & 0o777, "no setuid, no setgid"
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns == 1_500_000_000_123_456_789
    assert target.read_bytes() == b"secret"


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("rights", [0o600, 0o644, 0o666])
def test_the_output_is_private_until_it_is_as_the_input_is(
    source: Path, monkeypatch: pytest.MonkeyPatch, rights: int, force: bool
) -> None:
    source.chmod(rights)
    seen = []
    for call in ("fchmod", "fsync", "link", "replace"):
        real = getattr(os, call)

        def record(*arguments: object, call: str = call, real: Callable = real) -> None:
            (part,) = source.parent.glob(".kolmozip.*.part")
            seen.append((call, mode(part)))
            real(*arguments)

        monkeypatch.setattr(os, call, record)
    with files.open_output(str(source.with_name("target")), force, source.stat()) as target:
        target.write(b"secret")
        (part,) = source.parent.glob(".kolmozip.*.part")
        assert mode(part) == 0o600
    publish = "replace" if force else "link"
    assert seen == [("fchmod", 0o600), ("fsync", rights), (publish, rights)]


def test_rights_that_cannot_be_set_leave_the_output_private_and_are_told(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.chmod(0o644)
    monkeypatch.setattr(os, "fchmod", refuse)
    target = source.with_name("target")
    (warning,) = copied(source, target)
    assert warning.startswith("the rights could not be kept")
    assert mode(target) == 0o600


def test_times_that_cannot_be_set_are_told(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "utime", refuse)
    target = source.with_name("target")
    (warning,) = copied(source, target)
    assert warning.startswith("the time could not be kept")
    assert mode(target) == 0o600


@pytest.mark.parametrize(
    ("rights", "left"),
    [
        (0o640, 0o600),
        (0o660, 0o600),
        (0o664, 0o644),
        (0o675, 0o655),
        (0o644, 0o644),
        (0o600, 0o600),
        (0o604, 0o604),
        (0o755, 0o755),
    ],
)
def test_a_group_that_cannot_be_kept_gets_no_rights_that_others_lack(
    source: Path, monkeypatch: pytest.MonkeyPatch, rights: int, left: int
) -> None:
    source.chmod(rights)
    fields = list(source.stat())
    fields[stat.ST_GID] += 1
    monkeypatch.setattr(os, "fstat", lambda _: os.stat_result(fields))  # of another group
    monkeypatch.setattr(os, "fchown", refuse)
    target = source.with_name("target")
    with files.open_output(str(target), False, source.stat()) as write:
        write.write(b"secret")
    assert mode(target) == left
    words = "the group could not be kept; its rights are left out"
    assert write.warnings == ([words] if left != rights else [])


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root may do so")
def test_group_and_owner_are_kept_where_the_system_allows_it(source: Path) -> None:
    os.chown(source, 12345, 54321)
    source.chmod(0o640)
    target = source.with_name("target")
    assert copied(source, target) == []
    status = target.stat()
    assert (status.st_uid, status.st_gid, mode(target)) == (12345, 54321, 0o640)


def test_without_a_file_as_input_the_umask_holds(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert files.InputStream("pipe", pipe).status is None
    os.mkfifo(tmp_path / "fifo")
    before = os.umask(0o027)
    try:
        with files.open_output(str(tmp_path / "out"), False) as target:
            (part,) = tmp_path.glob(".kolmozip.*.part")
            assert mode(part) == 0o640
            target.write(b"")
        assert mode(tmp_path / "out") == 0o640
    finally:
        os.umask(before)


def test_the_umask_of_the_process_is_never_touched(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "umask", refuse)
    copied(source, source.with_name("target"))
    written(source.with_name("other"), b"")
    monkeypatch.undo()


# Where it goes


def test_a_file_that_appears_at_the_last_moment_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real = tmp_path / "out", os.link

    def late(*arguments: Path) -> None:
        out.write_bytes(b"theirs")
        real(*arguments)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(OutputExists, match="--force"):
        written(out, b"ours")
    assert out.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["out"]


def test_of_two_writers_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        pytest.raises(OutputExists),
        files.open_output(str(out), False) as slow,
        files.open_output(str(out), False) as quick,
    ):
        slow.write(b"slow")
        quick.write(b"quick")
    assert out.read_bytes() == b"quick"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("number", files.NO_LINKS)
def test_a_file_system_without_links_publishes_as_surely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    out = tmp_path / "out"
    written(out, b"ours")
    assert (out.read_bytes(), os.listdir(tmp_path)) == (b"ours", ["out"])
    out.unlink()
    with pytest.raises(OutputExists), files.open_output(str(out), False) as target:
        target.write(b"ours")
        out.write_bytes(b"theirs")
    assert (out.read_bytes(), os.listdir(tmp_path)) == (b"theirs", ["out"])


@pytest.mark.parametrize("force", [False, True])
def test_an_output_that_is_a_link_stays_one(tmp_path: Path, force: bool) -> None:
    (tmp_path / "far").mkdir()
    link, target = tmp_path / "link", tmp_path / "far" / "target"
    link.symlink_to("far/target")
    written(link, b"first", force)
    assert (link.is_symlink(), target.read_bytes()) == (True, b"first")
    if force:
        written(link, b"second", force)
        assert (link.is_symlink(), target.read_bytes()) == (True, b"second")
    else:
        with pytest.raises(OutputExists, match="link: exists"):
            written(link, b"second")
        assert target.read_bytes() == b"first"
    assert os.listdir(tmp_path / "far") == ["target"]


def test_a_link_that_leads_to_itself_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputOutput, match="loop: "):
        written(tmp_path / "loop", b"")
    (tmp_path / "lost").symlink_to("absent/target")
    with pytest.raises(FolderMissing, match="lost: "):
        written(tmp_path / "lost", b"")


def test_an_output_is_never_its_own_input(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"precious")
    (tmp_path / "hard").hardlink_to(tmp_path / "in")
    (tmp_path / "soft").symlink_to("in")
    (tmp_path / "other").write_bytes(b"")
    with files.open_input(str(tmp_path / "in")) as source:
        for name in ("in", "hard", "soft", "./in", "../" + tmp_path.name + "/in"):
            with pytest.raises(SameFile, match=r"is the input itself; name another output with -o"):
                files.check_distinct(source, str(tmp_path / name))
        for name in ("other", "absent", "absent/in"):
            files.check_distinct(source, str(tmp_path / name))
        files.check_distinct(source, files.PIPE)
    with files.open_input(os.devnull) as device:
        files.check_distinct(device, os.devnull)


def test_an_input_that_was_read_is_removed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    status = (tmp_path / "file").stat()
    assert files.remove_input(str(tmp_path / "link"), status)
    assert os.listdir(tmp_path) == ["file"]
    assert files.remove_input(str(tmp_path / "file"), status)
    os.mkfifo(tmp_path / "fifo")
    assert files.remove_input(str(tmp_path / "fifo"), None), "a pipe stays"
    assert os.listdir(tmp_path) == ["fifo"]
    with pytest.raises(InputMissing):
        files.remove_input(str(tmp_path / "file"), status)


def test_an_input_that_has_changed_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"read")
    status = path.stat()
    path.write_bytes(b"read, and more")
    assert not files.remove_input(str(path), status)
    path.write_bytes(b"read")
    status = path.stat()
    (tmp_path / "new").write_bytes(b"read")
    os.utime(tmp_path / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (tmp_path / "new").rename(path)
    assert not files.remove_input(str(path), status), "another file of the same size and time"
    assert os.listdir(tmp_path) == ["file"]


def test_the_size_is_that_of_a_file_alone(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"12345")
    with files.open_input(str(tmp_path / "in")) as source:
        assert source.size == 5
    with files.open_input(os.devnull) as source:
        assert source.size is None
