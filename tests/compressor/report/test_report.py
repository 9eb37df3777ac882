"""The report from made-up rows: what is ranked, what is not, what is said; and the committed report is of the committed rows.

Every figure written by `row` is made up for these tests.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compressor.bench import records as rows
from compressor.errors import InputMissing
from compressor.report import build as report
from compressor.report import verdict
from compressor.report.plots import leaderboard as plots

ROOT = Path(__file__).resolve().parents[3]

MEASURED: dict[str, Any] = {
    "kind": "row",
    "codec": "made-up -9",
    "family": "LZ77",
    "version": "0.0 of the tests",
    "command": "made-up -9 < FILE",
    "status": "verified",
    "reason": None,
    "input": "test5m",
    "input_bytes": 5_000_000,
    "input_sha256": "ab" * 32,
    "compressed_bytes": 2_000_000,
    "weights_bytes": 0,
    "parameters": None,
    "program_bytes": 50_000,
    "bits_per_char": 3.2,
    "seconds_compress": 5.0,
    "seconds_decompress": 2.5,
    "kb_per_s_compress": 1000.0,
    "kb_per_s_decompress": 2000.0,
    "peak_rss_bytes_compress": 30_000_000,
    "peak_rss_bytes_decompress": 20_000_000,
    "training_bytes_within": 0,
    "portable": True,
    "blocks": [[2_500_000, 1_100_000], [2_500_000, 900_000]],
    "jobs": 1,
    "processor": "made-up processor",
    "cores": 2,
    "system": "Linux made-up",
    "commit": "0123456789ab",
    "date": "2020-01-02T00:00:00Z",
}
ENWIK8 = {"input": "enwik8", "input_bytes": 100_000_000, "input_sha256": "cd" * 32}
NEURAL = {
    "family": "neural",
    "weights_bytes": 3_000_000,
    "parameters": 4_000_000,
    "train_bytes_seen": 20_000_000,
    "blocks": None,
}
OURS = {**NEURAL, "codec": "kolmozip tiny", "compressed_bytes": 900_000}
RIVAL = {
    **NEURAL,
    "codec": "transformer-tiny",
    "portable": False,
    "lanes": 64,
    "kb_per_s_decompress": 100.0,
}
FAILED = {
    "status": "failed",
    "reason": "decoded bytes differ",
    "compressed_bytes": None,
    "date": "2020-01-01T00:00:00Z",
}

Keep = Callable[..., Path]


@pytest.fixture
def keep(raw: Path) -> Keep:
    def written(**facts: Any) -> Path:
        path = raw / f"row-{len(list(raw.iterdir())):03}.json"
        path.write_text(json.dumps({**MEASURED, **facts}))
        return path

    return written


@pytest.fixture
def page(raw: Path) -> Callable[[], str]:
    return lambda: report.leaderboard(rows.load(raw), [], [])


def ranks(raw: Path, name: str = "test5m") -> dict[str, int | None]:
    found = rows.load(raw)
    return {
        row.codec: rank
        for subject in found.inputs
        if subject.name == name
        for rank, row in rows.ranked(found.rows, subject)
    }


def part(text: str, start: str, end: str = "\n## ") -> str:
    return text.split(start, 1)[1].split(end, 1)[0]


def test_rows_are_ranked_by_the_payload_of_a_slice(raw: Path, keep: Keep) -> None:
    keep(codec="b", compressed_bytes=2_000_000)
    keep(codec="a", compressed_bytes=3_000_000)
    keep(**OURS)
    assert ranks(raw) == {"kolmozip tiny": 1, "b": 2, "a": 3}


def test_all_of_enwik8_is_ranked_by_everything_counted(raw: Path, keep: Keep) -> None:
    keep(codec="plain", compressed_bytes=20_000_000, **ENWIK8)
    keep(**{**OURS, "compressed_bytes": 18_000_000, "training_bytes_within": 90_000_000, **ENWIK8})
    keep(codec="unknown program", compressed_bytes=10_000_000, program_bytes=None, **ENWIK8)
    assert ranks(raw, "enwik8") == {"plain": 1, "kolmozip tiny": 2, "unknown program": None}


def test_training_on_the_bytes_coded_is_said_in_words_with_the_sum(
    keep: Keep, page: Callable[[], str]
) -> None:
    keep(**{**OURS, "compressed_bytes": 18_000_000, "training_bytes_within": 90_000_000, **ENWIK8})
    text = part(page(), "## enwik8")
    assert "kolmozip tiny was trained on 90 % of these bytes" in text
    assert "18,000,000 + 3,000,000 + 50,000 = 21,050,000 bytes, 1.684 bits/char" in text


def test_a_model_that_has_seen_a_slice_gets_no_rank_on_it(raw: Path, keep: Keep) -> None:
    head = {"input": "head1m", "input_bytes": 1_000_000}
    keep(codec="plain", compressed_bytes=300_000, **head)
    keep(**{**OURS, "compressed_bytes": 200_000, "training_bytes_within": 1_000_000, **head})
    assert ranks(raw, "head1m") == {"kolmozip tiny": None, "plain": 1}


def test_a_lying_codec_is_listed_as_failed_and_never_ranked(
    raw: Path, keep: Keep, page: Callable[[], str]
) -> None:
    keep(codec="honest")
    keep(codec="liar", **{**FAILED, "compressed_bytes": 10, "bits_per_char": 0.00002})
    assert ranks(raw) == {"honest": 1}
    text = part(page(), "## test5m")
    assert "liar" not in text.split("### Failed")[0]
    assert "decoded bytes differ" in text.split("### Failed")[1]
    lines = list(csv.DictReader(report.leaderboard_csv(rows.load(raw)).splitlines()))
    assert [(line["codec"], line["rank"], line["status"]) for line in lines] == [
        ("honest", "1", "verified"),
        ("liar", "", "failed"),
    ]


def test_only_a_newer_verified_row_makes_a_failure_good(raw: Path, keep: Keep) -> None:
    keep(codec="mended", **FAILED)
    keep(codec="mended")
    keep(codec="broken since", **{**FAILED, "date": "2020-01-03T00:00:00Z"})
    keep(codec="broken since")
    keep(codec="mended elsewhere", **FAILED)
    keep(codec="mended elsewhere", input="valid")
    found = rows.load(raw)
    assert {(row.codec, row.input) for row in found.failed} == {
        ("broken since", "test5m"),
        ("mended elsewhere", "test5m"),
    }
    assert len(found.rows) == 3


def test_the_newest_verified_row_of_a_codec_and_input_wins(raw: Path, keep: Keep) -> None:
    keep(compressed_bytes=1_500_000, date="2020-06-01T00:00:00Z")
    keep(compressed_bytes=1_400_000)
    keep(compressed_bytes=700_000, input="valid")
    assert {(row.input, row.payload) for row in rows.load(raw).rows} == {
        ("valid", 700_000),
        ("test5m", 1_500_000),
    }


def test_files_of_one_name_and_other_bytes_share_no_table_and_no_plot(
    tmp_path: Path, raw: Path, keep: Keep
) -> None:
    keep(codec="a", input="book.txt", input_bytes=9_000_000)
    keep(codec="b", input="book.txt", input_bytes=9_000_000, input_sha256="ef" * 32)
    assert len(rows.load(raw).inputs) == 2
    assert (
        len(
            {
                path
                for path in report.build(raw, tmp_path / "out", None)
                if path.name.startswith("bits-per-char-book-txt-")
            }
        )
        == 4
    )


def test_inputs_come_in_their_order_and_slices_are_called_slices(
    keep: Keep, page: Callable[[], str]
) -> None:
    for name, size in (
        ("zeta", 7),
        ("head1m", 1_000_000),
        ("test5m", 5_000_000),
        ("alpha", 7),
        ("enwik8", 100_000_000),
    ):
        keep(input=name, input_bytes=size, compressed_bytes=1)
    keep(input="valid", input_bytes=7, compressed_bytes=1)
    text = page()
    order = [line for line in text.splitlines() if line.startswith("## ")]
    assert order[:6] == [
        f"## {name}" for name in ("enwik8", "test5m", "valid", "head1m", "alpha", "zeta")
    ]
    assert "A slice:" in part(text, "## test5m")
    assert "All of enwik8" in part(text, "## enwik8")
    assert "not enwik8's slice" in part(text, "## valid")


def test_cited_figures_stand_apart_and_without_rank(raw: Path, keep: Keep) -> None:
    keep(codec="measured")
    figure = {
        "codec": "quoted",
        "family": "PPM",
        "input": "test5m",
        "compressed_bytes": None,
        "bits_per_char": 0.5,
    }
    figure |= {"total_bytes": None, "source": "a made-up page", "note": ""}
    text = report.leaderboard(rows.load(raw), [figure], [])
    ranking, quoted = part(text, "## test5m").split("### *Cited*")
    assert "quoted" not in ranking
    assert "a made-up page" in quoted
    assert "quoted" not in report.leaderboard_csv(rows.load(raw))


def test_estimates_are_headed_as_such(raw: Path, keep: Keep, page: Callable[[], str]) -> None:
    keep(
        kind="estimate",
        checkpoint="tiny",
        bits_per_char=1.5,
        bits_per_char_network_alone=1.6,
        bytes=937_500,
    )
    text = part(page(), "## test5m")
    assert "No verified row yet." in text
    assert "1.500" in text.split("### Estimates, not files")[1]
    assert ranks(raw) == {}


def test_an_older_row_of_ours_is_accepted(raw: Path) -> None:
    older = {
        name: value
        for name, value in MEASURED.items()
        if name not in ("status", "reason", "program_bytes", "family", "version")
    }
    del older["blocks"], older["training_bytes_within"], older["portable"], older["jobs"]
    older |= {
        "kind": "speed",
        "codec": "kolmozip",
        "model": "small",
        "weights": "c0ffee",
        "restored": True,
    }
    (raw / "speed.json").write_text(json.dumps(older))
    (raw / "speed-lie.json").write_text(json.dumps({**older, "restored": False, "input": "valid"}))
    found = rows.load(raw)
    (row,) = found.rows
    assert (row.codec, row.family, row.portable, row.training_bytes_within) == (
        "kolmozip small",
        "neural",
        True,
        0,
    )
    assert (row.program_bytes, row.total, row.blocks) == (None, None, None)
    assert [(one.input, one.reason) for one in found.failed] == [("valid", "decoded bytes differ")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"codec": "x"}',
        '{"kind": "row"}',
        '{"kind": "speed", "model": "x"}',
        json.dumps({**MEASURED, "compressed_bytes": "2000000"}),
        json.dumps({**MEASURED, "compressed_bytes": -1}),
        json.dumps({**MEASURED, "compressed_bytes": None}),
        json.dumps({**MEASURED, "compressed_bytes": True}),
        json.dumps({**MEASURED, "status": "probably"}),
        json.dumps({**MEASURED, "blocks": [[1, 2, 3]]}),
    ],
)
def test_a_malformed_measurement_is_named_and_nothing_is_written(
    tmp_path: Path, raw: Path, keep: Keep, text: str
) -> None:
    keep()
    (raw / "row-broken.json").write_text(text)
    with pytest.raises(rows.MalformedResult, match=r"row-broken\.json.*: (restore|measure)"):
        report.build(raw, tmp_path / "out", None)
    assert not (tmp_path / "out").exists()


def test_a_malformed_log_is_named_with_its_line(raw: Path) -> None:
    (raw / "train-x.jsonl").write_text(
        '{"step": 1, "bytes": 8, "train_bits_per_char": 7.5}\n{"step": 1, "bytes"\n'
    )
    with pytest.raises(rows.MalformedResult, match=r"train-x\.jsonl: line 2"):
        rows.load(raw)


def test_a_missing_folder_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(InputMissing):
        report.build(tmp_path / "none", tmp_path / "out", None)


def test_other_kinds_of_measurement_are_left_alone(raw: Path) -> None:
    (raw / "other.json").write_text('{"kind": "ablation"}')
    assert rows.load(raw) == rows.Results([], [], [], [])


def full(keep: Keep, raw: Path) -> None:
    """One of everything that is drawn."""
    for place in ({}, ENWIK8):
        keep(**place)
        keep(
            codec="other",
            family="PPM",
            kb_per_s_decompress=50.0,
            compressed_bytes=1_000_000,
            **place,
        )
        keep(**{**OURS, "blocks": [[2_500_000, 450_000]] * 2, **place})
    (raw / "train-tiny.jsonl").write_text(
        "".join(
            f'{{"step": {at}, "bytes": {at * 100}, "train_bits_per_char": {3 / at + 1.5}}}\n'
            for at in range(1, 30)
        )
        + '{"step": 20, "valid_slice_bits_per_char": 2.0}\n{"step": 29, "valid_bits_per_char": 1.9}\n'
    )


def test_two_builds_are_equal_in_every_byte_also_in_other_processes(
    tmp_path: Path, raw: Path, keep: Keep
) -> None:
    full(keep, raw)
    first = report.build(raw, tmp_path / "first", None)
    code = "import sys, pathlib; from compressor import report; report.build(*map(pathlib.Path, sys.argv[1:]), None)"
    subprocess.run(
        [sys.executable, "-c", code, str(raw), str(tmp_path / "second")], cwd=ROOT, check=True
    )
    names = {path.relative_to(tmp_path / "first") for path in first}
    assert names == {
        path.relative_to(tmp_path / "second")
        for path in (tmp_path / "second").rglob("*")
        if path.is_file()
    }
    assert {path.suffix for path in names} == {".md", ".csv", ".svg", ".png"}
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (
            tmp_path / "second" / name
        ).read_bytes(), name
    for kind in plots.KINDS:
        assert any(path.name.startswith(kind) for path in names), kind


def test_a_plot_without_data_is_removed_and_other_files_stay(
    tmp_path: Path, raw: Path, keep: Keep
) -> None:
    full(keep, raw)
    out = tmp_path / "out" / "plots"
    out.mkdir(parents=True)
    (out / "hand-made.png").write_text("kept")
    report.build(raw, out.parent, None)
    for path in raw.iterdir():
        path.unlink()
    keep(blocks=None)
    report.build(raw, out.parent, None)
    assert {path.name for path in out.iterdir()} == {
        "hand-made.png",
        "bits-per-char-test5m.svg",
        "bits-per-char-test5m.png",
    }


def test_the_page_shows_the_plots_that_exist(tmp_path: Path, raw: Path, keep: Keep) -> None:
    full(keep, raw)
    out = tmp_path / "out"
    drawn = {path.name for path in report.build(raw, out, None) if path.suffix == ".svg"}
    text = (out / "leaderboard.md").read_text()
    assert {
        line.split("(plots/")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")
    } == drawn


def test_the_front_is_what_nothing_beats_in_both() -> None:
    points = [(10.0, 1.0), (5.0, 1.0), (20.0, 2.0), (15.0, 3.0), (1.0, 0.5), (20.0, 2.5)]
    assert plots.front(points) == [(1.0, 0.5), (10.0, 1.0), (20.0, 2.0)]


def test_only_containers_of_blocks_are_drawn_along_the_file(raw: Path, keep: Keep) -> None:
    keep(codec="steady", family="neural", blocks=[[2_500_000, 1_000_000]] * 2)
    keep(codec="lumps", blocks=[[2_500_000, 500_000], [2_500_000, 1_500_000]])
    keep(codec="one block", family="neural", blocks=[[5_000_000, 2_000_000]])
    keep(codec="silent", family="neural", blocks=None)
    assert [row.codec for row in rows.load(raw).rows if plots.steady(row)] == ["steady"]


def test_an_empty_input_breaks_nothing(tmp_path: Path, raw: Path, keep: Keep) -> None:
    keep(input="empty", input_bytes=0, compressed_bytes=20, blocks=[])
    keep(**{**OURS, "input": "empty", "input_bytes": 0, "compressed_bytes": 0})
    report.build(raw, tmp_path / "out", None)
    assert ranks(raw, "empty") == {"kolmozip tiny": 1, "made-up -9": 2}


@pytest.mark.parametrize("count", [1, 2, 24, 25, 26, 95, 1000])
def test_joined_blocks_keep_every_byte(count: int) -> None:
    blocks = [[1000 + at % 7, 100 + at % 13] for at in range(count)]
    edges, rates = plots.along(blocks)
    assert edges[-1] == sum(block[0] for block in blocks)
    assert len(rates) == len(edges) - 1 <= plots.STEPS
    packed = sum(
        rate * (stop - start) / 8
        for rate, start, stop in zip(rates, edges, edges[1:], strict=False)
    )
    assert packed == pytest.approx(sum(block[1] for block in blocks))


def phase1(raw: Path) -> str:
    return verdict.phase1(rows.load(raw))


def test_no_rows_no_verdict(raw: Path, keep: Keep) -> None:
    keep(codec="gzip -9")
    text = phase1(raw)
    assert text.count(f"**{verdict.NO_ROWS}**") == 4
    assert "**yes**" not in text
    assert "**no**" not in text


@pytest.mark.parametrize(
    ("size", "payload", "total"),
    [(900_000, "no", "no"), (1_800_000, "yes", "no"), (4_800_000, "yes", "yes")],
)
def test_gzip_is_answered_on_payload_and_total(
    raw: Path, keep: Keep, size: int, payload: str, total: str
) -> None:
    files = [keep(**OURS).name, keep(codec="gzip -9", compressed_bytes=size).name]
    section = part(phase1(raw), "## Must beat gzip")
    assert f"not trained on: **{payload}** (kolmozip tiny on test5m)" in section
    assert f"on any input: **{total}** (kolmozip tiny on test5m)" in section
    assert f"`{files[0]}`, `{files[1]}`" in section


def test_bytes_the_model_was_trained_on_do_not_answer_for_the_payload(
    raw: Path, keep: Keep
) -> None:
    keep(**{**OURS, "training_bytes_within": 90_000_000, **ENWIK8})
    keep(codec="gzip -9", compressed_bytes=36_000_000, **ENWIK8)
    section = part(phase1(raw), "## Must beat gzip")
    assert f"not trained on: **{verdict.NO_ROWS}**" in section
    assert "on any input: **yes** (kolmozip tiny on enwik8)" in section


@pytest.mark.parametrize(
    ("size", "said"), [(1_000_000, "yes"), (818_182, "yes"), (818_181, "no"), (500_000, "no")]
)
def test_the_transformer_is_matched_within_ten_per_cent(
    raw: Path, keep: Keep, size: int, said: str
) -> None:
    files = [keep(**OURS).name, keep(**{**RIVAL, "compressed_bytes": size}).name]
    section = part(phase1(raw), "## Must be within")
    assert f"**{said}** (kolmozip tiny on test5m against transformer-tiny)" in section
    assert all(f"`{name}`" in section for name in files)
    assert "| decompress, KB/s | 2,000 | 100 | 20.00 |" in section


@pytest.mark.parametrize(
    "change",
    [{"train_bytes_seen": 10_000_000}, {"train_bytes_seen": None}, {"input_sha256": "00" * 32}],
)
def test_only_pairs_with_equal_training_and_input_are_compared(
    raw: Path, keep: Keep, change: dict[str, Any]
) -> None:
    keep(**OURS)
    keep(**{**RIVAL, **change})
    assert f"equally many bytes: **{verdict.NO_ROWS}**" in phase1(raw)


def test_a_transformer_of_another_size_does_not_count(raw: Path, keep: Keep) -> None:
    keep(**OURS)
    keep(**{**RIVAL, "parameters": 5_000_000})
    text = phase1(raw)
    assert f"equally many bytes: **{verdict.NO_ROWS}**" in text
    assert "not of one size" in text


def test_the_networks_alone_are_compared_from_estimates(raw: Path, keep: Keep) -> None:
    keep(**OURS)
    keep(**{**RIVAL, "compressed_bytes": 1_000_000})
    keep(
        kind="estimate",
        checkpoint="tiny",
        bits_per_char=1.4,
        bits_per_char_network_alone=1.68,
        bytes=875_000,
    )
    assert f"transformer: **{verdict.NO_ROWS}**" in phase1(raw)
    rival = {
        "checkpoint": "transformer-tiny",
        "bits_per_char": 1.35,
        "bits_per_char_network_alone": 1.6,
        "bytes": 843_750,
    }
    keep(kind="estimate", **rival)
    section = part(phase1(raw), "### The networks without")
    assert "**yes** (kolmozip tiny on test5m against transformer-tiny)" in section
    assert "1.050" in section


def test_a_failed_row_answers_nothing(raw: Path, keep: Keep) -> None:
    keep(**{**OURS, **FAILED})
    keep(codec="gzip -9")
    assert f"not trained on: **{verdict.NO_ROWS}**" in phase1(raw)


def test_readme_gets_the_table_between_its_markers_and_nowhere_else(
    tmp_path: Path, raw: Path, keep: Keep
) -> None:
    keep(**OURS)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.START}\nold\n{report.END}\nafter\n")
    assert readme in report.build(raw, tmp_path / "out", readme)
    table = report.readme_table(rows.load(raw).rows)
    assert readme.read_text() == f"before\n{report.START}\n{table}{report.END}\nafter\n"
    assert "| kolmozip tiny | 1.440 | 6.320 |" in table
    readme.write_text("no markers\n")
    assert readme not in report.build(raw, tmp_path / "out", readme)
    assert readme.read_text() == "no markers\n"


def test_readme_names_our_models_with_the_estimates_of_their_runs(
    tmp_path: Path, raw: Path, keep: Keep
) -> None:
    keep(**OURS)
    keep(
        **{
            **OURS,
            "codec": "kolmozip small",
            "compressed_bytes": 800_000,
            "peak_rss_bytes_compress": 7_000_000,
        }
    )
    keep(**RIVAL)
    estimate = {
        name: MEASURED[name] for name in ("input", "input_bytes", "input_sha256", "commit", "date")
    }
    estimate |= {
        "kind": "estimate",
        "bits_per_char": 1.25,
        "bits_per_char_network_alone": 1.5,
        "bytes": 781_250,
    }
    for model, checkpoint in (("small", "small7"), ("other", "small")):
        (raw / f"estimate-{model}-test5m-1.json").write_text(
            json.dumps({**estimate, "checkpoint": checkpoint})
        )
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.FIGURES_START}\nold\n{report.FIGURES_END}\nafter\n")
    assert readme in report.build(raw, tmp_path / "out", readme)
    text = readme.read_text()
    assert text.startswith(f"before\n{report.FIGURES_START}\n|")
    assert text.endswith(f"\n{report.FIGURES_END}\nafter\n")
    first, second = [line for line in text.splitlines() if line.startswith("| `")]
    assert first.startswith(
        "| `small` | 800,000 | **1.280** | 1.2500 (+2.40%) | 1.500 | 4,000,000 | 3,000,000 |"
    )
    assert first.endswith("| 20 |")
    assert second.startswith("| `tiny` | 900,000 | **1.440** | - | - |")
    assert "transformer" not in text


def test_cards_get_the_figures_of_their_own_weights_alone(
    tmp_path: Path, raw: Path, keep: Keep
) -> None:
    keep(**{**OURS, "version": "weights 0a0b"})
    weights = tmp_path / "weights"
    weights.mkdir()
    for name, identity in (("tiny", "0a0b"), ("tuned", "ffff")):
        (weights / f"{name}.json").write_text(json.dumps({"identity": identity, "steps": 7}))
    assert weights / "tiny.json" in report.build(raw, tmp_path / "out", None, weights)
    card = json.loads((weights / "tiny.json").read_text())
    assert card == {
        "identity": "0a0b",
        "steps": 7,
        "test5m_bits_per_char": 1.44,
        "test5m_bytes": 900_000,
    }
    assert json.loads((weights / "tuned.json").read_text()) == {"identity": "ffff", "steps": 7}


@pytest.mark.parametrize(("version", "marked"), [("weights one", False), ("weights two", True)])
def test_readme_marks_rows_of_other_weights(
    raw: Path, keep: Keep, version: str, marked: bool
) -> None:
    keep(codec="gzip -9", version="weights one")
    keep(**{**ENWIK8, "codec": "gzip -9", "version": version})
    table = report.readme_table(rows.load(raw).rows)
    assert (
        ("\N{DOUBLE DAGGER} |" in table)
        == ("\N{DOUBLE DAGGER} Measured with another version" in table)
        == marked
    )


def test_cells_cannot_break_a_table(keep: Keep, page: Callable[[], str]) -> None:
    keep(codec="liar", **{**FAILED, "reason": "a | b\nc"})
    assert "| a \\| b c |" in page()


def test_reading_rows_loads_neither_pandas_nor_matplotlib() -> None:
    code = "import sys; from compressor import report; sys.exit(bool({'pandas', 'matplotlib', 'jax'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("fresh")
    report.build(ROOT / "results" / "raw", out, None)
    return out


@pytest.mark.parametrize("name", ["leaderboard.md", "leaderboard.csv", "phase1.md"])
def test_the_committed_report_is_of_the_committed_rows(fresh: Path, name: str) -> None:
    assert (ROOT / "results" / name).read_text() == (fresh / name).read_text(), (
        "run `kolmozip report`"
    )


def test_the_committed_plots_are_those_of_the_committed_rows(fresh: Path) -> None:
    kept = {path.name for path in (ROOT / "results" / "plots").iterdir()}
    assert kept == {path.name for path in (fresh / "plots").iterdir()}, "run `kolmozip report`"


def test_the_table_of_readme_is_of_the_committed_rows() -> None:
    readme, results = (ROOT / "README.md").read_text(), rows.load(ROOT / "results" / "raw")
    block = readme.split(report.START)[1].split(report.END)[0]
    assert block == "\n" + report.readme_table(results.rows), "run `kolmozip report`"
    block = readme.split(report.FIGURES_START)[1].split(report.FIGURES_END)[0]
    assert block == "\n" + report.readme_figures(results), "run `kolmozip report`"
