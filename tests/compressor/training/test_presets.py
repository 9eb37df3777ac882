"""Presets by name; a shape of ours is found without JAX."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from baselines import transformer
from compressor.errors import UnknownModel
from compressor.training.presets import shape
from models.integer.config import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_our_presets_are_found(name: str) -> None:
    assert shape(name) is PRESETS[name]


def test_the_transformers_are_found() -> None:
    assert shape("transformer") is transformer.PRESETS["transformer"]


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        UnknownModel, match=r"no preset is called big: choose one of nano, .*former"
    ):
        shape("big")


def test_looking_a_name_up_loads_no_jax(
    python: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    code = "from compressor.training.presets import shape\nshape('small')"
    done = python(f"{code}\nimport sys\nprint([m for m in ('jax', 'flax') if m in sys.modules])")
    assert done.stdout.strip() == b"[]", done.stderr
