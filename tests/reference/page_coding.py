"""What several sections of `coding/FORMAT.md` share: its functions, range coder and mixer.

A piece of `page_decoder.py`, and like it written from the page alone. Section numbers are those of
the page.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from operator import mul

from page_deflate import require

MASK64 = 2**64 - 1
LAST_STRETCH = 5631

Vector = Sequence[int]


def clip(x: int, n: int) -> int:
    """Clip(x, n): x held to [-n, n]."""
    if x > n:
        return n
    return x if x > -n else -n


def scale(x: int, n: int) -> int:
    """Scale(x, n): x / 2^n to the nearest integer, halves upward."""
    return (x + (1 << (n - 1))) >> n if n > 0 else x << -n


# Section 2.2: range coder


class RangeDecoder:
    """Section 2.2: the range coder's stream of decisions."""

    def __init__(self, stream: bytes) -> None:
        self.words: Iterator[int] = (word for (word,) in struct.iter_unpack("<I", stream))
        self.low, self.range = 0, 2**64 - 1
        self.point = next(self.words, 0) << 32 | next(self.words, 0)

    def bit(self, count: int) -> int:
        """Decodes one decision, where `count` of 2^24 is the share of a 0."""
        return self.symbols([0, count, 2**24], 1)[0]

    def symbols(self, below: Vector, number: int) -> list[int]:
        """Decodes symbols v that all have the shares from below[v] to below[v + 1] of 2^24."""
        low, width, point, symbols = self.low, self.range, self.point, []
        for _ in range(number):
            step = width >> 24
            q = ((point - low) & MASK64) // step
            require(q < 1 << 24, "a stream that no encoder writes")
            symbol = bisect_right(below, q) - 1
            low = (low + step * below[symbol]) & MASK64
            width = step * (below[symbol + 1] - below[symbol])
            if width < 1 << 32:
                low, width = low << 32 & MASK64, width << 32
                point = (point << 32 & MASK64) + next(self.words, 0)
            symbols.append(symbol)
        self.low, self.range, self.point = low, width, point
        return symbols


# Section 2.3: tables of constants


@cache
def exp_table() -> list[int]:
    """The table Exp: the greatest integers whose 256th power is at most 2^(5632 - f)."""
    table = []
    for f in range(256):
        value = int(2 ** (22 - f / 256))  # a guess that the two loops put right
        while value**256 > 1 << (5632 - f):
            value -= 1
        while (value + 1) ** 256 <= 1 << (5632 - f):
            value += 1
        table.append(value)
    return table


@cache
def lg_table() -> list[int]:
    """lg(v) for v below 8192; entry 0 has no use."""
    return [(v**256).bit_length() - 1 for v in range(8192)]


def lg(v: int) -> int:
    """lg(v): 256 times the base-2 logarithm of v, which is at least 1."""
    if v < 8192:
        return lg_table()[v]
    s = v.bit_length() - 12
    return lg_table()[v >> s] + 256 * s


def squash(x: int) -> int:
    """Squash(x), for |x| <= 5631."""
    y = abs(x)
    e = exp_table()[y & 255] >> (y >> 8)
    small = (e << 24) // (2**22 + e)
    return small if x < 0 else 2**24 - small


# Section 2.8: mixer


class Row:
    """A row of weights."""

    def __init__(self, first: list[int], least: int, more: int, half: int) -> None:
        self.weights = first.copy()
        self.least, self.more, self.half, self.n = least, more, half, 0

    def mix(self, inputs: list[int]) -> int:
        """Mixing: the output."""
        y = (2**13 + sum(map(mul, self.weights, inputs)) + 2**31) % 2**32 - 2**31
        return clip(y >> 14, LAST_STRETCH)

    def learn(self, inputs: list[int], output: int, bit: int) -> None:
        """Learning, with the output that these inputs had."""
        rate = self.least + self.more // (self.half + self.n)
        s = scale((65536 * bit - (squash(output) >> 8)) * rate, 13)
        self.weights = [
            min(max(w + ((s * x + 2**14) >> 15), -(2**15)), 2**15 - 1)
            for w, x in zip(self.weights, inputs, strict=True)
        ]
        self.n += 1
