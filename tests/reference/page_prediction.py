"""Section 10 of `coding/FORMAT.md`: originals of predicted blocks, from their parts.

A piece of `page_decoder.py`, and like it slow and written from the page alone. Section numbers are
those of the page.
"""

from typing import NamedTuple

from page_deflate import Source, require


class Head(NamedTuple):
    """Section 10.1: what the parts say of one stretch."""

    gap: int
    m: int
    form: int
    s: int
    c: int
    row: int
    d: list[int]


def original(parts: bytes, length: int) -> bytes:
    """The original of this length, of its parts. Raises ValueError for parts that are invalid."""
    source = Source(parts)
    k = source.varint()
    require(1 <= k <= 4096, "a predicted block of no stretches, or of too many")
    heads = [read_head(source) for _ in range(k)]
    require(source.left() == length, "a predicted block of another length")
    made = bytearray()
    for head in heads:
        made += source.take(head.gap)
        made += stretch(source.take(head.m), head)
    return bytes(made) + source.take(source.left())


def read_head(source: Source) -> Head:
    """Section 10.1: one head, its fields checked."""
    gap, m, form, s = source.varint(), source.varint(), source.byte(), source.byte()
    c, row, n = source.byte(), source.varint(), source.byte()
    require(form < 8, "unknown bits of a stretch's form")
    require(4 <= s <= 12, "invalid window of a stretch")
    require(1 <= c <= 8 and row >= c, "invalid channels or row of a stretch")
    require(1 <= n <= 32, "invalid number of distances")
    d = [source.varint() for _ in range(n)]
    require(all(1 <= distance <= 2**27 for distance in d), "invalid distance of a stretch")
    return Head(gap, m, form, s, c, row, d)


class Channel:
    """Section 10.3: the state of a channel."""

    def __init__(self, s: int, n: int) -> None:
        self.s, self.n, self.places = s, n, 0
        self.a = {(i, j): 0 for i in range(n) for j in range(i + 1)}
        self.b, self.w = [0] * n, [0] * n

    def after(self, y: list[int], x: int) -> None:
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
                u[i, j] = held((a[i, j] >> h) - (known >> 29))
                low[i, j] = u[i, j] * 2**29 // u[j, j]
            known = sum(low[i, k] * u[i, k] for k in range(i))
            u[i, i] = held((a[i, i] >> h) - (known >> 29))
            if u[i, i] < 1:
                return
        z = list[int]()
        for i in range(n):
            known = sum(low[i, k] * z[k] for k in range(i))
            z.append(held((self.b[i] >> h) - (known >> 29)))
        for i in range(n - 1, -1, -1):
            known = sum(low[k, i] * self.w[k] for k in range(i + 1, n))
            self.w[i] = held(z[i] * 2**29 // u[i, i] - (known >> 29), 2**35)


def held(x: int, most: int = 2**33) -> int:
    """Clip(x, most)."""
    return min(max(x, -most), most)


def stretch(residuals: bytes, head: Head) -> bytes:
    """Section 10.2: the original's bytes of a stretch."""
    width = 2 if head.form & 1 else 1
    half = 2 ** (8 * width - 1)
    centre = 0 if head.form & 2 else half
    channels = [Channel(head.s, len(head.d)) for _ in range(head.c)]
    x, made = list[int](), bytearray()
    for t in range(len(residuals) // width):
        channel = channels[t % head.row % head.c]
        y = [x[t - d] if d <= t else 0 for d in head.d]
        total = sum(w * v for w, v in zip(channel.w, y, strict=True))
        expected = min(max((total + 2**28) >> 29, -half), half - 1)
        value = int.from_bytes(residuals[t * width : (t + 1) * width], "little") + expected
        value = (value + half) % (2 * half) - half
        x.append(value)
        channel.after(y, value)
        made += ((value + centre) % (2 * half)).to_bytes(
            width, "big" if head.form & 4 else "little"
        )
    return bytes(made) + residuals[len(made) :]
