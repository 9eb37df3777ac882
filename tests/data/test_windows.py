"""Training windows depend on the step alone, continue one another, and go round the text's end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.windows import TextTooShort, window


def numbered(size: int) -> np.ndarray:
    """Text in which byte i is i mod 251: a prime, so that no lane's stride hides an error."""
    return (np.arange(size) % 251).astype(np.uint8)


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, int, int]:
    """(size, lanes, length) such that the text is long enough."""
    lanes = draw(st.integers(1, 9))
    length = draw(st.integers(1, 17))
    least = lanes * (length + 1)
    return draw(st.integers(least, 3 * least)), lanes, length


def slow_window(text: bytes, lanes: int, length: int, step: int) -> list[list[int]]:
    """The definition, byte by byte."""
    size = len(text)
    return [
        [text[(lane * (size // lanes) + step * length + row) % size] for lane in range(lanes)]
        for row in range(length + 1)
    ]


@given(shape=shapes(), step=st.integers(0, 10_000))
def test_a_window_is_its_definition_byte_by_byte(shape: tuple[int, int, int], step: int) -> None:
    size, lanes, length = shape
    text = numbered(size)
    assert window(text, lanes, length, step).tolist() == slow_window(
        text.tobytes(), lanes, length, step
    )


def test_shape_and_type() -> None:
    rows = window(numbered(1000), lanes=4, length=16, step=3)
    assert rows.shape == (17, 4)
    assert rows.dtype == np.uint8


def test_a_window_is_a_function_of_the_step_alone() -> None:
    text = numbered(1000)
    in_order = [window(text, 3, 20, step) for step in range(60)]
    for step in (59, 0, 31, 31, 7):
        assert np.array_equal(window(text, 3, 20, step), in_order[step])


@given(shape=shapes(), step=st.integers(0, 10_000))
def test_each_window_starts_with_the_last_row_of_the_one_before(
    shape: tuple[int, int, int], step: int
) -> None:
    size, lanes, length = shape
    text = numbered(size)
    assert np.array_equal(
        window(text, lanes, length, step)[-1], window(text, lanes, length, step + 1)[0]
    )


def test_a_lane_reads_on_round_the_end() -> None:
    text = numbered(100)
    last_lane = window(text, lanes=2, length=10, step=4)[:, 1]  # from 50 + 40 on
    assert last_lane.tolist() == [*range(90, 100), 0]


def test_far_steps_do_not_overflow() -> None:
    text = numbered(100)
    step = 10**12  # step * length is a multiple of 100: the same bytes as at the start
    assert np.array_equal(window(text, 2, 10, step), window(text, 2, 10, 0))


def test_too_short_a_text_is_refused_with_the_remedy() -> None:
    window(numbered(44), lanes=4, length=10, step=0)
    message = r"43 bytes is too short for 4 lanes of 11 bytes, which take 44: use fewer lanes"
    with pytest.raises(TextTooShort, match=message):
        window(numbered(43), lanes=4, length=10, step=0)
