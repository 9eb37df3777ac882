"""What the tests of training share: a very small preset, and a run of it that is trained once.

Most of their time would go into compiling. So every run has the same few settings, which the
command takes too, and what one process has compiled the others find in JAX's cache.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import jax
import pytest

from compressor.codec import native
from compressor.training.checkpoints import trained
from compressor.training.command import Request, run
from compressor.training.config import TrainConfig
from compressor.training.networks import network
from compressor.training.texts import Texts, load_texts
from data.samples import sample
from models.integer.config import PRESETS, ModelConfig
from models.network.lm import Params

Quickly = Callable[[], AbstractContextManager[None]]

PICO = ModelConfig(16, 1, 16, 16, 1, 4, ((2, 8),))
SETTINGS: dict[str, int | float | str] = {"lanes": 8, "window": 32, "total_bytes": 8 * 32 * 60}


@pytest.fixture(scope="module", autouse=True)
def _quick_compiling(quick_compiling: None) -> None:
    """These tests hold runs against runs that were compiled in the same way."""


@pytest.fixture(scope="session")
def customised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH from which every process learns of the preset when it starts."""
    folder = tmp_path_factory.mktemp("customised")
    lines = ["from models.integer.config import *", f"PRESETS['pico'] = {PICO!r}"]
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module", autouse=True)
def _pico_is_a_preset(customised: Path) -> Iterator[None]:
    """Here and in processes started here. The command does not start its process anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "pico", PICO)
        patch.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], str(customised)]))
        patch.setenv("MALLOC_ARENA_MAX", "1")
        yield


@pytest.fixture(scope="session")
def native_engine() -> None:
    """Skips where there is no native engine, without which nothing is recorded or metered."""
    if (reason := native.absent()) is not None:
        pytest.skip(f"the native engine is not here: {reason}")


@pytest.fixture(scope="session")
def pico() -> ModelConfig:
    """The smallest network that has every part."""
    return PICO


@pytest.fixture(scope="session")
def settings() -> dict[str, int | float | str]:
    """The settings of ``config`` that are not the defaults."""
    return dict(SETTINGS)


@pytest.fixture(scope="session")
def options() -> tuple[object, ...]:
    """The preset and ``config`` as the command takes them."""
    return ("--preset", "pico", "--lanes", 8, "--window", 32, "--bytes", 8 * 32 * 60, "--quiet")


@pytest.fixture(scope="session")
def config() -> TrainConfig:
    """A run of 60 steps."""
    return TrainConfig(**SETTINGS)


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of real text, 256 KiB."""
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_bytes(sample())
    return path


@pytest.fixture(scope="session")
def texts(text_file: Path) -> Texts:
    """The texts of that file; 13,107 bytes to evaluate on are too few for 64 lanes of a window."""
    return load_texts(str(text_file))


@pytest.fixture(scope="session")
def fresh(pico: ModelConfig, quickly: Quickly) -> Params:
    """Fresh parameters of the smallest network."""
    with quickly():
        params: Params = jax.jit(network(pico).initialise)(0)
    return params


@pytest.fixture(scope="session")
def whole(
    tmp_path_factory: pytest.TempPathFactory, text_file: Path, quickly: Quickly
) -> tuple[Params, Path]:
    """Parameters and folder of a run from its start to its end, by the command: weights and card.

    Trained once for all processes of a test run: the first to come holds a lock meanwhile.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "runs" / "whole"
    with (shared / "whole.lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        patch.setitem(PRESETS, "pico", PICO)
        if not (folder / "whole.json").is_file():
            with quickly():
                run(Request("pico", folder, str(text_file), SETTINGS, quiet=True))
    return trained(folder)[1], folder
