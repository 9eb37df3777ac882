"""The measurements kept under results/raw in one form: what tables, plots and verdicts are made of.

Kinds of JSON: "row" (one codec on one input), "speed" (our own codec, before it had levels) and
"estimate"; other kinds are for other readers. Beside them lie the logs of training runs,
``train-*.jsonl``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from coding.errors import KolmozipError
from compressor.bench.store import (
    RESTORE,
    Facts,
    MalformedResult,
    read_json,
    read_lines,
    typed,
)
from compressor.system.files import named_errors
from data.splits import SLICES, training_bytes_within

OURS, RIVAL = "kolmozip ", "transformer"
"""How the codec names of our rows and of the transformer baseline's begin."""
FIRST_INPUTS = ("enwik8", "test5m", "test1m", "tail256k", "valid", "head1m")
"""The order of inputs in tables; others follow by name."""
GROUPS = {"files-development": "development", "files-known": "known", "files-test": "test"}
"""Name of a group of files, and of its folder -> the part of `kolmozip corpus files` that it is."""
LOGGED = ("train_bits_per_char", "valid_slice_bits_per_char", "valid_bits_per_char")
"""The figures of a training log that make a curve, in bits/char."""
WEIGHT_BITS = "weight-bits"
"""The kind of JSON that ``compressor.bench.weight_bits`` writes, and how its files begin."""
WEIGHT_BITS_TEXT = 1 << 20
"""Bytes of validation text it measures on: with fewer, the memory has hardly begun to help."""
ENGINES = "engines"
"""The kind of JSON that ``compressor.bench.engines`` writes, and how its files begin."""
MEASURE = "measure again"
"""The remedy for a measurement that contradicts itself."""


class EmptyInput(KolmozipError):
    """No figure can be had from no bytes."""


@dataclass(frozen=True)
class Input:
    """What was coded. Two files of one name but of other bytes never share a table."""

    name: str
    size: int
    sha256: str

    @classmethod
    def of(cls, source: Path) -> Input:
        """The input that a file is. Raises EmptyInput, InputMissing, NoPermission."""
        with named_errors(str(source)), source.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256")
            size = data.tell()
        if not size:
            raise EmptyInput(f"{source} is empty, nothing can be measured: name another input")
        return cls(source.name, size, digest.hexdigest())

    @property
    def facts(self) -> Facts:
        """As every measurement states it."""
        return {"input": self.name, "input_bytes": self.size, "input_sha256": self.sha256}

    @property
    def whole(self) -> bool:
        """Whether this is all of enwik8, where weights and program count against the payload."""
        return (self.name, self.size) == ("enwik8", SLICES["enwik8"][1])

    @property
    def rank(self) -> tuple[int, str, int, str]:
        """Place in the order of inputs."""
        known = FIRST_INPUTS.index(self.name) if self.name in FIRST_INPUTS else len(FIRST_INPUTS)
        return known, self.name, self.size, self.sha256


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
    file_format: int | None
    """The format whose memory it was estimated beside; None is one before version 1."""
    bits_per_char: float
    bits_per_char_network_alone: float
    bytes: int


@dataclass(frozen=True)
class Row(_Record):
    """One run of one codec on one input; None is "not recorded".

    Sizes are in bytes, speeds in KB/s of 1000 bytes. ``blocks`` holds [input bytes, output bytes]
    of each piece of the file.
    """

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
    file_format: int | None
    """The version of our container that held it; None for other codecs, and before version 1."""
    group: str | None
    """The group of files that the input is one of, a key of GROUPS."""
    level: int | None
    model: str | None
    weights: str | None
    """Names and identities of the weights that the file names, one after the other."""
    design: str | None
    """Of the memory, ``light`` or ``full``, as the file's first mixed block says."""
    tables_mib: int | None
    """MiB of the memory's tables, as that block says."""
    lanes: int | None
    processor: str | None
    cores: int | None
    system: str | None
    build: str | None
    """How an external program was built: commit, flags, repairs."""

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
    def bits_per_char(self) -> float:
        """8 x compressed bytes / input bytes. ValueError for a failed row that has no payload."""
        return 8 * self.payload / max(1, self.input_bytes)


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
    """All that is kept, older measurements before newer ones."""

    rows: list[Row]
    """Every run of a codec, verified or failed."""
    estimates: list[Estimate]
    curves: list[Curve]


def load(raw: Path) -> Results:
    """All measurements of a folder. Raises MalformedResult, InputMissing, NoPermission."""
    with named_errors(str(raw)):
        paths = sorted(raw.iterdir())
    records = [_record(read_json(path), path) for path in paths if path.suffix == ".json"]
    rows = [record for record in records if isinstance(record, Row)]
    estimates = [record for record in records if isinstance(record, Estimate)]
    return Results(
        sorted(rows, key=lambda row: row.age),
        sorted(estimates, key=lambda estimate: estimate.age),
        [_curve(path) for path in paths if path.match("train-*.jsonl")],
    )


def row_of(facts: Facts, path: Path) -> Row:
    """The row that a JSON file of kind "row" or "speed" holds. Raises MalformedResult."""
    row = typed(Row, {**facts, "file": path.name}, path)
    if row.status not in ("verified", "failed"):
        raise MalformedResult(
            f"{path}: status {row.status!r} is neither verified nor failed: {MEASURE}"
        )
    if row.verified and row.compressed_bytes is None:
        raise MalformedResult(f"{path}: verified, but without compressed_bytes: {MEASURE}")
    if row.group is not None and row.group not in GROUPS:
        raise MalformedResult(f"{path}: group {row.group!r} is not known: {MEASURE}")
    if any(len(block) != 2 or not block[0] for block in row.blocks or []):
        raise MalformedResult(f"{path}: blocks that are no pairs of byte counts: {MEASURE}")
    return row


def _record(facts: Facts, path: Path) -> Row | Estimate | None:
    """The measurement that a file holds; None for kinds that are for other readers."""
    match facts.get("kind"):
        case "row":
            return row_of(facts, path)
        case "speed":
            return row_of(_from_speed(facts, path), path)
        case "estimate":
            return typed(Estimate, {**facts, "file": path.name}, path)
        case str():
            return None
        case _:
            raise MalformedResult(f"{path}: no field 'kind': {RESTORE}")


def _from_speed(facts: Facts, path: Path) -> Facts:
    """A run of our own codec before it had levels, as a row; what can be derived from it is."""
    try:
        model, weights, restored = facts["model"], facts["weights"], facts["restored"] is True
        within = training_bytes_within(facts["input"], facts["input_bytes"])
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedResult(f"{path}: {error!r}: {RESTORE}") from error
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
    """A training log.

    Lines without "bytes" (those of validation) stand where their step stands in the text.
    """
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in LOGGED}
    step_bytes = 0.0
    for number, facts in read_lines(path):
        try:
            if "bytes" in facts:
                step_bytes = facts["bytes"] / facts["step"]
            for name in facts.keys() & points.keys():
                points[name].append((float(facts["step"]), float(facts[name])))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise MalformedResult(f"{path}: line {number}: {error!r}: {RESTORE}") from error
    train, valid_slice, valid = (
        [(step * step_bytes, bits) for step, bits in sorted(points[name])] for name in LOGGED
    )
    return Curve(path.stem.removeprefix("train-"), train, valid_slice, valid)
