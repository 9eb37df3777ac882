"""Groups of files: found beside the corpora, every file a row, summed up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compressor.bench import files, jobs
from compressor.bench.files import MissingFiles, bench_files, files_of, table
from compressor.bench.jobs import Job
from compressor.bench.records import Row, load, row_of
from compressor.bench.store import MalformedResult
from data.corpora import VARIABLE

Toy = Callable[..., Job]
GROUP = "files-development"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the group beside the corpora, with two files."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "corpora"))
    folder = tmp_path / "corpora" / GROUP
    (folder / "sub").mkdir(parents=True)
    (folder / "b.txt").write_bytes(b"some text")
    (folder / "a.c").write_bytes(b"int;")
    return folder


def measured(raw: Path, *codecs: str) -> list[Row]:
    return bench_files(GROUP, codecs, raw, limit_s=None, jobs=1, again=False, quiet=True)


def test_the_files_of_a_group_are_those_of_its_folder(folder: Path) -> None:
    assert files_of(GROUP) == [folder / "a.c", folder / "b.txt"]


def test_a_group_that_is_not_at_hand_is_named_with_its_command(folder: Path) -> None:
    with pytest.raises(MissingFiles, match=r"corpus files test -o FOLDER/files-test.*CORPORA"):
        files_of("files-test")


def test_every_file_is_a_row_of_its_group_and_is_not_run_again(
    folder: Path,
    raw: Path,
    toy: Toy,
    kept: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    liar = toy("liar", decompress="pass")
    monkeypatch.setattr(jobs, "catalogue", lambda: {"fair": toy, "liar": lambda: liar})
    rows = measured(raw, "fair", "liar")
    assert [(row.codec, row.input, row.group, row.verified) for row in rows] == [
        *(("toy", "a.c", GROUP, True), ("liar", "a.c", GROUP, False)),
        *(("toy", "b.txt", GROUP, True), ("liar", "b.txt", GROUP, False)),
    ]
    assert (raw / f"row-toy-{GROUP}-a-c-{_stamp(kept()[-2])}.json").is_file()
    assert len(measured(raw, "fair")) == 2
    assert len(kept()) == 4
    lines = table(rows).splitlines()
    assert lines[1].split() == ["toy", "2", "2", "13", "13", "8.000"]
    assert lines[2].split() == ["liar", "2", "0", "0", "0", "-"]
    assert lines[3] == "failed: liar on a.c: decompress: wrote no output"


def _stamp(row: dict[str, Any]) -> str:
    """The date of a row as the name of its file has it, in lower case."""
    return str(row["date"]).replace("-", "").replace(":", "")


def test_a_row_on_the_same_bytes_outside_the_group_does_not_count(
    folder: Path, raw: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "catalogue", lambda: {"fair": toy})
    files.bench([toy()], folder / "a.c", raw, quiet=True)
    measured(raw, "fair")
    assert sorted(str(row.group) for row in load(raw).rows) == ["None", GROUP, GROUP]


def test_of_the_codecs_of_a_group_those_run_that_are_here(
    folder: Path, raw: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {name: lambda name=name: toy(name) for name in (files.CODECS[0], "another")}
    monkeypatch.setattr(jobs, "catalogue", lambda: here)
    monkeypatch.setattr(files, "catalogue", lambda: here)
    assert {row.codec for row in measured(raw)} == {files.CODECS[0]}


def test_the_codecs_of_a_group_are_known() -> None:
    from baselines.external import PROGRAMS
    from baselines.wheels import Ppmd
    from compressor.codec.levels import DEFAULT, LEVELS

    known = {*(program.name for program in PROGRAMS), "xz -9e", Ppmd.name}
    known |= {f"kolmozip -{number}" for number in LEVELS}
    assert set(files.CODECS) <= known
    assert f"kolmozip -{DEFAULT}" in files.CODECS


def test_an_unknown_group_in_a_row_is_named(folder: Path, raw: Path, toy: Toy) -> None:
    files.bench([toy()], folder / "a.c", raw, quiet=True, group=GROUP)
    [path] = raw.iterdir()
    with pytest.raises(MalformedResult, match="group 'others' is not known: measure again"):
        row_of({**json.loads(path.read_text()), "group": "others"}, path)
