"""Weights files of training runs, each with its card."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from baselines import transformer_weights
from compressor.codec.weights_store import card_of
from compressor.errors import UnusableWeights
from compressor.system import files
from compressor.training.checkpoints import latest_step, trained
from compressor.training.folder import settings_in
from compressor.training.networks import Preset
from models.integer import weights as wt
from models.integer.config import ModelConfig
from models.integer.identity import file_facts
from models.network.lm import Params
from models.network.precision import coarsen
from models.network.quantise import quantise

SUFFIX = ".kzw"
Card = dict[str, Any]


def write_run(folder: Path, model: Preset, params: Params, card: Card) -> str:
    """Writes weights file and card of a finished run, named as its folder; returns a line to print.

    Without constriction, which codes the weights of our own network, the card alone is written.
    """
    name = folder.resolve().name
    bits = card["train_config"]["weight_bits"]
    card = {"name": name, "weight_bits": bits, **card}
    rate = f"validation {card['valid_bits_per_char_estimate']} bits/char (estimate)"
    if isinstance(model, ModelConfig) and importlib.util.find_spec("constriction") is None:
        _write(folder / f"{name}.json", _card_bytes(card), force=True)
        return (
            f"{folder}: {rate}; constriction is not installed, so there is no weights file: where "
            f"it is, `kolmozip train pack {folder} -o {name}{SUFFIX}` makes it"
        )
    if isinstance(model, ModelConfig):
        target, data = folder / f"{name}{SUFFIX}", _packed(model, params)
    else:
        target = folder / f"{name}{transformer_weights.SUFFIX}"
        data = transformer_weights.pack(model, params)
    _write(target, data, force=True)
    _write(target.with_suffix(".json"), _card_bytes({**card, **file_facts(data)}), force=True)
    return f"{target}: {len(data):,} bytes, {rate}"


def pack(
    run: Path, bits: float | None, output: Path, force: bool, facts: Card | None = None
) -> str:
    """Writes the weights of a run as a file, with its card beside it; returns a line to print.

    ``bits`` is at most what the run was trained for, which is also the default; ``facts`` go into
    the card as well. Raises InputMissing, UnusableWeights, OutputExists, TrainingError.
    """
    if output.suffix != SUFFIX:
        raise UnusableWeights(
            f"{output} does not end in {SUFFIX}: weights are found by that, name the output so"
        )
    files.check_output(str(output), force)
    model, params, grid = float_weights(run)
    bits = min(bits or grid, grid)
    data = _packed(model, coarsen(params, bits) if bits < grid else params)
    name = run.resolve().name
    kept = card_of(run / f"{name}{SUFFIX}")
    if bits != kept.get("weight_bits"):
        kept = {key: fact for key, fact in kept.items() if not _of_weights(key)}
    card = {
        **kept,
        "name": output.stem,
        **file_facts(data),
        "parameters": model.parameters(),
        "weight_bits": bits,
        "packed_from": kept.get("identity", name),
        **(facts or {}),
    }
    _write(output, data, force)
    _write(output.with_suffix(".json"), _card_bytes(card), force=True)
    return f"{output}: {len(data):,} bytes, {bits:g} bits a weight, identity {card['identity']}"


def float_weights(run: Path) -> tuple[ModelConfig, Params, float]:
    """Shape, parameters and grid (bits) of a run's last checkpoint.

    Raises InputMissing, UnusableWeights, TrainingError.
    """
    model, params = trained(run)
    if not isinstance(model, ModelConfig):
        raise UnusableWeights(
            f"{run} holds no network of ours, only those are packed: name another run"
        )
    return model, params, settings_in(run).bits_at(latest_step(run) or 0)


def _packed(model: ModelConfig, params: Params) -> bytes:
    """The weights file. Raises UnusableWeights where the numbers do not fit its integers."""
    from compressor.codec import weights_file  # loads constriction, which training does without

    try:
        return weights_file.pack(quantise(model, params))
    except wt.WeightsError as error:
        raise UnusableWeights(str(error)) from error


def _of_weights(name: str) -> bool:
    """Whether a card's fact was measured with the weights as they are in their file."""
    return "bits_per_char" in name or name.endswith("5m_bytes")


def _card_bytes(card: Card) -> bytes:
    return (json.dumps(card, indent=1) + "\n").encode()


def _write(path: Path, data: bytes, force: bool) -> None:
    with files.open_output(str(path), force) as target:
        target.write(data)
