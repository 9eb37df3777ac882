"""A slow decoder of the kolmozip format, versions 1 to 3, written from `coding/FORMAT.md` alone.

It shares no code with the program, so that it can test whether the page is enough to read a container.
Usage: python page_decoder.py FILE.kz WEIGHTS.kzw > ORIGINAL
"""

import hashlib
import json
import lzma
import math
import struct
import sys
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple

MAGIC = bytes.fromhex("894B5A0D0A1A")
HEADER_SIZE, BLOCK_HEAD_SIZE, CHECKSUM_SIZE, END_SIZE = 20, 12, 4, 28
END, RAW, RUN, MODEL = 0, 1, 2, 3
LARGEST_BLOCK = {1: 8_388_608, 2: 134_217_728, 3: 134_217_728}
MASK32, MASK64 = 2**32 - 1, 2**64 - 1
SPACE = 32
HASH_A, HASH_B = 2654435761, 2246822519

Vector = Sequence[int]


def require(condition: bool, text: str) -> None:
    """Refuse the input, saying why, unless the condition holds."""
    if not condition:
        raise ValueError(text)


# Conventions


def clip(x: int, n: int) -> int:
    """Clip(x, n): x held to [-n, n]."""
    return -n if x < -n else min(x, n)


def scale(x: int, n: int) -> int:
    """Scale(x, n): x / 2^n to the nearest integer, halves upward."""
    return (x + (1 << (n - 1))) >> n if n > 0 else x << -n


# Section 1: container


class Block(NamedTuple):
    """Section 1.2: one block, its framing checked."""

    kind: int
    lanes: int
    length: int
    payload: bytes


def decode(container: bytes, weights_files: list[bytes]) -> bytes:
    """Return the original; raise ValueError for a container or weights file that the page calls invalid."""
    version, identity = read_header(container)
    original = bytearray()
    position = HEADER_SIZE
    network: Network | None = None
    while not is_end(container, position):
        block, position = read_block(container, position, version)
        if block.kind == MODEL:
            network = network or find_network(identity, weights_files)
            original += decode_model(block, network, version)
        else:
            original += block.payload * (block.length if block.kind == RUN else 1)
    check_end(container[position:], bytes(original))
    return bytes(original)


def read_header(container: bytes) -> tuple[int, bytes]:
    """Section 1.1: check the header and return the version and the weights identity."""
    require(container[:6] == MAGIC, "not a kolmozip container")
    require(len(container) > 6, "truncated header")
    version = container[6]
    require(version <= 3, f"format version {version} is newer than version 3")
    require(version >= 1, "format version 0 is invalid")
    require(len(container) >= HEADER_SIZE, "truncated header")
    require(container[7] == 0, "reserved byte of the header is not 0")
    check_checksum(container[:HEADER_SIZE], "header")
    return version, container[8:16]


def check_checksum(part: bytes, name: str) -> None:
    """Check the CRC-32 in the last four bytes of a part of the container."""
    (checksum,) = struct.unpack("<I", part[-CHECKSUM_SIZE:])
    require(zlib.crc32(part[:-CHECKSUM_SIZE]) == checksum, f"wrong checksum of the {name}")


def is_end(container: bytes, position: int) -> bool:
    """Whether the end mark starts here."""
    require(position < len(container), "no end mark")
    return container[position] == END


def read_block(container: bytes, position: int, version: int) -> tuple[Block, int]:
    """Section 1.2: read and check one block; return it and the position after it."""
    payload_at = position + BLOCK_HEAD_SIZE
    require(payload_at <= len(container), "truncated block")
    kind, lanes_log, reserved, length, size = struct.unpack_from("<BBHII", container, position)
    check_block_fields(kind, lanes_log, reserved, length, size)
    require(length <= LARGEST_BLOCK[version], "invalid block length")
    after = payload_at + size + CHECKSUM_SIZE
    require(after <= len(container), "truncated block")
    check_checksum(container[position:after], "block")
    return Block(kind, 1 << lanes_log, length, container[payload_at : payload_at + size]), after


def check_block_fields(kind: int, lanes_log: int, reserved: int, length: int, size: int) -> None:
    """Section 1.2: refuse the values that the page does not allow."""
    require(kind in (RAW, RUN, MODEL), "unknown block type")
    require(lanes_log <= (10 if kind == MODEL else 0), "invalid number of lanes")
    require(reserved == 0, "reserved field of a block is not 0")
    require(length >= 1, "invalid block length")
    if kind == RAW:
        require(size == length, "invalid size of a raw block")
    elif kind == RUN:
        require(size == 1, "invalid size of a run block")
    else:
        require(size < length and size % 4 == 0, "invalid size of a model block")
        require(1 << lanes_log <= length, "more lanes than bytes")


def check_end(end: bytes, original: bytes) -> None:
    """Section 1.3: check the end mark, that nothing follows it, and the original against it."""
    require(len(end) >= END_SIZE, "truncated end mark")
    require(len(end) == END_SIZE, "bytes after the end mark")
    check_checksum(end, "end mark")
    _, reserved, reserved_too, length, check = struct.unpack_from("<BBHQ12s", end)
    require(reserved == 0 and reserved_too == 0, "reserved field of the end mark is not 0")
    require(length == len(original), "wrong length of the original")
    require(check == hashlib.sha256(original).digest()[:12], "wrong check of the original")


# Section 2: model block


def decode_model(block: Block, network: "Network", version: int) -> bytes:
    """Section 2: decode all lanes of a model block in step and join them."""
    source = RangeDecoder(block.payload)
    share, longer = divmod(block.length, block.lanes)
    lengths = [share + (i < longer) for i in range(block.lanes)]
    lanes = [Lane(network) for _ in lengths]
    evidence = [lane.step(SPACE) for lane in lanes]
    outputs = [bytearray() for _ in lengths]
    memory = Memory(VERSIONS[version], max(lengths) * block.lanes, block.lanes)
    for t in range(max(lengths)):
        active = [i for i, length in enumerate(lengths) if length > t]
        symbols = decode_symbols(
            source, memory, [lanes[i] for i in active], [evidence[i] for i in active]
        )
        for i, symbol in zip(active, symbols, strict=True):
            outputs[i].append(symbol)
            if t + 1 < lengths[i]:  # the step after a lane's last byte would have no use
                evidence[i] = lanes[i].step(symbol)
        if t + 1 < max(lengths):
            memory.take(symbols, lanes)
    return b"".join(outputs)


def decode_symbols(
    source: "RangeDecoder", memory: "Memory", lanes: list["Lane"], evidence: list[Vector]
) -> list[int]:
    """Section 2: decode one byte for each of the first lanes, all first bits, then all second bits, and so on."""
    sums = [list(accumulate(counts, initial=0)) for counts in evidence]
    views = [memory.view(i, lane) for i, lane in enumerate(lanes)]
    nodes = [1] * len(lanes)
    to_learn: list[tuple[Prediction, int]] = []
    for k in range(8):
        counts = [count_of_zero(below, node, k) for below, node in zip(sums, nodes, strict=True)]
        predictions = [
            memory.predict(view, k, node, f)
            for view, node, f in zip(views, nodes, counts, strict=True)
        ]
        bits = [source.bit(prediction.zero) for prediction in predictions]
        to_learn += zip(predictions, bits, strict=True)
        if k == 7 or not memory.version.by_byte:
            memory.learn([prediction for prediction, _ in to_learn], [bit for _, bit in to_learn])
            to_learn = []
        nodes = [2 * node + bit for node, bit in zip(nodes, bits, strict=True)]
    return [node - 256 for node in nodes]


def count_of_zero(below: Vector, node: int, k: int) -> int:
    """Section 2.1: the count f; `below` is the evidence's running sums, `node` is 1 and the k bits already known."""
    start = (node << (8 - k)) - 256
    half = 128 >> k
    zeros = below[start + half] - below[start]
    total = below[start + 2 * half] - below[start]
    return min(max((zeros << 24) // total, 1), (1 << 24) - 1)


class RangeDecoder:
    """Section 2.2: the range coder's stream of decisions."""

    def __init__(self, payload: bytes) -> None:
        """Begin with the first two words."""
        self.words: Iterator[int] = (word for (word,) in struct.iter_unpack("<I", payload))
        self.low = 0
        self.range = 2**64 - 1
        self.point = self.next_word() << 32
        self.point |= self.next_word()

    def next_word(self) -> int:
        """The next word of the stream, zero after the last."""
        return next(self.words, 0)

    def bit(self, count: int) -> int:
        """Decode one decision, where `count` of 2^24 is the share of a 0."""
        step = self.range >> 24
        bit = 0 if ((self.point - self.low) & MASK64) // step < count else 1
        if bit:
            self.low = (self.low + step * count) & MASK64
            self.range = step * ((1 << 24) - count)
        else:
            self.range = step * count
        self.shift_in()
        return bit

    def byte(self, below: list[int]) -> int:
        """Section 4.1: decode one byte; below[v] is the sum of the shares before v, below[256] is 2^24."""
        step = self.range >> 24
        q = ((self.point - self.low) & MASK64) // step
        require(q < 1 << 24, "a stream that no encoder writes")
        value = bisect_right(below, q) - 1
        self.low = (self.low + step * below[value]) & MASK64
        self.range = step * (below[value + 1] - below[value])
        self.shift_in()
        return value

    def shift_in(self) -> None:
        """Section 2.2, line 3: take the next word when the range has become small."""
        if self.range < 1 << 32:
            self.low = (self.low << 32) & MASK64
            self.range <<= 32
            self.point = ((self.point << 32) & MASK64) + self.next_word()


# Sections 2.3 to 2.6: memory

Context = tuple[str, bool]


class Version(NamedTuple):
    """Section 2.3: what the memory of a version consists of; a context is its name and whether it is a lane's own."""

    counters: list[Context]
    by_half_byte: bool
    by_byte: bool  # learns after each byte
    ladders: int
    matches: list[Context]
    runs: list[Context]
    kinds: int
    first_weights: tuple[int, int, int]  # of counters, matches, runs

    def slot_bits(self, size: int) -> int:
        """S; `size` is the greatest number of bytes in a lane times the lanes."""
        if self.runs:
            return min(max(size.bit_length() + 1, 18), 24)
        return 24 if self.ladders > 1 and size > 8_388_608 else 22


def of_all(*names: str) -> list[Context]:
    """Contexts that all lanes share."""
    return [(name, False) for name in names]


def own(*names: str) -> list[Context]:
    """Contexts that each lane has by itself."""
    return [(name, True) for name in names]


FIRST_COUNTERS = of_all("2", "3", "4", "6", "8", "word", "pair")
PATTERN = own("2", "3", "4", "word")
VERSIONS = {
    1: Version(FIRST_COUNTERS, False, False, 1, [], [], 0, (157286, 0, 0)),
    2: Version(FIRST_COUNTERS, False, False, 2, of_all("8"), [], 2, (157286, 262144, 0)),
    3: Version(
        of_all("2", "4", "word") + own("2", "word"),
        True,
        True,
        2,
        of_all("8") + own("5"),
        of_all("6", "pair") + PATTERN,
        8,
        (62915, 104858, 52429),
    ),
}
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
def first_ladder() -> list[int]:
    """The ladder R[b][node] at first, the same for every b and node."""
    return [squash(clip(256 * (j - 12), LAST_STRETCH)) >> 2 for j in range(25)]


def mix(h: int, node: int) -> int:
    """Mix(H, node)."""
    m = ((h ^ (node * HASH_B)) * HASH_A) & MASK32
    return m ^ (m >> 15)


class View(NamedTuple):
    """What one lane knows at the start of a byte."""

    hashes: list[int]  # of the counters' contexts
    last: int  # b
    guesses: list[
        tuple[int, int] | None
    ]  # the byte e and the cell v, of each source that expects something
    pattern: int


class Use(NamedTuple):
    """What a prediction took from one context's slot, and where a lesson goes."""

    slot: int
    check: int
    p: int
    n: int
    o: int


class Voice(NamedTuple):
    """Section 2.6: what a source that expects a byte says of one bit."""

    cell: tuple[int, int, int]  # y, i, v
    bit: int  # B'
    agrees: bool
    o: int


class Prediction(NamedTuple):
    """One lane's prediction of one bit."""

    uses: list[Use]
    voices: list[Voice]
    pattern: int
    network: int  # N
    mixture: int  # M
    rungs: list[tuple[int, int, int]]  # b, node, j' and -1, g, j'
    zero: int  # f'


class Memory:
    """The memory that the lanes of one block share; slots and rungs never written are not in the dictionaries."""

    def __init__(self, version: Version, size: int, lanes: int) -> None:
        """The memory at the beginning of a block; `size` is the greatest number of bytes in a lane times the lanes."""
        self.version = version
        self.slot_bits = version.slot_bits(size)
        self.slots: list[dict[int, tuple[int, int, int]]] = [{} for _ in version.counters]
        self.weights = [[0] + [version.first_weights[0]] * LAST_COUNT for _ in version.counters]
        self.patterns = 16 if version.runs else 1
        self.network_weights = [943718] * self.patterns
        self.ladder: dict[tuple[int, int, int], int] = {}
        self.expected = Expected(version)
        self.matches = [Match(lanes) for _ in version.matches]
        self.runs = [Runs(self.slot_bits - 1) for _ in version.runs]

    def view(self, number: int, lane: "Lane") -> View:
        """Contexts, and what is expected, at the start of a byte of a lane."""
        hashes = [lane.context(context, number) for context in self.version.counters]
        guesses = [match.expects(number) for match in self.matches]
        pattern = 0
        for runs, context in zip(self.runs, self.version.runs, strict=True):
            guesses.append(runs.expects(number, lane.context(context, number)))
            if context in PATTERN:
                pattern = 2 * pattern + (guesses[-1] is not None)
        return View(hashes, lane.recent & 255, guesses, pattern)

    def predict(self, view: View, k: int, node: int, f: int) -> Prediction:
        """Predict: the count f' of a 0 and all that the lesson needs."""
        uses = [self.use(c, h, k, node) for c, h in enumerate(view.hashes)]
        voices = self.expected.predict(view.guesses, k, node)
        network = lg(2**24 - f) - lg(f)
        total = (self.network_weights[view.pattern] >> 6) * network + self.expected.sum_of(voices)
        for weights, use in zip(self.weights, uses, strict=True):
            total += (weights[use.n] >> 6) * use.o
        x = clip(scale(total, 14), LAST_STRETCH)
        mixture = squash(x)
        j, r = divmod(min(max(x, -3072), 3071) + 3072, 256)
        g = (((view.hashes[0] ^ (node * HASH_B)) * HASH_A) & MASK32) >> 16
        places = [(view.last, node), (-1, g)][: self.version.ladders]
        adjusted = sum(self.closer(b, at, j, r) for b, at in places)
        one = (
            (mixture + adjusted) >> 1
            if self.version.ladders == 1
            else (2 * mixture + adjusted) >> 2
        )
        rungs = [(b, at, j + (r >> 7)) for b, at in places]
        return Prediction(uses, voices, view.pattern, network, mixture, rungs, 2**24 - one)

    def closer(self, b: int, node: int, j: int, r: int) -> int:
        """A, and with -1 for b and g for the node A2."""
        return (self.rung(b, node, j) * (256 - r) + self.rung(b, node, j + 1) * r) >> 6

    def use(self, c: int, h: int, k: int, node: int) -> Use:
        """Predict: the slot of context c."""
        if self.version.by_half_byte:
            known = k & 3
            m = mix(h, node >> known)
            slot = ((m >> (36 - self.slot_bits)) << 4) + (
                ((1 << known) | (node & ((1 << known) - 1))) ^ ((m >> 8) & 15)
            )
        else:
            m = mix(h, node)
            slot = m >> (32 - self.slot_bits)
        check = (m & 255) | 1
        found, p, n = self.slots[c].get(slot, (0, 0, 0))
        if found != check:
            p, n = 32768, 0
        return Use(slot, check, p, n, stretch_table()[p >> 4])

    def rung(self, last: int, node: int, j: int) -> int:
        """R[b][node][j], and with -1 for b R2[node][j]."""
        value = self.ladder.get((last, node, j))
        return first_ladder()[j] if value is None else value

    def learn(self, predictions: list[Prediction], bits: list[int]) -> None:
        """Learn the bits of all lanes that take part, or all eight of each; later ones write after earlier ones."""
        errors = [
            65536 * bit - (prediction.mixture >> 8)
            for prediction, bit in zip(predictions, bits, strict=True)
        ]
        self.learn_weights(predictions, errors)
        self.expected.learn([prediction.voices for prediction in predictions], bits, errors)
        rungs = {}
        for prediction, bit in zip(predictions, bits, strict=True):
            for slots, (slot, check, p, n, _) in zip(self.slots, prediction.uses, strict=True):
                slots[slot] = (
                    check,
                    p + scale((65535 * bit - p) * RATES[n], 14),
                    min(n + 1, LAST_COUNT),
                )
            for rung in prediction.rungs:
                before = self.rung(*rung)
                rungs[rung] = before + scale((2**22 - 1) * bit - before, 6)
        self.ladder.update(rungs)

    def learn_weights(self, predictions: list[Prediction], errors: list[int]) -> None:
        """Learn: the mixer weights W and V, each by one sum over the lanes."""
        for c, weights in enumerate(self.weights):
            sums: dict[int, int] = {}
            for prediction, error in zip(predictions, errors, strict=True):
                use = prediction.uses[c]
                sums[use.n] = sums.get(use.n, 0) + error * use.o
            for n, total in sums.items():
                weights[n] = clip(weights[n] + scale(total, 15), 2**22)
        totals = [0] * self.patterns
        for prediction, error in zip(predictions, errors, strict=True):
            totals[prediction.pattern] += error * prediction.network
        q = 17 if self.patterns == 1 else 15
        self.network_weights = [
            clip(v + scale(total, q), 2**22)
            for v, total in zip(self.network_weights, totals, strict=True)
        ]

    def take(self, symbols: list[int], lanes: list["Lane"]) -> None:
        """Taking a byte into every lane, whose histories have moved on."""
        for runs in self.runs:
            runs.take(symbols)
        for match, context in zip(self.matches, self.version.matches, strict=True):
            match.take(symbols, [lane.context(context, i) for i, lane in enumerate(lanes)])


class Expected:
    """Section 2.6: hopes and weights of the sources."""

    def __init__(self, version: Version) -> None:
        """As at the beginning of a block."""
        self.kinds = version.kinds
        self.hopes: dict[tuple[int, int, int], int] = {}
        self.weights: dict[tuple[int, int, int], int] = {}
        for y in range(version.kinds):
            for i in range(len(version.matches) + len(version.runs)):
                is_match = i < len(version.matches)
                for v in range(32):
                    self.hopes[y, i, v] = 2**22 - 2**22 // (v + 8 if is_match else 6 * (v % 16) + 2)
                    self.weights[y, i, v] = version.first_weights[1 if is_match else 2]

    def predict(self, guesses: list[tuple[int, int] | None], k: int, node: int) -> list[Voice]:
        """What the sources that expect something say of bit k."""
        voices = []
        for i, guess in enumerate(guesses):
            if guess is not None:
                e, v = guess
                cell = (min(k, self.kinds - 1), i, v)
                bit = (e >> (7 - k)) & 1
                agrees = (e | 256) >> (8 - k) == node
                o = stretch_table()[self.hopes[cell] >> 10] * (1 if bit else -1)
                voices.append(Voice(cell, bit, agrees, o if agrees else 0))
        return voices

    def sum_of(self, voices: list[Voice]) -> int:
        """Q."""
        return sum((self.weights[voice.cell] >> 6) * voice.o for voice in voices)

    def learn(self, said: list[list[Voice]], bits: list[int], errors: list[int]) -> None:
        """Learn the bits of all lanes that take part, for every cell at once."""
        lessons: dict[tuple[int, int, int], list[int]] = {}
        for voices, bit, error in zip(said, bits, errors, strict=True):
            for voice in voices:
                if voice.agrees:
                    lesson = lessons.setdefault(voice.cell, [0, 0, 0])
                    lesson[0] += 1
                    lesson[1] += voice.bit == bit
                    lesson[2] += error * voice.o
        for cell, (count, hits, slope) in lessons.items():
            self.hopes[cell] += scale(hits * (2**22 - 1) - count * self.hopes[cell], 10)
            self.weights[cell] = clip(self.weights[cell] + scale(slope, 15), 2**22)


class Match:
    """Section 2.4: where the lanes of one block saw their contexts last."""

    def __init__(self, lanes: int) -> None:
        """The match at the beginning of a block."""
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
            if place is not None and self.text[place] == symbol:
                self.places[i] = self.known(place + self.lanes)
                self.lengths[i] += 1
            else:
                self.places[i] = None
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
        """The table at the beginning of a block."""
        self.slot_bits = slot_bits
        self.slots: dict[int, tuple[int, int, int, int]] = {}  # check, e, d, l
        self.seen: dict[
            int, tuple[int, int, tuple[int, int, int] | None]
        ] = {}  # lane -> slot, check, (e, d, l)

    def expects(self, lane: int, h: int) -> tuple[int, int] | None:
        """The byte and the cell."""
        m = mix(h, 1)
        slot, check = m >> (32 - self.slot_bits), m & ((1 << (32 - self.slot_bits)) - 1)
        found, e, d, length = self.slots.get(slot, (0, 0, 0, 0))
        if length == 0 or found != check:
            self.seen[lane] = slot, check, None
            return None
        self.seen[lane] = slot, check, (e, d, length)
        return e, min(length, 15) + 16 * d

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


# Section 4: weights file


class Matrix(NamedTuple):
    """A matrix as one tuple of weights for each output, and the outputs' exponents."""

    columns: tuple[Vector, ...]
    exponents: Vector


class Table(NamedTuple):
    """An n-gram table, its rows still bytes."""

    order: int
    bits: int
    rows: bytes


class Shape(NamedTuple):
    """The shape in a weights file."""

    width: int
    layers: int
    state: int
    hidden: int
    taps: int
    table_dim: int
    tables: list[tuple[int, int]]
    mlp: str

    @property
    def branches(self) -> int:
        """Outputs of w_in in multiples of hidden."""
        return 2 if self.mlp == "kan_glu" else 1

    @property
    def e(self) -> int:
        """The number of n-gram entries."""
        return self.table_dim * len(self.tables)


class Mixer(NamedTuple):
    """The weights of one mixer."""

    w_in: Matrix
    gate_bias: Vector
    conv_taps: list[Vector]
    w_out: Matrix


class Mlp(NamedTuple):
    """The weights of one mlp; `w_in` is split, since its halves have different fraction bits."""

    w_u: Matrix
    w_v: Matrix | None
    knots: list[Vector]
    w_out: Matrix


class Network(NamedTuple):
    """All weights of the network."""

    shape: Shape
    embed: list[Vector]
    tables: list[Table]
    w_ngram: Matrix
    layers: list[tuple[Mixer, Mlp]]
    head: Matrix
    head_ngram: Matrix
    head_bias: Vector


def find_network(identity: bytes, weights_files: list[bytes]) -> Network:
    """Section 1.1: read the weights file that the header names."""
    for weights in weights_files:
        if hashlib.sha256(weights).digest()[:8] == identity:
            return read_weights(weights)
    raise ValueError(f"no weights file with identity {identity.hex()}")


def read_weights(weights: bytes) -> Network:
    """Section 4: read a weights file."""
    require(weights[:4] == b"KZWT", "not a weights file")
    require(len(weights) >= 7, "truncated weights file")
    version, shape_size = struct.unpack_from("<BH", weights, 4)
    require(version in (1, 2), "unknown version of the weights file")
    require(len(weights) >= 7 + shape_size, "truncated weights file")
    shape = read_shape(weights[7 : 7 + shape_size])
    rest = weights[7 + shape_size :]
    if version == 1:
        data = unpack(rest, arrays_size(shape))
    else:
        require(len(rest) >= CHECKSUM_SIZE and len(rest) % 4 == 0, "truncated weights file")
        check_checksum(weights, "weights file")
        data = unpack_stream(rest[:-CHECKSUM_SIZE], shape)
    return read_network(Arrays(data), shape)


def read_shape(text: bytes) -> Shape:
    """Section 4: read the JSON shape and hold it to the page's limits."""
    values = read_json(text)
    names = ("width", "layers", "state", "hidden", "taps", "table_dim")
    require(isinstance(values, dict) and {*names, "tables"} <= values.keys(), "incomplete shape")
    sizes = [values[name] for name in names]
    require(all(type(size) is int and size >= 0 for size in sizes), "invalid number in the shape")
    require(isinstance(values["tables"], list), "invalid tables in the shape")
    tables = [read_table_shape(table) for table in values["tables"]]
    shape = Shape(
        **{name: values[name] for name in names}, tables=tables, mlp=values.get("mlp", "kan_glu")
    )
    require(shape.mlp in ("kan_glu", "kan"), "unknown mlp")
    limited = (shape.width, shape.layers, shape.state, shape.hidden, shape.e)
    require(
        all(1 <= size <= 1024 for size in limited),
        "width, layers, state, hidden or n-gram entries not within 1 to 1024",
    )
    require(1 <= shape.taps <= 4, "taps not within 1 to 4")
    return shape


def read_json(text: bytes) -> Any:
    """The value of a JSON text."""
    try:
        return json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError("shape of the weights file is not JSON") from error


def read_table_shape(table: Any) -> tuple[int, int]:
    """Section 4: one [order, bits] of the shape, held to the limits."""
    require(isinstance(table, list) and len(table) == 2, "invalid table in the shape")
    order, bits = table
    require(type(order) is int and 2 <= order <= 8, "invalid order of a table")
    require(type(bits) is int and 8 <= bits <= 24, "invalid bits of a table")
    return order, bits


def arrays_size(shape: Shape) -> int:
    """Section 4: the bytes of all arrays; a matrix of n outputs has one row of exponents more than it has inputs."""
    d, w, m, e = shape.width, shape.state, shape.hidden, shape.e
    tables = sum(shape.table_dim << bits for _, bits in shape.tables)
    mixer = (d + 1) * 3 * w + 2 * w + 2 * shape.taps * w + (w + 1) * d
    mlp = (d + 1) * shape.branches * m + 2 * 9 * m + (m + 1) * d
    heads = (d + 1) * 256 + (e + 1) * 256 + 2 * 256
    return 256 * d + tables + (e + 1) * d + shape.layers * (mixer + mlp) + heads


def unpack(stream: bytes, size: int) -> bytes:
    """Section 4: unpack one xz stream, which must hold `size` bytes and be followed by nothing."""
    require(size < sys.maxsize, "arrays of the weights file do not fit its shape")
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    try:
        data = unpacker.decompress(stream, size + 1)
    except lzma.LZMAError as error:
        raise ValueError("invalid xz stream in the weights file") from error
    require(len(data) == size, "arrays of the weights file do not fit its shape")
    require(unpacker.eof, "truncated weights file")
    require(not unpacker.unused_data, "bytes after the weights file")
    return data


# Section 4.1: stream of version 2

SHIFTS, EXPONENTS, MATRICES, TABLES = 0, 1, 2, 3
WIDE = {"gate_bias": 4, "conv_taps": 6, "knots": 8, "head_bias": 10}


def unpack_stream(stream: bytes, shape: Shape) -> bytes:
    """Section 4.1: the bytes that an xz stream of version 1 would hold."""
    reader = StreamReader(stream)
    return b"".join(reader.array(name, rows, columns) for name, rows, columns in arrays_of(shape))


def arrays_of(shape: Shape) -> Iterator[tuple[str, int, int]]:
    """Section 4: (kind, rows, columns) of each array in order; exponents are arrays of their own."""
    d, w, m, e = shape.width, shape.state, shape.hidden, shape.e
    v = shape.branches * m
    yield "matrix", 256, d
    for _, bits in shape.tables:
        yield "table", 1 << bits, shape.table_dim
    yield from [("matrix", e, d), ("exponents", 1, d)]
    for _ in range(shape.layers):
        yield from [
            ("matrix", d, 3 * w),
            ("exponents", 1, 3 * w),
            ("gate_bias", 1, w),
            ("conv_taps", shape.taps, w),
        ]
        yield from [("matrix", w, d), ("exponents", 1, d), ("matrix", d, v), ("exponents", 1, v)]
        yield from [("knots", 9, m), ("matrix", m, d), ("exponents", 1, d)]
    yield from [
        ("matrix", d, 256),
        ("exponents", 1, 256),
        ("matrix", e, 256),
        ("exponents", 1, 256),
        ("head_bias", 1, 256),
    ]


def spread(total: int, n: int) -> int:
    """Spread(S, n)."""
    if n == 0:
        return 0
    m = 16 * total // n
    k = max(m.bit_length() - 2, 0)
    return 1 + 2 * k + (m >> k)


class StreamReader:
    """Section 4.1: reads arrays from the stream, learning its counts."""

    def __init__(self, stream: bytes) -> None:
        """All counts 1."""
        self.source = RangeDecoder(stream)
        self.counts: dict[tuple[int, int], list[int]] = {}
        self.seen: dict[int, int] = {}

    def limit(self, family: int) -> int:
        """B(family)."""
        return min(max(self.seen.get(family, 0) >> 4, 32), 2048)

    def batch(self, family: int, classes: list[int]) -> list[int]:
        """The bytes of a batch, given the class of each of its values."""
        values = [0] * len(classes)
        parts: dict[int, list[int]] = {}
        for at, number in enumerate(classes):
            parts.setdefault(number, []).append(at)
        for number in sorted(parts):
            counts = self.counts.setdefault((family, number), [1] * 256)
            below = running_shares(counts)
            for at in parts[number]:
                values[at] = self.source.byte(below)
            for at in parts[number]:
                counts[values[at]] += 16
            while sum(counts) > 1 << 22:
                counts[:] = [(count + 1) >> 1 for count in counts]
        self.seen[family] = self.seen.get(family, 0) + len(classes)
        return values

    def array(self, kind: str, rows: int, columns: int) -> bytes:
        """One array, its shift undone, as little-endian bytes."""
        (shift,) = self.batch(SHIFTS, [0])
        require(shift <= 15, "a shift of more than 15")
        if kind == "matrix":
            values = self.matrix(rows, columns)
        elif kind == "table":
            values = self.table(rows, columns)
        else:
            values = [value for row in range(rows) for value in self.row(kind, row, columns)]
        try:
            return struct.pack(
                f"<{len(values)}{'h' if kind in WIDE else 'b'}",
                *[value << shift for value in values],
            )
        except struct.error as error:
            raise ValueError("a value that its type cannot hold") from error

    def matrix(self, rows: int, columns: int) -> list[int]:
        """Family 2, band after band of rows."""
        values: list[int] = []
        squares, done = [0] * columns, 0
        while done < rows:
            band = min(max(1, self.limit(MATRICES) // columns), rows - done)
            classes = [spread(total, done) for total in squares]
            read = [byte - 128 for byte in self.batch(MATRICES, classes * band)]
            squares = [
                total + sum(x * x for x in read[j::columns]) for j, total in enumerate(squares)
            ]
            values += read
            done += band
        return values

    def table(self, rows: int, columns: int) -> list[int]:
        """Family 3, stretch after stretch of rows, in each column after column."""
        values: list[int] = []
        done = 0
        while done < rows:
            stretch = min(self.limit(TABLES), rows - done)
            squares, read = [0] * stretch, []
            for column in range(columns):
                read.append(
                    [
                        byte - 128
                        for byte in self.batch(TABLES, [spread(total, column) for total in squares])
                    ]
                )
                squares = [total + x * x for total, x in zip(squares, read[-1], strict=True)]
            values += [x for row in zip(*read, strict=True) for x in row]
            done += stretch
        return values

    def row(self, kind: str, number: int, columns: int) -> list[int]:
        """Families 1 and 4 to 11, piece after piece of one row."""
        values: list[int] = []
        family = WIDE.get(kind, EXPONENTS)
        while len(values) < columns:
            classes = [number if kind in WIDE else 0] * min(
                self.limit(family), columns - len(values)
            )
            read = [byte - 128 for byte in self.batch(family, classes)]
            if kind in WIDE:
                read = [
                    256 * high + low
                    for high, low in zip(read, self.batch(family + 1, classes), strict=True)
                ]
            values += read
        return values


def running_shares(counts: list[int]) -> list[int]:
    """Section 4.1: the sums of the shares before each byte value, and 2^24."""
    total = sum(counts)
    shares = [1 + count * (2**24 - 256) // total for count in counts]
    shares[0] += 2**24 - sum(shares)
    return list(accumulate(shares, initial=0))


class Arrays:
    """Reads the arrays of a weights file in order and checks the page's bounds."""

    def __init__(self, data: bytes) -> None:
        """Begin at the first array."""
        self.data = data
        self.position = 0

    def raw8(self, size: int) -> bytes:
        """`size` int8 values, still bytes; 80 hex would be -128."""
        part = self.data[self.position : self.position + size]
        self.position += size
        require(b"\x80" not in part, "an int8 weight is -128")
        return part

    def int8(self, size: int) -> Vector:
        """`size` int8 values."""
        return struct.unpack(f"<{size}b", self.raw8(size))

    def int16(self, size: int, bound: int = 32768) -> Vector:
        """`size` int16 values, none beyond the bound."""
        values = struct.unpack_from(f"<{size}h", self.data, self.position)
        self.position += 2 * size
        require(
            all(-bound <= value <= bound for value in values), "an int16 weight is out of bounds"
        )
        return values

    def matrix(self, inputs: int, outputs: int, a: int, b: int) -> Matrix:
        """A matrix and its exponents; a and b are those of its Dense, for the bounds of the shifts."""
        rows = self.raw8(inputs * outputs)
        columns = tuple(struct.unpack(f"<{inputs}b", rows[j::outputs]) for j in range(outputs))
        exponents = self.int8(outputs)
        require(
            all(-6 <= a - exponent - b <= 19 for exponent in exponents), "a shift is out of bounds"
        )
        return Matrix(columns, exponents)


def read_network(arrays: Arrays, shape: Shape) -> Network:
    """Section 4: the arrays in order."""
    d, e = shape.width, shape.e
    return Network(
        shape=shape,
        embed=[arrays.int8(d) for _ in range(256)],
        tables=[
            Table(order, bits, arrays.raw8(shape.table_dim << bits)) for order, bits in shape.tables
        ],
        w_ngram=arrays.matrix(e, d, 6, 12),
        layers=[(read_mixer(arrays, shape), read_mlp(arrays, shape)) for _ in range(shape.layers)],
        head=arrays.matrix(d, 256, 4, 10),
        head_ngram=arrays.matrix(e, 256, 6, 10),
        head_bias=arrays.int16(256),
    )


def read_mixer(arrays: Arrays, shape: Shape) -> Mixer:
    """Section 4: the arrays of one mixer."""
    d, w = shape.width, shape.state
    return Mixer(
        w_in=arrays.matrix(d, 3 * w, 4, 10),
        gate_bias=arrays.int16(w, 16384),
        conv_taps=[arrays.int16(w, 8192) for _ in range(shape.taps)],
        w_out=arrays.matrix(w, d, 5, 12),
    )


def read_mlp(arrays: Arrays, shape: Shape) -> Mlp:
    """Section 4: the arrays of one mlp."""
    d, m = shape.width, shape.hidden
    w_in = arrays.matrix(d, shape.branches * m, 4, 10)
    return Mlp(
        w_u=Matrix(w_in.columns[:m], w_in.exponents[:m]),
        w_v=Matrix(w_in.columns[m:], w_in.exponents[m:]) if shape.branches == 2 else None,
        knots=[arrays.int16(m) for _ in range(9)],
        w_out=arrays.matrix(m, d, 4, 12),
    )


# Section 3: integer step


def dense(x: Vector, matrix: Matrix, a: int, b: int) -> list[int]:
    """Dense(x, W, a, b)."""
    outputs = zip(matrix.columns, matrix.exponents, strict=True)
    return [
        clip(scale(sum(map(mul, column, x)), a - exponent - b), 2**28)
        for column, exponent in outputs
    ]


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
    """Step 1: low and high, masked to an order; `recent` is the last eight bytes, the newest in the lowest bits."""
    low, high = recent & MASK32, recent >> 32
    if order < 4:
        return low & ((1 << (8 * order)) - 1), 0
    return low, high & ((1 << (8 * (order - 4))) - 1)


def hash32(a: int, b: int) -> int:
    """Hash(a, b) of section 2.3, which step 1 uses as well."""
    g = (a * HASH_A + b * HASH_B) & MASK32
    g ^= g >> 15
    return (g * HASH_A) & MASK32


def ngram_entries(network: Network, recent: int) -> list[int]:
    """Step 1: the vector E."""
    dim = network.shape.table_dim
    entries: list[int] = []
    for table in network.tables:
        row = hash32(*last_bytes(recent, table.order)) >> (32 - table.bits)
        entries += struct.unpack_from(f"<{dim}b", table.rows, row * dim)
    return entries


def counts_of(logits: Vector) -> list[int]:
    """Step 5: the evidence."""
    exp = exp_table()
    top = max(logits)
    counts = []
    for logit in logits:
        u = min(top - logit, 2**15)
        v = min((u * 5909) >> 14, 7936)
        counts.append(max(exp[v & 255] >> (v >> 8), 1))
    return counts


class MixerState:
    """The state of one layer's mixer: `h`, and `past` with the newest vector first."""

    def __init__(self, shape: Shape) -> None:
        """All zeros."""
        self.h = [0] * shape.state
        self.past = [[0] * shape.state for _ in range(shape.taps)]

    def blend(self, z: list[int], conv_taps: list[Vector]) -> list[int]:
        """The mixer's vector a; z enters `past` after it."""
        sums = [0] * len(z)
        for tap, old in zip(conv_taps, self.past, strict=True):
            sums = [
                total + weight * value for total, weight, value in zip(sums, tap, old, strict=True)
            ]
        self.past = [z, *self.past][: len(self.past)]
        return [clip(value + scale(total, 12), 8192) for value, total in zip(z, sums, strict=True)]

    def update(self, k: list[int], a: list[int]) -> None:
        """The mixer's step of h."""
        self.h = [
            clip(h - scale(k_j * k_j, 15) * scale(h, 15) + scale(k_j * a_j, 1), 2**30)
            for h, k_j, a_j in zip(self.h, k, a, strict=True)
        ]


def apply_mixer(mixer: Mixer, state: MixerState, x: Vector) -> list[int]:
    """Mixer_i(x), which also steps the mixer's state."""
    w = len(mixer.gate_bias)
    outputs = dense(x, mixer.w_in, 4, 10)
    z = [clip(value, 2**15) for value in outputs[:w]]
    k = [
        sigmoid(gate + bias) for gate, bias in zip(outputs[w : 2 * w], mixer.gate_bias, strict=True)
    ]
    state.update(k, state.blend(z, mixer.conv_taps))
    out = [clip(value, 2**14) for value in outputs[2 * w :]]
    gated = [scale(value * sigmoid(value), 15) for value in out]
    y = [
        clip(scale(scale(h, 14) * value, 15), 127) for h, value in zip(state.h, gated, strict=True)
    ]
    return dense(y, mixer.w_out, 5, 12)


def apply_mlp(mlp: Mlp, x: Vector) -> list[int]:
    """Mlp_i(x)."""
    u = [clip(value, 127) for value in dense(x, mlp.w_u, 4, 5)]
    f = []
    for j, u_j in enumerate(u):
        q, r = divmod(u_j + 128, 32)
        f.append((mlp.knots[q][j] * (32 - r) + mlp.knots[q + 1][j] * r + 16) >> 5)
    if mlp.w_v is None:
        y = [scale(f_j, 6) for f_j in f]
    else:
        v = [clip(value, 2**14) for value in dense(x, mlp.w_v, 4, 10)]
        y = [scale(f_j * v_j, 16) for f_j, v_j in zip(f, v, strict=True)]
    return dense([clip(y_j, 127) for y_j in y], mlp.w_out, 4, 12)


def add(x: Vector, y: Vector) -> list[int]:
    """Step 3: Clip(x + y, 2^23), entry by entry."""
    return [clip(x_j + y_j, 2**23) for x_j, y_j in zip(x, y, strict=True)]


class Lane:
    """Sections 2, 2.3 and 3: one lane's network state and its history, words included."""

    def __init__(self, network: Network) -> None:
        """All zeros."""
        self.network = network
        self.states = [MixerState(network.shape) for _ in network.layers]
        self.recent = 0
        self.word = 0
        self.before = 0

    def take(self, byte: int) -> None:
        """Section 2.3, taking a byte: it enters the history and the words."""
        self.recent = (self.recent << 8 | byte) & MASK64
        lower = byte | 32
        if 97 <= lower <= 122 or byte >= 128:
            self.word = ((self.word + lower + 1) * HASH_A) & MASK32
        else:
            self.before = self.word or self.before
            self.word = 0

    def context(self, context: Context, number: int) -> int:
        """Section 2.3: the hash of a context; `number` is the lane's."""
        name, is_own = context
        if name in ("word", "pair"):
            h = hash32(self.word, self.before if name == "pair" else 0)
        else:
            h = hash32(*last_bytes(self.recent, int(name)))
        return ((h ^ (((number + 1) * HASH_A) & MASK32)) * HASH_A) & MASK32 if is_own else h

    def step(self, byte: int) -> list[int]:
        """Section 3: take the byte and make one integer step; returns the evidence."""
        network = self.network
        self.take(byte)
        entries = ngram_entries(network, self.recent)
        mixed = dense(entries, network.w_ngram, 6, 12)
        x = [value * 128 + other for value, other in zip(network.embed[byte], mixed, strict=True)]
        for (mixer, mlp), state in zip(network.layers, self.states, strict=True):
            x = add(x, apply_mixer(mixer, state, norm(x)))
            x = add(x, apply_mlp(mlp, norm(x)))
        parts = (
            dense(norm(x), network.head, 4, 10),
            dense(entries, network.head_ngram, 6, 10),
            network.head_bias,
        )
        return counts_of([clip(sum(values), 2**17) for values in zip(*parts, strict=True)])


def main(arguments: list[str]) -> int:
    """Decode the container to standard output; later arguments are weights files."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    container, *weights_files = [Path(name).read_bytes() for name in arguments]
    try:
        original = decode(container, weights_files)
    except ValueError as error:
        print(f"page_decoder: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(original)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
