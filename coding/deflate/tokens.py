"""Which tokens zlib would make of a text. ``FORMAT.md``, sections 7.2 and 7.3.

A token is 0 for a literal; for a match it is its length times 2^16 and its distance.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

SHORTEST, LONGEST = 3, 258
"""Bytes of a match."""
FARTHEST = 1 << 15
"""The greatest distance that deflate can tell."""
TOO_FAR = 4096
"""From levels 4 up, a match of 3 is not worth it beyond this distance."""
MARGIN = 262
"""Matches stay so many bytes within the window."""
SHIFT = 16
LOW = (1 << SHIFT) - 1


class Effort(NamedTuple):
    """How much a level looks for."""

    good: int
    lazy: int
    nice: int
    chain: int


EFFORTS = {
    1: Effort(4, 4, 8, 4),
    2: Effort(4, 5, 16, 8),
    3: Effort(4, 6, 32, 32),
    4: Effort(4, 4, 16, 16),
    5: Effort(8, 16, 32, 32),
    6: Effort(8, 16, 128, 128),
    7: Effort(8, 32, 128, 256),
    8: Effort(32, 128, 258, 1024),
    9: Effort(32, 258, 258, 4096),
}
FIRST_LAZY = 4
"""From this level on, a match waits for a longer one at the next position."""


class Plan(NamedTuple):
    """What zlib was told."""

    level: int
    window: int
    """Bits of the window, 9 to 15."""
    large: bool
    """Deflate blocks of twice as many tokens, as with a memory level of 9 in the place of 8."""
    wide: bool
    """Keys of a bit more, as with that memory level but not in gzip's own program."""

    @property
    def block_tokens(self) -> int:
        """Tokens of a deflate block."""
        return (1 << (15 if self.large else 14)) - 1


def match(length: int, distance: int) -> int:
    """The token of a match."""
    return length << SHIFT | distance


def keys(text: bytes, wide: bool) -> array[int]:
    """The key of each position that has three bytes."""
    bits = 16 if wide else 15
    shift = (bits + 2) // 3
    values = np.frombuffer(text, np.uint8).astype(np.uint32)
    joined = values[:-2] << 2 * shift ^ values[1:-1] << shift ^ values[2:]
    return array("H", (joined & ((1 << bits) - 1)).astype(np.uint16).tobytes())


def agreement(text: bytes, one: int, other: int, known: int, most: int) -> int:
    """In how many bytes the texts from two places agree, at most so many; some are known to."""
    first = text[one + known : one + most]
    second = text[other + known : other + most]
    if first == second:
        return most
    differ = int.from_bytes(first, "little") ^ int.from_bytes(second, "little")
    return known + ((differ & -differ).bit_length() - 1 >> 3)


class Foresight:
    """Foresees the tokens of a text, from its start to its end.

    For each token ``foresee`` is called, and then ``take`` with it or ``put`` with another one.
    """

    def __init__(self, text: bytes, plan: Plan, known: array[int] | None = None) -> None:
        """``known`` saves making ``keys`` of the text and of plan.wide once more."""
        self._text = text
        self._keys = keys(text, plan.wide) if known is None else known
        self._effort = EFFORTS[plan.level]
        self._waits = plan.level >= FIRST_LAZY
        self._reach = (1 << plan.window) - MARGIN
        # 0 stands for none here: a match at the very start of the text is never found.
        self._latest = array("i", bytes(4 << 16))
        self._before = array("i", bytes(4 * len(self._keys)))
        self._next = 0
        self._held = 0

    def foresee(self, at: int) -> int:
        """The token at a position that is the end of the token before."""
        if not self._waits:
            return self._find(at, SHORTEST - 1)
        token, self._held = self._held, 0
        if not token:
            token = self._find(at, SHORTEST - 1)
            if token >> SHIFT == SHORTEST and token & LOW > TOO_FAR:
                return 0
        length = token >> SHIFT
        if token and length < self._effort.lazy:
            self._held = self._find(at + 1, length)
            if self._held:
                return 0
        return token

    def take(self, at: int, token: int) -> int:
        """Goes on behind a token that was foreseen at a position. Returns its end."""
        length = token >> SHIFT or 1
        if not self._waits and length > self._effort.lazy:
            self._enter(at + 1)
            self._next = at + length
        else:
            self._enter(at + length)
        return at + length

    def put(self, at: int, token: int) -> int:
        """As ``take``, for a token that stands in the place of the one that was foreseen."""
        self._held = 0
        return self.take(at, token)

    def run(self, at: int, end: int) -> tuple[array[int], bool]:
        """Goes through a stored block: its tokens, and whether its end made one a literal."""
        tokens, cut = array("I"), False
        while at < end:
            token = self.foresee(at)
            if at + (token >> SHIFT) > end:
                token, cut = 0, True
                at = self.put(at, token)
            else:
                at = self.take(at, token)
            tokens.append(token)
        return tokens, cut

    def _enter(self, end: int) -> None:
        """Enters all positions below ``end`` that come after those entered."""
        known, latest, before = self._keys, self._latest, self._before
        for at in range(self._next, min(end, len(known))):
            key = known[at]
            before[at] = latest[key]
            latest[key] = at
        self._next = max(self._next, end)

    def _find(self, at: int, best: int) -> int:
        """The match at a position that is longer than ``best`` bytes, or 0."""
        if at >= len(self._keys):
            return 0
        if at >= self._next:
            self._enter(at + 1)
        before, place = self._before, self._before[at]
        text = self._text
        most = min(len(text) - at, LONGEST)
        if not place or at - place > self._reach or best >= most:
            return 0
        good, _, nice, visits = self._effort
        nice = min(nice, most)
        lowest = max(at - self._reach, 0)
        start, end, found = text[at : at + best], text[at + best], 0
        for _ in range(visits >> 2 if best >= good else visits):
            # Looking first at the byte that a longer match needs passes most by quickly.
            if text[place + best] == end and text[place : place + best] == start:
                best = agreement(text, at, place, best + 1, most)
                found = best << SHIFT | at - place
                if best >= nice:
                    break
                start, end = text[at : at + best], text[at + best]
            place = before[place]
            if place <= lowest:
                break
        return found
