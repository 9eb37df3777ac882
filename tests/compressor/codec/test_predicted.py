"""Files of sound and pictures: found, smaller, restored to the byte, within the limits."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import pytest

import compressor
from coding import colours
from coding.container import Block, Kind
from coding.errors import Damaged
from coding.prediction import BLUE_FIRST, COLOURS, HIGH_FIRST, SIGNED, WIDE, Signal, Stretch
from compressor.codec import media, native, needs, pieces, trials
from compressor.codec.media import Finder
from data.samples import sample

pytestmark = pytest.mark.skipif(
    native.absent() is not None, reason="takes minutes without the native engine"
)


Compress = Callable[..., bytes]
Blocks = Callable[[bytes], list[Block]]
Kinds = Callable[[bytes], tuple[dict[str, int], dict[str, int]]]


def tones(number: int, channels: int, order: str = "<") -> bytes:
    """Oscillations that fade and begin anew, with some noise, in each channel another one."""
    source, state, numbers = random.Random(5), [[0, 900] for _ in range(channels)], list[int]()
    for at in range(number):
        for channel, (before, last) in enumerate(state):
            new = (
                (1996 - 4 * channel) * last // 1000 - 998 * before // 1000 + source.randrange(-9, 9)
            )
            if at % 900 == 899:
                new = 2000
            state[channel] = [last, max(-30_000, min(new, 30_000))]
            numbers.append(state[channel][1])
    return struct.pack(f"{order}{len(numbers)}h", *numbers)


def wave(number: int, channels: int = 1) -> bytes:
    """A WAV file, with a chunk before the numbers and one behind."""
    data = tones(number, channels)
    how = struct.pack("<HHIIHH", 1, channels, 44100, 88200 * channels, 2 * channels, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + how + b"note\3\0\0\0abc\0"
    chunks += b"data" + struct.pack("<I", len(data)) + data + b"LIST\4\0\0\0INFO"
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def aiff(number: int) -> bytes:
    data = tones(number, 2, ">")
    how = struct.pack(">HIH", 2, number, 16) + bytes(10)
    chunks = b"COMM" + struct.pack(">I", len(how)) + how
    chunks += b"SSND" + struct.pack(">III", len(data) + 8, 0, 0) + data
    return b"FORM" + struct.pack(">I", len(chunks) + 4) + b"AIFF" + chunks


def field(width: int, height: int, noise: int) -> list[list[int]]:
    """Rows of numbers around 0 that hardly differ from what their neighbours let expect."""
    source, rows = random.Random(6), [[0] * (width + 1)]
    for _ in range(height):
        above, row = rows[-1], [0]
        for x in range(width):
            mean = (240 * (row[x] + above[x + 1]) - 225 * above[x]) // 256
            row.append(mean + source.randrange(-noise, noise + 1))
        rows.append(row)
    return [row[1:] for row in rows[1:]]


def pixels(width: int, height: int, channels: int, fill: int = 0) -> bytes:
    """A soft picture whose channels are much alike, and whose rows end with so many zeros."""
    source, rows = random.Random(7), list[bytes]()
    for numbers in field(width, height, 3):
        shades = (number + source.randrange(3) for number in numbers for _ in range(channels))
        rows.append(bytes(max(0, min(128 + shade, 255)) for shade in shades) + bytes(fill))
    return b"".join(rows)


def bitmap(width: int, height: int) -> bytes:
    fill = -width * 3 % 4
    data = pixels(width, height, 3, fill)
    how = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + how + data


def tiff(width: int, height: int, order: str) -> bytes:
    """A TIFF file of one grey picture of 16 bits in three strips, its tags behind them."""
    numbers = [30_000 + number for row in field(width, height, 99) for number in row]
    data, start = struct.pack(f"{order}{len(numbers)}H", *numbers), 8
    third = height // 3 * width * 2
    starts = [start, start + third, start + 2 * third]
    sizes = [third, third, len(data) - 2 * third]
    place = start + len(data)
    entries = [(256, 4, [width]), (257, 4, [height]), (258, 3, [16]), (259, 3, [1])]
    entries += [(273, 4, starts), (277, 3, [1]), (279, 4, sizes)]
    further, lists = place + 2 + 12 * len(entries) + 4, b""
    tags = struct.pack(order + "H", len(entries))
    for tag, kind, values in entries:
        packed = struct.pack(order + str(len(values)) + ("H" if kind == 3 else "I"), *values)
        if len(packed) > 4:
            lists, packed = lists + packed, struct.pack(order + "I", further + len(lists))
        tags += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    first = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", place)
    return first + data + tags + bytes(4) + lists


FILES = {
    "wave": wave(9000),
    "wave-of-two-channels": wave(8000, 2),
    "aiff": aiff(8000),
    "bitmap": bitmap(101, 60),
    "ppm": b"P6\n# by hand\n100 80\n255\n" + pixels(100, 80, 3),
    "pgm": b"P5 160 120 255\n" + pixels(160, 120, 1),
    "tiff-low-first": tiff(120, 90, "<"),
    "tiff-high-first": tiff(120, 90, ">"),
}
FORMS = {
    "wave": (WIDE | SIGNED, 1, 1),
    "wave-of-two-channels": (WIDE | SIGNED, 2, 2),
    "aiff": (WIDE | SIGNED | HIGH_FIRST, 2, 2),
    "bitmap": (COLOURS | BLUE_FIRST, 3, 304),
    "ppm": (COLOURS, 3, 300),
    "pgm": (0, 1, 160),
    "tiff-low-first": (WIDE, 1, 120),
    "tiff-high-first": (WIDE | HIGH_FIRST, 1, 120),
}
DATA = {
    "wave": tones(9000, 1),
    "wave-of-two-channels": tones(8000, 2),
    "aiff": tones(8000, 2, ">"),
    "bitmap": pixels(101, 60, 3, 1),
    "ppm": pixels(100, 80, 3),
    "pgm": pixels(160, 120, 1),
}


@pytest.mark.parametrize("name", FILES)
def test_headers_tell_where_numbers_lie(name: str) -> None:
    original = b"something else before it" + FILES[name] + b"and behind"
    (found,) = Finder().stretches(original)
    assert (found.signal.form, found.signal.channels, found.signal.row) == FORMS[name]
    assert found.signal.is_sound()
    if name in DATA:
        assert original[found.start : found.start + found.size] == DATA[name]


@pytest.mark.parametrize("name", FILES)
def test_any_part_of_a_header_is_harmless(name: str) -> None:
    """Cut anywhere, and with any byte of what tells its form changed."""
    original, source = FILES[name], random.Random(7)
    for end in range(0, 200):
        Finder().stretches(original[:end])
    for _ in range(400):
        spoilt = bytearray(original)
        for _ in range(source.randrange(1, 4)):
            place = source.choice([source.randrange(70), -source.randrange(1, 130)])
            spoilt[place] = source.randrange(256)
        ends = [0]
        for found in Finder().stretches(bytes(spoilt)):
            assert found.signal.is_sound()
            assert ends[-1] <= found.start < found.start + found.size <= len(spoilt)
            ends.append(found.start + found.size)


def test_text_has_no_stretches() -> None:
    assert Finder().stretches(sample()[:200_000]) == []


def test_a_stretch_goes_on_in_the_next_blocks() -> None:
    original = FILES["wave-of-two-channels"]
    (whole,) = Finder().stretches(original)
    for length in (9_001, 10_000, 12_002):
        finder, covered = Finder(), 0
        for at in range(0, len(original), length):
            block = original[at : at + length]
            for start, size, signal in finder.stretches(block):
                assert signal == whole.signal
                assert (at + start - whole.start) % 4 == 0 and size % 2 == 0
                covered += size
        # What is too short at an end is left.
        assert whole.size - media.LEAST_STRETCH - 12 < covered <= whole.size


@pytest.mark.parametrize("name", FILES)
def test_files_become_smaller_and_come_back(
    name: str, compressed: Compress, blocks: Blocks
) -> None:
    original = FILES[name]
    packed = compressed(original)
    assert [block.head.kind for block in blocks(packed)] == [Kind.PREDICTED]
    assert 20 * len(packed) < 19 * len(compressed(original, unpack=False))
    assert compressor.decompress(packed) == original


@pytest.mark.parametrize("name", DATA)
def test_files_that_are_cut_off_come_back(name: str, compressed: Compress, blocks: Blocks) -> None:
    """Wherever that is: within a number, a pixel or a row. What tells of numbers is before them."""
    for cut in range(700, 706):
        original = FILES[name][:-cut]
        packed = compressed(original)
        assert [block.head.kind for block in blocks(packed)] == [Kind.PREDICTED]
        assert compressor.decompress(packed) == original


@pytest.mark.parametrize("number", range(16_388, 16_392))
def test_sound_of_any_length_comes_back(number: int, compressed: Compress, blocks: Blocks) -> None:
    """An eighth of it, which is the sample, may end within a number; that was an error once."""
    original = wave(number)
    packed = compressed(original)
    assert [block.head.kind for block in blocks(packed)] == [Kind.PREDICTED]
    assert compressor.decompress(packed) == original


def test_without_the_engine_the_same_is_written_and_read(
    monkeypatch: pytest.MonkeyPatch, compressed: Compress, blocks: Blocks
) -> None:
    monkeypatch.setattr(media, "LEAST_STRETCH", 1 << 10)
    monkeypatch.setattr(trials, "LEAST_PREDICTED", 1 << 9)
    original = b"P5 64 50 255\n" + pixels(64, 50, 1)
    packed = compressed(original)
    assert [block.head.kind for block in blocks(packed)] == [Kind.PREDICTED]
    monkeypatch.setattr(trials.native, "at_hand", lambda: False)
    assert compressed(original) == packed
    assert compressor.decompress(packed) == original


def test_what_prediction_does_not_help_is_left_alone(compressed: Compress, blocks: Blocks) -> None:
    noise = random.Random(1).randbytes(30_000)
    flat = b"P6 100 100 255\n" + (b"abc" * 100 + b"xyz" * 200) * 33
    for numbers in (noise, sample()[:30_000]):
        header = FILES["wave"][:60]
        for original in (header + numbers, flat):
            packed = compressed(original)
            assert all(block.head.kind != Kind.PREDICTED for block in blocks(packed))
            assert packed == compressed(original, unpack=False)
            assert compressor.decompress(packed) == original


def test_several_files_in_one_and_in_several_blocks(
    monkeypatch: pytest.MonkeyPatch, compressed: Compress, blocks: Blocks
) -> None:
    original = b"text between them".join(
        [FILES["wave"], FILES["ppm"], sample()[:5000], FILES["aiff"]]
    )
    packed = compressed(original)
    (block,) = blocks(packed)
    assert block.head.kind == Kind.PREDICTED
    assert compressor.decompress(packed) == original
    monkeypatch.setattr(pieces, "GRANULE", 1 << 14)
    monkeypatch.setattr(needs, "LEAST_BLOCK", 1 << 14)
    bounded = compressed(original, max_memory=60_000_000)
    assert compressor.decompress(bounded) == original
    assert Kind.PREDICTED in {block.head.kind for block in blocks(bounded)}


def test_progress_adds_up_and_bounds_on_memory_hold(
    told_of: Callable[[bytes], bytes], needed_by: Callable[[bytes, bytes], int]
) -> None:
    original = FILES["wave"]
    packed = told_of(original)
    needed_by(packed, original)


def test_inspect_and_the_switch(kinds_either_way: Kinds) -> None:
    with_it, without = kinds_either_way(FILES["wave"])
    assert with_it == {"predicted": 1}
    assert without.keys() <= {"raw", "mixed"}


def test_after_a_prepared_memory_there_is_no_such_block(
    compressed: Compress, blocks: Blocks, refused_after_a_memory: Callable[[bytes], None]
) -> None:
    packed = compressed(FILES["pgm"])
    assert [block.head.kind for block in blocks(packed)] == [Kind.PREDICTED]
    refused_after_a_memory(packed)


def test_a_flipped_bit_in_the_parts_is_noticed(holding: Callable[..., bytes]) -> None:
    """Whatever the parts say, their checksums hold, and the original's does not."""
    original = tones(300, 1)
    signal = Signal(WIDE | SIGNED, 8, 1, 1, (1, 2))
    parts = b"".join(trials.in_streams(original, [Stretch(0, 600, signal)]))
    for at in range(len(parts)):
        spoilt = parts[:at] + bytes([parts[at] ^ 1]) + parts[at + 1 :]
        with pytest.raises(Damaged):
            compressor.decompress(holding(Kind.PREDICTED, spoilt, 700))


@pytest.mark.parametrize("name", ["bitmap", "ppm"])
def test_a_picture_that_was_jpeg_is_told_by_its_colours(
    name: str, compressed: Compress, blocks: Blocks
) -> None:
    """It takes clearly less than with one pixel that no JPEG has."""
    (found,) = Finder().stretches(FILES[name])
    start, size, signal = found
    blue_first = bool(signal.form & BLUE_FIRST)
    told = bytes(128 + (shade - 128) // 4 for shade in FILES[name][start : start + size])
    picture = colours.to_rgb(told, signal.row, blue_first)
    original = FILES[name][:start] + picture + FILES[name][start + size :]
    spoilt = bytearray(original)
    spoilt[start : start + 3] = b"\xff\0\0"
    sizes = []
    for one in (original, bytes(spoilt)):
        packed = compressed(one)
        (block,) = blocks(packed)
        assert block.head.kind == Kind.PREDICTED
        assert compressor.decompress(packed) == one
        sizes.append(len(packed))
    assert 10 * sizes[0] < 9 * sizes[1]
