"""Archives of every form give their files, and a damaged one is refused by its name."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data.corpora import CorpusDamaged
from data.general.archives import inside, members, unpacked

if TYPE_CHECKING:
    from conftest import Shelf

FILES = {"a/one.c": b"int one;\n" * 40, "a/two.py": b"two = 2\n", "a/b/three.c": b""}
ENDINGS = [".whl", ".tar.gz", ".crate", ".tar.xz", ".tar.bz2", ".deb"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_form_gives_its_files(shelf: Shelf, ending: str) -> None:
    path = shelf.path(shelf.add(f"pack{ending}", FILES))
    assert dict(members(path, lambda name: True)) == FILES
    assert [name for name, _ in members(path, lambda name: name.endswith("e.c"))] == [
        "a/one.c",
        "a/b/three.c",
    ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_damaged_archive_is_refused_by_name(shelf: Shelf, ending: str) -> None:
    path = shelf.path(shelf.add(f"pack{ending}", FILES))
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense" * 20, whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(CorpusDamaged, match=f"pack{ending} cannot be unpacked .*delete it"):
            list(members(path, lambda name: True))


def test_another_ending_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "pack.rar"
    path.write_bytes(b"Rar!")
    with pytest.raises(CorpusDamaged, match=r"pack\.rar cannot be unpacked \(no ending"):
        list(members(path, lambda name: True))


def test_links_and_folders_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "pack.tar"
    with tarfile.open(path, "w") as archive:
        for name, kind in (("folder", tarfile.DIRTYPE), ("link", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        member = tarfile.TarInfo("./file")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"text"))
    assert dict(members(path, lambda name: True)) == {"file": b"text"}


def test_a_single_packed_file_becomes_the_plain_one() -> None:
    assert unpacked("man/page.1.gz", gzip.compress(b"text")) == ("man/page.1", b"text")
    assert unpacked("plain.txt", b"text") == ("plain.txt", b"text")
    with pytest.raises(CorpusDamaged, match=r"page\.1\.gz cannot be unpacked"):
        unpacked("page.1.gz", b"text")


def test_the_files_of_a_zip_within_an_archive(shelf: Shelf) -> None:
    path = shelf.path(shelf.add("inner.whl", FILES))
    found = dict(inside(path.read_bytes(), lambda name: name.endswith(".py")))
    assert found == {"a/two.py": b"two = 2\n"}
    with pytest.raises(CorpusDamaged, match="inside an archive"):
        list(inside(b"no zip", lambda name: True))
