"""Numbers of sound and pictures, each coded bit by bit from mixed distributions.

``coding/FORMAT.md``, sections 10.2 to 10.7. This is the definition, and what runs where the native
engine is not at hand. Several *expectations* of a number, and of each how far it is off in
situations like this one, are so many logistic distributions; what they say of each cut of the
number's range is mixed as in the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from models.memory import last
from models.memory.logistic import SQUASH, STRETCH_LIMIT
from models.memory.memory import BIAS
from models.memory.mixer import WEIGHT_BITS, Mixer, Pace
from models.signals import expectations, situation
from models.signals.chains import Chains
from models.signals.cuts import ONE, Range, Shares
from models.signals.means import KINDS, Means
from models.signals.past import back, held
from models.signals.situation import LEVELS, Situation
from models.signals.squares import LeastSquares

PACE = Pace(least=91, more=600, half=500)
MOST_CHANNELS = 8
DEEPEST = 15
"""Bits of a number that are told apart by how many came before."""
NODE_BITS = 6
"""Bits before which all that came before are told apart."""
SETS = [
    LEVELS**2,
    (DEEPEST + 1) * MOST_CHANNELS * LEVELS,
    (DEEPEST + 1) * 2 * LEVELS,
    (1 << NODE_BITS) * MOST_CHANNELS + (DEEPEST + 1) * 2 * MOST_CHANNELS,
]
"""Rows of the sets around, spread, far and node."""
UNIT_WIDE, UNIT = 1, 64


class Coder(Protocol):
    """What codes the bits."""

    def code(self, zero: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Codes bits (1,) int32, given the counts of 2^24 for a 0, and gives them back.

        A decoder gives those that it reads.
        """


class SignalModel:
    """The state of one stretch. Numbers are coded in order, by one call or more of ``code``."""

    def __init__(
        self, wide: bool, window: int, channels: int, row: int, distances: Sequence[int]
    ) -> None:
        """Numbers are of 16 bits if ``wide``, else of 8; the rest is as the format bounds it."""
        self._half = 1 << 15 if wide else 1 << 7
        self._unit = UNIT_WIDE if wide else UNIT
        self._channels, self._row, self._distances = channels, row, distances
        self._picture = row > channels
        self._squares = [LeastSquares(window, len(distances)) for _ in range(channels)]
        self._chains = [] if self._picture else [Chains() for _ in range(channels)]
        self._numbers, self._off = list[int](), list[int]()
        count = expectations.OF_PICTURES if self._picture else expectations.OF_SOUND
        self._means = Means(channels, count, self._half)
        inputs = KINDS * count
        first = np.full(1 + inputs, (1 << WEIGHT_BITS) // inputs)
        first[0] = 0
        self._sets = Mixer(SETS, first, PACE)
        of_set = np.full(len(SETS), (1 << WEIGHT_BITS) // len(SETS))
        self._last = Mixer([(DEEPEST + 1) * MOST_CHANNELS], of_set, last.PACE)

    def code(self, numbers: np.ndarray, coder: Coder) -> None:
        """Codes numbers (n,) int64, from -2^15 or -2^7 on; where the coder decodes, fills them."""
        for at, number in enumerate(numbers.tolist()):
            numbers[at] = self._number(number, coder)

    def _number(self, number: int, coder: Coder) -> int:
        """Codes the next number and learns of it."""
        channel = len(self._numbers) % self._row % self._channels
        before = [back(self._numbers, distance) for distance in self._distances]
        expected = self._expected(channel, before)
        main = expected[0 if self._picture else 3]
        around = self._situation(channel, expected)
        slopes = self._means.slopes(channel, around.rows())
        number = self._bits(number, channel, expected, main, around, slopes, coder)
        self._squares[channel].learn(before, number)
        if not self._picture:
            self._chains[channel].learn(16 * number - expected[0])
        self._means.learn(np.abs(16 * number - np.array(expected)))
        self._numbers.append(number)
        self._off.append(abs(16 * number - main))
        return number

    def _expected(self, channel: int, before: Sequence[int]) -> list[int]:
        """All expectations, in sixteenths."""
        least, most = -16 * self._half, 16 * self._half - 16
        first = held(self._squares[channel].expected(before), least, most)
        if self._picture:
            more = expectations.of_picture(self._numbers, self._channels, self._row, channel)
        else:
            said = self._chains[channel].expected()
            more = expectations.of_sound(self._numbers, self._channels, first, said)
        return [first, *(held(each, least, most) for each in more)]

    def _situation(self, channel: int, expected: Sequence[int]) -> Situation:
        off, channels = self._off, self._channels
        if self._picture:
            return situation.of_picture(self._numbers, off, channels, self._row, channel, expected)
        return situation.of_sound(off, channels, channel, expected)

    def _bits(
        self,
        number: int,
        channel: int,
        expected: list[int],
        main: int,
        around: Situation,
        slopes: np.ndarray,
        coder: Coder,
    ) -> int:
        """Codes the bits of a number and returns it."""
        middle = (main + 8) >> 4
        distance = 16 * middle + 8 - np.array(expected)[:, None]
        range_ = Range(-self._half - middle, self._half - 1 - middle)
        shares = Shares(distance, slopes, range_, self._unit)
        inputs = np.full((1, 1 + slopes.size), BIAS, np.int32)
        node, deep = 1, 0
        while range_.low < range_.high:
            cut = range_.cut()
            inputs[0, 1:] = shares.inputs(cut)
            rows = _rows(channel, around, range_.below, node, deep)
            stretches = self._sets.mix(rows, inputs)
            row = np.array([[MOST_CHANNELS * min(deep, DEEPEST) + channel]])
            [stretch] = self._last.mix(row, np.ascontiguousarray(stretches.T))
            zero = ONE - SQUASH.take(stretch + STRETCH_LIMIT).astype(np.int64)
            came = coder.code(zero, np.array([number - middle > cut], np.int32))
            bit = came.astype(np.int64)
            self._sets.learn(bit)
            self._last.learn(bit)
            shares.took(int(bit[0]), cut)
            node, deep = 2 * node + int(bit[0]), deep + 1
        return middle + range_.low


def _rows(channel: int, around: Situation, below: bool, node: int, deep: int) -> np.ndarray:
    """The row of each set, (sets, 1) int64, for a bit before which ``deep`` bits came."""
    depth = min(deep, DEEPEST)
    side = 2 * depth + below
    if deep < NODE_BITS:
        of_node = MOST_CHANNELS * node + channel
    else:
        of_node = MOST_CHANNELS * ((1 << NODE_BITS) + side) + channel
    return np.array(
        [
            [LEVELS * around.far + around.slope],
            [LEVELS * (MOST_CHANNELS * depth + channel) + around.spread],
            [LEVELS * side + around.far],
            [of_node],
        ]
    )
