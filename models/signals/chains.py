"""Three filters of sound, one for what the one before has left: normalised least mean squares.

``coding/FORMAT.md``, section 10.4. Each adds to a long memory what the least squares of few numbers
cannot have: a chain's weights follow the gradient of its error, over the power of what it heard.
"""

from __future__ import annotations

import numpy as np

from models.integer.fixed_point import clip
from models.signals.past import held

LENGTHS_AND_RATES = ((256, 10), (32, 20), (16, 30))
MOST_HEARD = 1 << 21
"""Bound of what a chain hears and says, in sixteenths."""
MOST_WEIGHT = 1 << 27
POINT = 24
"""Binary digits behind the point of a weight."""
STEP_BITS = 10
"""How many more a step has, times a number."""
QUIET = 256
"""Power of silence, for each number and one more: so there is something to divide by."""
ROOM = 4096
"""Numbers that come before those that are remembered are moved in one piece."""


class Chain:
    """One of the filters. Numbers are sixteenths."""

    def __init__(self, length: int, rate: int) -> None:
        self._rate, self._quiet = rate, QUIET * (length + 1)
        self._weights = np.zeros(length, np.int64)
        self._room = np.zeros(ROOM + length, np.int64)
        self._at = ROOM
        """Where the numbers that are remembered begin in the room, the newest first."""
        self._power = 0
        """The sum of their squares, below 2^50."""

    def _heard(self) -> np.ndarray:
        return self._room[self._at : self._at + self._weights.size]

    def expected(self) -> int:
        """What it says. The sum stays below 2^56."""
        total = int(self._weights @ self._heard())
        return held((total + (1 << (POINT - 1))) >> POINT, -MOST_HEARD, MOST_HEARD)

    def learn(self, came: int, said: int) -> None:
        """Takes in what came, below 2^23, where it had said this. Products stay below 2^46."""
        heard = self._heard()
        step = ((self._rate << 24) * (came - said)) // (self._quiet + self._power)
        moved = (step * heard + (1 << (STEP_BITS - 1))) >> STEP_BITS
        self._weights = clip(self._weights + moved, MOST_WEIGHT)
        newest = held(came, -MOST_HEARD, MOST_HEARD)
        self._power += newest**2 - int(heard[-1]) ** 2
        if self._at == 0:
            self._room[ROOM:] = heard
            self._at = ROOM
        self._at -= 1
        self._room[self._at] = newest


class Chains:
    """Those of a channel."""

    def __init__(self) -> None:
        self._chains = [Chain(*each) for each in LENGTHS_AND_RATES]
        self._said = list[int]()

    def expected(self) -> list[int]:
        """What each says of what the ones before it will have left."""
        self._said = [chain.expected() for chain in self._chains]
        return self._said

    def learn(self, left: int) -> None:
        """Takes in what was left of the number that came, for the first of them."""
        for chain, said in zip(self._chains, self._said, strict=True):
            chain.learn(left, said)
            left -= said
