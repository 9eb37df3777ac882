"""Weights by name, path or identity: those shipped in the package and those in the folder KOLMOZIP_WEIGHTS names."""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

from models.integer import weights as wt

DEFAULT_MODEL = "small"
FOLDER_VARIABLE = "KOLMOZIP_WEIGHTS"


def _folders() -> list[Path]:
    own = os.environ.get(FOLDER_VARIABLE)
    shipped = Path(str(resources.files("models") / "shipped"))
    return [shipped, *([Path(own)] if own else [])]


def weights_files() -> list[Path]:
    """Every weights file at hand, shipped ones first."""
    return [
        path for folder in _folders() if folder.is_dir() for path in sorted(folder.glob("*.kzw"))
    ]


def card_of(path: Path) -> dict[str, Any]:
    """The card beside a weights file; empty where there is none that can be read: coding does not depend on it."""
    try:
        card = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return card if isinstance(card, dict) else {}


def path_of(identity: bytes) -> Path | None:
    """The weights file of this identity, if at hand."""
    return next(
        (path for path in weights_files() if wt.identity(path.read_bytes()) == identity), None
    )
