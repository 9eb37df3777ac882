"""Weights files of runs: by the run itself or packed later, coarser if asked, with their cards."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from click.testing import Result

from baselines import transformer_weights
from baselines.transformer import TransformerConfig
from compressor.codec import weights_file
from compressor.errors import InputMissing, OutputExists, UnusableWeights
from compressor.training import pack as pack_module
from compressor.training.checkpoints import trained
from compressor.training.networks import network
from compressor.training.pack import float_weights, pack, write_run
from models.integer import weights as wt
from models.integer.config import ModelConfig
from models.integer.identity import identity_of_bytes
from models.network.lm import Params
from models.network.precision import coarsen
from models.network.quantise import quantise

CARD = {
    "name": "mine",
    "preset": "nano",
    "identity": "ab" * 8,
    "corpus": "made-up",
    "steps": 7,
    "weight_bits": 6.0,
    "valid_bits_per_char_estimate": 2.5,
    "test5m_bits_per_char": 2.4,
    "test5m_bytes": 1_500_000,
}


@pytest.fixture
def run(
    tmp_path: Path,
    pico: ModelConfig,
    whole: tuple[Params, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The folder of a run trained for 6 bits; its card is made up."""
    folder = tmp_path / "runs" / "mine-3.5"
    folder.mkdir(parents=True)
    (folder / "mine-3.5.json").write_text(json.dumps(CARD))
    weights = (pico, coarsen(whole[0], 6), 6.0)
    monkeypatch.setattr(pack_module, "float_weights", lambda _: weights)
    return folder


def card_of(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    return facts


@pytest.mark.slow
def test_a_run_is_packed_at_its_own_bits_with_its_card(
    run: Path, tmp_path: Path, pico: ModelConfig, whole: tuple[Params, Path]
) -> None:
    target = tmp_path / "out.kzw"
    line = pack(run, None, target, force=False)
    data, card = target.read_bytes(), card_of(target)
    assert data == weights_file.pack(quantise(pico, coarsen(whole[0], 6)))
    assert card["identity"] == identity_of_bytes(data).hex()
    assert (card["name"], card["weight_bits"], card["packed_from"]) == ("out", 6.0, "ab" * 8)
    assert (card["file_bytes"], card["steps"]) == (len(data), 7)
    assert card["parameters"] == pico.parameters()
    assert card["valid_bits_per_char_estimate"] == 2.5
    assert line == f"{target}: {len(data):,} bytes, 6 bits a weight, identity {card['identity']}"


@pytest.mark.slow
def test_coarser_weights_lose_the_figures_of_the_finer_ones(run: Path, tmp_path: Path) -> None:
    pack(run, None, tmp_path / "six.kzw", force=False)
    pack(run, 3, tmp_path / "three.kzw", force=False)
    card = card_of(tmp_path / "three.kzw")
    assert card["weight_bits"] == 3.0
    assert card["steps"] == 7
    assert not [name for name in card if "bits_per_char" in name or name == "test5m_bytes"]
    assert (tmp_path / "three.kzw").stat().st_size < 0.75 * (tmp_path / "six.kzw").stat().st_size


def test_more_bits_than_a_run_was_trained_for_are_not_to_be_had(run: Path, tmp_path: Path) -> None:
    pack(run, 8, tmp_path / "eight.kzw", force=False)
    pack(run, None, tmp_path / "own.kzw", force=False)
    assert (tmp_path / "eight.kzw").read_bytes() == (tmp_path / "own.kzw").read_bytes()
    assert card_of(tmp_path / "eight.kzw")["weight_bits"] == 6.0


def test_refusals_are_named(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableWeights, match=r"does not end in \.kzw: weights are found by that"):
        pack(run, None, tmp_path / "out.bin", force=False)
    (tmp_path / "there.kzw").write_bytes(b"mine")
    with pytest.raises(OutputExists):
        pack(run, None, tmp_path / "there.kzw", force=False)
    assert (tmp_path / "there.kzw").read_bytes() == b"mine"
    pack(run, None, tmp_path / "there.kzw", force=True)
    assert card_of(tmp_path / "there.kzw")["name"] == "there"


def test_weights_that_are_no_numbers_are_refused(
    run: Path, tmp_path: Path, pico: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise wt.WeightsError("a weight is out of range: train with a lower rate")

    monkeypatch.setattr(pack_module, "quantise", refuse)
    with pytest.raises(UnusableWeights, match="a weight is out of range"):
        pack(run, None, tmp_path / "out.kzw", force=False)
    assert not (tmp_path / "out.kzw").exists()


def test_a_folder_without_a_run_is_refused(
    cli: Callable[..., Result], refusal: Callable[[Result, str], str], tmp_path: Path
) -> None:
    result = cli("train", "pack", tmp_path, "-o", tmp_path / "out.kzw")
    refusal(result, "InputMissing")
    with pytest.raises(InputMissing, match=r"holds no model\.json"):
        float_weights(tmp_path)


def test_the_command_packs_what_the_run_wrote(
    whole: tuple[Params, Path], cli: Callable[..., Result], tmp_path: Path
) -> None:
    result = cli("train", "pack", whole[1], "-o", tmp_path / "again.kzw")
    assert (result.exit_code, result.stdout) == (0, "")
    written = whole[1] / "whole.kzw"
    assert (tmp_path / "again.kzw").read_bytes() == written.read_bytes()
    card, before = card_of(tmp_path / "again.kzw"), card_of(written)
    assert card["packed_from"] == before["identity"]
    assert card["valid_bits_per_char_estimate"] == before["valid_bits_per_char_estimate"]


def test_a_run_s_file_holds_its_weights_and_its_card_says_how_they_were_made(
    whole: tuple[Params, Path], pico: ModelConfig
) -> None:
    data, card = (whole[1] / "whole.kzw").read_bytes(), card_of(whole[1] / "whole.kzw")
    expected, unpacked = quantise(pico, whole[0]), weights_file.unpack(data)
    assert unpacked.config == pico
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(unpacked.arrays[name], array)
    assert card["identity"] == identity_of_bytes(data).hex()
    assert (card["name"], card["preset"], card["corpus"]) == ("whole", "pico", "text")
    assert (card["steps"], card["train_bytes_seen"], card["weight_bits"]) == (60, 15_360, 8.0)
    assert card["parameters"] == pico.parameters()
    assert 3 < card["valid_bits_per_char_estimate"] < 8


def test_without_constriction_a_run_leaves_its_card_and_says_how_to_pack(
    whole: tuple[Params, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "whole"
    shutil.copytree(whole[1], folder)
    card = card_of(folder / "whole.kzw")
    made = {name: card.pop(name) for name in ("identity", "file_bytes", "file_sha256")}
    (folder / "whole.kzw").unlink()
    (folder / "whole.json").unlink()
    model, params = trained(folder)
    assert isinstance(model, ModelConfig)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "constriction", None)
        line = write_run(folder, model, params, card)
    assert f"`kolmozip train pack {folder} -o whole.kzw` makes it" in line
    assert card_of(folder / "whole.kzw") == card
    assert not (folder / "whole.kzw").exists()
    pack(folder, None, tmp_path / "whole.kzw", force=False)
    packed = card_of(tmp_path / "whole.kzw")
    assert packed == {**card, **made, "packed_from": "whole"}


def test_a_transformer_needs_no_constriction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TransformerConfig(16, 1, 1, 16, 8, 4, ((2, 8),))
    params = jax.jit(network(model).initialise)(0)
    card = {"train_config": {"weight_bits": 8.0}, "valid_bits_per_char_estimate": 5.0}
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "constriction", None)
        line = write_run(tmp_path, model, params, card)
    path = tmp_path / f"{tmp_path.name}{transformer_weights.SUFFIX}"
    assert line.startswith(f"{path}: {path.stat().st_size:,} bytes, validation 5.0 bits/char")
    assert transformer_weights.unpack(path.read_bytes())[0] == model
    with pytest.raises(UnusableWeights, match="holds no network of ours"):
        monkeypatch.setattr(pack_module, "trained", lambda _: (model, params))
        float_weights(tmp_path)
