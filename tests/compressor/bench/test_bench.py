"""The benchmark: rows of honest codecs, of liars, of codecs that crash, hang or forget; resuming; inputs; the command."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from baselines.classical import Gzip
from baselines.codec import UnknownCodec
from compressor.bench import jobs, speed
from compressor.bench.inputs import UnknownInput, opened
from compressor.bench.jobs import INPUT, OUTPUT, Job, baseline_job, jobs_named
from compressor.bench.progress_board import Board, Console, span, table
from compressor.bench.records import load
from compressor.bench.runner import bench, run_job, slug
from compressor.system.machine import environment
from compressor.system.process import Children
from data.samples import sample

TEXT = sample()[:20_000]
COPY = "import sys; open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read())"
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
    "processor",
    "cores",
    "system",
    "python",
    "versions",
    "commit",
    "date",
    *NUMBERS,
}


def toy(name: str = "toy", compress: str = COPY, decompress: str = COPY, **facts: object) -> Job:
    """A codec made of two bits of Python; it copies, unless told otherwise."""
    start = [sys.executable, "-I", "-S", "-c"]
    packing, restoring = ([*start, code, INPUT, OUTPUT] for code in (compress, decompress))
    return Job(name, "LZ77", "1", f"{name} FILE", packing, restoring, **facts)  # type: ignore[arg-type]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Real text as a file."""
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    return path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Where rows go; not there yet."""
    return tmp_path / "results" / "raw"


def kept(raw: Path) -> list[dict]:
    """The rows of the folder."""
    return [json.loads(path.read_text()) for path in sorted(raw.glob("*.json"))]


def test_a_row_states_how_its_program_was_built(source: Path) -> None:
    class Built(Gzip):
        build = "commit 0123abc; g++ -O3; one repair"

    assert "build" not in run_job(baseline_job(Gzip()), source, 60)
    assert run_job(baseline_job(Built()), source, 60)["build"] == Built.build


def test_a_codec_of_the_table_makes_a_whole_row(source: Path) -> None:
    [job] = jobs_named(["gzip -9 (library)"])
    row = run_job(job, source, 60)
    assert (row["status"], row["reason"]) == ("verified", None)
    assert set(row) == FIELDS
    assert row["input_sha256"] == speed.subject(source)["input_sha256"]
    assert row["bits_per_char"] == round(8 * row["compressed_bytes"] / len(TEXT), 5) < 4
    assert [sum(column) for column in zip(*row["blocks"], strict=True)] == [
        len(TEXT),
        row["compressed_bytes"],
    ]
    assert all(row[field] > 0 for field in NUMBERS)
    assert (row["weights_bytes"], row["training_bytes_within"], row["jobs"]) == (0, 0, 1)


DIFFER = "decoded bytes differ: "
LIARS = {
    "other bytes": (
        "open(sys.argv[2], 'wb').write(b'x' * len(data))",
        DIFFER + "the first at offset 0",
    ),
    "one bit flipped": (
        "data[12345] ^= 1; open(sys.argv[2], 'wb').write(data)",
        DIFFER + "the first at offset 12345",
    ),
    "the end cut": (
        "open(sys.argv[2], 'wb').write(data[:-1])",
        DIFFER + "19999 of them where the input has 20000",
    ),
    "one byte more": (
        "open(sys.argv[2], 'wb').write(data + b'.')",
        DIFFER + "20001 of them where the input has 20000",
    ),
    "no output": ("pass", "decompress: wrote no output"),
    "empty output": ("open(sys.argv[2], 'wb')", "decompress: wrote no output"),
    "crash": ("raise ValueError('lost\\nthe table')", "decompress: exit code 1: the table"),
    "killed": ("import os; os.kill(os.getpid(), 9)", "decompress: killed by SIGKILL"),
    "silent": ("sys.exit(3)", "decompress: exit code 3"),
}


@pytest.mark.parametrize("kind", LIARS)
def test_a_decoder_that_fails_is_failed_with_its_reason(source: Path, raw: Path, kind: str) -> None:
    code, reason = LIARS[kind]
    liar = toy(decompress=f"import sys; data = bytearray(open(sys.argv[1], 'rb').read()); {code}")
    [row] = bench([liar], source, raw, quiet=True)
    assert (row["status"], row["reason"]) == ("failed", reason)
    assert (row["compressed_bytes"], set(row)) == (len(TEXT), FIELDS)
    assert [one.status for one in load(raw).failed] == ["failed"]
    assert load(raw).rows == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("pass", "compress: wrote no output"),
        (
            "import sys; open(sys.argv[2], 'wb')",
            "compress: wrote no output",
        ),  # else its decoder had the text from elsewhere
        ("import sys; sys.exit('no room')", "compress: exit code 1: no room"),
    ],
)
def test_an_encoder_that_fails_leaves_the_rest_unknown(
    source: Path, code: str, reason: str
) -> None:
    row = run_job(toy(compress=code), source, 60)
    assert (row["status"], row["reason"], set(row)) == ("failed", reason, FIELDS)
    assert {
        row[field]
        for field in ("compressed_bytes", "bits_per_char", "seconds_decompress", "blocks")
    } == {None}


def test_a_program_that_is_not_there(source: Path) -> None:
    row = run_job(Job("x", "PPM", "1", "x", ["/no/such/program", INPUT], []), source, 60)
    assert (
        row["reason"] == "compress: cannot be started: /no/such/program: No such file or directory"
    )


def test_trouble_of_the_benchmark_itself_makes_a_failed_row_too(source: Path) -> None:
    def unreadable(packed: Path, trace: Path) -> None:
        raise ValueError("no blocks here")

    assert run_job(toy(blocks=unreadable), source, 60)["reason"] == "ValueError: no blocks here"


def alive(number: int) -> bool:
    """Whether a process of that number runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(number: int) -> bool:
    """Whether the process is gone within a second."""
    until = time.monotonic() + 1
    while alive(number) and time.monotonic() < until:
        time.sleep(0.01)
    return not alive(number)


PARENT = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)'])\n"
    "open({note!r}, 'w').write(str(child.pid))\n"
)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc who runs")
def test_the_time_limit_ends_a_codec_with_its_children(source: Path, tmp_path: Path) -> None:
    note = tmp_path / "note"
    begun = time.monotonic()
    row = run_job(toy(compress=PARENT.format(note=str(note)) + "time.sleep(60)"), source, 1)
    assert (row["status"], row["reason"]) == ("failed", "compress: time limit of 1 s")
    assert time.monotonic() - begun < 10
    assert gone(int(note.read_text()))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc who runs")
def test_what_a_codec_leaves_running_ends_with_it(source: Path, tmp_path: Path) -> None:
    note = tmp_path / "note"
    assert (
        run_job(toy(compress=PARENT.format(note=str(note)) + COPY), source, 30)["status"]
        == "verified"
    )
    assert gone(int(note.read_text()))


HOLD = "data = bytearray({size}); data[::4096] = b'x' * len(data[::4096])"


def test_peak_memory_is_of_the_command_and_its_descendants_and_not_of_who_asks() -> None:
    mine = bytearray(120_000_000)
    mine[::4096] = b"x" * len(mine[::4096])
    python = [sys.executable, "-I", "-S", "-c"]
    assert 0 < (Children().run([*python, "pass"]).peak_rss_bytes or 0) < 60_000_000
    asks = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD.format(size=100_000_000)!r}])"
    assert 100_000_000 < (Children().run([*python, asks]).peak_rss_bytes or 0) < 160_000_000


def test_a_verified_row_is_not_run_again_unless_told(
    source: Path, raw: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert bench([toy()], source, raw, quiet=True)[0]["status"] == "verified"
    assert capfd.readouterr().err == ""
    broken = toy(
        compress="raise SystemExit(1)"
    )  # the same codec to the eye: it must not even start
    [row] = bench([broken], source, raw)
    assert (row["status"], len(kept(raw))) == ("verified", 1)
    assert "toy: verified already (row-toy-text-" in capfd.readouterr().err
    bench([toy()], source, raw, again=True)
    assert len(kept(raw)) == 2, "a row is never overwritten"
    assert capfd.readouterr().err.startswith("[1/1] toy: 8.000 bits/char, ")


@pytest.mark.parametrize("what", ["version", "bytes", "failed"])
def test_a_row_of_something_else_does_not_count(source: Path, raw: Path, what: str) -> None:
    bench([toy(decompress="pass") if what == "failed" else toy()], source, raw, quiet=True)
    if what == "bytes":
        source.write_bytes(TEXT[::-1])
    job = toy()
    bench(
        [Job(**{**vars(job), "version": "2"}) if what == "version" else job],
        source,
        raw,
        quiet=True,
    )
    assert len(kept(raw)) == 2


def test_an_older_row_of_bench_speed_counts(source: Path, raw: Path) -> None:
    facts = {
        "kind": "speed",
        "codec": "kolmozip",
        **speed.subject(source),
        "model": "m",
        "weights": "ab",
        "restored": True,
        "weights_bytes": 5,
        "compressed_bytes": 100,
        "kb_per_s_compress": 2.0,
        "kb_per_s_decompress": 1.0,
    }
    speed.keep({**facts, **environment()}, raw, "speed-m-text")
    never = Job(
        **{**vars(toy("kolmozip m", compress="raise SystemExit(1)")), "version": "weights ab"}
    )
    [row] = bench([never], source, raw, quiet=True)
    assert (row["codec"], row["status"], row["compressed_bytes"]) == ("kolmozip m", "verified", 100)
    assert "kolmozip m" in table([row])


def test_side_by_side_and_neural_ones_alone(source: Path, raw: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    note = f"import time; open({str(log)!r}, 'a').write(sys.argv[0] + '\\n')"
    todo = [
        toy(name, compress=f"import sys; sys.argv[0] = {name!r}; {note}; {COPY}")
        for name in ("neural", "a", "b")
    ]
    todo[0] = Job(**{**vars(todo[0]), "family": "neural"})
    rows = {row["codec"]: row for row in bench(todo, source, raw, jobs=2, quiet=True)}
    cores = environment()["cores"]
    assert {name: row["jobs"] for name, row in rows.items()} == {
        "neural": 1,
        "a": min(2, cores),
        "b": min(2, cores),
    }
    assert log.read_text().split()[-1] == "neural"


def test_an_interrupt_keeps_the_finished_rows_and_stops_what_runs(
    source: Path, raw: Path, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    hang = toy(
        "hang",
        compress=f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)",
    )
    until = time.monotonic() + 20

    def interrupt() -> None:
        while not (note.exists() and note.read_text()) and time.monotonic() < until:
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
    assert [row["codec"] for row in kept(raw)] == ["toy"]
    assert gone(int(note.read_text()))
    assert [row["codec"] for row in bench([toy(), toy("never")], source, raw, quiet=True)] == [
        "toy",
        "never",
    ]


def test_temporary_files_of_a_killed_codec_go(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run_job(toy(compress="import tempfile, time; tempfile.mkdtemp(); time.sleep(60)"), source, 0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_a_trace_becomes_pieces_of_the_file(tmp_path: Path) -> None:
    packed, trace = tmp_path / "packed", tmp_path / "trace"
    packed.write_bytes(bytes(100))
    assert jobs.traced(packed, trace) is None
    trace.write_text("[0, 9]\n[1000, 40]\n[2000, 60]\n[2500, 60]\n[2500, 95]\n")
    assert jobs.traced(packed, trace) == [[1000, 40], [1000, 20], [500, 40]]
    trace.write_text("[0, 9]\n")
    assert jobs.traced(packed, trace) is None


def worker(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-m", "compressor.bench.worker", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_worker_there_and_back_with_slim_imports(source: Path, tmp_path: Path) -> None:
    packed, restored, trace = (tmp_path / name for name in ("packed", "restored", "trace"))
    assert worker("compress", "gzip -9 (library)", source, packed, "--trace", trace).returncode == 0
    assert json.loads(trace.read_text().splitlines()[-1]) == [len(TEXT), packed.stat().st_size]
    code = "import sys; from compressor.bench.worker import main; code = main(sys.argv[1:]); print(*sys.modules); sys.exit(code)"
    line = [
        sys.executable,
        "-P",
        "-c",
        code,
        "decompress",
        "gzip -9 (library)",
        str(packed),
        str(restored),
    ]
    loaded = subprocess.run(line, capture_output=True, text=True, check=True).stdout.split()
    assert restored.read_bytes() == TEXT
    assert not {
        "jax",
        "numpy",
        "pandas",
        "matplotlib",
        "rich",
        "click",
        "compressor.codec.stream",
    } & set(loaded)


def test_the_worker_refuses_in_one_line(source: Path, tmp_path: Path) -> None:
    for arguments in (
        ("compress", "nonesuch", source),
        ("decompress", "gzip -9 (library)", source),
        ("compress", "gzip -9 (library)", "missing"),
    ):
        result = worker(*arguments, tmp_path / "out")
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert not (tmp_path / "out").exists()


def test_the_table_sets_failed_rows_apart(source: Path, raw: Path) -> None:
    shown = table(
        bench([toy("liar [x]", decompress="pass"), toy("fair [y]")], source, raw, quiet=True)
    )
    assert "text, 20,000 bytes" in shown
    assert shown.splitlines()[-1] == "failed: liar [x]: decompress: wrote no output"
    assert "fair [y]" in shown
    assert (slug("zstd --ultra -22"), slug("bzip3 (library)")) == ("zstd-ultra-22", "bzip3-library")


def test_the_line_of_what_runs_tells_the_time_left() -> None:
    board = Board(["a", "b", "c"], {"a": 3600.0, "b": 60.0}, Console(file=io.StringIO()))
    assert board.line() == "0 of 3 done; about 61 min left; 1 never timed here"
    board.begun("a")
    assert board.line() == "0 of 3 done; a for 0.0 s; about 61 min left; 1 never timed here"
    board.finished({"codec": "a", "status": "failed", "reason": "x"}, Path("row"))
    assert board.line() == "1 of 3 done; about 60 s left; 1 never timed here"
    assert [span(seconds) for seconds in (0.5, 12.4, 120, 7200)] == [
        "0.5 s",
        "12 s",
        "2 min",
        "2.0 h",
    ]


def test_a_folder_becomes_the_same_tar_whenever_and_wherever(tmp_path: Path) -> None:
    def tree(at: Path, names: list[str]) -> bytes:
        for name in names:
            (at / "set" / name).parent.mkdir(parents=True, exist_ok=True)
            (at / "set" / name).write_bytes(name.encode() * 100)
        (at / "set" / "link").symlink_to("b.txt")
        with opened(str(at / "set")) as path:
            assert path.name == "set.tar"
            return path.read_bytes()

    names = ["b.txt", "a/z.txt", "a/" + "long" * 40]
    first, second = tree(tmp_path / "one", names), tree(tmp_path / "two", names[::-1])
    assert first == second
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert archive.getnames() == [
            "set/a",
            "set/a/" + "long" * 40,
            "set/a/z.txt",
            "set/b.txt",
            "set/link",
        ]
        assert {(member.mtime, member.uid, member.uname) for member in archive} == {(0, 0, "")}


def test_slices_and_cleaned_slices_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "compressor.bench.inputs.load_slice",
        lambda name: memoryview(b"<text >Of " + name.encode() + b"</text>"),
    )
    monkeypatch.chdir(tmp_path)
    Path("test5m").write_bytes(b"not the slice")
    for name, content in (
        ("test5m", b"<text >Of test5m</text>"),
        ("head1m-text8", b" of head one m"),
        ("./test5m", b"not the slice"),
    ):
        with opened(name) as path:
            assert (path.name, path.read_bytes()) == (Path(name).name, content)


def test_training_bytes_within_an_input() -> None:
    within = {
        ("enwik8", 10**8): 90_000_000,
        ("head1m", 10**6): 10**6,
        ("test5m", 5 * 10**6): 0,
        ("test5m", 17): None,
        ("test5m-text8", 10**6): 0,
        ("head1m-text8", 10**5): None,
        ("book.txt", 17): None,
    }
    assert {
        (name, size): speed.training_bytes_within(name, size) for name, size in within
    } == within


def test_unknown_names_are_refused_with_the_choices(tmp_path: Path) -> None:
    with (
        pytest.raises(UnknownInput, match=r"'nonesuch' .*enwik8.*test5m.*-text8"),
        opened("nonesuch"),
    ):
        pass
    with pytest.raises(UnknownCodec, match=r"'nonesuch' .*gzip -9 .*kolmozip small.*--list"):
        jobs_named(["nonesuch"])
    (tmp_path / "empty").touch()
    with pytest.raises(speed.EmptyInput, match="name another"):
        bench([toy()], tmp_path / "empty", tmp_path, quiet=True)


Cli = Callable[..., Result]


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command knows two toys only."""
    both = {"fair": lambda: toy("fair"), "liar": lambda: toy("liar", decompress="pass")}
    monkeypatch.setattr(jobs, "catalogue", lambda: both)


def test_the_command_runs_all_and_its_exit_code_tells_of_failures(
    cli: Cli, toys: None, source: Path, raw: Path
) -> None:
    result = cli("bench", "--corpus", source, "--results", raw, "-c", "fair", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "fair" in result.stdout
    result = cli("bench", "--corpus", source, "--results", raw)
    assert result.exit_code == 1
    assert "failed: liar: decompress: wrote no output" in result.stdout
    assert sorted(row["codec"] for row in kept(raw)) == ["fair", "liar"]
    result = cli("bench", "--corpus", "nonesuch", "--results", raw)
    assert (result.exit_code, result.stderr.split(": ")[:2]) == (1, ["kolmozip", "UnknownInput"])
    result = cli("bench", "-c", "nonesuch")
    assert (result.exit_code, result.stderr.split(": ")[:2]) == (1, ["kolmozip", "UnknownCodec"])


def test_the_list_names_codecs_here_and_elsewhere(cli: Cli) -> None:
    told = cli("bench", "--list").stdout
    assert {"gzip -9 (library)", "xz -9e", "kolmozip small"} <= {
        line.split("  ")[0].strip() for line in told.splitlines()
    }


def test_leaderboard_and_report(
    cli: Cli, toys: None, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def build(raw: Path, out: Path, readme: Path | None, weights: Path | None) -> list[Path]:
        built.append((raw, out, readme, len(list(raw.glob("row-*.json")))))
        return [out / "leaderboard.md"]

    monkeypatch.setattr("compressor.report.build.build", build)
    monkeypatch.chdir(tmp_path)
    result = cli("leaderboard", source.name)
    assert (result.exit_code, "wrote results/leaderboard.md" in result.stderr) == (1, True), (
        "the liar failed"
    )
    Path("README.md").touch()
    assert cli("report").exit_code == 0
    out = Path("results")
    assert built == [(out / "raw", out, None, 2), (out / "raw", out, Path("README.md"), 2)]


def test_bench_speed_keeps_its_fields(cli: Cli, tmp_path: Path, raw: Path) -> None:
    source = tmp_path / "text"
    source.write_bytes(TEXT[:3000])
    result = cli("bench", "speed", source, "--model", "nano", "--results", raw)
    assert result.exit_code == 0, result.output
    [path] = raw.iterdir()
    facts = json.loads(path.read_text())
    assert path.name.startswith("speed-nano-text-")
    assert set(facts) == FIELDS | {"model", "weights", "restored", "train_bytes_seen", "lanes"}
    assert (facts["kind"], facts["codec"], facts["model"], facts["restored"]) == (
        "speed",
        "kolmozip",
        "nano",
        True,
    )
    assert facts["lanes"] == 1
    assert (
        facts["weights_bytes"] == (Path(os.environ["KOLMOZIP_WEIGHTS"]) / "nano.kzw").stat().st_size
    )
    assert sum(original for original, _ in facts["blocks"]) == 3000
    [row] = load(raw).rows
    assert (row.codec, row.verified) == ("kolmozip nano", True)
