"""Shapes: what is read is what was written, and every limit of the format is kept by name."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from models.integer.config import MAX_LAYERS, MAX_PARAMETERS, MLPS, PRESETS, ModelConfig

NANO = PRESETS["nano"]
FIELDS: dict[str, Any] = json.loads(json.dumps(NANO.shape()))
DEEP: list[Any] = []
for _ in range(500):
    DEEP = [DEEP]


@pytest.mark.parametrize("name", PRESETS)
def test_a_shape_comes_back_from_json(name: str) -> None:
    config = PRESETS[name]
    assert ModelConfig.from_dict(json.loads(json.dumps(config.shape()))) == config
    assert ModelConfig.from_dict(json.loads(json.dumps(dataclasses.asdict(config)))) == config
    assert ("mlp" in config.shape()) == (config.mlp != "kan_glu")


@pytest.mark.parametrize(
    "name", ["width", "layers", "state", "hidden", "taps", "table_dim", "tables", "mlp"]
)
@pytest.mark.parametrize(
    "value",
    [0, -1, 2.0, 32.0, True, None, "32", [32], {}, float("inf"), float("nan"), 10**40, 1025, DEEP],
    ids=lambda value: str(value)[:12],
)
def test_no_field_takes_a_value_of_another_kind(name: str, value: object) -> None:
    fields = FIELDS | {name: value}
    with pytest.raises(ValueError, match=r"must be|tables? (are|is)|orders are|n-gram entries"):
        ModelConfig.from_dict(fields)


@pytest.mark.parametrize(
    "tables",
    [
        [],
        [[2]],
        [[2, 8, 1]],
        [[2, 8], 3],
        [[2, 8], [3.0, 8]],
        [[2, True]],
        [["2", "8"]],
        [[1, 8]],
        [[9, 8]],
        [[2, 7]],
        [[2, 25]],
        [[2, 8], [2, 9]],
        "[[2, 8]]",
        {"2": 8},
    ],
    ids=str,
)
def test_tables_are_pairs_within_limits_and_of_orders_of_their_own(tables: object) -> None:
    with pytest.raises(ValueError, match=r"table|order"):
        ModelConfig.from_dict(FIELDS | {"tables": tables})


def test_missing_and_unknown_fields_are_named() -> None:
    with pytest.raises(ValueError, match="needs hidden, width"):
        ModelConfig.from_dict({k: v for k, v in FIELDS.items() if k not in ("width", "hidden")})
    with pytest.raises(ValueError, match="has no heads, knots"):
        ModelConfig.from_dict(FIELDS | {"knots": 9, "heads": 4})


@pytest.mark.parametrize("fields", [None, 3, "shape", [], [1, 2]])
def test_a_shape_is_an_object(fields: object) -> None:
    with pytest.raises(ValueError, match="object"):
        ModelConfig.from_dict(fields)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"width": 1025}, "width must be a whole number from 1 to 1024, not 1025"),
        ({"layers": MAX_LAYERS + 1}, f"layers must be a whole number from 1 to {MAX_LAYERS}"),
        ({"taps": 5}, "taps must be a whole number from 1 to 4, not 5"),
        ({"table_dim": 513}, "n-gram entries, table_dim times tables, must be 1 to 1024, not 1026"),
        ({"mlp": "swiglu"}, "mlp must be one of kan_glu, kan, not 'swiglu'"),
        (
            {"table_dim": 5, "tables": ((2, 24), (3, 8))},
            "83,921,984 parameters are more than 67,108,864",
        ),
        ({"width": 1024, "state": 1024, "layers": 16}, "parameters are more than"),
    ],
)
def test_every_limit_is_named(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(NANO, **changes)


def test_the_limits_themselves_are_allowed() -> None:
    widest = ModelConfig(1024, 4, 1024, 1024, 4, 512, ((2, 8), (8, 9)))
    deepest = dataclasses.replace(NANO, layers=MAX_LAYERS)
    all_orders = tuple((order, 8) for order in range(2, 9))
    for config in (widest, deepest, ModelConfig(1, 1, 1, 1, 1, 1, all_orders, "kan")):
        assert config.parameters() <= MAX_PARAMETERS
    assert dataclasses.replace(NANO, tables=((4, 24),), table_dim=3).parameters() > 3 << 24


def test_base_stays_far_below_the_limit() -> None:
    assert PRESETS["base"].parameters() < MAX_PARAMETERS / 6
    assert PRESETS["small"].parameters() <= 4_000_000
    assert MLPS == ("kan_glu", "kan")
