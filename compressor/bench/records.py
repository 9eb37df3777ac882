"""The measurements kept under results/raw, read and brought into one form: what tables, plots and verdicts are made from.

Kinds of JSON: "row" (one codec on one input), "speed" (older rows of our own codec) and "estimate"; other kinds are for
other readers. Beside them lie the logs of training runs, `train-*.jsonl`."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

from coding.errors import KolmozipError
from compressor.system import files
from compressor.system.files import named_errors
from data.splits import SLICES, training_bytes_within

OURS, RIVAL = "kolmozip ", "transformer"
"""How the codec names of our rows and of the transformer baseline's begin."""
FIRST_INPUTS = ("enwik8", "test5m", "test1m", "valid", "head1m")
"""The order of inputs in tables; others follow by name."""
LOGGED = ("train_bits_per_char", "valid_slice_bits_per_char", "valid_bits_per_char")
"""The figures of a training log that make a curve, in bits/char."""


class MalformedResult(KolmozipError):
    """A file under results/raw that is not the measurement it should be."""


@dataclass(frozen=True)
class Input:
    """What was coded. Two files of one name but of other bytes are two inputs and never share a table."""

    name: str
    size: int
    sha256: str

    @property
    def whole(self) -> bool:
        """Whether this is all of enwik8, where weights and program may be held against the payload."""
        return (self.name, self.size) == ("enwik8", SLICES["enwik8"][1])

    @property
    def rank(self) -> tuple[int, str, int, str]:
        """Place in the order of inputs."""
        known = FIRST_INPUTS.index(self.name) if self.name in FIRST_INPUTS else len(FIRST_INPUTS)
        return known, self.name, self.size, self.sha256

    def char_bits(self, size: int) -> float:
        """Bits/char of that many bytes: 8 x bytes / input bytes."""
        return 8 * size / max(1, self.size)


@dataclass(frozen=True)
class _Record:
    """What every measurement states; `file` is the JSON it came from."""

    file: str
    input: str
    input_bytes: int
    input_sha256: str
    date: str
    commit: str | None

    @property
    def subject(self) -> Input:
        """What was coded."""
        return Input(self.input, self.input_bytes, self.input_sha256)

    @property
    def age(self) -> tuple[str, str]:
        """Sorts older before newer."""
        return self.date, self.file


@dataclass(frozen=True)
class Estimate(_Record):
    """Summed information content of a float model on an input (bits/char): not a file."""

    checkpoint: str
    bits_per_char: float
    bits_per_char_network_alone: float
    bytes: int

    @property
    def key(self) -> tuple[str, Input]:
        """Newer measurements of the same key replace older ones."""
        return self.checkpoint, self.subject


@dataclass(frozen=True)
class Row(_Record):
    """One run of one codec on one input. Sizes in bytes, speeds in KB/s of 1000 bytes; None is "not recorded"."""

    codec: str
    family: str
    status: str
    version: str | None
    command: str | None
    reason: str | None
    compressed_bytes: int | None
    weights_bytes: int | None
    program_bytes: int | None
    parameters: int | None
    training_bytes_within: int | None
    portable: bool | None
    seconds_compress: float | None
    seconds_decompress: float | None
    kb_per_s_compress: float | None
    kb_per_s_decompress: float | None
    peak_rss_bytes_compress: int | None
    peak_rss_bytes_decompress: int | None
    blocks: list[list[int]] | None
    jobs: int | None
    train_bytes_seen: int | None
    lanes: int | None
    processor: str | None
    cores: int | None
    system: str | None

    @property
    def key(self) -> tuple[str, Input]:
        """Newer measurements of the same key replace older ones."""
        return self.codec, self.subject

    @property
    def verified(self) -> bool:
        """Whether the decoded bytes were compared with the input and were equal."""
        return self.status == "verified"

    @property
    def payload(self) -> int:
        """Bytes of the compressed file. ValueError for a failed row that has none."""
        if self.compressed_bytes is None:
            raise ValueError(f"{self.file}: a failed run has no payload")
        return self.compressed_bytes

    @property
    def total(self) -> int | None:
        """Payload, weights and program in bytes; None where one of them is not recorded."""
        if self.weights_bytes is None or self.program_bytes is None:
            return None
        return self.payload + self.weights_bytes + self.program_bytes

    @property
    def bits_per_char(self) -> float:
        """Of the payload; computed from the bytes, so that it cannot differ from them."""
        return self.subject.char_bits(self.payload)

    @property
    def total_bits_per_char(self) -> float | None:
        """Of everything counted; None where a part is not recorded."""
        return None if self.total is None else self.subject.char_bits(self.total)

    @property
    def trained_share(self) -> float:
        """Share of the input that is known to be training text of the model."""
        return (self.training_bytes_within or 0) / max(1, self.input_bytes)

    @property
    def ours(self) -> bool:
        """Whether the codec is this repository's."""
        return self.codec.startswith(OURS)


@dataclass(frozen=True)
class Curve:
    """The log of a training run; points are (bytes of text seen, bits/char)."""

    name: str
    train: list[tuple[float, float]]
    valid_slice: list[tuple[float, float]]
    """On a slice of the validation text, while training."""
    valid: list[tuple[float, float]]
    """On all of the validation text."""


@dataclass(frozen=True)
class Results:
    """All that is kept. `rows` are verified, the newest of each codec and input; `failed` are runs that no newer
    verified row has made good; `estimates` the newest of each checkpoint and input."""

    rows: list[Row]
    failed: list[Row]
    estimates: list[Estimate]
    curves: list[Curve]

    @cached_property
    def inputs(self) -> list[Input]:
        """Everything that was coded, in the order of tables."""
        records: list[Row | Estimate] = [*self.rows, *self.failed, *self.estimates]
        return sorted({record.subject for record in records}, key=lambda one: one.rank)


def load(raw: Path) -> Results:
    """All measurements of a folder. Raises MalformedResult (with the file's name) and InputMissing."""
    with named_errors(str(raw)):
        files = sorted(raw.iterdir())
    records = [_record(path) for path in files if path.suffix == ".json"]
    runs = sorted((one for one in records if isinstance(one, Row)), key=lambda row: row.age)
    good = {row.key: row for row in runs if row.verified}
    failed = [
        row
        for row in runs
        if not row.verified and not (row.key in good and good[row.key].age > row.age)
    ]
    estimates = sorted(
        (one for one in records if isinstance(one, Estimate)), key=lambda one: one.age
    )
    curves = [_curve(path) for path in files if path.match("train-*.jsonl")]
    return Results(
        list(good.values()), failed, list({one.key: one for one in estimates}.values()), curves
    )


def ranked(rows: Iterable[Row], subject: Input) -> list[tuple[int | None, Row]]:
    """The rows of one input, best first, with their ranks.

    A slice is ranked by bits/char of the payload, all of enwik8 by everything counted. No rank: on a slice, a model
    that has seen these bytes (its payload says nothing); on enwik8, a row whose weights or program size is not known.
    """
    mine = [row for row in rows if row.subject == subject]
    if subject.whole:
        order = sorted(
            mine, key=lambda row: (row.total is None, row.total or row.payload, row.codec)
        )
        fits = [row.total is not None for row in order]
    else:
        order = sorted(mine, key=lambda row: (row.payload, row.codec))
        fits = [not row.training_bytes_within for row in order]
    return [(sum(fits[: at + 1]) if fits[at] else None, row) for at, row in enumerate(order)]


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise MalformedResult(
            f"{where}: no JSON ({error}): restore it from version control, or remove it"
        ) from error
    if not isinstance(found, dict):
        raise MalformedResult(
            f"{where}: not a JSON object: restore it from version control, or remove it"
        )
    return found


def _text(path: Path) -> str:
    with named_errors(str(path)):
        data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedResult(
            f"{path}: not UTF-8 ({error}): restore it from version control, or remove it"
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises MalformedResult (with the file's name), InputMissing, NoPermission."""
    return _object(_text(path), str(path))


def _record(path: Path) -> Row | Estimate | None:
    """The measurement in a file; None for kinds that are not ours to read."""
    facts = read_json(path)
    match facts.get("kind"):
        case "row":
            row = _typed(Row, facts, path)
        case "speed":
            row = _typed(Row, _from_speed(facts, path), path)
        case "estimate":
            return _typed(Estimate, facts, path)
        case str():
            return None
        case _:
            raise MalformedResult(
                f"{path}: no field 'kind': restore it from version control, or remove it"
            )
    if row.status not in ("verified", "failed"):
        raise MalformedResult(
            f"{path}: status {row.status!r} is neither verified nor failed: measure again"
        )
    if row.verified and row.compressed_bytes is None:
        raise MalformedResult(f"{path}: verified, but without compressed_bytes: measure again")
    return row


def _typed(cls: type[Any], facts: dict[str, Any], path: Path) -> Any:
    """The facts as an object of cls; absent fields that may be None are None. Raises MalformedResult."""
    facts, hints = {**facts, "file": path.name}, get_type_hints(cls)
    for field in fields(cls):
        if not _is(facts.get(field.name), hints[field.name]):
            wrong = f"{facts[field.name]!r} in field" if field.name in facts else "no field"
            raise MalformedResult(
                f"{path}: {wrong} {field.name!r}: restore it from version control, or measure again"
            )
    return cls(**{field.name: facts.get(field.name) for field in fields(cls)})


def _is(value: Any, hint: Any) -> bool:
    """Whether a JSON value is of the field's type; numbers are never negative, and a bool is no number."""
    if isinstance(hint, UnionType):
        return any(_is(value, one) for one in get_args(hint))
    if hint in (int, float):
        return (
            isinstance(value, int if hint is int else (int, float))
            and not isinstance(value, bool)
            and value >= 0
        )
    if hint in (str, bool, NoneType):
        return isinstance(value, hint)
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(_is(one, int) for one in pair) and pair[0]
        for pair in value
    )


def _from_speed(facts: dict[str, Any], path: Path) -> dict[str, Any]:
    """An older row of ours in today's fields; what can be derived from it is."""
    try:
        model, weights, restored = facts["model"], facts["weights"], facts["restored"] is True
        within = training_bytes_within(facts["input"], facts["input_bytes"])
    except (KeyError, TypeError) as error:
        raise MalformedResult(
            f"{path}: {error} is amiss: restore it from version control, or measure again"
        ) from error
    now = {
        "codec": f"{OURS}{model}",
        "family": "neural",
        "version": f"weights {weights}",
        "command": f"kolmozip compress --model {model}",
        "status": "verified" if restored else "failed",
        "reason": None if restored else "decoded bytes differ",
        "portable": True,
    }
    return {"training_bytes_within": within, **facts, **now}


def _curve(path: Path) -> Curve:
    """A training log. Lines without "bytes" (those of validation) stand where their step stands in the text."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in LOGGED}
    a_step = 0.0
    for number, facts in _lines(path):
        try:
            if "bytes" in facts:
                a_step = facts["bytes"] / facts["step"]
            for name in facts.keys() & found.keys():
                found[name].append((float(facts["step"]), float(facts[name])))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise MalformedResult(
                f"{path}: line {number}: {error!r}: restore it from version control"
            ) from error
    train, on_slice, valid = (
        [(step * a_step, bits) for step, bits in sorted(found[name])] for name in LOGGED
    )
    return Curve(path.stem.removeprefix("train-"), train, on_slice, valid)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_text(path).splitlines(), 1):
        if line.strip():
            yield number, _object(line, f"{path}: line {number}")


class EmptyInput(KolmozipError):
    """No figure can be had from no bytes."""


def keep(facts: dict[str, Any], folder: Path, name: str) -> Path:
    """Writes the facts of one run under results/raw, whole or not at all; returns the path, which no other run has had."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name}-{facts['date'].replace(':', '').replace('-', '')}"
    names = itertools.chain(
        [f"{stem}.json"], (f"{stem}-{count}.json" for count in itertools.count(2))
    )
    path = next(path for path in map(folder.joinpath, names) if not path.exists())
    with files.open_output(str(path), force=False) as target:
        target.write((json.dumps(facts, indent=1) + "\n").encode())
    return path


def subject(source: Path) -> dict[str, Any]:
    """What was measured on: name, bytes, SHA-256. Raises EmptyInput."""
    with source.open("rb") as data:
        digest = hashlib.file_digest(data, "sha256")
        size = data.tell()
    if not size:
        raise EmptyInput(f"{source} is empty, so there is nothing to measure: name another input")
    return {"input": source.name, "input_bytes": size, "input_sha256": digest.hexdigest()}
