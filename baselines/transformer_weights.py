"""The transformer's weights as a file: int8 numbers and power-of-two steps, by the roundings that training simulated."""

from __future__ import annotations

import dataclasses
import io
import json
import lzma
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from baselines.transformer import TransformerConfig
from models.network import layers, lm

SUFFIX = ".transformer"
HEADER_BYTES = 4
"""Length of the JSON of the shape that stands first, little-endian; one xz stream of an npz follows."""


class WeightsError(Exception):
    """A file that holds no transformer's weights."""


def _is_dense(name: str, leaf: Any) -> bool:
    return leaf.ndim == 2 and name.split("/")[-1].startswith(("w_", "head"))


def _flat(params: lm.Params) -> dict[str, np.ndarray]:
    found = jax.tree_util.tree_leaves_with_path(params)
    return {"/".join(key.key for key in path): np.asarray(leaf, np.float32) for path, leaf in found}


def pack(config: TransformerConfig, params: lm.Params) -> bytes:
    """The weights file: dense weights as int8 with one exponent an output channel, embeddings as int8, the bias as float32."""
    arrays: dict[str, np.ndarray] = {}
    for name, leaf in _flat(params).items():
        if _is_dense(name, leaf):
            exponent = np.asarray(layers.weight_exponent(leaf))[0]
            arrays[name] = np.clip(
                np.rint(leaf / np.exp2(exponent)), -layers.WEIGHT_MAX, layers.WEIGHT_MAX
            ).astype(np.int8)
            arrays[f"{name}.exponent"] = exponent.astype(np.int8)
        elif leaf.ndim == 2:
            step = layers.EMBED_STEP if name == "embed" else layers.TABLE_STEP
            arrays[name] = np.clip(np.rint(leaf / step), -127, 127).astype(np.int8)
        else:
            arrays[name] = leaf
    raw, shape = io.BytesIO(), json.dumps(dataclasses.asdict(config), sort_keys=True).encode()
    np.savez(raw, allow_pickle=False, **arrays)
    packed = lzma.compress(raw.getvalue(), preset=9 | lzma.PRESET_EXTREME)
    return len(shape).to_bytes(HEADER_BYTES, "little") + shape + packed


def unpack(data: bytes) -> tuple[TransformerConfig, lm.Params]:
    """Inverse of ``pack``: shape and parameters to code with, dense weights in bfloat16 (exact). Raises WeightsError."""
    try:
        start = HEADER_BYTES + int.from_bytes(data[:HEADER_BYTES], "little")
        config = TransformerConfig.from_dict(json.loads(data[HEADER_BYTES:start]))
        with np.load(io.BytesIO(lzma.decompress(data[start:])), allow_pickle=False) as file:
            arrays = dict(file)
    except (ValueError, TypeError, KeyError, OSError, lzma.LZMAError, EOFError) as error:
        raise WeightsError(
            f"these are no transformer's weights ({error}): pass the {SUFFIX} file of a training run"
        ) from error
    params: lm.Params = {}
    for name, value in arrays.items():
        if name.endswith(".exponent"):
            continue
        node, parts = params, name.split("/")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = _restored(name, value, arrays)
    return config, params


def _restored(name: str, value: np.ndarray, arrays: dict[str, np.ndarray]) -> jax.Array:
    if f"{name}.exponent" in arrays:
        return jnp.asarray(
            value * np.exp2(arrays[f"{name}.exponent"].astype(np.float32)), jnp.bfloat16
        )
    if value.dtype == np.int8:
        return jnp.asarray(
            value * np.float32(layers.EMBED_STEP if name == "embed" else layers.TABLE_STEP)
        )
    return jnp.asarray(value)
