"""Recipes: read, refused by name, followed stage by stage, taken up where they were stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from compressor.codec.model import by_name
from compressor.errors import InputMissing
from compressor.training import recipe
from compressor.training.checkpoints import latest_step
from compressor.training.config import TrainingError
from compressor.training.folder import settings_in
from compressor.training.texts import Texts, load_texts
from models.integer.config import PRESETS

Run = Callable[..., Result]
Refusal = Callable[[Result, str], str]

STAGES = """
[[stage]]
name = "first"
preset = "pico"
lanes = 8
window = 32
total_bytes = 15_360

[[stage]]
name = "second"
preset = "pico"
from = "first"
teacher = "first"
lanes = 8
window = 32
total_bytes = 15_360
distillation = 0.5
weight_bits = 4.0
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, text_file: Path, texts: Texts) -> Path:
    """A recipe of two short runs."""
    path = tmp_path_factory.mktemp("recipe") / "mine.toml"
    sha256 = hashlib.sha256(texts.train.tobytes()).hexdigest()
    head = f'corpus = "{text_file}"\ntrain_sha256 = "{sha256}"\nweight_bits = 4\n'
    path.write_text(head + '[card]\ndata = "a text"\n' + STAGES)
    return path


def test_every_shipped_model_has_a_recipe_that_ends_in_it() -> None:
    assert recipe.names() == ["base", "general", "small", "tiny"]
    stages: dict[str, recipe.Stage] = {}
    for name in recipe.names():
        read, card = recipe.read(name), by_name(name).card
        assert read.stages[-1].preset == card["preset"]
        assert read.weight_bits == card["weight_bits"]
        assert read.stages[-1].text == read.text == (card["corpus"], card["train_sha256"])
        made = card["train_config"]
        assert {key: made[key] for key in read.stages[-1].settings} == read.stages[-1].settings
        assert read.stages[-1].beside_memory == bool(made.get("beside"))
        for stage in read.stages:
            assert stages.setdefault(stage.name, stage) == stage


def test_the_stages_of_a_model_read_as_much_text_as_its_card_says() -> None:
    for name in recipe.names():
        stages = {stage.name: stage for stage in recipe.read(name).stages}
        stage: recipe.Stage | None = list(stages.values())[-1]
        seen = 0
        while stage is not None:
            seen += stage.config.steps * stage.config.step_bytes
            stage = None if stage.start is None else stages[stage.start]
        assert seen == by_name(name).card["train_bytes_seen"]


@pytest.mark.slow
def test_a_recipe_is_followed_in_pieces(cli: Run, written: Path, tmp_path: Path) -> None:
    command = ("train", "--recipe", written, "-o", tmp_path, "--quiet")
    stopped = cli(*command, "--stop-after-minutes", 1e-9)
    assert "go on with the same command" in stopped.stderr
    assert latest_step(tmp_path / "first") == 1
    assert not (tmp_path / "second").exists()
    assert cli(*command).exit_code == 0
    card = json.loads((tmp_path / "mine.json").read_text())
    assert card["data"] == "a text"
    assert card["stages"] == ["first", "second"]
    assert card["recipe_sha256"] == hashlib.sha256(written.read_bytes()).hexdigest()
    assert card["train_bytes_seen"] == 2 * 15_360
    assert card["weight_bits"] == 4
    assert settings_in(tmp_path / "second").teacher == "first"
    model = by_name(str(tmp_path / "mine.kzw"))
    assert model.weights.config == PRESETS["pico"]
    assert model.identity.hex() == card["identity"]
    # Again: nothing is left to do, and the same weights are written.
    log = (tmp_path / "second" / "train.jsonl").read_bytes()
    assert cli(*command).exit_code == 0
    assert (tmp_path / "second" / "train.jsonl").read_bytes() == log
    assert json.loads((tmp_path / "mine.json").read_text()) == card


def test_a_run_of_other_settings_is_not_taken_for_a_stage(written: Path, tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    card = {"steps": 60, "train_config": {"lanes": 16}}
    (tmp_path / "first" / "first.json").write_text(json.dumps(card))
    with pytest.raises(TrainingError, match="another lanes than the recipe"):
        recipe.follow(recipe.read(str(written)), tmp_path, None, quiet=True)


def test_another_text_is_refused(written: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(written.read_text().replace('train_sha256 = "', 'train_sha256 = "0'))
    with pytest.raises(TrainingError, match="is not the recipe's"):
        recipe.follow(recipe.read(str(other)), tmp_path, None, quiet=True)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('from = "first"', 'from = "absent"', "needs absent"),
        ('name = "second"', 'name = "first"', "further stage"),
        ('name = "second"', 'name = "../second"', "further stage"),
        ('preset = "pico"', 'preset = "none"', "no preset is called none"),
        ("lanes = 8", "lanes = 0", "lanes is 0"),
        ("lanes = 8", "depth = 8", "depth"),
        ("weight_bits = 4\n", "", "weight_bits"),
        ("[[stage]]", "[[run]]", "stage"),
        ('from = "first"\nteacher', "beside_memory = true\nteacher", "begins with a network"),
        ('from = "first"', 'from = "first"\ncorpus = "other"', "train_sha256"),
        ('corpus = "', "corpus = ", "corpus|line|value"),
    ],
)
def test_what_is_no_recipe_is_refused(
    written: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    broken = tmp_path / "broken.toml"
    text = written.read_text()
    assert old in text
    broken.write_text(text.replace(old, new))
    with pytest.raises(TrainingError, match=reason):
        recipe.read(str(broken))


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("absent", str(tmp_path / "absent.toml")):
        with pytest.raises(InputMissing, match="base, general, small, tiny"):
            recipe.read(name)


@pytest.mark.slow
def test_a_stage_may_read_another_corpus(
    cli: Run, written: Path, tmp_path: Path, texts: Texts, text_file: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_bytes(text_file.read_bytes()[::-1])
    sha256 = hashlib.sha256(load_texts(str(other)).train.tobytes()).hexdigest()
    assert sha256 != hashlib.sha256(texts.train.tobytes()).hexdigest()
    named = f'corpus = "{other}"\ntrain_sha256 = "{sha256}"\n'
    mixed, wrong = tmp_path / "mixed.toml", tmp_path / "wrong.toml"
    mixed.write_text(written.read_text() + named)
    command = ("train", "--recipe", mixed, "-o", tmp_path, "--quiet")
    assert cli(*command).exit_code == 0
    cards = [json.loads((tmp_path / n / f"{n}.json").read_text()) for n in ("first", "second")]
    assert [card["train_sha256"] for card in cards] == [recipe.read(str(mixed)).text[1], sha256]
    wrong.write_text(written.read_text() + named.replace(sha256, sha256[::-1]))
    with pytest.raises(TrainingError, match="is not the recipe's"):
        recipe.follow(recipe.read(str(wrong)), tmp_path, None, quiet=True)


@pytest.mark.parametrize("more", [("--preset", "nano"), ("--bytes", 5), ("enwik8",), ("--resume",)])
def test_what_the_recipe_says_cannot_be_named_as_well(cli: Run, more: tuple[object, ...]) -> None:
    refused = cli("train", "--recipe", "small", *more)
    assert refused.exit_code == 2
    assert "the recipe says all else" in refused.stderr
