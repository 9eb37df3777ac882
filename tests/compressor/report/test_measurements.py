"""Measurements as frames: which runs count, how they are ranked, and in what order they stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from compressor.bench.store import MalformedResult
from compressor.errors import InputMissing
from compressor.report.measurements import load


def ranks(keep: Any, name: str = "test5m") -> dict[str, int | None]:
    rows = keep.load().verified
    rows = rows[rows["input"] == name]
    pairs = zip(rows["codec"], rows["rank"].astype(object), strict=True)
    return {codec: rank if isinstance(rank, int) else None for codec, rank in pairs}


def test_rows_are_ranked_by_the_payload_of_a_slice(keep: Any) -> None:
    keep(codec="b", compressed_bytes=2_000_000)
    keep(codec="a", compressed_bytes=3_000_000)
    keep.ours()
    assert ranks(keep) == {"kolmozip tiny": 1, "b": 2, "a": 3}
    assert list(ranks(keep)) == ["kolmozip tiny", "b", "a"]


def test_all_of_enwik8_is_ranked_by_everything_counted(keep: Any) -> None:
    keep(codec="plain", compressed_bytes=20_000_000, **keep.ENWIK8)
    keep.ours(compressed_bytes=18_000_000, training_bytes_within=90_000_000, **keep.ENWIK8)
    keep(codec="unknown program", compressed_bytes=1, program_bytes=None, **keep.ENWIK8)
    assert ranks(keep, "enwik8") == {"plain": 1, "kolmozip tiny": 2, "unknown program": None}
    assert list(ranks(keep, "enwik8"))[-1] == "unknown program"


def test_a_model_that_has_seen_a_slice_gets_no_rank_on_it(keep: Any) -> None:
    head = {"input": "head1m", "input_bytes": 1_000_000}
    keep(codec="plain", compressed_bytes=300_000, **head)
    keep.ours(compressed_bytes=200_000, training_bytes_within=1_000_000, **head)
    assert ranks(keep, "head1m") == {"kolmozip tiny": None, "plain": 1}


def test_what_follows_from_the_facts(keep: Any) -> None:
    keep.ours(training_bytes_within=2_500_000)
    [row] = keep.load().rows.to_dict("records")
    assert (row["payload_bytes"], row["total_bytes"]) == (900_000, 3_950_000)
    assert (row["bits_per_char"], row["total_bits_per_char"]) == (1.44, 6.32)
    assert (row["compared"], row["trained"]) == (1.44, "yes, 50 % of them")


def test_only_a_newer_verified_row_makes_a_failure_good(keep: Any) -> None:
    keep.failed("mended")
    keep(codec="mended")
    keep.failed("broken since", date="2020-01-03T00:00:00Z")
    keep(codec="broken since")
    keep.failed("mended elsewhere")
    keep(codec="mended elsewhere", input="valid")
    kept = keep.load()
    assert {(row.codec, row.input) for row in kept.failed.itertuples()} == {
        ("broken since", "test5m"),
        ("mended elsewhere", "test5m"),
    }
    assert len(kept.verified) == 3


def test_the_newest_verified_row_of_a_codec_and_input_wins(keep: Any) -> None:
    keep(compressed_bytes=1_500_000, date="2020-06-01T00:00:00Z")
    keep(compressed_bytes=1_400_000)
    keep(compressed_bytes=700_000, input="valid")
    rows = keep.load().rows
    assert list(zip(rows["input"], rows["payload_bytes"], strict=True)) == [
        ("test5m", 1_500_000),
        ("valid", 700_000),
    ]


def test_the_newest_estimate_of_a_checkpoint_wins(keep: Any) -> None:
    keep.estimate("tiny", 1.6, date="2020-06-01T00:00:00Z")
    keep.estimate("tiny", 1.7)
    keep.estimate("other", 1.8)
    estimates = keep.load().estimates.set_index("checkpoint")
    assert estimates["bits_per_char_network_alone"].to_dict() == {"tiny": 1.6, "other": 1.8}


def test_files_of_one_name_and_other_bytes_are_two_inputs(keep: Any) -> None:
    keep(codec="a", input="book.txt", input_bytes=9_000_000)
    keep(codec="b", input="book.txt", input_bytes=9_000_000, input_sha256="ef" * 32)
    assert len(keep.load().inputs) == 2
    assert ranks(keep, "book.txt") == {"a": 1, "b": 1}


def test_an_empty_input_breaks_nothing(keep: Any) -> None:
    keep(input="empty", input_bytes=0, compressed_bytes=20, blocks=[])
    keep.ours(input="empty", input_bytes=0, compressed_bytes=0)
    assert ranks(keep, "empty") == {"kolmozip tiny": 1, "made-up -9": 2}


def test_an_older_row_of_ours_is_accepted(keep: Any, raw: Path) -> None:
    absent = ("status", "reason", "program_bytes", "family", "version", "blocks")
    absent += ("training_bytes_within", "portable", "jobs")
    older = {name: value for name, value in keep.MEASURED.items() if name not in absent}
    older |= {"kind": "speed", "codec": "kolmozip", "model": "small", "weights": "c0ffee"}
    (raw / "speed.json").write_text(json.dumps({**older, "restored": True}))
    lie = {**older, "restored": False, "input": "valid"}
    (raw / "speed-lie.json").write_text(json.dumps(lie))
    kept = keep.load()
    [row] = kept.verified.itertuples()
    assert (row.codec, row.family, row.portable) == ("kolmozip small", "neural", True)
    assert (row.training_bytes_within, row.blocks) == (0, None)
    assert kept.rows[["program_bytes", "total_bytes"]].isna().all(axis=None)
    assert list(kept.failed["reason"]) == ["decoded bytes differ"]


def test_of_our_container_the_newest_format_alone_is_shown(keep: Any) -> None:
    keep(codec="gzip -9")
    keep.ours(compressed_bytes=700_000)
    keep.rival()
    keep.estimate("tiny", 1.6)
    assert ranks(keep) == {"kolmozip tiny": 1, "gzip -9": 2, "transformer-tiny": 3}
    assert list(keep.load().estimates["current"]) == [True]
    keep.level(6)
    keep.level(1, file_format=0, input="valid")
    kept = keep.load()
    assert ranks(keep) == {"kolmozip -6": 1, "gzip -9": 2}
    assert [subject.name for subject in kept.inputs] == ["test5m"]
    assert sorted(kept.earlier["codec"]) == ["kolmozip -1", "kolmozip tiny", "transformer-tiny"]
    assert list(kept.estimates["current"]) == [False]


def test_a_failed_row_makes_no_format_the_newest(keep: Any) -> None:
    keep.ours()
    keep.level(6, **keep.FAILED)
    assert ranks(keep) == {"kolmozip tiny": 1}


def test_files_of_groups_stand_apart_each_as_it_was_last_measured(keep: Any) -> None:
    group = {"group": "files-test", "input": "a.c"}
    keep(**group, date="2020-01-01T00:00:00Z", input_sha256="cd" * 32)
    keep(**group, codec="other")
    keep(**group, codec="other", date="2020-01-03T00:00:00Z", compressed_bytes=5)
    keep(**group, codec="broken", **{**keep.FAILED, "date": "2020-01-02T00:00:00Z"})
    kept = keep.load()
    assert (len(kept.rows), kept.inputs) == (0, [])
    assert list(zip(kept.grouped["codec"], kept.grouped["verified"], strict=True)) == [
        ("broken", False),
        ("other", True),
    ]
    assert kept.grouped["payload_bytes"].dropna().tolist() == [5]


def test_other_kinds_of_measurement_are_left_alone(keep: Any, raw: Path) -> None:
    (raw / "other.json").write_text('{"kind": "ablation"}')
    kept = keep.load()
    assert (len(kept.rows), len(kept.estimates), kept.curves, kept.inputs) == (0, 0, [], [])


def test_a_malformed_log_is_named_with_its_line(raw: Path) -> None:
    log = '{"step": 1, "bytes": 8, "train_bits_per_char": 7.5}\n{"step": 1, "bytes"\n'
    (raw / "train-x.jsonl").write_text(log)
    with pytest.raises(MalformedResult, match=r"train-x\.jsonl: line 2"):
        load(raw)


def test_a_missing_folder_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        load(tmp_path / "none")
