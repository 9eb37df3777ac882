"""What a benchmark runs on: a slice of enwik8, the same cleaned as text8 is, a file or a folder."""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from coding.errors import KolmozipError
from data.clean import CLEANED, clean
from data.splits import SLICES, load_slice


class UnknownInput(KolmozipError):
    """Neither a slice by this name nor a file or folder at this path."""


@contextlib.contextmanager
def opened(name: str) -> Iterator[Path]:
    """A file that holds the input and bears its name: ``test5m``, ``test5m-text8``, or a path's.

    A folder becomes FOLDER.tar. What is not a file yet is made in a temporary folder. The name of a
    slice comes before a file of that name: write ./test5m for the file. Raises UnknownInput,
    data.corpora.CorpusError, OSError.
    """
    path = Path(name)
    if name.removesuffix(CLEANED) not in SLICES and path.is_file():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="kolmozip-input-") as folder:
        yield _made(name, Path(folder))


def _made(name: str, folder: Path) -> Path:
    """The slice or the packed folder as a file in a folder. Raises UnknownInput."""
    whole = name.removesuffix(CLEANED)
    if whole in SLICES:
        text = load_slice(whole).tobytes()
        target = folder / name
        target.write_bytes(clean(text) if whole != name else text)
        return target
    if not Path(name).is_dir():
        raise UnknownInput(
            f"{name!r} is no file, no folder and no slice of enwik8: choose from "
            f"{', '.join(SLICES)}, the same with {CLEANED} for their cleaned text, "
            "files-test, files-known, files-development, or check the path"
        )
    target = folder / f"{Path(name).resolve().name}.tar"
    pack(Path(name), target)
    return target


def pack(folder: Path, target: Path) -> None:
    """Writes a tar of the folder that depends on names and contents alone.

    It is sorted and has no times, no owners and plain rights. Links are kept as links; sockets,
    pipes and devices are left out. Raises OSError for what cannot be read.
    """
    name = folder.resolve().name
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in _inside(folder):
            _add(archive, path, f"{name}/{path.relative_to(folder)}")


def _inside(folder: Path) -> list[Path]:
    """Everything below the folder, links not followed, in the byte order of the paths."""

    def refuse(error: OSError) -> None:
        raise error

    # Without `onerror` a folder that cannot be read would be left out quietly.
    walk = os.walk(folder, onerror=refuse)
    paths = [Path(at, name) for at, folders, names in walk for name in [*folders, *names]]
    return sorted(paths, key=os.fsencode)


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    member, state = tarfile.TarInfo(name), path.lstat()
    if stat.S_ISDIR(state.st_mode):
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(member)
    elif stat.S_ISLNK(state.st_mode):
        member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, os.readlink(path)
        archive.addfile(member)
    elif stat.S_ISREG(state.st_mode):
        member.size, member.mode = state.st_size, 0o755 if state.st_mode & 0o100 else 0o644
        with path.open("rb") as content:
            archive.addfile(member, content)
