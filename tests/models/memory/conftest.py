"""Texts that the memory is tested with: each kind of content that some context is made for."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from data.samples import sample


def numbers(seed: int) -> Iterator[int]:
    """Bytes without end, the same wherever they are drawn: no library says how it draws."""
    block = 0
    while True:
        yield from hashlib.sha256(f"{seed} {block}".encode()).digest()
        block += 1


def random_bytes(length: int, choose: bytes = bytes(range(256)), seed: int = 0) -> bytes:
    """Bytes that are drawn from some, of which there are a power of two."""
    drawn = numbers(seed)
    return bytes(choose[next(drawn) % len(choose)] for _ in range(length))


def table(rows: int) -> bytes:
    """Lines of fields with several separators and quotes."""
    drawn = numbers(1)
    colours = (b"red", b"green", b"blue", b"grey")
    return b"".join(
        b'%d,%d,%s;"x%d"\t%d|\n'
        % (row, 7 * next(drawn), colours[next(drawn) & 3], next(drawn) & 7, row * 7 % 13)
        for row in range(rows)
    )


def nested(depth: int) -> bytes:
    """JSON that nests deeper than the memory tells, then brackets that close what is not open."""

    def value(depth: int) -> Any:
        inner = value(depth - 1) if depth else "'`\""
        return {f"k{depth}": [inner, {"a(b[c<d>": depth}, "it's"]}

    odd = "([{<" * 5 + '">}])' * 6 + "\n<\"'`\n\n))" + "\"a 'b' `c\"`" * 3
    return (
        json.dumps([value(depth), value(3)], indent=2) + json.dumps(value(depth)) + odd
    ).encode()


def records(number: int) -> bytes:
    """Records of 12 bytes, then of 7, then of 12."""
    drawn = numbers(2)

    def long(at: int) -> bytes:
        return struct.pack("<IHHI", at, next(drawn) & 3, 7, next(drawn) << 16)

    def short(at: int) -> bytes:
        return bytes([1, next(drawn) & 1, 0, 0, 9, at & 255, 2])

    longs = b"".join(map(long, range(number)))
    return longs + b"".join(map(short, range(number))) + longs[: 6 * number]


def program(length: int) -> bytes:
    """What an ELF file is like: a head, a table of symbols, names, and code with many calls."""
    drawn = numbers(3)
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQ", 3, 62, 1, 0x6F0, 64, 0x8000)
    symbols = b"".join(
        struct.pack("<IBBHQQ", 9 * at, 0x12, 0, 14, 0x1000 + 48 * at, 40 + (next(drawn) & 7))
        for at in range(25)
    )
    names = b"".join(b"_ZN4core%d\0" % (next(drawn) & 31) for _ in range(60))
    code = bytearray()
    while len(head) + len(symbols) + len(names) + len(code) < length:
        kind = next(drawn) & 3
        code += (
            b"\xe8" + struct.pack("<i", 0x400 - len(code)),
            b"\x48\x8b\x45" + bytes([0xF8 - 8 * (next(drawn) & 3)]),
            b"\x48\x89\xc7\x31\xc0",
            b"\xc3\x90\x90\x55\x48\x89\xe5",
        )[kind]
    return (head + symbols + names + bytes(code))[:length]


def far_repeats() -> bytes:
    """A passage that comes again, with errors, and turned around."""
    text = sample()[3000:3400]
    wrong = text[:90] + b"?" + text[91:200] + b"??" + text[202:]
    return text * 2 + wrong + wrong[:25] + b"#" + wrong[26:] + text[::-1] + text


def page(pieces: int) -> bytes:
    """Text as PDF shows it, letters and then glyphs, in pieces with numbers between them."""
    drawn = numbers(6)
    words = (b"stra", b"w", b"berr", b"ies ", b"and", b" crea", b"m\\(s\\)", b"3.5")
    shown = []
    for at in range(pieces):
        word = words[next(drawn) & 7]
        glyphs = b"<" + b"".join(b"%04x" % (letter - 29) for letter in word) + b">"
        shown.append(glyphs if at // 20 % 2 else b"(" + word + b")")
        near = b"-2%d" % (next(drawn) & 3)
        shown.append((near, b"]TJ\n/F1 9.96 Tf[", b"120.5 Td", b"12.5")[at % 4])
    return b"[" + b"".join(shown) + b"<div class='ab'>(an <ff) dead> beef<"


def wave(length: int) -> bytes:
    """Numbers of 16 bits in rows of 40, each little different from the one above."""
    drawn = numbers(7)
    rows = [1000 + 13 * column * column for column in range(20)]
    out = bytearray()
    while len(out) < length:
        rows = [value + (next(drawn) & 7) - 3 for value in rows]
        out += struct.pack("<20H", *rows)
    return bytes(out[:length])


@pytest.fixture(scope="session")
def texts() -> dict[str, bytes]:
    """The texts by name."""
    return {
        "text": sample()[:5000],
        "long": sample()[:20_000],
        "program": program(3000),
        "random": random_bytes(1500),
        "special": random_bytes(2000, b"()[]{}<>\"'`\n ,\t;:|.aZ0\x80\x00\rbc9!?-", 4),
        "sixteen": random_bytes(2000, b"abcdefghijklmnop", 5),
        "table": table(90),
        "nested": nested(11),
        "records": records(120),
        "same": b"a" * 5000,
        "turns": (b"\0" * 900 + b"\xff" * 900) * 2,
        "repeats": far_repeats(),
        "page": page(120),
        "wave": wave(8300),
    }
