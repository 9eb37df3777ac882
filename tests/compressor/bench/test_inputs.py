"""Inputs of a benchmark by name: slices, their cleaned text, files, and folders as one tar."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from compressor.bench.inputs import UnknownInput, opened


def made(at: Path, names: list[str]) -> bytes:
    """The tar of a folder whose files were made in this order."""
    for name in names:
        (at / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (at / "set" / name).write_bytes(name.encode() * 100)
    (at / "set" / "link").symlink_to("b.txt")
    with opened(str(at / "set")) as path:
        assert path.name == "set.tar"
        return path.read_bytes()


def test_a_folder_becomes_the_same_tar_whenever_and_wherever(tmp_path: Path) -> None:
    names = ["b.txt", "a/z.txt", "a/" + "long" * 40]
    first, second = made(tmp_path / "one", names), made(tmp_path / "two", names[::-1])
    assert first == second
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert archive.getnames() == [
            "set/a",
            "set/a/" + "long" * 40,
            "set/a/z.txt",
            "set/b.txt",
            "set/link",
        ]
        assert {(member.mtime, member.uid, member.uname) for member in archive} == {(0, 0, "")}


def test_slices_and_cleaned_slices_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "compressor.bench.inputs.load_slice",
        lambda name: memoryview(b"<text >Of " + name.encode() + b"</text>"),
    )
    monkeypatch.chdir(tmp_path)
    Path("test5m").write_bytes(b"not the slice")
    for name, content in (
        ("test5m", b"<text >Of test5m</text>"),
        ("head1m-text8", b" of head one m"),
        ("./test5m", b"not the slice"),
    ):
        with opened(name) as path:
            assert (path.name, path.read_bytes()) == (Path(name).name, content)


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    with (
        pytest.raises(UnknownInput, match=r"'nonesuch' .*enwik8.*test5m.*-text8"),
        opened("nonesuch"),
    ):
        pass
