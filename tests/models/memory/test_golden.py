"""Payloads that the memory's counts give are those of the native engine, byte for byte.

``golden.json`` holds lengths and SHA-256 of the engine's payloads. To write it anew, build the rig
(``cargo build --release -p kolmozip-rig`` in ``native/``) and name it:
``KOLMOZIP_RIG=native/target/release/kolmozip-rig python -m pytest tests/models/memory``.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from coding import container
from coding.counts import tree, zero_count
from coding.rangecoder import BitEncoder
from compressor.codec import weights_file
from models.integer.reference import Reference
from models.memory.designs import DESIGNS
from models.memory.memory import Memory

HERE = Path(__file__).parent
GOLDEN = HERE / "golden.json"
NANO = HERE.parents[1] / "golden" / "nano.kzw"
"""The weights of the golden files: a network that takes no time."""
LIGHT, FULL, LAYOUT, BESIDE, ALONE, WIDE, LAGS = 1, 2, 3, 4, 5, 6, 7


class Case(NamedTuple):
    text: str
    length: int
    design: int
    lanes: int
    tables: int
    """In MiB; with 0 each part has a line for each half of a byte."""
    network: bool = False


CASES = [
    Case("text", 60, FULL, 1, 1),
    Case("text", 300, FULL, 7, 1),
    Case("text", 1000, FULL, 16, 1),
    Case("text", 5000, FULL, 64, 1),
    Case("text", 90, LIGHT, 1, 1),
    Case("text", 300, LIGHT, 7, 1),
    Case("text", 800, LIGHT, 16, 1),
    Case("text", 3000, LIGHT, 64, 1),
    Case("text", 500, FULL, 20, 0),
    Case("text", 600, LIGHT, 30, 0),
    Case("text", 200, FULL, 5, 1, network=True),
    Case("long", 20_000, LIGHT, 256, 0),
    Case("program", 3000, FULL, 60, 1),
    Case("random", 1500, FULL, 50, 1),
    Case("special", 2000, FULL, 50, 1),
    Case("table", 3000, FULL, 50, 1),
    Case("nested", 4000, FULL, 64, 1),
    Case("records", 2800, FULL, 56, 1),
    Case("same", 5000, FULL, 128, 1),
    Case("turns", 3600, LIGHT, 90, 0),
    Case("repeats", 2000, FULL, 50, 1),
    Case("text", 1, FULL, 1, 1),
    Case("text", 9, FULL, 9, 1),
    Case("text", 13, FULL, 8, 1),
    Case("text", 31, LIGHT, 16, 1),
    Case("text", 1000, LAYOUT, 16, 1),
    Case("text", 500, LAYOUT, 20, 0),
    Case("text", 200, LAYOUT, 5, 1, network=True),
    Case("text", 13, LAYOUT, 8, 1),
    Case("long", 20_000, LAYOUT, 60, 1),
    Case("program", 3000, LAYOUT, 60, 1),
    Case("random", 1500, LAYOUT, 50, 1),
    Case("special", 2000, LAYOUT, 50, 1),
    Case("table", 3000, LAYOUT, 50, 1),
    Case("nested", 4000, LAYOUT, 64, 1),
    Case("records", 2800, LAYOUT, 56, 1),
    Case("repeats", 2000, LAYOUT, 50, 1),
    Case("same", 600, LAYOUT, 2, 1),
    Case("text", 1000, BESIDE, 4, 2, network=True),
    Case("table", 1000, BESIDE, 1, 1),
    Case("text", 1000, ALONE, 1, 1),
    Case("text", 500, ALONE, 20, 0),
    Case("text", 200, ALONE, 5, 1, network=True),
    Case("program", 3000, ALONE, 60, 1),
    Case("special", 2000, ALONE, 50, 1),
    Case("records", 2800, ALONE, 1, 1),
    Case("table", 3000, ALONE, 50, 1),
    Case("text", 1000, WIDE, 1, 1),
    Case("text", 500, WIDE, 20, 0),
    Case("text", 200, WIDE, 5, 1, network=True),
    Case("program", 3000, WIDE, 60, 1),
    Case("special", 2000, WIDE, 50, 1),
    Case("records", 2800, WIDE, 1, 1),
    Case("nested", 4000, WIDE, 64, 1),
    Case("text", 1000, LAGS, 1, 1),
    Case("text", 500, LAGS, 20, 0),
    Case("text", 200, LAGS, 5, 1, network=True),
    Case("text", 3, LAGS, 1, 1),
    Case("program", 3000, LAGS, 60, 1),
    Case("special", 2000, LAGS, 50, 1),
    Case("records", 2800, LAGS, 1, 1),
    Case("page", 1200, LAGS, 1, 1),
    Case("page", 1600, LAGS, 8, 1),
    Case("wave", 8300, LAGS, 1, 1),
    Case("wave", 2001, LAGS, 3, 1),
]


def content_of(case: Case, texts: dict[str, bytes]) -> bytes:
    return texts[case.text][: case.length]


def name_of(case: Case) -> str:
    return "-".join(str(field) for field in case)


def payload(case: Case, content: bytes) -> bytes:
    """What a codec writes that codes with the memory's counts."""
    design, data = DESIGNS[case.design], np.frombuffer(content, np.uint8)
    memory = Memory(design, case.tables << 20, data.size, case.lanes, case.network)
    coder, network = BitEncoder(), None
    if case.network:
        network = Reference(weights_file.unpack(NANO.read_bytes()), case.lanes)
    short, extra = divmod(data.size, case.lanes)
    lane = np.arange(case.lanes)
    for step in range(-(-data.size // case.lanes)):
        here = lane[: data.size - step * case.lanes]
        byte = data[here * short + np.minimum(here, extra) + step].astype(np.int32)
        node = np.ones_like(here)
        for shift in range(7, -1, -1):
            bit, zero = (byte >> shift) & 1, None
            if network:
                zero = zero_count(tree(network.predict()), here, node)
            coder.code(memory.predict(zero), bit)
            memory.update(bit)
            node = 2 * node + bit
        if network and here.size == case.lanes:
            network.perceive(byte.astype(np.uint8))
    assert bytes(memory.text) == content
    return coder.finish().ljust(container.least_payload(data.size), b"\0")


def payload_of_rig(rig: str, case: Case, content: bytes, folder: Path) -> bytes:
    """The payload of the native engine."""
    source, out = folder / "in", folder / "out"
    source.write_bytes(content)
    options = [f"design={case.design}", f"lanes={case.lanes}", f"mb={case.tables}", f"out={out}"]
    if case.network:
        options.append(f"weights={NANO}")
    subprocess.run([rig, *options, source], check=True, capture_output=True)
    return out.read_bytes()


def sum_of(payload: bytes) -> list[int | str]:
    return [len(payload), hashlib.sha256(payload).hexdigest()]


@pytest.fixture(scope="module")
def golden(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, bytes]
) -> dict[str, list[int | str]]:
    rig = os.environ.get("KOLMOZIP_RIG")
    if rig:
        folder = tmp_path_factory.mktemp("rig")
        sums = {
            name_of(case): sum_of(payload_of_rig(rig, case, content_of(case, texts), folder))
            for case in CASES
        }
        lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sums.items())
        GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_payloads_are_those_of_the_native_engine(
    golden: dict[str, list[int | str]], texts: dict[str, bytes], case: Case
) -> None:
    assert sum_of(payload(case, content_of(case, texts))) == golden[name_of(case)]
