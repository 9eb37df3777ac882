"""The codes of deflate blocks, how they are described, and what a block takes with them.

``FORMAT.md``, sections 7.4 and 7.5, and RFC 1951.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from coding.deflate.bits import Reader, low_first
from coding.deflate.tokens import FARTHEST, LONGEST, LOW, SHIFT, SHORTEST
from coding.errors import Damaged

STORED, FIXED, DYNAMIC = 0, 1, 2
"""BTYPE of a block."""
END = 256
"""The symbol that ends a block."""
LITERALS, DISTANCES, KINDS = 286, 30, 19
"""Symbols of literals and lengths, of distances, and of the code that describes their codes."""
TOP, KINDS_TOP = 15, 7
"""The longest codes, in bits."""
ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
"""How the lengths of the code that describes are ordered."""
FEWEST_KINDS = 4
REPEAT, ZEROS, MANY_ZEROS = 16, 17, 18
REPEATS = {REPEAT: (2, 3), ZEROS: (3, 3), MANY_ZEROS: (7, 11)}
"""Symbol -> bits that follow it, and the number of times that they are counted from."""
STORED_TOP = 1 << 16
"""A stored block has fewer bytes."""


def _ranges(first: int, extra: Sequence[int]) -> tuple[int, ...]:
    """The first number of each range, as long as their extra bits allow."""
    starts = [first]
    for bits in extra:
        starts.append(starts[-1] + (1 << bits))
    return tuple(starts[:-1])


LENGTH_EXTRA = (*(0,) * 8, *(bits for bits in range(1, 6) for _ in range(4)), 0)
LENGTH_FIRST = (*_ranges(SHORTEST, LENGTH_EXTRA)[:-1], LONGEST)
"""Extra bits and shortest length of the symbols from 257 on."""
DISTANCE_EXTRA = (0, 0, *(bits for bits in range(14) for _ in range(2)))
DISTANCE_FIRST = _ranges(1, DISTANCE_EXTRA)
"""Extra bits and least distance of each symbol of distances."""


def _symbols(firsts: Sequence[int], top: int) -> bytes:
    """The number of the range that each number up to ``top`` is in."""
    found = bytearray(top + 1)
    for symbol, first in enumerate(firsts):
        found[first:] = bytes([symbol]) * (top + 1 - first)
    return bytes(found)


LENGTH_SYMBOL = _symbols(LENGTH_FIRST, LONGEST)
"""Length -> its symbol, less 257."""
DISTANCE_SYMBOL = _symbols(DISTANCE_FIRST, FARTHEST)
"""Distance -> its symbol."""

FIXED_LITERALS = (*(8,) * 144, *(9,) * 112, *(7,) * 24, *(8,) * 8)
FIXED_DISTANCES = (5,) * 32
"""Bits of the fixed codes; their last two symbols are never used."""


class _Heap:
    """Nodes of a tree, the least on top, as zlib keeps them: equal ones come out as it has them."""

    def __init__(self, nodes: list[int], rank: list[int]) -> None:
        self.nodes, self._rank = [0, *nodes], rank
        for at in range(len(nodes) // 2, 0, -1):
            self.sift(at)

    def sift(self, at: int) -> None:
        """Lets the node at a place sink to where it belongs."""
        nodes, rank = self.nodes, self._rank
        top, node, child = len(nodes) - 1, nodes[at], 2 * at
        while child <= top:
            if child < top and rank[nodes[child + 1]] <= rank[nodes[child]]:
                child += 1
            if rank[node] <= rank[nodes[child]]:
                break
            nodes[at] = nodes[child]
            at, child = child, 2 * child
        nodes[at] = node


DEPTH_BITS = 10
"""More than a depth takes."""


def lengths(counts: Sequence[int], top: int) -> list[int]:
    """The bits of each symbol's code, none above ``top``, by how often the symbols occur.

    The list ends with the last symbol that has a code. There are two of these at least.
    """
    nodes = [symbol for symbol, count in enumerate(counts) if count]
    rank = [count << DEPTH_BITS for count in counts]
    last = nodes[-1] if nodes else -1
    while len(nodes) < 2:
        added = last + 1 if last < 2 else 0
        last = max(last, added)
        nodes.append(added)
        rank[added] = 1 << DEPTH_BITS
    order, parent = _tree(nodes, rank)
    bits = _limited(order, parent, len(counts), top)
    return bits[: last + 1]


def _tree(nodes: list[int], rank: list[int]) -> tuple[list[int], dict[int, int]]:
    """Nodes in the order in which they are joined, and the parent of each but the last."""
    heap, order, parent = _Heap(nodes, rank), list[int](), dict[int, int]()
    tops = heap.nodes
    while len(tops) > 2:
        least = tops[1]
        tops[1] = tops[-1]
        tops.pop()
        heap.sift(1)
        other = tops[1]
        node = len(rank)
        deepest = max(rank[least] % (1 << DEPTH_BITS), rank[other] % (1 << DEPTH_BITS)) + 1
        count = (rank[least] >> DEPTH_BITS) + (rank[other] >> DEPTH_BITS)
        rank.append(count << DEPTH_BITS | deepest)
        order += [least, other]
        parent[least] = parent[other] = node
        tops[1] = node
        heap.sift(1)
    return [*order, tops[1]], parent


def _limited(order: list[int], parent: dict[int, int], symbols: int, top: int) -> list[int]:
    """The bits of each symbol: its depth in the tree, but for what is below ``top``."""
    depth, count, over = {order[-1]: 0}, [0] * (top + 2), 0
    for node in reversed(order[:-1]):
        bits = depth[parent[node]] + 1
        over += bits > top
        depth[node] = min(bits, top)
        if node < symbols:
            count[depth[node]] += 1
    leaves = [node for node in order if node < symbols]
    if over:
        _shorten(count, over, top)
        new = (bits for bits in range(top, 0, -1) for _ in range(count[bits]))
        depth.update(zip(leaves, new, strict=True))
    found = [0] * symbols
    for node in leaves:
        found[node] = depth[node]
    return found


def _shorten(count: list[int], over: int, top: int) -> None:
    """Makes room for codes that are too long: two hang where there was one that is shorter."""
    while over > 0:
        bits = next(bits for bits in range(top - 1, 0, -1) if count[bits])
        count[bits] -= 1
        count[bits + 1] += 2
        count[top] -= 1
        over -= 2


def pieces(code: Sequence[int]) -> list[tuple[int, str]]:
    """How a list of lengths is described: symbols, and the bits that follow each."""
    found, at, before = list[tuple[int, str]](), 0, -1
    while at < len(code):
        value = code[at]
        same = value == before
        most = 138 if value == 0 else 6 if same else 7
        times = 1
        while times < most and at + times < len(code) and code[at + times] == value:
            times += 1
        found += _piece(value, times, same)
        at, before = at + times, value
    return found


def _piece(value: int, times: int, same: bool) -> list[tuple[int, str]]:
    if times < 3 or (times < 4 and value and not same):
        return [(value, "")] * times
    if value:
        first = [] if same else [(value, "")]
        return [*first, _repeat(REPEAT, times - len(first))]
    return [_repeat(ZEROS if times <= 10 else MANY_ZEROS, times)]


def _repeat(symbol: int, times: int) -> tuple[int, str]:
    bits, first = REPEATS[symbol]
    return symbol, low_first(times - first, bits)


def canonical(code: Sequence[int]) -> list[str]:
    """The bits of each symbol, as RFC 1951 makes them of lengths; "" where it has none."""
    counts = [0] * (TOP + 2)
    for bits in code:
        counts[bits] += 1
    counts[0] = 0
    following = [0] * (TOP + 2)
    for bits in range(1, TOP + 1):
        following[bits + 1] = (following[bits] + counts[bits]) << 1
    found = []
    for bits in code:
        found.append(f"{following[bits]:0{bits}b}" if bits else "")
        following[bits] += 1
    return found


class Codes(NamedTuple):
    """The two codes of a block, as the bits that each symbol takes."""

    literals: Sequence[int]
    distances: Sequence[int]


FIXED_CODES = Codes(FIXED_LITERALS, FIXED_DISTANCES)


def describe(codes: Codes) -> str:
    """The description of codes in a dynamic block, from HLIT on."""
    symbols = pieces(codes.literals) + pieces(codes.distances)
    counts = [0] * KINDS
    for symbol, _ in symbols:
        counts[symbol] += 1
    kinds = lengths(counts, KINDS_TOP)
    kinds += [0] * (KINDS - len(kinds))
    written = max(FEWEST_KINDS, *(at + 1 for at, symbol in enumerate(ORDER) if kinds[symbol]))
    head = low_first(len(codes.literals) - END - 1, 5) + low_first(len(codes.distances) - 1, 5)
    head += low_first(written - FEWEST_KINDS, 4)
    head += "".join(low_first(kinds[symbol], 3) for symbol in ORDER[:written])
    words = canonical(kinds)
    return head + "".join(words[symbol] + more for symbol, more in symbols)


def decoder(code: Sequence[int], spare: bool = False) -> tuple[list[int], int]:
    """What the next bits of a stream tell: 16 times a symbol, and the bits of its code; or 0.

    The second is how many bits to look at. Raises Damaged for a code that is not complete. A
    ``spare`` one may have one symbol of one bit, or none.
    """
    longest = max(code, default=0)
    room = (1 << TOP) - sum(1 << TOP - bits for bits in code if bits)
    alone = spare and longest <= 1 and sum(code) <= 1
    if room and not alone:
        raise Damaged("a code of a deflate stream is not complete: get the file anew")
    table = [0] * (1 << longest)
    for symbol, word in enumerate(canonical(code)):
        if word:
            step = 1 << len(word)
            entry = symbol << 4 | len(word)
            table[int(word[::-1], 2) :: step] = [entry] * (len(table) // step)
    return table, longest


def read_description(reader: Reader) -> Codes:
    """The codes that a description tells. Raises Damaged where it is not sound."""
    literals, distances = reader.take(5) + END + 1, reader.take(5) + 1
    if literals > LITERALS or distances > DISTANCES:
        raise Damaged("a deflate stream has codes for too many symbols: get the file anew")
    kinds = [0] * KINDS
    for symbol in ORDER[: reader.take(4) + FEWEST_KINDS]:
        kinds[symbol] = reader.take(3)
    table, most = decoder(kinds)
    found = list[int]()
    while len(found) < literals + distances:
        found += _read_piece(reader, table, most, found)
    reader.check()
    if len(found) > literals + distances or not found[END]:
        raise Damaged("a deflate stream describes codes that cannot be: get the file anew")
    return Codes(found[:literals], found[literals:])


def _read_piece(reader: Reader, table: list[int], most: int, found: list[int]) -> list[int]:
    """The lengths that come next."""
    entry = table[reader.peek(most)]
    reader.take(entry & 15)
    symbol = entry >> 4
    if symbol not in REPEATS:
        return [symbol]
    if symbol == REPEAT and not found:
        raise Damaged("a deflate stream repeats a length before the first: get the file anew")
    bits, first = REPEATS[symbol]
    return [found[-1] if symbol == REPEAT else 0] * (first + reader.take(bits))


class Tally(NamedTuple):
    """How often the symbols of a block occur, its end among them."""

    literals: list[int]
    distances: list[int]

    def cost(self, codes: Codes) -> int:
        """Bits of the block with some codes, without their description."""
        return (
            sum(map(int.__mul__, self.literals, codes.literals))
            + sum(map(int.__mul__, self.distances, codes.distances))
            + sum(map(int.__mul__, self.literals[END + 1 :], LENGTH_EXTRA))
            + sum(map(int.__mul__, self.distances, DISTANCE_EXTRA))
        )

    def lacks(self, codes: Codes) -> bool:
        """Whether a symbol occurs that has no code."""
        return _lacks(self.literals, codes.literals) or _lacks(self.distances, codes.distances)


def _lacks(counts: Sequence[int], code: Sequence[int]) -> bool:
    padded = [*code, *(0,) * (len(counts) - len(code))]
    return any(count and not bits for count, bits in zip(counts, padded, strict=False))


def tally(tokens: Sequence[int], text: bytes, at: int) -> Tally:
    """The symbols of a block whose tokens start at a place of the text."""
    literals, distances = [0] * LITERALS, [0] * DISTANCES
    literals[END] = 1
    for token in tokens:
        if token:
            length = token >> SHIFT
            literals[END + 1 + LENGTH_SYMBOL[length]] += 1
            distances[DISTANCE_SYMBOL[token & LOW]] += 1
            at += length
        else:
            literals[text[at]] += 1
            at += 1
    return Tally(literals, distances)


class Foreseen(NamedTuple):
    """What zlib makes of a block."""

    kind: int
    codes: Codes
    """The block's own."""
    description: str
    """Of these."""


def foresee(symbols: Tally, size: int) -> Foreseen:
    """What zlib makes of a block with these symbols and so many bytes of text."""
    codes = Codes(lengths(symbols.literals, TOP), lengths(symbols.distances, TOP))
    description = describe(codes)
    fixed = symbols.cost(FIXED_CODES) + 10 >> 3
    least = min(fixed, symbols.cost(codes) + len(description) + 10 >> 3)
    if size + 4 <= least and size < STORED_TOP:
        kind = STORED
    else:
        kind = FIXED if fixed == least else DYNAMIC
    return Foreseen(kind, codes, description)


@cache
def _length_tails() -> list[str]:
    """Length -> its extra bits."""
    return [
        low_first(length - LENGTH_FIRST[symbol], LENGTH_EXTRA[symbol]) if length >= SHORTEST else ""
        for length, symbol in enumerate(LENGTH_SYMBOL)
    ]


def write(tokens: Sequence[int], text: bytes, at: int, codes: Codes) -> str:
    """The bits of a block's tokens and of its end; every symbol must have a code."""
    literals, distances = canonical(codes.literals), canonical(codes.distances)
    tails, far, found = _length_tails(), dict[int, str](), list[str]()
    for token in tokens:
        if token:
            length, distance = token >> SHIFT, token & LOW
            found.append(literals[END + 1 + LENGTH_SYMBOL[length]] + tails[length])
            if distance not in far:
                symbol = DISTANCE_SYMBOL[distance]
                more = low_first(distance - DISTANCE_FIRST[symbol], DISTANCE_EXTRA[symbol])
                far[distance] = distances[symbol] + more
            found.append(far[distance])
            at += length
        else:
            found.append(literals[text[at]])
            at += 1
    return "".join(found) + literals[END]
