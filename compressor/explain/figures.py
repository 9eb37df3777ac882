"""The figures of an explanation: each block of a compressed file is coded again and watched."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING

import numpy as np

from coding.container import Block, Design, Kind, Mixed, Reader
from compressor.codec import engines, levels, registry, stream, trials
from compressor.codec.native import NativeCodec
from compressor.codec.registry import Coders
from compressor.codec.seams import Progress, Recipe, ignore_progress
from models.memory.contexts import Context
from models.memory.contexts import Kind as ContextKind
from models.memory.designs import DESIGNS

if TYPE_CHECKING:
    import pandas as pd

LIKELY = 5
"""Bytes that are told as likely."""
WINDOW = 1 << 15
"""Bytes that are explained where nobody says how many."""
WHOLE_BYTE = 8.0
"""Bits that each byte of a raw block costs."""


@dataclasses.dataclass(frozen=True)
class Explanation:
    """How a text of n bytes was coded, and of w of its bytes why they cost what they did."""

    coder: str
    """What coded it, such as "level 6"."""
    text: bytes
    compressed: int
    """Bytes of the whole container."""
    bits: np.ndarray
    """(n,) float32: what each byte cost."""
    first: int
    """The first of the w bytes."""
    likely: np.ndarray
    """(w, 5) uint8: the likeliest bytes before the byte came, the likeliest one first."""
    probabilities: np.ndarray
    """(w, 5) float32: theirs, as the model was before it learned of the byte's first bits."""
    sources: tuple[str, ...]
    """The network, the matches, the contexts."""
    shares: np.ndarray
    """(w, sources) float32: bits of logit by which each spoke for the byte, as the mixer weighed
    it; negative where it spoke for others. What the probability maps do after that is left out."""

    def frame(self) -> pd.DataFrame:
        """The w bytes as a table: a row a byte, a column a source behind the other figures."""
        import pandas as pd

        count = len(self.likely)
        table = {
            "offset": np.arange(self.first, self.first + count),
            "byte": np.frombuffer(self.text, np.uint8)[self.first : self.first + count],
            "bits": self.bits[self.first : self.first + count],
        }
        for rank in range(LIKELY):
            table[f"likely_{rank + 1}"] = self.likely[:, rank]
            table[f"probability_{rank + 1}"] = self.probabilities[:, rank]
        shares = pd.DataFrame(self.shares, columns=list(self.sources))
        return pd.concat([pd.DataFrame(table), shares], axis=1)


def explain(
    text: bytes,
    level: int = levels.DEFAULT,
    *,
    model: str | None = None,
    first: int = 0,
    count: int = WINDOW,
    progress: Progress = ignore_progress,
) -> Explanation:
    """Compresses a text and explains ``count`` of its bytes, from ``first`` on.

    What deflate packed stays packed, and base64 letters, so that each byte of the text has its own
    cost.
    ``progress`` is told of each byte twice. Needs the native engine. Raises as
    ``stream.compress_stream`` does.
    """
    engines.chosen("native")
    how = levels.LEVELS[level]
    coders = registry.of_level(how, model or None, "native")
    packed = io.BytesIO()
    source = io.BytesIO(text)
    stream.compress_stream(source, packed, level, progress, coders=coders, unpack=False)
    sources = names(how.design)
    bits, likely = np.empty(len(text), np.float32), list[np.ndarray]()
    probabilities, shares, start = list[np.ndarray](), list[np.ndarray](), 0
    for block in Reader(io.BytesIO(packed.getvalue())).blocks():
        original = text[start : start + block.head.length]
        wanted = range(
            min(max(first - start, 0), len(original)),
            min(max(first + count - start, 0), len(original)),
        )
        costs, *arrays = _of_block(block, original, wanted, coders, len(sources), progress)
        bits[start : start + len(original)] = costs
        for whole, part in zip((likely, probabilities, shares), arrays, strict=True):
            whole.append(part)
        start += len(original)
    empty = np.empty((0, LIKELY))
    return Explanation(
        f"level {level}" if model is None else model,
        text,
        packed.tell(),
        bits,
        min(first, len(text)),
        np.concatenate([empty.astype(np.uint8), *likely]),
        np.concatenate([empty.astype(np.float32), *probabilities]),
        sources,
        np.concatenate([np.empty((0, len(sources)), np.float32), *shares]),
    )


def names(design: Design) -> tuple[str, ...]:
    """What a design's sources are called: the network, the matches, the contexts."""
    of = DESIGNS[design]
    matches = [f"match of {least} or more" for least in of.matches]
    return ("network", *matches, *map(_name, of.contexts))


def _name(context: Context) -> str:
    """What a context is called, such as "order 3", "bytes 2 and 3 before" or "word, own"."""
    name = context.kind.name.lower().replace("_", " ")
    if context.kind == ContextKind.SPARSE:
        chosen = (str(at + 1) for at in range(4) if context.number >> at & 1)
        name = f"bytes {' and '.join(chosen)} before"
    elif context.number:
        name += f" {context.number}"
    return f"{name}, own" if context.own else name


def _of_block(
    block: Block,
    original: bytes,
    wanted: range,
    coders: Coders,
    sources: int,
    progress: Progress,
) -> list[np.ndarray]:
    """Bits of each byte of a block; of the wanted ones the likely bytes, probabilities, shares."""
    head, count = block.head, len(wanted)
    if not isinstance(head, Mixed):
        progress(head.length)
        known = head.kind == Kind.RUN
        likely = np.zeros((count, LIKELY), np.uint8)
        probabilities = np.zeros((count, LIKELY), np.float32)
        if known and count:
            likely[:, 0], probabilities[:, 0] = original[0], 1
        costs = np.full(head.length, 0 if known else WHOLE_BYTE, np.float32)
        return [costs, likely, probabilities, np.zeros((count, sources), np.float32)]
    codec = coders.of(head.weights_id)
    assert isinstance(codec, NativeCodec), "no other engine was asked for"
    text = trials.apply(head.transform, original)
    recipe = Recipe.of(head)
    payload, arrays = codec.explain_block(text, recipe, wanted, progress)
    assert payload == block.payload, "what is explained is what the file holds"
    costs, likely, probabilities, shares = (
        np.frombuffer(array, np.uint8 if at == 1 else "<f4") for at, array in enumerate(arrays)
    )
    return [
        costs,
        likely.reshape(count, LIKELY),
        probabilities.reshape(count, LIKELY),
        shares.reshape(count, sources),
    ]
