"""The mixers of models.network.scans against mamba-ssm's functions and the plain recurrence.

``make_mamba_golden.py`` beside this file wrote the tensors of mamba-ssm's own reference functions
and says how. Every error below is the largest difference in an array divided by the largest value
of the reference's array.
"""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from packaging.requirements import Requirement

from models.network import layers, scans

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "mamba"
SCANS = ("scan-plain", "scan-skip-gate", "scan-softplus", "scan-all", "scan-groups", "scan-long")
SSDS = (
    "ssd-4-shared",
    "ssd-4-shared-state",
    "ssd-8-groups",
    "ssd-8-groups-state",
    "ssd-8-heads-state",
    "ssd-24-shared-state",
)
WITH_GRADIENTS = {"scan-all", "ssd-4-shared", "ssd-8-groups-state"}

Arrays = dict[str, np.ndarray]
Pair = tuple[jax.Array, jax.Array]
Mixer = Callable[..., Pair]

TOLERANCE = 1e-6
"""Float32 rounding of both sides. On an x86 CPU the largest error of a golden output was 2.8e-7 and
of a gradient 1.9e-7."""


@pytest.fixture(autouse=True)
def full_products() -> Iterator[None]:
    """Products of float32 without rounding of the operands, which a GPU may otherwise do."""
    with jax.default_matmul_precision("float32"):
        yield


def golden(name: str) -> tuple[Arrays, Arrays]:
    """Inputs, and what the reference made of them: output, last state and, at times, gradients."""
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        made = {key for key in arrays if key in ("out", "state") or key.startswith("grad_")}
        assert made > {"out", "state"} if name in WITH_GRADIENTS else made == {"out", "state"}
        return {key: arrays[key] for key in arrays if key not in made}, {
            key: arrays[key] for key in made
        }


def errors(ours: Arrays, reference: Arrays) -> dict[str, float]:
    """For each array, the largest difference divided by the largest value of the reference."""
    assert {key: value.shape for key, value in ours.items()} == {
        key: value.shape for key, value in reference.items()
    }
    return {
        key: float(np.max(np.abs(ours[key] - value)) / np.max(np.abs(value)))
        for key, value in reference.items()
    }


@functools.cache
def solver(function: Mixer, gradients: bool = True) -> Callable[[Arrays], Arrays]:
    """A function that gives output, last state and gradients, as the golden files name them.

    The gradients are those of half the sum of squares of output and state, for each input.
    """

    def loss(inputs: Arrays) -> tuple[jax.Array, Arrays]:
        out, state = function(**inputs)
        return 0.5 * (jnp.sum(out * out) + jnp.sum(state * state)), {"out": out, "state": state}

    def solve(inputs: Arrays) -> Arrays:
        if not gradients:
            return loss(inputs)[1]
        (_, results), slopes = jax.value_and_grad(loss, has_aux=True)(inputs)
        return results | {f"grad_{name}": value for name, value in slopes.items()}

    return jax.jit(solve)


@pytest.mark.parametrize("name", SCANS)
def test_the_selective_scan_is_that_of_mamba_ssm(name: str) -> None:
    inputs, reference = golden(name)
    softplus = bool(inputs.pop("delta_softplus"))
    ours = solver(
        functools.partial(scans.selective_scan, delta_softplus=softplus), name in WITH_GRADIENTS
    )
    differences = errors(ours(inputs), reference)
    assert max(differences.values()) < TOLERANCE, differences


@pytest.mark.parametrize("name", SSDS)
def test_ssd_is_the_minimal_listing(name: str) -> None:
    inputs, reference = golden(name)
    chunk = int(inputs.pop("chunk"))

    def batch_first(
        X: jax.Array,
        A: jax.Array,
        B: jax.Array,
        C: jax.Array,
        initial_states: jax.Array | None = None,
    ) -> Pair:
        first = None if initial_states is None else initial_states[:, 0]
        y, state = scans.ssd(*(jnp.swapaxes(v, 0, 1) for v in (X, A, B, C)), chunk, first)
        return jnp.swapaxes(y, 0, 1), state

    differences = errors(solver(batch_first, name in WITH_GRADIENTS)(inputs), reference)
    assert max(differences.values()) < TOLERANCE, differences


def test_no_golden_file_is_forgotten_and_the_mamba_extra_allows_their_version() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {*SCANS, *SSDS, "versions"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (extra,) = map(Requirement, project["optional-dependencies"]["mamba"])
    assert extra.specifier.contains(
        json.loads((GOLDEN / "versions.json").read_text("utf-8"))[extra.name]
    )


def recurrence(x: jax.Array, a: jax.Array, b: jax.Array, c: jax.Array, h0: jax.Array) -> Pair:
    """The slow twin of ssd: its definition, step by step, every state in memory."""
    b, c = (
        v[:, :, None] if v.ndim == 3 else jnp.repeat(v, x.shape[2] // v.shape[2], axis=2)
        for v in (b, c)
    )
    new = x[..., None] * b[:, :, :, None]
    h = layers.linear_recurrence(jnp.broadcast_to(jnp.exp(a)[..., None, None], new.shape), new, h0)
    return jnp.sum(h * c[:, :, :, None], axis=-1), h[-1]


def mixer_inputs(decays: tuple[float, ...]) -> Arrays:
    """Seeded inputs of ssd, each log decay one of those given.

    24 steps, 2 lanes, 4 heads of 3 channels, 5 state entries.
    """
    rng = np.random.default_rng(8)
    shapes = {"x": (24, 2, 4, 3), "b": (24, 2, 5), "c": (24, 2, 5), "h0": (2, 4, 3, 5)}
    inputs = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return inputs | {"a": rng.choice(decays, (24, 2, 4)).astype(np.float32)}


CHUNKS_OF_12 = functools.partial(scans.ssd, chunk=12)


@pytest.mark.parametrize(
    "decays", [(0.0, -0.1, -0.5, -2.0), (0.0, -0.1, -120.0)], ids=["mild", "forgetting-everything"]
)
def test_ssd_and_its_gradient_are_those_of_the_recurrence_step_by_step(
    decays: tuple[float, ...],
) -> None:
    """With strong decays the exponentials above the diagonal would overflow.

    The error that the docstring of ``ssd`` states then shows.
    """
    inputs = mixer_inputs(decays)
    most = np.abs(inputs["a"]).reshape(2, 12, 2, 4).sum(axis=1).max()
    differences = errors(solver(CHUNKS_OF_12)(inputs), solver(recurrence)(inputs))
    assert max(differences.values()) < max(TOLERANCE, most * 2**-24), differences


def shapes_of(function: Mixer, **arrays: np.ndarray) -> list[tuple[tuple[int, ...], str]]:
    """Shape and type of what the function returns, without running it."""
    return [(out.shape, out.dtype.name) for out in jax.eval_shape(function, **arrays)]


def test_results_are_float32_whatever_comes_in() -> None:
    half = {name: value.astype(jnp.bfloat16) for name, value in mixer_inputs((-1.0,)).items()}
    assert shapes_of(functools.partial(scans.ssd, chunk=8), **half) == [
        ((24, 2, 4, 3), "float32"),
        ((2, 4, 3, 5), "float32"),
    ]
    half = {
        name: value.astype(jnp.bfloat16)
        for name, value in golden("scan-all")[0].items()
        if name != "delta_softplus"
    }
    assert shapes_of(scans.selective_scan, **half) == [
        ((1, 5, 24), "float32"),
        ((1, 5, 3), "float32"),
    ]


@pytest.mark.parametrize(
    ("chunk", "changed", "message"),
    [
        (7, {}, "24 steps do not split into chunks of 7: choose"),
        (0, {}, "chunks of 0: choose"),
        (48, {}, "chunks of 48: choose"),
        (8, {"b": (3, 5), "c": (3, 5)}, "divide the 4 heads"),
        (8, {"b": (1, 5), "c": (2, 5)}, "must agree"),
        (8, {"c": (6,)}, "must agree"),
    ],
)
def test_ssd_refuses(chunk: int, changed: dict[str, tuple[int, ...]], message: str) -> None:
    inputs = mixer_inputs((-1.0,)) | {
        name: np.zeros((24, 2, *shape), np.float32) for name, shape in changed.items()
    }
    with pytest.raises(ValueError, match=message):
        shapes_of(functools.partial(scans.ssd, chunk=chunk), **inputs)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("A", np.zeros((4, 4), np.complex64), "A must be real"),
        ("B", np.zeros((4, 4), np.float32), "repeat a constant map"),
        ("C", np.zeros((4, 4), np.float32), "repeat a constant map"),
        ("B", np.zeros((2, 3, 4, 19), np.float32), "4 channels do not split into 3 groups"),
    ],
)
def test_the_selective_scan_refuses(name: str, array: np.ndarray, message: str) -> None:
    inputs = golden("scan-plain")[0] | {name: array}
    del inputs["delta_softplus"]
    with pytest.raises(ValueError, match=message):
        shapes_of(scans.selective_scan, **inputs)
