"""Recipes: the chain of runs that makes a shipped model from nothing, one run after the other.

A recipe is a TOML file in ``recipes/`` beside this module, or one of your own: the corpus, the
SHA-256 of its training text, the bits a weight of the file, and the stages in order; a table
``card`` holds what the model's card is to say beside. A stage is a run: a name, which is also that
of its folder, a preset, the settings of ``TrainConfig`` that differ from the defaults, and what it
begins with (``from``), is taught by (``teacher``) or learns beside (``beside_memory``). Where it
reads another corpus than the recipe's, it names that and its ``train_sha256``. Stages of one name
are the same in all recipes, so that recipes share them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from compressor.codec.weights_store import card_of
from compressor.errors import InputMissing, UnknownModel
from compressor.training import presets
from compressor.training.command import Budget, Origin, Request, run
from compressor.training.config import TrainConfig, TrainingError
from compressor.training.pack import SUFFIX, pack
from compressor.training.texts import load_texts

FOLDER = Path(str(resources.files("compressor.training") / "recipes"))


class Text(NamedTuple):
    """What is read."""

    corpus: str
    train_sha256: str
    """Of the corpus's training text."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """A run of a recipe."""

    name: str
    preset: str
    start: str | None
    """An earlier stage whose weights it begins with."""
    teacher: str | None
    """An earlier stage that teaches it."""
    beside_memory: bool
    text: Text
    settings: Mapping[str, int | float | str]

    @property
    def config(self) -> TrainConfig:
        """The settings, as far as the recipe says them."""
        return TrainConfig(**self.settings)  # type: ignore[arg-type]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a model is made."""

    name: str
    sha256: str
    """Of the recipe's file."""
    text: Text
    weight_bits: float
    """Of the weights file, about."""
    stages: tuple[Stage, ...]
    card: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What the model's card says beside what the runs say."""


def names() -> list[str]:
    """The recipes in the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(name: str) -> Recipe:
    """The recipe of this name, or at this path where the name ends in .toml.

    Raises InputMissing, TrainingError.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputMissing(
            f"no recipe {name} (in the package: {', '.join(names())}): "
            "name one of these, or a path of a .toml file"
        ) from error
    try:
        return _recipe(path.stem, data)
    except (KeyError, TypeError, ValueError, TrainingError, UnknownModel) as error:
        raise TrainingError(f"{path} is no recipe ({error}): mend it, or name another") from error


def _recipe(name: str, data: bytes) -> Recipe:
    """Raises KeyError, TypeError, ValueError, TrainingError, UnknownModel."""
    facts = tomllib.loads(data.decode())
    text = Text(facts.pop("corpus"), facts.pop("train_sha256"))
    stages: dict[str, Stage] = {}
    for fields in facts.pop("stage"):
        stage = _stage(dict(fields), text)
        for before in (stage.start, stage.teacher):
            if before is not None and before not in stages:
                raise TrainingError(f"{stage.name} needs {before}, which no stage before it makes")
        if Path(stage.name).name != stage.name or stage.name in stages:
            raise TrainingError(f"{stage.name!r} cannot be the name of a further stage")
        stages[stage.name] = stage
    if not stages:
        raise TrainingError("it has no stages")
    sha256 = hashlib.sha256(data).hexdigest()
    return Recipe(name, sha256, text=text, stages=tuple(stages.values()), **facts)


def _stage(fields: dict[str, Any], text: Text) -> Stage:
    """Raises KeyError, TypeError, TrainingError, UnknownModel."""
    start, teacher = fields.pop("from", None), fields.pop("teacher", None)
    beside = fields.pop("beside_memory", False)
    if "corpus" in fields:
        text = Text(fields.pop("corpus"), fields.pop("train_sha256"))
    stage = Stage(fields.pop("name"), fields.pop("preset"), start, teacher, beside, text, fields)
    presets.shape(stage.preset)
    if beside and start is None:
        raise TrainingError(f"{stage.name} learns beside the memory and so begins with a network")
    TrainConfig(**fields)
    return stage


def follow(recipe: Recipe, folder: Path, stop_after_minutes: float | None, quiet: bool) -> str:
    """Makes the stages that are not made yet, then weights file and card; returns a line to print.

    Each stage is a run in a folder of its own in ``folder``; what a stopped one has done is taken
    up. After so many minutes the run under way saves and stops, to go on another time. Raises
    TrainingError where a corpus is not the recipe's, and what runs raise.
    """
    for text in dict.fromkeys((recipe.text, *(stage.text for stage in recipe.stages))):
        _check(text)
    end = math.inf if stop_after_minutes is None else time.monotonic() + 60 * stop_after_minutes
    seconds = 0
    for stage in recipe.stages:
        if not _made(stage, folder):
            minutes = max(0.0, end - time.monotonic()) / 60
            run(_request(stage, folder, minutes, quiet))
        if not _made(stage, folder):
            return f"{folder / stage.name}: stopped, go on with the same command"
        seconds += _card(stage, folder)["wall_seconds"]
    last = recipe.stages[-1]
    output = folder / f"{recipe.name}{SUFFIX}"
    facts = {
        **recipe.card,
        "recipe": recipe.name,
        "recipe_sha256": recipe.sha256,
        "stages": [stage.name for stage in recipe.stages],
        "stages_seconds": seconds,
    }
    return pack(folder / last.name, recipe.weight_bits, output, force=True, facts=facts)


def _check(text: Text) -> None:
    """Raises TrainingError where the corpus has another training text."""
    train = load_texts(text.corpus).train
    if hashlib.sha256(train.tobytes()).hexdigest() != text.train_sha256:
        raise TrainingError(
            f"the training text of {text.corpus} is not the recipe's "
            f"(SHA-256 {text.train_sha256}): fetch the corpus again"
        )


def _request(stage: Stage, folder: Path, minutes: float, quiet: bool) -> Request:
    """The run of a stage, as far as it goes in so many minutes."""

    def of(before: str | None) -> str | None:
        return None if before is None else str(folder / before)

    origin = Origin(of(stage.start), of(stage.teacher), stage.beside_memory, resume=True)
    output, budget = folder / stage.name, Budget(stop_after_minutes=minutes)
    corpus, settings = stage.text.corpus, stage.settings
    return Request(stage.preset, output, corpus, settings, origin, budget, quiet=quiet)


def _card(stage: Stage, folder: Path) -> dict[str, Any]:
    """The card of a stage's run; empty where it is not there."""
    return card_of(folder / stage.name / f"{stage.name}{SUFFIX}")


def _made(stage: Stage, folder: Path) -> bool:
    """Whether a stage has run to its end.

    Raises TrainingError where another run stands in its folder.
    """
    card = _card(stage, folder)
    made = card.get("train_config")
    if not isinstance(made, dict):
        return False
    differ = [name for name, value in stage.settings.items() if made.get(name) != value]
    if differ:
        raise TrainingError(
            f"the run in {folder / stage.name} has another {differ[0]} than the recipe: "
            "move it away, or name another folder with --output"
        )
    return bool(card.get("steps") == stage.config.steps)
