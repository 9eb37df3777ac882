"""The pack command: weights of a training run at so many bits, or an older weights file, as a file of today with its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compressor.codec import weights_file as packing
from compressor.errors import InputMissing, UnusableWeights
from compressor.system import files
from models.integer import weights as wt
from models.integer.config import ModelConfig

SUFFIX = ".kzw"


def pack(source: Path, bits: float | None, output: Path, force: bool) -> str:
    """Packs a run's folder, or rewrites a .kzw file, and returns a line to print.

    ``bits`` is at most what the run was trained for, which is also the default. Raises InputMissing, UnusableWeights,
    OutputExists, ``compressor.training.run.TrainingError``.
    """
    if output.suffix != SUFFIX:
        raise UnusableWeights(
            f"{output} does not end in {SUFFIX}: weights are found by that, name the output so"
        )
    files.check_output(str(output), force)
    weights, told, card = _run(source, bits) if source.is_dir() else _file(source, bits)
    data = packing.pack(weights)
    kept = {
        name: fact
        for name, fact in card.items()
        if told == card.get("weight_bits", 8.0) or not _of_weights(name)
    }
    card = {
        **kept,
        "name": output.stem,
        **wt.file_facts(data),
        "parameters": weights.config.parameters(),
        "weight_bits": told,
        "packed_from": card.get("identity", source.resolve().name),
    }
    for path, content in (
        (output, data),
        (output.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode()),
    ):
        with files.open_output(str(path), force or path != output) as target:
            target.write(content)
    return f"{output}: {len(data):,} bytes, {told:g} bits a weight, identity {card['identity']}"


def _of_weights(name: str) -> bool:
    """Whether a card's fact was measured with weights that coarser ones are not."""
    return "bits_per_char" in name or name.endswith("5m_bytes")


def _run(folder: Path, bits: float | None) -> tuple[wt.IntegerWeights, float, dict[str, Any]]:
    """Weights of a run's last checkpoint, their bits, the run's card (empty where it has none)."""
    from compressor.codec.weights_store import card_of
    from models.network.precision import coarsen
    from models.network.quantise import quantise

    config, params, grid = float_weights(folder)
    told = min(bits or grid, grid)
    try:
        weights = quantise(config, coarsen(params, told) if told < grid else params)
    except wt.WeightsError as error:
        raise UnusableWeights(f"{folder}: {error}") from error
    return weights, told, card_of(folder / folder.resolve().name)


def float_weights(folder: Path) -> tuple[ModelConfig, Any, float]:
    """Shape, parameters and grid (bits) of a run's last checkpoint. Raises InputMissing, UnusableWeights, TrainingError."""
    from compressor.training.checkpoints import latest_step, settings_of, trained

    config, params = trained(folder)
    if not isinstance(config, ModelConfig):
        raise UnusableWeights(
            f"{folder} holds no network of ours, only those are packed: name another run"
        )
    return config, params, settings_of(folder).bits_at(latest_step(folder) or 0)


def _file(path: Path, bits: float | None) -> tuple[wt.IntegerWeights, float, dict[str, Any]]:
    """The weights of a file as they are."""
    from compressor.codec.weights_store import card_of

    if not path.is_file():
        raise InputMissing(
            f"{path} is neither the folder of a run nor a weights file: check the name"
        )
    card = card_of(path)
    told = float(card.get("weight_bits", 8.0))
    if bits is not None and bits != told:
        raise UnusableWeights(
            f"{path} has weights of {told:g} bits, which are kept: for others name its run's folder"
        )
    with files.named_errors(str(path)):
        data = path.read_bytes()
    try:
        return packing.unpack(data), told, card
    except wt.WeightsError as error:
        raise UnusableWeights(f"{path}: {error}") from error
