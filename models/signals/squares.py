"""Least squares: what the numbers before let expect, by weights that would have been best so far.

``coding/FORMAT.md``, section 10.3. The last numbers of a channel count most.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul

import numpy as np

from models.signals.past import held

SUM_POINT = 16
"""Binary digits behind the point in the sums of products."""
POINT = 29
"""The same in weights and factors."""
SIXTEENTHS = 4
"""The same in expectations."""
SOLVED = 33
"""Binary digits that the sums have at most when they are solved."""
RIDGE = 6
"""2^(window + RIDGE) is added to the sums of squares, so that there is a solution."""
LEAST_PIVOT = 1 << 8
"""Added to each sum of squares that is solved: loud channels that are alike have a solution too."""
PACE = 2
"""Numbers of a channel from one solution to the next."""
MOST_WEIGHT = 1 << 35


class LeastSquares:
    """The sums of a channel, and the weights that solve them."""

    def __init__(self, window: int, inputs: int) -> None:
        """``window`` is the base-2 logarithm of the numbers in which sums are forgotten."""
        self._window, self._seen = window, 0
        self._sums = np.zeros((inputs, inputs + 1), np.int64)
        """Of products of the numbers before, and in the last column with the number that came."""
        self._weights = [0] * inputs

    def expected(self, before: Sequence[int]) -> int:
        """What is expected after these numbers, in sixteenths, and not held to any bounds."""
        down = POINT - SIXTEENTHS
        return (sum(map(mul, self._weights, before)) + (1 << (down - 1))) >> down

    def learn(self, before: Sequence[int], came: int) -> None:
        """Takes in the number that came after these. Sums stay below 2^(window + 47)."""
        values = np.array([*before, came])
        self._sums += ((values[:-1] << SUM_POINT)[:, None] * values) - (self._sums >> self._window)
        self._seen += 1
        if self._seen % PACE == 0:
            self._solve()

    def _solve(self) -> None:
        """The weights of the least squares; they stay where rounding leaves no solution."""
        rows: list[list[int]] = self._sums.tolist()
        ridge, targets = 1 << (self._window + RIDGE), [row[-1] for row in rows]
        squares = [[*row[:at], row[at] + ridge] for at, row in enumerate(rows)]
        greatest = max(
            max(row[-1], abs(target)) for row, target in zip(squares, targets, strict=True)
        )
        down = max(greatest.bit_length() - SOLVED, 0)
        factors, values = list[list[int]](), list[list[int]]()
        for row in squares:
            own, factor = list[int](), list[int]()
            for known, pivot in enumerate(values):
                own.append(_held((row[known] >> down) - (sum(map(mul, factor, pivot)) >> POINT)))
                factor.append((own[known] << POINT) // pivot[known])
            last = (row[-1] >> down) + LEAST_PIVOT - (sum(map(mul, factor, own)) >> POINT)
            if last < 1:
                return
            values.append([*own, _held(last)])
            factors.append(factor)
        sides = list[int]()
        for factor, target in zip(factors, targets, strict=True):
            sides.append(_held((target >> down) - (sum(map(mul, factor, sides)) >> POINT)))
        for at in reversed(range(len(sides))):
            later = range(at + 1, len(sides))
            known = sum(factors[row][at] * self._weights[row] for row in later) >> POINT
            weight = (sides[at] << POINT) // values[at][at] - known
            self._weights[at] = held(weight, -MOST_WEIGHT, MOST_WEIGHT)


def _held(value: int) -> int:
    return held(value, -(1 << SOLVED), 1 << SOLVED)
