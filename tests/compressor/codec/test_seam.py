"""Another memory beside the network: the example of models/memory/README.md, as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

import models.memory
from coding.rangecoder import BitDecoder, BitEncoder
from compressor.codec import weights_file
from compressor.codec.blocks import code_block
from compressor.codec.seams import ignore_progress
from compressor.codec.selftest import Definition
from data.lanes import from_columns, to_columns

NANO = Path(__file__).parents[2] / "golden" / "nano.kzw"
PAGE = Path(__file__).parents[3] / "coding" / "FORMAT.md"
LANES = 3


def example() -> Any:
    """The class of the page."""
    page = Path(models.memory.__file__).with_name("README.md").read_text("utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {"np": np}
    exec(source, names)
    return names["Frequencies"]


def test_ten_lines_are_a_memory() -> None:
    """On text of another kind than the network was trained on."""
    made, data = example(), np.frombuffer(PAGE.read_bytes()[1200:3200], np.uint8)
    nano = Definition(weights_file.unpack(NANO.read_bytes()), b"")
    payloads = []
    for memory in (made(LANES), Silent()):
        coder = BitEncoder()
        columns = to_columns(data, LANES)
        network = nano.engine(LANES)
        code_block(network, coder, columns, data.size, ignore_progress, memory)
        payloads.append(coder.finish())
    assert len(payloads[0]) < len(payloads[1])

    columns = np.zeros_like(columns)
    coder = BitDecoder(payloads[0])
    network = nano.engine(LANES)
    code_block(network, coder, columns, data.size, ignore_progress, made(LANES))
    assert from_columns(columns, data.size).tobytes() == data.tobytes()


class Silent:
    """Adds nothing to what the network says."""

    def predict(self, zero: np.ndarray | None) -> np.ndarray:
        assert zero is not None
        return zero

    def update(self, bit: np.ndarray) -> None:
        pass
