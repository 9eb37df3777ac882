"""A slow decoder of the kolmozip format, written from `coding/FORMAT.md` alone.

It shares no code with the program, so that it can test whether the page is enough to read a file.
Section numbers are those of the page.

Usage: python page_decoder.py FILE.kz WEIGHTS.kzw... > ORIGINAL
"""

import hashlib
import json
import math
import struct
import sys
import zlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple

END, RAW, RUN, MODEL = 0, 1, 2, 3
MASK32, MASK64 = 2**32 - 1, 2**64 - 1
SPACE = 32
HASH_A, HASH_B = 2654435761, 2246822519

Vector = Sequence[int]


def require(condition: bool, text: str) -> None:
    """Refuses the input, saying why, unless the condition holds."""
    if not condition:
        raise ValueError(text)


def clip(x: int, n: int) -> int:
    """Clip(x, n): x held to [-n, n]."""
    if x > n:
        return n
    return x if x > -n else -n


def scale(x: int, n: int) -> int:
    """Scale(x, n): x / 2^n to the nearest integer, halves upward."""
    return (x + (1 << (n - 1))) >> n if n > 0 else x << -n


# Section 1: container


class Block(NamedTuple):
    """One block, its framing checked."""

    kind: int
    lanes: int
    length: int
    payload: bytes


def decode(container: bytes, networks: dict[bytes, "Network"]) -> bytes:
    """The original of a container, given the networks by their identities.

    Raises ValueError for a container that the page calls invalid, and for one of other networks.
    """
    identity = read_header(container)
    original, position = bytearray(), 20
    while position < len(container) and container[position] != END:
        block, position = read_block(container, position)
        if block.kind == MODEL:
            require(identity in networks, f"no weights file with identity {identity.hex()}")
            original += decode_model(block, networks[identity])
        else:
            original += block.payload * (block.length if block.kind == RUN else 1)
    check_end(container[position:], bytes(original))
    return bytes(original)


def identity_of(weights: bytes) -> bytes:
    """Section 1.1: the identity of a weights file."""
    return hashlib.sha256(weights).digest()[:8]


def read_header(container: bytes) -> bytes:
    """Section 1.1: checks the header and returns the weights identity."""
    require(container[:6] == bytes.fromhex("894B5A0D0A1A"), "not a kolmozip container")
    require(len(container) > 6, "truncated header")
    version = container[6]
    require(version == 3, f"format version {version} is not version 3")
    require(len(container) >= 20, "truncated header")
    check_checksum(container[:20], "header")
    require(container[7] == 0, "reserved byte of the header is not 0")
    return container[8:16]


def check_checksum(part: bytes, name: str) -> None:
    """Checks the CRC-32 in the last four bytes of a part of a file."""
    (checksum,) = struct.unpack("<I", part[-4:])
    require(zlib.crc32(part[:-4]) == checksum, f"wrong checksum of the {name}")


def read_block(container: bytes, position: int) -> tuple[Block, int]:
    """Section 1.2: reads and checks one block; returns it and the position after it."""
    require(position + 12 <= len(container), "truncated block")
    kind, lanes_log, reserved, length, size = struct.unpack_from("<BBHII", container, position)
    require(kind in (RAW, RUN, MODEL), "unknown block type")
    require(lanes_log <= (10 if kind == MODEL else 0), "invalid number of lanes")
    require(reserved == 0, "reserved field of a block is not 0")
    require(1 <= length <= 2**27, "invalid block length")
    lanes = 1 << lanes_log
    if kind == RAW:
        require(size == length, "invalid size of a raw block")
    elif kind == RUN:
        require(size == 1, "invalid size of a run block")
    else:
        require(size % 4 == 0 and 4 <= size < length, "invalid size of a model block")
        require(length <= 1024 * size, "a model block of more than 1024 bytes for each of payload")
        require(lanes <= length <= lanes * 2**18, "invalid length of a lane")
    end = position + 12 + size + 4
    require(end <= len(container), "truncated block")
    check_checksum(container[position:end], "block")
    return Block(kind, lanes, length, container[position + 12 : end - 4]), end


def check_end(end: bytes, original: bytes) -> None:
    """Section 1.3: checks the end mark, that nothing follows it, and the original against it."""
    require(len(end) > 0, "no end mark")
    require(len(end) >= 28, "truncated end mark")
    require(len(end) == 28, "bytes after the end mark")
    check_checksum(end, "end mark")
    _, reserved, reserved_too, length, check = struct.unpack_from("<BBHQ12s", end)
    require(reserved == 0 and reserved_too == 0, "reserved field of the end mark is not 0")
    require(length == len(original), "wrong length of the original")
    require(check == hashlib.sha256(original).digest()[:12], "wrong check of the original")


# Section 2: model block


def decode_model(block: Block, network: "Network") -> bytes:
    """Decodes all lanes of a model block in step and joins them."""
    source = RangeDecoder(block.payload)
    share, longer = divmod(block.length, block.lanes)
    lengths = [share + (i < longer) for i in range(block.lanes)]
    lanes = [Lane(network) for _ in lengths]
    evidence = [lane.step(SPACE) for lane in lanes]
    outputs = [bytearray() for _ in lengths]
    memory = Memory(lengths[0], block.lanes)
    for t in range(lengths[0]):
        active = sum(length > t for length in lengths)  # these lanes are the first
        symbols = decode_symbols(source, memory, lanes[:active], evidence[:active])
        for i, symbol in enumerate(symbols):
            outputs[i].append(symbol)
            if t + 1 < lengths[i]:  # the step after a lane's last byte would have no use
                evidence[i] = lanes[i].step(symbol)
        if t + 1 < lengths[0]:
            memory.take(symbols, lanes)
    return b"".join(outputs)


def decode_symbols(
    source: "RangeDecoder", memory: "Memory", lanes: list["Lane"], evidence: list[list[int]]
) -> list[int]:
    """Decodes one byte for each of these lanes, all first bits, then all second bits, and so on."""
    sums = [list(accumulate(counts, initial=0)) for counts in evidence]
    views = [memory.view(i, lane) for i, lane in enumerate(lanes)]
    nodes = [1] * len(lanes)
    learned: list[tuple[Prediction, int]] = []
    for k in range(8):
        counts = [count_of_zero(below, node, k) for below, node in zip(sums, nodes, strict=True)]
        predictions = [
            memory.predict(view, k, node, count)
            for view, node, count in zip(views, nodes, counts, strict=True)
        ]
        bits = [source.bit(prediction.zero) for prediction in predictions]
        learned += zip(predictions, bits, strict=True)
        nodes = [2 * node + bit for node, bit in zip(nodes, bits, strict=True)]
    memory.learn(learned)
    return [node - 256 for node in nodes]


def count_of_zero(below: Vector, node: int, k: int) -> int:
    """Section 2.1: the count f, given the evidence's running sums and the node of k known bits."""
    start, half = (node << (8 - k)) - 256, 128 >> k
    zeros = below[start + half] - below[start]
    total = below[start + 2 * half] - below[start]
    return min(max((zeros << 24) // total, 1), (1 << 24) - 1)


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


# Section 2.3: memory


# A context is its name, after "own" where each lane has it by itself.
COUNTERS = ["2", "4", "word", "own 2", "own word"]
MATCHES = ["8", "own 5"]
PATTERN = ["own 2", "own 3", "own 4", "own word"]
RUNS = ["6", "pair", *PATTERN]
LAST_COUNT = 60
LAST_STRETCH = 5631
RATES = [32768 // (2 * n + 3) for n in range(LAST_COUNT + 1)]


@cache
def lg_table() -> list[int]:
    """lg(v) for v below 8192; entry 0 has no use."""
    return [(v**256).bit_length() - 1 for v in range(8192)]


def lg(v: int) -> int:
    """lg(v): 256 times the base-2 logarithm of v, 1 <= v < 2^24."""
    if v < 8192:
        return lg_table()[v]
    s = v.bit_length() - 12
    return lg_table()[v >> s] + 256 * s


@cache
def stretch_table() -> list[int]:
    """The table Stretch."""
    return [lg(2 * i + 1) - lg(8191 - 2 * i) for i in range(4096)]


def squash(x: int) -> int:
    """Squash(x), for |x| <= 5631."""
    y = abs(x)
    e = exp_table()[y & 255] >> (y >> 8)
    small = (e << 24) // (2**22 + e)
    return small if x < 0 else 2**24 - small


@cache
def first_map() -> list[int]:
    """The cells of an adaptive probability map at first, the same in every context."""
    return [squash(clip(256 * (j - 12), LAST_STRETCH)) >> 2 for j in range(25)]


def hash32(a: int, b: int) -> int:
    """Hash(a, b)."""
    g = (a * HASH_A + b * HASH_B) & MASK32
    g ^= g >> 15
    return g * HASH_A & MASK32


def mix(h: int, node: int) -> int:
    """Mix(H, node)."""
    m = (h ^ (node * HASH_B)) * HASH_A & MASK32
    return m ^ (m >> 15)


Counter = tuple[int, int, int, int, int]  # slot, check, p, n, o
Place = tuple[int, int, int]
Guess = tuple[Place, int, int]  # the place (k, i, v) in P and U, B', o


class View(NamedTuple):
    """What one lane knows at the start of a byte."""

    hashes: list[int]  # of the counters' contexts
    last: int  # b
    expected: list[Place]  # source i, byte e and cell v, where something is expected
    pattern: int  # s


class Prediction(NamedTuple):
    """One lane's prediction of one bit."""

    counters: list[Counter]
    guesses: list[Guess]
    pattern: int  # s
    network: int  # N
    mixture: int  # M
    cells: list[Place]  # (b, node, j') of R, and (-1, g, j') of R2
    zero: int  # f'


class Memory:
    """The memory of one block; what was never written is not in the dictionaries."""

    def __init__(self, steps: int, lanes: int) -> None:
        """The memory at the beginning of a block; no lane has more steps."""
        self.slot_bits = min(max((steps * lanes).bit_length() + 1, 18), 24)
        self.slots: list[dict[int, tuple[int, int, int]]] = [{} for _ in COUNTERS]
        self.weights = [[0] + [62915] * LAST_COUNT for _ in COUNTERS]
        self.network_weights = [943718] * 16
        self.maps: dict[Place, int] = {}
        self.matches = [Match(lanes) for _ in MATCHES]
        self.runs = [Runs(self.slot_bits - 1) for _ in RUNS]
        self.expected = Expected()

    def view(self, number: int, lane: "Lane") -> View:
        """Contexts, and what is expected, at the start of a byte of a lane."""
        sources = [match.expects(number) for match in self.matches]
        pattern = 0
        for runs, context in zip(self.runs, RUNS, strict=True):
            sources.append(runs.expects(number, lane.context(context, number)))
            if context in PATTERN:
                pattern = 2 * pattern + (sources[-1] is not None)
        expected = [(i, *source) for i, source in enumerate(sources) if source is not None]
        hashes = [lane.context(context, number) for context in COUNTERS]
        return View(hashes, lane.recent & 255, expected, pattern)

    def predict(self, view: View, k: int, node: int, f: int) -> Prediction:
        """Predict: the count f' of a 0, and all that learning needs."""
        counters = [self.counter(c, h, k, node) for c, h in enumerate(view.hashes)]
        guesses, logit = self.expected.predict(view.expected, k, node)
        for weights, (_, _, _, n, o) in zip(self.weights, counters, strict=True):
            logit += (weights[n] >> 6) * o
        network = lg(2**24 - f) - lg(f)
        total = logit + (self.network_weights[view.pattern] >> 6) * network
        x = clip(scale(total, 14), LAST_STRETCH)
        mixture = squash(x)
        j, r = divmod(min(max(x, -3072), 3071) + 3072, 256)
        g = ((view.hashes[0] ^ (node * HASH_B)) * HASH_A & MASK32) >> 16
        both = [(view.last, node), (-1, g)]
        a, a2 = (
            (self.map(b, at, j) * (256 - r) + self.map(b, at, j + 1) * r) >> 6 for b, at in both
        )
        zero = 2**24 - ((2 * mixture + a + a2) >> 2)
        cells = [(b, at, j + (r >> 7)) for b, at in both]
        return Prediction(counters, guesses, view.pattern, network, mixture, cells, zero)

    def counter(self, c: int, h: int, k: int, node: int) -> Counter:
        """Predict: the slot of context c, and what it holds."""
        known = k & 3
        m = mix(h, node >> known)
        v = 1 << known | node & ((1 << known) - 1)
        slot, check = ((m >> (36 - self.slot_bits)) << 4) + (v ^ (m >> 8 & 15)), m & 255 | 1
        held, p, n = self.slots[c].get(slot, (0, 0, 0))
        if held != check:
            p, n = 32768, 0
        return slot, check, p, n, stretch_table()[p >> 4]

    def map(self, b: int, node: int, j: int) -> int:
        """R[b][node][j], and with -1 for b R2[node][j]."""
        return self.maps.get((b, node, j), first_map()[j])

    def learn(self, learned: list[tuple[Prediction, int]]) -> None:
        """Learn the eight bits of all lanes; later ones write after earlier ones."""
        errors = [65536 * bit - (prediction.mixture >> 8) for prediction, bit in learned]
        self.learn_weights([prediction for prediction, _ in learned], errors)
        self.expected.learn(
            (prediction.guesses, bit, error)
            for (prediction, bit), error in zip(learned, errors, strict=True)
        )
        cells = {}
        for prediction, bit in learned:
            for slots, (slot, check, p, n, _) in zip(self.slots, prediction.counters, strict=True):
                moved = p + scale((65535 * bit - p) * RATES[n], 14)
                slots[slot] = check, moved, min(n + 1, LAST_COUNT)
            for cell in prediction.cells:
                before = self.map(*cell)
                cells[cell] = before + scale((2**22 - 1) * bit - before, 6)
        self.maps.update(cells)

    def learn_weights(self, predictions: list[Prediction], errors: list[int]) -> None:
        """Learn: the mixer weights W and V, each by one sum."""
        slopes: dict[tuple[int, int], int] = defaultdict(int)
        totals = [0] * 16
        for prediction, error in zip(predictions, errors, strict=True):
            totals[prediction.pattern] += error * prediction.network
            for c, (_, _, _, n, o) in enumerate(prediction.counters):
                slopes[c, n] += error * o
        for (c, n), slope in slopes.items():
            self.weights[c][n] = clip(self.weights[c][n] + scale(slope, 15), 2**22)
        for s, total in enumerate(totals):
            self.network_weights[s] = clip(self.network_weights[s] + scale(total, 15), 2**22)

    def take(self, symbols: list[int], lanes: list["Lane"]) -> None:
        """Taking a byte into every lane, whose histories have moved on."""
        for runs in self.runs:
            runs.take(symbols)
        for match, context in zip(self.matches, MATCHES, strict=True):
            match.take(symbols, [lane.context(context, i) for i, lane in enumerate(lanes)])


class Match:
    """Section 2.4: where the lanes of one block saw their contexts last."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.text: list[int] = []  # the bytes of all known places
        self.after: dict[int, int] = {}
        self.places: list[int | None] = [None] * lanes
        self.lengths = [0] * lanes

    def expects(self, lane: int) -> tuple[int, int] | None:
        """The byte and the cell."""
        place, length = self.places[lane], self.lengths[lane]
        if place is None:
            return None
        return self.text[place], length if length < 16 else 11 + min(length.bit_length(), 8)

    def take(self, symbols: list[int], hashes: list[int]) -> None:
        """Taking a byte into every lane."""
        start = len(self.text)
        self.text += symbols
        for i, (symbol, h) in enumerate(zip(symbols, hashes, strict=True)):
            place = self.places[i]
            agreed = place is not None and self.text[place] == symbol
            self.places[i] = (
                self.known(place + self.lanes) if place is not None and agreed else None
            )
            self.lengths[i] += 1
            if self.places[i] is None:
                self.places[i], self.lengths[i] = self.known(self.after.get(h >> 10)), 0
        for i, h in enumerate(hashes):
            self.after[h >> 10] = start + i + self.lanes

    def known(self, place: int | None) -> int | None:
        """The place if it is known, else none."""
        return place if place is not None and place < len(self.text) else None


class Runs:
    """Section 2.5: the table of one context."""

    def __init__(self, slot_bits: int) -> None:
        self.slot_bits = slot_bits
        self.slots: dict[int, tuple[int, int, int, int]] = {}  # check, e, d, l
        # By lane, at the start of the byte: slot, check and, if it was the context's, (e, d, l).
        self.seen: dict[int, tuple[int, int, tuple[int, int, int] | None]] = {}

    def expects(self, lane: int, h: int) -> tuple[int, int] | None:
        """The byte and the cell."""
        m, check_bits = mix(h, 1), 32 - self.slot_bits
        slot, check = m >> check_bits, m & ((1 << check_bits) - 1)
        held, e, d, length = self.slots.get(slot, (0, 0, 0, 0))
        ours = length > 0 and held == check
        self.seen[lane] = slot, check, (e, d, length) if ours else None
        return (e, min(length, 15) + 16 * d) if ours else None

    def take(self, symbols: list[int]) -> None:
        """Taking a byte into every lane."""
        for lane, symbol in enumerate(symbols):
            slot, check, was = self.seen[lane]
            if was is None:
                self.slots[slot] = check, symbol, 0, 1
            elif was[0] == symbol:
                self.slots[slot] = check, symbol, was[1], min(was[2] + 1, 127)
            else:
                self.slots[slot] = check, symbol, 1, 1


class Expected:
    """Section 2.6: hit probabilities P and weights U of the sources."""

    def __init__(self) -> None:
        self.hits: dict[Place, int] = {}
        self.weights: dict[Place, int] = {}
        for k in range(8):
            for i in range(len(MATCHES) + len(RUNS)):
                is_match = i < len(MATCHES)
                for v in range(32):
                    self.hits[k, i, v] = 2**22 - 2**22 // (v + 8 if is_match else 6 * (v % 16) + 2)
                    self.weights[k, i, v] = 104858 if is_match else 52429

    def predict(self, expected: list[Place], k: int, node: int) -> tuple[list[Guess], int]:
        """What the sources say of bit k, and the sum Q of it; `expected` has their i, e and v."""
        guesses, logit = [], 0
        for source, byte, cell in expected:
            if (byte | 256) >> (8 - k) == node:
                place, bit = (k, source, cell), byte >> (7 - k) & 1
                o = stretch_table()[self.hits[place] >> 10] * (1 if bit else -1)
                guesses.append((place, bit, o))
                logit += (self.weights[place] >> 6) * o
        return guesses, logit

    def learn(self, learned: Iterable[tuple[list[Guess], int, int]]) -> None:
        """Learn the bits, from guesses, bit and error of each, for every cell at once."""
        sums: dict[Place, list[int]] = defaultdict(lambda: [0, 0, 0])
        for guesses, bit, error in learned:
            for place, expected_bit, o in guesses:
                total = sums[place]
                total[0] += 1
                total[1] += expected_bit == bit
                total[2] += error * o
        for place, (count, hits, slope) in sums.items():
            self.hits[place] += scale(hits * (2**22 - 1) - count * self.hits[place], 10)
            self.weights[place] = clip(self.weights[place] + scale(slope, 15), 2**22)


# Section 3: integer step


class Shape(NamedTuple):
    """The shape in a weights file."""

    width: int
    layers: int
    state: int
    hidden: int
    taps: int
    table_dim: int
    tables: list[tuple[int, int]]
    mlp: str = "kan_glu"

    @property
    def e(self) -> int:
        """The number of n-gram entries."""
        return self.table_dim * len(self.tables)


class Network:
    """A shape and its arrays: lists of rows by name; a vector is one row."""

    def __init__(self, shape: Shape, arrays: dict[str, list[Vector]]) -> None:
        self.shape = shape
        self.arrays = arrays
        matrices = [name for name in arrays if f"{name}.exponent" in arrays]
        self.packed = {name: [packed(row) for row in arrays[name]] for name in matrices}

    def dense(self, x: Vector, name: str, a: int, b: int | Vector) -> list[int]:
        """Dense(x, W, a, b); b may differ by output."""
        (exponents,) = self.arrays[f"{name}.exponent"]
        wanted = [b] * len(exponents) if isinstance(b, int) else b
        sums = unpacked(sum(map(mul, self.packed[name], x)), len(exponents))
        return [
            clip(scale(total, a - exponent - bits), 2**28)
            for total, exponent, bits in zip(sums, exponents, wanted, strict=True)
        ]


def packed(row: Vector) -> int:
    """The sum of row[j] * 2^(32 j), which Python multiplies and adds as fast as a few entries."""
    shifted = struct.pack(f"<{len(row)}I", *[x + 2**31 for x in row])
    return int.from_bytes(shifted, "little") - shifts(len(row))


def unpacked(total: int, size: int) -> Vector:
    """The row of a sum of packed rows; its entries are between -2^31 and 2^31."""
    shifted = (total + shifts(size)).to_bytes(4 * size, "little")
    return [x - 2**31 for x in struct.unpack(f"<{size}I", shifted)]


@cache
def shifts(size: int) -> int:
    """2^31 in each of `size` entries: it makes all of them positive."""
    return int.from_bytes(struct.pack("<I", 2**31) * size, "little")


def sigmoid(u: int) -> int:
    """Sigmoid(u), within [0, 2^15]."""
    v = clip(u, 4096)
    return scale(2**24 + v * (8192 - abs(v)), 10)


@cache
def root_table(d: int) -> list[int]:
    """The table Root for vectors of d integers."""
    return [math.isqrt(((1 << 39) * d) // (2 * i + 2049)) for i in range(3072)]


def norm(x: Vector) -> list[int]:
    """Norm(x)."""
    p = max(map(abs, x)).bit_length()
    y = [scale(value, p - 11) for value in x]
    t = sum((value * value) >> 2 for value in y)
    j = max(t.bit_length() - 11, 0) >> 1
    r = root_table(len(x))[min(max((t >> (2 * j)) - 1024, 0), 3071)]
    return [clip(scale(value * r, 16 + j), 127) for value in y]


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


def last_bytes(recent: int, order: int) -> tuple[int, int]:
    """Step 1: low and high, masked to an order; the newest byte is in the lowest bits of recent."""
    low, high = recent & MASK32, recent >> 32
    if order < 4:
        return low & ((1 << (8 * order)) - 1), 0
    return low, high & ((1 << (8 * (order - 4))) - 1)


def counts_of(logits: Vector) -> list[int]:
    """Step 5: the evidence."""
    exp, top, counts = exp_table(), max(logits), []
    for logit in logits:
        v = min((min(top - logit, 2**15) * 5909) >> 14, 7936)
        counts.append(max(exp[v & 255] >> (v >> 8), 1))
    return counts


class Lane:
    """Sections 2, 2.3 and 3: one lane's network state and its history, words included."""

    def __init__(self, network: Network) -> None:
        shape = network.shape
        self.network = network
        self.h = [[0] * shape.state for _ in range(shape.layers)]
        self.past = [[[0] * shape.state] * shape.taps for _ in range(shape.layers)]
        self.recent = self.word = self.before = 0

    def take(self, byte: int) -> None:
        """Section 2.3, taking a byte: it enters the history and the words."""
        self.recent = (self.recent << 8 | byte) & MASK64
        lower = byte | 32
        if 97 <= lower <= 122 or byte >= 128:
            self.word = (self.word + lower + 1) * HASH_A & MASK32
        else:
            self.before = self.word or self.before
            self.word = 0

    def context(self, context: str, number: int) -> int:
        """Section 2.3: the hash of a context; `number` is the lane's."""
        *own, name = context.split()
        if name in ("word", "pair"):
            h = hash32(self.word, self.before if name == "pair" else 0)
        else:
            h = hash32(*last_bytes(self.recent, int(name)))
        return (h ^ ((number + 1) * HASH_A & MASK32)) * HASH_A & MASK32 if own else h

    def step(self, byte: int) -> list[int]:
        """Section 3: takes the byte and makes one integer step; returns the evidence."""
        network = self.network
        arrays, dense = network.arrays, network.dense
        self.take(byte)
        entries: list[int] = []
        for order, bits in network.shape.tables:
            bucket = hash32(*last_bytes(self.recent, order)) >> (32 - bits)
            entries += arrays[f"table_{order}"][bucket]
        x = [value * 128 for value in arrays["embed"][byte]]
        x = [a + b for a, b in zip(x, dense(entries, "w_ngram", 6, 12), strict=True)]
        for i in range(network.shape.layers):
            x = add(x, self.mixer(i, norm(x)))
            x = add(x, self.mlp(i, norm(x)))
        parts = dense(norm(x), "head", 4, 10), dense(entries, "head_ngram", 6, 10)
        sums = map(sum, zip(*parts, arrays["head_bias"][0], strict=True))
        return counts_of([clip(total, 2**17) for total in sums])

    def mixer(self, i: int, x: Vector) -> list[int]:
        """Mixer_i(x), which also steps the layer's state."""
        arrays, w, past = self.network.arrays, self.network.shape.state, self.past[i]
        outputs = self.network.dense(x, f"mixer_{i}.w_in", 4, 10)
        bias, taps = arrays[f"mixer_{i}.gate_bias"][0], arrays[f"mixer_{i}.conv_taps"]
        y = []
        z = [clip(value, 2**15) for value in outputs[:w]]
        for j in range(w):
            k = sigmoid(outputs[w + j] + bias[j])
            sums = sum(tap[j] * old[j] for tap, old in zip(taps, past, strict=True))
            a = clip(z[j] + scale(sums, 12), 8192)
            h = self.h[i][j]
            h = clip(h - scale(k * k, 15) * scale(h, 15) + scale(k * a, 1), 2**30)
            self.h[i][j] = h
            out = clip(outputs[2 * w + j], 2**14)
            y.append(clip(scale(scale(h, 14) * scale(out * sigmoid(out), 15), 15), 127))
        self.past[i] = [z, *past[:-1]]
        return self.network.dense(y, f"mixer_{i}.w_out", 5, 12)

    def mlp(self, i: int, x: Vector) -> list[int]:
        """Mlp_i(x)."""
        network, m = self.network, self.network.shape.hidden
        knots, f, gated = network.arrays[f"mlp_{i}.knots"], [], network.shape.mlp == "kan_glu"
        outputs = network.dense(x, f"mlp_{i}.w_in", 4, [5] * m + [10] * m * gated)
        for j, product in enumerate(outputs[:m]):
            q, r = divmod(clip(product, 127) + 128, 32)
            f.append((knots[q][j] * (32 - r) + knots[q + 1][j] * r + 16) >> 5)
        if gated:
            y = [scale(u * clip(v, 2**14), 16) for u, v in zip(f, outputs[m:], strict=True)]
        else:
            y = [scale(u, 6) for u in f]
        return network.dense([clip(value, 127) for value in y], f"mlp_{i}.w_out", 4, 12)


def add(x: Vector, y: Vector) -> list[int]:
    """Step 3: Clip(x + y, 2^23), entry by entry."""
    return [clip(a + b, 2**23) for a, b in zip(x, y, strict=True)]


# Section 4: weights file


class Layout(NamedTuple):
    """One array: its name, rows and columns, and the bounds of its values."""

    name: str
    rows: int
    columns: int
    least: int = -127
    most: int = 127

    @property
    def kind(self) -> str:
        """The name without layer or order."""
        kind = self.name.split(".")[-1]
        return "table" if kind.startswith("table") else kind


def layout(shape: Shape) -> Iterator[Layout]:
    """The arrays in order, the exponents of a matrix as an array of their own."""
    d, w, m, e = shape.width, shape.state, shape.hidden, shape.e

    def matrix(name: str, rows: int, columns: int, a: int, b: int) -> list[Layout]:
        """A matrix that Dense takes with a and b, and its exponents: a - E - b is -6 to 19."""
        exponents = Layout(f"{name}.exponent", 1, columns, a - b - 19, a - b + 6)
        return [Layout(name, rows, columns), exponents]

    def int16(name: str, rows: int, columns: int, bound: int) -> Layout:
        return Layout(name, rows, columns, -bound, bound)

    yield Layout("embed", 256, d)
    for order, bits in shape.tables:
        yield Layout(f"table_{order}", 1 << bits, shape.table_dim)
    yield from matrix("w_ngram", e, d, 6, 12)
    for i in range(shape.layers):
        yield from matrix(f"mixer_{i}.w_in", d, 3 * w, 4, 10)
        yield int16(f"mixer_{i}.gate_bias", 1, w, 16384)
        yield int16(f"mixer_{i}.conv_taps", shape.taps, w, 8192)
        yield from matrix(f"mixer_{i}.w_out", w, d, 5, 12)
        yield from matrix(f"mlp_{i}.w_in", d, m if shape.mlp == "kan" else 2 * m, 4, 10)
        yield int16(f"mlp_{i}.knots", 9, m, 32767)
        yield from matrix(f"mlp_{i}.w_out", m, d, 4, 12)
    yield from matrix("head", d, 256, 4, 10)
    yield from matrix("head_ngram", e, 256, 6, 10)
    yield int16("head_bias", 1, 256, 32767)


def read_weights(weights: bytes) -> Network:
    """Reads a weights file; raises ValueError for one that the page calls invalid."""
    require(weights[:4] == b"KZWT", "not a weights file")
    require(len(weights) >= 7, "truncated weights file")
    version, shape_size = struct.unpack_from("<BH", weights, 4)
    require(version == 2, "unknown version of the weights file")
    stream = weights[7 + shape_size : -4]
    require(len(weights) >= 11 + shape_size and len(stream) % 4 == 0, "truncated weights file")
    check_checksum(weights, "weights file")
    shape = read_shape(weights[7 : 7 + shape_size])
    sizes = [array.rows * array.columns for array in layout(shape) if array.kind != "exponent"]
    values = sum(sizes)
    require(values <= 2**26, "more than 2^26 values")
    require(values <= 256 * len(stream), "more than 256 values for each byte of the stream")
    reader = StreamReader(stream)
    return Network(shape, {array.name: reader.array(array) for array in layout(shape)})


def read_shape(text: bytes) -> Shape:
    """Reads the JSON shape and holds it to the page's limits."""
    try:
        values = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("shape of the weights file is not JSON") from error
    require(isinstance(values, dict), "the shape is no JSON object")
    require(set(values) | {"mlp"} == set(Shape._fields), "missing or unknown fields in the shape")
    for name in ("width", "layers", "state", "hidden", "taps", "table_dim"):
        most = {"layers": 32, "taps": 4}.get(name, 1024)
        require(type(values[name]) is int and 1 <= values[name] <= most, f"invalid {name}")
    require(isinstance(values["tables"], list), "invalid tables in the shape")
    tables = [read_table_shape(table) for table in values["tables"]]
    require(len({order for order, _ in tables}) == len(tables), "an order is repeated")
    shape = Shape(**{**values, "tables": tables})
    require(1 <= shape.e <= 1024, "n-gram entries not within 1 to 1024")
    require(shape.mlp in ("kan_glu", "kan"), "unknown mlp")
    return shape


def read_table_shape(table: Any) -> tuple[int, int]:
    """One [order, bits] of the shape, held to the limits."""
    require(isinstance(table, list) and len(table) == 2, "invalid table in the shape")
    order, bits = table
    require(type(order) is int and 2 <= order <= 8, "invalid order of a table")
    require(type(bits) is int and 8 <= bits <= 24, "invalid bits of a table")
    return order, bits


# Section 4.1: stream

SHIFTS, EXPONENTS, MATRICES, TABLES = 0, 1, 2, 3
WORDS = {"gate_bias": 4, "conv_taps": 6, "knots": 8, "head_bias": 10}


@cache
def spread(total: int, n: int) -> int:
    """Spread(S, n)."""
    if n == 0:
        return 0
    m = 16 * total // n
    k = max(m.bit_length() - 2, 0)
    return 1 + 2 * k + (m >> k)


def running_shares(counts: Vector) -> list[int]:
    """The sums of the shares before each byte value, and 2^24."""
    total = sum(counts)
    shares = [1 + count * (2**24 - 256) // total for count in counts]
    shares[0] += 2**24 - sum(shares)
    return list(accumulate(shares, initial=0))


class StreamReader:
    """Reads arrays from the stream, learning its counts."""

    def __init__(self, stream: bytes) -> None:
        self.source = RangeDecoder(stream)
        self.counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [1] * 256)
        self.seen: dict[int, int] = defaultdict(int)

    def limit(self, family: int) -> int:
        """B(family)."""
        return min(max(self.seen[family] >> 4, 32), 2048)

    def batch(self, family: int, classes: list[int]) -> list[int]:
        """The bytes of a batch, given the class of each of its values."""
        values = [0] * len(classes)
        parts: dict[int, list[int]] = defaultdict(list)
        for at, number in enumerate(classes):
            parts[number].append(at)
        for number in sorted(parts):
            counts = self.counts[family, number]
            read = self.source.symbols(running_shares(counts), len(parts[number]))
            for at, value in zip(parts[number], read, strict=True):
                values[at] = value
                counts[value] += 16
            while sum(counts) > 1 << 22:
                counts[:] = [(count + 1) >> 1 for count in counts]
        self.seen[family] += len(classes)
        return values

    def array(self, array: Layout) -> list[Vector]:
        """The rows of one array, its shift undone."""
        (shift,) = self.batch(SHIFTS, [0])
        require(shift <= 15, "a shift of more than 15")
        kind = array.kind
        if kind in WORDS or kind == "exponent":
            rows = [self.row(kind, number, array.columns) for number in range(array.rows)]
        elif kind == "table":
            rows = self.table(array.rows, array.columns)
        else:
            rows = self.matrix(array.rows, array.columns)
        rows = [tuple(value << shift for value in row) for row in rows] if shift else rows
        least, most = min(map(min, rows)), max(map(max, rows))
        require(array.least <= least and most <= array.most, f"array {array.name} out of bounds")
        return rows

    def matrix(self, rows: int, columns: int) -> list[Vector]:
        """Family 2, band after band of rows."""
        values: list[Vector] = []
        squares = [0] * columns
        while len(values) < rows:
            number = min(max(1, self.limit(MATRICES) // columns), rows - len(values))
            classes = [spread(total, len(values)) for total in squares]
            read = [byte - 128 for byte in self.batch(MATRICES, classes * number)]
            band = [tuple(read[at : at + columns]) for at in range(0, len(read), columns)]
            squares = [
                total + sum(x * x for x in column)
                for total, column in zip(squares, zip(*band, strict=True), strict=True)
            ]
            values += band
        return values

    def table(self, rows: int, columns: int) -> list[Vector]:
        """Family 3, stretch after stretch of rows, in each column after column."""
        values: list[Vector] = []
        while len(values) < rows:
            squares, stretch = [0] * min(self.limit(TABLES), rows - len(values)), []
            for n in range(columns):
                classes = [spread(total, n) for total in squares]
                column = [byte - 128 for byte in self.batch(TABLES, classes)]
                squares = [total + x * x for total, x in zip(squares, column, strict=True)]
                stretch.append(column)
            values += zip(*stretch, strict=True)
        return values

    def row(self, kind: str, number: int, columns: int) -> Vector:
        """Families 1 and 4 to 11, piece after piece of one row."""
        values: list[int] = []
        while len(values) < columns:
            family = WORDS.get(kind, EXPONENTS)
            classes = [number if kind in WORDS else 0] * min(
                self.limit(family), columns - len(values)
            )
            piece = [byte - 128 for byte in self.batch(family, classes)]
            if kind in WORDS:
                low = self.batch(family + 1, classes)
                piece = [256 * high + byte for high, byte in zip(piece, low, strict=True)]
            values += piece
        return tuple(values)


def main(arguments: list[str]) -> int:
    """Decodes the first file to standard output; the others are weights files."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    container, *weights_files = [Path(name).read_bytes() for name in arguments]
    try:
        wanted, networks = read_header(container), {}
        for weights in weights_files:
            if identity_of(weights) == wanted:
                networks[wanted] = read_weights(weights)
        original = decode(container, networks)
    except ValueError as error:
        print(f"page_decoder: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(original)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
