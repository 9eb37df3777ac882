"""What the tests of training share: texts, a very small network, and runs that are trained once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import jax
import numpy as np
import pytest

from compressor.training.command import Request, run
from compressor.training.config import TrainConfig
from compressor.training.run import train
from compressor.training.texts import Texts
from data.samples import sample
from models.integer.config import PRESETS, ModelConfig
from models.network.lm import Params, initialise

Quickly = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module", autouse=True)
def _quick_compiling(quick_compiling: None) -> None:
    """These tests hold runs against runs that were compiled in the same way."""


@pytest.fixture(scope="module", autouse=True)
def _no_restart() -> Iterator[None]:
    """The command does not start its process anew: it is that of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MALLOC_ARENA_MAX", "1")
        yield


@pytest.fixture(scope="session")
def pico() -> ModelConfig:
    """The smallest network that has every part."""
    return ModelConfig(16, 1, 16, 16, 1, 4, ((2, 8),))


@pytest.fixture(scope="session")
def config() -> TrainConfig:
    """A run of twelve steps."""
    return TrainConfig(
        lanes=8, window=32, total_bytes=8 * 32 * 12, warmup_steps=2, cold_start_bytes=128
    )


@pytest.fixture(scope="session")
def texts() -> Texts:
    """Some real text; the 4,096 bytes to evaluate on are too few for 64 lanes of a window."""
    text = np.frombuffer(sample(), np.uint8)
    return Texts("sample", text, text[:4096])


@pytest.fixture(scope="session")
def whole(
    pico: ModelConfig,
    config: TrainConfig,
    texts: Texts,
    tmp_path_factory: pytest.TempPathFactory,
    quickly: Quickly,
) -> tuple[Params, Path]:
    """Parameters and folder of a run of the smallest network from its start to its end."""
    folder = tmp_path_factory.mktemp("whole")
    with quickly():
        params, _ = train(pico, config, texts, folder, quiet=True)
    return params, folder


@pytest.fixture(scope="session")
def nano_params(quickly: Quickly) -> Params:
    """Fresh parameters of `nano`."""
    with quickly():
        params: Params = jax.jit(lambda: initialise(PRESETS["nano"], 0))()
    return params


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of real text, 256 KiB."""
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_bytes(sample())
    return path


NANO_SETTINGS = {"lanes": 8, "window": 32, "total_bytes": 8 * 32 * 100}


@pytest.fixture(scope="session")
def nano_run(tmp_path_factory: pytest.TempPathFactory, text_file: Path, quickly: Quickly) -> Path:
    """The folder of a run of `nano` by the command: 100 steps, one device, weights and card.

    Trained once for all processes of a test run: the first to come holds a lock meanwhile.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "runs" / "nano-run"
    with (shared / "nano-run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "nano-run.kzw").is_file():
            with quickly():
                run(Request("nano", folder, str(text_file), NANO_SETTINGS, quiet=True))
    return folder
