"""The originals of the golden containers, and the folder of their weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from compressor.codec import weights_store
from data.samples import sample

GOLDEN = Path(__file__).parents[1] / "golden"
Parts = list[tuple[bytes, int]]


def _golden_parts() -> dict[str, Parts]:
    text = sample()
    return {
        "empty": [],
        "one-byte": [(b"x", 0)],
        "every-byte": [(bytes(range(256)), 0)],
        "run": [(b"\0" * 70_000, 0)],
        "text": [(text[:1500], 0)],
        "lanes": [(text[5000:6003], 8)],
        "blocks": [
            (text[7000:7301], 2),
            (b"-" * 500, 0),
            (bytes(range(200)), 0),
            (text[8000:8200], 1),
        ],
        "repeats": [(text[3000:3200] * 3 + text[3000:3010] * 20, 2)],
        "sentence-small": [(text[2000:2080], 0)],
    }


@pytest.fixture(scope="session")
def golden_parts() -> dict[str, Parts]:
    """The blocks of each container in tests/golden/decode, by name.

    Each is its original bytes and its lanes, 0 for whatever the program chooses.
    """
    return _golden_parts()


@pytest.fixture(scope="session")
def originals(golden_parts: dict[str, Parts]) -> dict[str, bytes]:
    """The original of each container in tests/golden/decode, by name."""
    return {name: b"".join(data for data, _ in parts) for name, parts in golden_parts.items()}


@pytest.fixture(autouse=True)
def _golden_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program finds the weights in tests/golden."""
    monkeypatch.setenv(weights_store.FOLDER_VARIABLE, str(GOLDEN))
