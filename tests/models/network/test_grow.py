"""A grown network computes what the small one did, and can use what is new."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data.samples import sample
from models.integer.config import PRESETS
from models.network import lm
from models.network.grow import grow

NANO = PRESETS["nano"]
WIDER = ((2, 9), (3, 13), (4, 11))

sequence = jax.jit(lm.sequence, static_argnums=0)
fresh = jax.jit(lm.initialise, static_argnums=(0, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"layers": 4}, {"tables": WIDER}, {"layers": 3, "tables": WIDER}, {}]
)
def test_a_grown_network_computes_what_the_small_one_does(change: dict[str, Any]) -> None:
    large = dataclasses.replace(NANO, **change)
    small = fresh(NANO, 1)
    grown = grow(NANO, small, large, seed=2)
    assert sum(np.size(leaf) for leaf in jax.tree.leaves(grown)) == large.parameters()
    text = jnp.asarray(np.frombuffer(sample(), np.uint8)[:4096].reshape(4, -1).T)
    before, _ = sequence(NANO, small, text, lm.initial_state(NANO, 4))
    after, _ = sequence(large, grown, text, lm.initial_state(large, 4))
    assert np.allclose(before, after, atol=1e-5)


@pytest.mark.slow
def test_a_grown_network_can_use_what_is_new() -> None:
    large = dataclasses.replace(NANO, layers=3, tables=WIDER)
    grown = grow(NANO, fresh(NANO, 1), large)
    assert np.any(np.asarray(grown["table_4"]))
    assert np.any(np.asarray(grown["mixer_2"]["w_in"]))


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
def test_other_shapes_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="network"):
        grow(NANO, fresh(NANO, 0), dataclasses.replace(NANO, **change))
