"""Colours of JPEG: what comes from Y, u and v comes back from them, and nothing else is taken."""

from __future__ import annotations

import random

import numpy as np
import pytest

from coding import colours
from coding.colours import from_rgb, to_rgb


def held(value: int) -> int:
    return max(0, min(value, 255))


def colour(y: int, u: int, v: int) -> tuple[int, int, int]:
    """Red, green and blue, as the page says."""
    green = y + ((32768 - 22554 * u - 46802 * v) >> 16)
    red, blue = y + ((91881 * v + 32768) >> 16), y + ((116130 * u + 32768) >> 16)
    return held(red), held(green), held(blue)


def fields(width: int, height: int, seed: int, swing: int) -> bytes:
    """Y, u and v of a picture: slopes and noise, beyond all colours if they swing far."""
    source = random.Random(seed)
    return bytes(
        held(128 + (swing * (x + y * part - width // 2)) // width + source.randrange(-9, 10))
        for y in range(height)
        for x in range(width)
        for part in range(3)
    )


def test_colours_are_those_of_the_page() -> None:
    source = random.Random(1)
    triples = [tuple(source.randrange(256) for _ in range(3)) for _ in range(500)]
    rgb = to_rgb(bytes(part for triple in triples for part in triple), 30, False)
    assert rgb == bytes(part for y, u, v in triples for part in colour(y, u - 128, v - 128))
    # As any decoder of JPEG gives them: grey, and the red of (76, 85, 255).
    assert to_rgb(bytes([77, 128, 128, 76, 85, 255]), 6, False) == bytes([77, 77, 77, 254, 0, 0])


@pytest.mark.parametrize("blue_first", [False, True])
@pytest.mark.parametrize("swing", [30, 150, 600])
@pytest.mark.parametrize(
    ("row", "cut"), [(120, 0), (121, 0), (122, 1), (120, 2), (3, 0), (9999, 1)]
)
def test_a_picture_that_came_from_them_comes_back(
    row: int, cut: int, swing: int, blue_first: bool
) -> None:
    stretch = fields(40, 20, row, swing)
    stretch = stretch[: len(stretch) - cut]
    original = to_rgb(stretch, row, blue_first)
    assert len(original) == len(stretch)
    found = from_rgb(original, row, blue_first)
    assert found is not None
    assert to_rgb(found, row, blue_first) == original
    assert from_rgb(original, row, blue_first) == found
    if swing == 30:
        assert not {0, 255} & set(original)
        assert found == stretch, "a colour that is not held has one triple only"


def test_blue_first_is_the_other_order_and_what_is_left_of_a_row_stays() -> None:
    stretch = fields(20, 3, 1, 60)
    red_first, blue_first = to_rgb(stretch, 8, False), to_rgb(stretch, 8, True)
    for start in range(0, len(stretch), 8):
        row = blue_first[start : start + 8]
        back = b"".join(row[at : at + 3][::-1] for at in (0, 3))[: len(row) // 3 * 3]
        assert back + row[len(back) :] == red_first[start : start + 8]
        assert row[6:] == stretch[start + 6 : start + 8] or len(row) < 8


@pytest.mark.parametrize(
    "seen", [(255, 255, 200), (255, 0, 0), (0, 40, 90), (7, 255, 9), (255, 9, 7), (9, 7, 0)]
)
def test_the_least_of_the_triples_of_a_held_colour_is_taken(seen: tuple[int, int, int]) -> None:
    u, v = np.mgrid[-128:128, -128:128]
    best = None
    for y in range(256):
        red = np.clip(y + ((91881 * v + 32768) >> 16), 0, 255) == seen[0]
        green = np.clip(y + ((32768 - 22554 * u - 46802 * v) >> 16), 0, 255) == seen[1]
        blue = np.clip(y + ((116130 * u + 32768) >> 16), 0, 255) == seen[2]
        alike = red & green & blue
        for a, b in zip(u[alike].tolist(), v[alike].tolist(), strict=True):
            if best is None or (abs(a) + abs(b), a, b, y) < best:
                best = abs(a) + abs(b), a, b, y
    expected = None if best is None else bytes([best[3], best[1] + 128, best[2] + 128])
    assert from_rgb(bytes(seen), 3, False) == expected
    assert from_rgb(bytes(seen[::-1]), 3, True) == expected


def test_black_and_white_have_no_colour() -> None:
    black_and_white = bytes([0, 0, 0, 255, 255, 255])
    assert from_rgb(black_and_white, 6, False) == bytes([0, 128, 128, 255, 128, 128])


def test_where_no_component_is_held_there_is_one_triple_and_y_is_within_bounds() -> None:
    """What the search in a table rests on."""
    u, v = np.mgrid[-128:128, -128:128]
    red, blue = (91881 * v + 32768) >> 16, (116130 * u + 32768) >> 16
    green = (32768 - 22554 * u - 46802 * v) >> 16
    assert np.unique((red - green) * 4096 + blue - green).size == 1 << 16
    assert (np.minimum(np.minimum(red, green), blue) <= 0).all()
    assert (np.maximum(np.maximum(red, green), blue) >= 0).all()


def test_other_pictures_are_refused() -> None:
    source = random.Random(3)
    assert from_rgb(source.randbytes(300), 30, False) is None
    stretch = bytearray(to_rgb(fields(20, 20, 2, 30), 60, False))
    stretch[600] ^= 1
    assert from_rgb(bytes(stretch), 60, False) is None, "one number is another"
    for seen in [(255, 0, 0), (0, 0, 1), (254, 255, 254)]:
        assert from_rgb(bytes([9, 9, 9, *seen]), 6, False) is None, "no triple is held to this"


def test_nothing_and_less_than_a_three_stay() -> None:
    assert to_rgb(b"", 5, False) == from_rgb(b"", 5, False) == b""
    assert to_rgb(b"\x07\xff", 5, True) == from_rgb(b"\x07\xff", 5, True) == b"\x07\xff"


def test_a_big_picture_goes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    stretch = fields(50, 30, 4, 500)
    whole = to_rgb(stretch, 150, False)
    back = from_rgb(whole, 150, False)
    monkeypatch.setattr(colours, "AT_ONCE", 7)
    assert to_rgb(stretch, 150, False) == whole
    assert from_rgb(whole, 150, False) == back
