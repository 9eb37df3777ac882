"""Weights files at hand, by name, path or identity, without loading any of them.

They are those shipped in the package and those in the folder that KOLMOZIP_WEIGHTS names.
"""

from __future__ import annotations

import functools
import json
import os
import stat
from importlib import resources
from pathlib import Path
from typing import Any

from coding.errors import UnknownWeights
from compressor.errors import AmbiguousModel, UnknownModel
from models.integer.identity import identity_of_bytes

DEFAULT_MODEL = "base"
FOLDER_VARIABLE = "KOLMOZIP_WEIGHTS"
SUFFIX = ".kzw"
LARGEST_FILE = 1 << 28
"""Bytes. A file that is larger is no weights file: FORMAT.md, section 4, bounds the parameters."""


def _folders() -> list[Path]:
    own = os.environ.get(FOLDER_VARIABLE)
    shipped = Path(str(resources.files("models") / "shipped"))
    return [shipped, *([Path(own)] if own else [])]


def weights_files() -> list[Path]:
    """Every weights file at hand that can be read, shipped ones first.

    What is no regular file (a pipe would never end) or may not be read is left out.
    """
    candidates = (
        path
        for folder in _folders()
        if folder.is_dir()
        for path in sorted(folder.glob(f"*{SUFFIX}"))
    )
    return [path for path in candidates if _identity(path) is not None]


def _identity(path: Path) -> bytes | None:
    """Identity of the weights file at this path; None where it cannot be read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
            return None
        return _identity_of(path, status.st_mtime_ns, status.st_size)
    except OSError:
        return None


@functools.lru_cache(maxsize=64)
def _identity_of(path: Path, _modified: int, _size: int) -> bytes:
    """The identity of a file, hashed once as long as the file does not change."""
    return identity_of_bytes(path.read_bytes())


def identity_of(path: Path) -> bytes:
    """Identity (8 bytes) of a weights file at hand. Raises UnknownModel where it cannot be read."""
    identity = _identity(path)
    if identity is None:
        raise UnknownModel(f"{path} cannot be read as a weights file: check the path")
    return identity


def card_of(path: Path) -> dict[str, Any]:
    """The card beside a weights file; empty where none can be read, as no file depends on it."""
    try:
        card = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return card if isinstance(card, dict) else {}


def path_by_name(name: str) -> Path:
    """The weights file of this name, or at this path where the name ends in .kzw.

    Raises UnknownModel, and AmbiguousModel where two files with other weights share the name.
    """
    if name.endswith(SUFFIX):
        if not Path(name).is_file():
            raise UnknownModel(f"no weights file {name}: check the path")
        return Path(name).resolve()
    files = weights_files()
    named = [path for path in files if path.stem == name]
    if not named:
        have = ", ".join(sorted({path.stem for path in files})) or "none"
        raise UnknownModel(
            f"no model named {name} (at hand: {have}): name one of these, or a path of a .kzw file"
        )
    if len({_identity(path) for path in named}) > 1:
        places = " and ".join(map(str, named))
        raise AmbiguousModel(f"{places} have one name: give the path of the one you mean")
    return named[0]


def path_of(identity: bytes) -> Path | None:
    """The weights file of this identity, None where it is not at hand.

    ``identity`` may be the first bytes alone, as the short form of a container says it. Raises
    AmbiguousModel where weights that differ begin with them.
    """
    found = {
        whole: path
        for path in reversed(weights_files())
        if (whole := _identity(path)) is not None and whole.startswith(identity)
    }
    if len(found) > 1:
        places = " and ".join(map(str, reversed(found.values())))
        raise AmbiguousModel(
            f"{places} have identities that begin with {identity.hex()}, and the file was coded "
            f"with one of them: leave only that in the folder that {FOLDER_VARIABLE} names"
        )
    return next(iter(found.values()), None)


def path_by_identity(identity: bytes) -> Path:
    """The weights file that a container was coded with, by its identity or the first bytes of it.

    Raises UnknownWeights, AmbiguousModel.
    """
    path = path_of(identity)
    if path is None:
        raise UnknownWeights(
            f"the file was coded with weights {identity.hex()}, which are not at hand: "
            f"put their {SUFFIX} file into a folder and name it in {FOLDER_VARIABLE}"
        )
    return path
