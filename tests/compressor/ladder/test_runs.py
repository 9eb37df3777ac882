"""A run of the ladder on a small text: what it states, and that it is made once."""

import pytest

from compressor.codec import native
from compressor.ladder import rungs, runs
from compressor.ladder.rows import kept_runs
from compressor.ladder.runs import SEEDS, climb, listing
from data.samples import sample

pytest.importorskip("jax")


@pytest.fixture
def small(monkeypatch):
    """One scale, small enough for a test."""
    monkeypatch.setattr(rungs, "TABLES", ((2, 8), (3, 8)))
    monkeypatch.setattr(runs, "WIDTHS", {"0.3M": 48})
    monkeypatch.setattr(rungs, "WIDTHS", {"0.3M": 48})


@pytest.mark.slow
@pytest.mark.skipif(native.absent() is not None, reason="files are made by the native engine")
def test_keeps_a_run_with_all_that_the_page_needs_and_does_not_make_it_again(
    small, tmp_path, capsys
):
    text = tmp_path / "text"
    text.write_bytes(sample()[:80_000])
    settings = {"total_bytes": 12_288, "lanes": 4, "window": 64}
    names = ["ar", "surprise"]
    made = climb(names, ["0.3M"], str(text), tmp_path, 1, settings, quiet=False)
    kept = {facts["rung"]: facts for facts in kept_runs(tmp_path / "raw")}
    assert sorted(path.name for path in made) == sorted(facts["file"] for facts in kept.values())
    assert set(kept) == set(names)
    for facts in kept.values():
        assert 0 < facts["mixture_bits_per_char"] < facts["bits_per_char"] < 9
        assert facts["reason"] is None
    assert kept["ar"]["backbone_steps"] == 1
    assert kept["ar"]["file_bits_per_char"] == pytest.approx(
        kept["ar"]["mixture_bits_per_char"], rel=0.03
    )
    assert kept["surprise"]["file_bytes"] is None
    assert 1 / 8 <= kept["surprise"]["backbone_steps"] <= 1 / 2
    assert kept["surprise"]["multiply_adds"] < kept["ar"]["multiply_adds"]
    capsys.readouterr()
    assert climb(names, ["0.3M"], str(text), tmp_path, 1, settings, quiet=False) == []
    assert capsys.readouterr().err.count("kept already") == len(names)


def test_lists_every_rung_with_its_parameters():
    lines = listing(rungs.chosen([], []), SEEDS)
    assert any(line.startswith("space ") and "word" in line for line in lines)
    assert lines[-1].endswith(f"{SEEDS} seeds each")


def test_the_command_refuses_an_unknown_rung(cli):
    result = cli("ladder", "nothing", "--list")
    assert result.exit_code == 1
    assert "choose from" in result.stderr
