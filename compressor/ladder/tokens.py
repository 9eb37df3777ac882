"""The rung of bigger tokens: byte pairs in the place of bytes, measured in bits a byte.

A run reads the text that byte training of the same setting and seed reads, lane by lane, in as many
steps of as many bytes each; a window is as many tokens as a window of bytes makes on average. What
it costs a byte is what it costs a token times the tokens of a byte of the validation text. The
vocabulary, learned on the training text, is not part of the cost, as weights are not.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from compressor.ablation.runs import network_facts
from compressor.ablation.timing import step_ms
from compressor.training.config import SEED_STRIDE, TrainConfig
from compressor.training.folder import LOG
from compressor.training.run import train
from compressor.training.texts import Texts
from data.bytepairs import BytePairs, learn
from models.integer.config import ModelConfig
from models.network import tokens
from models.network.lm import Params
from models.network.tokens import TokenConfig

VOCABULARY = 4096
LEARNED_ON = 4_000_000
"""First bytes of the training text, of which the vocabulary is learned."""
TABLES = ((2, 15), (3, 14), (4, 12))
"""As many buckets as the byte networks' tables of the ladder, (2, 12), (3, 14), (4, 14), (5, 14).

A token bigram spans some six bytes, so the low orders have the large tables here.
"""
RANK = 3
"""A token's embedding has the width of the byte network divided by this many entries."""


def shape(base: ModelConfig) -> TokenConfig:
    """The network over tokens with as many parameters as a byte network, up to 1 %.

    Raises ValueError where the vocabulary leaves nothing of the blocks, or where the byte network's
    tables are not as large as those here.
    """
    return tokens.equal(base, TABLES, VOCABULARY, base.width // RANK)


@dataclasses.dataclass(frozen=True)
class Tokenised:
    """A run over tokens that stands for a run over bytes."""

    pairs: BytePairs
    config: TrainConfig
    """The setting with lengths in tokens."""
    texts: Texts
    """Tokens, uint16; those to train on are laid out such that each lane reads its own stretch."""
    read_bytes: int
    """Bytes that the tokens of the run spell."""
    rate: float
    """Tokens a byte of the validation text: backbone steps a byte."""


def tokenised(setting: TrainConfig, texts: Texts) -> Tokenised:
    """The run over tokens that a setting, with its seed, and texts of bytes come to.

    Raises ValueError for texts without bytes.
    """
    if not texts.train.size or not texts.valid.size:
        raise ValueError("neither text may be empty: train on a corpus or on a longer file")
    pairs = learn(texts.train[:LEARNED_ON].tobytes(), VOCABULARY)
    stretches = _stretches(setting, texts.train)
    lanes = [pairs.encode(stretch.tobytes()) for stretch in stretches]
    rate = sum(lane.size for lane in lanes) / stretches.size
    window = max(1, round(setting.window * rate))
    config = dataclasses.replace(
        setting,
        window=window,
        total_bytes=setting.steps * setting.lanes * window,
        cold_start_bytes=max(1, round(setting.cold_start_bytes * rate)),
    )
    # A lane whose stretch makes fewer tokens than are read begins it once more.
    rows = np.stack([np.resize(lane, config.steps * window + 1) for lane in lanes])
    valid = pairs.encode(texts.valid.tobytes())
    # Training turns its text back by as much, and then lanes begin where rows do.
    turned = np.roll(rows.ravel(), setting.seed * SEED_STRIDE)
    read = sum(len(pairs.decode(row[1:])) for row in rows)
    own = Texts(texts.corpus, turned, valid)
    return Tokenised(pairs, config, own, read, valid.size / texts.valid.size)


def _stretches(setting: TrainConfig, text: np.ndarray) -> np.ndarray:
    """The bytes that each lane of a byte run reads and half as many after them, (lanes, n) uint8.

    The rest is for lanes whose tokens are longer than others'.
    """
    length = setting.steps * setting.window * 3 // 2
    starts = np.arange(setting.lanes, dtype=np.int64) * (text.size // setting.lanes)
    places = (starts + setting.seed * SEED_STRIDE)[:, None] + np.arange(length)
    return text[places % text.size]


def run_tokens(
    base: ModelConfig, setting: TrainConfig, texts: Texts, folder: Path
) -> tuple[Params, dict[str, Any]]:
    """Trains the network over tokens that stands for a byte network; parameters, facts of its row.

    ``setting`` and ``texts`` are those of the byte network's run. Raises TrainingError where
    training does, and ValueError as ``shape`` and ``tokenised`` do.
    """
    model, run = shape(base), tokenised(setting, texts)
    params, card = train(model, run.config, run.texts, folder, quiet=True)
    bits = card["valid_bits_per_char_estimate"]  # of a token, here
    pace = step_ms(folder / LOG)
    return params, {
        **facts_of(model, run),
        "bits_per_char": round(bits * run.rate, 5),
        "bits_per_token": bits,
        "step_ms": pace,
        "kb_per_s": round(run.read_bytes / run.config.steps / pace, 1) if pace else None,
    }


def facts_of(model: TokenConfig, run: Tokenised) -> dict[str, Any]:
    """What a row states of the network and of its text, before anything is trained."""
    return {
        **network_facts(model),
        "inner_parameters": model.parameters() - model.table_parameters(),
        "multiply_adds": round(model.multiply_adds() * run.rate, 1),
        "backbone_steps": round(run.rate, 5),
        "vocabulary_sha256": run.pairs.sha256,
        "train_config": dataclasses.asdict(run.config),
        "bytes": run.read_bytes,
    }
