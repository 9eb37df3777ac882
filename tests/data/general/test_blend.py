"""Documents with enwik8 between them: all of them, whole, in order, with the share wanted."""

from __future__ import annotations

import numpy as np
import pytest

from data.general.blend import ONE_IN, PIECE, blend

WIKI = np.arange(8 * PIECE, dtype=np.uint32).view(np.uint8)[: 7 * PIECE + 5]
"""Text whose pieces differ."""


def documents(lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Documents of these lengths, each of its own byte, and where they begin."""
    text = np.repeat(np.arange(1, len(lengths) + 1), lengths).astype(np.uint8)
    return text, np.cumsum([0, *lengths])[:-1]


def pieces_in(blended: bytes) -> list[int]:
    """Numbers of the pieces in a text, in its order."""
    places = {blended.find(WIKI[at * PIECE : (at + 1) * PIECE].tobytes()): at for at in range(7)}
    return [places[place] for place in sorted(places) if place >= 0]


@pytest.mark.parametrize("lengths", [[3 * PIECE] * 9, [20 * PIECE, 5], [100] * 1000, [7]])
def test_documents_stand_whole_and_in_order_and_a_sixth_is_of_enwik8(lengths: list[int]) -> None:
    text, starts = documents(lengths)
    blended = blend(text, starts, WIKI).tobytes()
    numbers = pieces_in(blended)
    assert len(numbers) == min(7, text.size // (ONE_IN - 1) // PIECE)
    rest = blended
    for number in numbers:
        piece = WIKI[number * PIECE : (number + 1) * PIECE].tobytes()
        assert rest.count(piece) == 1
        rest = rest.replace(piece, b"")
    assert rest == text.tobytes()


def test_pieces_stand_between_documents_and_come_from_all_over() -> None:
    text, starts = documents([5 * PIECE] * 9)
    blended = blend(text, starts, WIKI)
    numbers = pieces_in(blended.tobytes())
    assert sorted(numbers) == list(range(7)), "when all are used, each is used once"
    assert numbers != list(range(7))
    for at in range(7):
        place = blended.tobytes().find(WIKI[at * PIECE : (at + 1) * PIECE].tobytes())
        assert place % PIECE == 0
        assert (place // PIECE + 1) % 6 == 0, "after each document of five pieces"


def test_without_enwik8_documents_are_as_they_were() -> None:
    text, starts = documents([2 * PIECE] * 20)
    assert blend(text, starts, WIKI[: PIECE - 1]).tobytes() == text.tobytes()
    assert blend(text[:0], starts[:0], WIKI).size == 0
