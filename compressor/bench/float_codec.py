"""Files coded with the transformer baseline: our loop and range coder, but a network in floats.

Encoder and decoder run the same compiled step on the same shapes, so a file decodes on the machine,
and with the libraries, that wrote it: enough for a row of the leaderboard, and nothing that a user
should trust a file to. So it is no kolmozip file, and ``kolmozip decompress`` refuses it as such:
it begins with 8 bytes of its own, ``kzfloat`` and a 1, and what FORMAT.md describes follows, but
with weights in mixed blocks that only this program decodes. Its suffix is ``.kzf``. Run as
``python -m compressor.bench.float_codec compress|decompress WEIGHTS SOURCE TARGET``.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from baselines import transformer
from baselines.transformer import Cache, TransformerConfig
from baselines.transformer_weights import WeightsError, unpack
from coding.container import NO_WEIGHTS, Source, read_up_to
from coding.errors import BadMagic, KolmozipError, UnknownWeights
from compressor.bench.ours import FLOAT_MAGIC
from compressor.codec import registry, stream
from compressor.codec.blocks import SteppedModel
from compressor.codec.seams import BlockCodec
from compressor.system import files
from models.integer.fixed_point import EVIDENCE_BITS, FIRST_BYTE
from models.integer.identity import identity_of_bytes
from models.network.lm import Params

LANES = 512
"""Lanes of a block that has bytes for them: a step of the network, and of the memory in NumPy,
takes little longer for many lanes than for few."""


@functools.partial(jax.jit, static_argnums=0, donate_argnums=3)
def _evidence(
    config: TransformerConfig, params: Params, byte: jax.Array, cache: Cache, position: jax.Array
) -> tuple[jax.Array, Cache]:
    """Counts of the next byte (lanes, 256) int32 after this one (lanes,), and the next cache."""
    logits, after = transformer.step(config, params, byte, cache, position)
    counts = jnp.maximum(jnp.round(jax.nn.softmax(logits) * (1 << EVIDENCE_BITS)), 1)
    return counts.astype(jnp.int32), after


class TransformerLanes:
    """The transformer as a predictor over lanes, a byte a step with a cache of keys and values."""

    def __init__(self, config: TransformerConfig, params: Params, lanes: int) -> None:
        self._config, self._params, self._position = config, params, 0
        self._cache = transformer.initial_cache(config, lanes)
        self.perceive(np.full(lanes, FIRST_BYTE, np.uint8))

    def predict(self) -> np.ndarray:
        """Probabilities as counts of 2^22, at least 1: (lanes, 256) int32."""
        return np.asarray(self._counts)

    def perceive(self, byte: np.ndarray) -> None:
        """Takes in the byte that came in every lane: (lanes,) uint8."""
        arguments = jnp.asarray(byte), self._cache, jnp.int32(self._position)
        self._counts, self._cache = _evidence(self._config, self._params, *arguments)
        self._position += 1


class TransformerModel(SteppedModel):
    """Weights of a transformer, ready to code with. Raises WeightsError."""

    def __init__(self, data: bytes) -> None:
        self.config, self.params = unpack(data)
        self.identity = identity_of_bytes(data)

    def engine(self, lanes: int) -> TransformerLanes:
        """The network with every lane in its initial state."""
        return TransformerLanes(self.config, self.params, lanes)

    def find(self, wanted: bytes) -> BlockCodec:
        """The codec that a block names: this model, or the memory alone. Raises UnknownWeights."""
        if wanted == NO_WEIGHTS:
            return registry.without_network()
        if not self.identity.startswith(wanted):
            raise UnknownWeights(
                f"the file was coded with weights {wanted.hex()}, not with {self.identity.hex()}: "
                "name those"
            )
        return self


def run(verb: str, weights: Path, source: str, target: str) -> None:
    """Compresses or decompresses one file. Raises the codec's named errors, and WeightsError."""
    model = TransformerModel(weights.read_bytes())
    with files.open_input(source) as read, files.open_output(target, force=True) as write:
        if verb == "compress":
            write.write(FLOAT_MAGIC)
            stream.compress_stream(read, write, model=model, lanes=LANES)
        else:
            _check_magic(read)
            stream.decompress_stream(read, write, find=model.find)


def _check_magic(source: Source) -> None:
    """Reads the first bytes of a file. Raises BadMagic."""
    if read_up_to(source, len(FLOAT_MAGIC)) != FLOAT_MAGIC:
        raise BadMagic("no file coded with a transformer (wrong magic): check the name")


def main(arguments: list[str]) -> int:
    """The command; returns its exit code."""
    if len(arguments) != 4 or arguments[0] not in ("compress", "decompress"):
        print(__doc__, file=sys.stderr)
        return 2
    verb, weights, source, target = arguments
    try:
        run(verb, Path(weights), source, target)
    except (KolmozipError, WeightsError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
