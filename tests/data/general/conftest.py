"""Small archives of each form, made in the test, and manifests that name them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from data.general.manifest import Manifest, Package, Part, Take

Files = Mapping[str, bytes]


def zipped(files: Files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def tarred(files: Files, mode: str = "w:gz") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def debian(files: Files) -> bytes:
    """A Debian package: an ar archive of three files, the second of odd length."""
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": b"odd",
        "data.tar.xz": tarred(files, "w:xz"),
    }
    packed = b"!<arch>\n"
    for name, content in parts.items():
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        packed += content + b"\n" * (len(content) % 2)
    return packed


PACKERS: dict[str, Callable[[Files], bytes]] = {
    ".whl": zipped,
    ".tar.gz": tarred,
    ".crate": tarred,
    ".tar.xz": lambda files: tarred(files, "w:xz"),
    ".tar.bz2": lambda files: tarred(files, "w:bz2"),
    ".deb": debian,
}


class Shelf:
    """A folder of made-up archives and the packages that name them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.packages: list[Package] = []

    def add(self, file: str, files: Files, *take: Take, **fields: Any) -> Package:
        """Writes an archive, whose form its ending says, and returns its package."""
        ending = next(ending for ending in PACKERS if file.endswith(ending))
        content = PACKERS[ending](files)
        (self.folder / file).write_bytes(content)
        name = file.removesuffix(ending)
        values: dict[str, Any] = {
            "name": name,
            "registry": "pypi",
            "version": "1",
            "path": f"packages/{file}",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "licence": "MIT",
            "permissive": True,
            "part": "train",
            "family": name,
            "take": take,
        }
        package = Package(**values | fields)
        self.packages.append(package)
        return package

    @staticmethod
    def take(kind: str, *include: str, cap: int = 1_000_000, **fields: Any) -> Take:
        return Take(kind=kind, include=include, cap=cap, **fields)

    def path(self, package: Package) -> Path:
        return self.folder / package.file

    def obtained(self, *parts: Part) -> list[tuple[Package, Path]]:
        """The packages of these parts with their archives."""
        chosen = [package for package in self.packages if package.part in parts]
        return [(package, self.path(package)) for package in chosen]

    def manifest(self, seed: int = 1) -> Manifest:
        return Manifest(seed, tuple(self.packages))


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """An empty shelf, which is the folder of archives; the user's cache is another empty folder."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("KOLMOZIP_ARCHIVES", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KOLMOZIP_MIRRORS", raising=False)
    return Shelf(folder)
