"""What is expected of a number beside the least squares. ``coding/FORMAT.md``, section 10.4.

Expectations are in sixteenths of a number, and not held to what a number can be.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.signals.past import back, held

OF_PICTURES, OF_SOUND = 9, 6
"""How many there are, that of the least squares included."""


def of_picture(numbers: Sequence[int], channels: int, row: int, channel: int) -> list[int]:
    """All but the first: W, N, A and B are the numbers left, above, above left and right."""

    def x(places: int) -> int:
        return back(numbers, places)

    w, n, a, b = x(channels), x(row), x(row + channels), x(row - channels)
    plane = median(w, n, a)
    said = [
        16 * plane,
        16 * (w + b - n),
        8 * (w + n) + 4 * (b - a),
        16 * (2 * w - x(2 * channels)),
        16 * (2 * n - x(2 * row)),
    ]
    if channel == 0:
        return [*said, 16 * (n + b - x(2 * row - channels)), 16 * w, 16 * n]
    beside = x(1)
    step = plane - median(x(channels + 1), x(row + 1), x(row + channels + 1))
    return [
        *said,
        16 * (beside + w - x(channels + 1)),
        16 * (beside + n - x(row + 1)),
        16 * (beside + step),
    ]


def median(a: int, b: int, corner: int) -> int:
    """The plane through three corners, held between the two beside (LOCO-I, JPEG-LS)."""
    return held(a + b - corner, min(a, b), max(a, b))


def of_sound(numbers: Sequence[int], channels: int, first: int, chains: Sequence[int]) -> list[int]:
    """All but the first, which is given, from what its channel's chains say of what it leaves."""
    said = list[int]()
    for more in chains:
        first += more
        said.append(first)
    before = back(numbers, channels)
    return [*said, 16 * (2 * before - back(numbers, 2 * channels)), 16 * before]
