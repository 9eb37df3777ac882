"""The leaderboard's figures: which are drawn, and what is computed for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compressor.report.plots import leaderboard as plots


@pytest.mark.usefixtures("undrawn")
def test_a_plot_without_data_is_removed_and_other_files_stay(keep: Any, tmp_path: Path) -> None:
    keep.one_of_all()
    out = tmp_path / "plots"
    out.mkdir()
    (out / "hand-made.png").write_text("kept")
    drawn = plots.write(keep.load(), out)
    assert {path.stem for path in drawn} == {
        *("bits-per-char-enwik8", "pareto-enwik8", "description-length-enwik8", "along-enwik8"),
        "learning-curves",
    }
    for path in keep.raw.iterdir():
        path.unlink()
    keep(blocks=None)
    plots.write(keep.load(), out)
    names = {"hand-made.png", "bits-per-char-test5m.svg", "bits-per-char-test5m.png"}
    assert {path.name for path in out.iterdir()} == names


@pytest.mark.usefixtures("undrawn")
def test_files_of_one_name_and_other_bytes_share_no_plot(keep: Any, tmp_path: Path) -> None:
    keep(codec="a", input="book.txt", input_bytes=9_000_000)
    keep(codec="b", input="book.txt", input_bytes=9_000_000, input_sha256="ef" * 32)
    drawn = plots.write(keep.load(), tmp_path / "plots")
    assert len({path for path in drawn if path.name.startswith("bits-per-char-book-txt-")}) == 4


def test_an_empty_input_is_not_drawn(keep: Any) -> None:
    keep(input="empty", input_bytes=0, compressed_bytes=20, blocks=[])
    assert plots.figures(keep.load()) == {}


def test_bars_show_cited_figures_that_are_not_measured(keep: Any) -> None:
    keep(codec="mcm -x10", family="context mixing")
    figure = {"family": "PPM", "input": "test5m", "bits_per_char": 1.5, "file": True}
    cited = [{**figure, "codec": name} for name in ("mcm", "other")]
    cited.append({**figure, "codec": "no file", "file": False})
    cited.append({**figure, "codec": "elsewhere", "input": "enwik8"})
    kept = keep.load(cited)
    drawn = plots.figures(kept)["bits-per-char-test5m"]()
    names = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert names == ["mcm -x10", "other"]
    assert [text.get_text() for text in drawn.axes[0].texts] == ["3.200", "1.500 cited"]


def test_description_lengths_are_stacked_best_on_top(keep: Any) -> None:
    keep(codec="mcm -x10", family="context mixing", compressed_bytes=17_572_774, **keep.ENWIK8)
    keep.ours(compressed_bytes=16_600_000, training_bytes_within=90_000_000, **keep.ENWIK8)
    keep(codec="unknown", compressed_bytes=1_000_000, program_bytes=None, **keep.ENWIK8)
    axes = plots.figures(keep.load())["description-length-enwik8"]().axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["unknown", "kolmozip tiny\N{DAGGER}", "mcm -x10"]
    assert [text.get_text() for text in axes.texts] == [
        "1.00 and parts not recorded",
        "19.65",
        "17.62",
    ]


def test_libraries_stand_back_for_their_programs(keep: Any) -> None:
    for codec in ("a", "a (library)", "b (library)"):
        keep(codec=codec)
    assert list(plots.without_libraries(keep.load().rows)["codec"]) == ["a", "b (library)"]


def test_the_front_is_what_nothing_beats_in_both() -> None:
    points = [(10.0, 1.0), (5.0, 1.0), (20.0, 2.0), (15.0, 3.0), (1.0, 0.5), (20.0, 2.5)]
    assert plots.front(points) == [(1.0, 0.5), (10.0, 1.0), (20.0, 2.0)]


def test_only_containers_of_blocks_are_drawn_along_the_file(keep: Any) -> None:
    keep.level(1, blocks=[[2_500_000, 1_000_000]] * 2)
    keep(codec="lumps", blocks=[[2_500_000, 500_000], [2_500_000, 1_500_000]])
    keep.level(2, blocks=[[5_000_000, 2_000_000]])
    keep.level(6, blocks=None)
    rows = keep.load().rows.itertuples()
    assert [row.codec for row in rows if plots.steady(row)] == ["kolmozip -1"]


def test_our_levels_are_joined_by_a_line_in_both_panels(keep: Any) -> None:
    keep(codec="peer")
    keep.level(6, compressed_bytes=500_000, kb_per_s_compress=10.0, kb_per_s_decompress=20.0)
    keep.level(1, compressed_bytes=1_000_000, kb_per_s_compress=30.0, kb_per_s_decompress=40.0)
    figure = plots.figures(keep.load())["pareto-test5m"]()
    joined = [
        [
            line.get_xydata().tolist()
            for line in axes.lines
            if line.get_color() == plots.LEVELS_COLOUR
        ]
        for axes in figure.axes
    ]
    assert joined == [[[[40.0, 1.6], [20.0, 0.8]]], [[[30.0, 1.6], [10.0, 0.8]]]]
    assert [axes.get_xlabel().split(",")[0] for axes in figure.axes] == [
        "decompression",
        "compression",
    ]
    shown = {text.get_text() for text in figure.axes[0].texts}
    assert shown == {"peer", "-1", "-6"}


@pytest.mark.parametrize("count", [1, 2, 24, 25, 26, 95, 1000])
def test_joined_blocks_keep_every_byte(count: int) -> None:
    blocks = [[1000 + at % 7, 100 + at % 13] for at in range(count)]
    edges, rates = plots.joined(blocks)
    assert edges[-1] == sum(block[0] for block in blocks)
    assert len(rates) == len(edges) - 1 <= plots.STEPS
    packed = np.dot(rates, np.diff(edges)) / 8
    assert packed == pytest.approx(sum(block[1] for block in blocks))


def test_smoothing_takes_fewer_values_at_the_ends() -> None:
    assert list(plots.smooth([0.0, 3.0, 6.0, 9.0], width=3)) == [1.5, 3.0, 6.0, 7.5]
