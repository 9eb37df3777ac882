"""The commands that measure, on codecs made of two bits of Python and on the tiny weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from compressor.bench import jobs
from compressor.bench.jobs import INPUT, OUTPUT, Job

COPY = "import sys; open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read())"

Cli = Callable[..., Result]


def toy(name: str, decompress: str = COPY) -> Job:
    """A codec that copies, or restores as it is told."""
    python = [sys.executable, "-I", "-S", "-c"]
    packing, restoring = ([*python, code, INPUT, OUTPUT] for code in (COPY, decompress))
    return Job(name, "LZ77", "1", f"{name} FILE", packing, restoring)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command knows two codecs only, one of which does not restore."""
    both = {"fair": lambda: toy("fair"), "liar": lambda: toy("liar", "pass")}
    monkeypatch.setattr(jobs, "catalogue", lambda: both)


def codecs_of(results: Path) -> list[str]:
    """The codecs whose rows are kept."""
    rows = [json.loads(path.read_text()) for path in (results / "raw").glob("row-*.json")]
    return sorted(row["codec"] for row in rows)


@pytest.mark.usefixtures("toys")
def test_the_benchmark_runs_all_and_its_exit_code_tells_of_failures(
    cli: Cli, refusal: Callable[[Result, str], str], folder: Path
) -> None:
    result = cli("bench", "run", "a.txt", "--codec", "fair", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "fair" in result.stdout
    result = cli("bench", "a.txt")
    assert result.exit_code == 1
    assert "failed: liar: decompress: wrote no output" in result.stdout
    assert "fair: verified already" in result.stderr
    assert codecs_of(folder / "results") == ["fair", "liar"]
    refusal(cli("bench", "run", "nonesuch"), "UnknownInput")
    refusal(cli("bench", "run", "a.txt", "--codec", "nonesuch"), "UnknownCodec")


@pytest.mark.usefixtures("toys")
def test_a_group_of_files_is_measured_file_by_file(
    cli: Cli,
    refusal: Callable[[Result, str], str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KOLMOZIP_CORPORA", str(folder))
    refusal(cli("bench", "files-test", "-q"), "MissingFiles")
    (folder / "files-test").mkdir()
    for name in ("a.c", "b.txt"):
        (folder / "files-test" / name).write_text(name)
    result = cli("bench", "files-test", "--codec", "fair", "-q")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["fair", "2", "2", "8", "8", "8.000"]
    assert codecs_of(folder / "results") == ["fair", "fair"]


@pytest.mark.usefixtures("toys")
def test_rows_as_json_are_one_object_a_line(cli: Cli, folder: Path) -> None:
    result = cli("bench", "run", "a.txt", "--json", "-q")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["codec"]: row["status"] for row in rows} == {"fair": "verified", "liar": "failed"}


def test_the_list_names_codecs_here_and_elsewhere(cli: Cli) -> None:
    lines = cli("bench", "list").stdout.splitlines()
    names = {line.split("  ")[0] for line in lines}
    assert {"gzip -9 (library)", "xz -9e", "kolmozip -6"} <= names


@pytest.mark.usefixtures("toys")
def test_leaderboard_and_report(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def build(raw: Path, out: Path, readme: Path | None, weights: Path | None) -> list[Path]:
        built.append((raw, out, readme, weights, len(list(raw.glob("row-*.json")))))
        return [out / "leaderboard.md"]

    monkeypatch.setattr("compressor.report.build.build", build)
    result = cli("bench", "leaderboard", "a.txt")
    assert result.exit_code == 1, "the liar failed"
    assert "wrote results/leaderboard.md" in result.stderr
    Path("README.md").touch()
    assert cli("bench", "report").exit_code == 0
    out = Path("results")
    assert built == [
        (out / "raw", out, None, None, 2),
        (out / "raw", out, Path("README.md"), None, 2),
    ]


def test_speed_prints_what_it_keeps_and_fails_where_nothing_came_back(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def measure(
        source: Path, raw: Path, *, level: int, model: str | None
    ) -> tuple[dict[str, Any], Path]:
        calls.append((source, raw, level, model))
        reason = None if level == 6 else "lost"
        status = "failed" if reason else "verified"
        return {"status": status, "reason": reason}, raw / "row.json"

    monkeypatch.setattr("compressor.bench.speed.measure", measure)
    result = cli("bench", "speed", "a.txt", "--model", "nano", "--json")
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (0, "verified")
    raw = Path("results", "raw")
    assert f"written to {raw / 'row.json'}" in result.stderr
    result = cli("bench", "speed", "a.txt", "--level", "3")
    assert result.exit_code == 1
    assert "lost: please report this" in result.stderr
    assert calls == [(Path("a.txt"), raw, 6, "nano"), (Path("a.txt"), raw, 3, None)]
    result = cli("bench", "speed", "a.txt", "--level", "3", "--model", "nano")
    assert result.exit_code == 2
    assert "leave out --level" in result.stderr
