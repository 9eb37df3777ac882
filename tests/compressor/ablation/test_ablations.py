"""Ablations: what is declared fits, a series goes on where it stopped, tables and plots follow from the JSON alone.

Every figure written by `keep` is made up for these tests.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from baselines.transformer import TransformerConfig
from compressor.ablation import experiments as ablations
from compressor.ablation.experiments import (
    BASE,
    BASE_NAME,
    SETTING,
    Experiment,
    Texts,
    UnknownExperiment,
    experiments,
    series,
)
from compressor.bench import records as rows
from compressor.report import ablations as ablation_report
from compressor.training.config import TrainConfig
from data.samples import sample
from models.network.variants import VariantConfig

ROOT = Path(__file__).resolve().parents[3]

TINY = VariantConfig(width=16, layers=1, state=16, hidden=16, taps=1, table_dim=4, tables=((2, 8),))
QUICK = TrainConfig(lanes=4, window=8, total_bytes=4 * 8 * 101, learning_rate=0.01, warmup_steps=10)
LITTLE = [
    Experiment("base", BASE_NAME, "the shipped network, tiny", TINY, main=True),
    Experiment("mlp", "relu2", "another", ablations._equal(TINY, mlp="relu2")),
]


@pytest.fixture(scope="module")
def texts() -> Texts:
    text = np.frombuffer(sample(), np.uint8)
    return Texts("sample", text[:60_000], text[60_000:77_000])


@pytest.fixture(scope="module")
def run_once(texts: Texts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one short series."""
    results = tmp_path_factory.mktemp("results")
    assert len(series(LITTLE, QUICK, texts, results / "raw", seeds=1, quiet=True)) == 2
    return results


# What is declared


def test_every_experiment_has_a_name_of_its_own_and_a_training_that_can_be() -> None:
    found = experiments()
    keys = [(one.group, one.name) for one in found]
    assert len(set(keys)) == len(keys)
    assert len({ablations._slug(one) for one in found}) == len(found)
    assert keys[0] == ablation_report.BASE
    for one in found:
        config = one.config(SETTING, 2)
        assert config.seed == 2
        assert config.step_bytes == SETTING.step_bytes, "equal bytes a step"
        assert config.total_bytes == SETTING.total_bytes, "equal bytes"


def test_parameters_are_equal_unless_the_text_says_that_they_differ() -> None:
    for one in experiments():
        equal = abs(one.model.parameters() / BASE.parameters() - 1) <= 0.01
        assert equal != ("parameters differ" in one.about), one.name


def test_what_was_asked_for_is_there() -> None:
    found = {
        one.group: [other for other in experiments() if other.group == one.group]
        for one in experiments()
    }
    assert {
        "base",
        "mixer",
        "mlp",
        "kan grid",
        "n-grams",
        "depth",
        "state",
        "context",
        "optimiser",
    } == set(found)
    models = [one.model for one in experiments() if isinstance(one.model, VariantConfig)]
    assert {model.mlp for model in models} == {"kan_glu", "swiglu", "relu2", "kan"}
    assert {model.mixer for model in models} == {"gated", "ssd"}
    assert {model.knots for model in models} >= {5, 9, 17}
    assert any(isinstance(one.model, TransformerConfig) for one in found["mixer"])
    assert all(one.main for one in found["mixer"] + found["base"])


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownExperiment, match="choose from base, mixer"):
        ablations.chosen(experiments(), ["mlq"])


def test_the_base_comes_with_every_choice() -> None:
    assert [one.name for one in ablations.chosen(experiments(), ["context"])][:2] == [
        BASE_NAME,
        "window 64",
    ]
    assert [one.name for one in ablations.chosen(experiments(), ["ssd"])] == [BASE_NAME, "ssd"]


def test_hidden_grows_until_a_step_takes_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        """A step that takes 10 s and 0.1 s a hidden channel, or 35 s with learned functions."""

        def __init__(self, model: VariantConfig, *_: Any) -> None:
            self.times = [35.0 if model.mlp == "kan_glu" else 10 + 0.1 * model.hidden]

        def measure(self) -> None:
            pass

    monkeypatch.setattr(ablations, "_Stepper", Clock)
    like = dataclasses.replace(TINY, hidden=96)
    plain = dataclasses.replace(like, mlp="swiglu")
    assert ablations.slowed(plain, like, QUICK, np.zeros(0)) == dataclasses.replace(
        plain, hidden=248
    )
    slow = dataclasses.replace(plain, hidden=304)
    assert ablations.slowed(slow, like, QUICK, np.zeros(0)) == slow, "it is slower already"


# A series


def test_each_run_states_what_it_was(run_once: Path, texts: Texts) -> None:
    kept = ablations.kept_runs(run_once / "raw")
    assert [(run["name"], run["seed"]) for run in kept] == [("base", 0), ("relu2", 0)]
    for run in kept:
        assert 2 < run["bits_per_char"] < 8
        assert run["bytes"] == QUICK.total_bytes
        assert run["valid_bytes"] == texts.valid.size
        assert run["step_ms"] > 0
        assert run["kb_per_s"] == pytest.approx(32 / run["step_ms"], abs=0.051)
        assert run["table_parameters"] == 1024
        assert run["state_numbers"] == 32, "the recurrence and one convolution input"
        assert "/" not in run["corpus"]
    assert kept[0]["bits_per_char"] != kept[1]["bits_per_char"]
    assert [run["parameters"] for run in kept] == [one.model.parameters() for one in LITTLE]


def test_a_series_goes_on_where_it_stopped(
    run_once: Path,
    texts: Texts,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(run_once / "raw", raw)
    done: list[tuple[str, int]] = []

    def instead(
        model: VariantConfig, config: TrainConfig, *_: Any, **__: Any
    ) -> tuple[None, dict[str, float]]:
        done.append((model.mlp, config.seed))
        return None, {"valid_bits_per_char_estimate": 2.0}

    monkeypatch.setattr(ablations, "train", instead)
    series(LITTLE, QUICK, texts, raw, seeds=2)
    assert done == [("kan_glu", 1)]
    told = capsys.readouterr().err
    assert "[1/3] base: base, seed 0: kept already (ablation-base-s0-" in told
    assert "[3/3] base: base, seed 1: 2.0000 bits/char" in told
    # other bytes, rate, network or text: another run
    series(
        LITTLE[:1], dataclasses.replace(QUICK, learning_rate=0.02), texts, raw, seeds=1, quiet=True
    )
    series(LITTLE[:1], dataclasses.replace(QUICK, total_bytes=64), texts, raw, seeds=1, quiet=True)
    series(
        [dataclasses.replace(LITTLE[0], model=dataclasses.replace(TINY, hidden=24))],
        QUICK,
        texts,
        raw,
        seeds=1,
        quiet=True,
    )
    series(
        LITTLE[:1],
        QUICK,
        dataclasses.replace(texts, train=texts.train[1:]),
        raw,
        seeds=1,
        quiet=True,
    )
    assert done[1:] == [("kan_glu", 0)] * 4
    series(LITTLE[:1], QUICK, texts, raw, seeds=1, quiet=True)
    assert len(done) == 5


def test_a_run_that_diverges_is_kept_with_its_reason(
    texts: Texts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(*_: Any, **__: Any) -> None:
        raise ablations.TrainingError(
            "the loss is not finite at step 50: resume with a lower --learning-rate"
        )

    monkeypatch.setattr(ablations, "train", diverge)
    facts = ablations.run(LITTLE[0], TINY, QUICK, texts)
    assert facts["bits_per_char"] is None
    assert ablations.outcome(facts).startswith("failed: the loss is not finite at step 50")


def test_the_first_stretch_of_a_log_is_left_out_of_the_step_time(tmp_path: Path) -> None:
    lines = [
        {"step": 50, "seconds": 60.0},
        {"step": 100, "seconds": 65.0},
        {"step": 110, "seconds": 67.0},
    ]
    log = tmp_path / "train.jsonl"
    log.write_text(
        "".join(json.dumps({**line, "train_bits_per_char": 3.0}) + "\n" for line in lines)
    )
    assert ablations.step_ms(log) == 150
    log.write_text(log.read_text().splitlines()[0])
    assert ablations.step_ms(log) is None
    assert ablations.step_ms(tmp_path / "none") is None


# Tables and plots

RUN: dict[str, Any] = {
    "kind": "ablation",
    "group": "base",
    "name": "base",
    "about": "the shipped network, smaller",
    "seed": 0,
    "seeds": 3,
    "setting": {"total_bytes": 3_000_000, "lanes": 16, "window": 256, "learning_rate": 0.01},
    "corpus": "made-up",
    "train_sha256": "ab" * 32,
    "valid_sha256": "cd" * 32,
    "valid_bytes": 262_144,
    "network": "variant",
    "model": dataclasses.asdict(BASE),
    "parameters": 1_000_000,
    "table_parameters": 400_000,
    "state_numbers": 960,
    "train_config": dataclasses.asdict(SETTING),
    "bytes": 2_998_272,
    "bits_per_char": 2.0,
    "reason": None,
    "seconds": 70.5,
    "step_ms": 90.0,
    "kb_per_s": 45.5,
    "device": "cpu",
    "processor": "made-up processor",
    "cores": 2,
    "commit": "0123456789ab",
    "date": "2020-01-02T00:00:00Z",
}

Keep = Callable[..., Path]


@pytest.fixture
def keep(raw: Path) -> Keep:
    def written(**facts: Any) -> Path:
        path = raw / f"ablation-{len(list(raw.iterdir())):03}.json"
        run = {**RUN, **facts}
        path.write_text(
            json.dumps({**run, "train_config": {**run["train_config"], "seed": run["seed"]}})
        )
        return path

    return written


def built(raw: Path) -> tuple[str, list[dict[str, str]]]:
    out = raw.parent / "ablations"
    ablation_report.build(raw, out)
    with (out / "ablations.csv").open() as lines:
        return (out / "ablations.md").read_text(), list(csv.DictReader(lines))


def many(keep: Keep) -> None:
    for seed, bits in enumerate((2.0, 2.01, 1.99)):
        keep(seed=seed, bits_per_char=bits)
        if seed != 1:
            keep(
                group="mlp",
                name="swiglu",
                seed=seed,
                bits_per_char=bits + 0.02,
                step_ms=70.0 + seed,
            )
    keep(
        group="n-grams",
        name="none",
        seeds=1,
        bits_per_char=2.1,
        parameters=600_000,
        table_parameters=0,
    )


def test_the_table_holds_each_mean_against_the_base_and_names_missing_seeds(
    raw: Path, keep: Keep
) -> None:
    many(keep)
    page, lines = built(raw)
    assert [line["name"] for line in lines] == ["base", "swiglu", "none"], (
        "the order of the declaration"
    )
    swiglu = lines[1]
    assert (swiglu["bits_per_char"], swiglu["lowest"], swiglu["highest"]) == (
        "2.015",
        "2.01",
        "2.02",
    )
    assert (swiglu["against_base_percent"], swiglu["seeds"], swiglu["seeds_missing"]) == (
        "1.002",
        "2",
        "1",
    )
    told = "| swiglu | the shipped network, smaller | 2 of 3 (no seed 1) | 2.0150 | +1.00 % | +1.00 % to +1.01 % |"
    assert told in page, "each seed is held against the base's run of that seed"
    assert "| 600,000 (differ) | 0 |" in page
    assert "the change against the base varies by 0.01 %" in page
    assert "- mlp: relu2\n" in page.split("## Not run yet")[1]


def test_a_failed_seed_is_shown_as_one(raw: Path, keep: Keep) -> None:
    keep()
    keep(seed=1, bits_per_char=None, reason="the loss is not finite", step_ms=None, kb_per_s=None)
    page, lines = built(raw)
    assert "1 of 3 (no seed 2, seed 1 failed)" in page
    assert "failed: the loss is not finite" in page
    assert (lines[0]["seeds_failed"], lines[0]["bits_per_char"]) == ("1", "2.0")


def test_the_newest_run_of_a_seed_counts_and_other_settings_stand_apart(
    raw: Path, keep: Keep
) -> None:
    keep(bits_per_char=2.5)
    keep(bits_per_char=2.2, date="2020-02-02T00:00:00Z")
    keep(seed=1, bits_per_char=2.4)
    keep(setting={**RUN["setting"], "learning_rate": 0.02}, bits_per_char=1.5)
    page, lines = built(raw)
    assert [(line["learning_rate"], line["bits_per_char"]) for line in lines] == [
        ("0.01", "2.3"),
        ("0.02", "1.5"),
    ]
    assert (
        "| made-up | 3,000,000 | 16 x 256 | 0.02 | base | 1 of 3 (no seed 1, no seed 2) | 1.5000 | - |"
        in page
    )


def test_runs_of_another_network_under_the_same_name_are_not_mixed_in(
    raw: Path, keep: Keep
) -> None:
    keep(model={**RUN["model"], "hidden": 96}, bits_per_char=3.0, seed=1)
    keep(date="2020-02-02T00:00:00Z")
    assert [line["bits_per_char"] for line in built(raw)[1]] == ["2.0"]


def test_without_the_base_nothing_is_held_against_it(raw: Path, keep: Keep) -> None:
    keep(group="mlp", name="swiglu")
    page, lines = built(raw)
    assert "The base has no run yet" in page
    assert lines[0]["against_base_percent"] == ""


def test_without_runs_the_page_says_so(raw: Path) -> None:
    assert "Nothing has been run yet" in built(raw)[0]


def test_the_same_runs_give_the_same_bytes(raw: Path, keep: Keep) -> None:
    many(keep)
    paths = [ablation_report.build(raw, raw.parent / name) for name in ("one", "other")]
    assert [path.name for path in paths[0]] == [
        "ablations.csv",
        "ablations.md",
        "ablations.png",
        "ablations-time.png",
    ]
    assert [path.read_bytes() for path in paths[0]] == [path.read_bytes() for path in paths[1]]


@pytest.mark.parametrize("text", ["{", "[1]", '{"kind": "ablation"}'])
def test_a_damaged_run_is_named(raw: Path, text: str) -> None:
    (raw / "ablation-x.json").write_text(text)
    with pytest.raises(rows.MalformedResult, match=r"ablation-x\.json"):
        ablation_report.build(raw, raw.parent / "out")


def test_other_reports_pass_over_ablations(run_once: Path) -> None:
    assert rows.load(run_once / "raw").rows == []


def test_a_real_series_makes_a_report(run_once: Path, tmp_path: Path) -> None:
    paths = ablation_report.build(run_once / "raw", tmp_path)
    assert all(path.stat().st_size > 500 for path in paths)


def test_the_committed_tables_are_those_of_the_committed_runs(tmp_path: Path) -> None:
    ablation_report.build(ROOT / "results" / "raw", tmp_path)
    kept = ROOT / "results" / "ablations"
    for name in ("ablations.csv", "ablations.md"):
        assert (kept / name).read_text() == (tmp_path / name).read_text(), (
            "run `kolmozip ablate --report-only`"
        )
    assert {path.name for path in kept.iterdir()} >= {path.name for path in tmp_path.iterdir()}


# The command


def test_the_list_says_what_there_is(cli: Callable[..., Result]) -> None:
    told = cli("ablate", "--list").stdout
    assert "mlp: swiglu, equal step time" in told
    assert "minutes on two idle cores" in told


def test_the_report_alone_needs_no_corpus(
    cli: Callable[..., Result], raw: Path, keep: Keep
) -> None:
    keep()
    result = cli("ablate", "--report-only", "--results", raw.parent)
    assert result.exit_code == 0
    assert "wrote" in result.stderr
    assert (raw.parent / "ablations" / "ablations.png").is_file()


def test_the_command_runs_a_file_and_refuses_by_name(
    cli: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "MALLOC_ARENA_MAX", "1"
    )  # else the command would start this very process again
    seen: dict[str, Any] = {}
    monkeypatch.setattr(ablations, "series", lambda *given: seen.update(given=given))
    (tmp_path / "text").write_bytes(sample()[:10_000])
    asked = [
        "--corpus",
        tmp_path / "text",
        "--bytes",
        5000,
        "--seeds",
        1,
        "--only",
        "mlp",
        "--results",
        tmp_path,
    ]
    assert cli("ablate", *asked).exit_code == 0
    todo, setting, texts, raw, seeds, quiet = seen["given"]
    assert {one.group for one in todo} == {"base", "mlp"}
    assert (setting.total_bytes, setting.learning_rate) == (5000, SETTING.learning_rate)
    assert (texts.corpus, texts.train.size, texts.valid.size) == ("text", 9000, 500)
    assert (raw, seeds, quiet) == (tmp_path / "raw", 1, False)
    refused = cli("ablate", "--only", "nonsense")
    assert refused.exit_code == 1
    assert "UnknownExperiment" in refused.stderr
    assert cli("ablate", "--corpus", tmp_path / "none").exit_code == 1
