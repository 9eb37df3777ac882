"""Section 10 of `coding/FORMAT.md`: originals of predicted blocks, from their parts.

A piece of `page_decoder.py`, and like it slow and written from the page alone. Section numbers and
names are those of the page, but for X(i) and D(i), which are `back` and `off`.
"""

from collections import defaultdict
from collections.abc import Iterator
from operator import mul
from typing import NamedTuple

from page_coding import LAST_STRETCH, RangeDecoder, Row, clip, lg, scale, squash
from page_deflate import Source, require

WIDE, SIGNED, HIGH_FIRST, COLOURS, BLUE_FIRST = 1, 2, 4, 8, 16

# Section 10.1: parts


class Head(NamedTuple):
    """What the parts say of one stretch."""

    gap: int
    m: int
    form: int
    s: int
    c: int
    row: int
    d: list[int]
    z: int

    @property
    def half(self) -> int:
        """H: numbers are from -H to H - 1."""
        return 2**15 if self.form & WIDE else 2**7

    @property
    def picture(self) -> bool:
        """Whether it is a picture, not sound."""
        return self.row > self.c


def original(parts: bytes, length: int) -> bytes:
    """The original of this length, of its parts. Raises ValueError for parts that are invalid."""
    source = Source(parts)
    k = source.varint()
    require(1 <= k <= 4096, "a predicted block of no stretches, or of too many")
    heads = [read_head(source) for _ in range(k)]
    require(sum(head.gap + head.m for head in heads) <= length, "too long stretches of a block")
    outside = Source(source.take(length - sum(head.m for head in heads)))
    streams = [source.take(head.z) for head in heads]
    require(source.left() == 0, "bytes behind the last stream of a predicted block")
    made = bytearray()
    for head, stream in zip(heads, streams, strict=True):
        made += outside.take(head.gap)
        made += stretch(head, stream)
    return bytes(made) + outside.take(outside.left())


def read_head(source: Source) -> Head:
    """One head, its fields checked."""
    gap, m, form, s = source.varint(), source.varint(), source.byte(), source.byte()
    c, row, n = source.byte(), source.varint(), source.byte()
    require(form < 32, "unknown bits of a stretch's form")
    if form & COLOURS:
        require(form & (WIDE | SIGNED | HIGH_FIRST) == 0, "colours of numbers that cannot be")
        require(c == 3, "colours of other than three channels")
    else:
        require(form & BLUE_FIRST == 0, "blue first without colours")
    require(form & WIDE == 0 or m % 2 == 0, "half a number at the end of a stretch")
    require(4 <= s <= 12, "invalid window of a stretch")
    require(1 <= c <= 8 and row >= c, "invalid channels or row of a stretch")
    require(1 <= n <= 32, "invalid number of distances")
    d = [source.varint() for _ in range(n)]
    require(all(1 <= distance <= 2**27 for distance in d), "invalid distance of a stretch")
    z = source.varint()
    require(z % 4 == 0, "a stretch's stream is no whole number of words")
    return Head(gap, m, form, s, c, row, d, z)


# Section 10.2: numbers


def stretch(head: Head, stream: bytes) -> bytes:
    """The original's bytes of a stretch."""
    numbers = Numbers(head, RangeDecoder(stream))
    for _ in range(head.m // (2 if head.form & WIDE else 1)):
        numbers.decode()
    if head.form & COLOURS:
        return pixels(numbers.x, head.row, bool(head.form & BLUE_FIRST))
    return plain(numbers.x, head.form, head.half)


def plain(x: list[int], form: int, half: int) -> bytes:
    """The original's numbers, without colours."""
    centre = 0 if form & SIGNED else half
    made = bytearray()
    for value in x:
        number = ((value + centre) % (2 * half)).to_bytes(2 if form & WIDE else 1, "little")
        made += number[::-1] if form & HIGH_FIRST else number
    return bytes(made)


def pixels(x: list[int], row: int, blue_first: bool) -> bytes:
    """The original's numbers, with colours."""
    made = bytearray()
    for start in range(0, len(x), row):
        line = x[start : start + row]
        threes = len(line) // 3 * 3
        for at in range(0, threes, 3):
            luma, u, v = line[at] + 128, line[at + 1], line[at + 2]
            red = luma + ((91881 * v + 2**15) >> 16)
            green = luma + ((2**15 - 22554 * u - 46802 * v) >> 16)
            blue = luma + ((116130 * u + 2**15) >> 16)
            pixel = [blue, green, red] if blue_first else [red, green, blue]
            made += bytes(min(max(value, 0), 255) for value in pixel)
        made += plain(line[threes:], 0, 128)
    return bytes(made)


class Numbers:
    """The numbers of a stretch so far, and the state that they have left."""

    def __init__(self, head: Head, source: RangeDecoder) -> None:
        self.head, self.source = head, source
        self.x, self.main = list[int](), list[int]()  # by place; main is M
        self.channels = [Channel(head) for _ in range(head.c)]
        self.mixer = Mixer(36 if head.picture else 24)

    def back(self, i: int) -> int:
        """X(i)."""
        return self.x[-i] if 1 <= i <= len(self.x) else 0

    def off(self, i: int) -> int:
        """D(i)."""
        return abs(16 * self.x[-i] - self.main[-i]) if 1 <= i <= len(self.x) else 0

    def held(self, e: int) -> int:
        """An expectation, held."""
        return min(max(e, -16 * self.head.half), 16 * self.head.half - 16)

    def decode(self) -> None:
        """Decodes the number of the next place, and does what is to be done after it."""
        h = len(self.x) % self.head.row % self.head.c
        channel = self.channels[h]
        y = [self.back(distance) for distance in self.head.d]
        first = self.held(channel.squares.expect(y))
        said = [] if self.head.picture else [chain.expect() for chain in channel.chains]
        others = self.of_picture(h) if self.head.picture else self.of_sound(first, said)
        e = [first, *map(self.held, others)]
        main = e[0 if self.head.picture else 3]
        around = self.around(h, e)
        means = channel.means_of(len(e), around)
        value = self.number(h, e, main, around, slopes(means))
        self.x.append(value)
        self.main.append(main)
        channel.squares.learn(y, value)
        channel.learn_chains(16 * value - first, said)
        for expected, row in zip(e, means, strict=True):
            for mean in row:
                mean.learn(min(4 * abs(16 * value - expected), 2**22 - 1))

    # Section 10.4: other expectations

    def of_picture(self, h: int) -> list[int]:
        """E[1] to E[8], not held."""
        c, row, back = self.head.c, self.head.row, self.back
        w, n, a, b = back(c), back(row), back(row + c), back(row - c)
        e = [16 * med(w, n, a), 16 * (w + b - n), 8 * (w + n) + 4 * (b - a)]
        e += [16 * (2 * w - back(2 * c)), 16 * (2 * n - back(2 * row))]
        if h == 0:
            return [*e, 16 * (n + b - back(2 * row - c)), 16 * w, 16 * n]
        e += [16 * (back(1) + w - back(c + 1)), 16 * (back(1) + n - back(row + 1))]
        beside = med(back(c + 1), back(row + 1), back(row + c + 1))
        return [*e, 16 * (back(1) + med(w, n, a) - beside)]

    def of_sound(self, first: int, said: list[int]) -> list[int]:
        """E[1] to E[5], not held, of E[0] and what the chains say."""
        w, w2 = self.back(self.head.c), self.back(2 * self.head.c)
        return [*(first + sum(said[:k]) for k in (1, 2, 3)), 16 * (2 * w - w2), 16 * w]

    # Section 10.5: situation

    def around(self, h: int, e: list[int]) -> "Around":
        """What is around the next place, of this channel and with these expectations."""
        c, row, off, back = self.head.c, self.head.row, self.off, self.back
        if self.head.picture:
            near = (2 * off(c) + 2 * off(row) + off(row - c) + off(row + c)) // 6
            far = off(2 * c) + off(2 * row) + off(row - 2 * c) + off(row + 2 * c)
            far = (6 * near + far) // 10
            w, n, a, b = back(c), back(row), back(row + c), back(row - c)
            slope = 8 * (abs(w - a) + abs(n - a) + abs(n - b))
        else:
            near = (2 * off(c) + off(2 * c) + off(3 * c)) // 4
            far = sum(off(i * c) for i in range(1, 17)) // 16
            slope = off(c)
        beside = off(1) if h > 0 else near
        spread = max(e[:6]) - min(e[:6])
        return Around(q(near), q(beside), q(far), q(slope), q(spread))

    # Section 10.6: bits of a number

    def number(
        self, h: int, e: list[int], main: int, around: "Around", slopes: list[list[int]]
    ) -> int:
        """The number of the next place, in whose stream are its bits."""
        r = (main + 8) >> 4
        low, high = -self.head.half - r, self.head.half - 1 - r  # l and u
        expected = [(e[i], slope) for i in range(len(e)) for slope in slopes[i]]
        unit = 1 if self.head.form & WIDE else 64
        lo, hi, j, node = low, high, 0, 1
        # G of each input, for lo - 1 and for hi.
        under, over = [0] * len(expected), [2**24] * len(expected)
        while lo < hi:
            cut = place_to_cut(lo, hi, low, high)
            middle = [
                squash(clip((16 * (cut + r) + 8 - about) * slope >> 16, LAST_STRETCH))
                for about, slope in expected
            ]
            inputs = [
                clip(
                    lg(2**7 * (g_hi - g_cut) + unit * (hi - cut))
                    - lg(2**7 * (g_cut - g_lo) + unit * (cut - lo + 1)),
                    3328,
                )
                for g_lo, g_cut, g_hi in zip(under, middle, over, strict=True)
            ]
            mixed = self.mixer.mix([111, *inputs], h, j, node, hi < 0, around)
            bit = self.source.bit(2**24 - squash(mixed.output))
            mixed.learn(bit)
            if bit:
                lo, under = cut + 1, middle
            else:
                hi, over = cut, middle
            j, node = j + 1, 2 * node + bit
        return r + lo


# Section 10.3: least squares


class LeastSquares:
    """The state of a channel's least squares."""

    def __init__(self, s: int, n: int) -> None:
        self.s, self.n, self.places = s, n, 0
        self.a = {(i, j): 0 for i in range(n) for j in range(i + 1)}
        self.b, self.w = [0] * n, [0] * n

    def expect(self, y: list[int]) -> int:
        """E[0], not held."""
        return scale(sum(map(mul, self.w, y)), 25)

    def learn(self, y: list[int], x: int) -> None:
        """What is done after a place."""
        for i, j in self.a:
            self.a[i, j] += 2**16 * y[i] * y[j] - (self.a[i, j] >> self.s)
        for i in range(self.n):
            self.b[i] += 2**16 * y[i] * x - (self.b[i] >> self.s)
        self.places += 1
        if self.places % 2 == 0:
            self.solve()

    def solve(self) -> None:
        """The weights, unless there is no solution."""
        n = self.n
        a = {(i, j): v + (2 ** (self.s + 6) if i == j else 0) for (i, j), v in self.a.items()}
        g = max([a[i, i] for i in range(n)] + [abs(b) for b in self.b])
        h = max(g.bit_length() - 33, 0)
        u, low = dict[tuple[int, int], int](), dict[tuple[int, int], int]()
        for i in range(n):
            for j in range(i):
                known = sum(low[i, k] * u[j, k] for k in range(j))
                u[i, j] = clip((a[i, j] >> h) - (known >> 29), 2**33)
                low[i, j] = u[i, j] * 2**29 // u[j, j]
            known = sum(low[i, k] * u[i, k] for k in range(i))
            u[i, i] = clip((a[i, i] >> h) + 2**8 - (known >> 29), 2**33)
            if u[i, i] < 1:
                return
        z = list[int]()
        for i in range(n):
            known = sum(low[i, k] * z[k] for k in range(i))
            z.append(clip((self.b[i] >> h) - (known >> 29), 2**33))
        for i in range(n - 1, -1, -1):
            known = sum(low[k, i] * self.w[k] for k in range(i + 1, n))
            self.w[i] = clip(z[i] * 2**29 // u[i, i] - (known >> 29), 2**35)


# Section 10.4: other expectations


def med(a: int, b: int, g: int) -> int:
    """Med(a, b, g)."""
    return min(max(a + b - g, min(a, b)), max(a, b))


class Chain:
    """The state of a chain."""

    def __init__(self, q: int, f: int) -> None:
        self.q, self.f = q, f
        self.v, self.g = [0] * q, [0] * q

    def expect(self) -> int:
        """What it says."""
        return clip(scale(sum(map(mul, self.g, self.v)), 24), 2**21)

    def learn(self, b: int, a: int) -> None:
        """What is done after a place where b came to it and it said a."""
        total = sum(v * v for v in self.v)
        step = (2**24 * self.f * (b - a)) // (256 * (self.q + 1) + total)
        self.g = [clip(g + scale(step * v, 10), 2**27) for g, v in zip(self.g, self.v, strict=True)]
        self.v = [clip(b, 2**21), *self.v[:-1]]


class Channel:
    """The state of a channel."""

    def __init__(self, head: Head) -> None:
        self.squares = LeastSquares(head.s, len(head.d))
        self.chains = [Chain(256, 10), Chain(32, 20), Chain(16, 30)]  # of sound
        # By expectation, k and situation.
        self.means = defaultdict[tuple[int, int, int], Mean](lambda: Mean(2 * head.half))

    def learn_chains(self, b: int, said: list[int]) -> None:
        """What is done after a place, with b[1] and what the chains said."""
        for chain, a in zip(self.chains, said, strict=False):  # in pictures none said anything
            chain.learn(b, a)
            b -= a

    def means_of(self, number: int, around: "Around") -> list[list["Mean"]]:
        """The means of so many expectations at a place, four of each."""
        situations = list(enumerate(around.situations()))
        return [[self.means[i, k, at] for k, at in situations] for i in range(number)]


# Section 10.5: situation


def q(v: int) -> int:
    """Q(v)."""
    return min((lg(v + 4) - 512) >> 7, 31)


class Around(NamedTuple):
    """Q of what is around a place."""

    near: int
    beside: int
    far: int
    slope: int
    spread: int

    def situations(self) -> Iterator[int]:
        """The situations of an expectation."""
        yield 32 * self.near + self.beside
        yield 32 * self.far + self.spread
        yield 32 * self.slope + self.near
        yield 0


class Mean:
    """How far an expectation was off in a situation, and the count of what that stands for."""

    def __init__(self, p: int) -> None:
        self.p, self.n = p, 0

    def learn(self, o: int) -> None:
        """Learns how far it was off."""
        self.p += scale((o - self.p) * (2**17 // (2 * self.n + 3)), 16)
        self.n = min(self.n + 1, 20)


def slopes(means: list[list[Mean]]) -> list[list[int]]:
    """S[i][k], of the means of the place."""
    return [
        [2900 * 2**16 // max((mean if mean.n else row[3]).p, 4) for mean in row] for row in means
    ]


# Section 10.6: bits of a number


def place_to_cut(lo: int, hi: int, low: int, high: int) -> int:
    """The cut of a number from lo to hi, which at first was from low to high (l to u)."""

    def c(v: int) -> int:
        return v if v < 3 else 2 * v - 2

    if lo == low and hi == high and lo < 0:
        return -1
    if lo >= 0 and hi == high:
        return min(c(lo), hi - 1)
    if hi < 0 and lo == low:
        return max(-2 - c(-1 - hi), lo)
    return (lo + hi) >> 1


# Section 10.7: mixing


class Mixed(NamedTuple):
    """What a bit's mixing rests on, for learning it."""

    inputs: list[int]
    rows: list[Row]  # of the sets
    outputs: list[int]  # of the sets
    last: Row
    output: int

    def learn(self, bit: int) -> None:
        """Learns the bit."""
        for row, output in zip(self.rows, self.outputs, strict=True):
            row.learn(self.inputs, output, bit)
        self.last.learn(self.outputs, self.output, bit)


class Mixer:
    """The sets and the last rows; rows that were never chosen are not in the dictionaries."""

    def __init__(self, number: int) -> None:
        first = [0] + [16384 // number] * number
        self.sets: list[dict[int, Row]] = [
            defaultdict(lambda: Row(first, 91, 300000, 500)) for _ in range(4)
        ]
        self.last: dict[int, Row] = defaultdict(lambda: Row([4096] * 4, 45, 14520000, 40000))

    def mix(
        self, inputs: list[int], h: int, j: int, node: int, under: bool, around: Around
    ) -> Mixed:
        """Mixes the inputs of a bit of channel h, before which the number has j bits."""
        d = min(j, 15)
        chosen = [
            32 * around.far + around.slope,
            32 * (8 * d + h) + around.spread,
            32 * (2 * d + under) + around.far,
            8 * node + h if j < 6 else 512 + 8 * (2 * d + under) + h,
        ]
        rows = [rows[at] for rows, at in zip(self.sets, chosen, strict=True)]
        outputs = [row.mix(inputs) for row in rows]
        last = self.last[8 * d + h]
        return Mixed(inputs, rows, outputs, last, last.mix(outputs))
