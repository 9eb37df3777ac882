"""The kept measurements as frames: a line a run, with what follows from its facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

from baselines.cited import FIELDS
from compressor.bench.records import OURS, RIVAL, Curve, Estimate, Input, Row
from compressor.bench.records import load as load_records
from compressor.report.inputs import is_slice
from compressor.report.tables import percent, written
from compressor.system.extras import need

with need("report"):
    import pandas as pd

DTYPES = {int: "Int64", float: "Float64", str: "string", bool: "boolean"}
"""Python type -> that of a column in which values may be missing."""
AGE = ["date", "file"]
"""Sorts older measurements before newer ones."""
LIBRARY = " (library)"
"""How the names of codecs end that exist as a program too."""


@dataclass(frozen=True)
class Measurements:
    """All that is kept, and what is quoted from elsewhere.

    ``rows`` has the newest verified run of each codec and input, and failed runs that no newer
    verified one has made good. Of files in our container it has those of the newest format alone;
    ``earlier`` has the others, and is like ``rows`` in all else. It is sorted as tables are: by
    input, then the rows that compete by rank, then others, failed ones last. Beside the facts of
    `compressor.bench.records.Row` it has

    - subject, place: the `Input`, and the place of the input among all inputs
    - verified, ours, contained, whole, competes: bool; contained says that our container holds the
      file, whole that the input is all of enwik8
    - payload_bytes, total_bytes: the compressed file; with weights and program
    - bits_per_char, total_bits_per_char: the same in bits a byte of input
    - compared: the bits/char that codecs are compared by, in all where `whole`, else the payload's
    - trained_share, trained: how much of the input the model was trained on, as a number and in
      words
    - rank: place among the rows of the input that compete, from 1; missing where one does not
    """

    rows: pd.DataFrame
    earlier: pd.DataFrame
    grouped: pd.DataFrame
    """The newest runs on the files of groups, of each file as it was measured last; not ranked."""
    estimates: pd.DataFrame
    """The newest of each checkpoint and input, with its ``subject``; ``current`` says whether it is
    one beside the memory of the newest format."""
    curves: Sequence[Curve]
    cited: pd.DataFrame
    """Figures quoted from elsewhere, as `baselines.cited` describes them."""

    @property
    def verified(self) -> pd.DataFrame:
        """The rows whose decoded bytes were equal to the input."""
        return self.rows[self.rows["verified"]]

    @property
    def failed(self) -> pd.DataFrame:
        """The other rows."""
        return self.rows[~self.rows["verified"]]

    @property
    def inputs(self) -> list[Input]:
        """All that was coded, in the order of tables."""
        estimates = self.estimates[self.estimates["current"]]
        subjects = {*self.rows["subject"], *estimates["subject"]}
        return sorted(subjects, key=lambda subject: subject.rank)


def load(raw: Path, cited: Sequence[Mapping[str, Any]] = ()) -> Measurements:
    """The measurements of a folder, beside figures quoted from elsewhere.

    Raises MalformedResult (with the file's name) and InputMissing.
    """
    results = load_records(raw)
    rows = _derived(frame(results.rows, Row))
    newest = rows["file_format"].where(rows["verified"]).max()
    newest = 0 if pd.isna(newest) else newest
    earlier = rows["contained"] & (rows["file_format"].fillna(0) < newest)
    rows, grouped = rows[rows["group"].isna()], rows[rows["group"].notna() & ~earlier]
    earlier = earlier[rows.index]
    estimates = frame(results.estimates, Estimate).sort_values(AGE)
    current = (estimates["file_format"].fillna(0) >= newest).astype(bool)
    return Measurements(
        _ranked(_newest(rows[~earlier])),
        _ranked(_newest(rows[earlier])),
        _newest(_as_last_measured(grouped)),
        estimates.assign(current=current).drop_duplicates(["checkpoint", "subject"], keep="last"),
        results.curves,
        pd.DataFrame(cited, columns=list(FIELDS), dtype=object),
    )


def about(cited: pd.DataFrame, subject: Input) -> pd.Series:
    """Which cited figures are about an input: the slice of that name, not any file called so."""
    return (cited["input"] == subject.name) & is_slice(subject)


def on_slice(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The newest row of each codec on a slice of enwik8."""
    rows = rows[(rows["input"] == name) & rows["subject"].map(is_slice).astype(bool)]
    return rows.sort_values(AGE).drop_duplicates("codec", keep="last")


def without_libraries(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of an input but those of libraries whose program has one, at nearly its place."""
    library = rows["codec"].str.endswith(LIBRARY)
    program = rows["codec"].str.removesuffix(LIBRARY)
    return rows[~(library & program.isin(rows["codec"]))]


def machines(rows: pd.DataFrame) -> list[str]:
    """Each machine that rows were measured on, in words."""
    return sorted(
        f"{written(row.processor, str)}, {written(row.cores, _cores)}"
        for row in rows[["processor", "cores"]].drop_duplicates().itertuples()
    )


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"


def frame(records: Sequence[Row] | Sequence[Estimate], kind: type) -> pd.DataFrame:
    """Records of one kind, a line each; whole numbers stay whole where others are missing."""
    columns = {}
    for name, hint in get_type_hints(kind).items():
        types = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        (known,) = (each for each in types if each is not NoneType)
        values = [getattr(record, name) for record in records]
        columns[name] = pd.Series(values, dtype=DTYPES.get(known, object))
    subjects = pd.Series([record.subject for record in records], dtype=object)
    return pd.DataFrame({**columns, "subject": subjects})


def _derived(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what follows from their facts."""
    whole = pd.Series([subject.whole for subject in rows["subject"]], rows.index, dtype=bool)
    size = rows["input_bytes"].clip(lower=1)
    payload = rows["compressed_bytes"]
    total = payload + rows["weights_bytes"] + rows["program_bytes"]
    share = rows["training_bytes_within"] / size
    ours = rows["codec"].str.startswith(OURS).astype(bool)
    return rows.assign(
        verified=(rows["status"] == "verified").astype(bool),
        ours=ours,
        contained=ours | rows["codec"].str.startswith(RIVAL).astype(bool),
        whole=whole,
        payload_bytes=payload,
        total_bytes=total,
        bits_per_char=8 * payload / size,
        total_bits_per_char=8 * total / size,
        compared=8 * total.where(whole, payload) / size,
        trained_share=share,
        trained=pd.Series([_trained(value) for value in share], rows.index, dtype="string"),
    )


def _trained(share: float) -> str:
    """Whether a model was trained on the bytes it codes, in words."""
    if pd.isna(share):
        return "not known"
    return f"yes, {percent(share)} of them" if share else "no"


def _newest(rows: pd.DataFrame) -> pd.DataFrame:
    """The newest verified run of each codec and input, and failed ones not made good since."""
    rows = rows.sort_values(AGE, ignore_index=True)
    order = pd.Series(range(len(rows)), dtype="Int64")
    of_one_kind = order.where(rows["verified"]).groupby(
        [rows["codec"], rows["subject"]], sort=False
    )
    newest = of_one_kind.transform("max")
    good, made_good = (order == newest).fillna(False), (order < newest).fillna(False)
    return rows[good | (~rows["verified"] & ~made_good)]


def _as_last_measured(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of each file of a group that are about the bytes it had in its newest row."""
    rows = rows.sort_values(AGE, ignore_index=True)
    last = rows.groupby(["group", "input"])["input_sha256"].transform("last")
    return rows[rows["input_sha256"] == last]


def _ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows in the order of tables, with their ranks.

    A slice is ranked by the payload, all of enwik8 by everything counted. No rank has a failed run;
    on a slice a model that has seen these bytes, since its payload says nothing; on enwik8 a row
    whose weights or program size is not known.
    """
    order = sorted(set(rows["subject"]), key=lambda subject: subject.rank)
    seen = rows["training_bytes_within"].fillna(0) > 0
    competes = rows["verified"] & rows["compared"].notna() & (rows["whole"] | ~seen)
    rows = rows.assign(
        place=pd.Series(
            [order.index(subject) for subject in rows["subject"]], rows.index, dtype=int
        ),
        competes=competes.astype(bool),
        failed=~rows["verified"],
        unknown=rows["compared"].isna(),
        size=rows["compared"].fillna(rows["bits_per_char"]).where(rows["verified"], 0),
    )
    keys = ["place", "failed", "unknown", "size", "codec", *AGE]
    rows = rows.sort_values(keys, ignore_index=True).drop(columns=["failed", "unknown", "size"])
    place = rows[rows["competes"]].groupby("place").cumcount() + 1
    return rows.assign(rank=place.reindex(rows.index).astype("Int64"))
