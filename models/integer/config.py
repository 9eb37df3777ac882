"""Model shapes by name. A preset is a complete, named description of a network; weights files carry a copy of it."""

from __future__ import annotations

import dataclasses

VOCABULARY = 256
"""One symbol a byte; there is no end-of-file symbol, because the container knows the length."""

GATED, PLAIN = "kan_glu", "kan"
MLPS = (GATED, PLAIN)


def ends_parameters(width: int, table_dim: int, tables: tuple[tuple[int, int], ...]) -> int:
    """Learned numbers around the blocks of any network here: embeddings, n-gram tables and what leads to the logits."""
    entries = table_dim * len(tables)
    dense = (
        VOCABULARY * width
        + width * VOCABULARY
        + VOCABULARY
        + entries * width
        + entries * VOCABULARY
    )
    return dense + sum(table_dim << bits for _, bits in tables)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Shape of one byte language model.

    Axis letters used everywhere: ``b`` lanes, ``t`` time, ``d`` width, ``w`` state width, ``m`` hidden width of the KAN
    layer, ``k`` taps of the short convolution, ``e`` all n-gram embedding entries side by side.
    """

    width: int
    layers: int
    state: int
    hidden: int
    taps: int
    table_dim: int
    tables: tuple[tuple[int, int], ...]
    """(order, log2 of buckets) for each hashed n-gram table; an order-n context is the last n bytes."""
    mlp: str = GATED
    """How learned functions f enter the wide layer: gating a linear unit, (f(u) * v) W, or as a plain layer, f(u) W."""

    def __post_init__(self) -> None:
        sizes = (self.width, self.layers, self.state, self.hidden, self.ngram_width)
        if any(not 1 <= size <= 1024 for size in sizes) or not 1 <= self.taps <= 4:
            raise ValueError(
                "sizes stay within 1 to 1024 and taps within 1 to 4: the bounds in FORMAT.md rest on it"
            )
        if any(not 2 <= order <= 8 or not 8 <= bits <= 24 for order, bits in self.tables):
            raise ValueError("n-gram orders are 2 to 8 and tables have 2^8 to 2^24 buckets")
        if self.mlp not in MLPS:
            raise ValueError(f"the wide layer is one of {', '.join(MLPS)}")

    @property
    def ngram_width(self) -> int:
        """Entries gathered a byte over all tables."""
        return self.table_dim * len(self.tables)

    @property
    def branches(self) -> int:
        """Products of width m that lead into the wide layer."""
        return 2 if self.mlp == GATED else 1

    def shape(self) -> dict:
        """What a weights file says of it, JSON types; the gated layer goes without saying (files older than the choice)."""
        fields = dataclasses.asdict(self)
        return {name: value for name, value in fields.items() if (name, value) != ("mlp", GATED)}

    def parameters(self) -> int:
        """Learned numbers in all, tables included."""
        d, w, m = self.width, self.state, self.hidden
        block = 3 * d * w + self.taps * w + w + w * d + self.branches * d * m + KNOTS * m + m * d
        return self.layers * block + ends_parameters(d, self.table_dim, self.tables)

    @classmethod
    def from_dict(cls, fields: dict) -> ModelConfig:
        """Inverse of ``dataclasses.asdict`` after a trip through JSON (lists back to tuples)."""
        fields = dict(fields)
        fields["tables"] = tuple((int(order), int(bits)) for order, bits in fields["tables"])
        return cls(**fields)


KNOTS = 9
"""Knots of each learned univariate function, at -4, -3, ... 4: a first draft with 9 knots trained well (MODEL-NOTES)."""

PRESETS: dict[str, ModelConfig] = {
    "nano": ModelConfig(32, 2, 32, 32, 2, 4, ((2, 8), (3, 10))),
    "tiny": ModelConfig(192, 2, 192, 192, 2, 8, ((2, 12), (3, 13), (4, 14), (5, 14))),
    "small": ModelConfig(320, 3, 320, 384, 2, 8, ((2, 13), (3, 15), (4, 16), (5, 16))),
    "small-kan": ModelConfig(
        320, 3, 320, 576, 2, 8, ((2, 13), (3, 15), (4, 15), (5, 16), (6, 15)), PLAIN
    ),
    "base": ModelConfig(320, 3, 320, 384, 2, 8, ((2, 13), (3, 17), (4, 18), (5, 18), (6, 18))),
    "base-deep": ModelConfig(320, 5, 320, 384, 2, 8, ((2, 14), (3, 16), (4, 18), (5, 18), (6, 17))),
}
"""
``nano``: 39 thousand parameters, for tests and the page-only decoder. ``kolmozip train --preset nano --bytes 3000000 --lanes 32
--window 128``: half a minute on two CPU cores, 3.15 bits/char on validation text without memory.

``tiny``: 0.99 million parameters, 0.36 million in n-gram tables, built for speed; ``kolmozip train --preset tiny
--bytes 8000000 --learning-rate 0.01 --teacher runs/small`` takes five minutes on two CPU cores.

``small``: 3.91 million parameters, 1.38 million in n-gram tables; the default. ``kolmozip train --preset small``: about two
hours on two idle CPU cores at 17 to 20 KB/s. Its card (models/shipped/small.json) says what the shipped weights saw and reach.

``small-kan``: 3.92 million, plain KAN layers and orders 2 to 6. Not shipped: DECISIONS.md, 24, has what it reached.

``base``: 9.94 million parameters, 7.5 million in n-gram tables; it computes and codes as fast as ``small``, out of which it
grows: ``kolmozip train --preset base --from runs/small``. Its card (models/shipped/base.json) says what the weights reach.

``base-deep``: 10.0 million parameters, 5.9 million in n-gram tables, five layers; ``small`` grows into it, too. Meant for a
GPU: compressor/training/train_base_gpu.sh. No weights are shipped.
"""
