"""Section 7 of `coding/FORMAT.md`: originals made again from their parts, with deflate streams.

A piece of `page_decoder.py`, and like it slow and written from the page alone; what the page leaves
to RFC 1951 is in the last part. Section numbers are those of the page.
"""

import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

STORED, FIXED, DYNAMIC = 0, 1, 2
END_CODE = 256
LONGEST = 258


def require(condition: bool, text: str) -> None:
    """Refuses the input, saying why, unless the condition holds."""
    if not condition:
        raise ValueError(text)


# Section 7.1: parts


class Head(NamedTuple):
    """What the parts say of one stream before its corrections and its text."""

    gap: int
    size: int
    level: int
    window_bits: int
    large: bool
    wide: bool
    checked: bool
    corrections: int


class Source:
    """Bytes that are read from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def take(self, number: int) -> bytes:
        """The next bytes."""
        require(number <= self.left(), "a field of a rebuilt block runs beyond its end")
        self.at += number
        return self.data[self.at - number : self.at]

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]

    def varint(self) -> int:
        """The next varint."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                require(value < 2**32, "a number of 2^32 or more in a rebuilt block")
                return value
        raise ValueError("a number of more than five bytes in a rebuilt block")


def rebuild(parts: bytes, length: int) -> bytes:
    """The original of this length, of its parts. Raises ValueError for parts that are invalid."""
    source = Source(parts)
    number = source.varint()
    require(number >= 1, "a rebuilt block without streams")
    heads = [read_head(source) for _ in range(number)]
    corrections = [source.take(head.corrections) for head in heads]
    original = bytearray()
    for head, corrected in zip(heads, corrections, strict=True):
        original += source.take(head.gap)
        text = source.take(head.size)
        original += make_stream(text, head, corrected)
        if head.checked:
            original += zlib.adler32(text).to_bytes(4, "big")
        require(len(original) <= length, "a rebuilt block makes more than its length")
    original += source.take(source.left())
    require(len(original) == length, "a rebuilt block does not make its length")
    return bytes(original)


def read_head(source: Source) -> Head:
    """The head of one stream."""
    gap, size = source.varint(), source.varint()
    level, form, corrections = source.byte(), source.byte(), source.varint()
    require(level in LEVELS, "invalid level of a stream")
    require(form < 64 and form & 7 < 7, "invalid form of a stream")
    large, checked, wide = (bool(form & bit) for bit in (8, 16, 32))
    return Head(gap, size, level, 15 - (form & 7), large, wide, checked, corrections)


# Sections 7.2 and 7.3: chains and tokens


class Token(NamedTuple):
    """A match, or a literal: one byte at the distance 0."""

    length: int
    distance: int


LITERAL = Token(1, 0)


class Level(NamedTuple):
    """A column of the table of levels."""

    good: int
    lazy: int
    nice: int
    chain: int


LEVELS = {
    1: Level(4, 4, 8, 4),
    2: Level(4, 5, 16, 8),
    3: Level(4, 6, 32, 32),
    4: Level(4, 4, 16, 16),
    5: Level(8, 16, 32, 32),
    6: Level(8, 16, 128, 128),
    7: Level(8, 32, 128, 256),
    8: Level(32, 128, 258, 1024),
    9: Level(32, 258, 258, 4096),
}


class Chains:
    """Section 7.2: the positions that were entered, by their keys."""

    def __init__(self, text: bytes, head: Head) -> None:
        self.text, self.level = text, LEVELS[head.level]
        self.reach = 2**head.window_bits - 262
        self.key_bits = 16 if head.wide else 15
        self.newest: dict[int, int] = {}
        self.before = [0] * len(text)  # 0 stands for none too: no match begins at position 0
        self.next = 0  # no position from here on was entered

    def enter_up_to(self, end: int) -> None:
        """Enters the positions before `end` that are not entered or skipped yet."""
        shift = (self.key_bits + 2) // 3
        for q in range(self.next, min(end, len(self.text) - 2)):
            a, b, c = self.text[q : q + 3]
            key = (a << 2 * shift ^ b << shift ^ c) % 2**self.key_bits
            self.before[q] = self.newest.get(key, 0)
            self.newest[key] = q
        self.next = max(self.next, end)

    def find(self, p: int, length: int) -> Token | None:
        """Find(p, b): the match that is found of those longer than `length`, if any."""
        self.enter_up_to(p + 1)
        most = min(len(self.text) - p, LONGEST)
        if most < 3 or most <= length:  # then none can be longer
            return None
        enough, distance = min(self.level.nice, len(self.text) - p), 0
        for q in self.candidates(p, length):
            agreeing = self.agreeing(p, q, length, most)
            if agreeing > length:
                length, distance = agreeing, p - q
                if length >= enough:
                    break
        return Token(length, distance) if distance else None

    def candidates(self, p: int, length: int) -> Iterator[int]:
        """The positions that are visited."""
        q = self.before[p]
        if q == 0 or p - q > self.reach:
            return
        _, _, _, chain = self.level
        for _ in range(chain >> 2 if length >= self.level.good else chain):
            yield q
            q = self.before[q]
            if q == 0 or p - q >= self.reach:
                return

    def agreeing(self, p: int, q: int, length: int, most: int) -> int:
        """How many bytes agree from p and q on; 0 where they are not more than `length`."""
        text = self.text
        if text[p + length] != text[q + length]:
            return 0
        agreeing = 0
        while agreeing < most and text[p + agreeing] == text[q + agreeing]:
            agreeing += 1
        return agreeing


class Tokens:
    """Section 7.3: the tokens of a text, one after the other."""

    def __init__(self, text: bytes, head: Head, corrections: dict[int, Token]) -> None:
        self.text, self.corrections = text, corrections
        self.fast, self.lazy = head.level <= 3, LEVELS[head.level].lazy
        self.chains = Chains(text, head)
        self.end = 0  # of the token before
        self.held: Token | None = None
        self.number = 0  # of tokens so far that can be corrected

    def ended(self) -> bool:
        """Whether the text has no more tokens."""
        return self.end == len(self.text)

    def next(self) -> Token:
        """The next token, the foreseen one or the one that a correction puts in its place."""
        require(not self.ended(), "a deflate block has more tokens than are left")
        token, held = self.foreseen()
        if self.number in self.corrections:
            token, held = self.corrections.pop(self.number), None
            require(self.end + token.length <= len(self.text), "a token reaches beyond the text")
            require(token.distance <= self.end, "a distance reaches beyond the start of the text")
        self.number += 1
        self.take(token, held)
        return token

    def pass_over(self, size: int) -> None:
        """Takes the tokens of a listed stored block."""
        end = self.end + size
        require(end <= len(self.text), "a deflate block has more bytes than are left")
        while self.end < end:
            token, held = self.foreseen()
            if self.end + token.length > end:
                token, held = LITERAL, None
            self.take(token, held)

    def foreseen(self) -> tuple[Token, Token | None]:
        """The token that is foreseen, and the match that is held after it."""
        if self.fast:
            return self.chains.find(self.end, 2) or LITERAL, None
        match = self.held or self.chains.find(self.end, 2)
        if match is None or (match.length == 3 and match.distance > 4096):
            return LITERAL, None
        if match.length < self.lazy:
            later = self.chains.find(self.end + 1, match.length)
            if later is not None:
                return LITERAL, later
        return match, None

    def take(self, token: Token, held: Token | None) -> None:
        """Goes on to the end of a token."""
        start, self.end, self.held = self.end, self.end + token.length, held
        if self.fast and token.distance and token.length > self.lazy:
            self.chains.enter_up_to(start + 1)
            self.chains.next = self.end
        else:
            self.chains.enter_up_to(self.end)


# Sections 7.4 and 7.6: deflate blocks and corrections


class Listed(NamedTuple):
    """What corrections say of a deflate block; number counts tokens, or bytes if it is stored."""

    number: int
    kind: int
    description: "Description | None"


def make_stream(text: bytes, head: Head, corrections: bytes) -> bytes:
    """The deflate stream of a text."""
    source = Source(corrections)
    listed = [read_listed(source) for _ in range(source.varint())] if corrections else []
    tokens = Tokens(text, head, read_corrections(source))
    bits = Bits()
    if listed:
        write_listed(bits, tokens, listed)
    else:
        write_foreseen(bits, tokens, 2**15 - 1 if head.large else 2**14 - 1)
    require(not tokens.corrections, "a correction of a rebuilt block is left over")
    return bits.bytes()


def read_listed(source: Source) -> Listed:
    """What corrections say of one deflate block."""
    number, how = source.varint(), source.byte()
    require(how < 8 and how & 3 < 3, "invalid type of a deflate block")
    require(how & 3 != STORED or number < 2**16, "a stored deflate block of 2^16 bytes or more")
    if how < 4:
        return Listed(number, how, None)
    require(how & 3 == DYNAMIC, "a described deflate block that is not dynamic")
    size = source.varint()
    data = int.from_bytes(source.take((size + 7) // 8), "little")
    require(data < 1 << size, "a description of a deflate block is not filled up with zeros")
    return Listed(number, DYNAMIC, read_description(Piece(data, size)))


def read_corrections(source: Source) -> dict[int, Token]:
    """The corrections of tokens, by the numbers of the tokens."""
    corrections, number = {}, 0
    while source.left():
        number += source.varint()
        length = source.varint()
        require(length == 0 or 3 <= length <= LONGEST, "invalid length of a corrected match")
        distance = source.varint() if length else 0
        require((1 <= distance <= 2**15) == (length > 0), "invalid distance of a corrected match")
        corrections[number] = Token(length or 1, distance)
        number += 1
    return corrections


def write_listed(bits: "Bits", tokens: Tokens, listed: Sequence[Listed]) -> None:
    """Writes the deflate blocks that corrections list."""
    for i, (number, kind, described) in enumerate(listed):
        start, items = tokens.end, list[Item]()
        if kind == STORED:
            tokens.pass_over(number)
        else:
            items = items_of(tokens.text, start, [tokens.next() for _ in range(number)])
        description = described or (describe(items) if kind == DYNAMIC else None)
        last = i + 1 == len(listed)
        write_block(bits, tokens.text[start : tokens.end], items, kind, description, last)
    require(tokens.ended(), "the deflate blocks do not reach to the end of the text")


def write_foreseen(bits: "Bits", tokens: Tokens, most: int) -> None:
    """Writes deflate blocks as they are foreseen, of at most so many tokens."""
    last = False
    while not last:
        start, found = tokens.end, list[Token]()
        while len(found) < most and not tokens.ended():
            found.append(tokens.next())
        last = len(found) < most
        text, items = tokens.text[start : tokens.end], items_of(tokens.text, start, found)
        description = describe(items)
        fixed = (cost(items, FIXED_LENGTHS) + 10) >> 3
        own = cost(items, description.lengths) + sum(number for _, number in description.bits)
        least = min(fixed, (own + 10) >> 3)
        if len(text) + 4 <= least and len(text) < 2**16:
            kind = STORED
        else:
            kind = FIXED if fixed == least else DYNAMIC
        write_block(bits, text, items, kind, description, last)


# Section 7.5: codes


class Description(NamedTuple):
    """The codes of a dynamic block: their lengths, and the bits that describe them."""

    lengths: tuple[list[int], list[int]]  # of literals and lengths, and of distances
    bits: list[tuple[int, int]]  # as Bits.add takes them


def code_lengths(counts: Sequence[int], top: int) -> list[int]:
    """Lengths(f, n, top)."""
    n, f = len(counts), list(counts) + [0] * len(counts)
    heap, depth = [symbol for symbol in range(n) if f[symbol]], [0] * 2 * n
    last = max(heap, default=-1)
    while len(heap) < 2:
        last, symbol = (last + 1, last + 1) if last < 2 else (last, 0)
        heap.append(symbol)
        f[symbol] = 1
    weights = list(zip(f, depth, strict=True))
    parent, order = join(heap, weights, n)
    return limited(parent, order, n, top)


def join(
    heap: list[int], weights: list[tuple[int, int]], n: int
) -> tuple[dict[int, int], list[int]]:
    """Steps 1 to 3: the parents of symbols and nodes, and the list that they are put on.

    Weights are pairs of f and depth, so that one is less than another, or equal, as the page says.
    """
    heap = [-1, *heap]  # its numbers begin with 1

    def sift(k: int) -> None:
        v, j = heap[k], 2 * k
        while j < len(heap):
            if j + 1 < len(heap) and weights[heap[j + 1]] <= weights[heap[j]]:
                j += 1
            if weights[v] <= weights[heap[j]]:
                break
            heap[k], k, j = heap[j], j, 2 * j
        heap[k] = v

    for k in range((len(heap) - 1) // 2, 0, -1):
        sift(k)
    parent: dict[int, int] = {}
    order: list[int] = []
    node = n
    while len(heap) > 2:
        x, heap[1] = heap[1], heap[-1]
        heap.pop()
        sift(1)
        y = heap[1]
        order += (x, y)
        parent[x] = parent[y] = node
        (fx, dx), (fy, dy) = weights[x], weights[y]
        weights[node] = fx + fy, max(dx, dy) + 1
        heap[1] = node
        sift(1)
        node += 1
    return parent, [*order, heap[1]]


def limited(parent: dict[int, int], order: list[int], n: int, top: int) -> list[int]:
    """Steps 4 and 5: the lengths of the n symbols, none above top."""
    length, over, count = {order[-1]: 0}, 0, [0] * (top + 1)
    for x in reversed(order[:-1]):
        length[x] = length[parent[x]] + 1
        if length[x] > top:
            length[x] = top
            over += 1
        count[length[x]] += x < n
    if over > 0:
        while over > 0:
            b = max(b for b in range(top) if count[b])
            count[b] -= 1
            count[b + 1] += 2
            count[top] -= 1
            over -= 2
        anew = [b for b in range(top, 0, -1) for _ in range(count[b])]
        length = dict(zip([x for x in order if x < n], anew, strict=True))
    return [length.get(symbol, 0) for symbol in range(n)]


def describe(items: Iterable["Item"]) -> Description:
    """The description of a dynamic block's own codes."""
    counts = [0] * 286, [0] * 30
    for item in items:
        counts[item.code][item.symbol] += 1
    literals, distances = (without_end(code_lengths(f, 15)) for f in counts)
    symbols = [*pieces(literals), *pieces(distances)]
    counts_too = [0] * 19
    for symbol, _, _ in symbols:
        counts_too[symbol] += 1
    lengths = code_lengths(counts_too, 7)
    written = without_end([lengths[symbol] for symbol in ORDER])
    written += [0] * (4 - len(written))
    bits = [(len(literals) - 257, 5), (len(distances) - 1, 5), (len(written) - 4, 4)]
    bits += [(length, 3) for length in written]
    codes = codes_of(lengths)
    for symbol, value, number in symbols:
        bits += [(codes[symbol], lengths[symbol]), (value, number)]
    return Description((literals, distances), bits)


def without_end(lengths: list[int]) -> list[int]:
    """The lengths up to the last that is above 0."""
    used = [i for i, length in enumerate(lengths) if length]
    return lengths[: used[-1] + 1]


def pieces(lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """What describes a list of lengths: symbols, each with the value and number of its bits."""
    for v, run in groupby(lengths):
        left, same = len(list(run)), False
        while left:
            r = min(left, 138 if v == 0 else 6 if same else 7)
            if r < 3 or (r < 4 and v > 0 and not same):
                yield from [(v, 0, 0)] * r
            elif v == 0:
                yield (17, r - 3, 3) if r <= 10 else (18, r - 11, 7)
            else:
                if not same:
                    yield v, 0, 0
                yield 16, r - 3 - (not same), 2
            left, same = left - r, True


# RFC 1951


ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
FIXED_LENGTHS = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8, [5] * 30
LENGTH_BITS = [max(0, i // 4 - 1) for i in range(28)] + [0]
LENGTH_BASES = [3 + sum(1 << bits for bits in LENGTH_BITS[:i]) for i in range(28)] + [LONGEST]
DISTANCE_BITS = [max(0, i // 2 - 1) for i in range(30)]
DISTANCE_BASES = [1 + sum(1 << bits for bits in DISTANCE_BITS[:i]) for i in range(30)]


class Item(NamedTuple):
    """A symbol of a block's code 0, literals and lengths, or 1, distances, and its extra bits."""

    code: int
    symbol: int
    value: int = 0
    number: int = 0


def items_of(text: bytes, start: int, tokens: Iterable[Token]) -> list[Item]:
    """The symbols of a block's tokens, the first of which is at `start`, and of its end."""
    items = []
    for length, distance in tokens:
        if distance == 0:
            items.append(Item(0, text[start]))
        else:
            i = bisect_right(LENGTH_BASES, length) - 1
            items.append(Item(0, 257 + i, length - LENGTH_BASES[i], LENGTH_BITS[i]))
            i = bisect_right(DISTANCE_BASES, distance) - 1
            items.append(Item(1, i, distance - DISTANCE_BASES[i], DISTANCE_BITS[i]))
        start += length
    return [*items, Item(0, END_CODE)]


def cost(items: Iterable[Item], lengths: tuple[list[int], list[int]]) -> int:
    """The bits of a block's symbols."""
    return sum(lengths[item.code][item.symbol] + item.number for item in items)


def codes_of(lengths: Sequence[int]) -> list[int]:
    """The codes of symbols, first bit lowest, as they are written."""
    codes, code = [0] * len(lengths), 0
    for length in range(1, 16):
        code <<= 1
        for symbol in (symbol for symbol, own in enumerate(lengths) if own == length):
            codes[symbol] = int(f"{code:0{length}b}"[::-1], 2)
            code += 1
    return codes


def is_complete(lengths: Iterable[int]) -> bool:
    """Whether a code of these lengths leaves nothing over, and nothing twice."""
    return sum(1 << 15 - length for length in lengths if length) == 1 << 15


class Bits:
    """Bits that are written, the lowest of each byte first."""

    def __init__(self) -> None:
        self.whole, self.value, self.number = bytearray(), 0, 0

    def add(self, value: int, number: int) -> None:
        """Writes a value of so many bits."""
        self.value |= value << self.number
        self.number += number
        size = self.number // 8
        self.whole += (self.value % 256**size).to_bytes(size, "little")
        self.value >>= 8 * size
        self.number %= 8

    def bytes(self) -> bytes:
        """All bytes, the last one filled with zeros."""
        self.add(0, -self.number % 8)
        return bytes(self.whole)


class Piece:
    """Bits that are read, the lowest of each byte first."""

    def __init__(self, value: int, number: int) -> None:
        self.value, self.number = value, number

    def take(self, number: int) -> int:
        """A value of so many bits."""
        require(number <= self.number, "a description of a deflate block is cut off")
        value = self.value % (1 << number)
        self.value >>= number
        self.number -= number
        return value

    def symbol(self, symbols: dict[tuple[int, int], int]) -> int:
        """A symbol, by the lengths and the codes."""
        length, code = 1, self.take(1)
        while (length, code) not in symbols:
            code |= self.take(1) << length
            length += 1
        return symbols[length, code]


def write_block(
    bits: Bits,
    text: bytes,
    items: Iterable[Item],
    kind: int,
    description: Description | None,
    last: bool,
) -> None:
    """Writes a deflate block: its text if it is stored, else its symbols."""
    bits.add(last, 1)
    bits.add(kind, 2)
    if kind == STORED:
        bits.add(0, -bits.number % 8)
        bits.add(len(text), 16)
        bits.add(len(text) ^ 0xFFFF, 16)
        bits.add(int.from_bytes(text, "little"), 8 * len(text))
        return
    lengths = FIXED_LENGTHS
    if kind == DYNAMIC and description is not None:
        lengths = description.lengths
        for value, number in description.bits:
            bits.add(value, number)
    codes = [codes_of(of) for of in lengths]
    for code, symbol, value, number in items:
        has = symbol < len(lengths[code]) and lengths[code][symbol] > 0
        require(has, "a description of a deflate block lacks the symbol of a token")
        bits.add(codes[code][symbol], lengths[code][symbol])
        bits.add(value, number)


def read_description(piece: Piece) -> Description:
    """A description that corrections hold."""
    bits = [(piece.value, piece.number)]
    literals, distances = piece.take(5) + 257, piece.take(5) + 1
    require(literals <= 286 and distances <= 30, "a description of too many symbols")
    own = dict.fromkeys(range(19), 0)
    for symbol in ORDER[: piece.take(4) + 4]:
        own[symbol] = piece.take(3)
    require(is_complete(own.values()), "an incomplete code of a description")
    lengths = read_lengths(piece, list(own.values()), literals + distances)
    require(piece.number == 0, "bits behind a description of a deflate block")
    both = lengths[:literals], lengths[literals:]
    require(is_complete(both[0]), "an incomplete code of literals and lengths")
    used = [length for length in both[1] if length]
    require(is_complete(used) or used in ([], [1]), "an incomplete code of distances")
    return Description(both, bits)


def read_lengths(piece: Piece, own: Sequence[int], number: int) -> list[int]:
    """So many lengths, described with a code of these lengths."""
    codes = codes_of(own)
    symbols = {(own[symbol], codes[symbol]): symbol for symbol in range(19) if own[symbol]}
    lengths: list[int] = []
    while len(lengths) < number:
        symbol = piece.symbol(symbols)
        if symbol < 16:
            lengths.append(symbol)
        elif symbol == 16:
            require(len(lengths) > 0, "a description that begins with a repetition")
            lengths += lengths[-1:] * (3 + piece.take(2))
        else:
            lengths += [0] * (3 + piece.take(3) if symbol == 17 else 11 + piece.take(7))
    require(len(lengths) == number, "a repetition that reaches beyond a description")
    return lengths
