"""Files that people know: the ones meant, by their hashes, and no others."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from data.corpora import CorpusHashError
from data.general import known, manifest


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive with two known files and another one."""
    contents = {"alice29.txt": b"Alice", "html": b"<html>", "README": b"read"}
    path = tmp_path / "some.tar.gz"
    with tarfile.open(path, "w:gz") as target:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"some-1/testdata/{name}")
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    hashes = {name: hashlib.sha256(contents[name]).hexdigest() for name in ("html", "alice29.txt")}
    monkeypatch.setattr(known, "HASHES", hashes)
    return path


def test_known_files_are_taken_by_name(archive: Path) -> None:
    assert known.files(archive) == {"html": b"<html>", "alice29.txt": b"Alice"}


def test_a_file_that_is_another_or_missing_is_refused(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("html", "urls.10K"):
        monkeypatch.setattr(known, "HASHES", {name: "00" * 32})
        with pytest.raises(CorpusHashError, match=f"holds no {name} .*run the command again"):
            known.files(archive)


def test_they_are_of_a_package_that_is_held_out() -> None:
    (package,) = (item for item in manifest.load().packages if item.name == known.PACKAGE)
    assert package.part == "test"
    for digest in known.HASHES.values():
        assert len(bytes.fromhex(digest)) == 32
