"""Archives: found in a folder or downloaded from their public homes, and always checked.

An archive is used only when its length and its SHA-256 are those of the manifest. A download that
was cut off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from data.corpora import CorpusDamaged, CorpusError, CorpusUnavailable, cache_folder
from data.general.manifest import HOMES, Package

VARIABLE = "KOLMOZIP_ARCHIVES"
"""Environment variable: a folder in which archives are looked for before the user's cache."""

MIRRORS = "KOLMOZIP_MIRRORS"
"""Environment variable: other homes, such as `pypi=https://... debian=https://...`."""

SNAPSHOT = "https://snapshot.debian.org/file"
"""Where Debian keeps every file that its archive ever held, by SHA-1."""

PIECE = 1 << 18
"""Bytes that are read at a time."""

PATIENCE_S = 60.0
"""Seconds without a byte after which a download counts as cut off."""

BROKEN = (OSError, http.client.HTTPException)
"""What a download raises that fails; errors of urllib are OSErrors."""

Progress = Callable[[int], None]
"""Takes the number of bytes done since its last call."""


class WrongSetting(CorpusError):
    """An environment variable names a folder that is not there, or mirrors in no known form."""


def archives_folder() -> Path:
    """The folder of the user's cache that archives are downloaded into; it need not exist."""
    return cache_folder().with_name("archives")


def at_hand(package: Package) -> Path | None:
    """The file that should be the package's archive, unchecked, or None.

    Raises WrongSetting where the variable names no folder: its user should learn that rather than
    wait for a download.
    """
    named = os.environ.get(VARIABLE)
    folders = [Path(named).expanduser()] if named else []
    if folders and not folders[0].is_dir():
        raise WrongSetting(f"{VARIABLE} names {named}, which is no folder: correct it or unset it")
    places = (folder / package.file for folder in (*folders, archives_folder()))
    return next((path for path in places if path.is_file()), None)


def obtain(package: Package, progress: Progress = lambda _: None) -> Path:
    """The checked archive of a package, downloaded where it is not at hand.

    Raises CorpusDamaged where a file is another one than it should be, CorpusUnavailable where
    there is none, WrongSetting.
    """
    path = at_hand(package)
    if path is None:
        return download(package, progress)
    check(path, package)
    progress(package.size)
    return path


def check(path: Path, package: Package) -> None:
    """Raises CorpusDamaged unless the file is the archive that the manifest names."""
    size = path.stat().st_size
    if size != package.size:
        found = f"has {size} bytes where the manifest has {package.size}"
    elif (digest := file_hash(path)) != package.sha256:
        found = f"has SHA-256 {digest} where the manifest has {package.sha256}"
    else:
        return
    raise CorpusDamaged(f"{path} {found}: delete it and run the command again")


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(package: Package, progress: Progress) -> Path:
    """Downloads the archive into the user's cache and returns its path.

    Raises CorpusUnavailable, and CorpusDamaged where a home serves something else; such a file is
    not kept.
    """
    target = archives_folder() / package.file
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    failures = []
    for url in addresses(package):
        try:
            _fetch(url, part, package.size, progress)
            break
        except BROKEN as error:
            failures.append(f"{url} ({error})")
    else:
        raise CorpusUnavailable(
            f"{package.file} is not at hand and could not be downloaded from "
            f"{' nor from '.join(failures)}: try again, name a mirror in {MIRRORS}, or put it into "
            f"{target.parent}"
        )
    try:
        check(part, package)
    except CorpusDamaged:
        part.unlink()
        raise
    os.replace(part, target)
    return target


def addresses(package: Package) -> Iterator[str]:
    """Where the archive is to be had, in the order in which it is tried. Raises WrongSetting."""
    home = mirrors().get(package.registry, HOMES[package.registry])
    yield f"{home}/{quote(package.path, safe='/+~')}"
    if package.sha1 is not None:
        yield f"{SNAPSHOT}/{package.sha1}"


def mirrors() -> dict[str, str]:
    """Registry -> address, as the environment variable has it. Raises WrongSetting."""
    homes: dict[str, str] = {}
    for word in os.environ.get(MIRRORS, "").split():
        registry, _, address = word.partition("=")
        if registry not in HOMES or not address.startswith(("https://", "http://")):
            raise WrongSetting(
                f"{MIRRORS} has {word!r}: write REGISTRY=https://..., with a space between two; "
                f"registries are {', '.join(HOMES)}"
            )
        homes[registry] = address.rstrip("/")
    return homes


def _fetch(url: str, part: Path, size: int, progress: Progress) -> None:
    """Downloads into a file, from where it ends on. Raises OSError, HTTPException."""
    done = part.stat().st_size if part.exists() else 0
    if done >= size:
        part.unlink()
        done = 0
    request = urllib.request.Request(url, headers={"User-Agent": "kolmozip"})
    if done:
        request.add_header("Range", f"bytes={done}-")
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        resumed = answer.status == http.client.PARTIAL_CONTENT
        if resumed:
            progress(done)
        with part.open("ab" if resumed else "wb") as file:
            while piece := answer.read(PIECE):
                file.write(piece)
                progress(len(piece))
    if part.stat().st_size < size:
        raise OSError(f"cut off after {part.stat().st_size} of {size} bytes")
