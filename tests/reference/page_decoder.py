"""A slow decoder of the kolmozip format, written from `coding/FORMAT.md` alone.

It shares no code with the program, so that it can test whether the page is enough to read a file.
Section numbers are those of the page. What section 7 needs is in `page_deflate.py`, section 10 in
`page_prediction.py`, section 11 in `page_base64.py`, section 12 in `page_columns.py`, section 13
in `page_strings.py`; what several sections share is in `page_coding.py`.

Usage: python page_decoder.py FILE.kz WEIGHTS.kzw... > ORIGINAL
"""

import hashlib
import json
import math
import struct
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).parent))  # this folder is no package

import page_base64
import page_columns
import page_prediction
import page_strings
from page_coding import (
    LAST_STRETCH,
    MASK64,
    RangeDecoder,
    Row,
    Vector,
    clip,
    exp_table,
    lg,
    scale,
    squash,
)
from page_deflate import rebuild, require

END, RAW, RUN, MIXED, REBUILT, BASE64 = range(6)
COLUMNS, PREDICTED, STRINGS = 7, 8, 9
ORIGINALS = {
    REBUILT: rebuild,
    BASE64: page_base64.original,
    COLUMNS: page_columns.original,
    PREDICTED: page_prediction.original,
    STRINGS: page_strings.original,
}
OF_PARTS = tuple(ORIGINALS)
DEEPER = {BASE64: (REBUILT,), REBUILT: (STRINGS,)}
MASK32 = 2**32 - 1
SPACE, NEWLINE = 32, 10
HASH_A, HASH_B, HASH_C = 2654435761, 2246822519, 3266489909
NO_NETWORK = NO_MEMORY = bytes(8)
SHORT = bytes.fromhex("894B7A")

Cell = tuple[int, int, int]  # of an adaptive probability map: its number, its context, and j


# Section 1: container


class Block(NamedTuple):
    """One block, its framing checked; lanes and what follows up to weights are of mixed blocks."""

    kind: int
    length: int
    payload: bytes
    lanes: int = 1
    design: int = 0
    transform: int = 0
    tables: int = 0  # MiB
    weights: bytes = NO_NETWORK
    parts: tuple["Block", ...] = ()  # the blocks in a block of parts


class Prepared(NamedTuple):
    """Section 6: a prepared memory."""

    design: int
    tables: int  # MiB
    weights: bytes
    text: bytes

    def identity(self) -> bytes:
        """What containers name it by."""
        how = struct.pack("<BH8sI", self.design, self.tables, self.weights, len(self.text))
        return hashlib.sha256(b"kolmozip memory\0" + how + self.text).digest()[:8]


def read_prepared(data: bytes) -> Prepared:
    """Section 6: the memory in a file of our program's."""
    require(data[:7] == bytes.fromhex("894B5A4D0D0A01"), "not a prepared memory")
    check_checksum(data[:64], "prepared memory")
    design, tables, _, weights, n, s = struct.unpack_from("<BHH8sII", data, 7)
    return Prepared(design, tables, weights, data[64 + s : 64 + s + n])


def decode(
    container: bytes, networks: Mapping[bytes, "Network"], memories: Sequence[Prepared] = ()
) -> bytes:
    """The original of a container, given the networks by their identities, and the memories.

    Raises ValueError for a container that the page calls invalid, and for one of other networks or
    memories.
    """
    named, blocks, end = read_container(container)
    memory = None
    if named != NO_MEMORY:
        at_hand = {memory.identity(): memory for memory in memories}
        memory = at_hand[the_one(named, list(at_hand), "prepared memory")]
        kinds = {block.kind for block in blocks}
        require(
            kinds.isdisjoint(OF_PARTS), "a block of parts in a container with a prepared memory"
        )
    original = b"".join(decode_block(block, networks, memory) for block in blocks)
    if container[:3] == SHORT:
        check_short(container, original)
    else:
        check_end(end, original)
    return original


def the_one(start: bytes, identities: Sequence[bytes], what: str) -> bytes:
    """The identity that is named by all of its bytes, or in the short form by the first four."""
    found = [identity for identity in identities if identity.startswith(start)]
    require(len(found) > 0, f"no {what} with identity {start.hex()}")
    require(len(found) == 1, f"more than one {what} with identity {start.hex()}")
    return found[0]


def decode_block(
    block: Block, networks: Mapping[bytes, "Network"], memory: Prepared | None
) -> bytes:
    """The original of one block."""
    if block.kind in OF_PARTS:
        parts = b"".join(decode_block(part, networks, None) for part in block.parts)
        return ORIGINALS[block.kind](parts, block.length)
    if block.kind != MIXED:
        return block.payload * (block.length if block.kind == RUN else 1)
    if memory is not None:
        if block.design == 0:  # the short form leaves it to the memory
            design, tables, weights, _ = memory
            block = block._replace(design=design, tables=tables, weights=weights)
        how = (block.lanes, block.design, block.tables, block.weights)
        require(how == (1, *memory[:3]), "a mixed block does not agree with the prepared memory")
    before = memory.text if memory else b""
    if block.weights == NO_NETWORK:
        return decode_mixed(block, None, before)
    identity = the_one(block.weights, list(networks), "weights file")
    return decode_mixed(block, networks[identity], before)


def identity_of(weights: bytes) -> bytes:
    """Section 1.2: the identity of a weights file."""
    return hashlib.sha256(weights).digest()[:8]


def read_container(container: bytes) -> tuple[bytes, list[Block], bytes]:
    """Section 1: the prepared memory that is named, the blocks, and what follows the last."""
    if container[:3] == SHORT:
        return *read_short(container), b""
    blocks, end = read_blocks(container)
    return container[8:16], blocks, end


def weights_named(container: bytes) -> set[bytes]:
    """What the networks' identities begin with that a container's blocks name."""
    _, blocks, _ = read_container(container)
    inner = [part for block in blocks for part in block.parts]
    innermost = [part for block in inner for part in block.parts]
    return {block.weights for block in [*blocks, *inner, *innermost]} - {NO_NETWORK}


def read_short(container: bytes) -> tuple[bytes, list[Block]]:
    """Section 1.5: the prepared memory that a container in the short form names, and its block.

    The block of a prepared memory leaves out design, tables and weights.
    """
    require(len(container) > 3, "truncated short form")
    form = container[3]
    require(form <= 4, f"form {form} of the short form needs a newer decoder")
    require(form > 0, "form 0 of the short form is invalid")
    start = {1: 14, 2: 16, 3: 12, 4: 8}[form]
    require(len(container) >= start, "truncated short form")
    payload = container[start:]
    if form == 4:
        require(len(payload) < 2**16, "more than 65,535 bytes in the short form")
        return NO_MEMORY, [Block(RAW, len(payload), payload)]
    (length,) = struct.unpack_from("<H", container, 8)
    part = len(payload) % 4
    if part:
        payload = payload[:-part] + bytes(4 - part) + payload[-part:]
    require(length > 0, "invalid block length")
    if form == 1:
        check_mixed(length, len(payload), 0, 1)
        return container[10:14], [Block(MIXED, length, payload)]
    how, tables = container[10:12]
    check_mixed(length, len(payload), how >> 4, tables)
    weights = container[12:16] if form == 2 else NO_NETWORK
    require(how & 15 != 0, "a mixed block without a design")
    require(how & 15 in DESIGNS, f"design {how & 15} needs a newer decoder")
    return NO_MEMORY, [Block(MIXED, length, payload, 1 << (how >> 4), how & 15, 0, tables, weights)]


def check_short(container: bytes, original: bytes) -> None:
    """Section 1.5: checks a container in the short form, and the original against it."""
    check = hashlib.sha256(container[:4] + container[8:] + hashlib.sha256(original).digest())
    require(container[4:8] == check.digest()[:4], "wrong check of the short form")


def check_mixed(length: int, size: int, lanes_log: int, tables: int) -> None:
    """Section 1.2: the rules for numbers of a mixed block."""
    require(1 <= tables <= 4096, "invalid tables of a mixed block")
    require(size % 4 == 0 and 4 <= size < length, "invalid size of a mixed block")
    require(length <= 8192 * size, "more than 8192 bytes for each byte of a mixed block")
    require(lanes_log <= 10 and 1 << lanes_log <= length, "invalid number of lanes")


def read_blocks(container: bytes) -> tuple[list[Block], bytes]:
    """Section 1: the blocks of a container, and what follows the last."""
    check_header(container)
    blocks, position = [], 20
    while position < len(container) and container[position] != END:
        block, position = read_block(container, position)
        blocks.append(block)
    return blocks, container[position:]


def check_header(container: bytes) -> None:
    """Section 1.1: checks the header."""
    require(container[:6] == bytes.fromhex("894B5A0D0A1A"), "not a kolmozip container")
    require(len(container) > 6, "truncated header")
    version = container[6]
    require(version not in (2, 3), f"format version {version} is from before the first release")
    require(version <= 1, f"format version {version} needs a newer decoder")
    require(len(container) >= 20, "truncated header")
    check_checksum(container[:20], "header")
    require(version == 1, "format version 0 is invalid")
    require(container[7] == 0, "reserved byte of the header is not 0")


def check_checksum(part: bytes, name: str) -> None:
    """Checks the CRC-32 in the last four bytes of a part of a file."""
    (checksum,) = struct.unpack("<I", part[-4:])
    require(zlib.crc32(part[:-4]) == checksum, f"wrong checksum of the {name}")


def read_block(container: bytes, position: int) -> tuple[Block, int]:
    """Section 1.2: reads and checks one block; returns it and the position after it."""
    require(position + 12 <= len(container), "truncated block")
    head = struct.unpack_from("<BBBBII", container, position)
    kind, lanes_log, design, transform, length, size = head
    require(kind in (RAW, RUN, MIXED, *OF_PARTS), f"block type {kind} needs a newer decoder")
    require(1 <= length <= 2**27, "invalid block length")
    start = position + (24 if kind == MIXED else 12)
    end = start + size + 4
    block = Block(kind, length, container[start : end - 4])
    if kind == MIXED:
        require(start <= len(container), "truncated block")
        tables, reserved, weights = struct.unpack_from("<HH8s", container, position + 12)
        require(reserved == 0, "reserved field of a mixed block is not 0")
        check_mixed(length, size, lanes_log, tables)
        require(design != 0, "a mixed block without a design")
        block = Block(*block[:3], 1 << lanes_log, design, transform, tables, weights)
    else:
        require(lanes_log == design == transform == 0, "a field of mixed blocks is not 0")
        fits = size < length if kind in OF_PARTS else size == (length if kind == RAW else 1)
        require(fits, "invalid size of a raw block, a run or a block of parts")
    require(end <= len(container), "truncated block")
    check_checksum(container[position:end], "block")
    if kind in OF_PARTS:
        block = block._replace(parts=read_parts(block))
    require(design in (0, *DESIGNS), f"design {design} needs a newer decoder")
    require(transform <= 6, f"transform {transform} needs a newer decoder")
    return block, end


def read_parts(block: Block) -> tuple[Block, ...]:
    """Sections 7 and 10 to 13: the blocks in a block of parts."""
    blocks, position = [], 0
    while position < len(block.payload):
        kind = block.payload[position]
        within = (RAW, RUN, MIXED, *DEEPER.get(block.kind, ()))
        require(kind in within, f"block type {kind} in a block of parts")
        part, position = read_block(block.payload, position)
        blocks.append(part)
    require(len(blocks) > 0, "a block of no parts")
    length = sum(part.length for part in blocks)
    most = min(2**27, 32 * block.length) if block.kind == REBUILT else block.length + 2**20
    require(length <= most, "too long parts of a block")
    return tuple(blocks)


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


# Section 2: mixed block


def decode_mixed(block: Block, network: "Network | None", before: bytes = b"") -> bytes:
    """Decodes all lanes of a mixed block in step, joins them and undoes the transform.

    In a block of one lane a text may come before it, which is read and not decoded (section 6).
    """
    source = Reading(before, RangeDecoder(block.payload))
    share, longer = divmod(len(before) + block.length, block.lanes)
    lengths = [share + (i < longer) for i in range(block.lanes)]
    memory = Memory(block, network is not None, len(before) or block.length)
    states = [Lane(network) for _ in lengths] if network else []
    evidence = [state.step(SPACE) for state in states]
    for t in range(lengths[0]):
        active = sum(length > t for length in lengths)  # these lanes are the first
        symbols = decode_symbols(source, memory, active, evidence)
        if t + 1 < lengths[0]:  # what follows the last step would have no use
            evidence = [state.step(c) for state, c in zip(states, symbols, strict=False)]
    original = b"".join(bytes(text.bytes) for text in memory.texts)[len(before) :]
    if block.transform == 1:
        return undo_x86(original)
    if block.transform in DIFFERENCES:
        return undo_differences(original, *DIFFERENCES[block.transform])
    return original


def decode_symbols(
    source: "Reading", memory: "Memory", active: int, evidence: list[list[int]]
) -> list[int]:
    """Decodes one byte in each lane that takes part: all first bits, all second bits, and so on."""
    sums = [list(accumulate(counts, initial=0)) for counts in evidence]
    nodes = [1] * active
    for k in range(8):
        if k in (0, 4):
            memory.seek(nodes, k)
        predictions = []
        for i, node in enumerate(nodes):
            stretch = network_stretch(sums[i], node, k) if sums else 0
            predictions.append(memory.predict(i, k, node, stretch))
        bits = [source.bit(prediction.zero) for prediction in predictions]
        for i, (prediction, bit) in enumerate(zip(predictions, bits, strict=True)):
            memory.learn(i, prediction, bit)
        nodes = [2 * node + bit for node, bit in zip(nodes, bits, strict=True)]
        if k in (3, 7):
            memory.write(nodes, k)
    symbols = [node - 256 for node in nodes]
    memory.take(symbols)
    return symbols


def network_stretch(below: Vector, node: int, k: int) -> int:
    """Section 2.1: N, given the evidence's running sums and the node of k known bits."""
    start, half = (node << (8 - k)) - 256, 128 >> k
    zeros = below[start + half] - below[start]
    total = below[start + 2 * half] - below[start]
    f = min(max((zeros << 24) // total, 1), (1 << 24) - 1)
    return clip(lg(2**24 - f) - lg(f), LAST_STRETCH)


class Reading:
    """Section 6: the bits of a text that is read first, then those of a stream."""

    def __init__(self, text: bytes, stream: "RangeDecoder") -> None:
        self.known = (byte >> k & 1 for byte in text for k in range(7, -1, -1))
        self.stream = stream

    def bit(self, count: int) -> int:
        """The next bit."""
        known = next(self.known, None)
        return self.stream.bit(count) if known is None else known


# Section 2.3: memory


class Design(NamedTuple):
    """What a memory consists of, by the names of the page."""

    contexts: str
    part: int
    sets: str
    matches: list[int]


DESIGNS = {
    1: Design(
        "1, 2, 3, 4, 6, word, pair, nest",
        8,
        "match, last, node, classes",
        [5, 12],
    ),
    2: Design(
        "1, 2, 3, 4, 5, 6, 8, word, pair, skip, triple, own 2, own 3, own 4, own 5, own word, "
        "own pair, sparse 6, sparse 5, sparse 12, indent, specials, format, field, above, "
        "above word, record, record pair, indirect, indirect pair, nest, nest word",
        8,
        "none, node, last, match, classes, known, fields, two",
        [5, 10, 20],
    ),
    3: Design(
        "1, 2, 3, 4, 6, 8, word, pair, skip, triple, own 2, own 3, own 5, own word, sparse 6, "
        "sparse 5, sparse 12, indent, specials, format, above, above word, record, indirect, "
        "indirect pair, nest, nest word, column, column above, shape, specials format, "
        "field triple",
        8,
        "none, node, last, match, classes, known, fields, two",
        [5, 10, 20],
    ),
    4: Design(
        "1, 2, 3, 4, 8, word, pair, skip, triple, own 2, own 3, own 5, own word, indent, "
        "above, above word, indirect, indirect pair, nest word, column, column above, shape, "
        "specials format, field triple",
        8,
        "none, node, last, match, classes, known, fields, two",
        [5, 10, 20],
    ),
    5: Design(
        "1, 2, far, 4, 6, sparse 2, place, trend, word, pair, skip, triple, sparse 6, "
        "pair followed, even, halves, sparse 12, indent, format, above word, record, indirect, "
        "sixteenth, followed 3, nest, three above, column, column above, shape, specials format, "
        "field triple, followed 5",
        8,
        "place, node, last, match, classes, known, fields, two",
        [5, 10, 20],
    ),
    6: Design(
        "1, 2, far, 4, 6, sparse 2, place, trend, word, pair, skip, triple, sparse 6, "
        "pair followed, even, halves, sparse 12, indent, format, above word, record, indirect, "
        "sixteenth, followed 3, nest, three above, column, column above, shape, specials format, "
        "field triple, followed 5, nothing, tops, letters, letters then, side, other side, "
        "nest word, specials",
        8,
        "place, node, last, match, classes, known, fields, two, sixteenth, classes fourth, tops, "
        "second, third, reading, bit, none",
        [5, 10, 20],
    ),
    7: Design(
        "1, 2, far, 4, 6, sparse 2, place, period trend, word, pair, skip, triple, sparse 6, "
        "pair followed, even, halves, sparse 12, indent, format, above word, record, indirect, "
        "sixteenth, followed 3, nest, four above, column, column above, shape, specials format, "
        "field triple, followed 5, nothing, tops, string word, letters then, characters 2, "
        "characters 5, lag row, lag corner, corner, lag trend, lag, second lag, lag place, "
        "string pair, outside, four periods",
        8,
        "place, node, last, match, classes, known, fields, two, sixteenth, classes fourth, tops, "
        "second, third, reading, period, none",
        [5, 10, 20],
    ),
}


@cache
def stretch_table() -> list[int]:
    """The table Stretch."""
    return [lg(2 * i + 1) - lg(8191 - 2 * i) for i in range(4096)]


def hash32(a: int, b: int) -> int:
    """Hash(a, b)."""
    g = (a * HASH_A + b * HASH_B) & MASK32
    g ^= g >> 15
    return g * HASH_A & MASK32


def mix(h: int, node: int) -> int:
    """Mix(H, v)."""
    m = (h ^ (node * HASH_B & MASK32)) * HASH_A & MASK32
    return m ^ (m >> 15)


class Experience:
    """A probability p, in 2^-22, and the count n of what it stands for."""

    __slots__ = ("n", "p")

    def __init__(self, p: int, n: int) -> None:
        self.p, self.n = p, n

    def stretch(self) -> int:
        """Its stretch."""
        return stretch_table()[self.p >> 10]

    def learn(self, came: int, limit: int) -> None:
        """Learns whether it came true."""
        self.p += scale(((2**22 - 1) * came - self.p) * (2**17 // (2 * self.n + 3)), 16)
        self.n = min(self.n + 1, limit)


class Prediction(NamedTuple):
    """What one lane's prediction of one bit rests on, for learning it."""

    node: int
    k: int
    expected: list[int]  # by match: the bit it expects, or -1
    inputs: list[int]
    rows: list["Row"]  # of the sets
    outputs: list[int]  # of the sets
    last: int  # the last row's output
    cells: list[Cell]
    zero: int  # f'


class Memory:
    """The memory of one block, made of the parts that the sections after this describe."""

    def __init__(self, block: Block, network: bool, length: int) -> None:
        design = DESIGNS[block.design]
        names = design.contexts.split(", ")
        parts = -(-len(names) // design.part)
        lines = (block.tables << 20) // parts // 128
        tables = [Table(lines) for _ in range(parts)]
        self.texts = [Text(block.design == 7) for _ in range(block.lanes)]
        self.contexts = [
            Context(name, tables[at // design.part], self.texts) for at, name in enumerate(names)
        ]
        slots = max(length.bit_length(), 12)
        slots = min(slots, 25 if block.tables > 1280 else 22, 14 + block.tables.bit_length())
        self.matches = [Match(least, slots, self.texts) for least in design.matches]
        first = [0, 14745 if network else 0]
        first += [1638, 0] * len(self.matches) + [1310, 819] * len(self.contexts)
        self.names = design.sets.split(", ")
        least = 200 if block.design in (6, 7) else 91
        self.sets: list[dict[int, Row]] = [
            defaultdict(lambda: Row(first, least, 1817000, 500)) for _ in self.names
        ]
        even = 1000 // len(self.sets) * 16384 // 1000
        self.last = Row([even] * len(self.sets), 45, 14520000, 40000)
        self.maps = Maps()

    def seek(self, nodes: list[int], k: int) -> None:
        """Section 2.6: seeks the slots of the half byte that begins with bit k."""
        for context in self.contexts:
            for lane, node in enumerate(nodes):
                context.seek(lane, node, k)

    def predict(self, lane: int, k: int, node: int, network: int) -> Prediction:
        """Section 2.8: the count f' of a 0, and all that learning needs."""
        inputs, expected = [111, network], []
        for match in self.matches:
            pair, bit = match.predict(lane, k, node)
            inputs += pair
            expected.append(bit)
        for context in self.contexts:
            inputs += context.predict(lane, k, node)
        chosen = [self.choose(name, lane, k, node, expected) for name in self.names]
        rows = [rows[at] for rows, at in zip(self.sets, chosen, strict=True)]
        outputs = [row.mix(inputs) for row in rows]
        last = self.last.mix(outputs)
        cells, zero = self.maps.refine(self.texts[lane], node, last)
        return Prediction(node, k, expected, inputs, rows, outputs, last, cells, zero)

    def choose(self, name: str, lane: int, k: int, node: int, expected: list[int]) -> int:
        """Section 2.8: the row that a set chooses."""
        text = self.texts[lane]
        if name == "node":
            return node
        if name == "last":
            return text.back(1)
        if name == "match":
            told = (
                (min(match.lengths[lane], 15), bit)
                for match, bit in zip(self.matches, expected, strict=True)
                if bit >= 0
            )
            length, bit = max(told, key=lambda pair: pair[0], default=(0, 0))
            return 3 * (2 * length + bit) + (k > 0) + (k > 3)
        if name == "classes":
            v = [0, 0, 1, 2, 2, 3, 3, 3, 3, 3][class_of(text.back(2))]
            return 8 * (4 * class_of(text.back(1)) + v) + k
        if name == "known":
            r = sum(context.seats[lane].run is not None for context in self.contexts)
            h = sum(context.seats[lane].history != EMPTY for context in self.contexts)
            number = len(self.contexts)
            return 8 * (9 * (8 * r // number) + 8 * h // number) + k
        if name == "fields":
            return 8 * min(text.fields, 31) + k
        if name == "place":
            return 8 * min(len(text.bytes) % text.record, 511) + k
        if name == "sixteenth":
            return 8 * (len(text.bytes) % 16) + k
        if name == "classes fourth":
            of_classes = self.choose("classes", lane, 0, node, expected)
            return 4 * of_classes + 8 * (len(text.bytes) % 4) + k
        if name == "tops":
            one, two, three = (text.back(i) // 32 for i in (1, 2, 3))
            return 8 * (64 * one + 8 * two + three) + k
        if name in ("second", "third"):
            return 8 * text.back(2 if name == "second" else 3) + k
        if name == "reading":
            return 8 * text.reading + k
        if name == "bit":
            return k
        if name == "period":
            return 8 * min(len(text.bytes) % text.period, 511) + k
        return (text.pair * HASH_A & MASK32) >> 20 if name == "two" else 0

    def learn(self, lane: int, prediction: Prediction, bit: int) -> None:
        """Learn one lane's bit, which the lanes before it have learned."""
        for context in self.contexts:
            context.learn(lane, bit)
        for match, expected in zip(self.matches, prediction.expected, strict=True):
            match.learn(lane, expected, bit)
        for row, output in zip(prediction.rows, prediction.outputs, strict=True):
            row.learn(prediction.inputs, output, bit)
        self.last.learn(prediction.outputs, prediction.last, bit)
        self.maps.learn(prediction.cells, bit)

    def write(self, nodes: list[int], k: int) -> None:
        """Section 2.6: writes the half byte that ends with bit k."""
        for context in self.contexts:
            for lane, node in enumerate(nodes):
                context.write(lane, node, k)

    def take(self, symbols: list[int]) -> None:
        """Sections 2.4 and 2.7: takes a byte into each lane that took part."""
        for text, symbol in zip(self.texts, symbols, strict=False):
            text.take(symbol)
        if len(symbols) == len(self.texts):  # after fewer, nothing follows
            for match in self.matches:
                match.take(symbols)


# Section 2.4: text and contexts


def class_of(byte: int) -> int:
    """Class of a byte."""
    if byte < 32:
        return 4 if byte in (10, 13) else 5 if byte == 0 else 6
    for number, (least, most) in {0: (97, 122), 1: (65, 90), 2: (48, 57), 3: (32, 32)}.items():
        if least <= byte <= most:
            return number
    return 7 if byte >= 128 else 8 if byte in b".,;:!?" else 9


def order(n: int, recent: int) -> int:
    """H(n, x): the hash of context n, with the bytes of a number in the place of the last ones."""
    low, high = last_bytes(recent, n)
    return hash32(low, high ^ (n << 24))


OPENING = {41: 40, 62: 60, 93: 91, 125: 123}
FAR = ("nothing", "tops", "letters", "letters then", "side", "other side")
LAGS = (
    *("lag", "second lag", "lag trend", "lag place", "period trend", "four periods", "four above"),
    *("lag row", "lag corner"),
    *("corner", "characters 2", "characters 5", "string word", "string pair", "outside"),
)


class Text:
    """What a lane has read, and what contexts are made of."""

    def __init__(self, lags: bool) -> None:
        self.lags = lags
        self.bytes: list[int] = []
        self.word = self.word1 = self.word2 = 0
        self.starts = [0, 0, 0]  # of the line, line 1 and line 2
        self.blank = True  # whether the line has bytes 32 and 9 only
        self.indent = self.first = self.fields = self.specials = self.format = self.nest = 0
        self.after1: dict[int, int] = defaultdict(int)
        self.after2: dict[int, int] = defaultdict(int)
        self.after3: dict[int, int] = defaultdict(int)
        self.after5: dict[int, int] = defaultdict(int)
        self.seen: dict[int, tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
        self.record = 4
        self.candidates = [[0, 0], [0, 0]]
        self.side = self.part = self.letters = self.then = self.reading = 0
        self.kept = [0, 0]
        self.hex = self.half = self.digits = self.shown = 0
        self.characters = self.since = self.spelt = self.spelt1 = 0
        self.mean = [16384] * 8193  # of lag 0 nothing is told
        self.lag0 = self.lag1 = self.period = 1
        self.nearest = 31
        self.even: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def back(self, i: int) -> int:
        """s[i]."""
        return self.bytes[-i] if i <= len(self.bytes) else 0

    @property
    def pair(self) -> int:
        """The last two bytes."""
        return 256 * self.back(2) + self.back(1)

    def take(self, c: int) -> None:
        """Taking a byte."""
        places = (
            (self.after1, self.back(1)),
            (self.after2, self.pair),
            (self.after3, self.hash("3") >> 12),
            (self.after5, self.hash("5") >> 12),
        )
        for after, at in places:
            after[at] = (256 * after[at] + c) & 0xFFFF
        self.bytes.append(c)
        self.take_word(c)
        self.take_line(c)
        self.take_nest(c)
        self.take_record(c)
        self.take_sides(c)
        if self.lags:
            self.take_strings(c)
            self.take_lags(c)

    def take_sides(self, c: int) -> None:
        """Sides and letters."""
        if c in (40, 41, 60, 62):
            self.side, self.part = int(c in (40, 60)), 0
        else:
            self.kept[self.side] = (256 * self.kept[self.side] + c) & MASK64
            self.part = (256 * self.part + c) & MASK32
        if class_of(c) in (0, 1, 7):
            self.letters, self.then = (256 * self.letters + c) & MASK64, 0
            self.reading = min(self.reading + 1, 31)
        else:
            self.then, self.reading = (256 * self.then + c) & MASK32, 0

    def take_strings(self, c: int) -> None:
        """Strings."""
        if c in (40, 41, 60, 62):
            if c in (40, 60):
                if self.digits > 2 or self.shown:
                    self.end_word()
                self.half = 1
            self.hex = int(c == 60)
            self.digits = self.shown = 0
            self.since = c
            return
        self.since = (256 * self.since + c) & MASK32
        if not self.side:
            if 48 <= c <= 57:
                self.digits += 1
            elif c == 46:
                self.digits = 0
            elif class_of(c) in (0, 1):
                self.shown = 1
        elif self.hex and chr(c) in "0123456789ABCDEFabcdef":
            self.half = 16 * self.half + int(chr(c), 16)
            if self.half >= 256:
                b, self.half = self.half - 256, 1
                if b:
                    self.show(b, of_word=True)
        else:
            self.show(c, of_word=class_of(c) in (0, 1, 7) and not self.hex)
            self.hex = 0

    def show(self, b: int, of_word: bool) -> None:
        """To show a byte."""
        self.characters, self.since = (256 * self.characters + b) & MASK64, 0
        if of_word:
            self.spelt = (self.spelt + b + 1) * HASH_A & MASK32
        else:
            self.end_word()

    def end_word(self) -> None:
        """To end a word."""
        if self.spelt:
            self.spelt1, self.spelt = self.spelt, 0

    def take_lags(self, c: int) -> None:
        """Lags."""
        t, mean = len(self.bytes), self.mean
        known = range(min(t - 1, 8192), 0, -1)  # the greatest first: min takes the first of several
        for j in known:
            d = (c - self.bytes[t - 1 - j]) % 256
            mean[j] += 8 * min(d, 256 - d) - (mean[j] >> 5)
        if known:
            self.lag0 = min(known, key=mean.__getitem__)
            self.nearest = min(mean[self.lag0] >> 8, 31)
        others = [j for j in known if j != self.lag0]
        self.lag1 = min(others, key=mean.__getitem__, default=1)
        if t % 16 == 0 and t > 4:
            periods = range(1, min((t - 1) // 4, 1024) + 1)
            self.period = min(periods, key=lambda j: sum(mean[i * j] for i in (1, 2, 3, 4)))

    def take_word(self, c: int) -> None:
        """Word, format and specials."""
        lower = c | 32
        if 97 <= lower <= 122 or c >= 128:
            self.word = (self.word + lower + 1) * HASH_A & MASK32
        elif self.word:
            self.word2, self.word1, self.word = self.word1, self.word, 0
        v = class_of(c) + 1
        if v not in (1, 2, 3, 8) or v != self.format % 16:
            self.format = (16 * self.format + v) & 0xFFFF
        if class_of(c) not in (0, 1, 2, 3, 7):
            self.specials = (256 * self.specials + c) & 0xFFFF

    def take_line(self, c: int) -> None:
        """Line."""
        if c == NEWLINE:
            self.starts = [len(self.bytes), *self.starts[:2]]
            self.indent = self.first = self.fields = 0
            self.blank = True
            return
        if self.blank and c in (32, 9):
            self.indent = min(self.indent + 1, 255)
        elif self.blank:
            self.first, self.blank = c, False
        if c in (9, 34, 44, 58, 59, 124):
            self.fields = min(self.fields + 1, 255)

    def take_nest(self, c: int) -> None:
        """Nest."""
        within = list(self.nest.to_bytes(8, "little"))  # the innermost is the first
        if c in OPENING and OPENING[c] in within:
            self.nest >>= 8 * (within.index(OPENING[c]) + 1)
        elif c in (34, 39, 96) and c in within[:3]:
            self.nest >>= 8 * (within.index(c) + 1)
        elif c in (34, 39, 96, 40, 60, 91, 123):
            self.nest = (256 * self.nest + c) & MASK64
        elif c == NEWLINE:
            while self.nest & 255 in (34, 39, 96, 60):
                self.nest >>= 8

    def take_record(self, c: int) -> None:
        """Record."""
        t, (a, b, d) = len(self.bytes), self.seen[c]
        self.seen[c] = t, a, b
        distance = t - a
        if self.lags:
            last, times = self.even[c]
            times = times + 1 if distance == last else 1
            self.even[c] = distance, times
            if times < (6 if distance <= 10 else 4 if distance <= 32 else 0):
                return
        if distance < 2 or d == 0 or not distance == a - b == b - d:
            return
        one, two = self.candidates
        if distance == one[0]:
            one[1] += 1
        elif distance == two[0]:
            two[1] += 1
        else:
            (two if one[1] > two[1] else one)[:] = distance, 1
        for candidate in self.candidates:
            if candidate[1] > 15 and candidate[0] != self.record:
                self.record = candidate[0]
                one[1] = two[1] = 0

    def above(self, j: int, right: int) -> int:
        """Above(j, r)."""
        at = self.starts[j] + len(self.bytes) - self.starts[0] + right
        return self.bytes[at] if at < self.starts[j - 1] else 0

    def hash(self, name: str) -> int:
        """The hash of a context that is not a lane's own."""
        s1, word, pair = self.back(1), self.word, self.pair
        kind, _, number = name.partition(" ")
        if kind.isdigit():
            return order(int(kind), sum(self.back(i + 1) << (8 * i) for i in range(8)))
        if kind == "sparse":
            kept = [self.back(i + 1) << (8 * i) for i in range(4) if int(number) >> i & 1]
            return hash32(sum(kept), 65536 * int(number) + 1280)
        if kind == "followed":
            after = {"3": self.after3, "5": self.after5}[number]
            return hash32(after[self.hash(number) >> 12], 6400 + int(number))
        if name in FAR:
            return self.far_hash(name)
        if name in LAGS:
            return self.lag_hash(name)
        above = 256 * self.above(1, 0)
        column = min(len(self.bytes) - self.starts[0], 255)
        shape = [self.back(i) & 248 for i in range(1, 7)]
        t, record = len(self.bytes), self.record
        back, back2, back3 = (self.back(i * record) for i in (1, 2, 3))
        place = t % record
        halves = [self.back(i) & 240 for i in range(1, 5)]
        both = {
            "word": (word or pair, s1 + 256),
            "pair": (hash32(word, self.word1), s1 + 512),
            "skip": (hash32(word, self.word2), s1 + 768),
            "triple": (hash32(word, self.word1), self.word2 ^ 1024),
            "indent": (hash32(word, 256 * self.indent + self.first), s1 + 1536),
            "specials": (hash32(word, self.specials), s1 + 1792),
            "format": (self.format, s1 + 2048),
            "field": (256 * self.fields + self.above(1, 0), s1 + 2304),
            "above": (above + self.above(2, 0), s1 + 2560),
            "above word": (hash32(word, above + self.above(1, 1)), 2816),
            "record": (256 * back + s1, (self.record << 8) ^ 192),
            "record pair": (65536 * back + pair, (self.record << 8) ^ 194),
            "indirect": (65536 * s1 + self.after1[s1], 3328),
            "indirect pair": (65536 * pair + self.after2[pair], 3584),
            "nest": (self.nest & MASK32, s1 + 3840),
            "nest word": (hash32(self.nest & MASK32, word), s1 + 4096),
            "column": (column, s1 + 4352),
            "column above": (column + above, 4608),
            "shape": (
                sum(t << (8 * i) for i, t in enumerate(shape[:4])),
                (shape[4] + 256 * shape[5]) ^ 1245184,
            ),
            "specials format": (hash32(self.specials, self.format), s1 + 5120),
            "place": (place, (record << 8) ^ 196),
            "trend": ((2 * back - back2) % 256, 5632),
            "three above": (back + 256 * back2 + 65536 * back3, (record << 8) ^ 198),
            "sixteenth": (256 * (t % 16) + s1, 5888),
            "halves": (sum(half << (8 * i) for i, half in enumerate(halves)), 6144),
            "even": (self.back(2) + 256 * self.back(4) + 65536 * self.back(6), 6656),
            "far": (self.back(4) + 256 * self.back(8), 6912),
            "pair followed": (65536 * s1 + self.after2[pair], 7168),
            "field triple": (65536 * self.back(3) + pair, self.fields + 5376),
        }[name]
        return hash32(*both)

    def far_hash(self, name: str) -> int:
        """The same for those that designs 6 and 7 have."""
        tops = [self.back(i) & 224 for i in range(1, 7)]
        here, there = self.kept[self.side], self.kept[1 - self.side]
        both = {
            "nothing": (0, 7424),
            "tops": (
                sum(top << (8 * i) for i, top in enumerate(tops[:4])),
                (tops[4] + 256 * tops[5]) ^ 1966080,
            ),
            "letters": (order(5, self.letters), 7936 + (self.then != 0)),
            "letters then": (hash32(order(3, self.letters), self.then), 8192),
            "side": (order(4, here), 8448 + self.side),
            "other side": (hash32(order(3, there), self.part), 8704 + self.side),
        }[name]
        return hash32(*both)

    def lag_hash(self, name: str) -> int:
        """The same for those that only design 7 has."""
        s1, record, period = self.back(1), self.record, self.period
        near, side = self.back(self.lag0), self.side
        corner = self.back(record) + 256 * self.back(2 * record) + 65536 * s1
        row = near + 256 * self.back(self.lag0 + 1) + 65536 * self.back(self.lag0 + 2)
        of_record = near + 256 * self.back(record) + 65536 * s1
        two, five = (hash32(order(n, self.characters), self.since) for n in (2, 5))
        spelt = hash32(self.spelt, self.since)
        both = {
            "lag": (near + 256 * self.nearest, 8960),
            "second lag": (self.back(self.lag1) + 256 * self.nearest, 8961),
            "lag trend": ((self.back(2) + near - self.back(self.lag0 + 2)) % 256, 9216),
            "lag place": (hash32(near + 256 * s1, len(self.bytes) % record), 9472),
            "lag row": (hash32(row + (s1 << 24), self.back(2)), 11264),
            "lag corner": (of_record + (self.back(record + 1) << 24), (record << 8) ^ 204),
            "period trend": ((2 * self.back(period) - self.back(2 * period)) % 256, 9728),
            "four periods": (self.four(period), 9984),
            "four above": (self.four(record), (record << 8) ^ 200),
            "corner": (corner + (self.back(record + 1) << 24), (record << 8) ^ 202),
            "characters 2": (two, 10272 + side),
            "characters 5": (five, 10320 + side),
            "string word": (spelt, 10496 + side),
            "string pair": (hash32(spelt, self.spelt1), 10752 + side),
            "outside": (order(6, self.kept[0]), 11008 + side),
        }[name]
        return hash32(*both)

    def four(self, distance: int) -> int:
        """The bytes at the first four multiples of a distance, the nearest lowest."""
        return sum(self.back((i + 1) * distance) << (8 * i) for i in range(4))


# Section 2.5: bit histories


class History(NamedTuple):
    """Zeros, ones, and the last bit where it is told, else -1."""

    z: int
    o: int
    last: int


EMPTY = History(0, 0, -1)


def fits(z: int, o: int) -> bool:
    """Whether a history may have these counts."""
    return min(z, o) <= 5 and max(z, o) <= [20, 48, 15, 8, 6, 5][min(z, o)]


@cache
def after(history: History, bit: int) -> History:
    """The history after a bit."""
    x, y = (history.o, history.z) if bit else (history.z, history.o)
    x += 1
    if y > 5:
        y = min(y - 1, 7)
    while not fits(x, y):
        if y > 1:
            y -= 1
        else:
            x -= 1
    z, o = (y, x) if bit else (x, y)
    return History(z, o, bit if z > 0 and o > 0 and z + o <= 17 else -1)


def first_probability(history: History) -> int:
    """The first probability of a 1."""
    z, o, _ = history
    n = z + o
    if n == 0:
        return 32768
    if o == 0:
        return 65536 // (3 * n + 3)
    if z == 0:
        return 65536 - 65536 // (3 * n + 3)
    return (5 * o + 2) * 65536 // (5 * n + 4)


# Section 2.6: slots


class Slot:
    """A slot of either half; that of a lower half has no use for e, d and l."""

    def __init__(self) -> None:
        self.clear(0)

    def clear(self, check: int) -> None:
        """Makes the slot as it is at first, but for the check."""
        self.check = check
        self.e = self.d = self.l = 0
        self.histories = [EMPTY] * 16


class Table:
    """The lines that the contexts of a part share; what was never sought is not there."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.upper: dict[int, list[Slot]] = defaultdict(lambda: [Slot() for _ in range(3)])
        self.lower: dict[int, list[Slot]] = defaultdict(lambda: [Slot() for _ in range(4)])

    def slot(self, h: int, node: int, k: int) -> Slot:
        """The slot of a context's hash, emptied if it was another's."""
        m = mix(h, node)
        check = (m * HASH_C & MASK32) >> (16 if k == 0 else 24)
        line = (self.upper if k == 0 else self.lower)[m * self.lines >> 32]
        for slot in line:
            if slot.check == check:
                return slot
        slot = min(line, key=lambda slot: slot.histories[1].z + slot.histories[1].o)
        slot.clear(check)
        return slot


class Seat:
    """Where a lane stands in a context."""

    def __init__(self) -> None:
        self.hash = 0
        self.upper = self.slot = Slot()
        self.histories: list[History] = []
        self.e = self.d = self.l = self.v = 0
        self.history = EMPTY  # of this bit
        self.run: Experience | None = None  # of this bit, if the run expects
        self.bit = 0  # that the run expects


class Context:
    """One context of the design: its experience, and where its lanes stand."""

    def __init__(self, name: str, table: Table, texts: list[Text]) -> None:
        self.own = name.startswith("own ")
        self.name = name.removeprefix("own ")
        self.table, self.texts = table, texts
        self.seats = [Seat() for _ in texts]
        self.experience: dict[History, Experience] = {}
        self.runs: dict[tuple[int, int, int], Experience] = {}
        for u in range(16):
            v = (2**22 - 1) // (6 * u + 2)
            for d, w in enumerate((v, v + v // 2)):
                for k in range(8):
                    self.runs[u, d, k] = Experience(2**22 - 1 - min(w, 2**21 - 1), 6)

    def seek(self, lane: int, node: int, k: int) -> None:
        """Seek the slot of the half byte that begins with bit k."""
        seat = self.seats[lane]
        if k == 0:
            h = self.texts[lane].hash(self.name)
            seat.hash = (h ^ ((lane + 1) * HASH_A & MASK32)) * HASH_A & MASK32 if self.own else h
        slot = seat.slot = self.table.slot(seat.hash, node, k)
        seat.histories = slot.histories.copy()
        if k == 0:
            seat.upper, seat.e, seat.d, seat.l = slot, slot.e, slot.d, slot.l

    def predict(self, lane: int, k: int, node: int) -> tuple[int, int]:
        """Predict: the two inputs."""
        seat = self.seats[lane]
        seat.v = 1 << (k & 3) | node & ((1 << (k & 3)) - 1)
        seat.history = seat.histories[seat.v]
        known = self.of(seat.history).stretch()
        seat.run = None
        if seat.l == 0 or (seat.e | 256) >> (8 - k) != node:
            return known, 0
        seat.run = self.runs[min(seat.l, 15), seat.d, k]
        seat.bit = seat.e >> (7 - k) & 1
        return known, seat.run.stretch() * (1 if seat.bit else -1)

    def of(self, history: History) -> Experience:
        """The experience with a bit history."""
        if history not in self.experience:
            self.experience[history] = Experience(64 * first_probability(history), 6)
        return self.experience[history]

    def learn(self, lane: int, bit: int) -> None:
        """Learn a bit."""
        seat = self.seats[lane]
        if seat.history != EMPTY:
            self.of(seat.history).learn(bit, 1023)
        seat.histories[seat.v] = after(seat.history, bit)
        if seat.run:
            seat.run.learn(seat.bit == bit, 255)

    def write(self, lane: int, node: int, k: int) -> None:
        """Write the half byte that ends with bit k, after which the node is this."""
        seat = self.seats[lane]
        half = 16 | node & 15
        for v in (half >> 1, half >> 2, half >> 3, half >> 4):
            seat.slot.histories[v] = seat.histories[v]
        if k == 7:
            upper, c = seat.upper, node - 256
            if upper.l == 0:
                upper.l = 1
            elif upper.e == c:
                upper.l = min(upper.l + 1, 127)
            else:
                upper.d = upper.l = 1
            upper.e = c


# Section 2.7: matches


class Match:
    """The matches of one least length."""

    def __init__(self, least: int, slots: int, texts: list[Text]) -> None:
        self.least, self.slots, self.texts = least, slots, texts
        self.after: dict[int, tuple[int, int]] = {}
        self.places = [(0, 0)] * len(texts)
        self.lengths = [0] * len(texts)
        self.misses = [0] * len(texts)
        self.experience = [
            [Experience(2**22 - 2**23 // (3 * v + 6), 2) for _ in range(4)] for v in range(32)
        ]

    def take(self, symbols: list[int]) -> None:
        """Taking bytes, when all texts have theirs."""
        entries = [self.entry(text.bytes) for text in self.texts]
        for lane, c in enumerate(symbols):
            if self.lengths[lane] > 0:
                self.follow(lane, c)
            lost = self.misses[lane] > 0 and self.lengths[lane] < self.least
            place = self.after.get(entries[lane])
            if (self.lengths[lane] == 0 or lost) and place is not None:
                agreed = self.agreed(lane, place)
                if agreed >= self.least:
                    self.places[lane], self.lengths[lane], self.misses[lane] = place, agreed, 0
        for lane, entry in enumerate(entries):
            if entry >= 0:
                self.after[entry] = lane, len(self.texts[lane].bytes)

    def follow(self, lane: int, c: int) -> None:
        """Moves on by one byte."""
        other, number = self.places[lane]
        if self.texts[other].bytes[number] == c:
            self.lengths[lane] = min(self.lengths[lane] + 1, 65535)
        elif self.lengths[lane] >= 8 and self.misses[lane] < 8:
            self.misses[lane] += 1
            self.lengths[lane] //= 4
        else:
            self.lengths[lane] = 0
        self.places[lane] = other, number + 1

    def entry(self, text: list[int]) -> int:
        """E, or -1 where there is none."""
        if len(text) < self.least:
            return -1
        g = 0
        for b in text[-self.least :]:
            g = (g + b + 1) * HASH_A & MASK32
            g ^= g >> 15
        return (g * HASH_B & MASK32) >> (32 - self.slots)

    def agreed(self, lane: int, place: tuple[int, int]) -> int:
        """x: the bytes in which the text before a place and the lane's agree, at most 40."""
        other, number = place
        theirs, ours = self.texts[other].bytes, self.texts[lane].bytes
        x = 0
        while x < min(40, number, len(ours)) and theirs[number - 1 - x] == ours[-1 - x]:
            x += 1
        return x

    def experience_of(self, lane: int) -> Experience:
        """The experience with a lane's match."""
        length = self.lengths[lane]
        v = length if length < 16 else min(14 + length // 8, 31)
        return self.experience[v][min(self.misses[lane], 3)]

    def predict(self, lane: int, k: int, node: int) -> tuple[tuple[int, int], int]:
        """Predict: the two inputs, and the bit that is expected, -1 if none is."""
        if self.lengths[lane] == 0:
            return (0, 0), -1
        other, number = self.places[lane]
        e = self.texts[other].bytes[number]
        if (e | 256) >> (8 - k) != node:
            return (0, 0), -1
        experience, bit = self.experience_of(lane), e >> (7 - k) & 1
        sign = 1 if bit else -1
        return (sign * experience.stretch(), sign * ((experience.p - 2**21) >> 11)), bit

    def learn(self, lane: int, expected: int, bit: int) -> None:
        """Learn a bit, of which this one or, with -1, none was expected."""
        if expected >= 0:
            self.experience_of(lane).learn(expected == bit, 400)


# Section 2.8: mixer


class Maps:
    """The three adaptive probability maps; what was never learned is not in the dictionary."""

    def __init__(self) -> None:
        self.cells: dict[Cell, Experience] = {}
        self.first = [squash(clip(256 * (j - 12), LAST_STRETCH)) >> 2 for j in range(25)]

    def cell(self, at: Cell) -> Experience:
        """The experience of a map, a context of it, and j."""
        if at not in self.cells:
            self.cells[at] = Experience(self.first[at[-1]], 3)
        return self.cells[at]

    def refine(self, text: Text, node: int, x: int) -> tuple[list[Cell], int]:
        """Predict: the cells that learn, and the count f' of a 0."""
        j, r = divmod(min(max(x, -3072), 3071) + 3072, 256)
        maps = [(0, 256 * text.back(1) + node)]
        for number, these in ((1, text.pair), (2, 65536 * text.back(3) + 256 * text.back(2))):
            g = (these * HASH_A ^ node * HASH_B) & MASK32
            maps.append((number, ((g ^ (g >> 15)) * HASH_A & MASK32) >> 16))
        total = squash(x)
        for number, context in maps:
            low, high = (self.cell((number, context, at)).p for at in (j, j + 1))
            total += (low * (256 - r) + high * r) >> 6
        return [(*of, j + (r >> 7)) for of in maps], 2**24 - (total >> 2)

    def learn(self, cells: list[Cell], bit: int) -> None:
        """Learn a bit."""
        for at in cells:
            self.cell(at).learn(bit, 255)


# Section 2.9: transform


def undo_x86(changed: bytes) -> bytes:
    """The original of a block that transform 1 changed."""
    b = bytearray(changed)
    for i in range(len(b) - 4):
        if b[i] in (0xE8, 0xE9) and b[i + 4] in (0x00, 0xFF):
            a = int.from_bytes(b[i + 1 : i + 4], "little")
            b[i + 1 : i + 4] = ((a - i) % 2**24).to_bytes(3, "little")
    return bytes(b)


DIFFERENCES = {2: (1, 1), 3: (1, 3), 4: (1, 4), 5: (2, 1), 6: (2, 2)}
"""By transform, w and c."""


def undo_differences(changed: bytes, w: int, c: int) -> bytes:
    """The original of a block that transforms 2 to 6 changed."""
    whole = len(changed) // w * w
    v = [int.from_bytes(changed[at : at + w], "little") for at in range(0, whole, w)]
    for i in range(c, len(v)):
        v[i] = (v[i] + v[i - c]) % 256**w
    return b"".join(value.to_bytes(w, "little") for value in v) + changed[whole:]


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
    """Section 3: one lane's network state and its history."""

    def __init__(self, network: Network) -> None:
        shape = network.shape
        self.network = network
        self.h = [[0] * shape.state for _ in range(shape.layers)]
        self.past = [[[0] * shape.state] * shape.taps for _ in range(shape.layers)]
        self.recent = 0

    def step(self, byte: int) -> list[int]:
        """Section 3: takes the byte and makes one integer step; returns the evidence."""
        network = self.network
        arrays, dense = network.arrays, network.dense
        self.recent = (self.recent << 8 | byte) & MASK64
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
        wanted = tuple(weights_named(container))
        files = {identity_of(weights): weights for weights in weights_files}
        networks = {
            name: read_weights(data) for name, data in files.items() if name.startswith(wanted)
        }
        original = decode(container, networks)
    except ValueError as error:
        print(f"page_decoder: {error}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(original)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
