"""What is said of the shipped weights is of these very weights, as measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compressor.report.measurements import load
from compressor.report.readme import cards
from models.integer.identity import identity_of_bytes

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "models" / "shipped"
MODELS = sorted(path.stem for path in SHIPPED.glob("*.kzw"))


@pytest.mark.parametrize("model", MODELS)
def test_the_newest_measurement_is_of_the_shipped_weights(model: str) -> None:
    newest = sorted((ROOT / "results" / "raw").glob(f"speed-{model}-test5m-*.json"))[-1]
    measured, data = json.loads(newest.read_text()), (SHIPPED / f"{model}.kzw").read_bytes()
    assert (measured["weights"], measured["weights_bytes"]) == (
        identity_of_bytes(data).hex(),
        len(data),
    )
    assert measured["restored"] is True


@pytest.mark.parametrize("model", MODELS)
def test_the_card_is_of_the_shipped_weights_and_states_what_was_measured(model: str) -> None:
    path = SHIPPED / f"{model}.json"
    assert (
        json.loads(path.read_text())["identity"]
        == identity_of_bytes(path.with_suffix(".kzw").read_bytes()).hex()
    )
    assert dict(cards(load(ROOT / "results" / "raw"), SHIPPED))[path] == path.read_text(), (
        "run `kolmozip bench report`"
    )
