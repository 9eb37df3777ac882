"""The benchmark: rows of honest codecs, of liars, of those that crash or hang; resuming."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compressor.bench.jobs import INPUT, Job, jobs_named
from compressor.bench.progress_board import table
from compressor.bench.records import EmptyInput, Input, load
from compressor.bench.runner import bench, run_job
from compressor.bench.store import keep
from compressor.system.machine import environment
from compressor.system.resources import cores

NUMBERS = (
    "compressed_bytes",
    "bits_per_char",
    *(
        f"{fact}_{verb}"
        for fact in ("seconds", "kb_per_s", "peak_rss_bytes")
        for verb in ("compress", "decompress")
    ),
)
FIELDS = {
    "kind",
    "codec",
    "family",
    "version",
    "command",
    "status",
    "reason",
    "input",
    "input_bytes",
    "input_sha256",
    "weights_bytes",
    "parameters",
    "program_bytes",
    "training_bytes_within",
    "portable",
    "blocks",
    "jobs",
    *environment(),
    *NUMBERS,
}
"""What a row of a codec without weights states."""

Toy = Callable[..., Job]
Kept = Callable[[], list[dict[str, Any]]]


def test_a_codec_of_the_table_makes_a_whole_row(source: Path, text: bytes) -> None:
    [job] = jobs_named(["gzip -9 (library)"])
    row = run_job(job, source)
    assert (row["status"], row["reason"]) == ("verified", None)
    assert set(row) == FIELDS
    assert row["input_sha256"] == Input.of(source).sha256
    assert row["bits_per_char"] == round(8 * row["compressed_bytes"] / len(text), 5) < 4
    sums = [sum(column) for column in zip(*row["blocks"], strict=True)]
    assert sums == [len(text), row["compressed_bytes"]]
    assert all(row[field] > 0 for field in NUMBERS)
    assert (row["weights_bytes"], row["training_bytes_within"], row["jobs"]) == (0, 0, 1)


DIFFER = "decoded bytes differ: "
LIARS = {
    "one bit flipped": (
        "data[12345] ^= 1; open(sys.argv[2], 'wb').write(data)",
        DIFFER + "the first at offset 12345",
    ),
    "the end cut": (
        "open(sys.argv[2], 'wb').write(data[:-1])",
        DIFFER + "19999 of them where the input has 20000",
    ),
    "no output": ("pass", "decompress: wrote no output"),
    "empty output": ("open(sys.argv[2], 'wb')", "decompress: wrote no output"),
    "crash": ("raise ValueError('lost\\nthe table')", "decompress: exit code 1: the table"),
    "killed": ("import os; os.kill(os.getpid(), 9)", "decompress: killed by SIGKILL"),
}


@pytest.mark.parametrize("kind", LIARS)
def test_a_decoder_that_fails_is_failed_with_its_reason(
    source: Path, raw: Path, text: bytes, toy: Toy, kept: Kept, kind: str
) -> None:
    code, reason = LIARS[kind]
    liar = toy(decompress=f"import sys; data = bytearray(open(sys.argv[1], 'rb').read()); {code}")
    [row] = bench([liar], source, raw, quiet=True)
    assert (row.status, row.reason, row.compressed_bytes) == ("failed", reason, len(text))
    assert [set(facts) for facts in kept()] == [FIELDS]
    assert load(raw).rows == [row]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("pass", "compress: wrote no output"),
        # An empty file is none: its decoder had the text from elsewhere.
        ("import sys; open(sys.argv[2], 'wb')", "compress: wrote no output"),
        ("import sys; sys.exit('no room')", "compress: exit code 1: no room"),
    ],
)
def test_an_encoder_that_fails_leaves_the_rest_unknown(
    source: Path, toy: Toy, code: str, reason: str
) -> None:
    row = run_job(toy(compress=code), source)
    assert (row["status"], row["reason"], set(row)) == ("failed", reason, FIELDS)
    unknown = ("compressed_bytes", "bits_per_char", "seconds_decompress", "blocks")
    assert {row[field] for field in unknown} == {None}


def test_a_program_that_is_not_there(source: Path) -> None:
    row = run_job(Job("x", "PPM", "1", "x", ["/no/such/program", INPUT], []), source)
    reason = "compress: cannot be started: /no/such/program: No such file or directory"
    assert row["reason"] == reason


def test_a_row_states_how_the_packed_file_was_coded(source: Path, toy: Toy) -> None:
    def recipe(packed: Path) -> dict[str, Any]:
        return {"lanes": packed.stat().st_size}

    row = run_job(toy(recipe=recipe), source)
    assert row["lanes"] == row["compressed_bytes"] > 0
    assert "lanes" not in run_job(toy(recipe=recipe, decompress="pass"), source)


def test_trouble_of_the_benchmark_itself_makes_a_failed_row_too(source: Path, toy: Toy) -> None:
    def unreadable(packed: Path, trace: Path) -> None:
        raise ValueError("no blocks here")

    row = run_job(toy(blocks=unreadable), source)
    assert (row["status"], row["reason"]) == ("failed", "ValueError: no blocks here")
    assert row["compressed_bytes"] == row["input_bytes"]


def test_the_time_limit_makes_a_failed_row(source: Path, toy: Toy) -> None:
    row = run_job(toy(compress="import time; time.sleep(3600)"), source, 0.1)
    assert (row["status"], row["reason"]) == ("failed", "compress: time limit of 0.1 s")


def test_temporary_files_of_a_codec_go_with_the_run(
    source: Path, tmp_path: Path, toy: Toy, copy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    note, limit_s = tmp_path / "note", 0.5
    leave = f"import tempfile, time; open({str(note)!r}, 'w').write(tempfile.mkdtemp()); "
    while not note.exists():  # a limit that lets it begin, also on a busy machine
        run_job(toy(compress=leave + "time.sleep(3600)"), source, limit_s)
        limit_s *= 2
    assert Path(note.read_text()).is_relative_to(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note", "text"]
    assert run_job(toy(compress=leave + copy), source)["status"] == "verified"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["note", "text"]


def test_a_verified_row_is_not_run_again_unless_told(
    source: Path, raw: Path, toy: Toy, kept: Kept, capfd: pytest.CaptureFixture[str]
) -> None:
    assert bench([toy()], source, raw, quiet=True)[0].verified
    assert capfd.readouterr().err == ""
    broken = toy(compress="raise SystemExit(1)")  # the same to the eye: it must not even start
    [row] = bench([broken], source, raw)
    assert (row.verified, len(kept())) == (True, 1)
    assert "toy: verified already (row-toy-text-" in capfd.readouterr().err
    bench([toy()], source, raw, again=True)
    assert len(kept()) == 2, "a row is never overwritten"
    assert capfd.readouterr().err.startswith("[1/1] toy: 8.000 bits/char, ")


@pytest.mark.parametrize("what", ["version", "bytes", "failed"])
def test_a_row_of_something_else_does_not_count(
    source: Path, raw: Path, text: bytes, toy: Toy, kept: Kept, what: str
) -> None:
    bench([toy(decompress="pass") if what == "failed" else toy()], source, raw, quiet=True)
    if what == "bytes":
        source.write_bytes(text[::-1])
    bench([toy(version="2" if what == "version" else "1")], source, raw, quiet=True)
    assert len(kept()) == 2


def test_a_row_of_kind_speed_counts(source: Path, raw: Path, toy: Toy) -> None:
    facts = {
        "kind": "speed",
        "codec": "kolmozip",
        **Input.of(source).facts,
        "model": "m",
        "weights": "ab",
        "restored": True,
        "weights_bytes": 5,
        "compressed_bytes": 100,
        "kb_per_s_compress": 2.0,
        "kb_per_s_decompress": 1.0,
    }
    keep({**facts, **environment()}, raw, "speed-m-text")
    never = toy("kolmozip m", compress="raise SystemExit(1)", version="weights ab")
    [row] = bench([never], source, raw, quiet=True)
    assert (row.codec, row.verified, row.compressed_bytes) == ("kolmozip m", True, 100)
    assert "kolmozip m" in table([row])


def test_a_long_name_of_an_input_does_not_cost_the_run(
    tmp_path: Path, raw: Path, toy: Toy, kept: Kept
) -> None:
    source = tmp_path / ("long name " * 25)[:250]
    source.write_bytes(b"text")
    [row] = bench([toy()], source, raw, quiet=True)
    assert (row.verified, row.input) == (True, source.name)
    assert [facts["input"] for facts in kept()] == [source.name]


def test_side_by_side_and_those_that_use_every_core_alone(
    source: Path, raw: Path, tmp_path: Path, toy: Toy, copy: str
) -> None:
    log = tmp_path / "log"
    note = f"import sys; open({str(log)!r}, 'a').write({{name!r}} + '\\n'); {copy}"
    todo = [toy(name, compress=note.format(name=name)) for name in ("wide", "a", "b")]
    todo[0] = dataclasses.replace(todo[0], alone=True)
    rows = {row.codec: row for row in bench(todo, source, raw, jobs=2, quiet=True)}
    together = min(2, cores())
    jobs = {name: row.jobs for name, row in rows.items()}
    assert jobs == {"wide": 1, "a": together, "b": together}
    assert log.read_text().split()[-1] == "wide"


def running(process: int) -> bool:
    """Whether a process runs; one that was killed and only waits to be reaped does not."""
    state = Path(f"/proc/{process}/stat")
    if state.exists():
        return state.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_an_interrupt_keeps_the_finished_rows_and_stops_what_runs(
    source: Path, raw: Path, tmp_path: Path, toy: Toy, kept: Kept
) -> None:
    note = tmp_path / "note"
    begin = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid()) + '.')"
    hang = toy("hang", compress=f"{begin}; time.sleep(3600)")

    def interrupt() -> None:
        while not (kept() and note.exists() and note.read_text().endswith(".")):
            time.sleep(0.02)
        signal.raise_signal(signal.SIGINT)

    def raised(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, raised)
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            bench([toy(), hang, toy("never")], source, raw, quiet=True)
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert [row["codec"] for row in kept()] == ["toy"]
    while running(int(note.read_text()[:-1])):  # what is never gone runs into pytest's own limit
        time.sleep(0.01)
    rows = bench([toy(), toy("never")], source, raw, quiet=True)
    assert [row.codec for row in rows] == ["toy", "never"]


def test_an_empty_input_is_refused(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(EmptyInput, match="name another"):
        bench([toy()], tmp_path / "empty", tmp_path / "raw", quiet=True)
