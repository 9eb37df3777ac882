"""The folder of results: names that are safe and never twice the same, and JSON that is checked."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from compressor.bench import store
from compressor.bench.store import (
    MalformedResult,
    keep,
    prepare,
    read_json,
    read_lines,
    slug,
    typed,
)
from compressor.errors import DiskFull, NoPermission
from compressor.system import files

FACTS = {"kind": "row", "date": "2020-01-02T03:04:05Z"}
STAMP = "20200102T030405Z"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("zstd --ultra -22", "zstd-ultra-22"),
        ("bzip3 (library)", "bzip3-library"),
        ("Ablation-N-grams: 2^16, x0.5", "ablation-n-grams-2-16-x0-5"),
        ("row-kolmozip small-test5m", "row-kolmozip-small-test5m"),
        ("../../etc/passwd", "etc-passwd"),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_slug_is_letters_digits_and_hyphens(name: str, expected: str) -> None:
    assert slug(name) == expected
    assert slug(slug(name)) == slug(name)


@pytest.mark.parametrize("name", ["x" * 101, "日本語", "", "...", "ab-" * 5000, "\udcff"])
def test_a_name_that_is_too_long_or_all_of_other_signs_ends_in_a_hash(name: str) -> None:
    assert len(slug(name)) <= 100
    assert re.fullmatch(r"([a-z0-9]+-)*[0-9a-f]{8}", slug(name))
    assert slug(name) != slug(name + "y" + name)


def test_slugs_that_were_cut_differ_where_the_names_do() -> None:
    assert slug("a" * 200 + "b", 20) != slug("a" * 200 + "c", 20)
    assert len(slug("a" * 200, 20)) == 20


def test_facts_are_kept_as_json_under_name_and_date(tmp_path: Path) -> None:
    path = keep(FACTS, tmp_path / "results" / "raw", "row-xz -9e-test5m")
    assert path == tmp_path / "results" / "raw" / f"row-xz-9e-test5m-{STAMP}.json"
    assert read_json(path) == FACTS


def test_a_name_longer_than_file_systems_take_is_kept_all_the_same(tmp_path: Path) -> None:
    path = keep(FACTS, tmp_path, "row-xz-" + "long" * 80)
    assert json.loads(path.read_text()) == FACTS
    assert len(path.name) < 130


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    paths = [keep({**FACTS, "run": run}, tmp_path, "row") for run in range(3)]
    assert [path.name for path in paths] == [
        f"row-{STAMP}.json",
        f"row-{STAMP}-2.json",
        f"row-{STAMP}-3.json",
    ]
    assert [read_json(path)["run"] for path in paths] == [0, 1, 2]


def test_a_name_that_another_run_takes_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keep({**FACTS, "run": 0}, tmp_path, "row")
    monkeypatch.setattr(files, "check_output", lambda *_: None)  # as if it appeared just now
    after = keep({**FACTS, "run": 1}, tmp_path, "row")
    assert [read_json(path)["run"] for path in (before, after)] == [0, 1]
    assert sorted(tmp_path.iterdir()) == sorted([before, after])


def test_runs_that_end_at_once_all_keep_their_facts(tmp_path: Path) -> None:
    count = 16
    barrier, paths = threading.Barrier(count), list[Path]()

    def work(run: int) -> None:
        barrier.wait()
        paths.append(keep({**FACTS, "run": run}, tmp_path, "row"))

    threads = [threading.Thread(target=work, args=(run,)) for run in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(paths)) == count
    assert sorted(read_json(path)["run"] for path in tmp_path.iterdir()) == list(range(count))


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise DiskFull("no room: free some space")

    monkeypatch.setattr(files.OutputStream, "write", full)
    with pytest.raises(DiskFull):
        keep(FACTS, tmp_path, "row")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", ["pathlib.Path.mkdir", "tempfile.TemporaryFile"])
def test_a_folder_that_takes_no_files_is_known_before_the_run(tmp_path: Path, call: str) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    with pytest.MonkeyPatch.context() as patch, pytest.raises(NoPermission):
        patch.setattr(call, refused)
        prepare(tmp_path / "new")
    prepare(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_refused_by_the_file_s_name(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(MalformedResult, match=r"x\.json.*: restore it"):
        read_json(tmp_path / "x.json")


def test_a_log_is_read_line_by_line(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1}\n\n{"step": 2}\n')
    assert list(read_lines(log)) == [(1, {"step": 1}), (3, {"step": 2})]
    log.write_text('{"step": 1}\n{"step"\n')
    with pytest.raises(MalformedResult, match=r"log\.jsonl: line 2"):
        list(read_lines(log))


@dataclass
class Point:
    """A part of the kind below."""

    size: int


@dataclass
class Kind:
    """What the tests read."""

    name: str
    count: int
    rate: float
    good: bool
    reason: str | None
    points: list[Point]
    pairs: list[list[int]] | None
    settings: dict[str, Any]


GOOD: dict[str, Any] = {
    "name": "x",
    "count": 3,
    "rate": 2,
    "good": True,
    "points": [{"size": 1}, {"size": 2}],
    "settings": {"any": None},
}


def test_facts_become_an_object_of_their_kind() -> None:
    expected = Kind("x", 3, 2, True, None, [Point(1), Point(2)], None, {"any": None})
    assert typed(Kind, {**GOOD, "more": "is left out"}, Path("x.json")) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", None),
        ("name", 3),
        ("count", 3.0),
        ("count", True),
        ("count", -1),
        ("count", "3"),
        ("rate", -0.5),
        ("rate", float("nan")),
        ("rate", float("inf")),
        ("rate", False),
        ("good", 1),
        ("reason", 1),
        ("points", {}),
        ("points", [1]),
        ("points", [{"size": 1}, {}]),
        ("pairs", [[1, 2.5]]),
        ("pairs", [1]),
        ("settings", []),
    ],
)
def test_a_field_of_another_type_is_named(field: str, value: object) -> None:
    named = "size" if isinstance(value, list) and value[:1] == [{"size": 1}] else field
    with pytest.raises(MalformedResult, match=rf"x\.json: '{named}' is .*: restore it"):
        typed(Kind, {**GOOD, field: value}, Path("x.json"))


@pytest.mark.parametrize("field", GOOD)
def test_a_field_that_is_absent_is_named(field: str) -> None:
    facts = {name: value for name, value in GOOD.items() if name != field}
    with pytest.raises(MalformedResult, match=rf"'{field}' is None"):
        typed(Kind, facts, Path("x.json"))


def test_small_figures_keep_four_digits() -> None:
    values = (0.00123456, 1.92345, 123_456.0, 0.0)
    assert [store.significant(value) for value in values] == [0.001235, 1.923, 123_500.0, 0.0]
