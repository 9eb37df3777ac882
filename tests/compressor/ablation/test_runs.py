"""Runs of ablations: each states what it was, and a series goes on where it stopped."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from compressor.ablation import runs
from compressor.ablation.experiments import (
    BASE_NAME,
    SETTING,
    Experiment,
    equal_parameters,
)
from compressor.ablation.runs import FIELDS, Series, ablate, kept_runs, outcome, run_series
from compressor.bench.records import load
from compressor.bench.store import MalformedResult
from compressor.report import ablations as report
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.texts import Texts
from data.samples import sample
from models.network.variants import VariantConfig

TINY = VariantConfig(width=16, layers=1, state=16, hidden=16, taps=1, table_dim=4, tables=((2, 8),))
QUICK = TrainConfig(lanes=4, window=8, total_bytes=4 * 8 * 101, learning_rate=0.01, warmup_steps=10)
LITTLE = [
    Experiment("base", BASE_NAME, "the shipped network, tiny", TINY, main=True),
    Experiment("mlp", "relu2", "another", equal_parameters(TINY, mlp="relu2")),
]


@pytest.fixture(scope="module")
def series() -> Series:
    text = np.frombuffer(sample(), np.uint8)
    return Series(QUICK, Texts("sample", text[:60_000], text[60_000:77_000]))


@pytest.fixture(scope="module")
def run_once(
    series: Series, tmp_path_factory: pytest.TempPathFactory, quick_compiling: None
) -> Path:
    """The results of one short series."""
    results = tmp_path_factory.mktemp("results")
    assert len(run_series(LITTLE, series, results / "raw", seeds=1, quiet=True)) == 2
    return results


@pytest.mark.slow
def test_each_run_states_what_it_was(run_once: Path, series: Series) -> None:
    kept = kept_runs(run_once / "raw")
    assert [(run["name"], run["seed"]) for run in kept] == [("base", 0), ("relu2", 0)]
    for run in kept:
        assert run.keys() >= set(FIELDS)
        assert 3 < run["bits_per_char"] < 8
        assert run["bytes"] == QUICK.total_bytes
        assert run["valid_bytes"] == series.texts.valid.size
        assert run["step_ms"] > 0
        assert run["kb_per_s"] == pytest.approx(32 / run["step_ms"], abs=0.051)
        assert run["table_parameters"] == 1024
        assert run["state_numbers"] == 32, "the recurrence and one convolution input"
        assert "/" not in run["corpus"]
    assert kept[0]["bits_per_char"] != kept[1]["bits_per_char"]
    assert [run["parameters"] for run in kept] == [each.model.parameters() for each in LITTLE]


@pytest.mark.slow
def test_real_runs_make_a_report_that_no_other_report_shows(run_once: Path, tmp_path: Path) -> None:
    paths = report.build(run_once / "raw", tmp_path)
    assert all(path.stat().st_size > 500 for path in paths)
    assert load(run_once / "raw").rows == []


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Wide layer and seed of every run; nothing is trained, each ends with 2 bits/char."""
    done: list[tuple[str, int]] = []

    def train(
        model: VariantConfig, config: TrainConfig, *_: Any, **__: Any
    ) -> tuple[None, dict[str, float]]:
        done.append((model.mlp, config.seed))
        return None, {"valid_bits_per_char_estimate": 2.0}

    monkeypatch.setattr(runs, "train", train)
    return done


def test_a_series_goes_on_where_it_stopped(
    run_once: Path,
    series: Series,
    trained: list[tuple[str, int]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(run_once / "raw", raw)
    run_series(LITTLE, series, raw, seeds=2)
    assert trained == [("kan_glu", 1)]
    lines = capsys.readouterr().err
    assert "[1/3] base: base, seed 0: kept already (ablation-base-s0-" in lines
    assert "[3/3] base: base, seed 1: 2.0000 bits/char" in lines


@pytest.mark.parametrize(
    "change",
    [
        lambda series: dataclasses.replace(series, setting=_set(learning_rate=0.02)),
        lambda series: dataclasses.replace(series, setting=_set(total_bytes=64)),
        lambda series: dataclasses.replace(
            series, texts=dataclasses.replace(series.texts, train=series.texts.train[1:])
        ),
        lambda series: dataclasses.replace(
            series, texts=dataclasses.replace(series.texts, valid=series.texts.valid[1:])
        ),
    ],
    ids=["rate", "bytes", "training text", "validation text"],
)
def test_another_series_runs_by_itself_and_once(
    change: Callable[[Series], Series],
    run_once: Path,
    series: Series,
    trained: list[tuple[str, int]],
    tmp_path: Path,
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(run_once / "raw", raw)
    for _ in range(2):
        run_series(LITTLE[:1], change(series), raw, seeds=1, quiet=True)
    run_series(LITTLE[:1], series, raw, seeds=1, quiet=True)
    assert trained == [("kan_glu", 0)]


def _set(**changes: Any) -> TrainConfig:
    return dataclasses.replace(QUICK, **changes)


def test_another_network_under_the_same_name_is_run(
    run_once: Path, series: Series, trained: list[tuple[str, int]], tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(run_once / "raw", raw)
    wider = dataclasses.replace(LITTLE[0], model=dataclasses.replace(TINY, hidden=24))
    run_series([wider], series, raw, seeds=1, quiet=True)
    assert trained == [("kan_glu", 0)]


def test_a_network_of_equal_step_time_is_measured_once(
    series: Series,
    trained: list[tuple[str, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[VariantConfig] = []

    def slowed(model: VariantConfig, *_: Any) -> VariantConfig:
        measured.append(model)
        return dataclasses.replace(model, hidden=40)

    monkeypatch.setattr(runs, "slowed", slowed)
    slow = dataclasses.replace(LITTLE[1], main=True, as_slow_as=TINY)
    run_series([slow], series, tmp_path, seeds=3, quiet=True)
    assert measured == [slow.model]
    assert [run["model"]["hidden"] for run in kept_runs(tmp_path)] == [40, 40, 40]
    assert trained == [("relu2", 0), ("relu2", 1), ("relu2", 2)]


def test_a_run_that_diverges_is_kept_with_its_reason(
    series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = "the loss is not finite at step 50: resume with a lower --learning-rate"

    def diverge(*_: Any, **__: Any) -> None:
        raise TrainingError(reason)

    monkeypatch.setattr(runs, "train", diverge)
    facts = runs.run(LITTLE[0], TINY, QUICK, series.texts)
    assert facts["bits_per_char"] is None
    assert outcome(facts) == f"failed: {reason}"


@pytest.mark.parametrize("text", ["{", "[1]", '{"kind": "ablation"}', '{"kind": "row"}'])
def test_a_damaged_run_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "ablation-x.json").write_text(text)
    with pytest.raises(MalformedResult, match=r"ablation-x\.json"):
        kept_runs(tmp_path)


def test_where_nothing_is_kept_there_are_no_runs(tmp_path: Path) -> None:
    assert kept_runs(tmp_path / "none") == []


# The command


def test_the_list_says_what_there_is(cli: Callable[..., Result]) -> None:
    lines = cli("train", "ablate", "--list").stdout
    assert "mlp: swiglu, equal step time" in lines
    assert "minutes on two idle cores" in lines


def test_the_command_runs_what_was_asked_for_on_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(runs, "run_series", lambda *arguments: calls.append(arguments))
    (tmp_path / "text").write_bytes(sample()[:10_000])
    ablate(["mlp"], str(tmp_path / "text"), tmp_path, 1, {"total_bytes": 5000}, quiet=True)
    [(todo, series, raw, seeds, quiet)] = calls
    assert {experiment.group for experiment in todo} == {"base", "mlp"}
    assert series.setting == dataclasses.replace(SETTING, total_bytes=5000)
    assert series.texts.corpus == "text"
    assert (series.texts.train.size, series.texts.valid.size) == (9000, 500)
    assert (raw, seeds, quiet) == (tmp_path / "raw", 1, True)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("--only", "nonsense"), "UnknownExperiment"),
        (("none",), "InputMissing"),
        (("--learning-rate", "-1"), "TrainingError"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(
    arguments: tuple[str, ...],
    name: str,
    cli: Callable[..., Result],
    refusal: Callable[[Result, str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")  # no restart of this process
    refusal(cli("train", "ablate", *arguments), name)
