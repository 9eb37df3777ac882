"""The newest of the measurements that are kept, of kinds that have a page of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, TypeVar

from compressor.bench.store import Facts, read_json, typed
from compressor.system.files import named_errors


class Dated(Protocol):
    """A measurement that says when it was made."""

    @property
    def date(self) -> str:
        """In ISO 8601."""


Record = TypeVar("Record", bound=Dated)


def _paths(raw: Path, kind: str) -> list[Path]:
    with named_errors(str(raw)):
        return sorted(raw.glob(f"{kind}-*.json"))


def newest(raw: Path, kind: str, record: type[Record]) -> tuple[Record, str] | None:
    """The newest measurement and its file's name; None where there is none.

    Raises MalformedResult.
    """
    measured = [(typed(record, read_json(path), path), path.name) for path in _paths(raw, kind)]
    return max(measured, key=lambda pair: (pair[0].date, pair[1])) if measured else None


def newest_by_input(raw: Path, kind: str) -> list[Facts]:
    """The newest measurement of each input, by its name. Raises MalformedResult."""

    def date(facts: dict[str, Any]) -> str:
        return str(facts["date"])

    every = sorted(map(read_json, _paths(raw, kind)), key=date)
    return [facts for _, facts in sorted({facts["input"]: facts for facts in every}.items())]
