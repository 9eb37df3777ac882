"""The manifest: every archive by registry, version and hash, and what is taken from it.

It holds no text. `manifest.toml` beside this file is the one that ships; its head says what the
fields mean. Splits are by upstream family: a family is on one side only, and `checked` says so.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, get_args

from data.corpora import CorpusError

Part = Literal["train", "development", "test", "benchmark"]
"""Side of a package; the text of a benchmark is used to keep it out of the others, and no more."""

Registry = Literal["pypi", "crates", "debian"]

PARTS: tuple[Part, ...] = ("train", "development", "test")
"""Parts that are written."""

HOMES: dict[Registry, str] = {
    "pypi": "https://files.pythonhosted.org",
    "crates": "https://static.crates.io",
    "debian": "https://deb.debian.org/debian",
}
"""Public home of each registry's archives, which a package's `path` is relative to."""

SHIPPED = Path(__file__).with_name("manifest.toml")


class ManifestError(CorpusError):
    """The manifest does not say what is needed, or contradicts itself."""


@dataclass(frozen=True)
class Take:
    """Which files of a package are used, as what, and how much of them.

    `include` and `exclude` are shell patterns of the whole path, in which `*` stands for `/` too.
    `cap` is the most bytes that are taken. `treat` names treatments of `data.general.treatments`,
    applied in this order. `language` is a regular expression whose only group finds the language in
    the path; it is added to the kind. `own_lines` names a set of translations of one text, which
    may be spread over packages: only lines that stand in one language of the set are used.
    """

    kind: str
    include: tuple[str, ...]
    cap: int
    exclude: tuple[str, ...] = ()
    treat: tuple[str, ...] = ()
    language: str | None = None
    own_lines: str | None = None

    def matches(self, path: str) -> bool:
        """Whether the file at this path inside the archive is meant."""
        return (
            any(fnmatchcase(path, pattern) for pattern in self.include)
            and not any(fnmatchcase(path, pattern) for pattern in self.exclude)
            and (self.language is None or re.search(self.language, path) is not None)
        )

    def kind_of(self, path: str) -> str:
        """The kind of the file at a matching path, with its language where one is looked for."""
        found = None if self.language is None else re.search(self.language, path)
        return self.kind if found is None else f"{self.kind}-{found[1].lower().replace('_', '-')}"


@dataclass(frozen=True)
class Package:
    """One archive: where it is had, what it must be, and what is taken from it.

    `size` is in bytes. `path` is relative to the registry's home. `sha1` is how Debian's archive of
    old packages names a file; only a package of Debian has it. `inside` is the pattern of a zip
    within the archive whose files are meant instead of the archive's own.
    """

    name: str
    registry: Registry
    version: str
    path: str
    size: int
    sha256: str
    licence: str
    permissive: bool
    part: Part
    family: str
    take: tuple[Take, ...] = ()
    sha1: str | None = None
    inside: str | None = None

    @property
    def file(self) -> str:
        """Name of the archive."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Manifest:
    """Packages in the order in which they are built, and the seed of every choice.

    `sha256` is that of the file it was read from.
    """

    seed: int
    packages: tuple[Package, ...]
    sha256: str = ""

    def of(self, *parts: Part, permissive: bool = False) -> tuple[Package, ...]:
        """The packages of these parts, on request those under permissive licences alone."""
        return tuple(
            package
            for package in self.packages
            if package.part in parts and (package.permissive or not permissive)
        )


def load(path: Path | None = None) -> Manifest:
    """The manifest in a TOML file, by default the shipped one. Raises ManifestError, OSError."""
    path = path or SHIPPED
    content = path.read_bytes()
    try:
        table = tomllib.loads(content.decode())
    except ValueError as error:  # of the encoding or of the form
        raise ManifestError(f"{path} is not TOML ({error}): correct it") from error
    packages = tuple(_package(entry) for entry in table.get("package", ()))
    digest = hashlib.sha256(content).hexdigest()
    return checked(Manifest(int(table.get("seed", 0)), packages, digest))


def _package(entry: Mapping[str, Any]) -> Package:
    name = str(entry.get("name", "a package without a name"))
    takes = tuple(_made(Take, take, f"a take of {name}") for take in entry.get("take", ()))
    return _made(Package, {**entry, "take": takes}, name)


def _made(kind: type[Any], entry: Mapping[str, Any], name: str) -> Any:
    """An object of a data class with an entry's fields; lists become tuples."""
    known = {field.name for field in fields(kind)}
    if unknown := sorted(set(entry) - known):
        raise ManifestError(f"{name} has the unknown field {unknown[0]!r}: correct the manifest")
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise ManifestError(f"{name} lacks a field ({error}): correct the manifest") from error


def checked(manifest: Manifest) -> Manifest:
    """The manifest itself. Raises ManifestError where it contradicts itself."""
    sides: dict[str, str] = {}
    for package in manifest.packages:
        _check(package)
        side = sides.setdefault(package.family, package.part)
        if side != package.part:
            raise ManifestError(
                f"{package.name} is of the family {package.family}, which is in {side}: "
                f"a family cannot be in {package.part} too"
            )
    _check_unique(package.file for package in manifest.packages)
    return manifest


def _check(package: Package) -> None:
    for value, allowed in ((package.registry, get_args(Registry)), (package.part, get_args(Part))):
        if value not in allowed:
            raise ManifestError(f"{package.name} has {value!r}: choose from {', '.join(allowed)}")
    if not re.fullmatch(r"[0-9a-f]{64}", package.sha256):
        raise ManifestError(f"{package.name} has no SHA-256 of 64 hex digits: pin it again")
    if not package.take:
        raise ManifestError(f"nothing is taken from {package.name}: add a take, or remove it")


def _check_unique(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ManifestError(f"{name} stands in the manifest twice: put its takes together")
        seen.add(name)
