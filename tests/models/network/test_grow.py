"""Growth keeps what a network computes."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from data.samples import sample
from models.integer.config import PRESETS
from models.network import lm
from models.network.grow import grow

NANO = PRESETS["nano"]
WIDER = ((2, 9), (3, 13), (4, 11))


@pytest.mark.parametrize(
    "change", [{"layers": 4}, {"tables": WIDER}, {"layers": 3, "tables": WIDER}, {}]
)
def test_a_grown_network_computes_what_the_small_one_does(change: dict) -> None:
    large = dataclasses.replace(NANO, **change)
    small = lm.initialise(NANO, 1)
    grown = grow(NANO, small, large, seed=2)
    assert sum(np.size(leaf) for leaf in _leaves(grown)) == large.parameters()
    text = jnp.asarray(np.frombuffer(sample(), np.uint8)[:4096].reshape(4, -1).T)
    before, _ = lm.sequence(NANO, small, text, lm.initial_state(NANO, 4))
    after, _ = lm.sequence(large, grown, text, lm.initial_state(large, 4))
    assert np.allclose(before, after, atol=1e-5)


def test_a_grown_network_can_use_what_is_new() -> None:
    large = dataclasses.replace(NANO, layers=3, tables=WIDER)
    grown = grow(NANO, lm.initialise(NANO, 1), large)
    assert np.any(np.asarray(grown["table_4"])) and np.any(np.asarray(grown["mixer_2"]["w_in"]))


@pytest.mark.parametrize(
    "change",
    [
        {"width": 64},
        {"layers": 1},
        {"tables": ((2, 8),)},
        {"tables": ((2, 8), (3, 9))},
        {"table_dim": 8},
    ],
)
def test_other_shapes_are_refused(change: dict) -> None:
    with pytest.raises(ValueError, match="network"):
        grow(NANO, lm.initialise(NANO, 0), dataclasses.replace(NANO, **change))


def _leaves(tree: dict) -> list:
    return [
        leaf
        for node in tree.values()
        for leaf in (_leaves(node) if isinstance(node, dict) else [node])
    ]
