"""The folder of measurements, results/raw: one JSON object a run, written once, read back whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import tempfile
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from coding.errors import KolmozipError
from compressor.errors import OutputExists
from compressor.system.files import named_errors, open_output

Facts: TypeAlias = dict[str, Any]
"""What one run states of itself, as the JSON object that is kept."""

LONGEST_SLUG = 100
"""Characters; file systems take names of 255 bytes."""
DIGEST = 8
"""Hexadecimal digits of the SHA-256 that tell names apart whose slugs were cut."""
RESTORE = "restore it from version control, or measure again"

T = TypeVar("T")


class MalformedResult(KolmozipError):
    """A file under results/raw that is not the measurement it should be."""


def slug(name: str, longest: int = LONGEST_SLUG) -> str:
    """A name as part of a file's name: its ASCII letters and digits, '-' for all between them.

    At most ``longest`` characters: what is longer, or would be empty, ends in digits of its hash.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if plain and len(plain) <= longest:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST]
    start = plain[: longest - DIGEST - 1].rstrip("-")
    return f"{start}-{digest}" if start else digest


def significant(value: float, digits: int = 4) -> float:
    """The value rounded to so many significant digits: small figures keep their precision."""
    return float(f"{value:.{digits}g}")


def prepare(folder: Path) -> None:
    """Makes the folder and checks that it takes files, which is best known before a long run.

    Raises NoPermission, DiskFull, InputOutput.
    """
    with named_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()


def keep(facts: Facts, folder: Path, name: str) -> Path:
    """Writes the facts of one run as JSON, whole or not at all; returns the path.

    The path is made of the name's slug and of the date in the facts; no other run has it, also
    where several processes keep theirs at once. Raises NoPermission, DiskFull.
    """
    prepare(folder)
    stem, count = f"{slug(name)}-{re.sub('[-:]', '', facts['date'])}", 1
    while True:
        path = folder / f"{stem}{f'-{count}' if count > 1 else ''}.json"
        with contextlib.suppress(OutputExists):
            with open_output(str(path), force=False) as target:
                target.write((json.dumps(facts, indent=1) + "\n").encode())
            return path
        count += 1


def read_text(path: Path) -> str:
    """The text of a file. Raises MalformedResult, InputMissing, NoPermission."""
    with named_errors(str(path)):
        data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedResult(f"{path}: not UTF-8 ({error}): {RESTORE}") from error


def read_json(path: Path) -> Facts:
    """The object in a JSON file. Raises MalformedResult, InputMissing, NoPermission."""
    return _object(read_text(path), str(path))


def read_lines(path: Path) -> Iterator[tuple[int, Facts]]:
    """Number and object of each line of a log, one JSON object a line, empty lines left out.

    Raises MalformedResult, which names the line, InputMissing, NoPermission.
    """
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            yield number, _object(line, f"{path}: line {number}")


def _object(text: str, where: str) -> Facts:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedResult(f"{where}: no JSON ({error}): {RESTORE}") from error
    if not isinstance(facts, dict):
        raise MalformedResult(f"{where}: not a JSON object: {RESTORE}")
    return facts


def typed(kind: type[T], facts: Facts, path: Path) -> T:
    """The facts of a file as an object of a dataclass, whose fields say what must be there.

    Fields are of plain types, of lists, of other dataclasses, or one of these or None; a field that
    may be None may be absent, and facts without a field are left out. Numbers are finite and never
    negative. Raises MalformedResult, which names the file and the field.
    """
    try:
        converted: T = _convert(kind, facts, "the object")
    except ValueError as error:
        raise MalformedResult(f"{path}: {error}: {RESTORE}") from error
    return converted


def _convert(hint: Any, value: Any, name: str) -> Any:
    """The JSON value of a field as its hint says. Raises ValueError, which names the field."""
    if isinstance(hint, UnionType):
        if value is None:
            return None
        hint = get_args(hint)[0]
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, dict):
        hints = get_type_hints(hint)
        return hint(**{key: _convert(hints[key], value.get(key), key) for key in hints})
    if get_origin(hint) is list and isinstance(value, list):
        return [_convert(get_args(hint)[0], item, name) for item in value]
    if hint in (int, float):
        number = isinstance(value, int if hint is int else (int, float))
        fits = number and not isinstance(value, bool) and 0 <= value < math.inf
    else:
        fits = isinstance(value, get_origin(hint) or hint)
    if not fits:
        wanted = getattr(hint, "__name__", hint)
        raise ValueError(f"{name!r} is {value!r}, which is no {wanted}")
    return value
