"""How the golden containers are made: the originals of their blocks, and what they are coded with.

Nothing here depends on what a library draws at random.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import pytest

from coding import colours, transforms
from coding.columns import Table
from coding.container import Design, Transform
from coding.deflate.stream import make
from coding.deflate.tokens import Plan
from coding.prediction import BLUE_FIRST, COLOURS, HIGH_FIRST, SIGNED, WIDE, Signal, Stretch
from compressor.codec import levels, weights_store
from data.samples import sample

GOLDEN = Path(__file__).parents[1] / "golden"
NANO = str(GOLDEN / "nano.kzw")


class Golden(NamedTuple):
    """How a container is made: each part is a block of its own, smaller than the program makes it.

    ``model`` is a weights file, None for the level's own, and with ``lonely`` there is none.
    ``lane`` are the bytes of a lane at least, and ``table_bytes`` those of the tables for each byte
    of a block, where they are not the program's, so that short blocks have several lanes and more
    than the least tables. ``transform`` is for blocks that are too short for a trial. With
    ``short`` it is in the short form. With ``whole`` it is what the program makes of the parts as
    one file, strings apart wherever there are any. ``stretches`` are predicted, or ``tables`` lie
    column by column, in one block of all. ``design`` is that of one lane where it is not the
    program's.
    """

    parts: list[bytes]
    level: int = levels.DEFAULT
    model: str | None = None
    lane: int = levels.LANE
    table_bytes: int | None = None
    transform: Transform | None = None
    short: bool = False
    whole: bool = False
    stretches: tuple[Stretch, ...] = ()
    tables: tuple[Table, ...] = ()
    lonely: bool = False
    design: Design | None = None

    @property
    def original(self) -> bytes:
        return b"".join(self.parts)


def _records(number: int) -> bytes:
    """Records of 12 bytes whose numbers rise."""
    return b"".join(struct.pack("<IHHI", n, n * n % 7, 9, 1000 + 3 * n) for n in range(number))


def _shown(number: int) -> bytes:
    """Words within brackets with numbers between them, as PDF shows text, and tags."""
    words = [b"(W)83(ord)-250(by)-333(w)28(ord)", b"<b>", b"(Aw)83(a)-5(y)", b"</b>", b"<0041>7"]
    return b"\n".join(b"[%s] TJ %d" % (words[n * n % 5], n % 3) for n in range(number))


def _glyphs(number: int) -> bytes:
    """The same words as numbers of glyphs, between numbers of other lengths and operators."""
    words = [b"".join(b"%04X" % (letter - 29) for letter in of) for of in (b"Word", b"by", b"away")]
    gaps = [b"-8.302", b"-302", b" TJ /F1 7 Tf", b"-12"]
    shown = b"".join(b"<%s>%s" % (words[n % 3], gaps[n * n % 4]) for n in range(number))
    return shown + b"(a\\(b\\))<0a zz ab>"


def _page(text: bytes, *, octal: bool) -> bytes:
    """Words as a page of PDF shows them, in strings of all kinds."""

    def written(letters: bytes) -> bytes:
        if octal:
            return re.sub(rb"[()\\]|[^ -~]", lambda found: b"\\%03o" % found[0][0], letters)
        return re.sub(rb"[()\\]", rb"\\\g<0>", letters)

    def glyphs(letters: bytes) -> bytes:
        digits = b"".join(b"%04x" % ((letter - 29) % 256) for letter in letters)
        return digits.upper() if octal else digits

    shown = []
    for number, word in enumerate(text.split()):
        start, end = word[:2], word[2:] + b"\x05"
        if number % 4 == 0:
            shown.append(b"[(%s)28(%s)-250.5(a)]TJ" % (written(start), written(end)))
        elif number % 4 == 1:
            shown.append(b"[<%s>-300<%s>.5<0102>] TJ" % (glyphs(start), glyphs(end)))
        elif number % 4 == 2:
            shown.append(b"(%s)Tj 0 -12 Td" % written(b"%s (\xe9%s)" % (word, start)))
        else:
            shown.append(b"\xe2 (%s) Tj <%s> Tj (\\n) Tj" % (written(word), glyphs(word)))
    return b"\n".join(shown)


def _program(length: int) -> bytes:
    """Code of x86 that calls eight functions from everywhere."""
    places = [0x40, 0x1F0, 0x2A7, 0x300, 0x555, 0x6C0, 0x911, 0xA80]
    others = (b"\x48\x8b\x45\xf8", b"\x48\x89\xc7", b"\x31\xc0\xc3", b"\x55")
    code = bytearray()
    for drawn in b"".join(hashlib.sha256(bytes([n])).digest() for n in range(length // 256 + 1)):
        code += others[drawn >> 6]
        code += b"\xe8" + struct.pack("<i", places[drawn & 7] - len(code) - 5)
    return bytes(code[:length])


def _waves(length: int, channels: int, width: int) -> bytes:
    """Triangles of another period in each channel, as little-endian numbers of ``width`` bytes."""
    numbers = []
    for at in range(length):
        place, period = at // channels, 50 + 7 * (at % channels)
        height = abs((place + 3 * place * place % 5) % period - period // 2)
        numbers.append((height * (1 << 8 * width - 6)) % (1 << 8 * width))
    return b"".join(number.to_bytes(width, "little") for number in numbers)


def _document(*texts: bytes) -> bytes:
    """Streams of zlib and of raw deflate between lines, whatever zlib is at hand."""
    parts = [b"two streams:\n"]
    for number, text in enumerate(texts):
        # In the second stream a literal stands where zlib would have a match.
        correction = b"\0\x30\0" if number else b""
        parts.append(b"\x78\x9c" + make(text, Plan(6 + number, 15, False, False), correction, 9999))
        parts += [zlib.adler32(text).to_bytes(4, "big")] if number == 0 else [b"its end"]
    return b"".join(parts)


def _predicted() -> Golden:
    """Sound of two channels, a picture of bytes, one that was JPEG, and one of words."""
    sound, picture = _waves(240, 2, 2), bytearray()
    for at in range(3 * 12 * 9):
        pixel, channel = divmod(at, 3)
        picture.append((pixel % 12 * 20 + pixel // 12 * (7 + channel) + channel * at % 5) % 256)
    # Brightness and two differences, some so great that colours are held; one byte fills a row.
    told = b"".join(
        bytes([40 * x, 128 + 9 * y - 7 * x, 100 + 11 * y]) for y in range(8) for x in range(6)
    )
    filled = b"".join(told[18 * y : 18 * y + 18] + bytes([y]) for y in range(8))
    grey = b"".join(
        (n % 16 * 4000 + n // 16 * 300 + n * n % 11).to_bytes(2, "big") for n in range(90)
    )
    coloured = colours.to_rgb(filled, 19, blue_first=True)
    parts = [
        *(b"sound: ", sound, b"; a picture: ", bytes(picture)),
        *(b"in colours: ", coloured, b"another: ", grey, b" end"),
    ]
    signals = [
        Signal(WIDE | SIGNED, 5, 2, 2, tuple(range(1, 13))),
        Signal(0, 9, 3, 36, (1, 2, 3, 6, 33, 36, 39, 72)),
        Signal(COLOURS | BLUE_FIRST, 8, 3, 19, (1, 2, 3, 16, 19, 22)),
        Signal(WIDE | HIGH_FIRST, 12, 1, 16, (16, 1, 17)),
    ]
    starts = [sum(map(len, parts[:number])) for number in (1, 3, 5, 7)]
    sizes = [len(parts[number]) for number in (1, 3, 5, 7)]
    stretches = tuple(map(Stretch, starts, sizes, signals))
    return Golden([b"".join(parts)], level=1, stretches=stretches)


def _columns() -> Golden:
    """Records of 12 bytes, numbers of two with a byte too many, and rows that are few and wide."""
    numbers = b"".join((7 * n * n % 65_536).to_bytes(2, "little") for n in range(60)) + b"!"
    parts = [b"a table: ", _records(60), numbers, b"two rows: ", bytes(range(200)) * 2, b" end"]
    starts = [sum(map(len, parts[:number])) for number in (1, 2, 4)]
    sizes = [len(parts[number]) for number in (1, 2, 4)]
    tables = tuple(map(Table, starts, sizes, (12, 2, 200)))
    return Golden([b"".join(parts)], level=1, tables=tables)


def _all() -> dict[str, Golden]:
    text = sample()
    lines = [json.dumps({"id": n, "square": n * n, "even": n % 2 == 0}) for n in range(18)]
    made = {
        "empty": Golden([]),
        "one-byte": Golden([b"x"]),
        "run": Golden([bytes(70_000)]),
        "every-byte": Golden([bytes(range(256))]),
        "text": Golden([text[:600]], model=NANO),
        "lanes": Golden([text[5000:5603]], model=NANO, lane=64),
        "repeats": Golden([text[3000:3200] * 3 + text[3000:3010] * 20], model=NANO, lane=256),
        "blocks": Golden(
            [text[7000:7301], b"-" * 500, bytes(range(200)), text[8000:8200]], model=NANO, lane=150
        ),
        "light-network": Golden([text[9000:9400]], level=4, model=NANO, lane=100),
        "records": Golden([_records(60)], level=3, lane=200, table_bytes=4096),
        "lines": Golden(["\n".join(lines).encode()], level=3),
        "light": Golden([text[11_000:12_000]], level=1),
        "program": Golden([_program(3000)], level=1),
    }
    made |= {
        "short-empty": Golden([], short=True),
        "short-raw": Golden([bytes(range(256))], short=True),
        "short-network": Golden([text[:150]], model=NANO, short=True),
        "short-light-network": Golden([text[500:600]], level=4, model=NANO, short=True),
        "short-lanes": Golden([text[5000:5603]], model=NANO, lane=64, short=True),
        "short-alone": Golden([b"abracadabra " * 5], level=1, short=True),
        "short-records": Golden([_records(60)], level=3, table_bytes=4096, short=True),
    }
    shown = _shown(60) + _records(20)
    made["wide"] = Golden([shown], level=9, lonely=True, design=Design.WIDE)
    made["lags"] = Golden([shown + _glyphs(20)], level=9, lonely=True)
    made["lags-network"] = Golden([text[:150]], level=9, model=NANO, design=Design.LAGS)
    made["rebuilt"] = Golden([_document(text[:700], text[300:900])], level=1, whole=True)
    made["predicted"] = _predicted()
    made["columns"] = _columns()
    letters = base64.b64encode(text[4000:4500])
    mail = b"\r\n".join(letters[at : at + 76] for at in range(0, len(letters), 76))
    made["base64"] = Golden([b"two texts: " + letters + b".\n" + mail], level=1, whole=True)
    document = base64.b64encode(_document(text[:700], text[300:900]))
    made["base64-rebuilt"] = Golden([b"a document: " + document], level=1, whole=True)
    page, plain = _page(text[6000:6400], octal=True), _page(text[6400:6700], octal=False)
    between = b"%d 0 m\n" % 7 * 200
    made["strings"] = Golden([b"BT " + page + between + page[:400] + b" ET"], level=1, whole=True)
    made["strings-plain"] = Golden([plain + page[:300]], level=1, whole=True)
    made["rebuilt-strings"] = Golden([_document(page, text[300:700])], level=1, whole=True)
    document = base64.b64encode(_document(text[:500], page))
    made["base64-rebuilt-strings"] = Golden([b"a page: " + document], level=1, whole=True)
    for transform, (width, channels) in transforms.DIFFERENCES.items():
        # A byte more, which belongs to no number of two.
        part = _waves(300, channels, width) + b"!"
        name = transform.name.lower().replace("_", "-")
        made[name] = Golden([part], level=1, transform=transform)
    for level in levels.LEVELS:
        made[f"level-{level}"] = Golden([text[2000 : 2040 if level > 7 else 2080]], level)
    return made


@pytest.fixture(scope="session")
def golden() -> dict[str, Golden]:
    """The containers in tests/golden/decode by name."""
    return _all()


@pytest.fixture(scope="session")
def originals(golden: dict[str, Golden]) -> dict[str, bytes]:
    """The original of each container in tests/golden/decode, by name."""
    return {name: how.original for name, how in golden.items()}


@pytest.fixture(autouse=True)
def _golden_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program finds the weights in tests/golden."""
    monkeypatch.setenv(weights_store.FOLDER_VARIABLE, str(GOLDEN))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for ``golden_name`` runs once for each container."""
    if "golden_name" in metafunc.fixturenames:
        metafunc.parametrize("golden_name", _all())
