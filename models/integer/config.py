"""Shapes of the network: their limits, and presets by name.

A shape is a complete description of a network. A weights file carries a copy of its own, so the
limits here hold against hostile files too; ``coding/FORMAT.md``, section 4, states them.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, Self, cast

VOCABULARY = 256
"""One symbol a byte. There is no symbol for the end of the file: the container knows the length."""
KNOTS = 9
"""Knots of each learned univariate function, at -4, -3, ... 4."""

GATED, PLAIN = "kan_glu", "kan"
MLPS = (GATED, PLAIN)

MAX_SIZE = 1024
"""The greatest width: then no sum of a product of int8 vectors reaches 2^24."""
MAX_LAYERS = 32
"""The engine compiles every layer by itself, and keeps a state for each in every lane."""
MAX_TAPS = 4
ORDERS = range(2, 9)
"""Orders that an n-gram table can have: the history of a lane is eight bytes."""
TABLE_BITS = range(8, 25)
"""log2 of the buckets that an n-gram table can have."""
MAX_PARAMETERS = 1 << 26
"""67 million, seven times those of ``base``: as int32, which they pass through when a file is read,
they take 256 MiB, so that no file can ask for gigabytes."""


class ByteShape(abc.ABC):
    """What the shapes of all byte networks share: bytes and hashed n-grams in, logits out.

    Subclasses are frozen dataclasses with these fields among theirs.
    """

    width: int
    """Of the residual stream."""
    table_dim: int
    """Entries of an n-gram embedding."""
    tables: tuple[tuple[int, int], ...]
    """(order, log2 of the buckets) of each hashed n-gram table."""

    @property
    def ngram_width(self) -> int:
        """Entries of all n-gram embeddings of a byte."""
        return self.table_dim * len(self.tables)

    def table_parameters(self) -> int:
        """The number of learned numbers in the n-gram tables."""
        return sum(self.table_dim << bits for _, bits in self.tables)

    def outer_parameters(self) -> int:
        """The number of learned numbers around the blocks: embeddings, tables and head."""
        from_byte = VOCABULARY * self.width
        from_ngrams = self.ngram_width * self.width + self.table_parameters()
        head = (self.width + self.ngram_width + 1) * VOCABULARY
        return from_byte + from_ngrams + head

    @abc.abstractmethod
    def parameters(self) -> int:
        """The number of learned numbers, tables included."""

    def check_limits(self, **limits: int) -> None:
        """Raises ValueError where a limit is broken: of these fields, the tables, or in all.

        Each of the named fields must be a whole number from 1 to its limit.
        """
        for name, limit in limits.items():
            size = getattr(self, name)
            if type(size) is not int or not 1 <= size <= limit:
                raise ValueError(f"{name} must be a whole number from 1 to {limit}, not {size!r}")

        self._check_tables()
        if not 1 <= self.ngram_width <= MAX_SIZE:
            raise ValueError(
                f"n-gram entries, table_dim times tables, must be 1 to {MAX_SIZE}, "
                f"not {self.ngram_width}"
            )
        if self.parameters() > MAX_PARAMETERS:
            raise ValueError(
                f"{self.parameters():,} parameters are more than {MAX_PARAMETERS:,}, the most"
            )

    def _check_tables(self) -> None:
        """Raises ValueError unless every table is a pair within limits and its order its own."""
        orders = []
        for table in self.tables:
            if type(table) is not tuple or [type(number) for number in table] != [int, int]:
                raise ValueError(f"a table is two whole numbers, order and bits, not {table!r}")
            order, bits = table
            if order not in ORDERS or bits not in TABLE_BITS:
                raise ValueError(f"orders are 2 to 8 and bits of a table 8 to 24, not {table!r}")
            orders.append(order)
        if len(set(orders)) < len(orders):
            raise ValueError(f"each n-gram order has one table at most, these are {orders}")

    @classmethod
    def from_dict(cls, fields: Any) -> Self:
        """The inverse of ``dataclasses.asdict`` after JSON, which makes lists of tuples.

        Raises ValueError where the fields are no shape.
        """
        known = {field.name: field for field in dataclasses.fields(cast("Any", cls))}
        needed = {name for name, field in known.items() if field.default is dataclasses.MISSING}
        if not isinstance(fields, Mapping):
            raise ValueError("a shape is an object with a field for each size")
        if missing := sorted(needed - fields.keys()):
            raise ValueError(f"a shape needs {', '.join(missing)}")
        if unknown := sorted(fields.keys() - known.keys()):
            raise ValueError(f"a shape has no {', '.join(unknown)}")
        tables = fields["tables"]
        if not isinstance(tables, list | tuple):
            raise ValueError(f"tables are a list of [order, bits], not {tables!r}")
        pairs = tuple(tuple(table) if isinstance(table, list) else table for table in tables)
        return cls(**{**fields, "tables": pairs})


@dataclasses.dataclass(frozen=True)
class ModelConfig(ByteShape):
    """Shape of one byte language model. Raises ValueError where a limit of the format is broken.

    Axis letters used everywhere: ``b`` lanes, ``t`` time, ``d`` width, ``w`` state width, ``m``
    hidden width of the KAN layer, ``k`` taps of the short convolution, ``e`` all n-gram embedding
    entries side by side.
    """

    width: int
    layers: int
    state: int
    hidden: int
    taps: int
    table_dim: int
    tables: tuple[tuple[int, int], ...]
    mlp: str = GATED
    """How learned functions f enter the wide layer: "kan_glu" gates a linear unit with them,
    (f(u) * v) W, and "kan" is a plain layer, f(u) W."""

    def __post_init__(self) -> None:
        wide = dict.fromkeys(("width", "state", "hidden", "table_dim"), MAX_SIZE)
        if self.mlp not in MLPS:
            raise ValueError(f"mlp must be one of {', '.join(MLPS)}, not {self.mlp!r}")
        self.check_limits(**wide, layers=MAX_LAYERS, taps=MAX_TAPS)

    @property
    def branches(self) -> int:
        """Products of width m that lead into the wide layer."""
        return 2 if self.mlp == GATED else 1

    def shape(self) -> dict[str, Any]:
        """What a weights file says of it, in types of JSON; ``mlp`` only where it is not gated."""
        fields = dataclasses.asdict(self)
        return {name: value for name, value in fields.items() if (name, value) != ("mlp", GATED)}

    def block_products(self) -> int:
        """Weights, and multiply-adds a byte, of the products of one block."""
        d, w, m = self.width, self.state, self.hidden
        return 4 * d * w + (self.branches + 1) * d * m

    def block_parameters(self) -> int:
        """The number of learned numbers in one block."""
        return self.block_products() + (self.taps + 1) * self.state + KNOTS * self.hidden

    def parameters(self) -> int:
        """The number of learned numbers, tables included."""
        return self.layers * self.block_parameters() + self.outer_parameters()


PRESETS: dict[str, ModelConfig] = {
    "nano": ModelConfig(32, 2, 32, 32, 2, 4, ((2, 8), (3, 10))),
    "tiny": ModelConfig(192, 2, 192, 192, 2, 8, ((2, 13), (3, 15), (4, 16), (5, 16))),
    "small": ModelConfig(320, 3, 320, 384, 2, 8, ((2, 13), (3, 15), (4, 16), (5, 16))),
    "small-kan": ModelConfig(
        320, 3, 320, 576, 2, 8, ((2, 13), (3, 15), (4, 15), (5, 16), (6, 15)), PLAIN
    ),
    "base": ModelConfig(320, 3, 320, 384, 2, 8, ((2, 13), (3, 17), (4, 18), (5, 18), (6, 18))),
    "large": ModelConfig(320, 5, 320, 384, 2, 8, ((2, 13), (3, 17), (4, 18), (5, 18), (6, 18))),
}
"""
``nano``: 39 thousand parameters, for tests and the decoder that is written from FORMAT.md alone.
``kolmozip train --preset nano --bytes 3000000 --lanes 32 --window 128``: half a minute on two CPU
cores, 3.15 bits/char on validation text without memory.

``tiny``: 2.01 million parameters, 1.38 million in n-gram tables, built for speed: a quarter of the
multiply-adds of ``small``. Its card (models/shipped/tiny.json) says what the shipped weights saw
and reach.

``small``: 3.91 million parameters, 1.38 million in n-gram tables; its weights take least for what
they bring where weights count. ``kolmozip train --preset small``: about two hours on two idle CPU
cores at 17 to 20 KB/s. Its card (models/shipped/small.json) says what the shipped weights saw and
reach.

``small-kan``: 3.92 million, plain KAN layers and orders 2 to 6. Not shipped: DECISIONS.md, record
24, has what it reached.

``base``: 9.94 million parameters, 7.5 million in n-gram tables; the default. It computes
and codes as fast as ``small``, out of which it grows: ``kolmozip train --preset base --from
runs/small``. Its card (models/shipped/base.json) says what the weights reach.

``large``: 11.5 million parameters, the tables of ``base`` and five layers: two thirds more
multiply-adds. It grows out of ``base``: ``kolmozip train --preset large --from runs/base``.
compressor/training/train_large_gpu.sh trains one from nothing on a GPU. No weights are shipped.
"""
