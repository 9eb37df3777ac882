"""The transformer baseline: both functions agree, no future byte is seen, the context is bounded.

Weights files hold what training simulated, and hostile ones are refused in little memory.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import lzma
import math
import tracemalloc
import zlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from baselines import transformer
from baselines.transformer import PRESETS, TransformerConfig, initial_cache, initial_state
from baselines.transformer_weights import LARGEST, LENGTH_BYTES, layout, pack, unpack
from data.samples import sample
from models.integer.config import PRESETS as OURS
from models.integer.weights import WeightsError
from models.network import lm

NANO = PRESETS["transformer-nano"]
STEPS, LANES = 80, 3

initialise = jax.jit(transformer.initialise, static_argnums=(0, 1))
sequence = jax.jit(transformer.sequence, static_argnums=0)
step = jax.jit(transformer.step, static_argnums=0)


@pytest.fixture(scope="module")
def params() -> lm.Params:
    return initialise(NANO, 0)


@pytest.fixture(scope="module")
def text() -> np.ndarray:
    return np.frombuffer(sample()[: STEPS * LANES], np.uint8).reshape(LANES, STEPS).T


@pytest.fixture(scope="module")
def logits(params: lm.Params, text: np.ndarray) -> np.ndarray:
    return np.asarray(sequence(NANO, params, jnp.asarray(text), initial_state(NANO, LANES))[0])


def stepped(params: lm.Params, text: np.ndarray, skew: int = 0) -> np.ndarray:
    cache, out = initial_cache(NANO, text.shape[1]), []
    for t, byte in enumerate(text):
        row, cache = step(NANO, params, jnp.asarray(byte), cache, jnp.int32(t + skew * (t > 20)))
        out.append(np.asarray(row))
    return np.stack(out)


@pytest.mark.slow
def test_a_byte_at_a_time_predicts_what_whole_windows_do(
    params: lm.Params, text: np.ndarray, logits: np.ndarray
) -> None:
    """Equal up to the bfloat16 of the cache, with a ring that wraps five times.

    The second half shows what a wrong position does to the difference.
    """
    error = np.abs(stepped(params, text) - logits).mean()
    assert error < 0.05 * np.abs(logits).mean()
    assert np.abs(stepped(params, text, skew=5) - logits)[21:].mean() > 2 * error


def test_windows_carry_on(params: lm.Params, text: np.ndarray, logits: np.ndarray) -> None:
    state, out = initial_state(NANO, LANES), []
    for start in range(0, STEPS, 20):
        row, state = sequence(NANO, params, jnp.asarray(text[start : start + 20]), state)
        out.append(np.asarray(row))
    assert np.abs(np.concatenate(out) - logits).mean() < 0.05 * np.abs(logits).mean()
    assert np.asarray(state.filled).tolist() == [NANO.context] * LANES


def test_the_future_is_not_seen_and_the_past_only_so_far(
    params: lm.Params, text: np.ndarray, logits: np.ndarray
) -> None:
    other = text.copy()
    other[30] ^= 1
    changed = np.asarray(sequence(NANO, params, jnp.asarray(other), initial_state(NANO, LANES))[0])
    differs = np.any(changed != logits, axis=(1, 2))
    reach = NANO.layers * (NANO.context - 1) + max(order for order, _ in NANO.tables)
    assert not differs[:30].any()
    assert differs[30] and differs[30 + NANO.context]
    assert not differs[30 + reach :].any()


def test_an_emptied_lane_is_a_fresh_one(params: lm.Params, text: np.ndarray) -> None:
    _, state = sequence(NANO, params, jnp.asarray(text[:40]), initial_state(NANO, LANES))
    cold = state._replace(filled=state.filled * 0, low=state.low * 0, high=state.high * 0)
    again = np.asarray(sequence(NANO, params, jnp.asarray(text[:20]), cold)[0])
    fresh = np.asarray(
        sequence(NANO, params, jnp.asarray(text[:20]), initial_state(NANO, LANES))[0]
    )
    assert np.array_equal(again, fresh)


def test_the_query_blocks_do_not_change_the_result(
    params: lm.Params, text: np.ndarray, logits: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformer, "QUERY_BLOCK", 16)
    # A new function, since JAX keeps what it has compiled for the old one.
    in_blocks = jax.jit(functools.partial(transformer.sequence, NANO))
    again = np.asarray(in_blocks(params, jnp.asarray(text), initial_state(NANO, LANES))[0])
    assert np.abs(again - logits).mean() < 0.02 * np.abs(logits).mean()


def test_it_is_the_same_size_as_ours() -> None:
    for name, twin in (("small", "transformer"), ("nano", "transformer-nano")):
        assert PRESETS[twin].parameters() == pytest.approx(OURS[name].parameters(), rel=0.02)


def test_parameters_counts_what_is_there(params: lm.Params) -> None:
    assert NANO.parameters() == sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.fixture(scope="module")
def packed(params: lm.Params) -> bytes:
    return pack(NANO, params)


def test_the_weights_file_holds_what_training_simulated(
    params: lm.Params, packed: bytes, text: np.ndarray, logits: np.ndarray
) -> None:
    config, read = unpack(packed)
    assert config == NANO
    assert pack(NANO, params) == packed
    assert jax.tree.structure(read) == jax.tree.structure(params)
    again = np.asarray(sequence(config, read, jnp.asarray(text), initial_state(NANO, LANES))[0])
    assert np.abs(again - logits).mean() < 0.01 * np.abs(logits).mean()


def test_the_layout_lists_the_arrays_of_the_network(params: lm.Params) -> None:
    leaves = {
        "/".join(key.key for key in path): leaf.shape
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    }
    shapes = {name: shape for name, _, shape in layout(NANO)}
    exponents = {name for name in shapes if name.endswith(".exponent")}
    assert {name: shape for name, shape in shapes.items() if name not in exponents} == leaves
    for name in exponents:
        assert shapes[name] == leaves[name.removesuffix(".exponent")][1:]


def test_constant_weights_come_back(params: lm.Params) -> None:
    """xz packs them to less than the size that the reader asks for."""
    zeros = jax.tree.map(jnp.zeros_like, params)
    config, read = unpack(pack(NANO, zeros))
    assert config == NANO
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(read))


@pytest.mark.parametrize("value", [math.nan, math.inf, 2 * LARGEST])
@pytest.mark.parametrize("name", ["w_ngram", "head_bias"])
def test_parameters_out_of_bounds_are_not_packed(
    params: lm.Params, name: str, value: float
) -> None:
    changed = {**params, name: params[name].at[0].set(value)}
    with pytest.raises(WeightsError, match=f"array {name} is not finite or exceeds"):
        pack(NANO, changed)


FIELDS = json.loads(json.dumps(dataclasses.asdict(NANO)))
PLAIN_BYTES = sum(np.dtype(dtype).itemsize * math.prod(shape) for _, dtype, shape in layout(NANO))


def weights_file(head: bytes, stream: bytes) -> bytes:
    return len(head).to_bytes(LENGTH_BYTES, "little") + head + stream


def head_with(**changes: Any) -> bytes:
    return json.dumps({**FIELDS, **changes}).encode()


def xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)


def refused(data: bytes, match: str) -> None:
    """Reads a weights file that must be refused, in one line and with 2 MiB of memory at most."""
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match=match) as refusal:
            unpack(data)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()
    assert len(str(refusal.value)) < 400
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("cut", [0, 3, 40, -5])
def test_a_damaged_weights_file_is_refused(packed: bytes, cut: int) -> None:
    refused(packed[:cut], "no transformer's weights")


HEADS = {
    "a whole number as a float": head_with(width=32.0),
    "a truth value": head_with(layers=True),
    "a string": head_with(hidden="32"),
    "no number": head_with(hidden=None),
    "nothing wide": head_with(width=0),
    "no heads": head_with(heads=0),
    "negative": head_with(context=-16),
    "too wide": head_with(width=2048),
    "too many layers": head_with(layers=10**9),
    "an endless context": head_with(context=10**30),
    "too many digits": head_with().replace(b": 16", b": " + b"9" * 5000),
    "infinite": head_with().replace(b": 16", b": 1e400"),
    "no number by its name": head_with().replace(b": 16", b": NaN"),
    "no tables": head_with(tables=[]),
    "tables that are none": head_with(tables=7),
    "a table that is none": head_with(tables=[8]),
    "a table of three": head_with(tables=[[2, 8, 1]]),
    "an order as a string": head_with(tables=[["2", 8]]),
    "an order twice": head_with(tables=[[2, 8], [2, 10]]),
    "an order out of bounds": head_with(tables=[[9, 8]]),
    "a table out of bounds": head_with(tables=[[2, 25]]),
    "wide tables": head_with(table_dim=1024),
    "an unknown field": head_with(**{"new\nfield": 1}),
    "a missing field": json.dumps({"tables": [[2, 8]]}).encode(),
    "no object": b"[1, 2]",
    "no text": b"\xff\xfe\xfd",
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_that_is_no_shape_is_refused(packed: bytes, kind: str) -> None:
    stream = packed[LENGTH_BYTES + len(head_with()) :]
    refused(weights_file(HEADS[kind], stream), "no transformer's weights")


def test_a_head_longer_than_the_file_is_refused() -> None:
    refused(b"\xff" * LENGTH_BYTES + head_with(), "no transformer's weights")


def test_a_small_file_that_asks_for_64_gib_is_refused() -> None:
    head = head_with(width=1024, table_dim=1024, tables=[[4, 24]])
    assert 4 * 1024 << 24 == 64 << 30  # bytes of the table in float32
    data = weights_file(head, b"").ljust(150, b"\0")
    assert len(data) == 150
    refused(data, "parameters are more than")


def test_a_small_file_that_asks_for_the_largest_network_is_refused() -> None:
    head = head_with(width=1024, hidden=1024, table_dim=2, tables=[[4, 23]], heads=8)
    assert TransformerConfig.from_dict(json.loads(head)).parameters() > 30e6
    refused(weights_file(head, xz(bytes(1 << 20))), "more than .* bytes can hold")


def test_an_xz_stream_is_unpacked_no_further_than_the_shape_says(packed: bytes) -> None:
    bomb = xz(bytes(1 << 26))
    assert len(bomb) < 20_000
    refused(weights_file(head_with(), bomb), "does not hold the")


def test_an_xz_stream_that_asks_for_4_gib_of_dictionary_is_refused() -> None:
    stream = bytearray(xz(bytes(PLAIN_BYTES)))
    first, size = 12, 4 * (stream[12] + 1)
    assert stream[first + 2 : first + 4] == b"\x21\x01"  # LZMA2 with one byte of settings
    stream[first + 4] = 40  # the code of the largest dictionary
    check = first + size - 4
    stream[check : check + 4] = zlib.crc32(stream[first:check]).to_bytes(4, "little")
    refused(weights_file(head_with(), bytes(stream).ljust(1000, b"\0")), "limit exceeded")


@pytest.mark.parametrize("size", [0, PLAIN_BYTES - 1, PLAIN_BYTES + 1])
def test_a_stream_of_another_length_is_refused(size: int) -> None:
    stream = xz(bytes(size)).ljust(1000, b"\0")
    refused(weights_file(head_with(), stream), "does not hold the")


def test_bytes_after_the_stream_are_refused(packed: bytes) -> None:
    refused(packed + b"\0\0\0\1", "does not hold the")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("head.exponent", b"\x7f"),
        ("head_bias", np.float32(math.nan).tobytes()),
        ("head_bias", np.float32(-math.inf).tobytes()),
    ],
)
def test_numbers_out_of_bounds_are_refused(packed: bytes, name: str, content: bytes) -> None:
    raw = bytearray(lzma.decompress(packed[LENGTH_BYTES + len(head_with()) :]))
    at = 0
    for other, dtype, shape in layout(NANO):
        if other == name:
            break
        at += np.dtype(dtype).itemsize * math.prod(shape)
    raw[at : at + len(content)] = content
    array = name.removesuffix(".exponent")
    refused(weights_file(head_with(), xz(bytes(raw))), f"array {array} is not finite")


def test_seeded_mutations_are_refused_or_read(packed: bytes) -> None:
    rng = np.random.default_rng(5)
    end = LENGTH_BYTES + len(head_with())
    for number in range(400):
        data = bytearray(packed)
        for at in rng.integers(0, end if number % 2 else len(packed), rng.integers(1, 4)):
            data[at] = rng.integers(0, 256)
        try:
            config, _ = unpack(bytes(data))
        except WeightsError:
            continue
        assert config.parameters() == NANO.parameters()


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="heads"):
        TransformerConfig(32, 1, 3, 32, 16, 4, ((2, 8),))
