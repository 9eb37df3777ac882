"""Byte pairs joined to tokens: a vocabulary learned on a text, by which any bytes are written.

Sennrich, Haddow, Birch 2016, section 3.2, on bytes in the place of characters (Radford et al. 2019,
section 2.2): of a text cut into words, the pair of neighbouring tokens met most often becomes a
token, again and again. A text has one encoding, which depends on nothing but the text and the
joins; that other token sequences spell the same text is probability which a token model gives away.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

Pair = tuple[int, int]

BYTES = 256
"""Tokens 0 to 255 are the bytes; the n-th join makes token 256 + n."""
MOST = 1 << 16
"""Tokens are uint16."""
WORD = re.compile(
    rb" ?[A-Za-z\x80-\xff]{1,32}| ?[0-9]{1,32}| ?[^A-Za-z0-9\x80-\xff\s]{1,32}|\s{1,32}(?!\S)|\s"
)
"""Words, across whose ends nothing is joined: letters, digits or signs with the blank before them,
and white space. At least one byte is taken everywhere, and 33 at most, so that encoding takes time
in proportion to the text whatever it holds."""


@dataclasses.dataclass(frozen=True)
class BytePairs:
    """A vocabulary: the pairs that are joined, in the order in which they were learned."""

    joins: tuple[Pair, ...]

    @property
    def size(self) -> int:
        """Tokens in the vocabulary."""
        return BYTES + len(self.joins)

    @property
    def sha256(self) -> str:
        """Of the joins as little-endian uint16: which vocabulary a result was made with."""
        return hashlib.sha256(np.array(self.joins, "<u2").tobytes()).hexdigest()

    def encode(self, text: bytes) -> np.ndarray:
        """The tokens of any bytes, (n,) uint16."""
        known = _Words(self._ranks)
        return np.frombuffer(b"".join(known[word[0]] for word in WORD.finditer(text)), np.uint16)

    def decode(self, tokens: np.ndarray) -> bytes:
        """The bytes that tokens spell; the inverse of ``encode``.

        Raises IndexError for a token that is not in the vocabulary.
        """
        return b"".join(map(self._spellings.__getitem__, tokens.tolist()))

    @functools.cached_property
    def _ranks(self) -> dict[Pair, int]:
        return {pair: BYTES + number for number, pair in enumerate(self.joins)}

    @functools.cached_property
    def _spellings(self) -> list[bytes]:
        spellings = [bytes([byte]) for byte in range(BYTES)]
        for left, right in self.joins:
            spellings.append(spellings[left] + spellings[right])
        return spellings


class _Words(dict[bytes, bytes]):
    """Word -> its tokens as bytes of uint16, each worked out when it is first met."""

    def __init__(self, ranks: dict[Pair, int]) -> None:
        super().__init__()
        self._ranks = ranks

    def __missing__(self, word: bytes) -> bytes:
        tokens = list(word)
        while len(tokens) > 1:
            pair = min(pairwise(tokens), key=lambda pair: self._ranks.get(pair, MOST))
            if pair not in self._ranks:
                break
            tokens = _joined(tokens, pair, self._ranks[pair])
        self[word] = np.array(tokens, np.uint16).tobytes()
        return self[word]


def _joined(tokens: list[int], pair: Pair, token: int) -> list[int]:
    """The tokens with the token in the place of every occurrence of the pair, from the left."""
    out, at, (left, right) = list[int](), 0, pair
    last = len(tokens) - 1
    while at <= last:
        if tokens[at] == left and at < last and tokens[at + 1] == right:
            out.append(token)
            at += 2
        else:
            out.append(tokens[at])
            at += 1
    return out


def learn(text: bytes, size: int) -> BytePairs:
    """A vocabulary of ``size`` tokens learned on a text, or smaller where no pair is met twice.

    The most frequent pair is joined; of equally frequent ones that of the smaller tokens, so that a
    text determines the vocabulary. Raises ValueError for a size below 256 or above 65,536.
    """
    if not BYTES <= size <= MOST:
        raise ValueError(f"a vocabulary has {BYTES} to {MOST:,} tokens, not {size}")
    pairs = _Pairs(text)
    return BytePairs(tuple(pair for pair, _ in zip(pairs, range(size - BYTES), strict=False)))


class _Pairs(Iterator[Pair]):
    """The pairs of a text in the order in which they are joined; each ``next`` joins one.

    Words met once, most of all different words of a prose, are left out: they hold little that
    others do not, and would take most of the time.
    """

    def __init__(self, text: bytes) -> None:
        met = Counter(word[0] for word in WORD.finditer(text))
        words = [(word, times) for word, times in met.items() if times > 1]
        self._words = [list(word) for word, _ in words]
        self._times = [times for _, times in words]
        self._counts: Counter[Pair] = Counter()
        self._where: defaultdict[Pair, set[int]] = defaultdict(set)
        """Words that hold the pair, or once held it."""
        for number, tokens in enumerate(self._words):
            for pair in pairwise(tokens):
                self._counts[pair] += self._times[number]
                self._where[pair].add(number)
        self._heap = [(-count, pair) for pair, count in self._counts.items()]
        heapq.heapify(self._heap)
        self._next = BYTES

    def __next__(self) -> Pair:
        pair = self._most_frequent()
        changes: Counter[Pair] = Counter()
        for number in self._where.pop(pair):
            before = self._words[number]
            after = self._words[number] = _joined(before, pair, self._next)
            if len(after) < len(before):
                self._recount(number, before, after, changes)
        self._next += 1
        for other, change in changes.items():
            if change:
                self._counts[other] += change
                heapq.heappush(self._heap, (-self._counts[other], other))
        return pair

    def _recount(
        self, number: int, before: list[int], after: list[int], changes: Counter[Pair]
    ) -> None:
        """Adds to the changes what the joins in one word make of the counts of its pairs."""
        times, where, token = self._times[number], self._where, self._next
        for old in pairwise(before):
            changes[old] -= times
        for new in pairwise(after):
            changes[new] += times
            if token in new:
                where[new].add(number)

    def _most_frequent(self) -> Pair:
        """Raises StopIteration where no pair is met twice. Outdated entries of the heap are left.

        Every change of a count pushes an entry, so the right one is among those left.
        """
        while self._heap:
            count, pair = heapq.heappop(self._heap)
            if -count == self._counts[pair] > 1:
                return pair
        raise StopIteration
