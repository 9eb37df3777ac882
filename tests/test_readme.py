"""README's figures are those of the newest measurement kept in the repository, and its weights are the shipped ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models import weights as wt

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def block() -> str:
    text = (ROOT / "README.md").read_text()
    return text.split("<!-- figures -->")[1].split("<!-- /figures -->")[0]


@pytest.fixture(scope="module")
def measured() -> dict:
    return json.loads(sorted((ROOT / "results" / "raw").glob("speed-small-test5m-*.json"))[-1].read_text())


def test_the_measurement_is_of_the_shipped_weights(measured: dict) -> None:
    data = (ROOT / "models" / "shipped" / "small.kzw").read_bytes()
    assert (measured["weights"], measured["weights_bytes"]) == (wt.identity(data).hex(), len(data))
    assert measured["restored"] is True


def test_the_figures_are_the_measured_ones(block: str, measured: dict) -> None:
    for figure in (
        f"{measured['compressed_bytes']:,}",
        f"{measured['bits_per_char']:.3f}",
        f"{measured['weights_bytes']:,}",
        f"{measured['kb_per_s_compress']:.0f}",
        f"{measured['kb_per_s_decompress']:.0f}",
        f"{measured['peak_rss_bytes_compress'] / 1e6:.0f} MB",
        f"{measured['peak_rss_bytes_decompress'] / 1e6:.0f} MB",
    ):
        assert figure in block, figure


def test_the_card_states_what_was_measured(measured: dict) -> None:
    card = json.loads((ROOT / "models" / "shipped" / "small.json").read_text())
    assert card["identity"] == measured["weights"]
    assert card["test5m_bits_per_char"] == measured["bits_per_char"]
