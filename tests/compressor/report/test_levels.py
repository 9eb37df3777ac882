"""Our levels beside the peers: who is in front of whom, each way, and on which machines."""

from __future__ import annotations

from typing import Any

import pytest

from compressor.report import levels

SLOW = {"kb_per_s_compress": 100.0, "kb_per_s_decompress": 50.0}


def lines(text: str, start: str) -> list[list[str]]:
    """The cells of the lines of tables that begin so."""
    found = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def test_the_table_states_how_each_level_coded(keep: Any) -> None:
    keep()
    assert levels.table(keep.load().verified) == ""
    keep.level(6)
    keep.level(1, design="light", tables_mib=64, lanes=1)
    table = levels.table(keep.load().verified)
    assert lines(table, "kolmozip -1")[0][:6] == [
        "kolmozip -1",
        "none",
        "light",
        "64",
        "1",
        "900,000",
    ]
    assert lines(table, "kolmozip -6")[0][1:5] == ["base", "full", "448", "32"]
    assert table.index("kolmozip -1") < table.index("kolmozip -6")


def test_a_model_that_was_named_is_no_level(keep: Any) -> None:
    keep.level(6)
    keep.level(6, codec="kolmozip general", compressed_bytes=800_000)
    assert list(levels.levels_of(keep.load().verified)["codec"]) == ["kolmozip -6"]


def test_a_peer_is_told_the_best_level_at_its_speed_and_at_its_size(keep: Any) -> None:
    keep(codec="slow", compressed_bytes=1_000_000, **SLOW)
    keep.level(1, compressed_bytes=950_000, kb_per_s_compress=200.0, kb_per_s_decompress=40.0)
    keep.level(2, compressed_bytes=900_000, kb_per_s_compress=120.0, kb_per_s_decompress=30.0)
    text = levels.beside_peers(keep.load().verified)
    [cells] = lines(text, "slow")
    assert cells == ["slow", "1.600", "100", "50", "-2, by 10.0%", "-1, 2 times", "none", "none"]
    assert "Compressing: of 1 peers 1 have a level in front of them; of 2 levels 2 have" in text
    assert "Decompressing: of 1 peers 0 have a level in front of them; of 2 levels 2 have" in text


def test_a_level_is_told_the_peers_in_front_of_it(keep: Any) -> None:
    keep(codec="small and fast", compressed_bytes=700_000)
    keep(codec="small and slow", compressed_bytes=700_000, **SLOW)
    keep.level(1, kb_per_s_compress=50.0)
    keep.level(2, compressed_bytes=600_000)
    text = levels.beside_peers(keep.load().verified)
    assert lines(text, "kolmozip -1")[0][-2:] == [
        "small and fast, small and slow",
        "small and fast",
    ]
    assert lines(text, "kolmozip -2")[0][-2:] == ["none", "none"]
    assert lines(text, "small and fast")[0][-4:] == ["-2, by 14.3%", "none", "-2, by 14.3%", "none"]


def test_what_is_equal_is_in_front_of_nothing(keep: Any) -> None:
    keep(codec="equal", compressed_bytes=900_000)
    keep.level(1)
    text = levels.beside_peers(keep.load().verified)
    assert lines(text, "equal")[0][-4:] == ["none"] * 4
    assert lines(text, "kolmozip -1")[0][-2:] == ["none"] * 2


def test_what_is_not_recorded_is_no_none(keep: Any) -> None:
    keep(codec="untimed", kb_per_s_decompress=None)
    keep.level(1, kb_per_s_compress=None)
    text = levels.beside_peers(keep.load().verified)
    assert lines(text, "untimed")[0][-4:] == ["none", "none", "-", "-"]
    assert lines(text, "kolmozip -1")[0][-2:] == ["-", "none"]


def test_only_rows_that_compete_are_compared(keep: Any) -> None:
    keep(codec="peer", compressed_bytes=950_000)
    keep(codec="peer (library)", compressed_bytes=950_001)
    keep.rival(file_format=1)
    keep.level(1)
    keep.level(6, compressed_bytes=1, training_bytes_within=5)
    text = levels.beside_peers(keep.load().verified)
    assert "of 1 peers" in text
    assert "of 1 levels" in text


@pytest.mark.parametrize("missing", ["levels", "peers"])
def test_without_levels_or_peers_nothing_is_said(keep: Any, missing: str) -> None:
    if missing == "levels":
        keep()
    else:
        keep.level(1)
    assert levels.beside_peers(keep.load().verified) == ""


def test_speeds_of_several_machines_are_called_so(keep: Any) -> None:
    keep()
    keep.level(1)
    assert "machines" not in levels.beside_peers(keep.load().verified)
    keep.level(2, processor="another", cores=1)
    text = " ".join(levels.beside_peers(keep.load().verified).split())
    assert (
        "**These speeds are of 2 machines** (another, 1 core; made-up processor, 2 cores)" in text
    )
