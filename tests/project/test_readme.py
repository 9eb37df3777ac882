"""What is said of the shipped weights is of these very weights, as measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compressor.report.measurements import load, on_slice
from compressor.report.readme import cards
from models.integer.identity import identity_of_bytes

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "models" / "shipped"
MODELS = sorted(path.stem for path in SHIPPED.glob("*.kzw"))


@pytest.mark.parametrize("model", MODELS)
def test_the_shipped_weights_were_measured(model: str) -> None:
    data = (SHIPPED / f"{model}.kzw").read_bytes()
    rows = on_slice(load(ROOT / "results" / "raw").verified, "test5m")
    measured = rows[rows["weights"] == identity_of_bytes(data).hex()]
    assert set(measured["weights_bytes"]) == {len(data)}


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
