"""Which blocks are worth mixing: told from the bytes alone, in whole numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from coding.container import Kind
from compressor.codec import native
from models.integer.logarithm import log2

DENSE = 2035
"""A granule whose order-0 entropy is above this, in 1/256 bit a byte (7.95 bits: noise, archives,
media), is stored raw without a trial, unless it repeats itself."""

SPARSE_REPEATS = 1024
"""Fewer ``repeats`` than one in so many bytes, eight times as many places that is, leave nothing to
gain."""

CHOSEN_BY = 0x9E37_79B9_7F4A_7C15
"""What six bytes, as a number, are multiplied by; the upper three bits of the product choose."""

LEAST_DENSE = 256
"""Bytes that order-0 entropy needs to mean anything."""

LITTLE = 1 << 18
"""Bytes that are counted in less time than NumPy takes to load."""

COUNTED = 1 << 20
"""Bytes that NumPy counts at once: it makes a number of eight bytes of each."""


def entropy(data: bytes) -> int:
    """Order-0 entropy of bytes summed over all of them, in 1/256 bit.

    It is computed in whole numbers, since a float may differ in its last bit from one instruction
    set to the next, and a block's type decides the bytes of the file.
    """
    return entropy_of(counts(data))


def entropy_of(occurring: Collection[int]) -> int:
    """The same of whatever occurs so often, each at least once."""
    total = log2(sum(occurring)) if occurring else 0
    return sum(count * (total - log2(count)) for count in occurring)


def counts(data: bytes) -> list[int]:
    """How often each of the values that occur in the bytes does, in no certain order."""
    if len(data) < LITTLE:
        return list(Counter(data).values())
    if native.at_hand():
        return [count for count in native.counts(data) if count]
    import numpy as np

    values, total = np.frombuffer(data, np.uint8), np.zeros(256, np.int64)
    for start in range(0, values.size, COUNTED):
        total += np.bincount(values[start : start + COUNTED], minlength=256)
    return [int(count) for count in total if count]


def repeats(data: bytes) -> int:
    """At how many places six bytes begin that have begun before, of about one place in eight.

    Those places are chosen by the bytes themselves, so that all places of a string are.
    """
    if native.at_hand():
        return native.repeats(data)
    import numpy as np

    places = max(len(data) - 5, 0)
    values = np.frombuffer(data, np.uint8).astype(np.uint64)
    keys = np.zeros(places, np.uint64)
    for at in range(6):
        keys = keys << np.uint64(8) | values[at : at + places]
    keys = keys[keys * np.uint64(CHOSEN_BY) >> np.uint64(61) == 0]
    return int(keys.size - np.unique(keys).size)


def kind_of(raw: bytes) -> Kind:
    """RUN for one value alone, RAW for what seems to be noise, MIXED for all else."""
    if raw.count(raw[:1]) == len(raw):
        return Kind.RUN
    dense = len(raw) >= LEAST_DENSE and entropy(raw) > DENSE * len(raw)
    return Kind.RAW if dense and repeats(raw) * SPARSE_REPEATS < len(raw) else Kind.MIXED
