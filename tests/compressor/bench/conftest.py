"""A codec made of two bits of Python, a text, the rows that were left, and a very small network."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from compressor.bench.jobs import INPUT, OUTPUT, Job
from data.samples import sample
from models.integer.config import ModelConfig
from models.integer.weights import layout
from models.network.lm import Params

COPY = "import sys; open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read())"


def make_toy(name: str = "toy", compress: str = COPY, decompress: str = COPY, **facts: Any) -> Job:
    """A codec that copies, unless told otherwise."""
    start = [sys.executable, "-I", "-S", "-c"]
    packing, restoring = ([*start, code, INPUT, OUTPUT] for code in (compress, decompress))
    settings = {"family": "LZ77", "version": "1", "command": f"{name} FILE", **facts}
    return Job(codec=name, compress=packing, decompress=restoring, **settings)


@pytest.fixture(scope="session")
def toy() -> Callable[..., Job]:
    """Makes a codec of two bits of Python, which find their input and output in sys.argv[1:]."""
    return make_toy


@pytest.fixture(scope="session")
def copy() -> str:
    """The bit of Python that copies."""
    return COPY


@pytest.fixture(scope="session")
def text() -> bytes:
    """20,000 bytes of real text."""
    return sample()[:20_000]


@pytest.fixture
def source(tmp_path: Path, text: bytes) -> Path:
    """The text as a file."""
    path = tmp_path / "text"
    path.write_bytes(text)
    return path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Where rows go; not there yet."""
    return tmp_path / "results" / "raw"


@pytest.fixture
def kept(raw: Path) -> Callable[[], list[dict[str, Any]]]:
    """Reads the rows of that folder, in the order of their files' names."""
    return lambda: [json.loads(path.read_text()) for path in sorted(raw.glob("*.json"))]


@pytest.fixture(scope="session")
def pico() -> ModelConfig:
    """The smallest network that has every part."""
    return ModelConfig(16, 1, 16, 16, 1, 4, ((2, 8),))


@pytest.fixture(scope="session")
def pico_params(pico: ModelConfig) -> Params:
    """Parameters of it, made up."""
    tree: Params = {}
    for seed, (name, _, shape) in enumerate(layout(pico)):
        *block, leaf = name.split(".")
        if leaf != "exponent":
            values = np.random.default_rng(seed).normal(0, 0.1, shape)
            parent = tree.setdefault(block[0], {}) if block else tree
            parent[leaf] = jnp.asarray(values, jnp.float32)
    return tree
