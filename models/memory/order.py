"""One after the other, over arrays: what several lanes do to the same place, in an order.

Lanes share what they learn. Where several of them change the same counter in one bit, each finds
what the one before it left. Whatever touches different places is done at once here, and what
touches the same place in turns: in the first turn comes the first change of every place, then the
second of those that have one, and so on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


def sorted_keys(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keys (n,) int64 in ascending order, and the index of each; equal keys keep their order.

    Keys are not negative and below 2^40, and there are fewer than 2^22 of them: key and index are
    sorted as one number, so that it does not matter how NumPy sorts.
    """
    bits = key.size.bit_length()
    mixed = (key << bits) | np.arange(key.size)
    mixed.sort()
    return mixed >> bits, mixed & ((1 << bits) - 1)


def starts(key: np.ndarray) -> np.ndarray:
    """Where keys (n,) differ from the one before; the first one does. bool."""
    new = np.empty(key.size, bool)
    new[:1] = True
    np.not_equal(key[1:], key[:-1], out=new[1:])
    return new


class Groups(NamedTuple):
    """Items by key: the items of a key lie side by side, in the order they came in."""

    key: np.ndarray
    """The different keys, (keys,) int64."""
    first: np.ndarray
    """Where each key's items begin in ``item``, (keys,)."""
    times: np.ndarray
    """How many items each key has, (keys,)."""
    item: np.ndarray
    """Indices of all items, (n,)."""
    before: np.ndarray
    """How many items of the same key come before each of ``item``, (n,)."""


def grouped(key: np.ndarray) -> Groups:
    """Groups items by their keys, (n,) int64 as for ``sorted_keys``."""
    ordered, item = sorted_keys(key)
    [first] = starts(ordered).nonzero()
    times = np.empty_like(first)
    times[:-1] = first[1:] - first[:-1]
    times[-1:] = key.size - first[-1:]
    before = np.arange(key.size) - first.repeat(times)
    return Groups(ordered[first], first, times, item, before)


def one_group(size: int) -> Groups:
    """The groups of ``size`` items, at least one, whose key is 0."""
    [zero], item = np.zeros((1, 1), np.int64), np.arange(size)
    return Groups(zero, zero, zero + size, item, item)


class Turns(NamedTuple):
    """Items by turn: no key comes twice in one turn."""

    key: np.ndarray
    """The different keys, (keys,) int64, those with the most items first."""
    times: np.ndarray
    """How many items each key has, (keys,)."""
    sizes: list[int]
    """How many items each turn has: they are of as many of the first keys, in that order."""
    item: np.ndarray
    """Indices of all items, (n,), one turn after the other."""
    before: np.ndarray
    """The turn of each of ``item``: how many items of the same key come before it, (n,)."""


def in_turns(key: np.ndarray) -> Turns:
    """Arranges items by turn, from their keys (n,) int64 as for ``sorted_keys``."""
    groups = grouped(key)
    by_times = np.argsort(-groups.times)
    sizes = np.bincount(groups.before)
    rank = np.empty_like(by_times)
    rank[by_times] = np.arange(rank.size)
    place = (sizes.cumsum() - sizes)[groups.before] + rank.repeat(groups.times)
    item = np.empty_like(groups.item)
    item[place] = groups.item
    before = np.arange(sizes.size).repeat(sizes)
    return Turns(groups.key[by_times], groups.times[by_times], sizes.tolist(), item, before)


def write_in_order(table: np.ndarray, key: np.ndarray, value: np.ndarray) -> None:
    """Writes values (n,) to places ``key`` of a table: of several for one place, the last stands.

    NumPy leaves open which one does, so only that one is written.
    """
    ordered, item = sorted_keys(key)
    last = np.ones(key.size, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=last[:-1])
    table[ordered[last]] = value[item[last]]
