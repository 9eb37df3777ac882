"""The transformer's weights as a file: int8 numbers and power-of-two steps, rounded as in training.

A file is the length of its head (4 bytes, little-endian), the head (the shape as JSON) and one xz
stream of the arrays that `layout` lists. Zero bytes may follow the stream.
"""

from __future__ import annotations

import dataclasses
import json
import lzma
import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from baselines.transformer import TransformerConfig
from models.integer.config import VOCABULARY
from models.integer.weights import WeightsError
from models.network import layers, lm

SUFFIX = ".transformer"
LENGTH_BYTES = 4

PARAMETERS_PER_BYTE = 256
"""Parameters for each byte of the stream at most, so that reading a file takes work and memory in
proportion to its size; trained weights take about one byte a parameter."""

LARGEST = 2.0**32
"""Bound of every number's size, below which no sum in the network overflows float32."""

XZ_MEMORY = 1 << 20
"""Bytes that unpacking may take beside the result and a dictionary that spans it."""


def layout(config: TransformerConfig) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(name, dtype, shape) of every array, in the order of the file.

    Dense weights (in, out) have an exponent of two for each output channel.
    """
    d, m, e = config.width, config.hidden, config.ngram_width

    def dense(name: str, rows: int, columns: int) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        yield name, "int8", (rows, columns)
        yield f"{name}.exponent", "int8", (columns,)

    yield "embed", "int8", (VOCABULARY, d)
    for order, bits in config.tables:
        yield f"table_{order}", "int8", (1 << bits, config.table_dim)
    yield from dense("w_ngram", e, d)
    for i in range(config.layers):
        yield from dense(f"attention_{i}/w_in", d, 3 * d)
        yield from dense(f"attention_{i}/w_out", d, d)
        yield from dense(f"mlp_{i}/w_in", d, 2 * m)
        yield from dense(f"mlp_{i}/w_out", m, d)
    yield from dense("head", d, VOCABULARY)
    yield from dense("head_ngram", e, VOCABULARY)
    yield "head_bias", "<f4", (VOCABULARY,)


def pack(config: TransformerConfig, params: lm.Params) -> bytes:
    """The weights file of float parameters.

    Raises WeightsError where one of them is not finite or out of bounds.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, leaf in _flat(params).items():
        arrays |= _quantised(name, _bounded(name, leaf))
    raw = b"".join(arrays[name].astype(dtype).tobytes() for name, dtype, _ in layout(config))
    head = json.dumps(dataclasses.asdict(config), sort_keys=True).encode()
    stream = lzma.compress(raw, filters=[_xz_filter(len(raw))])
    stream = stream.ljust(-(-config.parameters() // PARAMETERS_PER_BYTE), b"\0")
    return len(head).to_bytes(LENGTH_BYTES, "little") + head + stream


def unpack(data: bytes) -> tuple[TransformerConfig, lm.Params]:
    """The inverse of `pack`: the shape, and parameters to code with.

    Dense weights are bfloat16, which holds them exactly. Raises WeightsError where the data is no
    such file; what it asks for is refused before memory is taken for it.
    """
    config, start = _read_head(data)
    stream = memoryview(data)[start:]
    if config.parameters() > PARAMETERS_PER_BYTE * len(stream):
        raise _refusal(
            f"{config.parameters():,} parameters are more than {len(stream):,} bytes can hold"
        )
    arrays = _read_arrays(config, stream)
    params: lm.Params = {}
    for name in arrays:
        if not name.endswith(".exponent"):
            module, _, leaf = name.rpartition("/")
            node = params.setdefault(module, {}) if module else params
            node[leaf] = _restored(name, arrays)
    return config, params


def _xz_filter(size: int) -> dict[str, int]:
    """The most thorough packing, with a dictionary of the content's size and not of 64 MiB."""
    preset = 9 | lzma.PRESET_EXTREME
    return {"id": lzma.FILTER_LZMA2, "preset": preset, "dict_size": max(size, 4096)}


def _refusal(reason: str) -> WeightsError:
    return WeightsError(
        f"these are no transformer's weights ({reason}): pass the {SUFFIX} file of a training run"
    )


def _read_head(data: bytes) -> tuple[TransformerConfig, int]:
    """The shape, and where the stream begins. Raises WeightsError."""
    start = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    try:
        return TransformerConfig.from_dict(json.loads(data[LENGTH_BYTES:start])), start
    except (ValueError, RecursionError) as error:
        raise _refusal(" ".join(str(error).split())[:200]) from error


def _read_arrays(config: TransformerConfig, stream: memoryview) -> dict[str, np.ndarray]:
    """The arrays by name. Raises WeightsError where the stream does not hold just them."""
    sizes = [np.dtype(dtype).itemsize * math.prod(shape) for _, dtype, shape in layout(config)]
    total = sum(sizes)
    # xz rounds the size of its dictionary up, to less than twice as much.
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=2 * total + XZ_MEMORY)
    try:
        # One byte more than expected shows that the stream is too long, without unpacking it all.
        raw = decoder.decompress(stream, max_length=total + 1)
    except lzma.LZMAError as error:
        raise _refusal(str(error)) from error
    if len(raw) != total or not decoder.eof or decoder.unused_data.strip(b"\0"):
        raise _refusal(f"the stream does not hold the {total:,} bytes of the shape")
    arrays, at = {}, 0
    for (name, dtype, shape), size in zip(layout(config), sizes, strict=True):
        arrays[name] = np.frombuffer(raw[at : at + size], dtype).reshape(shape)
        at += size
    return arrays


def _flat(params: lm.Params) -> dict[str, np.ndarray]:
    """The leaves of the tree in float32, by their path: ``mlp_0/w_in``."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {
        "/".join(key.key for key in path): np.asarray(leaf, np.float32) for path, leaf in leaves
    }


def _bounded(name: str, values: np.ndarray) -> np.ndarray:
    """The values. Raises WeightsError where one is not finite or larger than LARGEST."""
    if not (np.abs(values) <= LARGEST).all():
        raise WeightsError(
            f"array {name} is not finite or exceeds {LARGEST:g}: train with a lower learning rate"
        )
    return values


def _embedding_step(name: str) -> float:
    return layers.EMBED_STEP if name == "embed" else layers.TABLE_STEP


def _quantised(name: str, leaf: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of the file that hold this one of the network: dense weights take two."""
    if leaf.ndim == 1:
        return {name: leaf}
    if name == "embed" or name.startswith("table_"):
        return {name: np.clip(np.rint(leaf / _embedding_step(name)), -127, 127)}
    exponent = np.asarray(layers.weight_exponent(leaf))[0]
    limit = layers.WEIGHT_MAX
    weights = np.clip(np.rint(leaf / np.exp2(exponent)), -limit, limit)
    return {name: weights, f"{name}.exponent": exponent}


def _restored(name: str, arrays: dict[str, np.ndarray]) -> jax.Array:
    """The network's array for those of the file. Raises WeightsError where it is out of bounds."""
    values, exponent = arrays[name], arrays.get(f"{name}.exponent")
    if exponent is not None:
        # In float64, where int8 times any power that int8 can name is finite and exact.
        dense = values * np.exp2(exponent.astype(np.float64))
        return jnp.asarray(_bounded(name, dense), jnp.bfloat16)
    if values.dtype == np.int8:
        return jnp.asarray(values * np.float32(_embedding_step(name)))
    return jnp.asarray(_bounded(name, values))
