"""What is declared: experiments with names of their own, at equal bytes and equal parameters."""

from __future__ import annotations

import pytest

from baselines.transformer import TransformerConfig
from compressor.ablation.experiments import (
    BASE,
    BASE_NAME,
    SETTING,
    UnknownExperiment,
    chosen,
    equal_parameters,
    experiments,
)
from compressor.ablation.runs import name_of
from compressor.bench.store import slug
from models.network.variants import VariantConfig

DECLARED = experiments()


def test_every_experiment_has_a_name_of_its_own_and_a_training_that_can_be() -> None:
    keys = [experiment.key for experiment in DECLARED]
    assert len(set(keys)) == len(keys)
    assert len({slug(name_of(experiment, 0)) for experiment in DECLARED}) == len(keys)
    assert keys[0] == (BASE_NAME, BASE_NAME)
    for experiment in DECLARED:
        config = experiment.config(SETTING, 2)
        assert config.seed == 2
        assert config.step_bytes == SETTING.step_bytes, "equal bytes a step"
        assert config.total_bytes == SETTING.total_bytes, "equal bytes"


@pytest.mark.parametrize("experiment", DECLARED, ids=lambda experiment: experiment.title)
def test_parameters_are_equal_unless_the_text_says_that_they_differ(experiment) -> None:
    equal = abs(experiment.model.parameters() / BASE.parameters() - 1) <= 0.01
    assert equal != ("parameters differ" in experiment.about)


def test_the_hidden_width_pays_for_what_is_exchanged() -> None:
    changed = equal_parameters(BASE, mlp="relu2")
    assert (changed.mlp, changed.width, changed.state) == ("relu2", BASE.width, BASE.state)
    assert changed.hidden > BASE.hidden


def test_every_part_is_exchanged() -> None:
    groups = "base, mixer, mlp, kan grid, n-grams, depth, state, context, optimiser"
    assert {experiment.group for experiment in DECLARED} == set(groups.split(", "))
    models = [experiment.model for experiment in DECLARED]
    variants = [model for model in models if isinstance(model, VariantConfig)]
    assert {model.mlp for model in variants} == {"kan_glu", "swiglu", "relu2", "kan"}
    assert {model.mixer for model in variants} == {"gated", "ssd"}
    assert {model.knots for model in variants} >= {5, 9, 17}
    assert any(isinstance(model, TransformerConfig) for model in models)
    assert all(each.main for each in DECLARED if each.group in ("base", "mixer"))


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(
        UnknownExperiment, match=r"called 'mlq': choose from base, mixer, .* --list"
    ):
        chosen(DECLARED, ["mlq"])


@pytest.mark.parametrize(
    ("only", "first", "count"), [("context", "window 64", 5), ("ssd", "ssd", 2), ("base", None, 1)]
)
def test_the_base_comes_with_every_choice(only: str, first: str | None, count: int) -> None:
    names = [experiment.name for experiment in chosen(DECLARED, [only])]
    assert len(names) == count
    assert names[:2] == ([BASE_NAME] if first is None else [BASE_NAME, first])


def test_without_a_choice_all_are_chosen() -> None:
    assert chosen(DECLARED, []) == DECLARED


def test_main_comparisons_have_every_seed_and_others_one() -> None:
    assert [chosen(DECLARED, [name])[-1].seeds(3) for name in ("ssd", "averaged")] == [3, 1]
